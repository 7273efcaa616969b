"""Units of work: whole or not at all, in order, and what a full disk does to them; the same in every store."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.contract.conftest import Driver
from tests.contract.values import account, ended, endpoint, event, job, key
from trivet.platform.core.errors import Conflict, StorageFull, Unavailable
from trivet.platform.core.payloads import BINARY, Payload
from trivet.platform.ports.stores import Transaction


class Mishap(Exception):
    """What a unit of work raises in these tests."""


def big(number: int) -> object:
    """A unit of work that needs more space than any file has left over."""
    return lambda tx: tx.jobs.put(job(number, input=Payload.inline(bytes(2**20), BINARY)))


def names(driver: Driver) -> list[str]:
    return [one.name for one in driver.read(lambda tx: tx.accounts.all())]


def test_a_write_returns_what_its_unit_of_work_returns(driver: Driver) -> None:
    assert driver.write(lambda tx: len(tx.endpoints.all())) == 0
    assert driver.read(lambda tx: {"any": "value"}) == {"any": "value"}


def test_a_unit_of_work_that_raises_changes_nothing_and_its_error_comes_out(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account("bond")))
    driver.write(lambda tx: tx.jobs.put(job(1)))

    def unit(tx: Transaction) -> None:
        tx.jobs.put(ended(1))
        tx.jobs.put(job(2))
        tx.jobs.add_events([event(1)])
        tx.accounts.add(account("q"))
        tx.keys.add(key())
        tx.endpoints.add(endpoint())
        tx.accounts.remove("acc_bond")
        tx.jobs.put(job(3))
        raise Mishap("on purpose")

    with pytest.raises(Mishap, match="on purpose"):
        driver.write(unit)
    assert names(driver) == ["bond"]
    assert driver.read(lambda tx: tx.jobs.page()) == [job(1)]
    assert driver.read(lambda tx: tx.jobs.events(job(1).id)) == []
    assert driver.read(lambda tx: (tx.keys.all(), tx.endpoints.all())) == ([], [])


def test_an_end_of_iteration_is_an_error_like_any_other(driver: Driver) -> None:
    for way in (driver.write, driver.read):
        with pytest.raises(RuntimeError, match="StopIteration"):
            way(lambda tx: next(iter(())))
    driver.write(lambda tx: tx.accounts.add(account()))


def test_a_unit_of_work_may_go_on_after_a_conflict(driver: Driver) -> None:
    def unit(tx: Transaction) -> str:
        tx.jobs.put(job(1))
        tx.accounts.add(account("bond"))
        with pytest.raises(Conflict):
            tx.accounts.add(account("bond"))
        tx.accounts.add(account("q"))
        return "went on"

    assert driver.write(unit) == "went on"
    assert names(driver) == ["bond", "q"]
    assert driver.read(lambda tx: tx.jobs.get(job(1).id)) == job(1)


def test_one_that_raises_takes_nobody_along_who_shares_its_commit(driver: Driver) -> None:
    def unit(number: int):  # type: ignore[no-untyped-def]
        def work(tx: Transaction) -> int:
            tx.jobs.put(job(number))
            if number % 2:
                tx.accounts.add(account(f"a{number:03}"))
            tx.jobs.add_events([event(number)])
            if number % 3 == 0:
                raise Mishap(number)
            return number

        return work

    async def all_at_once() -> list[object]:
        return await asyncio.gather(*(driver.store.write(unit(n)) for n in range(1, 101)), return_exceptions=True)

    results = driver.run(all_at_once())
    kept = [n for n in range(1, 101) if n % 3]
    assert [r for r in results if isinstance(r, int)] == kept
    assert [r.args[0] for r in results if isinstance(r, Mishap)] == [n for n in range(1, 101) if not n % 3]
    assert driver.read(lambda tx: tx.jobs.open()) == [job(n) for n in kept]
    assert [e.seq for e in driver.read(lambda tx: tx.jobs.events(job(1).id))] == kept
    assert names(driver) == [f"a{n:03}" for n in kept if n % 2]


def test_writes_in_both_ways_keep_one_order(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.keys.add(key(label="")))

    def append(letter: str):  # type: ignore[no-untyped-def]
        def work(tx: Transaction) -> None:
            found = tx.keys.get("k1")
            assert found is not None
            tx.keys.save(key(label=found.label + letter))

        return work

    async def in_turn() -> None:
        waiting = []
        for number in range(120):
            if number % 3:
                driver.store.write_behind(append(chr(200 + number)))
            else:
                waiting.append(asyncio.ensure_future(driver.store.write(append(chr(200 + number)))))
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    driver.run(in_turn())
    driver.run(driver.store.flush())
    found = driver.read(lambda tx: tx.keys.get("k1"))
    assert found is not None
    assert found.label == "".join(chr(200 + number) for number in range(120))


def test_a_read_sees_every_finished_write(driver: Driver) -> None:
    async def write_and_look(number: int) -> bool:
        await driver.store.write(lambda tx: tx.jobs.put(job(number)))
        return await driver.store.read(lambda tx: tx.jobs.get(job(number).id)) == job(number)

    async def many() -> list[bool]:
        return await asyncio.gather(*(write_and_look(number) for number in range(1, 51)))

    assert driver.run(many()) == [True] * 50


def test_a_read_that_would_write_is_refused(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    for work in (
        lambda tx: tx.jobs.put(job()),
        lambda tx: tx.jobs.add_events([event()]),
        lambda tx: tx.accounts.add(account("q")),
        lambda tx: tx.accounts.remove("acc_bond"),
    ):
        with pytest.raises(RuntimeError, match="read"):
            driver.read(work)
    assert names(driver) == ["bond"]
    assert driver.read(lambda tx: tx.jobs.page()) == []


def test_what_is_written_behind_is_there_after_a_flush(driver: Driver) -> None:
    for number in range(1, 11):
        driver.store.write_behind(lambda tx, number=number: tx.jobs.put(job(number)))  # type: ignore[misc]
    driver.run(driver.store.flush())
    assert len(driver.read(lambda tx: tx.jobs.open())) == 10


def test_what_is_written_behind_and_raises_is_logged_and_left_out(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    def mishap(tx: Transaction) -> None:
        tx.jobs.put(job(1))
        raise Mishap("nobody hears this")

    with caplog.at_level(logging.ERROR):
        driver.store.write_behind(mishap)
        driver.store.write_behind(lambda tx: tx.jobs.put(job(2)))
        driver.run(driver.store.flush())
    assert driver.read(lambda tx: tx.jobs.open()) == [job(2)]
    assert "nobody hears this" in caplog.text


def test_on_a_full_disk_a_write_is_refused_and_changes_nothing(driver: Driver) -> None:
    driver.write(lambda tx: tx.jobs.put(job(1)))
    driver.fill()
    with pytest.raises(StorageFull):
        driver.write(big(2))  # type: ignore[arg-type]
    assert driver.read(lambda tx: tx.jobs.open()) == [job(1)]
    driver.relieve()
    driver.write(big(2))  # type: ignore[arg-type]
    assert [one.id for one in driver.read(lambda tx: tx.jobs.open())] == [job(1).id, job(2).id]


def test_on_a_full_disk_what_is_written_behind_waits_for_space(driver: Driver) -> None:
    driver.fill()
    for number in (1, 2, 3):
        driver.store.write_behind(big(number))  # type: ignore[arg-type]
    with pytest.raises(StorageFull):
        driver.write(lambda tx: tx.jobs.put(job(4)))
    assert driver.read(lambda tx: tx.jobs.open()) == []
    driver.relieve()
    driver.run(driver.store.flush())
    assert [one.id for one in driver.read(lambda tx: tx.jobs.open())] == [job(n).id for n in (1, 2, 3)]


def test_after_closing_nothing_goes_any_more_and_closing_again_is_no_fault(driver: Driver) -> None:
    driver.store.write_behind(lambda tx: tx.jobs.put(job()))
    driver.run(driver.store.close())
    driver.run(driver.store.close())
    with pytest.raises(Unavailable, match="closed"):
        driver.write(lambda tx: None)
    with pytest.raises(Unavailable, match="closed"):
        driver.read(lambda tx: None)
    with pytest.raises(Unavailable, match="closed"):
        driver.run(driver.store.flush())
    with pytest.raises(Unavailable, match="closed"):
        driver.store.write_behind(lambda tx: None)
