"""The auditor: holds what callers were told, what handlers did and what lies on the disk against each other.

It knows nothing of servers and dialects: three accounts of the same events go in, and violations come out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from tests.faults.journal import (
    Acknowledged,
    Asked,
    CancelAsked,
    Ended,
    Entry,
    Execution,
    FileKept,
    FileSeen,
    FileSent,
    Hurt,
    Missed,
    Odd,
    PieceSeen,
    Seen,
    TurnedAway,
)
from tests.faults.kinds import BY_NAME, Kind
from tests.faults.mouth import FINAL, PieceSight, Sight
from tests.faults.records import Disk, Record

SLACK = 0.1
"""Seconds by which clocks of different observers may disagree about a duration."""
WORD_AROUND = 5.0
"""Seconds that a worker which polls may need to learn that a job was cancelled: it was on its way to it, or waits inside it."""
FROZEN = "remote worker frozen"
LOSSES = frozenset({"worker_lost", "out_of_memory"})
CLOCKS = frozenset({"clock jumps forwards", "clock jumps back"})
"""Faults that hold up nothing on its way between server and handler."""
FULL_DISKS = frozenset({"disk full", "file size limit"})
"""Faults that excuse a job which failed because its result could not be stored."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, about what, and how it shows."""

    rule: str
    about: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.about}: {self.detail}"


E = TypeVar("E", bound=Entry)
Finding = tuple[str, str]
"""About what, and how it shows."""


class Auditor:
    """Audits one run.

    Args:
        entries: the callers' journal.
        ledger: the executions of each call, in the order in which they began.
        disk: what is recorded, read after the server has stopped.
    """

    def __init__(self, entries: Iterable[Entry], ledger: Mapping[str, Sequence[Execution]], disk: Disk) -> None:
        self._ids = {str(record.number): record.id for record in disk.jobs if record.number is not None}
        self._entries = [self._identified(entry) for entry in entries]
        self._ledger = ledger
        self._disk = disk
        self._asked = {entry.call.n: entry for entry in reversed(self._all(Asked))}
        self._records = {record.id: record for record in disk.jobs if record.n in self._asked}
        self._of_call: dict[str, list[Record]] = defaultdict(list)
        for record in self._records.values():
            self._of_call[record.n].append(record)
        self._ends = [entry.at for entry in self._all(Ended)]
        self._hurts = {entry.fault for entry in self._all(Hurt)}
        self._sights: dict[str, list[tuple[Sight, float, float]]] = defaultdict(list)
        for sight, n, asked, at in self._all_sights():
            self._sights[self._id_of(sight, n)].append((sight, asked, at))
        self._told_at = {
            job_id: min((at for sight, _, at in sights if sight.is_final), default=float("inf"))
            for job_id, sights in self._sights.items()
        }

    @property
    def jobs(self) -> int:
        """How many jobs of this run are recorded."""
        return len(self._records)

    def audit(self) -> list[Violation]:
        """All violations, rule by rule."""
        return [Violation(rule, about, detail) for rule, check in self.rules().items() for about, detail in check()]

    def rules(self) -> Mapping[str, Callable[[], Iterable[Finding]]]:
        """What is checked, by the words in which a violation is reported."""
        return {
            "an acknowledged job is lost": self.lost,
            "an acknowledged job is another's": self.mistaken,
            "a job is not final": self.unfinished,
            "one call has several jobs": self.doubled,
            "an idempotency key has several jobs": self.keys,
            "a refused call has a job": self.turned_away,
            "an answered call left no job": self.untraceable,
            "a job was said not to exist": self.missed,
            "more than one end was told": self.several_ends,
            "a job came back from its end": self.revived,
            "an output is wrong": self.wrong_outputs,
            "a result is of a stale attempt": self.stale_results,
            "a handler ran after the end was told": self.ran_after_end,
            "a handler ran too often": self.ran_too_often,
            "a job without retries ran twice": self.ran_twice,
            "a cancel is untrue": self.cancels,
            "a timeout is untrue": self.timeouts,
            "a failure is unexplained": self.failures,
            "a stream lost or doubled a piece": self.streams,
            "a story has gaps": self.stories,
            "a file is not whole, or older than it may be": self.files,
            "the database is damaged": lambda: [("the file", fault) for fault in self._disk.faults],
            "a caller got an answer that nobody should get": lambda: [("", odd.what) for odd in self._all(Odd)],
        }

    # -- is everything there, once ------------------------------------------------------------------------------------

    def lost(self) -> Iterator[Finding]:
        for entry in self._all(Acknowledged):
            if entry.told.job_id not in self._records:
                yield entry.told.job_id, f"acknowledged to the caller of {entry.n}, and not recorded"

    def mistaken(self) -> Iterator[Finding]:
        for entry in self._all(Acknowledged):
            record = self._records.get(entry.told.job_id)
            if entry.key is None and record is not None and record.n != entry.n:
                yield entry.told.job_id, f"acknowledged to the caller of {entry.n}, and recorded as {record.n}"

    def unfinished(self) -> Iterator[Finding]:
        for record in self._records.values():
            if record.status not in FINAL:
                yield record.id, f"{record.n} is {record.status} after everything has come to its end"

    def doubled(self) -> Iterator[Finding]:
        for n, records in self._of_call.items():
            if len(records) > 1:
                yield n, f"recorded as {', '.join(record.id for record in records)}"

    def keys(self) -> Iterator[Finding]:
        told: dict[str, list[Acknowledged]] = defaultdict(list)
        for entry in self._all(Acknowledged):
            if entry.key is not None:
                told[entry.key].append(entry)
        for key, entries in told.items():
            ids = {entry.told.job_id for entry in entries}
            if len(ids) > 1:
                yield key, f"acknowledged as {', '.join(sorted(ids))}"
            if any(not entry.told.replayed for entry in entries[1:]):
                yield key, "a repetition was not said to be one"

    def turned_away(self) -> Iterator[Finding]:
        refused = {entry.n for entry in self._all(TurnedAway)}
        tries: dict[str, int] = defaultdict(int)
        for asked in self._all(Asked):
            tries[asked.call.n] += 1
        for n in sorted(refused):
            if tries[n] == 1 and (self._of_call.get(n) or self._ledger.get(n)):
                yield n, "refused, and there is a job or an execution of it"

    def untraceable(self) -> Iterator[Finding]:
        for entry in self._all(Seen):
            if entry.n is None or not entry.sight.is_final or self._of_call.get(entry.n):
                continue
            # a held call is recorded behind its answer: only the death of the server excuses that it can't be found
            if not any(end >= entry.asked for end in self._ends):
                yield entry.n, f"answered with {entry.sight.status}, and not recorded though the server lived on"

    def missed(self) -> Iterator[Finding]:
        """A held call that the server died on may be gone; that nothing else is gone is what other rules look after."""
        for entry in self._all(Missed):
            if entry.job_id in self._records:
                yield entry.job_id, "its caller was told that there is no such job, and it is recorded"

    # -- one truth ----------------------------------------------------------------------------------------------------

    def several_ends(self) -> Iterator[Finding]:
        for job_id, sights in self._sights.items():
            record = self._records.get(job_id)
            ends = {sight.status for sight, _, _ in sights if sight.is_final}
            codes = {sight.error for sight, _, _ in sights if sight.is_final and sight.error is not None}
            if record is not None and record.status in FINAL:
                ends.add(record.status)
                codes |= {record.error} if record.error is not None else set()
            if len(ends) > 1:
                yield job_id, f"seen or recorded as {' and '.join(sorted(ends))}"
            elif len(codes) > 1:
                yield job_id, f"seen or recorded as {' and '.join(sorted(codes))}"

    def revived(self) -> Iterator[Finding]:
        for job_id, sights in self._sights.items():
            told_at = self._told_at[job_id]
            for sight, asked, _ in sights:
                if not sight.is_final and asked > told_at:
                    yield job_id, f"seen {sight.status} {asked - told_at:.3f} s after its end had been told"

    def wrong_outputs(self) -> Iterator[Finding]:
        for record, kind in self._with_kind():
            outputs = [sight.output for sight, _, _ in self._sights.get(record.id, ()) if sight.has_output]
            if record.status == "succeeded":
                if not kind.is_right(record.given, record.output) or _name(record.output) not in (record.n, None):
                    yield record.id, f"the recorded output of {record.n} is {_short(record.output)}"
                outputs = [output for output in outputs if output != record.output]
            for output in outputs[:1]:
                yield record.id, f"a caller got {_short(output)}, recorded is {_short(record.output)}"

    # -- what handlers did --------------------------------------------------------------------------------------------

    def stale_results(self) -> Iterator[Finding]:
        for record, kind in self._with_kind():
            if record.status != "succeeded" or not kind.keeps_ledger:
                continue
            executions = self._ledger.get(record.n, ())
            run = _run(record.output)
            if self._has_given_copies(kind):
                executions = [execution for execution in executions if execution.run == run] or executions
            if not executions:
                yield record.id, f"{record.n} succeeded, and no handler ever ran"
            elif run is not None and run != executions[-1].run:
                yield record.id, f"the result is of execution {run}, the last one to begin was {executions[-1].run}"
            elif executions[-1].ended is None:
                yield record.id, f"{record.n} succeeded, and its handler did not come to its end"

    def ran_after_end(self) -> Iterator[Finding]:
        for record, kind in self._with_kind():
            told_at = self._told_at.get(record.id, float("inf"))
            if self._has_given_copies(kind):
                continue
            excused = WORD_AROUND if kind.polled and record.status == "cancelled" else 0.0
            for execution in self._ledger.get(record.n, ()):
                if execution.began > told_at + excused:
                    late = execution.began - told_at
                    yield record.id, f"execution {execution.run} began {late:.3f} s after the end had been told"

    def _has_given_copies(self, kind: Kind) -> bool:
        """Whether a worker may still have begun what had been given to another one meanwhile.

        Nobody can take back what a worker that polls was given and has not begun. If the server dies, or the worker does not
        move for too long, it begins that later nevertheless. What it reports of it then must not count.
        """
        return kind.polled and bool(self._ends or FROZEN in self._hurts)

    def ran_too_often(self) -> Iterator[Finding]:
        for record, kind in self._with_kind():
            seen = [sight.attempts or 0 for sight, _, _ in self._sights.get(record.id, ())]
            most = max([record.attempts, *seen])
            if most > kind.tries or record.most_attempts != kind.tries:
                yield record.id, f"{most} attempts of {record.most_attempts}; {kind.tries} are allowed"
            executions = self._ledger.get(record.n, ())
            # A claim that the server died on may be uncounted; a job that had to give way to a stuck one is not counted.
            excused = sum(1 for end in self._ends if executions and end >= executions[0].began)
            if (
                kind.polled
            ):  # it may begin what it was given long after the server has died on the claim, behind other jobs
                excused = sum(1 for end in self._ends if end >= self._asked[record.n].at)
            if len(executions) > record.attempts + excused and not kind.shares:
                yield (
                    record.id,
                    f"{len(executions)} executions, {record.attempts} attempts, {excused} ends of the server",
                )

    def ran_twice(self) -> Iterator[Finding]:
        """The claim of a last attempt is on disk before its worker hears of it: not even a crash makes one more."""
        for record, kind in self._with_kind():
            executions = self._ledger.get(record.n, ())
            if kind.tries == 1 and len(executions) > 1:
                yield record.id, f"{record.n} ran as {' and '.join(execution.run for execution in executions)}"

    # -- is what is said about ends true ------------------------------------------------------------------------------

    def cancels(self) -> Iterator[Finding]:
        asked = {entry.job_id for entry in self._all(CancelAsked)}
        for record in self._records.values():
            if record.status == "cancelled" and record.id not in asked:
                yield record.id, "cancelled, and nobody had asked for it"
        for entry in self._all(CancelAsked):
            record_ = self._records.get(entry.job_id)
            if entry.took and record_ is not None and record_.status != "cancelled":
                yield entry.job_id, f"the cancel was said to have taken, and the job is {record_.status}"

    def timeouts(self) -> Iterator[Finding]:
        for record, kind in self._with_kind():
            if record.status != "timed_out":
                continue
            if record.error != "execution_timeout":
                yield record.id, f"{record.n}: {record.error}, long before its time"
                continue
            told_at = self._told_at.get(record.id, float("inf"))
            begins = [execution.began for execution in self._ledger.get(record.n, ())]
            if begins and self._hurts - CLOCKS:  # it may have been under way to its handler for most of its time
                begins = [self._asked[record.n].at]
            lasted = max((told_at - began for began in begins), default=0.0)
            if lasted < kind.timeout - SLACK:
                yield record.id, f"{record.n} is said to have run for {kind.timeout:g} s, and did for {lasted:.2f} s"

    def failures(self) -> Iterator[Finding]:
        asked = {entry.job_id for entry in self._all(CancelAsked)}
        for record, kind in self._with_kind():
            code = record.error
            if record.status != "failed":
                continue
            if code == kind.ends and (not kind.again or record.attempts >= kind.tries or record.id in asked):
                continue
            if code in LOSSES and (record.attempts >= kind.tries or record.pieces or record.id in asked):
                continue
            if code == "storage_full" and self._hurts & FULL_DISKS:
                continue
            yield record.id, f"{record.n} failed with {code} after {record.attempts} of {kind.tries} attempts"

    # -- streams ------------------------------------------------------------------------------------------------------

    def streams(self) -> Iterator[Finding]:
        for record, kind in self._with_kind():
            steps = [piece.value["i"] for piece in record.pieces]
            runs = {piece.value["run"] for piece in record.pieces}
            if steps != list(range(len(steps))) or len(runs) > 1:
                yield record.id, f"recorded are the pieces {steps} of {len(runs)} executions"
            output = record.output if record.status == "succeeded" and kind.streams else None
            if isinstance(output, list) and len(steps) != len(output):
                yield record.id, f"{len(steps)} pieces are recorded, and the result has {len(output)}"
        readers: dict[tuple[str, str], list[PieceSeen]] = defaultdict(list)
        for entry in self._all(PieceSeen):
            readers[entry.reader, entry.piece.job_id].append(entry)
        for (reader, job_id), entries in readers.items():
            for seen in self._readings(entries):
                detail = self._misread(seen, self._records.get(job_id))
                if detail:
                    yield job_id, f"{reader}: {detail}"

    def _readings(self, entries: list[PieceSeen]) -> list[list[PieceSight]]:
        """What a reader was shown, from piece to piece; where these have no numbers, a death of the server begins anew."""
        readings: list[list[PieceSight]] = [[]]
        # what reached a reader before the death may have been written down after it, but was asked for before
        for before, entry in zip([None, *entries], entries, strict=False):
            piece = entry.piece
            is_first = piece.seq is None and piece.value["i"] == 0
            if is_first and before and any(e.after <= entry.at and before.asked <= e.at for e in self._all(Ended)):
                readings.append([])
            readings[-1].append(piece)
        return readings

    def _misread(self, seen: list[PieceSight], record: Record | None) -> str | None:
        if [piece.value["i"] for piece in seen] != list(range(len(seen))):
            return f"was shown the pieces {[piece.value['i'] for piece in seen]}"
        if record is None:
            return None if self._ends else "was shown pieces of a job that is not recorded"
        recorded = [(piece.seq, piece.value) for piece in record.pieces]
        if len(seen) > len(recorded) or any(
            piece.value != value or piece.seq not in (seq, None)
            for piece, (seq, value) in zip(seen, recorded, strict=False)
        ):
            return f"was shown {[(p.seq, p.value['run']) for p in seen]}, recorded are {[(s, v['run']) for s, v in recorded]}"
        return None

    def stories(self) -> Iterator[Finding]:
        for record in self._records.values():
            if list(record.seqs) != list(range(1, len(record.seqs) + 1)):
                yield record.id, f"its events are numbered {list(record.seqs)}"

    # -- hosted data --------------------------------------------------------------------------------------------------

    def files(self) -> Iterator[Finding]:
        """A put that nobody answered may be kept, even later; what was said to be kept gives way to a later one alone."""
        sent = {(entry.uri, entry.version): entry.at for entry in self._all(FileSent)}
        kept = self._all(FileKept)
        for seen in self._all(FileSeen):
            answered = {entry.version for entry in kept if entry.uri == seen.uri and entry.at < seen.asked}
            newest = max(answered, default=0)
            if seen.version is None:
                yield seen.uri, f"something was read that is no version; {newest} had been kept"
            elif seen.version and sent.get((seen.uri, seen.version), float("inf")) > seen.at:
                yield seen.uri, f"version {seen.version} was read, and not sent before"
            elif seen.version < newest and (not seen.version or seen.version in answered):
                yield seen.uri, f"version {seen.version} was read, though {newest} had been kept"

    # -- the three accounts -------------------------------------------------------------------------------------------

    def _all(self, kind: type[E]) -> list[E]:
        return [entry for entry in self._entries if isinstance(entry, kind)]

    def _all_sights(self) -> Iterator[tuple[Sight, str | None, float, float]]:
        for entry in self._entries:
            if isinstance(entry, Seen):
                yield entry.sight, entry.n, entry.asked, entry.at
            elif isinstance(entry, CancelAsked) and entry.sight is not None:
                yield entry.sight, None, entry.asked, entry.at

    def _identified(self, entry: Entry) -> Entry:
        """The same with the id of a job where its number was told."""
        if isinstance(entry, Acknowledged):
            told = replace(entry.told, job_id=self._ids.get(entry.told.job_id, entry.told.job_id))
            return replace(entry, told=told)
        if isinstance(entry, Seen):
            return replace(
                entry, sight=replace(entry.sight, job_id=self._ids.get(entry.sight.job_id, entry.sight.job_id))
            )
        if isinstance(entry, Missed):
            return replace(entry, job_id=self._ids.get(entry.job_id, entry.job_id))
        return entry

    def _id_of(self, sight: Sight, n: str | None) -> str:
        """Which job was seen: some answers name none, but their caller knows what was called."""
        if sight.job_id:
            return sight.job_id
        records = self._of_call.get(n or "", ())
        return records[0].id if records else f"({n})"

    def _with_kind(self) -> Iterator[tuple[Record, Kind]]:
        for record in self._records.values():
            yield record, BY_NAME[record.n.split(" ", 1)[1]]


def _run(output: object) -> str | None:
    """The execution that an output came from."""
    one = output[0] if isinstance(output, list) and output else output
    return str(one["run"]) if isinstance(one, dict) and "run" in one else None


def _name(output: object) -> str | None:
    one = output[0] if isinstance(output, list) and output else output
    return str(one["n"]) if isinstance(one, dict) and "n" in one else None


def _short(output: object) -> str:
    text = repr(output)
    return text if len(text) < 200 else f"{text[:200]} … ({len(text)} characters)"
