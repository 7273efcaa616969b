"""The host of models: what it takes, what it gives, and what it says of rows that don't fit."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.worker.small_models import slow_graph, write_model
from trivet.authoring.reporting import CURRENT
from trivet.protocol.frames import Frame, Kind
from trivet.worker.attempt import Attempt
from trivet.worker.failures import Relayed, describe
from trivet.worker.hosts import open_host
from trivet.worker.hosts.model import ModelHost
from trivet.worker.interrupts import Interrupted

PATIENCE = 20.0


def host_of(folder: Path) -> ModelHost:
    host: Any = open_host("model", str(folder), "model.json")
    host.setup()
    assert isinstance(host, ModelHost)
    return host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> ModelHost:
    return host_of(write_model(tmp_path_factory.mktemp("model")))


def predict(host: ModelHost, body: bytes, content_type: str = "application/json") -> Any:
    positional, keywords = host.bind(body, content_type)
    answered, data = host.encode(host.handler(*positional, **keywords))
    assert answered == "application/json"
    return json.loads(data)


def refused(act: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(Relayed) as told:
        act()
    return describe(told.value)


def attempt() -> Attempt:
    return Attempt(Frame(Kind.JOB, 1, {"token": "t", "job": "job_1"}, b""), None)  # type: ignore[arg-type]  # nothing is sent


def test_a_row_gives_a_row_and_a_list_a_list(host: ModelHost) -> None:
    row = predict(host, b'{"x": 4}')
    assert row["y"] == 8
    assert predict(host, b'[{"x": 4}]') == [row]
    assert [each["y"] for each in predict(host, b'[{"x": 1}, {"x": 2.5}]')] == [2, 5]


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/csv", "text/csv; charset=utf-8", 'TEXT/CSV;charset="utf-16"', "text/csv; header=present"),
        "application/octet-stream",
    ],
)
def test_a_csv_file_gives_a_list_in_whatever_encoding(host: ModelHost, content_type: str) -> None:
    data = "x,beside\r\n1,ä\r\n2,ö\r\n".encode("utf-16" if "utf-16" in content_type else "utf-8")
    assert [each["y"] for each in predict(host, data, content_type)] == [2, 4]


@pytest.mark.parametrize(
    ("body", "content_type", "named"),
    [
        (b'{"z": 1}', "application/json", "x"),
        (b'[{"x": "much"}]', "application/json", "much"),
        (b"[]", "application/json", "0 rows"),
        (b"7", "application/json", "list of rows"),
        (b'{"x": NaN}', "application/json", "NaN"),
        (b"x=1", "application/x-www-form-urlencoded", "neither JSON nor text/csv"),
        (b"a,b\n1,2\n", "text/csv", "x"),
        (b"x\n\xff\n", "text/csv; charset=utf-8", "utf-8"),
        (b"x\n1\n", "text/csv; charset=klingon", "klingon"),
    ],
)
def test_rows_that_do_not_fit_are_the_callers_fault_and_named(
    host: ModelHost, body: bytes, content_type: str, named: str
) -> None:
    failure = refused(lambda: predict(host, body, content_type))
    assert (failure["code"], failure["traceback"]) == ("invalid_input", "")
    assert named in failure["message"]


def test_a_stop_ends_a_graph_that_is_at_work(tmp_path: Path) -> None:
    host = host_of(write_model(tmp_path, model=slow_graph()))
    assert predict(host, b'{"x": 3}')["y"] == 3
    running, ended = attempt(), threading.Event()

    def work() -> None:
        CURRENT.set(running)
        with pytest.raises(Interrupted):
            predict(host, b'{"x": 1e15}')
        ended.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    running.reason = "cancelled"
    until = time.monotonic() + PATIENCE
    while not ended.is_set() and time.monotonic() < until:
        host.interrupt(running)  # again and again, as it may not have begun before
        ended.wait(0.05)
    assert ended.is_set()


def test_a_stop_that_comes_first_is_heeded_too(host: ModelHost) -> None:
    stopped = attempt()
    stopped.reason = "timed_out"
    token = CURRENT.set(stopped)
    try:
        with pytest.raises(Interrupted):
            predict(host, b'{"x": 1}')
    finally:
        CURRENT.reset(token)


def test_a_model_that_is_let_go_leaves_no_graph_behind(tmp_path: Path) -> None:
    host = host_of(write_model(tmp_path))
    predict(host, b'{"x": 1}')
    graph = weakref.ref(host._predictor)
    host.teardown()
    assert graph() is None
