"""Callers: threads that call through every mouth, and write down all that they are told."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.faults.journal import (
    Acknowledged,
    Asked,
    CancelAsked,
    Journal,
    Missed,
    Odd,
    PieceSeen,
    Seen,
    TurnedAway,
    now,
)
from tests.faults.kinds import KINDS, Kind, draw
from tests.faults.mouth import Acknowledgement, Call, Mouth, PieceSight, Refused, Sight, Silence

MakeMouth = Callable[[], Mouth]
_EXPECTED_REFUSALS = frozenset({"unavailable", "storage_full", "not_spoken"})
"""A platform that can't take something now says so in these words; anything else is not expected of right calls."""
_SLOW = frozenset({"nap", "shared nap", "stubborn", "stream", "rows with turns"}) | {
    f"{way} {kind}" for way in ("polled", "linked") for kind in ("nap", "stream")
}
"""The kinds of calls that last long enough to be cancelled."""
_REPEATS = 40
_REPEAT_PAUSE = 0.25


class Caller:
    """One caller: knows which jobs are its own, and never believes anything without writing it down.

    Args:
        mouth: how it speaks.
        journal: where it writes.
        name: of this caller, part of the names of its calls.
        owner: who owns the endpoints.
        ledger: the path that handlers write to.
        chance: its own dice.
    """

    def __init__(self, mouth: Mouth, journal: Journal, name: str, owner: str, ledger: Path, chance: random.Random):
        self.jobs: deque[tuple[str, str, Kind]] = deque(maxlen=40)
        self._mouth = mouth
        self._journal = journal
        self._name = name
        self._owner = owner
        self._ledger = ledger
        self._chance = chance
        self._count = itertools.count(1)
        reach = mouth.reach
        self._kinds = [kind for kind in KINDS if reach is None or f"{owner}/{kind.endpoint}" in reach]

    def step(self) -> None:
        """Does one thing that callers do."""
        act = self._chance.choices(
            (self._submit, self._submit_twice, self._run, self._stream, self._look, self._cancel),
            (34, 6, 30, 10, 14, 6),
        )[0]
        try:
            act()
        except Silence:
            pass  # whatever was asked is in the journal already
        except Refused as refusal:
            if refusal.code not in _EXPECTED_REFUSALS:
                self._journal.write(Odd(f"{self._mouth.name}: {act.__name__.strip('_')}: {refusal}", now()))

    def _call(self, kind: Kind, *, keyed: bool = False) -> Call:
        n = f"{self._name}-{next(self._count)} {kind.name}"
        given = kind.draw(n, str(self._ledger), self._chance)
        return Call(n, f"{self._owner}/{kind.endpoint}", given, n.replace(" ", "-") if keyed else None)

    def _submit(self) -> None:
        kind = draw(self._chance, self._kinds)
        self._hand_over(self._call(kind), kind)

    def _submit_twice(self) -> None:
        """The same call again and again under one key, until it is known to be there, and then once more."""
        kind = draw(self._chance, self._kinds)
        call = self._call(kind, keyed=True)
        for _ in range(_REPEATS):
            try:
                self._hand_over(call, kind)
                break
            except Silence:
                time.sleep(_REPEAT_PAUSE)
        self._hand_over(call, kind)

    def _hand_over(self, call: Call, kind: Kind) -> None:
        self._journal.write(Asked(call, "submit", now()))
        try:
            told = self._mouth.submit(call)
        except Refused as refusal:
            self._turned_away(call, refusal)
            raise
        self._journal.write(Acknowledged(call.n, call.key, told, now()))
        self.jobs.append((told.job_id, call.n, kind))

    def _run(self) -> None:
        kind = draw(self._chance, self._kinds)
        call = self._call(kind, keyed=self._chance.random() < 0.2)
        asked = now()
        self._journal.write(Asked(call, "run", asked))
        sight = self._held(call)
        self._journal.write(Seen(sight, asked, now(), call.n))
        if (
            not sight.is_final or self._mouth.by_number
        ):  # no end yet, but a promise; or one that was given before the end
            self._journal.write(Acknowledged(call.n, None, Acknowledgement(sight.job_id), now()))
        if sight.job_id:
            self.jobs.append((sight.job_id, call.n, kind))

    def _held(self, call: Call) -> Sight:
        """Calls and is held; again and again under its key, where it has one and no answer comes."""
        for _ in range(_REPEATS if call.key is not None else 0):
            try:
                return self._mouth.run(call)
            except Silence:
                time.sleep(_REPEAT_PAUSE)
        try:
            return self._mouth.run(call)
        except Refused as refusal:
            self._turned_away(call, refusal)
            raise

    def _stream(self) -> None:
        streams = [kind for kind in self._kinds if kind.streams]
        if not streams:
            return
        kind = draw(self._chance, streams)
        call = self._call(kind)
        self._journal.write(Asked(call, "stream", now()))
        Reader(self._mouth, self._journal, f"reader of {call.n}").follow(self._mouth.open_stream(call), call.n)

    def _turned_away(self, call: Call, refusal: Refused) -> None:
        if refusal.code in _EXPECTED_REFUSALS:  # from any other answer nobody can tell what became of the call
            self._journal.write(TurnedAway(call.n, refusal.code, now()))

    def _look(self) -> None:
        if self.jobs:
            job_id, n, _ = self._chance.choice(self.jobs)
            asked = now()
            try:
                sight = self._mouth.look(job_id)
            except Refused as refusal:
                if refusal.code != "not_found":
                    raise
                self._journal.write(Missed(job_id, now()))
            else:
                self._journal.write(Seen(sight, asked, now(), n))

    def _cancel(self) -> None:
        slow = [job for job in list(self.jobs)[-12:] if job[2].name in _SLOW]
        if not slow:
            return
        job_id, _, _ = self._chance.choice(slow)
        asked = now()
        try:
            took, sight = self._mouth.cancel(job_id)
        except (Silence, Refused) as unanswered:
            if isinstance(unanswered, Refused) and unanswered.code == "not_spoken":
                raise  # nothing was asked
            self._journal.write(CancelAsked(job_id, asked, now(), None, None))
            if not isinstance(unanswered, Refused) or unanswered.code != "not_found":
                raise
            self._journal.write(Missed(job_id, now()))
            return
        self._journal.write(CancelAsked(job_id, asked, now(), took, sight))


class Reader:
    """Reads a stream to its end, going on behind the last piece wherever the connection breaks."""

    def __init__(self, mouth: Mouth, journal: Journal, name: str) -> None:
        self._mouth = mouth
        self._journal = journal
        self._name = name
        self._job_id = ""
        self._after = 0

    def follow(self, items: Iterator[Acknowledgement | Sight | PieceSight], n: str | None = None) -> None:
        for _ in range(_REPEATS):
            asked = now()
            try:
                for item in items:
                    self._take(item, asked, n)
            except Silence:
                if not self._job_id:
                    raise
                time.sleep(_REPEAT_PAUSE)
            except Refused as refusal:
                # a held call that the server died on may be unknown afterwards; the auditor asks whether it did
                if refusal.code != "not_found" or not self._job_id:
                    raise
                return
            else:
                return
            items = self._mouth.read_stream(self._job_id, self._after)

    def _take(self, item: Acknowledgement | Sight | PieceSight, asked: float, n: str | None) -> None:
        self._job_id = item.job_id
        if isinstance(item, PieceSight):
            self._after = item.seq or 0
            self._journal.write(PieceSeen(self._name, item, asked, now()))
        elif isinstance(item, Acknowledgement):
            self._journal.write(Acknowledged(n or "", None, item, now()))
        else:
            # what is told over a stream can be as old as the moment in which the last piece before it was told
            self._journal.write(Seen(item, asked, now(), n))


class Load:
    """Callers at work, until `stop`.

    Args:
        mouths: makes a mouth for each caller, in turns.
        journal: where all is written.
        owner: who owns the endpoints.
        ledger: the path that handlers write to.
        seed: of all dice.
        name: of this load, part of the names of its calls.
        pause: seconds between two steps of a caller, on average.
    """

    def __init__(
        self,
        mouths: Sequence[MakeMouth],
        journal: Journal,
        owner: str,
        ledger: Path,
        *,
        seed: int,
        name: str,
        callers: int = 6,
        pause: float = 0.03,
    ) -> None:
        self._pause = pause
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(
                    mouths[i % len(mouths)],
                    journal,
                    f"{name}.{i}",
                    owner,
                    ledger,
                    random.Random(f"{seed} {name} {i}"),
                ),
                name=f"caller {i}",
                daemon=True,
            )
            for i in range(callers)
        ]
        self.broken: list[BaseException] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 60.0) -> None:
        """Lets every caller finish the step that it is in."""
        self._stopped.set()
        until = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                self.broken.append(TimeoutError(f"{thread.name} still waits for an answer after {patience:g} s"))

    def _run(
        self, make: MakeMouth, journal: Journal, name: str, owner: str, ledger: Path, chance: random.Random
    ) -> None:
        mouth = make()
        caller = Caller(mouth, journal, name, owner, ledger, chance)
        try:
            while not self._stopped.is_set():
                caller.step()
                self._stopped.wait(chance.expovariate(1 / self._pause))
        except Exception as error:  # noqa: BLE001 - a caller that breaks must not pass for a quiet one
            self.broken.append(error)
        finally:
            mouth.close()
