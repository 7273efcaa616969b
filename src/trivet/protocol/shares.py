"""Messages between a server and a process that several workers share: one JSON object each, sent as those of `forks` are.

To the process: ``{"do": "begin"}`` with one file, the board; ``{"do": "serve", "worker": ID, "token": …, "link": ADDRESS,
"host": KIND, "folder": PATH, "handler": …, "place": N}``: be that worker too, over a link of its own; ``{"do": "drain",
"worker": ID}``; ``{"do": "kill", "worker": ID}``: stop at once what it runs, and let it go. The end of the socket ends the
process.

From it: ``{"said": "ended", "worker": ID, "status": N, "lines": [TEXT, …]}``, once for each that it was told to serve, when
nothing of that worker runs any more. ``status`` is what the process of such a worker would have ended with.

The board is a file of `PLACES` bytes in the memory of both. What a worker does stands at its place, an `At`: so the server
knows also of a process that was killed, or has crashed, which workers were at work in it.
"""

from __future__ import annotations

from enum import IntEnum

PLACES = 4096
"""How many workers one process can have."""
ORDERS = "TRIVET_ORDERS"
"""The variable with the number of the descriptor on which the process is spoken to."""
HOST = "shared"
"""What stands for the kind of host in the environment of such a process."""
KILLED = -9
"""The status of a worker that was let go at once."""


class At(IntEnum):
    """What a worker is at."""

    REST = 0
    LOADING = 1
    WORK = 2
