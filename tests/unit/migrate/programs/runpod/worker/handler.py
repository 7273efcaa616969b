"""A worker that makes pictures of words, or of words and a picture, and keeps them in a bucket."""

import functools
import os
import time

import pictures
import runpod
from runpod.serverless.modules.rp_logger import RunPodLogger
from runpod.serverless.utils import rp_cuda, rp_download, rp_upload
from runpod.serverless.utils.rp_cleanup import clean
from runpod.serverless.utils.rp_validator import validate
from schemas import INPUT_SCHEMA

console = RunPodLogger()


@functools.cache
def load():
    """Loads the model once for all jobs of this worker."""
    started = time.perf_counter()
    device = "cuda" if rp_cuda.is_available() else "cpu"
    model = pictures.Model(os.environ.get("MODEL", "/models/base"), device=device)
    console.info(f"loaded on {device} in {time.perf_counter() - started:.1f} s")
    return model


def check(job_input):
    checked = validate(job_input, INPUT_SCHEMA)
    if "errors" in checked:
        return None, {"error": "; ".join(checked["errors"])}
    wanted = checked["validated_input"]
    if wanted["width"] * wanted["height"] > 2048 * 2048:
        return None, {"error": "a picture may have 4 million points at most"}
    return wanted, None


def first_picture(job, wanted):
    """Fetches the picture that the caller starts from, if there is one."""
    if not wanted["image_url"]:
        return None
    paths = rp_download.download_files_from_urls(job["id"], [wanted["image_url"]])
    if paths[0] is None:
        raise ValueError("the picture can't be fetched")
    return paths[0]


def upload(job, paths):
    if not os.environ.get("BUCKET_ENDPOINT_URL"):
        console.warn("there is no bucket; pictures go back in the answer", job["id"])
        return [pictures.as_text(path) for path in paths]
    return [rp_upload.upload_image(job["id"], path) for path in paths]


def handler(job):
    wanted, refused = check(job["input"])
    if refused:
        console.error(f"refused: {refused['error']}", job["id"])
        return refused
    started = time.perf_counter()
    start_from = first_picture(job, wanted)
    paths = []
    for number in range(wanted["num_images"]):
        runpod.serverless.progress_update(job, f"picture {number + 1} of {wanted['num_images']}")
        try:
            paths.append(
                load().draw(
                    prompt=wanted["prompt"],
                    negative_prompt=wanted["negative_prompt"],
                    size=(wanted["width"], wanted["height"]),
                    steps=wanted["num_inference_steps"],
                    guidance=wanted["guidance_scale"],
                    seed=wanted["seed"] + number,
                    start_from=start_from,
                )
            )
        except pictures.OutOfMemory as error:
            console.error(str(error), job["id"])
            return {"error": str(error), "refresh_worker": True}
    images = upload(job, paths)
    clean(folder_list=["output", "jobs"])
    return {"images": images, "seed": wanted["seed"], "seconds": round(time.perf_counter() - started, 2)}


def concurrency(current):
    return int(os.environ.get("AT_ONCE", current))


if __name__ == "__main__":
    load()
    runpod.serverless.start({"handler": handler, "concurrency_modifier": concurrency})
