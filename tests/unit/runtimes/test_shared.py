"""Workers that share processes, with real processes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.unit.runtimes.shared_stage import Office, SharedStage
from trivet.platform.core.errors import Unavailable
from trivet.platform.runtimes.shared import SharedRuntime
from trivet.protocol.frames import Kind

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system's sockets carry no whole messages")


@pytest.fixture
def stage(tmp_path: Path) -> SharedStage:
    return SharedStage(tmp_path / "data")


async def up(runtime: SharedRuntime, office: Office, stage: SharedStage, *worker_ids: str) -> list[int | None]:
    """Starts workers, each of a version of its own, and returns in which processes they live once they are ready."""
    pids = [(await runtime.start(stage.model(worker_id))).pid for worker_id in worker_ids]
    for worker_id in worker_ids:
        await office.heard(worker_id, Kind.READY)
    return pids


async def answer(office: Office, worker_id: str, value: object) -> list[object]:
    number = office.ask(worker_id, "echo", value)
    answered: list[object] = json.loads((await office.heard(worker_id, Kind.RESULT, number)).body)
    return answered


def test_several_workers_live_and_answer_in_one_process(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        pids = await up(runtime, office, stage, "w1", "w2", "w3")
        assert len(set(pids)) == 1
        for number, worker_id in enumerate(("w1", "w2", "w3")):
            assert await answer(office, worker_id, number) == [number, pids[0]]

    stage.perform(scene, processes=1)


def test_each_gives_signs_of_life(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1", "w2")
        number = await office.begin("w1", "wait")
        office.said.clear()
        assert (await office.heard("w1", Kind.HEARTBEAT)).meta == {"attempts": [number]}
        assert (await office.heard("w2", Kind.HEARTBEAT)).meta == {"attempts": []}

    stage.perform(scene, processes=1)


def test_one_works_on_as_many_at_a_time_as_its_version_allows(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        await office.begin("w1", "wait")
        quick = office.ask("w1", "echo", 1)
        await office.heard("w1", Kind.RESULT, quick)
        await office.begin("w1", "wait")
        last = office.ask("w1", "echo", 2)  # both places are taken: it was sent ahead
        office.tell("w1", Kind.RECALL)
        await office.heard("w1", Kind.RETURNED, last)

    stage.perform(scene, processes=1)


def test_an_attempt_is_stopped_and_the_worker_goes_on(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        number = await office.begin("w1", "wait")
        office.tell("w1", Kind.CANCEL, number, {"reason": "cancelled"})
        assert (await office.heard("w1", Kind.STOPPED, number)).meta["reason"] == "cancelled"
        assert (await answer(office, "w1", 5))[0] == 5

    stage.perform(scene, processes=1)


def test_what_is_wrong_with_the_input_is_told_by_a_code_of_its_own(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        number = office.ask("w1", "refuse", "row 3 has no x")
        failure = (await office.heard("w1", Kind.ERROR, number)).meta
        assert (failure["code"], failure["message"], failure["traceback"]) == ("invalid_input", "row 3 has no x", "")

    stage.perform(scene, processes=1)


def test_what_is_printed_is_logged_with_the_attempt(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1", "w2")
        number = office.ask("w1", "print", "from the first")
        await office.heard("w1", Kind.RESULT, number)
        assert (await office.heard("w1", Kind.LOG, number)).body == b"from the first\n"
        assert stage.lines == []

    stage.perform(scene, processes=1)


@pytest.mark.parametrize("by_the_link", [True, False], ids=["by its link", "by the runtime"])
def test_a_drained_worker_finishes_and_ends_alone(stage: SharedStage, by_the_link: bool) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1", "w2")
        number = office.ask("w1", "echo", 1)
        if by_the_link:
            office.tell("w1", Kind.DRAIN)
        else:
            runtime.terminate("w1")
        await office.heard("w1", Kind.BYE)
        assert {frame.kind for frame in office.said["w1"] if frame.attempt == number} <= {Kind.RESULT, Kind.RETURNED}
        assert (await stage.gone("w1")).exit_code == 0
        assert (await answer(office, "w2", 2))[0] == 2
        assert stage.departures("w2") == []

    stage.perform(scene, processes=1)


def test_a_killed_worker_lets_go_of_what_it_runs_and_its_neighbours_stay(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        pids = await up(runtime, office, stage, "w1", "w2")
        await office.begin("w1", "wait")
        runtime.kill("w1")
        assert (await stage.gone("w1")).exit_code == -9
        assert await answer(office, "w2", 2) == [2, pids[0]]

    stage.perform(scene, processes=1)


def test_one_that_does_not_let_go_takes_its_process_along_and_nobody_else_is_blamed(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        pids = await up(runtime, office, stage, "w1", "w2")
        await office.begin("w1", "hang")
        await office.begin("w2", "wait")
        runtime.kill("w1")
        stuck, beside = await stage.gone("w1"), await stage.gone("w2")
        assert (stuck.exit_code, stuck.blameless, beside.blameless) == (-9, False, True)
        apart = await runtime.start(stage.model("w3", "ver_of_w1"))
        together = await runtime.start(stage.model("w4", "ver_of_w2"))
        assert "shared" not in apart.isolation
        assert "shared" in together.isolation
        assert len({*pids, apart.pid, together.pid}) == 3

    stage.perform(scene, processes=1, patience=0.2)


def test_the_only_one_at_work_pays_for_a_crash_and_lives_alone_from_then_on(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1", "w2")
        office.ask("w1", "crash")
        guilty, beside = await stage.gone("w1"), await stage.gone("w2")
        assert (guilty.exit_code, guilty.blameless) == (-signal.SIGSEGV, False)
        assert guilty.last_lines  # where it was
        assert beside.blameless
        assert beside.last_lines == ()
        assert "shared" not in (await runtime.start(stage.model("w3", "ver_of_w1"))).isolation
        assert "shared" in (await runtime.start(stage.model("w4", "ver_of_w2"))).isolation

    stage.perform(scene, processes=1)


def test_of_several_at_work_at_a_crash_none_pays_and_each_lives_alone(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1", "w2", "w3")
        await office.begin("w2", "wait")
        office.ask("w1", "crash")
        departures = [await stage.gone(worker_id) for worker_id in ("w1", "w2", "w3")]
        assert [departure.blameless for departure in departures] == [True, True, True]
        kept_apart = [
            "shared" not in (await runtime.start(stage.model(f"n{n}", f"ver_of_w{n}"))).isolation for n in (1, 2, 3)
        ]
        assert kept_apart == [True, True, False]

    stage.perform(scene, processes=1)


def test_one_that_crashes_while_it_is_loaded_is_known_for_it(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        await runtime.start(stage.model("w2", loads="crash"))
        assert not (await stage.gone("w2")).blameless
        assert (await stage.gone("w1")).blameless

    stage.perform(scene, processes=1)


def test_one_that_can_not_be_loaded_says_why_and_ends_alone(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        await runtime.start(stage.model("w2", loads="raise"))
        assert (await office.heard("w2", Kind.UNFIT)).meta["message"] == "ValueError: not a graph"
        departure = await stage.gone("w2")
        assert departure.exit_code == 70
        assert runtime.last_lines("w2") == departure.last_lines
        assert "ValueError: not a graph" in departure.last_lines
        assert (await answer(office, "w1", 1))[0] == 1

    stage.perform(scene, processes=1)


def test_one_that_is_killed_while_it_loads_holds_nobody_up(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        await runtime.start(stage.model("w2", loads="slowly"))
        await office.heard("w2", Kind.HELLO)
        runtime.kill("w2")
        assert (await answer(office, "w1", 1))[0] == 1
        assert (await stage.gone("w2")).exit_code == -9  # with the process, as it would not stop

    stage.perform(scene, processes=1, loading_patience=0.5)


def test_a_worker_whose_server_is_gone_ends(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1", "w2")
        await office.begin("w1", "wait")
        office._writers["w1"].close()
        assert (await stage.gone("w1")).exit_code == 75
        assert (await answer(office, "w2", 1))[0] == 1

    stage.perform(scene, processes=1)


def test_a_process_that_serves_nobody_ends(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        (pid,) = await up(runtime, office, stage, "w1")
        runtime.terminate("w1")
        await stage.gone("w1")
        await stage.until(lambda: stage.exits != [] and not runtime._processes)
        assert pid is not None
        assert await up(runtime, office, stage, "w2") != [pid]

    async def patient(runtime: SharedRuntime, office: Office) -> None:
        inner = runtime._inner.on_exit

        def told(worker_id: str, departure: object) -> None:
            inner(worker_id, departure)  # type: ignore[arg-type]  # as it came
            stage._tell()

        runtime._inner.on_exit = told
        await scene(runtime, office)

    stage.perform(patient, processes=1, idle=0.05)


def test_a_prepared_process_takes_the_first_worker(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        runtime.prepare(stage.model("w0").version)
        prepared = next(iter(runtime._processes.values()))
        assert await up(runtime, office, stage, "w1") == [(await prepared.started).pid]

    stage.perform(scene, processes=1)


def test_workers_of_one_version_live_in_different_processes(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        first = await runtime.start(stage.model("w1", "ver_1"))
        second = await runtime.start(stage.model("w2", "ver_1"))
        third = await runtime.start(stage.model("w3", "ver_1"))
        assert first.pid != second.pid
        assert third.pid in (first.pid, second.pid)

    stage.perform(scene, processes=2)


def test_a_model_with_a_memory_limit_has_a_process_of_its_own(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        started = await runtime.start(stage.model("w1", memory=2**30))
        assert "shared" not in started.isolation
        await office.heard("w1", Kind.READY)
        runtime.kill("w1")
        assert (await stage.gone("w1")).exit_code == -9

    stage.perform(scene)


def test_what_the_process_writes_is_told_where_only_one_lives_in_it(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        await up(runtime, office, stage, "w1")
        office.ask("w1", "crash")
        await stage.gone("w1")
        assert any("Segmentation fault" in line for line in stage.lines)

    stage.perform(scene, processes=1)


def test_code_that_is_gone_is_said_so(stage: SharedStage) -> None:
    async def scene(runtime: SharedRuntime, office: Office) -> None:
        spec = stage.model("w1")
        (stage.data / "bundles" / "of-w1" / "loads").unlink()
        (stage.data / "bundles" / "of-w1" / "worker.py").unlink()
        (stage.data / "bundles" / "of-w1").rmdir()
        with pytest.raises(Unavailable, match="is not there any more"):
            await runtime.start(spec)
        assert runtime._processes == {}

    stage.perform(scene)
