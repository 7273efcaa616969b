"""Webhook deliveries, attempts and secrets: the same in every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.contract.conftest import Driver
from tests.contract.values import account, ended, job
from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.webhooks import Delivery, DeliveryAttempt, DeliveryStatus, SigningSecret
from trivet.platform.ports.stores import Transaction
from trivet.platform.services.recorder import put_job


def delivery(number: int = 1, **fields: Any) -> Delivery:
    full = Delivery(
        id=f"msg_{number:02}",
        job_id=f"job_{number:02}",
        account_id="acc_bond",
        url="https://hooks.example/☹?a=\ud800",
        host="hooks.example",
        created_at=1000.5,
        next_at=1001.5,
        status=DeliveryStatus.PENDING,
        attempts=3,
        tries=2,
        format="runpod",
    )
    return replace(full, **fields)


def attempt(number: int = 1, **fields: Any) -> DeliveryAttempt:
    full = DeliveryAttempt("msg_01", number, 1000.25, 12.5, 503, "It was busy \ud800.", b"\x00\xff", 1005.0)
    return replace(full, **fields)


def known(driver: Driver, *deliveries: Delivery) -> None:
    def unit(tx: Transaction) -> None:
        for one in deliveries:
            tx.jobs.put(replace(ended(), id=one.job_id))
            tx.webhooks.plan(one)

    driver.write(unit)


def test_a_delivery_comes_back_as_it_was_planned(driver: Driver) -> None:
    whole = delivery(url="https://hooks.example/☹", finished_at=1002.0, status=DeliveryStatus.FAILED)
    known(driver, whole)
    assert driver.read(lambda tx: tx.webhooks.of_job("job_01")) == whole
    assert driver.read(lambda tx: tx.webhooks.of_job("job_02")) is None


def test_text_that_no_encoding_carries_does_not_break_the_store(driver: Driver) -> None:
    known(driver, delivery())
    driver.write(lambda tx: tx.webhooks.add_attempt(attempt()))
    assert len(driver.read(lambda tx: tx.webhooks.page())) == 1


def test_a_job_has_one_delivery_however_often_it_is_planned(driver: Driver) -> None:
    known(driver, delivery(attempts=7))
    known(driver, delivery(attempts=0))
    found = driver.read(lambda tx: tx.webhooks.of_job("job_01"))
    assert found is not None
    assert found.attempts == 7


def test_a_delivery_is_saved_in_the_place_of_what_it_was(driver: Driver) -> None:
    known(driver, delivery(url="http://a"))
    after = delivery(url="http://a", status=DeliveryStatus.DELIVERED, next_at=None, attempts=4, finished_at=5.0)
    driver.write(lambda tx: tx.webhooks.save(after))
    driver.write(lambda tx: tx.webhooks.save(delivery(9)))
    assert driver.read(lambda tx: tx.webhooks.of_job("job_01")) == after
    assert driver.read(lambda tx: tx.webhooks.of_job("job_09")) is None


def test_what_is_due_is_told_by_host_and_account_longest_due_first(driver: Driver) -> None:
    known(
        driver,
        delivery(1, next_at=30.0),
        delivery(2, next_at=10.0, host="slow"),
        delivery(3, next_at=20.0, account_id="acc_loud"),
        delivery(4, next_at=20.0),
        delivery(5, next_at=None),
        delivery(6, next_at=90.0),
        delivery(7, next_at=20.0),
    )

    def due(host: str, account_id: str, limit: int = 10) -> list[str]:
        return driver.read(lambda tx: [one.id for one in tx.webhooks.due(host, account_id, 30.0, limit)])

    assert due("hooks.example", "acc_bond") == ["msg_04", "msg_07", "msg_01"]
    assert due("hooks.example", "acc_bond", 2) == ["msg_04", "msg_07"]
    assert due("slow", "acc_bond") == ["msg_02"]
    assert due("slow", "acc_loud") == []
    assert sorted(driver.read(lambda tx: tx.webhooks.lanes())) == [
        ("hooks.example", "acc_bond", 20.0),
        ("hooks.example", "acc_loud", 20.0),
        ("slow", "acc_bond", 10.0),
    ]
    assert driver.read(lambda tx: tx.webhooks.next_at("hooks.example", "acc_bond", 30.0)) == 90.0
    assert driver.read(lambda tx: tx.webhooks.next_at("hooks.example", "acc_bond", 90.0)) is None


def test_listings_are_newest_first_and_in_pages(driver: Driver) -> None:
    known(driver, *(delivery(n, url="http://a") for n in (1, 3)), delivery(2, account_id="acc_other", url="http://a"))
    driver.write(lambda tx: tx.webhooks.save(delivery(3, url="http://a", status=DeliveryStatus.FAILED)))

    def page(**query: Any) -> list[str]:
        return driver.read(lambda tx: [one.id for one in tx.webhooks.page(**query)])

    assert page() == ["msg_03", "msg_02", "msg_01"]
    assert page(limit=1, before="msg_03") == ["msg_02"]
    assert page(account_id="acc_bond") == ["msg_03", "msg_01"]
    assert page(account_id="acc_bond", statuses=[DeliveryStatus.FAILED]) == ["msg_03"]
    assert page(statuses=[DeliveryStatus.DELIVERED]) == []


def test_attempts_come_back_in_order_and_only_the_newest_are_kept(driver: Driver) -> None:
    known(driver, delivery())

    def unit(tx: Transaction) -> None:
        for number in range(1, 103):
            tx.webhooks.add_attempt(attempt(number, error="", status=None, next_at=None))

    driver.write(unit)
    found = driver.read(lambda tx: tx.webhooks.attempts("msg_01"))
    assert [one.number for one in found] == list(range(3, 103))
    assert found[0] == attempt(3, error="", status=None, next_at=None)


def test_a_delivery_goes_with_its_job(driver: Driver) -> None:
    known(driver, delivery(1), delivery(2))
    driver.write(lambda tx: tx.webhooks.add_attempt(attempt()))
    driver.write(lambda tx: tx.jobs.remove(["job_01"]))
    assert driver.read(lambda tx: tx.webhooks.of_job("job_01")) is None
    assert driver.read(lambda tx: tx.webhooks.attempts("msg_01")) == []
    assert driver.read(lambda tx: [one.id for one in tx.webhooks.page()]) == ["msg_02"]
    assert driver.read(lambda tx: tx.webhooks.lanes()) == [("hooks.example", "acc_bond", 1001.5)]


def test_a_secret_is_kept_and_goes_with_its_account(driver: Driver) -> None:
    secret = SigningSecret("acc_bond", b"\x00sealed", 1000.0)
    with pytest.raises(Conflict):
        driver.write(lambda tx: tx.webhooks.put_secret(secret))
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.webhooks.put_secret(secret))
    assert driver.read(lambda tx: tx.webhooks.secret("acc_bond")) == secret
    after = secret.rotated(b"\x01sealed", 2000.0)
    driver.write(lambda tx: tx.webhooks.put_secret(after))
    assert driver.read(lambda tx: tx.webhooks.secret("acc_bond")) == after
    driver.write(lambda tx: tx.accounts.remove("acc_bond"))
    assert driver.read(lambda tx: tx.webhooks.secret("acc_bond")) is None


def test_the_end_of_a_job_and_its_delivery_are_recorded_together_or_not_at_all(driver: Driver) -> None:
    policy = replace(job().policy, webhook="https://hooks.example/x")
    final = replace(ended(status=JobStatus.FAILED), policy=policy)

    def unit(tx: Transaction) -> None:
        put_job(tx, final)
        raise ZeroDivisionError

    driver.write(lambda tx: put_job(tx, replace(job(), id=final.id, policy=policy)))
    assert driver.read(lambda tx: tx.webhooks.of_job(final.id)) is None  # it has not ended
    with pytest.raises(ZeroDivisionError):
        driver.write(unit)
    assert driver.read(lambda tx: tx.webhooks.of_job(final.id)) is None
    driver.write(lambda tx: put_job(tx, final))
    driver.write(lambda tx: put_job(tx, final))
    planned = driver.read(lambda tx: tx.webhooks.of_job(final.id))
    assert planned is not None
    assert (planned.url, planned.next_at) == ("https://hooks.example/x", final.finished_at)


def test_a_job_without_a_webhook_plans_nothing(driver: Driver) -> None:
    driver.write(lambda tx: put_job(tx, ended()))
    assert driver.read(lambda tx: tx.webhooks.page()) == []
