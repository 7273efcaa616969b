"""The auditor finds what it is there to find: into a tidy account of events each kind of lie is planted, and must come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.faults.auditor import Auditor
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
from tests.faults.kinds import BY_NAME
from tests.faults.mouth import Acknowledgement, Call, PieceSight, Sight
from tests.faults.records import Disk, Piece, Record
from tests.faults.tables import LABEL

MODEL = "rows thrice"


@dataclass
class Account:
    """Three accounts of the same events: a journal, a ledger, a disk. `tell` adds a call that went well."""

    entries: list[Entry] = field(default_factory=list)
    ledger: dict[str, list[Execution]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def tell(self, kind: str, **changes: Any) -> str:
        """A call that was submitted at 1, begun at 2, ended at 3 and seen at 4; gives its job's id, which is its kind."""
        n, job_id = f"r1.0-{len(self.records)} {kind}", kind
        given = {"n": n, "value": 7, "pad": "", "count": 2}
        pieces = tuple(Piece(i + 1, 1, {"n": n, "run": "run", "i": i}) for i in range(2)) if kind == "stream" else ()
        output: Any = [piece.value for piece in pieces] if pieces else {"n": n, "run": "run", "value": 7, "pad": ""}
        record = Record(
            id=job_id,
            n=n,
            status="succeeded",
            attempts=1,
            most_attempts=BY_NAME[kind].tries,
            error=None,
            output=output,
            pieces=pieces,
            seqs=(1, 2),
            created_at=1.0,
            finished_at=3.0,
            blobs=(),
            given=given,
        )
        self.records[job_id] = replace(record, **changes)
        self.ledger[n] = [Execution(n, "run", 1, 2.0, 3.0)]
        self.entries += [
            Asked(Call(n, f"admin/{kind}", given), "submit", 1.0),
            Acknowledged(n, None, Acknowledgement(job_id), 1.5),
        ]
        self.see(job_id, 4.0)
        for piece in pieces:
            self.entries.append(PieceSeen("reader", PieceSight(job_id, piece.seq, piece.value), 3.5, 4.0))
        return job_id

    def tell_rows(self, kind: str, number: int) -> str:
        """Two rows that a model was called with, whose caller was told a number; gives their job's id, which is the kind."""
        job_id = self.tell(kind, number=number, seqs=())
        n, xs = self.n(job_id), (2.0, 5.0)
        rows = [{"x": x, LABEL: f"{n}#{place}"} for place, x in enumerate(xs)]
        self.change(
            job_id, given={"n": n, "rows": rows}, output=[answer(n, place, x * 3) for place, x in enumerate(xs)]
        )
        del self.ledger[n], self.entries[-2:]
        self.entries.append(Acknowledged(n, None, Acknowledgement(str(number)), 1.5))
        self.see(job_id, 4.0)
        return job_id

    def see(self, job_id: str, at: float, **changes: Any) -> None:
        """Somebody sees the job as it is recorded, but for ``changes``."""
        record = self.records[job_id]
        succeeded = record.status == "succeeded"
        sight = Sight(
            job_id, record.status, record.attempts, succeeded, record.output if succeeded else None, record.error
        )
        self.entries.append(Seen(replace(sight, **changes), at - 0.1, at, record.n))

    def change(self, job_id: str, **changes: Any) -> None:
        self.records[job_id] = replace(self.records[job_id], **changes)

    def run(self, job_id: str, *executions: Execution) -> None:
        self.ledger[self.records[job_id].n] = list(executions)

    def n(self, job_id: str) -> str:
        return self.records[job_id].n

    def audit(self) -> set[str]:
        disk = Disk(tuple(self.records.values()), frozenset(), self.faults)
        return {violation.rule for violation in Auditor(self.entries, self.ledger, disk).audit()}


def answer(n: str, place: int, y: float) -> dict[str, Any]:
    """A result row, as models give it."""
    return {"y": y, "jaqpotMetadata": {"jaqpotRowId": place, LABEL: f"{n}#{place}"}}


def wrong_rows(account: Account, *rows: dict[str, Any]) -> None:
    """The model is recorded, and seen, with these rows for a result."""
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen) or entry.n != account.n(MODEL)]
    account.change(MODEL, output=list(rows))
    account.see(MODEL, 4.0)


def lost(account: Account) -> None:
    account.entries = [
        entry for entry in account.entries if not isinstance(entry, Seen) or entry.n != account.n("echo")
    ]
    del account.records["echo"]


def lost_number(account: Account) -> None:
    account.change(MODEL, number=13)


def number_of_another(account: Account) -> None:
    account.entries.append(Acknowledged(account.n("echo"), None, Acknowledgement("12"), 1.6))


def rows_out_of_order(account: Account) -> None:
    n = account.n(MODEL)
    wrong_rows(account, answer(n, 1, 15.0), answer(n, 0, 6.0))


def a_row_too_few(account: Account) -> None:
    wrong_rows(account, answer(account.n(MODEL), 0, 6.0))


def numbers_of_another_model(account: Account) -> None:
    n = account.n(MODEL)
    wrong_rows(account, answer(n, 0, 14.0), answer(n, 1, 35.0))


def rows_of_another_call(account: Account) -> None:
    wrong_rows(account, answer("r1.0-99 rows thrice", 0, 6.0), answer("r1.0-99 rows thrice", 1, 15.0))


def unfinished(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]
    account.change("echo", status="running", output=None)


def doubled(account: Account) -> None:
    account.records["twin"] = replace(account.records["echo"], id="twin")


def two_jobs_of_a_key(account: Account) -> None:
    n = account.n("echo")
    account.entries += [
        Acknowledged(n, "key", Acknowledgement("echo"), 1.5),
        Acknowledged(n, "key", Acknowledgement("nap", replayed=True), 1.6),
    ]


def unsaid_repetition(account: Account) -> None:
    entry = Acknowledged(account.n("echo"), "key", Acknowledgement("echo"), 1.5)
    account.entries += [entry, entry]


def refused_and_done(account: Account) -> None:
    account.entries.append(TurnedAway(account.n("echo"), "unavailable", 1.2))


def answered_and_forgotten(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Acknowledged)]
    del account.records["echo"]


def said_not_to_exist(account: Account) -> None:
    account.entries.append(Missed("echo", 5.0))


def two_ends(account: Account) -> None:
    account.see("echo", 4.5, status="failed", has_output=False)


def two_reasons(account: Account) -> None:
    account.change("raises", error="worker_lost", attempts=3)


def revived(account: Account) -> None:
    account.see("echo", 6.0, status="running", has_output=False, output=None)


def wrong_echo(account: Account) -> None:
    output = {**account.records["echo"].output, "value": 8}
    account.change("echo", output=output)
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]


def another_output_was_told(account: Account) -> None:
    account.see("echo", 4.5, output={"n": account.n("echo"), "run": "run", "value": 8, "pad": ""})


def result_of_the_first_execution(account: Account) -> None:
    n = account.n("echo")
    account.run("echo", Execution(n, "run", 1, 2.0, 3.0), Execution(n, "later", 2, 2.5, 2.7))
    account.change("echo", attempts=2)
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]


def result_of_nobody(account: Account) -> None:
    account.run("echo")


def ran_after_the_end(account: Account) -> None:
    n = account.n("raises")
    account.run("raises", Execution(n, "run", 1, 2.0, 3.0), Execution(n, "late", 2, 5.0, 6.0))
    account.entries.append(Ended(2.9, 5.0))


def more_executions_than_attempts(account: Account) -> None:
    n = account.n("raises")
    account.run("raises", Execution(n, "run", 1, 2.0, 3.0), Execution(n, "again", 2, 3.1, 3.2))


def more_attempts_than_allowed(account: Account) -> None:
    account.change("raises", attempts=4)
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]


def ran_twice(account: Account) -> None:
    n = account.n("once")
    account.run("once", Execution(n, "first", 1, 2.0, 2.5), Execution(n, "run", 2, 2.7, 3.0))
    account.entries.append(Ended(2.5, 2.6))


def cancelled_by_nobody(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]
    account.change("nap", status="cancelled", output=None)


def cancel_that_did_not_take(account: Account) -> None:
    account.entries.append(CancelAsked("nap", 2.0, 2.1, took=True, sight=None))


def timed_out_too_soon(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]
    account.change("nap", status="timed_out", error="execution_timeout", output=None)
    account.see("nap", 4.0)


def expired_too_soon(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]
    account.change("nap", status="timed_out", error="ttl_expired", output=None)


def gave_up_too_soon(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]
    account.change("nap", status="failed", error="worker_lost", attempts=2, output=None)


def failed_for_no_reason(account: Account) -> None:
    account.entries = [entry for entry in account.entries if not isinstance(entry, Seen)]
    account.change("nap", status="failed", error="storage_full", output=None)


def not_tried_again(account: Account) -> None:
    account.tell("raises always", status="failed", error="handler_error", output=None, attempts=2)


def lost_piece(account: Account) -> None:
    account.change("stream", pieces=account.records["stream"].pieces[1:])


def piece_shown_twice(account: Account) -> None:
    last = account.entries[-1]
    assert isinstance(last, PieceSeen)
    account.entries.append(last)


def other_piece_shown(account: Account) -> None:
    last = account.entries[-1]
    assert isinstance(last, PieceSeen)
    value = {**last.piece.value, "run": "other"}
    account.entries[-1] = replace(last, piece=replace(last.piece, value=value))


def without_numbers(account: Account) -> list[PieceSeen]:
    """The stream was read through a dialect whose pieces have no numbers: 0 and 1, both at 4."""
    seen = [entry for entry in account.entries if isinstance(entry, PieceSeen)]
    account.entries = [entry for entry in account.entries if not isinstance(entry, PieceSeen)]
    plain = [replace(entry, piece=replace(entry.piece, seq=None)) for entry in seen]
    account.entries += plain
    return plain


def shown_anew(account: Account) -> None:
    """As if the server had died, which it had not."""
    account.entries += [replace(entry, asked=4.9, at=5.0) for entry in without_numbers(account)]


def gap_without_numbers(account: Account) -> None:
    first = without_numbers(account)[0]
    account.entries.remove(first)


def _two_versions(account: Account) -> None:
    account.entries += [FileSent("file", 1, 1.0), FileKept("file", 1, 1.1), FileSent("file", 2, 2.0)]


def torn_file(account: Account) -> None:
    _two_versions(account)
    account.entries.append(FileSeen("file", None, 2.5, 2.6))


def old_file(account: Account) -> None:
    _two_versions(account)
    account.entries += [FileKept("file", 2, 2.1), FileSeen("file", 1, 2.5, 2.6)]


def lost_file(account: Account) -> None:
    _two_versions(account)
    account.entries.append(FileSeen("file", 0, 2.5, 2.6))


def file_of_nobody(account: Account) -> None:
    _two_versions(account)
    account.entries.append(FileSeen("file", 3, 2.5, 2.6))


def gap_in_a_story(account: Account) -> None:
    account.change("echo", seqs=(1, 3))


def damaged(account: Account) -> None:
    account.faults = ("row 7 missing from index jobs_open",)


def odd_answer(account: Account) -> None:
    account.entries.append(Odd("submit: internal", 2.0))


LIES: tuple[tuple[str, Callable[[Account], None]], ...] = (
    ("an acknowledged job is lost", lost),
    ("an acknowledged job is lost", lost_number),
    ("an acknowledged job is another's", number_of_another),
    ("a job is not final", unfinished),
    ("one call has several jobs", doubled),
    ("an idempotency key has several jobs", two_jobs_of_a_key),
    ("an idempotency key has several jobs", unsaid_repetition),
    ("a refused call has a job", refused_and_done),
    ("an answered call left no job", answered_and_forgotten),
    ("a job was said not to exist", said_not_to_exist),
    ("more than one end was told", two_ends),
    ("more than one end was told", two_reasons),
    ("a job came back from its end", revived),
    ("an output is wrong", wrong_echo),
    ("an output is wrong", another_output_was_told),
    ("an output is wrong", rows_out_of_order),
    ("an output is wrong", a_row_too_few),
    ("an output is wrong", numbers_of_another_model),
    ("an output is wrong", rows_of_another_call),
    ("a result is of a stale attempt", result_of_the_first_execution),
    ("a result is of a stale attempt", result_of_nobody),
    ("a handler ran after the end was told", ran_after_the_end),
    ("a handler ran too often", more_executions_than_attempts),
    ("a handler ran too often", more_attempts_than_allowed),
    ("a job without retries ran twice", ran_twice),
    ("a cancel is untrue", cancelled_by_nobody),
    ("a cancel is untrue", cancel_that_did_not_take),
    ("a timeout is untrue", timed_out_too_soon),
    ("a timeout is untrue", expired_too_soon),
    ("a failure is unexplained", gave_up_too_soon),
    ("a failure is unexplained", failed_for_no_reason),
    ("a failure is unexplained", not_tried_again),
    ("a stream lost or doubled a piece", lost_piece),
    ("a stream lost or doubled a piece", piece_shown_twice),
    ("a stream lost or doubled a piece", other_piece_shown),
    ("a stream lost or doubled a piece", shown_anew),
    ("a stream lost or doubled a piece", gap_without_numbers),
    ("a file is not whole, or older than it may be", torn_file),
    ("a file is not whole, or older than it may be", old_file),
    ("a file is not whole, or older than it may be", lost_file),
    ("a file is not whole, or older than it may be", file_of_nobody),
    ("a story has gaps", gap_in_a_story),
    ("the database is damaged", damaged),
    ("a caller got an answer that nobody should get", odd_answer),
)


@pytest.fixture
def account() -> Account:
    """Everything went well: one call of each kind that the lies are about."""
    tidy = Account()
    for kind in ("echo", "nap", "once", "stream"):
        tidy.tell(kind)
    tidy.tell_rows(MODEL, 12)
    tidy.tell("raises", status="failed", error="handler_error", output=None)
    tidy.entries.sort(key=lambda entry: isinstance(entry, PieceSeen))
    return tidy


def test_a_tidy_account_has_no_violation(account: Account) -> None:
    assert account.audit() == set()


@pytest.mark.parametrize(("rule", "lie"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_is_found(account: Account, rule: str, lie: Callable[[Account], None]) -> None:
    lie(account)
    assert account.audit() == {rule}


def test_every_rule_is_tried_by_a_lie() -> None:
    assert set(Auditor([], {}, Disk((), frozenset(), ())).rules()) == {rule for rule, _ in LIES}


def test_the_death_of_the_server_excuses_a_held_call_that_was_answered_and_not_recorded(account: Account) -> None:
    answered_and_forgotten(account)
    account.entries.append(Ended(3.9, 4.2))
    assert account.audit() == set()


def test_a_full_disk_excuses_a_result_that_could_not_be_stored(account: Account) -> None:
    failed_for_no_reason(account)
    account.entries.append(Hurt("disk full", 2.0, 3.0))
    assert account.audit() == set()


def test_an_end_of_the_server_excuses_an_uncounted_claim(account: Account) -> None:
    more_executions_than_attempts(account)
    account.entries.append(Ended(2.9, 3.05))
    assert account.audit() == set()


@pytest.mark.parametrize(
    "excuse", [Ended(4.2, 4.8), Hurt("remote worker frozen", 2.0, 4.5)], ids=lambda e: type(e).__name__
)
def test_a_worker_that_polls_may_begin_a_copy_late_where_nobody_could_take_it_back(
    account: Account, excuse: Entry
) -> None:
    job_id = account.tell("polled echo", attempts=2)
    n = account.n(job_id)
    account.run(job_id, Execution(n, "run", 1, 2.0, 3.0), Execution(n, "copy", 2, 5.0, 5.1))
    assert account.audit() == {"a handler ran after the end was told", "a result is of a stale attempt"}
    account.entries.append(excuse)
    assert account.audit() == set()


def test_a_worker_that_polls_may_hear_late_that_a_job_was_cancelled(account: Account) -> None:
    job_id = account.tell("polled nap", status="cancelled", output=None)
    account.entries.append(CancelAsked(job_id, 2.5, 2.6, True, None))
    account.run(job_id, Execution(account.n(job_id), "run", 1, 4.3, 4.4))
    assert account.audit() == set()


@pytest.mark.parametrize("version", [1, 2])
def test_a_put_that_nobody_answered_may_be_kept_or_not(account: Account, version: int) -> None:
    _two_versions(account)
    account.entries.append(FileSeen("file", version, 2.5, 2.6))
    assert account.audit() == set()


def test_a_put_that_nobody_answered_may_come_to_be_after_the_next(account: Account) -> None:
    _two_versions(account)
    account.entries += [FileSent("file", 3, 3.0), FileKept("file", 3, 3.1), FileSeen("file", 2, 3.5, 3.6)]
    assert account.audit() == set()


def test_pieces_without_numbers_are_the_same_pieces(account: Account) -> None:
    without_numbers(account)
    assert account.audit() == set()


def test_the_death_of_the_server_excuses_that_pieces_without_numbers_are_shown_anew(account: Account) -> None:
    shown_anew(account)
    account.entries.append(Ended(4.2, 4.8))
    assert account.audit() == set()


def test_a_piece_that_is_written_down_behind_the_death_of_the_server_reached_its_reader_before(
    account: Account,
) -> None:
    shown_anew(account)
    account.entries.append(Ended(3.6, 3.8))
    assert account.audit() == set()


def test_a_death_of_the_server_before_a_stream_was_asked_for_excuses_nothing(account: Account) -> None:
    shown_anew(account)
    account.entries.append(Ended(3.0, 3.4))
    assert account.audit() == {"a stream lost or doubled a piece"}


def test_pieces_without_numbers_must_go_on_or_begin_anew_after_the_death_of_the_server(account: Account) -> None:
    seen = without_numbers(account)
    account.entries += [replace(seen[1], asked=4.9, at=5.0), Ended(4.2, 4.8)]
    assert account.audit() == {"a stream lost or doubled a piece"}
