"""How long a request may take to come, and an answer to be taken: one look about once a second at the connections that owe it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client is waited for, in seconds: for the whole head of a request from when its turn has come, and for the next
    byte of a body. Who takes an answer is waited for as long as who sends a body.
    """

    head: float = 20.0
    body: float = 60.0


class Debtor(Protocol):
    """A connection that may owe the rest of a request, or the taking of an answer."""

    def dun(self, now: float) -> bool:
        """Ends it where it has been waited for long enough.

        Args:
            now: seconds of the event loop's clock.

        Returns:
            Whether it is to be looked at again.
        """


class Watch:
    """Looks at those connections that owe something. While there are none it costs nothing, and a request that comes whole never
    gets here.

    Args:
        patience: how long they are waited for.
    """

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._turn = min(1.0, patience.head / 4, patience.body / 4)
        self._debtors: set[Debtor] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, debtor: Debtor) -> None:
        """Begins to look at a connection. Doing so twice is doing it once."""
        self._debtors.add(debtor)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._turn, self._look)

    def discard(self, debtor: Debtor) -> None:
        """Looks at it no more."""
        self._debtors.discard(debtor)
        if not self._debtors and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for debtor in tuple(self._debtors):
            if not debtor.dun(now):
                self._debtors.discard(debtor)
        self._timer = loop.call_later(self._turn, self._look) if self._debtors else None
