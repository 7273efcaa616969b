"""The worker's log, where the original has it."""

from __future__ import annotations

from trivet.runpod.logger import RunPodLogger

__all__ = ["RunPodLogger"]
