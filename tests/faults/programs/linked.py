"""A program that starts by our module for RunPod's workers, and so has the platform's link."""

import os
import signal
import sys
import time

from ledger import Execution, times_begun

from trivet import runpod


def handler(job):
    """Echoes, naps, fails, and ends its worker, as it is told to."""
    given = job["input"]
    execution = Execution(given["n"], given["ledger"])
    how = given["how"]
    if how == "nap":
        for step in range(4):
            runpod.serverless.progress_update(job, {"step": step})
            print(f"{given['n']}: step {step}")
            time.sleep(given["seconds"] / 4)
    elif how == "raise":
        execution.write("end")
        raise ValueError(f"{given['n']} was told to fail")
    elif how == "exit":
        sys.exit(3)
    elif how == "die_once" and times_begun(given["n"], given["ledger"]) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = execution.answer(value=given.get("value"), pad=given.get("pad", ""))
    return {**answer, "refresh_worker": True} if how == "replace" else answer


runpod.serverless.start({"handler": handler})
