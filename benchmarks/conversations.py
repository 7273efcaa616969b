"""Callers who ask one thing after another, as an answer says what to ask next: what counts is the whole conversation."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.load import PATIENCE, READ, Caller, Load, LoadError, Target, is_whole, quiet

Follow = Callable[[int, Target, bytes], Target | None]
"""Given how many answers have come, what was asked last and how that was answered: what is asked next. None: it is over."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a caller asks first, and how it goes on."""

    first: Target
    follow: Follow


class _Talker(Caller):
    """A caller amid a conversation: what it has asked last, and how often it was answered."""

    __slots__ = ("answers", "asked")

    def ask(self, target: Target, answers: int) -> None:
        self.asked = target
        self.answers = answers
        self.held = b""
        self.sock.sendall(target.request)

    def begin(self, conversation: Conversation) -> None:
        self.began = time.perf_counter()
        self.ask(conversation.first, 0)


def converse(
    conversation: Conversation, callers: int, *, seconds: float | None = None, count: int | None = None
) -> Load:
    """Has so many callers hold the conversation again and again, each on a connection of its own.

    Args:
        conversation: what is asked, and what then.
        callers: how many at once.
        seconds: for how long conversations are begun; or
        count: how many are held.

    Returns:
        How many were held, and how long each took.

    Raises:
        LoadError: an answer that should not be, or none.
    """
    left = count if count is not None else 1 << 62
    latencies: list[float] = []
    everybody = [_Talker(conversation.first) for _ in range(min(callers, left))]
    with quiet(), selectors.DefaultSelector() as selector:
        start = time.perf_counter()
        until = start + seconds if seconds is not None else float("inf")
        for talker in everybody:
            selector.register(talker.sock, selectors.EVENT_READ, talker)
            talker.begin(conversation)
            left -= 1
        while selector.get_map():
            ready = selector.select(PATIENCE)
            if not ready:
                raise LoadError(f"no answer for {PATIENCE:g} s to {len(selector.get_map())} callers")
            for key, _ in ready:
                talker = key.data
                if not _hear(talker):
                    continue
                further = conversation.follow(talker.answers + 1, talker.asked, talker.held)
                if further is not None:
                    talker.ask(further, talker.answers + 1)
                    continue
                latencies.append(time.perf_counter() - talker.began)
                if left and time.perf_counter() < until:
                    left -= 1
                    talker.begin(conversation)
                else:
                    selector.unregister(talker.sock)
                    talker.sock.close()
        took = time.perf_counter() - start
    return Load(len(latencies), 0, took, latencies)


def _hear(talker: _Talker) -> bool:
    """Takes what has come; whether it is an answer now."""
    more = talker.sock.recv(READ)
    talker.held += more
    if more and not is_whole(talker.held):
        return False
    if talker.held[9:12] != b"%d" % talker.asked.status:
        raise LoadError(f"{talker.asked.path} answered {talker.held[:300]!r}")
    return True
