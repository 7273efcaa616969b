"""Times that handlers take of themselves."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from trivet.runpod.serverless.utils.rp_debugger import (
    CheckpointError,
    Checkpoints,
    FunctionTimer,
    LineTimer,
    add_debugger_output,
    clear_debugger_output,
    get_debugger_output,
)


@pytest.fixture(autouse=True)
def nothing_measured() -> Iterator[None]:
    clear_debugger_output()
    yield
    clear_debugger_output()


def names() -> list[str]:
    return [taken["name"] for taken in Checkpoints().get_checkpoints()]


def test_everybody_shares_the_times_and_reads_each_once() -> None:
    first = Checkpoints()
    first.add("a")
    first.start("a")
    Checkpoints().stop("a")
    (taken,) = first.get_checkpoints()
    assert set(taken) == {"name", "start_utc", "stop_utc", "duration_ms"}
    assert datetime.fromisoformat(taken["start_utc"]) <= datetime.fromisoformat(taken["stop_utc"])
    assert taken["duration_ms"] >= 0
    assert first.get_checkpoints() == []
    first.start("a")
    first.stop("a")
    assert names() == ["a"]


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: Checkpoints().add("a"), "already exists"),
        (lambda: Checkpoints().start("b"), "does not exist"),
        (lambda: Checkpoints().stop("b"), "does not exist"),
        (lambda: Checkpoints().stop("a"), "has not been started"),
    ],
)
def test_a_name_that_is_used_wrongly_is_told(act: Any, what: str) -> None:
    Checkpoints().add("a")
    with pytest.raises(KeyError, match=what) as caught:
        act()
    assert isinstance(caught.value, CheckpointError)


def test_lines_are_timed_again_and_again_and_also_where_they_raise() -> None:
    timer = LineTimer("again")
    for _ in range(2):
        with timer, LineTimer("within"):
            pass
    with pytest.raises(ValueError, match="no"), LineTimer("raising"):
        raise ValueError("no")
    assert names() == ["within", "again", "within", "again", "raising"]


def test_functions_methods_and_coroutines_are_timed() -> None:
    @FunctionTimer
    def add(a: int, b: int = 1) -> int:
        """Adds."""
        return a + b

    class Model:
        @FunctionTimer
        def load(self, name: str) -> str:
            return name

    @FunctionTimer
    async def later() -> int:
        await asyncio.sleep(0)
        with LineTimer("within"):
            return 5

    assert (add(1), add(1, b=3), Model().load("m"), asyncio.run(later())) == (2, 4, "m", 5)
    assert names() == ["add", "add", "load", "within", "later"]
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    assert add.__wrapped__(2) == 3


def test_threads_may_time_at_once() -> None:
    def work() -> None:
        for _ in range(50):
            with LineTimer("t"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert names() == ["t"] * 200


def test_times_that_nobody_reads_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10_010):
        Checkpoints().keep({"name": "x"})
    assert len(Checkpoints().get_checkpoints()) == 10_000


def test_the_output_says_what_it_was_measured_on() -> None:
    with LineTimer("a"):
        pass
    output = get_debugger_output()
    assert [taken["name"] for taken in output["timestamps"]] == ["a"]
    assert output["system_info"]["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert set(output["system_info"]) == {"os", "processor", "python_version", "runpod"}
    assert all(output["system_info"].values())


@pytest.mark.parametrize(
    ("report", "has_it"),
    [({"output": {"a": 1}}, True), ({"output": [1]}, False), ({"output": "text"}, False), ({"error": "e"}, False)],
)
def test_only_an_output_that_is_an_object_is_given_the_times(report: dict[str, Any], has_it: bool) -> None:
    given = dict(report.get("output", {})) if has_it else None
    with LineTimer("a"):
        pass
    before = report.get("output")
    add_debugger_output(report, 12.5)
    if has_it:
        measured = report["output"].pop("rp_debugger")
        assert report["output"] == given
        assert measured["ready_delay_ms"] == 12.5
        assert [taken["name"] for taken in measured["timestamps"]] == ["a"]
    else:
        assert report.get("output") == before
    assert names() == []
