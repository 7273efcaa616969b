"""Large inputs are checked while others go on, by whoever can do that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.errors import InvalidInput, TooManyOpenJobs
from trivet.platform.core.limits import NO_LIMITS, CallLimits, held_limits
from trivet.platform.core.payloads import Payload
from trivet.platform.services.intake import LARGE

HELLO = ref("ada/hello")
SCHEMA = {"type": "string"}
MUCH = Payload.inline(b'"%b"' % (b"x" * LARGE))


class Lab(Plant):
    """Ada's endpoint takes texts. Large inputs are checked when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any] | None, Payload]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.check_large = self.check
        super().__init__()
        self.ada = self.account("ada")
        self.offer(self.ada, "ada/hello", schema=SCHEMA)

    async def check(self, schema: dict[str, Any] | None, given: Payload) -> None:
        self.asked.append((schema, given))
        await self.go_on.wait()
        if given.data is not None and b"bad" in given.data:
            raise InvalidInput("bad")


def with_one_place(principal: Principal) -> Principal:
    """The same, with one job open at most."""
    one = CallLimits(concurrent=1)
    return replace(principal, limits=held_limits(principal.key_id, one, principal.account_id, "ada", NO_LIMITS))


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_a_large_input_is_checked_by_whoever_can_do_that_and_a_small_one_at_once(lab: Lab) -> None:
    async def scene() -> None:
        await lab.calls.submit(lab.ada, HELLO, payload())
        assert lab.asked == []
        view = await lab.calls.submit(lab.ada, HELLO, MUCH)
        assert lab.asked == [(SCHEMA, MUCH)]
        assert view.job.input.size == MUCH.size

    lab.play(scene())


def test_what_was_checked_already_is_not_checked_again(lab: Lab) -> None:
    lab.play(lab.calls.submit(lab.ada, HELLO, MUCH, CallOptions(is_checked=True)))
    assert lab.asked == []


def test_a_large_input_that_does_not_fit_makes_no_job_and_holds_no_place(lab: Lab) -> None:
    async def scene() -> None:
        bad = Payload.inline(b'"bad%b"' % (b"x" * LARGE))
        ada = with_one_place(lab.ada)
        for _ in range(2):
            with pytest.raises(InvalidInput):
                await lab.calls.submit(ada, HELLO, bad)
        assert len(lab.dispatcher.open_jobs) == 0
        await lab.calls.submit(ada, HELLO, MUCH)

    lab.play(scene())


def test_one_that_is_being_checked_counts_as_open_and_others_are_taken_meanwhile(lab: Lab) -> None:
    async def scene() -> None:
        lab.go_on.clear()
        large = asyncio.ensure_future(lab.calls.submit(lab.ada, HELLO, MUCH, USUAL))
        await lab.until(lambda: lab.asked)
        small = await lab.calls.submit(lab.ada, HELLO, payload())
        assert not large.done()
        lab.go_on.set()
        assert (await large).job.id != small.job.id

    lab.play(scene())


def test_a_caller_with_one_place_has_it_taken_while_its_input_is_checked(lab: Lab) -> None:
    async def scene() -> None:
        ada = with_one_place(lab.ada)
        lab.go_on.clear()
        large = asyncio.ensure_future(lab.calls.submit(ada, HELLO, MUCH))
        await lab.until(lambda: lab.asked)
        with pytest.raises(TooManyOpenJobs):
            await lab.calls.submit(ada, HELLO, payload())
        lab.go_on.set()
        await large

    lab.play(scene())
