"""Jobs and their events: the same in every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.conftest import Driver
from tests.contract.values import ended, event, job, running
from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import FINAL, EventKind, Job, JobPolicy, JobStatus, Priority, Progress
from trivet.platform.core.payloads import BINARY, JSON, Payload

WHOLE = [
    job(),
    running(),
    running(stop_reason=None, stop_asked_at=None, progress=Progress(None, "\ud800 half a pair")),
    ended(),
    ended(status=JobStatus.SUCCEEDED, output=Payload.inline(b"\x00\xff", BINARY), error=None),
    ended(status=JobStatus.SUCCEEDED, output=Payload.inline(b"", JSON), error=None),
    ended(status=JobStatus.CANCELLED, output=None),
    job(input=Payload.inline(b"", BINARY)),
    job(input=Payload.inline(bytes(300_000), BINARY)),
    job(input=Payload.stored("cd" * 16, 2**40, BINARY), policy=JobPolicy(0.001, 1e9, 100)),
    job(
        key_id="key_1",
        idempotency_key="k",
        input_digest=bytes(range(32)),
        retry_at=1234.5,
        policy=JobPolicy(
            1.0, 2.0, 3, ("handler_error", "a.B"), 0.5, Priority.LOW, 60.0, 70.0, "https://example.com/☹?a=1"
        ),
    ),
    ended(is_dead_letter=True, forget_at=9e9),
    job(retry_of="job_0", retry_number=7),
    job(number=2**53 - 1),
]


@pytest.mark.parametrize("kept", WHOLE, ids=range(len(WHOLE)))
def test_a_job_comes_back_as_it_was_put(driver: Driver, kept: Job) -> None:
    driver.write(lambda tx: tx.jobs.put(kept))
    assert driver.read(lambda tx: tx.jobs.get(kept.id)) == kept
    assert driver.read(lambda tx: tx.jobs.get("job_none")) is None


@pytest.mark.parametrize("first", [job(), running()])
@pytest.mark.parametrize("then", [job(attempt=1), running(), ended(), ended(status=JobStatus.SUCCEEDED)])
def test_an_open_job_is_recorded_anew(driver: Driver, first: Job, then: Job) -> None:
    driver.write(lambda tx: tx.jobs.put(first))
    driver.write(lambda tx: tx.jobs.put(then))
    assert driver.read(lambda tx: tx.jobs.get(first.id)) == then


@pytest.mark.parametrize("status", sorted(FINAL))
@pytest.mark.parametrize("late", [job(), running(), ended(status=JobStatus.SUCCEEDED, at=1300.0)])
def test_a_job_that_is_recorded_as_final_never_changes(driver: Driver, status: JobStatus, late: Job) -> None:
    final = ended(status=status)
    driver.write(lambda tx: tx.jobs.put(final))
    driver.write(lambda tx: tx.jobs.put(late))
    assert driver.read(lambda tx: tx.jobs.get(final.id)) == final


def test_of_two_ends_in_one_unit_of_work_the_first_counts(driver: Driver) -> None:
    def unit(tx):  # type: ignore[no-untyped-def]
        tx.jobs.put(job())
        tx.jobs.put(ended(status=JobStatus.CANCELLED))
        tx.jobs.put(ended(status=JobStatus.SUCCEEDED))
        tx.jobs.put(job())

    driver.write(unit)
    assert driver.read(lambda tx: tx.jobs.get(job().id)) == ended(status=JobStatus.CANCELLED)


def test_a_unit_of_work_sees_what_it_put(driver: Driver) -> None:
    def unit(tx):  # type: ignore[no-untyped-def]
        tx.jobs.put(job(1))
        tx.jobs.add_events([event(1)])
        return (
            tx.jobs.get(job(1).id),
            tx.jobs.open(),
            tx.jobs.page(),
            tx.jobs.counts("bondhello0"),
            tx.jobs.events(job(1).id),
        )

    assert driver.write(unit) == (job(1), [job(1)], [job(1)], {JobStatus.QUEUED: 1}, [event(1)])


@pytest.mark.parametrize("count", [1, 3, 4, 5, 64, 65, 256, 300])
def test_any_number_of_jobs_fits_one_unit_of_work(driver: Driver, count: int) -> None:
    jobs = [job(number) for number in range(1, count + 1)]

    def unit(tx):  # type: ignore[no-untyped-def]
        for one in jobs:
            tx.jobs.put(one)
        tx.jobs.add_events([event(number) for number in range(1, count + 1)])

    driver.write(unit)
    assert driver.read(lambda tx: tx.jobs.open()) == jobs
    assert [e.seq for e in driver.read(lambda tx: tx.jobs.events(job().id))] == list(range(1, count + 1))


def test_open_jobs_are_listed_oldest_first(driver: Driver) -> None:
    for one in (running(3), job(1), ended(2), job(4), ended(5, JobStatus.SUCCEEDED)):
        driver.write(lambda tx, one=one: tx.jobs.put(one))  # type: ignore[misc] # bound now
    assert driver.read(lambda tx: tx.jobs.open()) == [job(1), running(3), job(4)]


# endpoint, account and status of jobs 1 to 8
MANY = [
    ("e1", "a1", JobStatus.QUEUED),
    ("e1", "a2", JobStatus.SUCCEEDED),
    ("e2", "a1", JobStatus.FAILED),
    ("e2", "a2", JobStatus.QUEUED),
    ("e3", "a3", JobStatus.RUNNING),
    ("e1", "a1", JobStatus.CANCELLED),
    ("e3", "a1", JobStatus.QUEUED),
    ("e2", "a3", JobStatus.SUCCEEDED),
]


def put_many(driver: Driver) -> None:
    def unit(tx):  # type: ignore[no-untyped-def]
        for number, (endpoint_id, account_id, status) in enumerate(MANY, start=1):
            tx.jobs.put(job(number, endpoint_id=endpoint_id, account_id=account_id, status=status))

    driver.write(unit)


def listed(driver: Driver, **filters: object) -> list[int]:
    found = driver.read(lambda tx: tx.jobs.page(**filters))  # type: ignore[arg-type]
    return [int(one.id.removeprefix("job_"), 16) for one in found]


def test_jobs_are_listed_newest_first(driver: Driver) -> None:
    put_many(driver)
    assert listed(driver) == [8, 7, 6, 5, 4, 3, 2, 1]


def test_a_listing_shows_the_jobs_of_the_endpoints_and_of_the_account(driver: Driver) -> None:
    put_many(driver)
    assert listed(driver, endpoint_ids=["e1"]) == [6, 2, 1]
    assert listed(driver, endpoint_ids=["e1", "e2"]) == [8, 6, 4, 3, 2, 1]
    assert listed(driver, account_id="a1") == [7, 6, 3, 1]
    assert listed(driver, endpoint_ids=["e2"], account_id="a1") == [8, 7, 6, 4, 3, 1]


def test_a_listing_for_nobody_shows_nothing(driver: Driver) -> None:
    put_many(driver)
    assert listed(driver, endpoint_ids=[]) == []
    assert listed(driver, endpoint_ids=[], account_id="a9") == []
    assert listed(driver, endpoint_ids=["e9"]) == []


def test_a_listing_shows_the_statuses_asked_for(driver: Driver) -> None:
    put_many(driver)
    assert listed(driver, statuses=[JobStatus.QUEUED]) == [7, 4, 1]
    assert listed(driver, statuses=iter([JobStatus.QUEUED, JobStatus.RUNNING])) == [7, 5, 4, 1]
    assert listed(driver, statuses={JobStatus.SUCCEEDED, JobStatus.QUEUED}, endpoint_ids=["e1"]) == [2, 1]
    assert listed(driver, statuses=[JobStatus.TIMED_OUT]) == []


def test_pages_follow_each_other_without_gap_or_double(driver: Driver) -> None:
    put_many(driver)
    seen: list[int] = []
    before: str | None = None
    while page := listed(driver, endpoint_ids=["e1", "e2"], account_id="a1", before=before, limit=3):
        assert len(page) <= 3
        seen += page
        before = f"job_{page[-1]:012x}"
    assert seen == [8, 7, 6, 4, 3, 2, 1]


def test_counts_name_only_what_there_is(driver: Driver) -> None:
    put_many(driver)
    assert driver.read(lambda tx: tx.jobs.counts("e2")) == {
        JobStatus.FAILED: 1,
        JobStatus.QUEUED: 1,
        JobStatus.SUCCEEDED: 1,
    }
    assert driver.read(lambda tx: tx.jobs.counts("e9")) == {}


def test_jobs_that_were_tried_more_than_once_are_counted_by_endpoint(driver: Driver) -> None:
    jobs = [job(n, endpoint_id=f"e{n % 2}", attempt=n) for n in range(5)]
    driver.write(lambda tx: [tx.jobs.put(each) for each in jobs])
    assert [driver.read(lambda tx, e=e: tx.jobs.retried(e)) for e in ("e0", "e1", "e2")] == [2, 1, 0]


@pytest.mark.parametrize("format_", ["native", "another"])
def test_the_format_of_a_webhook_is_kept(driver: Driver, format_: str) -> None:
    told = job(policy=JobPolicy(webhook="https://example.org/", webhook_format=format_))
    driver.write(lambda tx: tx.jobs.put(told))
    assert driver.read(lambda tx: tx.jobs.get(told.id)) == told


def test_events_come_back_in_order_after_a_number_and_by_kind(driver: Driver) -> None:
    events = [
        event(1),
        event(2, kind=EventKind.PIECE, data=b"\x00\xff", label="text/plain", attempt=2),
        event(3, kind=EventKind.PROGRESS, data=b"", label=""),
        event(4, label="stderr"),
    ]
    driver.write(lambda tx: tx.jobs.add_events(events[2:]))
    driver.write(lambda tx: tx.jobs.add_events([*events[:2], event(1, "job_other")]))
    name = events[0].job_id
    assert driver.read(lambda tx: tx.jobs.events(name)) == events
    assert driver.read(lambda tx: tx.jobs.events(name, after=2)) == events[2:]
    assert driver.read(lambda tx: tx.jobs.events(name, after=1, limit=2)) == events[1:3]
    assert driver.read(lambda tx: tx.jobs.events(name, kinds=[EventKind.LOG])) == [events[0], events[3]]
    logs_and_pieces = iter([EventKind.LOG, EventKind.PIECE])
    assert driver.read(lambda tx: tx.jobs.events(name, kinds=logs_and_pieces, limit=2)) == events[:2]
    assert driver.read(lambda tx: tx.jobs.events("job_none")) == []


def test_an_event_that_comes_twice_changes_nothing(driver: Driver) -> None:
    driver.write(lambda tx: tx.jobs.add_events([event(1), event(2), event(1, data=b"again")]))
    driver.write(lambda tx: tx.jobs.add_events([event(2, data=b"again"), event(3)]))
    assert driver.read(lambda tx: tx.jobs.events(job().id)) == [event(1), event(2), event(3)]


def test_jobs_to_be_forgotten_are_listed_longest_overdue_first(driver: Driver) -> None:
    ends = [ended(1, forget_at=30.0), ended(2, forget_at=10.0), ended(3, forget_at=10.0), ended(6, forget_at=40.5)]
    for one in [*ends, job(4), running(5)]:
        driver.write(lambda tx, one=one: tx.jobs.put(one))  # type: ignore[misc] # bound now
    assert driver.read(lambda tx: tx.jobs.outdated(40.0)) == [ends[1], ends[2], ends[0]]
    assert driver.read(lambda tx: tx.jobs.outdated(30.0, limit=1)) == [ends[1]]
    assert driver.read(lambda tx: tx.jobs.outdated(9.0)) == []


def test_a_second_job_with_an_idempotency_key_is_refused_and_the_first_is_found_by_it(driver: Driver) -> None:
    first = job(1, idempotency_key="order-7", input_digest=b"\x00\xff" * 16)
    driver.write(lambda tx: tx.jobs.put(first))
    with pytest.raises(Conflict):
        driver.write(lambda tx: tx.jobs.put(job(2, idempotency_key="order-7")))
    assert driver.read(lambda tx: tx.jobs.get(job(2).id)) is None
    name = (first.endpoint_id, first.account_id, "order-7")
    assert driver.read(lambda tx: tx.jobs.keyed(*name)) == first
    assert driver.read(lambda tx: tx.jobs.keyed(*name[:2], "order-8")) is None


def test_an_idempotency_key_belongs_to_its_endpoint_and_account_and_goes_with_its_job(driver: Driver) -> None:
    driver.write(lambda tx: tx.jobs.put(job(1, idempotency_key="k")))
    driver.write(lambda tx: tx.jobs.put(job(2, idempotency_key="k", account_id="acc_other")))
    driver.write(lambda tx: tx.jobs.put(job(3, idempotency_key="k", endpoint_id="another0")))
    driver.write(lambda tx: tx.jobs.put(ended(1, idempotency_key="k")))  # the same job, further on
    driver.write(lambda tx: tx.jobs.remove([job(1).id]))
    again = job(4, idempotency_key="k")
    driver.write(lambda tx: tx.jobs.put(again))
    assert driver.read(lambda tx: tx.jobs.keyed(again.endpoint_id, again.account_id, "k")) == again


def test_of_the_retries_of_a_job_the_newest_is_found_and_each_is_there_once(driver: Driver) -> None:
    first, other = job(1).id, job(6).id
    for number, of, time in ((2, first, 9), (3, first, 10), (4, first, 1), (7, other, 1)):
        one = job(number, retry_of=of, retry_number=time)
        driver.write(lambda tx, one=one: tx.jobs.put(one))  # type: ignore[misc] # bound now
    assert driver.read(lambda tx: tx.jobs.newest_retry(first)) == job(3, retry_of=first, retry_number=10)
    assert driver.read(lambda tx: tx.jobs.newest_retry(job(3).id)) is None
    with pytest.raises(Conflict, match="tried again already"):
        driver.write(lambda tx: tx.jobs.put(job(5, retry_of=first, retry_number=10)))
    assert driver.read(lambda tx: tx.jobs.get(job(5).id)) is None
    driver.write(lambda tx: tx.jobs.put(ended(3, retry_of=first, retry_number=10)))  # the same job, further on
    driver.write(lambda tx: tx.jobs.remove([job(3).id]))
    assert driver.read(lambda tx: tx.jobs.newest_retry(first)) == job(2, retry_of=first, retry_number=9)
    driver.write(lambda tx: tx.jobs.remove([job(2).id, job(4).id]))
    assert driver.read(lambda tx: tx.jobs.newest_retry(first)) is None
    driver.write(lambda tx: tx.jobs.put(job(8, retry_of=first, retry_number=1)))


def test_the_blobs_of_all_jobs_are_told(driver: Driver) -> None:
    driver.write(lambda tx: tx.jobs.put(job(1, input=Payload.stored("in", 1, BINARY))))
    driver.write(lambda tx: tx.jobs.put(ended(2, output=Payload.stored("out", 1, BINARY))))
    driver.write(lambda tx: tx.jobs.put(job(3)))
    assert driver.read(lambda tx: tx.jobs.blobs()) == {"in", "out"}


def test_dead_letters_are_listed_by_themselves(driver: Driver) -> None:
    dead, other = ended(1, is_dead_letter=True), ended(2)
    for one in (dead, other):
        driver.write(lambda tx, one=one: tx.jobs.put(one))  # type: ignore[misc] # bound now
    assert driver.read(lambda tx: tx.jobs.page(dead_letters=True)) == [dead]
    assert driver.read(lambda tx: tx.jobs.page(dead_letters=True, account_id="nobody", endpoint_ids=[])) == []
    assert driver.read(lambda tx: tx.jobs.page(dead_letters=True, endpoint_ids=[dead.endpoint_id])) == [dead]


def test_events_are_read_by_count_and_by_size_and_at_least_one(driver: Driver) -> None:
    driver.write(lambda tx: tx.jobs.add_events([event(n, data=b"12345") for n in range(1, 6)]))
    assert len(driver.read(lambda tx: tx.jobs.events(job().id, size=12))) == 2
    assert len(driver.read(lambda tx: tx.jobs.events(job().id, size=1))) == 1
    assert len(driver.read(lambda tx: tx.jobs.events(job().id, size=100, limit=3))) == 3
    assert driver.read(lambda tx: tx.jobs.last_event(job().id)) == 5
    assert driver.read(lambda tx: tx.jobs.last_event("job_none")) == 0


def test_events_are_removed_from_the_oldest_on_some_at_a_time(driver: Driver) -> None:
    driver.write(lambda tx: tx.jobs.add_events([event(n) for n in range(1, 6)]))
    assert driver.write(lambda tx: tx.jobs.remove_events(job().id, 3)) == 3
    assert [e.seq for e in driver.read(lambda tx: tx.jobs.events(job().id))] == [4, 5]
    assert driver.write(lambda tx: tx.jobs.remove_events(job().id, 3)) == 2
    assert driver.write(lambda tx: tx.jobs.remove_events(job().id, 3)) == 0


def test_a_removed_job_takes_its_events_along(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        for number in (1, 2, 3):
            tx.jobs.put(job(number))
            tx.jobs.add_events([event(1, job(number).id)])

    driver.write(prepare)
    driver.write(lambda tx: tx.jobs.remove([job(1).id, job(3).id, "job_none"]))
    assert driver.read(lambda tx: tx.jobs.page()) == [job(2)]
    left = [driver.read(lambda tx, n=n: len(tx.jobs.events(job(n).id))) for n in (1, 2, 3)]  # type: ignore[misc]
    assert left == [0, 1, 0]
    driver.write(lambda tx: tx.jobs.put(replace(job(1), attempt=1)))
    assert driver.read(lambda tx: tx.jobs.get(job(1).id)) == replace(job(1), attempt=1)
