"""What a job may say."""

INPUT_SCHEMA = {
    "prompt": {"type": str, "required": True},
    "negative_prompt": {"type": str, "required": False, "default": ""},
    "image_url": {"type": str, "required": False, "default": None},
    "width": {"type": int, "required": False, "default": 1024, "constraints": lambda width: width % 8 == 0},
    "height": {"type": int, "required": False, "default": 1024, "constraints": lambda height: height % 8 == 0},
    "num_images": {"type": int, "required": False, "default": 1, "constraints": lambda count: 0 < count < 5},
    "num_inference_steps": {"type": int, "required": False, "default": 25},
    "guidance_scale": {"type": float, "required": False, "default": 7.5},
    "seed": {"type": int, "required": False, "default": 0},
}
