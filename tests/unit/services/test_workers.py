"""The register of workers: who is admitted, what becomes of those that fall silent, break, or are told to go."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import ref, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Endpoint, Version, Visibility
from trivet.platform.core.errors import NotFound, Unauthenticated
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.workers import STEADY_AFTER, Departure, WorkerState
from trivet.platform.ports.runtime import AttemptRef, Started, WorkerSpec
from trivet.platform.services import journals
from trivet.platform.services import workers as service
from trivet.platform.services.workers import EVERYBODY_GONE


class Yard(Plant):
    """Ada's endpoint ``ada/hello``, two jobs to a worker. Nothing scales by itself here: the tests start every worker."""

    def __init__(self) -> None:
        super().__init__()
        self.ada: Principal = self.account("ada")
        self.endpoint: Endpoint
        self.version: Version
        self.endpoint, self.version = self.offer(self.ada, "ada/hello", concurrency=2)
        self.scaling.close()

    def state(self, worker_id: str) -> WorkerState:
        return next(view.state for view in self.workers.roster.views(self.admin) if view.worker.id == worker_id)

    def lines(self) -> list[str]:
        return [line.text for line in self.workers.logs.lines(self.ada, ref("ada/hello"))]

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.workers.tick()


@pytest.fixture
def yard() -> Yard:
    return Yard()


# -- being admitted -----------------------------------------------------------------------------------------------------


def test_a_worker_is_told_what_it_works_for(yard: Yard) -> None:
    async def scene() -> None:
        worker_id = yard.workers.start(yard.version)
        await yard.settle()
        spec = yard.runtime.started[worker_id]
        welcome = yard.workers.connect(worker_id, spec.token, Hand(yard, worker_id), pid=4711)
        assert (welcome.endpoint, welcome.version, welcome.concurrency) == ("ada/hello", yard.version.number, 2)
        assert (welcome.heartbeat, welcome.max_output) == (service.HEARTBEAT, 1 << 20)
        assert yard.workers.roster.views(yard.ada)[0].worker.pid == 4711

    yard.play(scene())


@pytest.mark.parametrize("token", ["", "wrong", "\u00fcmlaut", "\ud800"])
def test_a_wrong_token_is_refused_and_changes_nothing(yard: Yard, token: str) -> None:
    async def scene() -> None:
        worker_id = yard.workers.start(yard.version)
        await yard.settle()
        with pytest.raises(Unauthenticated):
            yard.workers.connect(worker_id, token, Hand(yard, worker_id))
        yard.workers.ready(worker_id)
        assert yard.state(worker_id) is WorkerState.INITIALIZING
        yard.workers.connect(worker_id, yard.runtime.started[worker_id].token, Hand(yard, worker_id))

    yard.play(scene())


def test_the_token_of_one_worker_is_no_good_for_another_or_for_none(yard: Yard) -> None:
    async def scene() -> None:
        first, second = yard.workers.start(yard.version), yard.workers.start(yard.version)
        await yard.settle()
        token = yard.runtime.started[first].token
        for worker_id in (second, "wrk_unknown"):
            with pytest.raises(Unauthenticated):
                yard.workers.connect(worker_id, token, Hand(yard, worker_id))

    yard.play(scene())


def test_a_second_link_with_the_right_token_is_refused_even_when_the_first_has_ended(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        token = yard.runtime.started[hand.id].token
        with pytest.raises(Unauthenticated):
            yard.workers.connect(hand.id, token, Hand(yard, hand.id))
        yard.workers.disconnected(hand.id, expected=False)
        with pytest.raises(Unauthenticated):
            yard.workers.connect(hand.id, token, Hand(yard, hand.id))

    yard.play(scene())


def test_a_worker_gets_jobs_only_once_it_is_ready(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        assert (hand.orders, yard.state(hand.id)) == ([], WorkerState.INITIALIZING)
        yard.workers.ready(hand.id)
        yard.workers.ready(hand.id)
        assert (len(hand.orders), yard.state(hand.id)) == (1, WorkerState.RUNNING)

    yard.play(scene())


def test_a_worker_gets_the_secrets_that_its_version_names_and_no_others(yard: Yard) -> None:
    _, version = yard.offer(yard.ada, "ada/secretive", secrets=("TOKEN",))
    for name in ("TOKEN", "OTHER"):
        run(yard.secrets.put(yard.ada, name, f"value of {name}"))

    async def scene() -> None:
        worker_id = yard.workers.start(version)
        await yard.settle()
        assert yard.runtime.started[worker_id].secrets == {"TOKEN": "value of TOKEN"}

    yard.play(scene())


# -- starts that fail ---------------------------------------------------------------------------------------------------


def test_a_missing_secret_is_a_failed_start_that_names_it(yard: Yard) -> None:
    _, version = yard.offer(yard.ada, "ada/secretive", secrets=("TOKEN",))

    async def scene() -> None:
        yard.workers.start(version)
        await yard.settle()
        last = yard.workers.starts.history(version.id).last
        assert last is not None
        assert "TOKEN" in last.reason
        assert yard.workers.register.ids() == []

    yard.play(scene())


@pytest.mark.parametrize("error", [OSError("no more processes"), ValueError("embedded null byte")])
def test_a_start_that_breaks_does_not_count_as_on_its_way_for_ever(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def refuse(spec: WorkerSpec) -> Started:
        raise error

    monkeypatch.setattr(yard.runtime, "start", refuse)

    async def scene() -> None:
        yard.workers.start(yard.version)
        assert yard.workers.register.starting(yard.version.id) == 1
        await yard.settle()
        assert yard.workers.register.starting(yard.version.id) == 0
        assert yard.workers.starts.history(yard.version.id).failures == 1
        assert str(error) in yard.lines()[-1]

    yard.play(scene())


def test_workers_that_die_before_they_are_ready_make_a_crash_loop_whose_pause_grows(yard: Yard) -> None:
    async def scene() -> None:
        pauses = []
        for _ in range(9):
            hand = await yard.hand(yard.version, ready=False)
            yard.runtime.end(hand.id, Departure.of_exit(1, ("ImportError: no",)))
            pauses.append(yard.workers.starts.history(yard.version.id).retry_at - yard.now)
        assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
        history = yard.workers.starts.history(yard.version.id)
        assert history.is_crash_loop
        assert history.last is not None
        assert history.last.last_lines == ("ImportError: no",)
        await yard.hand(yard.version)
        yard.later(STEADY_AFTER - 1)
        assert yard.workers.starts.history(yard.version.id).is_crash_loop
        yard.later(1.0)
        assert yard.workers.starts.history(yard.version.id).failures == 0

    yard.play(scene())


def test_a_worker_that_dies_right_after_it_was_ready_is_a_false_start_too(yard: Yard) -> None:
    async def scene() -> None:
        for failures in (1, 2):
            hand = await yard.hand(yard.version)
            yard.runtime.end(hand.id, Departure.of_exit(-11, ("segfault",)))
            assert yard.workers.starts.history(yard.version.id).failures == failures
        steady = await yard.hand(yard.version)
        for _ in range(11):
            yard.workers.alive(steady.id)
            yard.later(1.0)
        yard.runtime.end(steady.id, Departure.of_exit(-11, ("segfault",)))
        assert yard.workers.starts.history(yard.version.id).failures == 0

    yard.play(scene())


def test_a_worker_that_ended_for_anothers_sake_is_no_false_start(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        yard.runtime.end(hand.id, Departure("ended together with the process that it shared", blameless=True))
        assert yard.workers.starts.history(yard.version.id).failures == 0
        assert yard.lines()[-1] == f"worker {hand.id} ended together with the process that it shared"

    yard.play(scene())


def test_forgiving_lets_the_next_start_be_tried_at_once(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.runtime.end(hand.id, Departure.of_exit(1))
        yard.workers.starts.forgive(yard.version.id)
        assert yard.workers.starts.history(yard.version.id).failures == 0

    yard.play(scene())


@pytest.mark.parametrize(
    ("wrote", "told"), [((), ("Traceback …", "ImportError: no numpy")), (("its own words",), ("its own words",))]
)
def test_a_handler_that_can_not_be_loaded_is_told_with_the_workers_lines_or_else_its_traceback(
    yard: Yard, wrote: tuple[str, ...], told: tuple[str, ...]
) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.workers.unfit(hand.id, "ImportError: no numpy", "Traceback …\nImportError: no numpy\n")
        yard.workers.disconnected(hand.id, expected=False)
        yard.runtime.end(hand.id, Departure.of_exit(70, wrote))
        last = yard.workers.starts.history(yard.version.id).last
        assert last is not None
        assert (last.reason, last.exit_code) == ("could not load its handler: ImportError: no numpy", 70)
        assert last.last_lines == told

    yard.play(scene())


def test_a_worker_that_ends_unasked_stands_in_the_log(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.workers.unfit(hand.id, "ImportError: no numpy\nand more", "")
        yard.runtime.end(hand.id, Departure.of_exit(70))
        (record,) = caplog.records
        assert record.levelname == "WARNING"
        assert record.message.startswith(f"worker {hand.id} of ")
        assert record.message.endswith("could not load its handler: ImportError: no numpy")

    yard.play(scene())


def test_an_unfit_worker_that_says_goodbye_still_counts_as_a_failed_start(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.workers.unfit(hand.id, "ImportError: no", "")
        yard.workers.disconnected(hand.id, expected=True)
        yard.runtime.end(hand.id, Departure.of_exit(0))
        assert yard.workers.starts.history(yard.version.id).failures == 1

    yard.play(scene())


def test_a_worker_that_never_becomes_ready_is_given_up(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        for _ in range(60):
            yard.workers.alive(hand.id)
            yard.later(10.0)
        assert yard.runtime.killed == []
        yard.workers.alive(hand.id)
        yard.later(1.0)
        assert yard.runtime.killed == [hand.id]
        last = yard.workers.starts.history(yard.version.id).last
        assert last is not None
        assert last.reason == "was not ready within 600 s"

    yard.play(scene())


def test_a_worker_that_is_no_more_wanted_before_it_is_ready_is_no_failed_start(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.workers.stop(hand.id)
        assert yard.runtime.killed == [hand.id]
        assert yard.workers.starts.history(yard.version.id).failures == 0
        assert (yard.workers.register.ids(), yard.lines()) == ([], [])

    yard.play(scene())


def test_a_worker_that_is_killed_before_its_process_runs_is_killed_once_it_does(yard: Yard) -> None:
    async def scene() -> None:
        worker_id = yard.workers.start(yard.version)
        yard.workers.stop(worker_id)
        assert yard.workers.register.starting(yard.version.id) == 0
        await yard.settle()
        assert yard.runtime.started == {}
        assert yard.workers.register.ids() == []

    yard.play(scene())


# -- silence and lost links ---------------------------------------------------------------------------------------------


def test_silence_makes_a_worker_unhealthy_and_it_is_killed_and_its_job_goes_elsewhere(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[WorkerState] = []
    kill = yard.runtime.kill

    def watched(worker_id: str) -> None:
        seen.append(yard.state(worker_id))
        kill(worker_id)

    monkeypatch.setattr(yard.runtime, "kill", watched)

    async def scene() -> None:
        silent = await yard.hand(yard.version)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        yard.later(service.SILENCE)
        assert yard.runtime.killed == []
        yard.later(0.1)
        assert seen == [WorkerState.UNHEALTHY]
        assert yard.runtime.killed == [silent.id]
        assert yard.lines() == [f"worker {silent.id} gave no sign of life for 30 s"]
        other = await yard.hand(yard.version)
        assert [order.attempt for order in other.orders] == [2]

    yard.play(scene())


def test_a_worker_that_falls_silent_before_it_is_ready_is_a_failed_start(yard: Yard) -> None:
    async def scene() -> None:
        await yard.hand(yard.version, ready=False)
        yard.later(service.SILENCE + 1)
        history = yard.workers.starts.history(yard.version.id)
        assert history.failures == 1
        assert history.last is not None
        assert history.last.reason == "gave no sign of life for 30 s"

    yard.play(scene())


def test_a_sign_of_life_keeps_a_worker_well(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        for _ in range(5):
            yard.later(service.SILENCE - 1)
            yard.workers.alive(hand.id)
        assert (yard.runtime.killed, yard.state(hand.id)) == ([], WorkerState.IDLE)

    yard.play(scene())


def test_a_worker_that_outlives_its_link_is_killed(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        yard.workers.disconnected(hand.id, expected=False)
        assert yard.state(hand.id) is WorkerState.DRAINING
        yard.later(service.EXIT_GRACE)
        assert yard.runtime.killed == []
        yard.later(0.1)
        assert yard.runtime.killed == [hand.id]

    yard.play(scene())


def test_a_worker_without_a_link_gets_no_more_jobs(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        yard.workers.disconnected(hand.id, expected=False)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        assert hand.orders == []

    yard.play(scene())


def test_a_killed_worker_that_says_it_is_ready_gets_no_job(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yard.runtime, "kill", lambda _: None)  # as with a real one, its end takes a moment

    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.workers.stop(hand.id)
        yard.workers.ready(hand.id)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        assert (hand.orders, yard.state(hand.id)) == ([], WorkerState.DRAINING)

    yard.play(scene())


# -- going --------------------------------------------------------------------------------------------------------------


def test_a_drained_worker_finishes_what_it_holds_and_gets_nothing_new(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        first = await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        yard.workers.stop(hand.id)
        yard.workers.stop(hand.id)
        assert (hand.drained, yard.state(hand.id)) == (True, WorkerState.DRAINING)
        second = await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        hand.succeed()
        await yard.settle()
        assert (await yard.jobs.get(yard.ada, first.job.id)).job.status is JobStatus.SUCCEEDED
        assert (await yard.jobs.get(yard.ada, second.job.id)).job.status is JobStatus.QUEUED
        yard.workers.disconnected(hand.id, expected=True)
        yard.runtime.end(hand.id, Departure.of_exit(0))
        assert yard.lines() == []

    yard.play(scene())


def test_a_worker_that_is_told_to_end_by_somebody_else_hands_back_what_it_has_not_begun(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        yard.workers.draining(hand.id)
        yard.dispatcher.attempts.hand_back(hand.ref())
        assert yard.state(hand.id) is WorkerState.DRAINING
        other = await yard.hand(yard.version)
        assert [order.attempt for order in other.orders] == [1]

    yard.play(scene())


def test_a_worker_that_was_told_to_go_before_it_was_ready_is_drained_instead_of_used(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.workers.draining(hand.id)
        yard.workers.ready(hand.id)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        assert (hand.drained, hand.orders) == (True, [])

    yard.play(scene())


def test_a_worker_that_will_not_go_is_killed_but_not_while_it_works(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        yard.workers.stop(hand.id)
        for _ in range(10):
            yard.workers.alive(hand.id)
            yard.later(20.0)
        hand.succeed()
        yard.workers.alive(hand.id)
        yard.later(service.DRAIN_GRACE)
        yard.workers.alive(hand.id)
        assert yard.runtime.killed == []
        yard.later(0.1)
        assert yard.runtime.killed == [hand.id]

    yard.play(scene())


def test_the_end_of_a_working_worker_is_noted_and_its_job_tried_again(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        view = await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        yard.runtime.end(hand.id, Departure.of_exit(-11, ("segfault",)))
        assert yard.lines() == [f"worker {hand.id} was killed by signal 11 (SIGSEGV)"]
        other = await yard.hand(yard.version)
        assert (other.orders[0].job_id, other.orders[0].attempt) == (view.job.id, 2)

    yard.play(scene())


def test_what_a_worker_says_after_its_end_changes_nothing(yard: Yard) -> None:
    async def scene() -> None:
        gone = await yard.hand(yard.version)
        view = await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        yard.runtime.end(gone.id, Departure.of_exit(1))
        before = yard.lines()
        gone.succeed()
        gone.fail()
        gone.piece("1")
        gone.log("late")
        gone.stopped()
        yard.dispatcher.attempts.hand_back(gone.ref())
        yard.workers.ready(gone.id)
        yard.workers.alive(gone.id)
        yard.workers.draining(gone.id)
        yard.workers.unfit(gone.id, "late", "")
        yard.workers.wrote(gone.id, "late")
        yard.workers.disconnected(gone.id, expected=True)
        yard.workers.stop(gone.id)
        yard.workers.kill(gone.id)
        yard.workers.departed(gone.id, Departure("twice"))
        await yard.settle()
        job = (await yard.jobs.get(yard.ada, view.job.id)).job
        assert (job.status, job.attempt, job.pieces) == (JobStatus.QUEUED, 1, 0)
        assert (yard.lines(), yard.workers.register.ids()) == (before, [])

    yard.play(scene())


def test_the_end_of_the_last_worker_is_announced(yard: Yard) -> None:
    async def scene() -> None:
        hands = [await yard.hand(yard.version) for _ in range(2)]
        with yard.notifier.subscribe(EVERYBODY_GONE) as gone:
            yard.runtime.end(hands[0].id, Departure.of_exit(0))
            assert not await gone.wait(0)
            yard.runtime.end(hands[1].id, Departure.of_exit(0))
            assert await gone.wait(0)

    yard.play(scene())


# -- looking ------------------------------------------------------------------------------------------------------------


def test_counts_say_how_many_workers_are_in_which_state(yard: Yard) -> None:
    async def scene() -> None:
        assert set(yard.workers.roster.counts(yard.endpoint.id).values()) == {0}
        await yard.hand(yard.version, ready=False)
        await yard.hand(yard.version)
        await yard.hand(yard.version)
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        assert yard.workers.roster.counts(yard.endpoint.id) == {
            WorkerState.INITIALIZING: 1,
            WorkerState.IDLE: 1,
            WorkerState.RUNNING: 1,
            WorkerState.THROTTLED: 0,
            WorkerState.UNHEALTHY: 0,
        }

    yard.play(scene())


def test_a_worker_that_a_crash_loop_holds_off_counts_as_throttled(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.runtime.end(hand.id, Departure.of_exit(1))
        assert yard.workers.roster.counts(yard.endpoint.id)[WorkerState.THROTTLED] == 0
        await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        assert yard.workers.roster.counts(yard.endpoint.id)[WorkerState.THROTTLED] == 1
        yard.now += 1.0
        assert yard.workers.roster.counts(yard.endpoint.id)[WorkerState.THROTTLED] == 0

    yard.play(scene())


def test_the_last_lines_of_a_kind_of_program_are_read_as_its_log_is(yard: Yard) -> None:
    version = replace(yard.version, host="polling")

    async def scene() -> None:
        worker_id = yard.workers.start(version)
        await yard.settle()
        yard.runtime.lines[worker_id] = ("polling says: one", "two; three")
        (view,) = yard.workers.roster.views(yard.ada, ref("ada/hello"))
        assert view.last_lines == ("one", "two", "three")
        yard.runtime.end(worker_id, Departure.of_exit(1, ("polling says: no; no",)))
        last = yard.workers.starts.history(version.id).last
        assert last is not None
        assert last.last_lines == ("no", "no")

    yard.play(scene())


def test_only_who_manages_an_endpoint_sees_its_workers_and_their_lines(yard: Yard) -> None:
    stranger = yard.account("sam")
    yard.offer(yard.ada, "ada/open")
    run(yard.endpoints.update(yard.ada, ref("ada/open"), EndpointChange(visibility=Visibility.PUBLIC)))

    async def scene() -> None:
        hand = await yard.hand(yard.version)
        yard.runtime.lines[hand.id] = ("one", "two")
        yard.workers.wrote(hand.id, "hello")
        (view,) = yard.workers.roster.views(yard.ada, ref("ada/hello"))
        assert (view.endpoint_name, view.version_number) == ("ada/hello", yard.version.number)
        assert view.last_lines == ("one", "two")
        assert yard.lines() == ["hello"]
        assert [v.worker.id for v in yard.workers.roster.views(yard.admin)] == [hand.id]
        for look in (yard.workers.roster.views, yard.workers.logs.lines):
            with pytest.raises(NotFound):
                look(stranger, ref("ada/hello"))
        assert yard.workers.roster.views(stranger) == []
        assert yard.workers.roster.views(stranger, ref("ada/open")) == []
        assert yard.workers.logs.lines(stranger, ref("ada/open")) == []

    yard.play(scene())


def test_the_log_goes_on_from_where_a_reader_stopped_and_is_bounded(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        view = await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        hand.log("one\ntwo\n")
        lines = yard.workers.logs.lines(yard.ada, ref("ada/hello"))
        assert [(line.seq, line.text, line.stream, line.job_id) for line in lines] == [
            (1, "one", "stdout", view.job.id),
            (2, "two", "stdout", view.job.id),
        ]
        for number in range(journals.LOG_LINES):
            yard.workers.wrote(hand.id, f"{number} " + "x" * 10_000)
        kept = yard.workers.logs.lines(yard.ada, ref("ada/hello"), after=2)
        assert (len(kept), kept[0].seq) == (journals.LOG_LINES, 3)
        assert max(len(line.text) for line in kept) == journals.LOG_WIDTH

    yard.play(scene())


def test_who_follows_a_log_is_told_each_line_once_as_it_comes(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        yard.workers.wrote(hand.id, "one")
        yard.workers.wrote(hand.id, "two")
        following = yard.workers.logs.follow(yard.ada, ref("ada/hello"), after=1)

        async def said() -> str:
            line = await anext(following)
            return line.text if line is not None else "ping"

        assert await said() == "two"
        waiting = asyncio.ensure_future(said())
        await yard.settle()
        assert not waiting.done()
        yard.workers.wrote(hand.id, "three")
        yard.workers.wrote(hand.id, "four")
        assert (await waiting, await said()) == ("three", "four")
        yard.notifier.close()
        with pytest.raises(StopAsyncIteration):
            await anext(following)

    yard.play(scene())


def test_who_follows_a_silent_log_gets_signs_of_life(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet.platform.services.logs.PING", 0.001)

    async def scene() -> None:
        async for line in yard.workers.logs.follow(yard.ada, ref("ada/hello")):
            assert line is None
            return

    yard.play(scene())


def test_who_follows_the_log_of_an_endpoint_that_is_deleted_is_told_so_at_once(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        yard.workers.wrote(hand.id, "hello")
        following = yard.workers.logs.follow(yard.ada, ref("ada/hello"))
        assert await anext(following) is not None
        waiting = asyncio.ensure_future(anext(following))
        await yard.settle()
        await yard.endpoints.remove(yard.ada, ref("ada/hello"))
        yard.later(1.0)
        with pytest.raises(NotFound):
            await waiting

    yard.play(scene())


def test_a_stranger_follows_nothing(yard: Yard) -> None:
    stranger = yard.account("sam")

    async def scene() -> None:
        with pytest.raises(NotFound):
            await anext(yard.workers.logs.follow(stranger, ref("ada/hello")))

    yard.play(scene())


def test_lines_of_an_attempt_that_a_worker_does_not_hold_are_not_kept(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version)
        view = await yard.calls.submit(yard.ada, ref("ada/hello"), payload())
        order = hand.orders[0]
        yard.dispatcher.attempts.log(AttemptRef(hand.id, order.number, "stale"), "stdout", b"stale token")
        yard.dispatcher.attempts.log(AttemptRef(hand.id, order.number + 1, order.token), "stdout", b"no such attempt")
        assert yard.lines() == []
        assert await yard.jobs.logs(yard.ada, view.job.id) == []

    yard.play(scene())


def test_nothing_is_kept_of_endpoints_that_were_deleted(yard: Yard) -> None:
    async def scene() -> None:
        hand = await yard.hand(yard.version, ready=False)
        yard.runtime.end(hand.id, Departure.of_exit(1))
        assert len(yard.workers.journals._journals) == len(yard.workers.starts._histories) == 1
        yard.workers.tick()
        assert len(yard.workers.journals._journals) == len(yard.workers.starts._histories) == 1
        await yard.endpoints.remove(yard.ada, ref("ada/hello"))
        yard.workers.tick()
        assert (yard.workers.journals._journals, yard.workers.starts._histories) == ({}, {})

    yard.play(scene())


def test_nothing_is_kept_of_workers_that_are_gone(yard: Yard) -> None:
    async def scene() -> None:
        for _ in range(5):
            hand = await yard.hand(yard.version)
            yard.runtime.end(hand.id, Departure.of_exit(0))
        assert (yard.workers.register._entries, yard.workers.register._of_version) == ({}, {})
        assert (yard.dispatcher.board._seats, yard.dispatcher.board._seats_of) == ({}, {})
        assert (yard.workers.register.version_ids(), yard.workers.register.ids_of(yard.version.id)) == ([], [])

    yard.play(scene())
