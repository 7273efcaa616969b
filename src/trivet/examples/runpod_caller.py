"""A program that calls with RunPod's own package, as its users write them. The demo runs it against the platform.

It is told where the platform is by ``RUNPOD_API_KEY`` and ``RUNPOD_ENDPOINT_BASE_URL``, and by its arguments which endpoints
to call: workers written for RunPod with a plain, a streaming and an async handler, and the bundled greeting, which is none.
Each step is a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import runpod


def tell(what: str, result: object, began: float) -> None:
    """Writes one step: what was done, what came of it, and how many seconds it took."""
    step = {"what": what, "result": result, "seconds": time.perf_counter() - began}
    sys.stdout.write(f"{json.dumps(step)}\n")
    sys.stdout.flush()


def main(*endpoint_ids: str) -> None:
    """Calls four endpoints in the package's ways."""
    runpod.api_key = os.environ["RUNPOD_API_KEY"]
    plain, streaming, slow, greeting = (runpod.Endpoint(endpoint_id) for endpoint_id in endpoint_ids)

    began = time.perf_counter()
    output = plain.run_sync({"prompt": "Hello, World!"}, timeout=60)
    tell(f"runpod {runpod.__version__}, run_sync", output["text"], began)

    began = time.perf_counter()
    tell("run_sync of a decorated function", greeting.run_sync({"name": "Bond", "times": 2}), began)

    began = time.perf_counter()
    job = streaming.run({"input": {"prompt": "Hello!"}})
    pieces = list(job.stream())
    tell(f"stream, {len(pieces)} pieces", pieces, began)

    began = time.perf_counter()
    job = slow.run({"steps": 100, "seconds": 100})
    tell("run, and its progress", progress_of(job), began)

    began = time.perf_counter()
    job.cancel()
    tell("cancel", job.status(), began)

    began = time.perf_counter()
    health = plain.health()
    tell("health", {"completed": health["jobs"]["completed"], "idle": health["workers"]["idle"]}, began)


def progress_of(job: Any) -> object:
    """What a running job says first; its output, should it end before."""
    while True:
        said = job.output()
        if said is not None or job.status() not in {"IN_QUEUE", "IN_PROGRESS"}:
            return said
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
