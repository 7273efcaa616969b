"""Slow work that says how far it is, and stops when it is cancelled."""

from __future__ import annotations

import time

import trivet


@trivet.endpoint(workers=(0, 2), timeout=300)
def slow(seconds: float = 5.0, steps: int = 10) -> dict[str, float]:
    """Takes ``seconds`` seconds in ``steps`` equal steps, and reports each of them.

    There is nothing here about cancelling: a cancel ends the wait below, wherever it is.
    """
    if steps < 1 or seconds < 0:
        raise ValueError(f"steps must be 1 or more and seconds 0 or more, not {steps} and {seconds}")
    started = time.monotonic()
    for step in range(steps):
        trivet.progress(step / steps, f"step {step + 1} of {steps}")
        time.sleep(seconds / steps)
    trivet.progress(1.0, "done")
    return {"steps": steps, "seconds": round(time.monotonic() - started, 2)}
