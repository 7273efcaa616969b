"""Words on a job's progress, where the original has them."""

from __future__ import annotations

from trivet.runpod.serverless.progress import progress_update

__all__ = ["progress_update"]
