"""map: many inputs, some at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.unit.sdk.server import Exchange, Server
from trivet.sdk import Client
from trivet.sdk.errors import InvalidInputError, InvalidRequestError

RUN = "/endpoints/admin/double/run"


class Doubler:
    """Answers each number with its double; can hold some back, and counts how many it has at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.gates: dict[int, threading.Event] = {}
        self.together: threading.Barrier | None = None

    def __call__(self, exchange: Exchange) -> None:
        number = int(exchange.body)
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if number in self.gates:
            assert self.gates[number].wait(10)
        if self.together is not None:
            self.together.wait(10)
        with self.lock:
            self.now -= 1
        if number < 0:
            exchange.problem(422, "invalid_input", detail=f"{number} is below zero.")
        else:
            exchange.output(number * 2)


@pytest.fixture
def doubler(server: Server) -> Doubler:
    made = Doubler()
    server.on("POST", RUN, made)
    return made


def test_outputs_come_in_the_order_of_the_inputs(client: Client, doubler: Doubler) -> None:
    doubler.gates[0] = threading.Event()
    outputs = client.endpoint("admin/double").map(range(6), concurrency=3)
    threading.Timer(0.1, doubler.gates[0].set).start()
    assert list(outputs) == [0, 2, 4, 6, 8, 10]


def test_without_order_what_is_done_first_comes_first(client: Client, doubler: Doubler) -> None:
    doubler.gates[0] = threading.Event()
    outputs = client.endpoint("admin/double").map(range(3), concurrency=2, order=False)
    assert [next(outputs), next(outputs)] == [2, 4]
    doubler.gates[0].set()
    assert list(outputs) == [0]


def test_as_many_calls_at_once_as_asked_for_and_no_more(client: Client, doubler: Doubler) -> None:
    doubler.together = threading.Barrier(4)
    assert len(list(client.endpoint("admin/double").map(range(32), concurrency=4))) == 32
    assert doubler.most == 4


def test_inputs_are_taken_as_they_are_needed_so_that_they_may_be_endless(client: Client, doubler: Doubler) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    outputs = client.endpoint("admin/double").map(endless(), concurrency=2)
    assert taken == []
    assert [next(outputs) for _ in range(3)] == [0, 2, 4]
    assert len(taken) <= 3 + 2 * 2
    outputs.close()  # type: ignore[attr-defined]


def test_an_error_is_raised_at_its_item(client: Client, doubler: Doubler) -> None:
    outputs = client.endpoint("admin/double").map([1, -1, 3], concurrency=3)
    assert next(outputs) == 2
    with pytest.raises(InvalidInputError, match="below zero") as caught:
        next(outputs)
    assert "input number 1" in caught.value.__notes__[-1]
    assert list(outputs) == []


def test_errors_take_their_items_place_where_that_is_asked_for(client: Client, doubler: Doubler) -> None:
    first, second, third = client.endpoint("admin/double").map([1, -1, 3], return_exceptions=True)
    assert (first, third) == (2, 6)
    assert isinstance(second, InvalidInputError)


def test_an_error_of_the_inputs_themselves_comes_through(client: Client, doubler: Doubler) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        list(client.endpoint("admin/double").map(broken()))


def test_nothing_gives_nothing(client: Client, doubler: Doubler) -> None:
    assert list(client.endpoint("admin/double").map([])) == []


def test_a_concurrency_of_zero_is_refused_at_once(client: Client) -> None:
    with pytest.raises(InvalidRequestError, match="at least 1"):
        client.endpoint("admin/double").map([1], concurrency=0)


def test_a_bar_shows_where_it_is_asked_for(
    client: Client, doubler: Doubler, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(client.endpoint("admin/double").map([1, 2, 3], progress=True)) == [2, 4, 6]
    output = capsys.readouterr()
    assert output.out == ""
    assert "admin/double" in output.err
    assert "3/3" in output.err


def test_no_bar_shows_where_nobody_watches(
    client: Client, doubler: Doubler, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(client.endpoint("admin/double").map([1])) == [2]
    assert capsys.readouterr().err == ""
