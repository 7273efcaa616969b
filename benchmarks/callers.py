"""Calls of our platform by client packages, each in a process of its own with nothing but what a user's program has."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import dataclass

from benchmarks.ours import Ours
from benchmarks.peers.originals import Package
from benchmarks.programs import run


@dataclass(frozen=True, slots=True)
class Calls:
    """What came of some calls in a row, in seconds.

    Attributes:
        took: each of them.
        cpu: processor time of the client's process for one.
        first: its processor time from its start to the end of a first call, which is not among them.
    """

    took: list[float]
    cpu: float
    first: float

    @property
    def p50(self) -> float:
        """The median of how long they took."""
        return statistics.median(self.took)


def calls(package: Package, ours: Ours, verb: str, what: object, given: object, *, warm: int, times: int) -> Calls:
    """Has a program call by a package.

    Args:
        package: by which.
        ours: the platform.
        verb: one of those in `peers/programs/package_caller.py`.
        what: the id of an endpoint, the path of an algorithm or the number of a model.
        given: the input.
        warm: how many calls are not counted, at least one.
        times: how many are.

    Raises:
        LoadError: a call fails.
    """
    words = (verb, package.module, warm, times)
    environ = {**_pointing(ours), "WHAT": str(what)}
    return Calls(**run(package.python, "package_caller", *words, given=json.dumps(given), environ=environ))


def _pointing(ours: Ours) -> dict[str, str]:
    """What points each package at the platform, and nothing that a user's home says."""
    home = ours.folder / "home"
    home.mkdir(exist_ok=True)
    key, _, secret = ours.key.rpartition("_")
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "RUNPOD_API_KEY": ours.key,
        "RUNPOD_ENDPOINT_BASE_URL": f"{ours.url}/runpod/v2",
        "ALGORITHMIA_API_KEY": ours.key,
        "ALGORITHMIA_API": f"{ours.url}/algorithmia",
        "JAQPOT_API_URL": f"{ours.url}/jaqpot",
        "JAQPOT_API_KEY": key,
        "JAQPOT_API_SECRET": secret,
    }
