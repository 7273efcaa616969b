"""Numbers: counters that never give one twice, and jobs that can be found by theirs. The same in every store."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Driver
from tests.contract.values import ended, job
from trivet.platform.core.errors import Conflict


def test_a_counter_begins_where_it_is_told_and_never_gives_a_number_twice(driver: Driver) -> None:
    taken = [driver.write(lambda tx: tx.counters.take("a", 3, first=10)) for _ in range(3)]
    assert taken == [10, 13, 16]
    assert driver.write(lambda tx: tx.counters.take("a", first=1)) == 19
    assert driver.write(lambda tx: tx.counters.take("b")) == 1


def test_what_a_failed_unit_of_work_took_is_not_taken(driver: Driver) -> None:
    def fails(tx: object) -> None:
        tx.counters.take("a")  # type: ignore[attr-defined]  # a transaction
        raise Conflict("no")

    with pytest.raises(Conflict):
        driver.write(fails)
    assert driver.write(lambda tx: tx.counters.take("a")) == 1


def test_a_job_is_found_by_its_number_as_long_as_it_is_kept(driver: Driver) -> None:
    driver.write(lambda tx: (tx.jobs.put(job(1, number=7)), tx.jobs.put(job(2))))
    driver.write(lambda tx: tx.jobs.put(ended(1, number=7)))
    assert driver.read(lambda tx: tx.jobs.numbered(7)) == ended(1, number=7)
    assert driver.read(lambda tx: tx.jobs.numbered(8)) is None
    with pytest.raises(Conflict):
        driver.write(lambda tx: tx.jobs.put(job(3, number=7)))
    driver.write(lambda tx: tx.jobs.remove([job(1).id]))
    assert driver.read(lambda tx: tx.jobs.numbered(7)) is None
    driver.write(lambda tx: tx.jobs.put(job(3, number=7)))
    assert driver.read(lambda tx: tx.jobs.numbered(7)) == job(3, number=7)


def test_an_account_s_numbered_jobs_come_in_pages_in_the_order_of_their_numbers(driver: Driver) -> None:
    mine = [job(index, number=100 - index) for index in range(5)]
    elsewhere = job(7, number=50, endpoint_id="another0")
    driver.write(lambda tx: [tx.jobs.put(each) for each in [*mine, elsewhere, job(8)]])
    driver.write(lambda tx: tx.jobs.put(job(9, number=999, account_id="acc_other")))
    account, endpoint = mine[0].account_id, mine[0].endpoint_id

    def page(**wanted: object) -> tuple[list[int | None], int]:
        found, total = driver.read(lambda tx: tx.jobs.numbered_page(account, **wanted))  # type: ignore[arg-type]  # as given
        return [each.number for each in found], total

    assert page() == ([100, 99, 98, 97, 96, 50], 6)
    assert page(newest_first=False, limit=2) == ([50, 96], 6)
    assert page(offset=4, limit=10) == ([96, 50], 6)
    assert page(endpoint_id=endpoint, offset=1, limit=2) == ([99, 98], 5)
    assert page(endpoint_id="nobody00") == ([], 0)
