"""An async worker for RunPod, as it is: it says how far it is, and a cancel ends it at its next await."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import runpod


async def handler(job: dict[str, Any]) -> dict[str, Any]:
    """Takes ``seconds`` seconds in ``steps`` equal steps, and reports each of them."""
    steps = int(job["input"].get("steps", 5))
    seconds = float(job["input"].get("seconds", 5.0))
    started = time.monotonic()
    for step in range(steps):
        runpod.serverless.progress_update(job, f"step {step + 1} of {steps}")
        await asyncio.sleep(seconds / steps)
    return {"steps": steps, "seconds": round(time.monotonic() - started, 2)}


runpod.serverless.start({"handler": handler})
