"""Checks before the first job, where the original has them."""

from __future__ import annotations

from trivet.runpod.serverless.fitness import clear_fitness_checks, register_fitness_check

__all__ = ["clear_fitness_checks", "register_fitness_check"]
