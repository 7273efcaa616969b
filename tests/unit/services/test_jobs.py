"""Jobs through the real services: called, followed, stopped and told of, by everybody who may and nobody else."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import check_hidden, ref, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, CoreError, Forbidden, InvalidInput, NotFound, StorageFull
from trivet.platform.core.jobs import EventKind, Job, JobError, JobEvent, JobStatus, Progress
from trivet.platform.core.payloads import INLINE_LIMIT, JSON, Payload
from trivet.platform.core.views import JobView
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import AttemptRef
from trivet.platform.services import jobs as service
from trivet.platform.services import stops
from trivet.platform.services.story import RECENT_EVENTS

HELLO = ref("ada/hello")
BIG = Payload.inline(b'"' + b"x" * INLINE_LIMIT + b'"')
MISSING = "job_000000000000"
Way = Callable[["Studio", Principal, str], Coroutine[Any, Any, object]]


class Studio(Plant):
    """Ada's private ``ada/hello``, and Sam, who has nothing to do with it. Workers connect when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = self.account("ada")
        self.sam = self.account("sam")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello", concurrency=4)

    def open_up(self) -> None:
        """Everybody may call ``ada/hello``."""
        run(self.endpoints.update(self.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC)))

    async def up(self) -> Hand:
        """A worker that is ready: the one that the platform has started, else a new one."""
        return await self.hand(self.version, start=not self.workers.register.starting(self.version.id))

    async def queue(self, principal: Principal | None = None, given: Payload | None = None, **limits: float) -> str:
        """A job on disk; its id."""
        options = CallOptions(**limits)  # type: ignore[arg-type]  # numbers all
        return (await self.calls.submit(principal or self.ada, HELLO, given or payload(), options)).job.id

    async def job(self, job_id: str) -> Job:
        return (await self.jobs.get(self.admin, job_id)).job

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.dispatcher.tick()

    def restart(self) -> None:
        """The server dies and comes up again on the same store; its workers are gone."""
        self.runtime.started.clear()
        self.build()


async def story(studio: Studio, job_id: str, after: int = 0) -> list[str]:
    """A job's events, each in a word or two."""
    return [line async for item in studio.jobs.events(studio.ada, job_id, after) for line in told(item)]


def told(item: list[JobEvent] | JobView | None) -> list[str]:
    if item is None:
        return ["ping"]
    if isinstance(item, list):
        return [f"{event.seq} {event.kind} {event.data.decode()}" for event in item]
    return [f"{item.job.status} {item.job.attempt}"]


@pytest.fixture
def studio() -> Studio:
    return Studio()


# -- run ----------------------------------------------------------------------------------------------------------------


def test_run_answers_with_the_result(studio: Studio) -> None:
    async def scene() -> None:
        call = asyncio.create_task(studio.calls.run(studio.ada, HELLO, payload('"hi"')))
        await studio.settle()
        hand = await studio.up()
        assert (hand.orders[0].body, hand.orders[0].content_type) == (b'"hi"', JSON)
        hand.succeed("42")
        view = await call
        assert (view.endpoint_name, view.version_number) == ("ada/hello", studio.version.number)
        assert (view.job.status, view.job.output) == (JobStatus.SUCCEEDED, Payload.inline(b"42"))
        await studio.settle()
        assert await studio.stored(view.job.id) == view.job

    studio.play(scene())


def test_run_tells_of_a_failure_as_it_was(studio: Studio) -> None:
    async def scene() -> None:
        call = asyncio.create_task(studio.calls.run(studio.ada, HELLO, payload()))
        await studio.settle()
        (await studio.up()).fail("out of luck")
        job = (await call).job
        assert job.error is not None
        assert (job.status, job.error.message, job.error.type) == (JobStatus.FAILED, "out of luck", "ValueError")

    studio.play(scene())


def test_a_call_that_takes_longer_than_its_caller_waits_is_on_disk_when_that_is_said(studio: Studio) -> None:
    async def scene() -> None:
        view = await studio.calls.run(studio.ada, HELLO, payload(), wait=0.01)
        assert view.job.status is JobStatus.QUEUED
        assert await studio.stored(view.job.id) == view.job
        (await studio.up()).succeed()
        await studio.settle()
        assert (await studio.job(view.job.id)).status is JobStatus.SUCCEEDED

    studio.play(scene())


def test_a_call_is_not_said_to_go_on_before_a_full_disk_has_taken_it(studio: Studio) -> None:
    async def scene() -> None:
        studio.store.out_of_space = True
        call = asyncio.create_task(studio.calls.run(studio.ada, HELLO, payload(), wait=0))
        await studio.settle()
        assert not call.done()
        studio.store.out_of_space = False
        view = await call
        assert await studio.stored(view.job.id) == view.job

    studio.play(scene())


def test_an_input_that_misses_the_schema_is_refused_and_nothing_is_queued(studio: Studio) -> None:
    studio.offer(studio.ada, "ada/strict", schema={"type": "object", "required": ["times"]})

    async def scene() -> None:
        for way in (studio.calls.run, studio.calls.submit, studio.calls.start_stream):
            with pytest.raises(InvalidInput):
                await way(studio.ada, ref("ada/strict"), payload("{}"))
        assert len(studio.dispatcher.open_jobs) == 0
        assert await studio.jobs.page(studio.ada) == []

    studio.play(scene())


@pytest.mark.parametrize("limit", ["timeout", "ttl"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 31 * 86_400.0])
def test_limits_that_can_not_be_are_refused(studio: Studio, limit: str, value: float) -> None:
    async def scene() -> None:
        with pytest.raises(BadRequest, match=limit):
            await studio.calls.submit(studio.ada, HELLO, payload(), CallOptions(**{limit: value}))  # type: ignore[arg-type]  # numbers all
        assert len(studio.dispatcher.open_jobs) == 0

    studio.play(scene())


def test_the_limits_of_a_call_come_before_those_of_its_author(studio: Studio) -> None:
    studio.offer(studio.ada, "ada/limited", timeout=7.0, ttl=70.0, max_attempts=2)

    async def scene() -> None:
        usual = (await studio.calls.submit(studio.ada, ref("ada/limited"), payload())).job.policy
        assert (usual.timeout, usual.ttl, usual.max_attempts) == (7.0, 70.0, 2)
        own = (
            await studio.calls.submit(studio.ada, ref("ada/limited"), payload(), CallOptions(timeout=1, ttl=2))
        ).job.policy
        assert (own.timeout, own.ttl, own.max_attempts) == (1, 2, 2)

    studio.play(scene())


@pytest.mark.parametrize("held", [True, False])
def test_a_job_over_its_timeout_is_asked_to_stop_whether_it_was_called_or_submitted(studio: Studio, held: bool) -> None:
    async def scene() -> None:
        hand = await studio.up()
        way = studio.calls.start_stream if held else studio.calls.submit
        view = await way(studio.ada, HELLO, payload(), CallOptions(timeout=5.0))
        for _ in range(49):
            studio.after(0.1)
        assert hand.cancels == []
        for _ in range(3):
            studio.after(0.1)
        assert hand.cancels == [(hand.orders[0].number, "timed_out")]
        hand.stopped()
        await studio.settle()
        job = await studio.job(view.job.id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.TIMED_OUT, "execution_timeout")

    studio.play(scene())


# -- submit -------------------------------------------------------------------------------------------------------------


def test_a_submitted_job_is_on_disk_when_that_is_said(studio: Studio) -> None:
    async def scene() -> None:
        view = await studio.calls.submit(studio.ada, HELLO, payload())
        assert await studio.stored(view.job.id) == view.job

    studio.play(scene())


def test_a_full_disk_refuses_a_job_and_leaves_nothing_of_it(studio: Studio) -> None:
    async def scene() -> None:
        studio.store.out_of_space = True
        for given in (payload(), BIG):
            with pytest.raises(StorageFull):
                await studio.queue(given=given)
        assert (len(studio.dispatcher.open_jobs), studio.blobs.blobs) == (0, {})

    studio.play(scene())


def test_a_large_input_lies_in_the_blob_store_and_reaches_the_worker_whole(studio: Studio) -> None:
    async def scene() -> None:
        hand = await studio.up()
        job = await studio.job(await studio.queue(given=BIG))
        assert (job.input.data, job.input.size) == (None, BIG.size)
        assert await studio.jobs.read(job.input) == BIG.data
        await studio.settle()
        assert hand.orders[0].body == BIG.data
        hand.succeed(BIG.data.decode() if BIG.data else "")
        await studio.settle()
        output = (await studio.job(job.id)).output
        assert output is not None
        assert output.blob is not None
        assert await studio.jobs.read(output) == BIG.data

    studio.play(scene())


def test_a_job_whose_input_was_lost_fails_and_holds_nobody_up(studio: Studio) -> None:
    _, version = studio.offer(studio.ada, "ada/single")

    async def scene() -> None:
        lost = (await studio.calls.submit(studio.ada, ref("ada/single"), BIG)).job
        await studio.calls.submit(studio.ada, ref("ada/single"), payload())
        studio.blobs.blobs.clear()
        hand = await studio.hand(version, start=False)
        await studio.settle()
        job = await studio.job(lost.id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.FAILED, "input_lost")
        assert len(hand.orders) == 1

    studio.play(scene())


@pytest.mark.parametrize("held", [True, False])
def test_a_job_whose_endpoint_is_deleted_while_its_input_is_stored_fails_instead_of_waiting(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    put = studio.blobs.put

    async def slow_put(data: bytes) -> str:
        await studio.endpoints.remove(studio.ada, HELLO)
        return await put(data)

    monkeypatch.setattr(studio.blobs, "put", slow_put)

    async def scene() -> None:
        way = studio.calls.start_stream if held else studio.calls.submit
        view = await way(studio.ada, HELLO, BIG)
        await studio.settle()
        job = await studio.job(view.job.id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.FAILED, "endpoint_deleted")

    studio.play(scene())


def test_nothing_of_a_job_stays_in_memory_once_it_has_ended(studio: Studio) -> None:
    async def scene() -> None:
        hand = await studio.up()
        for number in range(60):
            if number % 3:
                job_id = await studio.queue(given=BIG if number % 20 == 1 else None)
            else:
                job_id = (await studio.calls.start_stream(studio.ada, HELLO, payload())).job.id
            await studio.settle()
            reader = asyncio.create_task(story(studio, job_id))
            await studio.settle()
            if number % 4 == 0:
                hand.piece("1")
                hand.log("a line\n")
                studio.after(0.2)
                hand.succeed("[1]", pieces=1)
            elif number % 4 == 1:
                hand.fail()
            elif number % 4 == 2:
                studio.dispatcher.stops.cancel(job_id)
                hand.stopped()
            else:
                hand.succeed()
            await reader
        studio.after(1.0)
        await studio.settle()
        keeper = studio.dispatcher
        assert (list(keeper.open_jobs), keeper._fresh, keeper.board.seats(studio.version.id)[0].held) == ([], [], {})
        assert not any(keeper.board._queues.values())
        assert studio.notifier._topics == {}
        assert studio.recorder._pending == []

    studio.play(scene())


# -- who may ------------------------------------------------------------------------------------------------------------


async def _events(studio: Studio, principal: Principal, job_id: str) -> object:
    async for item in studio.jobs.events(principal, job_id):
        return item
    return None


WAYS: dict[str, Way] = {
    "get": lambda studio, who, job_id: studio.jobs.get(who, job_id),
    "logs": lambda studio, who, job_id: studio.jobs.logs(who, job_id),
    "explain": lambda studio, who, job_id: studio.jobs.explain(who, job_id),
    "events": _events,
    "cancel": lambda studio, who, job_id: studio.jobs.cancel(who, job_id),
    "replay": lambda studio, who, job_id: studio.replays.replay(who, job_id),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stranger_can_not_tell_a_job_from_none(studio: Studio, way: str) -> None:
    job_id = studio.play(studio.queue())
    check_hidden(lambda named: studio.play(WAYS[way](studio, studio.sam, named)), job_id, MISSING)


@pytest.mark.parametrize("way", WAYS)
def test_who_called_a_public_endpoint_sees_its_own_job_and_nobody_elses(studio: Studio, way: str) -> None:
    studio.open_up()
    eve = studio.account("eve")
    job_id = studio.play(studio.queue(studio.sam))
    check_hidden(lambda named: studio.play(WAYS[way](studio, eve, named)), job_id, MISSING)
    for who in (studio.sam, studio.ada, studio.admin):
        studio.play(WAYS[way](studio, who, job_id))


@pytest.mark.parametrize("way", WAYS)
def test_an_administrator_without_the_scope_for_it_is_a_stranger(studio: Studio, way: str) -> None:
    job_id = studio.play(studio.queue())
    plain = studio.with_scopes(studio.admin, "call", "read")
    check_hidden(lambda named: studio.play(WAYS[way](studio, plain, named)), job_id, MISSING)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("call", set(WAYS)), ("read", {"get", "logs", "explain", "events"}), ("deploy", set())],
)
def test_a_key_does_what_its_scopes_say_on_ones_own_job(studio: Studio, scope: str, allowed: set[str]) -> None:
    job_id = studio.play(studio.queue())
    key = studio.with_scopes(studio.ada, scope)
    for name, way in WAYS.items():
        if name in allowed:
            studio.play(way(studio, key, job_id))
        else:
            with pytest.raises(Forbidden):
                studio.play(way(studio, key, job_id))


def test_a_key_without_the_scope_calls_nothing_and_lists_nothing(studio: Studio) -> None:
    reader, caller = studio.with_scopes(studio.ada, "read"), studio.with_scopes(studio.ada, "call")

    async def scene() -> None:
        for way in (studio.calls.run, studio.calls.submit, studio.calls.start_stream):
            with pytest.raises(Forbidden):
                await way(reader, HELLO, payload())
        with pytest.raises(Forbidden):
            await studio.jobs.page(caller)
        with pytest.raises(Forbidden):
            await studio.jobs.health(caller, HELLO)
        assert len(studio.dispatcher.open_jobs) == 0

    studio.play(scene())


def test_a_stranger_can_not_call_purge_or_look_into_a_hidden_endpoint(studio: Studio) -> None:
    def way(work: Callable[[str], Coroutine[Any, Any, object]]) -> None:
        check_hidden(lambda named: studio.play(work(named)), "ada/hello", "ada/nothing")

    way(lambda named: studio.calls.run(studio.sam, ref(named), payload()))
    way(lambda named: studio.calls.submit(studio.sam, ref(named), payload()))
    way(lambda named: studio.jobs.purge(studio.sam, ref(named)))
    way(lambda named: studio.jobs.health(studio.sam, ref(named)))
    way(lambda named: studio.jobs.page(studio.sam, endpoint=ref(named)))


def test_who_may_only_call_an_endpoint_may_not_purge_it(studio: Studio) -> None:
    studio.open_up()
    with pytest.raises(Forbidden):
        studio.play(studio.jobs.purge(studio.sam, HELLO))


# -- looking ------------------------------------------------------------------------------------------------------------


def test_a_look_that_waits_answers_when_the_job_has_ended(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        look = asyncio.create_task(studio.jobs.get(studio.ada, job_id, wait=30))
        hand = await studio.up()
        hand.log("not yet\n")
        await studio.settle()
        assert not look.done()
        hand.succeed()
        assert (await look).job.status is JobStatus.SUCCEEDED

    studio.play(scene())


def test_a_look_that_waits_in_vain_answers_with_what_is(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        assert (await studio.jobs.get(studio.ada, job_id, wait=0.01)).job.status is JobStatus.QUEUED

    studio.play(scene())


def test_the_log_of_a_job_holds_what_was_printed_in_order_and_goes_on_from_anywhere(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        for number in range(4):
            hand.log(f"line {number}\n")
            hand.piece("1")
        await studio.settle()
        everything = ["line 0\n", "line 1\n", "line 2\n", "line 3\n"]

        async def lines(**page: int) -> list[str]:
            return [event.data.decode() for event in await studio.jobs.logs(studio.ada, job_id, **page)]

        for end in (False, True):
            if end:
                hand.succeed()
                await studio.settle()
            assert await lines() == everything
            assert await lines(after=3) == everything[2:]
            assert await lines(limit=2) == everything[:2]

    studio.play(scene())


def test_the_story_of_a_job_is_told_as_it_unfolds(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        reader = asyncio.create_task(story(studio, job_id))
        await studio.settle()
        hand = await studio.up()
        await studio.settle()
        studio.dispatcher.attempts.progress(hand.ref(), Progress(0.5, "half way"))
        hand.piece('"a"')
        hand.log("noise\n")
        await studio.settle()
        hand.succeed('["a"]', pieces=1)
        assert await reader == [
            "queued 0",
            "running 1",
            "1 progress half way",
            '2 piece "a"',
            "3 log noise\n",
            "succeeded 1",
        ]
        assert await story(studio, job_id, after=2) == ["3 log noise\n", "succeeded 1"]

    studio.play(scene())


def test_a_story_tells_of_a_second_attempt(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        reader = asyncio.create_task(story(studio, job_id))
        await studio.settle()
        studio.runtime.end(hand.id, Departure.of_exit(1))
        await studio.settle()
        (await studio.up()).succeed()
        assert await reader == [
            "running 1",
            "queued 1",
            "1 log attempt 1: the worker exited with status 1",
            "running 2",
            "succeeded 2",
        ]

    studio.play(scene())


def test_a_long_stream_is_told_whole_and_in_order_to_early_and_late_readers(studio: Studio) -> None:
    count = 3 * RECENT_EVENTS

    async def scene() -> None:
        view = await studio.calls.start_stream(studio.ada, HELLO, payload())
        hand = await studio.up()
        early = asyncio.create_task(story(studio, view.job.id))
        for number in range(count):
            hand.piece(str(number))
            if number % 500 == 0:
                studio.after(0.1)
                await studio.settle()
        studio.after(0.1)
        await studio.settle()
        assert len(studio.dispatcher.open_jobs._live[view.job.id].story.recent) == RECENT_EVENTS
        middle = asyncio.create_task(story(studio, view.job.id))
        await studio.settle()
        hand.succeed("[]", pieces=count)
        wanted = [f"{number + 1} piece {number}" for number in range(count)]
        for found in (await early, await middle, await story(studio, view.job.id)):
            assert [item for item in found if "piece" in item] == wanted
            assert found[-1] == "succeeded 1"

    studio.play(scene())


def test_a_silent_job_gives_signs_of_life(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PING", 0.001)

    async def scene() -> None:
        job_id = await studio.queue()
        found = studio.jobs.events(studio.ada, job_id)
        assert [told(await anext(found)) for _ in range(3)] == [["queued 0"], ["ping"], ["ping"]]
        (await studio.up()).succeed()
        await studio.settle()
        assert [told(item) async for item in found] == [["succeeded 1"]]

    studio.play(scene())


def test_explain_tells_the_queue_the_run_and_the_end(studio: Studio) -> None:
    _, version = studio.offer(studio.ada, "ada/single")

    async def scene() -> None:
        first, second = [(await studio.calls.submit(studio.ada, ref("ada/single"), payload())).job.id for _ in "12"]
        waiting = await studio.jobs.explain(studio.ada, second)
        assert (waiting.position, waiting.waiting_for) == (2, "worker_starting")
        hand = await studio.hand(version, start=False)
        waiting = await studio.jobs.explain(studio.ada, second)
        assert (waiting.position, waiting.waiting_for) == (1, "free_worker")
        running = await studio.jobs.explain(studio.ada, first)
        assert (running.position, running.waiting_for) == (None, "handler")
        assert hand.id in running.summary
        hand.fail("out of luck")
        await studio.settle()
        assert (await studio.jobs.explain(studio.ada, first)).reasons == ("ValueError: out of luck",)

    studio.play(scene())


def test_explain_does_not_count_a_draining_worker_as_one_to_wait_for(studio: Studio) -> None:
    async def scene() -> None:
        hand = await studio.up()
        await studio.queue()
        studio.workers.stop(hand.id)
        waiting = await studio.jobs.explain(studio.ada, await studio.queue())
        assert waiting.waiting_for == "worker_starting"

    studio.play(scene())


def test_explain_shows_the_lines_of_a_crashing_worker_to_who_manages_the_endpoint_only(studio: Studio) -> None:
    studio.open_up()

    async def scene() -> None:
        job_id = await studio.queue(studio.sam)
        for _ in range(2):
            hand = await studio.hand(studio.version, start=False, ready=False)
            studio.runtime.end(hand.id, Departure.of_exit(1, ("PASSWORD=hush",)))
            studio.now += 1.0
            studio.scaling.tick()
        for who, lines in ((studio.ada, ("PASSWORD=hush",)), (studio.admin, ("PASSWORD=hush",)), (studio.sam, ())):
            found = await studio.jobs.explain(who, job_id)
            assert (found.waiting_for, found.worker_log) == ("crash_loop", lines)

    studio.play(scene())


def test_a_workers_own_lines_in_a_jobs_error_are_for_those_who_manage_the_endpoint(studio: Studio) -> None:
    studio.open_up()

    def lines(view: JobView) -> tuple[str, ...]:
        assert view.job.error is not None
        return view.job.error.worker_log

    async def seen(who: Principal, job_id: str) -> list[tuple[str, ...]]:
        """The lines in every view of the job that is handed out."""
        views = [item async for item in studio.jobs.events(who, job_id) if isinstance(item, JobView)]
        views += await studio.jobs.page(who, endpoint=HELLO)
        views += [await studio.jobs.get(who, job_id), (await studio.jobs.cancel(who, job_id)).view]
        return [lines(view) for view in views]

    async def scene() -> None:
        hand = await studio.up()
        called = asyncio.ensure_future(studio.calls.run(studio.sam, HELLO, payload()))
        await studio.settle()
        studio.dispatcher.attempts.fail(
            hand.ref(), JobError("handler_error", "It is gone.", worker_log=("PASSWORD=hush",))
        )
        answered = await called
        assert lines(answered) == ()
        await studio.settle()
        assert await seen(studio.sam, answered.job.id) == [(), (), (), ()]
        for who in (studio.ada, studio.admin):
            assert await seen(who, answered.job.id) == [("PASSWORD=hush",)] * 4
        await studio.endpoints.remove(studio.ada, HELLO)
        assert lines(await studio.jobs.get(studio.sam, answered.job.id)) == ()

    studio.play(scene())


def test_health_counts_jobs_and_workers(studio: Studio) -> None:
    async def scene() -> None:
        done = await studio.queue()
        hand = await studio.up()
        hand.succeed()
        for _ in range(6):
            await studio.queue()
        studio.now += 2.5
        await studio.settle()
        assert (await studio.job(done)).status is JobStatus.SUCCEEDED
        health = await studio.jobs.health(studio.ada, HELLO)
        assert {status: count for status, count in health.jobs.items() if count} == {
            JobStatus.SUCCEEDED: 1,
            JobStatus.RUNNING: 4,
            JobStatus.QUEUED: 2,
        }
        assert set(health.jobs) == set(JobStatus)
        assert health.oldest_queued_ms == 2500.0
        assert studio.jobs.counts(studio.endpoint.id) == {JobStatus.QUEUED: 2, JobStatus.RUNNING: 4}
        assert (await studio.jobs.health(studio.admin, HELLO)).endpoint_name == "ada/hello"

    studio.play(scene())


# -- listing ------------------------------------------------------------------------------------------------------------


def ids(views: list[JobView]) -> list[str]:
    return [view.job.id for view in views]


def test_a_listing_is_newest_first_in_pages_that_neither_repeat_nor_miss(studio: Studio) -> None:
    async def scene() -> None:
        made = []
        for _ in range(7):
            studio.now += 1.0
            made.append(await studio.queue())
        found: list[str] = []
        while page := await studio.jobs.page(studio.ada, before=found[-1] if found else None, limit=3):
            found += ids(page)
        assert found == made[::-1]

    studio.play(scene())


def test_a_listing_shows_ones_own_jobs_and_those_at_endpoints_that_one_manages(studio: Studio) -> None:
    studio.open_up()
    eve = studio.account("eve")

    async def scene() -> None:
        by_sam, by_ada = await studio.queue(studio.sam), await studio.queue(studio.ada)
        for who, seen in (
            (studio.ada, {by_sam, by_ada}),
            (studio.admin, {by_sam, by_ada}),
            (studio.sam, {by_sam}),
            (eve, set()),
        ):
            assert set(ids(await studio.jobs.page(who))) == seen
            assert set(ids(await studio.jobs.page(who, endpoint=HELLO))) == seen

    studio.play(scene())


def test_ones_own_jobs_at_anothers_endpoint_are_found_behind_many_others(studio: Studio) -> None:
    studio.open_up()
    studio.offer(studio.sam, "sam/own")

    async def scene() -> None:
        wanted = [await studio.queue(studio.sam) for _ in range(3)]
        for _ in range(12):
            studio.now += 1.0
            await studio.calls.submit(studio.sam, ref("sam/own"), payload())
        assert sorted(ids(await studio.jobs.page(studio.sam, endpoint=HELLO, limit=2))) == sorted(wanted)[1:]
        last = sorted(wanted)[1]
        assert ids(await studio.jobs.page(studio.sam, endpoint=HELLO, limit=2, before=last)) == sorted(wanted)[:1]

    studio.play(scene())


def test_a_listing_by_status_shows_no_job_that_has_moved_on(studio: Studio) -> None:
    async def scene() -> None:
        moved = await studio.queue()
        await studio.up()
        for _ in range(4):
            waiting = await studio.queue()
        assert (await studio.job(moved)).status is JobStatus.RUNNING
        assert ids(await studio.jobs.page(studio.ada, statuses=[JobStatus.QUEUED])) == [waiting]
        studio.after(0.2)
        await studio.settle()
        assert moved in ids(await studio.jobs.page(studio.ada, statuses=[JobStatus.RUNNING]))

    studio.play(scene())


# -- cancel and purge ---------------------------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_at_once_and_on_disk(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        outcome = await studio.jobs.cancel(studio.ada, job_id)
        assert (outcome.cancelled, outcome.detail) == (True, "The job was cancelled.")
        assert await studio.stored(job_id) == outcome.view.job
        assert (await studio.up()).orders == []

    studio.play(scene())


def test_a_running_job_is_cancelled_once_its_worker_says_so(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        cancel = asyncio.create_task(studio.jobs.cancel(studio.ada, job_id))
        await studio.settle()
        assert not cancel.done()
        assert hand.cancels == [(hand.orders[0].number, "cancelled")]
        hand.stopped()
        assert (await cancel).cancelled

    studio.play(scene())


def test_a_cancel_that_comes_too_late_says_how_the_job_ended(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        cancel = asyncio.create_task(studio.jobs.cancel(studio.ada, job_id))
        await studio.settle()
        hand.succeed()
        outcome = await cancel
        assert (outcome.cancelled, outcome.detail) == (False, "The job ended before the cancel could take: succeeded.")
        again = await studio.jobs.cancel(studio.ada, job_id)
        assert (again.cancelled, again.detail) == (False, "The job had ended already: succeeded. Nothing changed.")

    studio.play(scene())


def test_a_cancel_that_is_not_confirmed_in_time_says_so(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        outcome = await studio.jobs.cancel(studio.ada, job_id, 0.01)
        assert (outcome.cancelled, outcome.view.job.status) == (False, JobStatus.RUNNING)
        assert "has not confirmed yet" in outcome.detail
        studio.after(stops.STOP_GRACE)
        assert studio.runtime.killed == [hand.id]
        await studio.settle()
        assert (await studio.job(job_id)).status is JobStatus.CANCELLED

    studio.play(scene())


def test_a_cancelled_job_whose_worker_ran_out_of_memory_was_cancelled(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        studio.dispatcher.stops.cancel(job_id)
        studio.runtime.end(hand.id, Departure.of_exit(-9, memory_limit=2**30))
        await studio.settle()
        job = await studio.job(job_id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.CANCELLED, "cancelled")

    studio.play(scene())


def test_a_job_that_takes_its_worker_over_its_memory_limit_again_and_again_says_so(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        for _ in range(3):
            hand = await studio.up()
            studio.runtime.end(hand.id, Departure.of_exit(-9, memory_limit=2**30))
        await studio.settle()
        job = await studio.job(job_id)
        assert job.error is not None
        assert (job.status, job.error.code, job.attempt) == (JobStatus.FAILED, "out_of_memory", 3)

    studio.play(scene())


def test_purge_cancels_what_waits_at_any_version_and_leaves_what_runs(studio: Studio) -> None:
    async def scene() -> None:
        await studio.up()
        made = [await studio.queue() for _ in range(6)]
        assert await studio.jobs.purge(studio.ada, HELLO) == 2
        await studio.settle()
        found = [(await studio.job(job_id)).status for job_id in made]
        assert found == [JobStatus.RUNNING] * 4 + [JobStatus.CANCELLED] * 2
        assert await studio.jobs.purge(studio.admin, HELLO) == 0

    studio.play(scene())


# -- replay -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [payload('"again"'), BIG], ids=["small", "large"])
def test_a_replay_is_a_new_job_with_the_same_input_and_limits(studio: Studio, given: Payload) -> None:
    async def scene() -> None:
        old = await studio.job(await studio.queue(given=given, timeout=7.0, ttl=70.0))
        view = await studio.replays.replay(studio.ada, old.id)
        new = view.job
        assert new.id != old.id
        assert (new.policy, new.input.content_type) == (old.policy, old.input.content_type)
        assert await studio.jobs.read(new.input) == given.data
        assert new.input.blob is None or new.input.blob != old.input.blob
        assert await studio.stored(new.id) == new

    studio.play(scene())


def test_a_replay_runs_on_the_version_that_is_current_now(studio: Studio) -> None:
    job_id = studio.play(studio.queue())
    studio.deploy(studio.ada, "b" * 64, name="ada/hello")

    async def scene() -> None:
        view = await studio.replays.replay(studio.ada, job_id)
        assert view.job.version_id != studio.version.id
        assert view.version_number != studio.version.number

    studio.play(scene())


def test_a_job_of_a_deleted_endpoint_is_shown_but_not_replayed(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        await studio.endpoints.remove(studio.ada, HELLO)
        view = await studio.jobs.get(studio.ada, job_id)
        assert (view.endpoint_name, view.version_number) == (studio.endpoint.id, "")
        with pytest.raises(NotFound):
            await studio.replays.replay(studio.ada, job_id)

    studio.play(scene())


def test_when_an_endpoint_is_deleted_what_waits_fails_and_what_runs_is_stopped(studio: Studio) -> None:
    async def scene() -> None:
        hand = await studio.up()
        made = [await studio.queue() for _ in range(5)]
        await studio.endpoints.remove(studio.ada, HELLO)
        studio.intake.abandon(studio.version.id)
        assert [reason for _, reason in hand.cancels] == ["cancelled"] * 4
        for order in list(hand.orders):
            hand.stopped(order)
        await studio.settle()
        ended = [await studio.job(job_id) for job_id in made]
        assert [job.status for job in ended] == [JobStatus.CANCELLED] * 4 + [JobStatus.FAILED]
        assert ended[-1].error is not None
        assert ended[-1].error.code == "endpoint_deleted"
        assert studio.dispatcher.board._queues == {}

    studio.play(scene())


# -- after a restart ----------------------------------------------------------------------------------------------------


def test_after_a_restart_every_open_job_goes_on_in_order(studio: Studio) -> None:
    async def scene() -> None:
        old = await studio.up()
        made = []
        for _ in range(6):
            studio.now += 1.0
            made.append(await studio.queue())
        old.succeed(order=old.orders[0])
        studio.after(0.2)
        await studio.settle()
        stale = old.ref(old.orders[1])
        studio.restart()
        assert await studio.intake.recover() == 5
        new = await studio.up()
        assert [(order.job_id, order.attempt) for order in new.orders] == [
            (made[1], 2),
            (made[2], 2),
            (made[3], 2),
            (made[4], 2),
        ]
        studio.dispatcher.attempts.succeed(stale, JSON, b"stale", 0)
        studio.dispatcher.attempts.succeed(AttemptRef(new.id, new.orders[0].number, stale.token), JSON, b"stale", 0)
        await studio.settle()
        assert (await studio.job(made[1])).status is JobStatus.RUNNING
        assert (await studio.job(made[0])).status is JobStatus.SUCCEEDED
        new.succeed()
        assert (new.orders[-1].job_id, new.orders[-1].attempt) == (made[5], 1)

    studio.play(scene())


def test_after_a_restart_events_are_counted_on_and_none_is_lost(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        old = await studio.up()
        for number in range(1200):
            old.log(f"old {number}")
        studio.after(0.2)
        await studio.settle()
        studio.restart()
        await studio.intake.recover()
        new = await studio.up()
        assert len(await studio.jobs.logs(studio.ada, job_id, limit=5000)) == 1200
        new.log("new")
        reader = asyncio.create_task(story(studio, job_id, after=1199))
        await studio.settle()
        new.succeed()
        assert await reader == ["running 2", "1200 log old 1199", "1201 log new", "succeeded 2"]
        assert await story(studio, job_id, after=1199) == ["1200 log old 1199", "1201 log new", "succeeded 2"]

    studio.play(scene())


def test_after_a_restart_a_job_without_attempts_left_has_failed(studio: Studio) -> None:
    studio.offer(studio.ada, "ada/once", max_attempts=1)

    async def scene() -> None:
        version = studio.endpoints.pick(studio.ada, ref("ada/once"))[1]
        view = await studio.calls.submit(studio.ada, ref("ada/once"), payload())
        await studio.hand(version, start=False)
        studio.after(0.2)
        await studio.settle()
        studio.restart()
        assert await studio.intake.recover() == 0
        job = await studio.job(view.job.id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.FAILED, "worker_lost")

    studio.play(scene())


def test_after_a_restart_a_job_that_was_to_be_cancelled_is(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        await studio.up()
        studio.dispatcher.stops.cancel(job_id)
        await studio.settle()
        studio.restart()
        assert await studio.intake.recover() == 0
        assert (await studio.job(job_id)).status is JobStatus.CANCELLED

    studio.play(scene())


def test_after_a_restart_a_job_of_an_endpoint_that_is_gone_fails(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        await studio.endpoints.remove(studio.ada, HELLO)
        studio.restart()
        assert await studio.intake.recover() == 0
        job = await studio.job(job_id)
        assert job.error is not None
        assert (job.status, job.error.code) == (JobStatus.FAILED, "endpoint_deleted")

    studio.play(scene())


def test_after_a_restart_a_job_over_its_time_to_live_times_out(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue(ttl=60.0)
        studio.restart()
        studio.now += 61.0
        await studio.intake.recover()
        studio.after(0.1)
        await studio.settle()
        assert (await studio.job(job_id)).status is JobStatus.TIMED_OUT

    studio.play(scene())


def test_recovering_an_empty_store_takes_nothing_up(studio: Studio) -> None:
    assert studio.play(studio.intake.recover()) == 0


def test_a_failed_look_is_an_error_of_the_core_and_not_of_a_generator(studio: Studio) -> None:
    async def scene() -> None:
        with pytest.raises(CoreError):
            await anext(studio.jobs.events(studio.ada, MISSING))
        assert studio.notifier._topics == {}

    studio.play(scene())


def test_every_kind_of_event_has_its_label(studio: Studio) -> None:
    async def scene() -> None:
        job_id = await studio.queue()
        hand = await studio.up()
        studio.dispatcher.attempts.piece(hand.ref(), "image/png", b"\x89PNG")
        studio.dispatcher.attempts.progress(hand.ref(), Progress(0.25))
        studio.dispatcher.attempts.progress(hand.ref(), Progress(None, "loading"))
        studio.dispatcher.attempts.log(hand.ref(), "stderr", b"oh\n")
        studio.dispatcher.tick()
        await studio.settle()
        events = studio.dispatcher.open_jobs.recent_events(job_id, 0)
        assert events is not None
        assert [(event.kind, event.label) for event in events] == [
            (EventKind.PIECE, "image/png"),
            (EventKind.PROGRESS, "0.25"),
            (EventKind.PROGRESS, ""),
            (EventKind.LOG, "stderr"),
        ]
        assert (await studio.job(job_id)).pieces == 1

    studio.play(scene())
