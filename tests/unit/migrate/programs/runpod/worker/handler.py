"""A worker that makes pictures of words, and keeps them in a bucket."""

import os

import runpod
from runpod.serverless.utils import rp_upload
from runpod.serverless.utils.rp_validator import validate

SCHEMA = {"prompt": {"type": str, "required": True}, "steps": {"type": int, "required": False, "default": 20}}


def handler(job):
    checked = validate(job["input"], SCHEMA)
    if "errors" in checked:
        return {"error": checked["errors"]}
    paths = []
    for step in range(checked["validated_input"]["steps"]):
        runpod.serverless.progress_update(job, f"step {step}")
    for position, path in enumerate(paths):
        paths[position] = rp_upload.upload_image(job["id"], path)
    return {"images": paths, "refresh_worker": True}


if __name__ == "__main__":
    runpod.serverless.start({"handler": handler, "concurrency_modifier": lambda current: int(os.environ["AT_ONCE"])})
