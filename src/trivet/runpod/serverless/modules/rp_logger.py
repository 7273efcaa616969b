"""The worker's log, where the original has it."""

from __future__ import annotations

from trivet.runpod.logger import LEVELS, RunPodLogger

__all__ = ["LOG_LEVELS", "RunPodLogger"]

LOG_LEVELS = list(LEVELS)
"""From all to the least."""
