"""Jobs in every store, whatever is put in whichever order: what is recorded as final stays, and what is listed is there."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.contract.conftest import Driver, MemoryDriver, SqliteDriver
from tests.contract.values import event, job
from trivet.platform.core import transitions
from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import FINAL, OPEN, Job, JobError, JobPolicy, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.ports.stores import Transaction

NUMBERS = st.integers(1, 4)
POLICY = JobPolicy(60.0, 3600.0, 3, retention=10.0)
KEYS = st.sampled_from((None, "one", "two"))


class JobsInAStore(RuleBasedStateMachine):
    """A model of what must be recorded, beside a real store: here the one in memory."""

    def open(self) -> Driver:
        """A store of its own for each run."""
        return MemoryDriver()

    def __init__(self) -> None:
        super().__init__()
        self.driver = self.open()
        self.recorded: dict[str, Job] = {}
        self.earlier: dict[str, list[Job]] = {}
        self.events: dict[str, int] = {}
        self.now = 2000.0

    def teardown(self) -> None:
        self.driver.close()

    # -- what happens -------------------------------------------------------------------------------------------------

    @rule(number=NUMBERS, key=KEYS)
    def submit(self, number: int, key: str | None) -> None:
        fresh = job(number, policy=POLICY, idempotency_key=key, input_digest=b"d" if key else None)
        if fresh.id in self.recorded:
            return
        if key is not None and any(other.idempotency_key == key for other in self.recorded.values()):
            with pytest.raises(Conflict):
                self.driver.write(lambda tx: tx.jobs.put(fresh))
        else:
            self.put(fresh)

    @rule(number=NUMBERS)
    def claim(self, number: int) -> None:
        self.step(number, lambda one: transitions.claim(one, "wrk_1", f"token {one.attempt}", self.now))

    @rule(number=NUMBERS)
    def succeed(self, number: int) -> None:
        self.step(number, lambda one: transitions.succeed(one, one.token or "", Payload.inline(b"2"), self.now))

    @rule(number=NUMBERS)
    def fail(self, number: int) -> None:
        self.step(number, lambda one: transitions.fail(one, one.token or "", JobError("handler_error", "☹"), self.now))

    @rule(number=NUMBERS)
    def lose(self, number: int) -> None:
        self.step(number, lambda one: transitions.lose(one, one.token or "", "died", ("bye",), self.now))

    @rule(number=NUMBERS)
    def cancel(self, number: int) -> None:
        self.step(number, lambda one: transitions.cancel(one, self.now))

    @rule(number=NUMBERS)
    def stop(self, number: int) -> None:
        self.step(number, lambda one: transitions.stop(one, one.token or "", self.now))

    @rule(number=NUMBERS, which=st.integers(0, 5))
    def put_late(self, number: int, which: int) -> None:
        """What a job once was comes after its end has been recorded, alone or together with something else."""
        known = self.recorded.get(job(number).id)
        if known is not None and known.is_final:
            states = self.earlier[known.id]
            late = states[min(which, len(states) - 1)]
            forged = replace(known, status=JobStatus.SUCCEEDED, output=Payload.inline(b'"forged"'), error=None)
            self.driver.write(lambda tx: (tx.jobs.put(late), tx.jobs.put(forged)))

    @rule(number=NUMBERS)
    def fail_in_the_middle(self, number: int) -> None:
        """A unit of work that raises leaves nothing behind."""

        def unit(tx: Transaction) -> None:
            tx.jobs.put(job(number, policy=POLICY, status=JobStatus.RUNNING, token="lost", attempt=3))
            tx.jobs.add_events([event(1000, job(number).id)])
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            self.driver.write(unit)

    @rule(number=NUMBERS, count=st.integers(1, 4), again=st.booleans())
    def tell(self, number: int, count: int, again: bool) -> None:
        name = job(number).id
        if name not in self.recorded:
            return
        last = self.events.get(name, 0)
        first = max(1, last) if again else last + 1  # one that comes twice changes nothing
        told = [event(seq, name) for seq in range(first, last + count + 1)]
        self.driver.write(lambda tx: tx.jobs.add_events(told))
        self.events[name] = last + count

    @rule(seconds=st.sampled_from((1.0, 8.0, 30.0)))
    def forget(self, seconds: float) -> None:
        """What has had its time is found, and removed."""
        self.now += seconds
        overdue = self.driver.read(lambda tx: tx.jobs.outdated(self.now))
        wanted = {one.id for one in self.recorded.values() if one.forget_at is not None and one.forget_at <= self.now}
        assert {one.id for one in overdue} == wanted
        self.driver.write(lambda tx: tx.jobs.remove([one.id for one in overdue]))
        for one in overdue:
            del self.recorded[one.id]
            self.events.pop(one.id, None)

    # -- what must hold -----------------------------------------------------------------------------------------------

    def step(self, number: int, transition) -> None:  # type: ignore[no-untyped-def] # a lambda of a rule
        known = self.recorded.get(job(number).id)
        after = transition(known) if known is not None else None
        if after is not None:
            self.put(after)

    def put(self, after: Job) -> None:
        self.driver.write(lambda tx: tx.jobs.put(after))
        self.recorded[after.id] = after
        self.earlier.setdefault(after.id, []).append(after)

    @invariant()
    def every_job_is_recorded_as_it_was_put_last(self) -> None:
        found = self.driver.read(lambda tx: {n: tx.jobs.get(job(n).id) for n in range(1, 5)})
        assert found == {n: self.recorded.get(job(n).id) for n in range(1, 5)}

    @invariant()
    def listings_tell_what_is_there(self) -> None:
        newest_first = sorted(self.recorded.values(), key=lambda one: one.id, reverse=True)
        is_open = [one for one in reversed(newest_first) if one.status in OPEN]
        counts = {s: n for s in JobStatus if (n := sum(one.status is s for one in newest_first))}
        assert self.driver.read(lambda tx: tx.jobs.open()) == is_open
        assert self.driver.read(lambda tx: tx.jobs.page()) == newest_first
        wanted = [one for one in newest_first if one.status in FINAL]
        assert self.driver.read(lambda tx: tx.jobs.page(statuses=FINAL)) == wanted
        assert self.driver.read(lambda tx: tx.jobs.counts("bondhello0")) == counts

    @invariant()
    def a_key_names_one_job(self) -> None:
        for key in ("one", "two"):
            named = [one for one in self.recorded.values() if one.idempotency_key == key]
            found = self.driver.read(lambda tx, key=key: tx.jobs.keyed("bondhello0", "acc_bond", key))  # type: ignore[misc] # bound now
            assert [found] == (named or [None])

    @invariant()
    def a_story_has_no_gap_and_nothing_twice(self) -> None:
        for name in self.recorded:
            told = self.driver.read(lambda tx, name=name: tx.jobs.events(name))  # type: ignore[misc] # bound now
            assert [one.seq for one in told] == list(range(1, self.events.get(name, 0) + 1))


class InSqlite(JobsInAStore):
    def open(self) -> Driver:
        self.folder = tempfile.TemporaryDirectory(prefix="trivet-store-")
        self.sqlite = SqliteDriver(Path(self.folder.name) / "trivet.db")
        return self.sqlite

    @rule()
    def open_again(self) -> None:
        self.sqlite.reopen()

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestInMemory = JobsInAStore.TestCase
TestInMemory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestInSqlite = InSqlite.TestCase
TestInSqlite.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
