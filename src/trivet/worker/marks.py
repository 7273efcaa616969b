"""Marks: what of a process's environment the rest of the machine can see.

``/proc/PID/environ`` shows the strings that a process was started with, so what is forked bears its parent's. A worker is
found by that mark, wherever its processes hide: a forked one overwrites the strings where they lie.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

MARKS = ("TRIVET_WORKER_ID", "TRIVET_WORKER_FOLDER")
"""The variables that mark a worker's processes."""
_START_OF_ENVIRONMENT = 47
"""Where `/proc/PID/stat` has the address, counted behind the name of the program."""


class Unmarkable(Exception):
    """The strings can't be overwritten here."""


class Marks:
    """The places of a process's marks: look once, in the parent, and write in its children.

    Raises:
        Unmarkable: they are not there, or this system does not show them.
    """

    def __init__(self) -> None:
        try:
            self._start = _start_of_environment()
            self._places = dict(_places())
        except (OSError, ValueError, IndexError) as error:
            raise Unmarkable(f"the start of the environment can't be found: {error}") from error
        if missing := [name for name in MARKS if name not in self._places]:
            raise Unmarkable(f"{missing[0]} was not set at the start")

    def write(self, values: Mapping[str, str]) -> None:
        """Overwrites the marks of this process.

        Args:
            values: at least `MARKS`; others are not looked at.

        Raises:
            Unmarkable: one is longer than what is there, or the system forbids it.
        """
        try:
            memory = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unmarkable(f"this process may not write to its own memory: {error}") from error
        try:
            for name in MARKS:
                offset, room = self._places[name]
                value = os.fsencode(values[name])
                if len(value) > room:
                    raise Unmarkable(f"{name} has more than {room} bytes")
                os.pwrite(memory, value.ljust(room, b"\0"), self._start + offset)
        except OSError as error:
            raise Unmarkable(f"this process may not write to its own memory: {error}") from error
        finally:
            os.close(memory)


def _start_of_environment() -> int:
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - pathlib would be imported for this alone
        fields = file.read().rpartition(b")")[2].split()
    return int(fields[_START_OF_ENVIRONMENT])


def _places() -> list[tuple[str, tuple[int, int]]]:
    """Each variable's name, and where its value lies: the offset, and how many bytes there are."""
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib would be imported for this alone
        content = file.read()
    found, offset = [], 0
    for entry in content.split(b"\0"):
        name, sign, value = entry.partition(b"=")
        found.append((os.fsdecode(name), (offset + len(name) + len(sign), len(value))))
        offset += len(entry) + 1
    return found
