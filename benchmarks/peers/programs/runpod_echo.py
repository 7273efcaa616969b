"""RunPod's own local server: a worker program, started with ``--rp_serve_api`` and the port."""

from typing import Any

import runpod


def handler(job: dict[str, Any]) -> Any:
    return job["input"]["value"]


if __name__ == "__main__":
    runpod.serverless.start({"handler": handler})
