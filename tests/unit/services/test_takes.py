"""Workers that come and ask: what each of their visits, and each that does not come, does to jobs and workers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.hall import Caller, Hall, names
from tests.unit.services.plant import payload
from tests.unit.services.town import ref
from trivet.platform.core import takes as rules
from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from trivet.platform.core.jobs import EventKind, JobStatus
from trivet.platform.core.payloads import INLINE_LIMIT, Payload
from trivet.platform.core.takes import RESULT_LOST
from trivet.platform.core.workers import Departure, WorkerState
from trivet.platform.services import polls, reception
from trivet.platform.services.takes import Line, Visit
from trivet.platform.services.workers import SILENCE


@pytest.fixture
def hall() -> Hall:
    return Hall()


def state(hall: Hall, worker_id: str) -> WorkerState:
    return next(view.state for view in hall.workers.roster.views(hall.admin) if view.worker.id == worker_id)


# -- being admitted: workers of this platform ---------------------------------------------------------------------------


def test_a_worker_shows_the_token_that_it_was_started_with(hall: Hall) -> None:
    async def scene() -> None:
        worker_id, token = await hall.started()
        visit = hall.takes.admit(hall.endpoint.id, worker_id, token, None)
        assert visit == Visit(worker_id, hall.endpoint.id)
        assert hall.takes.admit(hall.endpoint.id, worker_id, token, None) == visit

    hall.play(scene())


@pytest.mark.parametrize("connected", [False, True])
def test_strangers_all_hear_the_same(hall: Hall, connected: bool) -> None:
    other, _ = hall.offer(hall.ada, "ada/other")

    async def scene() -> None:
        worker_id, token = await hall.started()
        _, sibling = await hall.started()
        if connected:
            hall.takes.admit(hall.endpoint.id, worker_id, token, None)
        heard = set()
        for endpoint_id, who, shown in (
            (hall.endpoint.id, worker_id, "wrong"),
            (hall.endpoint.id, worker_id, ""),
            (hall.endpoint.id, worker_id, "\ud800"),
            (hall.endpoint.id, worker_id, sibling),
            (other.id, worker_id, token),
            ("none", worker_id, token),
            (hall.endpoint.id, "wrk_none", token),
        ):
            with pytest.raises(Unauthenticated) as refused:
                hall.takes.admit(endpoint_id, who, shown, None)
            heard.add((refused.value.detail, refused.value.hint))
        assert len(heard) == 1
        hall.takes.admit(hall.endpoint.id, worker_id, token, None)

    hall.play(scene())


def test_only_the_first_take_makes_a_worker_ready(hall: Hall) -> None:
    async def scene() -> None:
        worker_id, token = await hall.started()
        caller = Caller(hall, hall.takes.admit(hall.endpoint.id, worker_id, token, None))
        caller.ping()
        assert await caller.stops() == []
        assert state(hall, worker_id) is WorkerState.INITIALIZING
        await caller.take()
        assert state(hall, worker_id) is WorkerState.IDLE

    hall.play(scene())


@pytest.mark.parametrize("end", ["killed", "ended"])
def test_a_worker_that_is_gone_is_told_so_and_changes_nothing(hall: Hall, end: str) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        token = hall.runtime.started[caller.id].token
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        if end == "killed":
            hall.workers.kill(caller.id)
        else:
            hall.runtime.end(caller.id, Departure.of_exit(-9))
        caller.ping(job_id)
        assert not caller.succeed(job_id)
        assert await caller.take() == []
        assert await caller.stops() == []
        assert (await hall.job(job_id)).status is JobStatus.QUEUED
        with pytest.raises(NotFound):
            hall.takes.admit(hall.endpoint.id, caller.id, token, None)
        with pytest.raises(Unauthenticated):
            hall.takes.admit(hall.endpoint.id, caller.id, "wrong", None)

    hall.play(scene())


def test_of_many_workers_that_have_ended_the_last_are_remembered(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "REMEMBERED", 1)

    async def scene() -> None:
        gone = []
        for _ in range(2):
            caller = await hall.caller()
            gone.append((caller.id, hall.runtime.started[caller.id].token))
            hall.workers.kill(caller.id)
            hall.takes.tick()
        with pytest.raises(Unauthenticated):
            hall.takes.admit(hall.endpoint.id, *gone[0], None)
        with pytest.raises(NotFound):
            hall.takes.admit(hall.endpoint.id, *gone[1], None)

    hall.play(scene())


# -- being admitted: workers from elsewhere -----------------------------------------------------------------------------


def test_a_worker_from_elsewhere_joins_with_a_key_that_lets_it_work(hall: Hall) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        assert guest.succeed(job_id, {"a": 1})
        assert rules.own_name((await hall.job(job_id)).worker_id or "") == "pod-1"

    hall.play(scene())


def test_only_who_asks_for_jobs_joins(hall: Hall) -> None:
    async def scene() -> None:
        visit = hall.takes.admit(hall.endpoint.id, "pod-1", "", hall.porter)
        guest = Caller(hall, visit)
        guest.ping("job_of_a_worker_that_is_dead")
        hall.takes.unhealthy(visit, "model_is_there", "no model")
        assert await guest.stops() == []
        assert not guest.succeed("job_none")
        assert not guest.piece("job_none")
        assert not guest.progress("job_none")
        hall.takes.leave_after(visit)
        assert hall.workers.register.ids() == []
        assert any("pod-1" in line and "model_is_there: no model" in line for line in hall.lines())
        assert hall.workers.starts.history(hall.version.id).failures == 0
        assert await guest.take() == []
        assert len(hall.workers.register.ids()) == 1

    hall.play(scene())


def test_a_worker_from_elsewhere_that_ends_is_no_failed_start_and_holds_up_none(hall: Hall) -> None:
    async def scene() -> None:
        await hall.guest()
        assert hall.workers.register.starting(hall.version.id) == 0
        hall.later(SILENCE + 1)
        assert hall.workers.register.ids() == []
        assert hall.workers.starts.history(hall.version.id).failures == 0

    hall.play(scene())


def test_a_poll_for_stops_that_comes_before_its_worker_has_joined_is_the_workers(hall: Hall) -> None:
    async def scene() -> None:
        guest = Caller(hall, hall.takes.admit(hall.endpoint.id, "pod-1", "", hall.porter))
        stops = guest.hears()
        await hall.settle()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        await hall.settle()
        hall.dispatcher.stops.cancel(job_id)
        assert await stops == [job_id]

    hall.play(scene())


def test_nobody_joins_a_platform_that_is_shutting_down(hall: Hall) -> None:
    async def scene() -> None:
        guest, own = await hall.guest(), await hall.caller()
        hall.takes.close()
        hall.workers.stop(guest.id)
        await hall.settle()
        assert hall.workers.register.ids() == [own.id]
        again = Caller(hall, hall.takes.admit(hall.endpoint.id, "pod-1", "", hall.porter))
        with pytest.raises(Unavailable):
            await again.take()
        assert await own.take() == []

    hall.play(scene())


def test_who_may_not_work_for_an_endpoint_learns_no_more_than_of_any_other(hall: Hall) -> None:
    bob = hall.account("bob")
    worker_of_bob, caller = hall.with_scopes(bob, "work"), hall.with_scopes(hall.ada, "call", "read", "deploy")

    async def refused(principal: Principal, endpoint_id: str) -> Any:
        with pytest.raises((NotFound, Forbidden)) as info:
            hall.takes.admit(endpoint_id, "pod-1", "", principal)
        return type(info.value), info.value.detail.replace(endpoint_id, "X")

    async def scene() -> None:
        assert await refused(worker_of_bob, hall.endpoint.id) == await refused(worker_of_bob, "none")
        kind, detail = await refused(caller, hall.endpoint.id)
        assert kind is Forbidden
        assert "'work'" in detail
        await hall.endpoints.update(hall.ada, ref("ada/hello"), EndpointChange(visibility=Visibility.PUBLIC))
        kind, detail = await refused(worker_of_bob, hall.endpoint.id)
        assert kind is Forbidden
        assert "manage" in detail
        assert hall.workers.register.ids() == []

    hall.play(scene())


def test_no_worker_takes_the_place_of_another(hall: Hall) -> None:
    bob = hall.with_scopes(hall.account("bob"), "work", "deploy")
    theirs, _ = hall.offer(bob, "bob/theirs")

    async def scene() -> None:
        own = await hall.caller()
        fresh, _ = await hall.started()
        guest = await hall.guest("pod-1")
        for worker_id in (own.id, fresh):
            with pytest.raises(Forbidden):
                hall.takes.admit(hall.endpoint.id, worker_id, "", hall.porter)
            stranger = hall.takes.admit(theirs.id, worker_id, "", bob)  # it learns nothing of the one that is here
            assert await Caller(hall, stranger).take() == []
        for worker_id in ("pod-1", guest.id):
            with pytest.raises(Unauthenticated):
                hall.takes.admit(hall.endpoint.id, worker_id, "", None)
        with pytest.raises(BadRequest):
            hall.takes.admit(hall.endpoint.id, guest.id, "", hall.porter)
        job_id = await hall.queue()
        assert await own.take() == [job_id]
        assert own.succeed(job_id)

    hall.play(scene())


@pytest.mark.parametrize("worker_id", ["", "-x", "a" * 129, "a/b", "a b", "ü", "a\n"])
def test_ids_that_can_not_be_are_refused(hall: Hall, worker_id: str) -> None:
    with pytest.raises(BadRequest):
        hall.takes.admit(hall.endpoint.id, worker_id, "", hall.porter)


def test_only_so_many_workers_from_elsewhere_may_serve_one_endpoint(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "MOST_ELSEWHERE", 2)

    async def scene() -> None:
        for worker_id in ("pod-1", "pod-2"):
            await hall.guest(worker_id)
        with pytest.raises(Unavailable):
            await hall.guest("pod-3")
        await hall.guest("pod-2")

    hall.play(scene())


def test_a_worker_from_elsewhere_follows_the_current_version_once_it_holds_nothing(hall: Hall) -> None:
    async def scene() -> tuple[Caller, str]:
        guest = await hall.guest()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        return guest, job_id

    async def after(guest: Caller, job_id: str) -> None:
        assert await guest.take(busy=True) == []
        known = hall.workers.register.known(guest.id)
        assert known is not None
        assert known.version_id == hall.version.id
        assert guest.succeed(job_id)
        later = await hall.queue()
        assert await guest.take() == [later]
        known = hall.workers.register.known(guest.id)
        assert known is not None
        assert known.version_id == newer.id
        assert guest.succeed(later)
        assert hall.workers.starts.history(hall.version.id).failures == 0

    async def both() -> None:
        nonlocal newer
        guest, job_id = await scene()
        newer = await asyncio.to_thread(lambda: hall.offer(hall.ada, "ada/hello")[1])
        await after(guest, job_id)

    newer = hall.version
    hall.play(both())


def test_a_worker_from_elsewhere_that_was_given_up_comes_back_as_a_new_one(hall: Hall) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        hall.later(SILENCE + 1)
        assert hall.workers.register.ids() == []
        assert (await hall.job(job_id)).status is JobStatus.QUEUED
        assert not guest.succeed(job_id)
        again = Caller(hall, hall.takes.admit(hall.endpoint.id, "pod-1", "", hall.porter))
        assert await again.take(busy=True) == []  # what it holds is not known yet, and may be this very job
        poll = again.waits(2, busy=True)
        await hall.settle()
        again.ping(job_id)
        assert await again.stops() == [job_id]
        other = await hall.queue()
        assert names(await poll) == [other]
        assert again.succeed(other)
        assert await again.take() == [job_id]
        assert (await hall.job(job_id)).attempt == 2

    hall.play(scene())


def test_the_id_of_a_worker_from_elsewhere_means_something_within_its_endpoint_only(hall: Hall) -> None:
    bob = hall.with_scopes(hall.account("bob"), "work", "deploy")
    theirs, _ = hall.offer(bob, "bob/theirs")

    async def scene() -> None:
        squatter = Caller(hall, hall.takes.admit(theirs.id, "pod-1", "", bob))
        assert await squatter.take() == []
        guest = await hall.guest("pod-1")
        job_id = await hall.queue()
        assert await squatter.take() == []
        assert await guest.take() == [job_id]
        assert not squatter.succeed(job_id)
        squatter.ping()
        squatter.ping()
        assert guest.succeed(job_id)

    hall.play(scene())


# -- taking -------------------------------------------------------------------------------------------------------------


def test_jobs_that_wait_are_given_at_once_and_not_more_than_were_asked_for(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        ids = [await hall.queue() for _ in range(5)]
        assert await caller.take(2) == ids[:2]
        assert await caller.take(1, busy=True) == ids[2:3]
        assert await caller.take(9, busy=True) == ids[3:]
        assert await hall.status(ids[4]) is JobStatus.RUNNING

    hall.play(scene())


def test_an_open_poll_ends_with_the_first_job(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        poll = caller.waits(3)
        await hall.settle()
        job_id = await hall.queue()
        assert names(await poll) == [job_id]
        await hall.queue()
        await hall.settle()
        assert hall.dispatcher.board.queued(hall.version.id) == 1

    hall.play(scene())


def test_what_is_given_is_the_job_whole(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        options = CallOptions(aside=b'{"webhook":"https://example.org/"}')
        view = await hall.calls.submit(hall.ada, ref("ada/hello"), payload('{"a":1}'), options)
        (job,) = await caller.jobs()
        assert (job.job_id, job.attempt, job.content_type) == (view.job.id, 1, "application/json")
        assert (job.body, job.aside) == (b'{"a":1}', options.aside)
        assert "example" not in repr(job)
        assert b"example" not in (view.job.aside or b"")

    hall.play(scene())


def test_what_was_given_aside_and_can_not_be_read_any_more_fails_the_job(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: bytes) -> str:
        raise Unavailable("The platform's key does not fit.")

    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(aside=b"{}")
        monkeypatch.setattr(hall.vault, "unseal", refuse)
        assert await caller.take() == []
        job = await hall.job(job_id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.FAILED, "input_lost")

    hall.play(scene())


def test_a_poll_that_ends_empty_leaves_its_place_to_others(hall: Hall) -> None:
    async def scene() -> None:
        first, second = await hall.caller(), await hall.caller()
        assert await first.take(hold=0.01) == []
        job_id = await hall.queue()
        await hall.settle()
        assert hall.dispatcher.board.queued(hall.version.id) == 1
        assert await second.take() == [job_id]

    hall.play(scene())


def test_a_second_poll_ends_the_first(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        first = caller.waits()
        await hall.settle()
        second = caller.waits()
        with pytest.raises(Conflict):
            await first
        job_id = await hall.queue()
        assert names(await second) == [job_id]
        assert hall.dispatcher.board.queued(hall.version.id) == 0

    hall.play(scene())


def test_a_poll_that_ends_for_another_one_does_so_as_a_conflict_also_where_that_one_is_over_at_once(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        first = caller.waits(busy=True)
        await asyncio.sleep(0)
        assert await caller.take(busy=True) == []
        with pytest.raises(Conflict):
            await first

    hall.play(scene())


def test_of_two_processes_under_one_id_none_speaks_for_the_other_and_the_log_tells(hall: Hall) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        first, stops = guest.waits(), guest.hears()
        await hall.settle()
        assert hall.lines() == []
        job_id = await hall.queue()
        assert names(await first) == [job_id]
        twin = guest.hears()
        with pytest.raises(Conflict):
            await stops
        assert hall.lines() == []  # it may have lost its connection
        assert await guest.take() == []  # the twin holds nothing
        assert guest.succeed(job_id)
        another = guest.hears()
        with pytest.raises(Conflict):
            await twin
        with pytest.raises(Conflict):
            await asyncio.gather(another, guest.stops())
        assert hall.lines() == ["Two processes ask for jobs under this id: give each worker its own."]
        hall.later(rules.TWIN_MEMORY / 4)
        lost = await hall.queue()
        assert await guest.take() == [lost]
        hall.now += rules.TWIN_MEMORY
        assert await guest.take() == []
        assert await hall.status(lost) is JobStatus.QUEUED

    hall.play(scene())


def test_a_poll_whose_caller_has_gone_gives_nothing(hall: Hall) -> None:
    async def scene() -> None:
        gone, there = await hall.caller(), await hall.caller()
        poll = gone.waits()
        await hall.settle()
        job_id = await hall.queue()  # it is promised to the poll in this very turn
        poll.cancel()
        await hall.settle()
        assert poll.cancelled()
        assert await there.take() == [job_id]
        assert (await hall.job(job_id)).attempt == 1

    hall.play(scene())


def test_what_could_not_be_sent_goes_back_uncounted_and_in_its_order(hall: Hall) -> None:
    async def scene() -> None:
        gone, there = await hall.caller(), await hall.caller()
        ids = [await hall.queue(max_attempts=1) for _ in range(2)]
        jobs = await gone.jobs(2, hold=1.0)
        assert names(jobs) == ids
        hall.takes.undelivered(gone.visit, jobs)
        hall.takes.undelivered(gone.visit, jobs)
        assert await there.take(2, hold=1.0) == ids
        assert (await hall.job(ids[0])).attempt == 1

    hall.play(scene())


def test_a_job_with_a_large_input_is_given_once_that_is_there(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        large, small = await _large(hall), await hall.queue()
        jobs = {job.job_id: job.body for job in await caller.jobs(2, hold=2.0)}
        assert sorted(jobs) == sorted([large, small])
        assert len(jobs[large]) > INLINE_LIMIT

    hall.play(scene())


def _slow_blobs(hall: Hall) -> asyncio.Event:
    """Large inputs come once this is set."""
    gate = asyncio.Event()
    get = hall.blobs.get

    async def slow(name: str) -> bytes:
        await gate.wait()
        return await get(name)

    hall.blobs.get = slow  # type: ignore[method-assign] # the one blob store of the scene is slow
    return gate


async def _sized(hall: Hall, size: int) -> str:
    """The id of a job whose input has so many bytes."""
    body = b'"' + b"x" * (size - 2) + b'"'
    return (await hall.calls.submit(hall.ada, ref("ada/hello"), Payload.inline(body))).job.id


async def _large(hall: Hall) -> str:
    """The id of a job with a large input."""
    body = b'"' + b"x" * INLINE_LIMIT + b'"'
    return (await hall.calls.submit(hall.ada, ref("ada/hello"), Payload.inline(body))).job.id


def test_what_was_promised_to_a_poll_that_has_gone_goes_back_in_its_order(hall: Hall) -> None:
    async def scene() -> None:
        gate = _slow_blobs(hall)
        gone, there = await hall.caller(), await hall.caller()
        ids = [await hall.queue(), await hall.queue(), await _large(hall)]
        poll = gone.waits(3)
        await hall.settle()
        poll.cancel()
        await hall.settle()
        assert await there.take(2) == ids[:2]
        gate.set()
        await hall.settle()
        assert await there.take(busy=True, hold=2.0) == ids[2:]

    hall.play(scene())


def test_a_second_poll_gets_what_the_first_was_promised_and_not_more_than_it_asks_for(hall: Hall) -> None:
    async def scene() -> None:
        gate = _slow_blobs(hall)
        caller = await hall.caller()
        ids = [await hall.queue(), await hall.queue(), await _large(hall), *[await hall.queue() for _ in range(3)]]
        first = caller.waits(3)
        await hall.settle()
        second = caller.waits(4)
        with pytest.raises(Conflict):
            await first
        gate.set()
        assert sorted(names(await second)) == sorted(ids[:4])

    hall.play(scene())


def test_a_job_that_is_cancelled_while_its_input_is_on_its_way_is_over_at_once(hall: Hall) -> None:
    async def scene() -> None:
        gate = _slow_blobs(hall)
        caller = await hall.caller()
        job_id = await _large(hall)
        poll = caller.waits(hold=0.5)
        await hall.settle()
        assert await hall.status(job_id) is JobStatus.RUNNING
        hall.dispatcher.stops.cancel(job_id)
        await hall.settle()
        assert await hall.status(job_id) is JobStatus.CANCELLED
        gate.set()
        assert await poll == []

    hall.play(scene())


def test_an_input_that_the_worker_can_not_read_fails_its_job_and_no_other(hall: Hall) -> None:
    def fault_in(content_type: str, body: bytes) -> BadRequest | None:
        is_odd = (content_type, body) == ("application/json", b'"odd"')
        return BadRequest("The input is odd.", hint="Send another.") if is_odd else None

    async def scene() -> None:
        caller = await hall.caller()
        before = await hall.queue()
        odd = (await hall.calls.submit(hall.ada, ref("ada/hello"), payload('"odd"'))).job.id
        after = await hall.queue()
        jobs = await hall.takes.take(caller.visit, 3, busy=False, hold=0.0, fault_in=fault_in)
        assert names(jobs) == [before, after]
        error = (await hall.job(odd)).error
        assert error is not None
        assert (error.code, error.message, error.hint) == ("unreadable_input", "The input is odd.", "Send another.")

    hall.play(scene())


def test_an_input_that_comes_when_its_poll_is_over_goes_back(hall: Hall) -> None:
    async def scene() -> None:
        gate = _slow_blobs(hall)
        caller = await hall.caller()
        await _large(hall)
        assert await caller.take(hold=0.01) == []
        gate.set()
        await hall.settle()
        assert hall.dispatcher.board.queued(hall.version.id) == 1
        assert len(await caller.take(hold=2.0)) == 1

    hall.play(scene())


def test_polls_end_when_the_platform_does(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        take, stops = caller.waits(hold=60.0), caller.hears(hold=60.0)
        await hall.settle()
        lingers = asyncio.create_task(hall.takes.linger(60.0))
        early = Caller(hall, hall.takes.admit(hall.endpoint.id, "pod-1", "", hall.porter)).hears(hold=60.0)
        await hall.settle()
        hall.notifier.close()
        for poll in (take, stops, lingers, early):
            with pytest.raises(Unavailable):
                await poll

    hall.play(scene())


def test_a_job_is_begun_when_it_is_given(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        hall.now += 2.0
        assert await caller.take() == [job_id]
        assert (await hall.job(job_id)).started_at == hall.now

    hall.play(scene())


# -- results ------------------------------------------------------------------------------------------------------------


def test_results_failures_pieces_and_progress_reach_their_job(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        good, bad = await hall.queue(), await hall.queue()
        assert await caller.take(2) == [good, bad]
        assert caller.progress(good)
        assert caller.piece(good, "a")
        assert caller.piece(good, "b")
        assert caller.succeed(good, ["a", "b"])
        assert caller.fail(bad)
        job = await hall.job(good)
        assert (job.status, job.pieces) == (JobStatus.SUCCEEDED, 2)
        assert job.output is not None
        assert job.output.data == b'["a", "b"]'
        events = await hall.store.read(lambda tx: tx.jobs.events(good, kinds=(EventKind.PIECE,)))
        assert [event.data for event in events] == [b'"a"', b'"b"']
        failed = await hall.job(bad)
        assert failed.error is not None
        assert (failed.status, failed.error.message) == (JobStatus.FAILED, "it broke")

    hall.play(scene())


def test_a_final_job_does_not_change_whatever_comes_late(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        assert caller.succeed(job_id, 1)
        assert not caller.progress(job_id)
        assert not caller.piece(job_id)
        assert not caller.succeed(job_id, 2)
        assert not caller.fail(job_id)
        job = await hall.job(job_id)
        assert job.output is not None
        assert (job.status, job.output.data, job.progress) == (JobStatus.SUCCEEDED, b"1", None)

    hall.play(scene())


def test_nobody_reports_on_what_it_does_not_hold(hall: Hall) -> None:
    async def scene() -> None:
        holder, other = await hall.caller(), await hall.caller()
        job_id, waiting = await hall.queue(), None
        assert await holder.take() == [job_id]
        waiting = await hall.queue()
        for who, what in ((other, job_id), (other, waiting), (holder, waiting), (holder, "job_none"), (holder, "")):
            assert not who.progress(what)
            assert not who.piece(what)
            assert not who.fail(what)
            assert not who.succeed(what)
        assert await hall.status(job_id) is JobStatus.RUNNING
        assert await hall.status(waiting) is JobStatus.QUEUED

    hall.play(scene())


def test_a_failure_that_the_policy_tries_again_is_tried_again(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(retry_on=("handler_error",), max_attempts=2)
        assert await caller.take(hold=1.0) == [job_id]
        assert caller.fail(job_id)
        assert await caller.take(hold=1.0) == [job_id]
        assert (await hall.job(job_id)).attempt == 2

    hall.play(scene())


def test_who_brings_pieces_waits_while_the_disk_is_behind(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        await hall.takes.listening(caller.visit)
        seat = hall.dispatcher.board.seat_of(caller.id)
        assert seat is not None
        seat.link.listen(on=False)
        waits = asyncio.create_task(hall.takes.listening(caller.visit))
        await hall.settle()
        assert not waits.done()
        seat.link.listen(on=True)
        await waits

    hall.play(scene())


# -- what is lost -------------------------------------------------------------------------------------------------------


def test_a_job_that_never_arrived_goes_out_again_after_pauses_and_then_as_often_as_it_may_be_tried(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(max_attempts=3)
        attempts = []
        for losses in range(1, rules.MOST_LOST_DELIVERIES + 3):
            (job,) = await caller.jobs(hold=1.0)
            attempts.append(job.attempt)
            assert await caller.take() == []
            assert await hall.status(job_id) is JobStatus.QUEUED
            hall.later(max(rules.LOST_REST, rules.redelivery_pause(losses)))
        assert attempts == [1] * (rules.MOST_LOST_DELIVERIES + 1) + [2]
        assert await caller.take(hold=1.0) == [job_id]
        assert await caller.take() == []
        job_now = await hall.job(job_id)
        assert job_now.error is not None
        assert (job_now.status, job_now.attempt, job_now.error.code) == (JobStatus.FAILED, 3, "worker_lost")
        assert "lost on its way" in job_now.error.message

    hall.play(scene())


def test_a_job_that_may_be_tried_once_is_not_sent_twice(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(max_attempts=1)
        assert await caller.take(hold=1.0) == [job_id]
        assert await caller.take() == []
        assert await hall.status(job_id) is JobStatus.FAILED

    hall.play(scene())


def test_a_worker_that_lost_what_it_was_given_rests_while_others_may_do_better(hall: Hall) -> None:
    async def scene() -> None:
        caller, other = await hall.caller(), await hall.caller()
        lost = await hall.queue()
        assert await caller.take() == [lost]
        ids = [await hall.queue() for _ in range(3)]
        assert await caller.take() == []
        assert await other.take() == ids[:1]
        hall.now += rules.LOST_REST / 2
        assert await caller.take() == []
        hall.now += rules.LOST_REST / 2
        assert await caller.take() == ids[1:2]

    hall.play(scene())


def test_a_poll_that_begins_amid_the_rest_gets_something_after_it(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LOST_REST", 0.05)

    async def scene() -> None:
        caller = await hall.caller()
        await hall.queue()
        assert len(await caller.take()) == 1
        following = await hall.queue()
        assert await caller.take(hold=1.0) == [following]

    hall.play(scene())


def test_what_came_to_nothing_before_goes_into_an_answer_alone(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        retried = await hall.queue(retry_on=("handler_error", "worker_lost"), max_attempts=3)
        lost, *others = [await hall.queue() for _ in range(4)]
        assert await caller.take(hold=1.0) == [retried]
        assert caller.fail(retried)
        assert await caller.take(5) == [retried]
        assert await caller.take(5, busy=True) == [lost, *others]
        for job_id in (retried, *others):
            assert caller.succeed(job_id)
        assert await caller.take() == []
        hall.later(rules.LOST_REST)
        newer = await hall.queue()
        assert await caller.take(5) == [lost]
        assert await caller.take(5, busy=True) == [newer]

    hall.play(scene())


def test_an_answer_has_a_bound_in_bytes_and_what_is_beyond_waits(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "ANSWER_SIZE", 1000)

    async def scene() -> None:
        caller = await hall.caller()
        asked: list[int] = []
        ask = hall.dispatcher.claims.ask

        def note(worker_id: str, count: int) -> None:
            asked.append(count)
            ask(worker_id, count)

        hall.dispatcher.claims.ask = note  # type: ignore[method-assign] # to see how much is in memory at a time
        large = [await _sized(hall, size) for size in (400, 400, 400, 2000, 10)]
        small = [await _sized(hall, 10) for _ in range(9)]
        assert await caller.take(50) == large[:2]
        assert await caller.take(50, busy=True) == large[2:3]
        assert await caller.take(50, busy=True) == large[3:4]
        assert await caller.take(50, busy=True) == [large[4], *small]
        assert max(asked) == polls.PORTION

    hall.play(scene())


@pytest.mark.parametrize("sign", ["ping", "progress", "line", "take"])
def test_a_job_that_had_begun_and_whose_result_never_came_fails_with_the_reason(hall: Hall, sign: str) -> None:
    hall.readers[hall.version.host] = _read

    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        if sign == "ping":
            caller.ping(job_id)
        elif sign == "progress":
            caller.progress(job_id)
        elif sign == "line":
            hall.takes.wrote(caller.id, f"{job_id}:Error: a set is not JSON serializable")
            hall.takes.wrote(caller.id, f"{job_id}:Finished.")
        assert await caller.take(after=job_id if sign == "take" else "") == []
        job = await hall.job(job_id)
        assert job.error is not None
        assert (job.status, job.error.code, job.attempt) == (JobStatus.FAILED, RESULT_LOST, 1)
        assert ("a set is not JSON" in job.error.message) is (sign == "line")
        assert job.error.hint

    hall.play(scene())


def test_a_worker_of_several_places_that_is_through_without_a_result_is_asked_at_once(hall: Hall) -> None:
    hall.readers[hall.version.host] = _read

    async def scene() -> None:
        caller = await hall.caller()
        first, second = await hall.queue(), await hall.queue()
        assert await caller.take(2) == [first, second]
        poll = caller.waits(2, busy=True, hold=60.0)
        await hall.settle()
        hall.takes.wrote(caller.id, f"{first}:done")
        hall.takes.tick()
        await hall.settle()
        assert not poll.done()  # it would only say that it holds the other one
        assert caller.succeed(second)
        hall.takes.tick()
        assert await poll == []
        assert await caller.take(2) == []
        assert (await hall.job(first)).status is JobStatus.FAILED

    hall.play(scene())


def test_a_worker_whose_results_have_come_is_not_asked_again(hall: Hall) -> None:
    hall.readers[hall.version.host] = _read

    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take(2) == [job_id]
        hall.takes.wrote(caller.id, f"{job_id}:done")
        assert caller.succeed(job_id)
        hall.takes.wrote(caller.id, f"{job_id}:done")
        poll = caller.waits(2, hold=60.0)
        await hall.settle()
        hall.takes.tick()
        await hall.settle()
        assert not poll.done()
        poll.cancel()

    hall.play(scene())


def test_a_worker_that_says_it_is_busy_keeps_what_it_has(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take(2) == [job_id]
        assert await caller.take(1, busy=True) == []
        assert caller.succeed(job_id)

    hall.play(scene())


def test_what_two_pings_in_a_row_do_not_name_is_lost(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        kept, lost = await hall.queue(), await hall.queue()
        assert await caller.take(2) == [kept, lost]
        caller.ping(kept, lost)
        hall.later(10.0)
        caller.ping(kept)
        hall.later(10.0)
        caller.ping(kept, lost)  # named again: the count begins anew
        hall.later(10.0)
        caller.ping(kept)
        assert await hall.status(lost) is JobStatus.RUNNING
        hall.later(10.0)
        caller.ping(kept)
        job = await hall.job(lost)
        assert job.error is not None
        assert job.error.code == RESULT_LOST
        assert await hall.status(kept) is JobStatus.RUNNING

    hall.play(scene())


def test_pings_that_come_before_a_job_can_be_named_take_nothing_away(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        caller.ping("job_other")
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        for _ in range(5):
            caller.ping()
        assert await hall.status(job_id) is JobStatus.RUNNING

    hall.play(scene())


def test_pings_that_never_name_a_job_prove_nothing_about_one(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        for _ in range(10):
            hall.later(10.0)
            caller.ping()
        assert await hall.status(job_id) is JobStatus.RUNNING
        assert caller.succeed(job_id)

    hall.play(scene())


def test_a_worker_that_dies_busy_has_its_job_tried_again_once(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        hall.runtime.end(caller.id, Departure.of_exit(-9))
        other = await hall.newcomer()
        assert await other.take() == [job_id]
        caller.ping(job_id)  # an orphan of the dead worker goes on
        job = await hall.job(job_id)
        assert (job.status, job.attempt, job.worker_id) == (JobStatus.RUNNING, 2, other.id)

    hall.play(scene())


# -- stops --------------------------------------------------------------------------------------------------------------


async def _cancelled(hall: Hall, caller: Caller) -> str:
    """A job that the caller held and that was cancelled."""
    job_id = await hall.queue()
    assert await caller.take(busy=bool(hall.dispatcher.board.running(hall.version.id))) == [job_id]
    await hall.jobs.cancel(hall.ada, job_id)
    return job_id


def test_a_cancelled_job_is_over_at_once_and_its_worker_is_told_once(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        poll = caller.hears()
        job_id = await _cancelled(hall, caller)
        assert await hall.status(job_id) is JobStatus.CANCELLED
        assert await poll == [job_id]
        assert await caller.stops() == []
        assert not caller.succeed(job_id)
        assert await hall.status(job_id) is JobStatus.CANCELLED

    hall.play(scene())


def test_a_job_over_its_timeout_is_over_at_once(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(timeout=5.0)
        assert await caller.take() == [job_id]
        hall.later(5.5)
        assert await hall.status(job_id) is JobStatus.TIMED_OUT
        assert await caller.stops() == [job_id]

    hall.play(scene())


def test_a_stop_is_told_again_only_after_a_ping_that_names_the_job(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await _cancelled(hall, caller)
        assert await caller.stops() == [job_id]
        assert await caller.stops() == []
        caller.ping(job_id)
        assert await caller.stops() == [job_id]
        caller.ping()
        assert await caller.stops() == []

    hall.play(scene())


def test_a_stop_is_told_a_second_time_as_a_worker_passes_over_one_for_a_job_that_it_has_not_begun(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await _cancelled(hall, caller)
        assert await caller.stops() == [job_id]
        poll = caller.hears()
        hall.later(0.25, step=0.25)
        await hall.settle()
        assert not poll.done()
        hall.later(0.5, step=0.25)
        assert await poll == [job_id]
        hall.later(1.5, step=0.25)
        assert await caller.stops() == []

    hall.play(scene())


def test_a_worker_that_is_free_of_a_stopped_job_is_not_told_of_it_again(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await _cancelled(hall, caller)
        assert await caller.stops() == [job_id]
        assert await caller.take() == []  # it holds nothing any more
        hall.later(1.0)
        assert await caller.stops() == []

    hall.play(scene())


def test_a_second_poll_for_stops_ends_the_first(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        first = caller.hears()
        await hall.settle()
        second = caller.hears()
        with pytest.raises(Conflict):
            await first
        job_id = await _cancelled(hall, caller)
        assert await second == [job_id]

    hall.play(scene())


def test_a_poll_for_stops_that_is_over_takes_nothing_from_the_one_after_it(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        first = caller.hears()
        await hall.settle()
        second = caller.hears()
        await asyncio.sleep(0)  # the second is open, and the first has not heard of that yet
        hall.dispatcher.stops.cancel(job_id)
        assert await second == [job_id]
        with pytest.raises(Conflict):
            await first

    hall.play(scene())


def test_what_is_cancelled_before_it_was_given_is_never_given(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        poll = caller.waits()
        await hall.settle()
        job_id = await hall.queue()
        assert hall.dispatcher.stops.cancel(job_id)
        await hall.settle()
        assert await hall.status(job_id) is JobStatus.CANCELLED
        assert not poll.done()
        assert await caller.stops() == []

    hall.play(scene())


@pytest.mark.parametrize("sign", ["take", "late result"])
def test_a_worker_that_is_free_of_a_stopped_job_lives_on(hall: Hall, sign: str) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await _cancelled(hall, caller)
        hall.later(rules.GHOST_GRACE - 1)
        if sign == "take":
            await caller.take()
        else:
            assert not caller.succeed(job_id)
        assert await caller.stops() == []
        hall.later(rules.GHOST_GRACE + 1)
        assert hall.runtime.killed == []
        again = await hall.queue()
        assert await caller.take() == [again]

    hall.play(scene())


def test_a_worker_whose_handler_does_not_stop_is_killed(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await _cancelled(hall, caller)
        hall.later(rules.GHOST_GRACE - 0.5)
        assert hall.runtime.killed == []
        hall.later(0.5)
        assert hall.runtime.killed == [caller.id]
        assert await hall.status(job_id) is JobStatus.CANCELLED

    hall.play(scene())


def test_other_jobs_of_such_a_worker_get_longer_and_are_tried_again_uncounted(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        streaming, plain = await hall.queue(), await hall.queue()
        assert await caller.take(3) == [streaming, plain]
        caller.piece(streaming)
        await _cancelled(hall, caller)
        hall.later(rules.GHOST_GRACE_SHARED - 0.5)
        assert hall.runtime.killed == []
        hall.later(0.5)
        assert hall.runtime.killed == [caller.id]
        job = await hall.job(plain)
        assert (job.status, job.attempt) == (JobStatus.QUEUED, 0)
        assert await hall.status(streaming) is JobStatus.FAILED

    hall.play(scene())


def test_what_such_a_worker_held_does_not_go_back_to_it_while_it_dies(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        plain = await hall.queue()
        assert await caller.take(3) == [plain]
        await _cancelled(hall, caller)
        caller.waits(busy=True, hold=60.0)
        await hall.settle()
        monkeypatch.setattr(hall.runtime, "kill", hall.runtime.killed.append)  # its end takes a while
        hall.later(rules.GHOST_GRACE_SHARED)
        await hall.settle()
        assert hall.runtime.killed == [caller.id]
        assert await (await hall.newcomer()).take() == [plain]

    hall.play(scene())


def test_an_open_poll_is_ended_so_that_the_worker_says_whether_it_still_holds_something(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take(2) == [job_id]
        poll = caller.waits(busy=True, hold=60.0)
        await hall.settle()
        await hall.jobs.cancel(hall.ada, job_id)
        hall.later(1.0)
        assert await poll == []
        assert await caller.take() == []
        hall.later(rules.GHOST_GRACE + 1)
        assert hall.runtime.killed == []

    hall.play(scene())


def test_an_open_poll_of_a_worker_that_holds_other_jobs_too_stays_open(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        ids = [await hall.queue() for _ in range(2)]
        assert await caller.take(3) == ids
        poll = caller.waits(busy=True)
        await hall.settle()
        hall.dispatcher.stops.cancel(ids[0])
        hall.later(2.0)
        await hall.settle()
        assert not poll.done()

    hall.play(scene())


def test_a_worker_from_elsewhere_is_not_given_up_for_a_handler_that_does_not_stop(hall: Hall) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        await _cancelled(hall, guest)
        for _ in range(4):
            hall.later(10.0)
            await guest.stops()
        assert hall.workers.register.ids() == [guest.id]

    hall.play(scene())


def test_no_second_attempt_is_given_to_a_worker_where_the_first_may_still_go_on(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(timeout=5.0, max_attempts=2, retry_on=("execution_timeout",))
        assert await caller.take(hold=1.0) == [job_id]
        hall.later(5.5)
        await hall.settle()
        poll = caller.waits(2, busy=True)
        await hall.settle()
        other = await hall.queue()
        assert names(await poll) == [other]
        assert await hall.status(job_id) is JobStatus.QUEUED
        poll = caller.waits(busy=True)
        await hall.settle()
        assert not poll.done()
        assert not caller.succeed(job_id, "late")
        assert names(await poll) == [job_id]
        assert caller.succeed(job_id, "new")
        job = await hall.job(job_id)
        assert job.output is not None
        assert job.output.data == b'"new"'

    hall.play(scene())


# -- signs of life ------------------------------------------------------------------------------------------------------


def test_an_open_poll_is_a_sign_of_life(hall: Hall) -> None:
    async def scene() -> None:
        own, guest = await hall.caller(), await hall.guest()
        polls = [own.waits(hold=1e6), guest.hears(hold=1e6)]
        await hall.settle()
        hall.later(3 * SILENCE)
        assert sorted(hall.workers.register.ids()) == sorted([own.id, guest.id])
        for poll in polls:
            poll.cancel()
        await hall.settle()
        hall.later(SILENCE + 1)
        assert hall.workers.register.ids() == []

    hall.play(scene())


def test_pings_keep_a_worker_of_this_platform_but_one_from_elsewhere_only_while_it_polls_or_works(hall: Hall) -> None:
    async def scene() -> None:
        own, guest, busy = await hall.caller(), await hall.guest("pod-1"), await hall.guest("pod-2")
        job_id = await hall.queue(timeout=100.0)
        assert await busy.take() == [job_id]
        for _ in range(9):
            hall.later(10.0)
            for caller in (own, guest, busy):
                caller.ping(*([job_id] if caller is busy else []))
        assert sorted(hall.workers.register.ids()) == sorted([own.id, busy.id])
        for _ in range(10):
            hall.later(10.0)
            own.ping()
            busy.ping(job_id)
        assert hall.workers.register.ids() == [own.id]
        assert await hall.status(job_id) is JobStatus.TIMED_OUT

    hall.play(scene())


@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_busy_worker_from_elsewhere_whose_connections_have_closed_is_gone_whatever_its_pings_say(
    hall: Hall, hangs_up: bool
) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        stops = guest.hears()
        await hall.settle()
        stops.cancel()
        await hall.settle()
        if hangs_up:
            hall.takes.hung_up(guest.visit)
        for _ in range(8):
            hall.later(10.0)
            guest.ping(job_id)
        assert await hall.status(job_id) is (JobStatus.QUEUED if hangs_up else JobStatus.RUNNING)

    hall.play(scene())


@pytest.mark.parametrize("sign", ["poll", "progress", "other poll"])
def test_a_worker_that_hung_up_and_is_heard_of_again_lives(hall: Hall, sign: str) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        other = guest.hears(hold=0.05)
        await hall.settle()
        if sign != "other poll":
            await other
        hall.takes.hung_up(guest.visit)
        if sign == "poll":
            await guest.stops()
        elif sign == "progress":
            guest.progress(job_id)
        else:
            await other
        for _ in range(8):
            hall.later(10.0)
            guest.ping(job_id)
        assert await hall.status(job_id) is JobStatus.RUNNING

    hall.play(scene())


def test_what_a_worker_held_that_was_started_anew_is_tried_again(hall: Hall) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        guest.ping(job_id)
        hall.takes.hung_up(guest.visit)
        assert await guest.take() == [job_id]
        assert (await hall.job(job_id)).attempt == 2

    hall.play(scene())


def test_a_busy_worker_of_this_platform_may_be_silent_for_as_long_as_its_job_may_take(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue(timeout=300.0)
        assert await caller.take() == [job_id]
        hall.later(290.0, step=5.0)
        assert caller.succeed(job_id)
        hall.later(SILENCE + 5.0, step=5.0)
        assert hall.runtime.killed == [caller.id]

    hall.play(scene())


def test_a_failed_start_check_is_told_with_the_start_that_failed(hall: Hall) -> None:
    async def scene() -> None:
        worker_id, token = await hall.started()
        visit = hall.takes.admit(hall.endpoint.id, worker_id, token, None)
        hall.takes.unhealthy(visit, "_memory_check", "2 GB are free, 4 are needed")
        hall.runtime.end(worker_id, Departure.of_exit(1))
        last = hall.workers.starts.history(hall.version.id).last
        assert last is not None
        assert last.reason == "failed its start check: _memory_check: 2 GB are free, 4 are needed"

    hall.play(scene())


# -- ends ---------------------------------------------------------------------------------------------------------------


def test_an_idle_worker_that_is_to_go_is_signalled_and_then_its_polls_end(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        take, stops = caller.waits(hold=60.0), caller.hears(hold=60.0)
        await hall.settle()
        signalled: list[bool] = []
        terminate = hall.runtime.terminate

        def signal(worker_id: str) -> None:
            signalled.append(not take.done() and not stops.done())
            terminate(worker_id)

        hall.runtime.terminate = signal  # type: ignore[method-assign] # to see what has been when it is called
        hall.workers.stop(caller.id)
        assert (await take, await stops) == ([], [])
        assert (signalled, hall.runtime.terminated) == ([True], [caller.id])
        await hall.queue()
        assert await caller.take(hold=0.01) == []
        assert hall.dispatcher.board.queued(hall.version.id) == 1
        hall.runtime.end(caller.id, Departure.of_exit(0))
        assert hall.workers.starts.history(hall.version.id).failures == 0
        assert hall.lines() == []

    hall.play(scene())


def test_a_busy_worker_that_is_to_go_is_signalled_once_it_holds_nothing(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        ids = [await hall.queue() for _ in range(2)]
        assert await caller.take(2) == ids
        hall.workers.stop(caller.id)
        await hall.settle()
        assert caller.succeed(ids[0])
        assert hall.runtime.terminated == []
        assert caller.succeed(ids[1])
        assert hall.runtime.terminated == [caller.id]
        assert await hall.status(ids[1]) is JobStatus.SUCCEEDED

    hall.play(scene())


def test_a_worker_is_signalled_once(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        hall.dispatcher.stops.cancel(job_id)
        hall.workers.stop(caller.id)
        await hall.settle()
        assert not caller.succeed(job_id)
        assert hall.runtime.terminated == [caller.id]

    hall.play(scene())


def test_polls_of_a_worker_that_is_to_go_are_held_for_a_second(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        hall.workers.stop(caller.id)
        await hall.settle()
        loop = asyncio.get_running_loop()
        began = loop.time()
        take, stops = caller.waits(hold=60.0), caller.hears(hold=60.0)
        assert (await take, await stops) == ([], [])
        assert 0.5 < loop.time() - began < 5.0

    hall.play(scene())


def test_a_worker_that_exits_with_a_job_leaves_it_to_others(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        hall.workers.stop(caller.id)
        hall.runtime.end(caller.id, Departure.of_exit(0))
        job = await hall.job(job_id)
        assert (job.status, job.attempt) == (JobStatus.QUEUED, 1)

    hall.play(scene())


def test_a_job_that_comes_as_a_worker_is_told_to_go_is_not_given_to_it(hall: Hall) -> None:
    async def scene() -> None:
        caller, other = await hall.caller(), await hall.caller()
        poll = caller.waits()
        await hall.settle()
        job_id = await hall.queue()
        hall.workers.stop(caller.id)
        await hall.settle()
        got = names(await poll)
        assert got + await other.take() == [job_id]
        assert (await hall.job(job_id)).attempt == 1
        assert hall.runtime.terminated == ([] if got else [caller.id])

    hall.play(scene())


def test_a_worker_that_asks_to_be_replaced_ends_after_its_job_and_is_no_failed_start(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        hall.takes.leave_after(caller.visit)
        await hall.settle()
        assert hall.runtime.terminated == []
        assert caller.succeed(job_id)
        assert hall.runtime.terminated == [caller.id]
        hall.runtime.end(caller.id, Departure.of_exit(0))
        assert hall.workers.starts.history(hall.version.id).failures == 0

    hall.play(scene())


def test_a_worker_from_elsewhere_that_asks_to_be_replaced_sees_to_that_itself(hall: Hall) -> None:
    async def scene() -> None:
        guest = await hall.guest()
        hall.takes.leave_after(guest.visit)
        job_id = await hall.queue()
        assert await guest.take() == [job_id]
        hall.workers.stop(guest.id)
        await hall.settle()
        assert hall.workers.register.ids() == [guest.id]
        assert guest.succeed(job_id)
        assert (hall.workers.register.ids(), hall.runtime.terminated) == ([], [])

    hall.play(scene())


# -- lines --------------------------------------------------------------------------------------------------------------


def _read(text: str) -> Line:
    about, colon, rest = text.partition(":")
    return Line(rest, about or None, is_last=rest == "done") if colon else Line(text)


def test_lines_go_to_the_job_that_they_are_about_or_else_to_the_worker(hall: Hall) -> None:
    hall.readers[hall.version.host] = _read

    async def scene() -> None:
        caller = await hall.caller()
        assert hall.takes.wrote(caller.id, ":ready")
        first = await hall.queue()
        assert await caller.take(2) == [first]
        assert hall.takes.wrote(caller.id, "about the only one")
        second = await hall.queue()
        assert await caller.take(1, busy=True) == [second]
        assert hall.takes.wrote(caller.id, f"{second}:about the second")
        assert hall.takes.wrote(caller.id, "about which?")
        assert caller.succeed(first)
        assert hall.takes.wrote(caller.id, f"{first}:about the first, late")
        assert caller.succeed(second)
        await hall.settle()
        for job_id, text in ((first, b"about the only one\n"), (second, b"about the second\n")):
            events = await hall.store.read(lambda tx, j=job_id: tx.jobs.events(j, kinds=(EventKind.LOG,)))  # type: ignore[misc] # a default binds it now
            assert [event.data for event in events] == [text]
        about = {line.text: line.job_id for line in hall.workers.logs.lines(hall.ada, ref("ada/hello"))}
        assert about == {
            "ready": None,
            "about the only one": first,
            "about the second": second,
            "about which?": None,
            "about the first, late": None,
        }

    hall.play(scene())


@pytest.mark.parametrize(("host", "kept"), [("linked", []), ("other", ["starting"])])
def test_before_a_worker_has_come_its_lines_are_read_where_it_is_of_a_kind_that_polls(
    hall: Hall, host: str, kept: list[str]
) -> None:
    hall.readers["other"] = _read
    assert not hall.takes.wrote("wrk_none", "x:starting")

    async def scene() -> None:
        worker_id = hall.workers.start(replace(hall.version, host=host))
        version = replace(hall.version, host=host)
        hall.endpoints.version = lambda _: version  # type: ignore[assignment, method-assign] # a version of another kind
        assert hall.takes.wrote(worker_id, ":starting") is bool(kept)
        assert hall.lines() == kept

    hall.play(scene())


# -- more than was asked for --------------------------------------------------------------------------------------------


async def _quick(hall: Hall, caller: Caller) -> None:
    """Shows that the worker's jobs take an eighth of a second."""
    job_id = await hall.queue()
    assert await caller.take() == [job_id]
    hall.now += 0.125
    assert caller.succeed(job_id)


def test_a_quick_worker_is_given_a_second_of_work_and_works_in_order(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        await _quick(hall, caller)
        ids = [await hall.queue() for _ in range(20)]
        assert await caller.take() == ids[:9]
        begun = hall.now
        hall.now += 0.1
        assert caller.succeed(ids[0])
        assert (await hall.job(ids[0])).started_at == begun
        assert (await hall.job(ids[1])).started_at == hall.now
        assert (await hall.job(ids[2])).started_at is None

    hall.play(scene())


def test_surplus_is_shared_and_never_taken_from_a_worker_that_asks(hall: Hall) -> None:
    async def scene() -> None:
        caller, other = await hall.caller(), await hall.caller()
        await _quick(hall, caller)
        poll = other.waits()
        await hall.settle()
        ids = [await hall.queue() for _ in range(5)]
        assert names(await poll) == ids[:1]
        assert await caller.take() == ids[1:4]

    hall.play(scene())


def test_surplus_that_had_not_begun_goes_back_uncounted_when_the_worker_ends(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        await _quick(hall, caller)
        ids = [await hall.queue() for _ in range(3)]
        assert await caller.take() == ids
        hall.runtime.end(caller.id, Departure.of_exit(-9))
        jobs = [await hall.job(job_id) for job_id in ids]
        assert [(job.status, job.attempt) for job in jobs] == [
            (JobStatus.QUEUED, 1),
            (JobStatus.QUEUED, 0),
            (JobStatus.QUEUED, 0),
        ]

    hall.play(scene())


def test_surplus_that_never_arrived_goes_back_uncounted_but_for_the_first(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        await _quick(hall, caller)
        ids = [await hall.queue() for _ in range(3)]
        assert await caller.take() == ids
        assert await caller.take() == []
        assert [(await hall.job(job_id)).attempt for job_id in ids] == [0, 0, 0]
        hall.later(rules.LOST_REST)
        assert await caller.take() == ids[1:]
        assert caller.succeed(ids[1])
        assert caller.succeed(ids[2])
        assert await caller.take() == ids[:1]

    hall.play(scene())


def test_surplus_is_not_missed_by_pings_before_its_turn(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        await _quick(hall, caller)
        ids = [await hall.queue() for _ in range(2)]
        assert await caller.take() == ids
        for _ in range(5):
            hall.later(10.0)
            caller.ping(ids[0])
        assert await hall.status(ids[1]) is JobStatus.RUNNING

    hall.play(scene())


def test_a_worker_of_several_places_or_a_slow_one_is_given_what_it_asks_for(hall: Hall) -> None:
    async def scene() -> None:
        several, slow = await hall.caller(), await hall.caller()
        first = await hall.queue()
        assert await slow.take() == [first]
        hall.now += 0.6
        assert slow.succeed(first)
        await _quick(hall, several)
        ids = [await hall.queue() for _ in range(6)]
        assert await slow.take() == ids[:1]
        assert await several.take(2) == ids[1:3]
        for job_id in ids[1:3]:
            hall.now += 0.125
            assert several.succeed(job_id)
        assert await several.take() == ids[3:5]  # it takes one at a time now: what it asks for, and its share

    hall.play(scene())


def test_no_repr_shows_the_token_of_an_attempt(hall: Hall) -> None:
    async def scene() -> None:
        caller = await hall.caller()
        job_id = await hall.queue()
        assert await caller.take() == [job_id]
        (desk,) = hall.takes._reception.desks()
        attempt = desk.held[job_id]
        for shown in (repr(attempt), repr(desk.ref(attempt)), repr(desk)):
            assert attempt.token not in shown
            assert hall.runtime.started[caller.id].token not in shown

    hall.play(scene())
