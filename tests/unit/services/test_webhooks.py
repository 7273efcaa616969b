"""Webhooks through the real services: every end is told, in time and to nobody else, and nobody is held up by it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.plant import Plant, payload
from tests.unit.services.receiver import FakeEgress
from tests.unit.services.town import ref, run
from trivet.platform.core import webhooks as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, Unavailable
from trivet.platform.core.jobs import Job, JobError, JobPolicy, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.core.webhooks import Delivery, DeliveryAttempt, DeliveryStatus, WebhookAnswer
from trivet.platform.ports.stores import Transaction
from trivet.platform.services import lanes
from trivet.platform.services.recorder import put_job
from trivet.platform.services.webhooks import MessageFormat, Webhooks

HELLO = ref("ada/hello")
URL = "https://hooks.example/x?token=t"
BUSY = WebhookAnswer(503, body=b"not now")


def write(view: JobView) -> bytes:
    job = view.job
    error = None if job.error is None else [job.error.message, *job.error.worker_log]
    return json.dumps([job.id, job.status, view.endpoint_name, view.version_number, error]).encode()


class Office(Plant):
    """Ada's ``ada/hello``, Sam who may call it, and the webhooks service with the receivers in the test's hand."""

    def __init__(self) -> None:
        super().__init__()
        self.egress = FakeEgress()
        self.ada = self.account("ada")
        self.sam = self.account("sam")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello")
        run(self.endpoints.update(self.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC)))
        self.numbers = 0
        self.webhooks: Webhooks
        self.open_again()

    def open_again(self) -> None:
        """As a server that starts anew on the same store."""
        self.build()
        self.webhooks = Webhooks(
            store=self.store,
            egress=self.egress,
            vault=self.vault,
            jobs=self.jobs,
            endpoints=self.endpoints,
            formats={rules.NATIVE: MessageFormat(write), "plain": MessageFormat(write, "text/plain", signed=False)},
            clock=self.clock,
            entropy=self.entropy,
            background=self.tasks.run,
            sleep=self.pause,
        )
        self.intake.check_webhook = self.webhooks.check
        self.recorder.on_planned = self.webhooks.planned

    async def end(self, url: str | None = URL, by: Principal | None = None, *, told: bool = True, **fields: Any) -> str:
        """A job that has ended and is recorded with its delivery; its id. ``told``: so was the service."""
        self.numbers += 1
        job = Job(
            f"job_{self.numbers:04}",
            self.endpoint.id,
            self.version.id,
            (by or self.sam).account_id,
            payload(),
            JobPolicy(webhook=url),
            created_at=self.now,
            status=JobStatus.SUCCEEDED,
            finished_at=self.now,
            output=Payload.inline(b"1"),
        )
        job = replace(job, **fields)
        await self.store.write(lambda tx: put_job(tx, job))
        if told:
            self.webhooks.planned(job)
        return job.id

    async def delivery(self, job_id: str) -> Delivery:
        found = await self.store.read(lambda tx: tx.webhooks.of_job(job_id))
        assert found is not None
        return found

    async def attempts(self, job_id: str) -> list[DeliveryAttempt]:
        one = await self.delivery(job_id)
        return await self.store.read(lambda tx: tx.webhooks.attempts(one.id))

    async def tick(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.webhooks.tick()
        await self.settle()


@pytest.fixture
def office() -> Office:
    return Office()


# -- telling ------------------------------------------------------------------------------------------------------------


def test_a_job_that_was_submitted_with_a_webhook_tells_it_once_it_has_ended(office: Office) -> None:
    async def scene() -> None:
        hand = await office.hand(office.version)
        view = await office.calls.submit(office.sam, HELLO, payload(), CallOptions(webhook=URL))
        await office.settle()
        assert office.egress.sent == []
        hand.succeed('"done"')
        await office.egress.until(1)
        await office.settle()
        (sent,) = office.egress.sent
        assert sent.url == URL
        assert json.loads(sent.body) == [view.job.id, "succeeded", "ada/hello", "1.0.0", None]
        assert (await office.delivery(view.job.id)).status is DeliveryStatus.DELIVERED

    office.play(scene())


@pytest.mark.parametrize("ending", ["fail", "cancel"])
def test_ends_that_are_no_success_are_told_as_well(office: Office, ending: str) -> None:
    async def scene() -> None:
        hand = await office.hand(office.version)
        view = await office.calls.submit(office.sam, HELLO, payload(), CallOptions(webhook=URL))
        await office.settle()
        if ending == "fail":
            hand.fail()
        else:
            cancelling = asyncio.create_task(office.jobs.cancel(office.sam, view.job.id))
            await office.until(lambda: hand.cancels)
            hand.stopped()
            await cancelling
        await office.egress.until(1)
        assert json.loads(office.egress.sent[0].body)[1] == {"fail": "failed", "cancel": "cancelled"}[ending]

    office.play(scene())


def test_a_held_call_tells_its_webhook_too(office: Office) -> None:
    async def scene() -> None:
        hand = await office.hand(office.version)
        calling = asyncio.create_task(office.calls.run(office.sam, HELLO, payload(), CallOptions(webhook=URL)))
        await office.until(lambda: hand.orders)
        hand.succeed()
        await calling
        await office.egress.until(1)

    office.play(scene())


def test_a_url_that_can_t_be_is_refused_before_there_is_a_job(office: Office) -> None:
    async def scene() -> None:
        with pytest.raises(BadRequest, match="private"):
            await office.calls.submit(office.sam, HELLO, payload(), CallOptions(webhook="http://private.example/"))
        assert await office.jobs.page(office.sam) == []

    office.play(scene())


def test_a_message_is_signed_with_the_secret_of_the_job_s_account(office: Office) -> None:
    async def scene() -> None:
        job_id = await office.end()
        await office.tick()
        (sent,) = office.egress.sent
        secret = (await office.webhooks.secret(office.sam)).secret
        assert sent.headers["content-type"] == "application/json"
        assert sent.headers["webhook-id"] == job_id.replace("job_", "msg_")
        stamp = int(sent.headers["webhook-timestamp"])
        assert stamp == int(office.now)
        assert sent.headers["webhook-signature"] == rules.sign(secret, sent.headers["webhook-id"], stamp, sent.body)

    office.play(scene())


def test_a_worker_s_own_lines_do_not_leave_the_platform(office: Office) -> None:
    async def scene() -> None:
        error = JobError("worker_lost", "It died.", worker_log=("secret line",))
        await office.end(status=JobStatus.FAILED, output=None, error=error)
        await office.tick()
        assert json.loads(office.egress.sent[0].body)[4] == ["It died."]

    office.play(scene())


def test_a_format_may_go_without_a_signature(office: Office) -> None:
    async def scene() -> None:
        job_id = await office.end()
        delivery = await office.delivery(job_id)
        await office.store.write(lambda tx: tx.webhooks.save(replace(delivery, format="plain")))
        await office.tick()
        assert office.egress.sent[0].headers == {"content-type": "text/plain"}

    office.play(scene())


# -- trying again -------------------------------------------------------------------------------------------------------


def test_a_failed_try_is_repeated_when_its_time_has_come_and_all_are_listed(office: Office) -> None:
    async def scene() -> None:
        office.egress.answers = [BUSY, WebhookAnswer(None, "No answer came."), WebhookAnswer(200, body=b"ok")]
        job_id = await office.end()
        await office.tick()
        await office.tick(4.9)
        assert len(office.egress.sent) == 1
        await office.tick(2.0)
        assert len(office.egress.sent) == 2
        await office.tick(29.0)
        assert len(office.egress.sent) == 2
        await office.tick(8.0)
        view = await office.webhooks.get(office.sam, job_id)
        assert view.delivery.status is DeliveryStatus.DELIVERED
        assert [(a.number, a.status, a.error) for a in view.attempts] == [
            (1, 503, "The receiver answered 503."),
            (2, None, "No answer came."),
            (3, 200, ""),
        ]
        assert [a.response for a in view.attempts] == [b"not now", b"", b"ok"]
        assert {sent.headers["webhook-id"] for sent in office.egress.sent} == {view.delivery.id}
        assert len({sent.headers["webhook-timestamp"] for sent in office.egress.sent}) == 3

    office.play(scene())


def test_after_the_whole_schedule_it_is_given_up(office: Office) -> None:
    async def scene() -> None:
        office.egress.answers = [BUSY]
        job_id = await office.end()
        for _ in range(20):
            await office.tick(15 * 3600.0)
        assert len(office.egress.sent) == len(rules.SCHEDULE) + 1
        assert (await office.delivery(job_id)).status is DeliveryStatus.FAILED

    office.play(scene())


def test_what_was_planned_or_waited_is_found_again_after_a_restart(office: Office) -> None:
    async def before() -> list[str]:
        office.egress.answers = [BUSY]
        first = await office.end()
        await office.tick()
        return [first, await office.end("https://other.example/", told=False)]

    async def after() -> None:
        office.egress.answers = [WebhookAnswer(200)]
        await office.tick(10.0)
        for job_id in job_ids:
            assert (await office.delivery(job_id)).status is DeliveryStatus.DELIVERED

    job_ids = office.play(before())
    office.open_again()
    office.play(after())


def test_a_job_that_ends_because_the_server_died_is_told_by_the_next(office: Office) -> None:
    async def scene() -> None:
        running = {"status": JobStatus.RUNNING, "finished_at": None, "output": None, "token": "t", "attempt": 3}
        job_id = await office.end(**running, started_at=office.now)
        assert await office.store.read(lambda tx: tx.webhooks.page()) == []
        await office.intake.recover()
        await office.tick()
        assert json.loads(office.egress.sent[0].body)[:2] == [job_id, "failed"]

    office.play(scene())


def test_an_attempt_that_a_stop_cut_off_is_made_again(office: Office) -> None:
    office.egress.closed = {"hooks.example"}

    async def before() -> None:
        await office.end()
        await office.tick()
        await office.egress.until(1)

    office.play(before())
    office.open_again()
    office.egress.closed.clear()
    office.play(office.tick())
    assert len(office.egress.sent) == 2
    assert len({sent.headers["webhook-id"] for sent in office.egress.sent}) == 1


def test_a_full_disk_loses_no_attempt_and_makes_none_twice(office: Office) -> None:
    async def scene() -> None:
        await office.webhooks.secret(office.sam)
        job_id = await office.end()
        office.store.out_of_space = True
        await office.tick()
        await office.tick(60.0)
        assert len(office.egress.sent) == 1
        office.store.out_of_space = False
        while not await office.attempts(job_id):
            await asyncio.sleep(0)
        assert [attempt.number for attempt in await office.attempts(job_id)] == [1]
        await office.tick(60.0)
        assert len(office.egress.sent) == 1

    office.play(scene())


def test_a_message_that_can_t_be_written_fails_like_any_other_try(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        office.egress.answers = [RuntimeError("a bug"), WebhookAnswer(200)]
        job_id = await office.end()
        await office.tick()
        (attempt,) = await office.attempts(job_id)
        assert "can't be written" in attempt.error
        assert "a bug" not in attempt.error
        await office.tick(10.0)
        assert (await office.delivery(job_id)).status is DeliveryStatus.DELIVERED

    office.play(scene())
    assert "can't be written" in caplog.text


def test_a_secret_that_can_t_be_opened_is_told_and_tried_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(sealed: bytes) -> str:
        raise Unavailable("The key does not fit.")

    monkeypatch.setattr(office.vault, "unseal", broken)

    async def scene() -> None:
        job_id = await office.end()
        await office.tick()
        (attempt,) = await office.attempts(job_id)
        assert attempt.error == "Nothing was sent: The key does not fit."
        assert (await office.delivery(job_id)).status is DeliveryStatus.PENDING

    office.play(scene())


def test_a_job_that_was_removed_meanwhile_leaves_nothing_behind(office: Office) -> None:
    async def scene() -> None:
        office.egress.closed = {"hooks.example"}
        job_id = await office.end()
        await office.tick()
        await office.egress.until(1)
        await office.store.write(lambda tx: tx.jobs.remove([job_id]))
        office.egress.closed.clear()
        await office.settle()
        with pytest.raises(NotFound):
            await office.webhooks.get(office.sam, job_id)
        await office.tick(100.0)
        assert len(office.egress.sent) == 1

    office.play(scene())


# -- holding nobody up --------------------------------------------------------------------------------------------------


def test_a_receiver_that_is_slow_holds_up_its_own_messages_only(office: Office) -> None:
    async def scene() -> None:
        office.egress.closed = {"slow.example"}
        for _ in range(200):
            await office.end("https://slow.example/")
        for _ in range(10):
            await office.end("https://quick.example/", office.ada)
        await office.tick()
        await office.until(lambda: sum(s.url == "https://quick.example/" for s in office.egress.sent) == 10)
        assert sum(s.url == "https://slow.example/" for s in office.egress.sent) == lanes.PER_HOST
        assert office.egress.under_way == lanes.PER_HOST
        office.egress.closed.clear()
        await office.until(lambda: len(office.egress.sent) == 210)

    office.play(scene())


def test_an_account_with_many_slow_receivers_does_not_hold_up_another(office: Office) -> None:
    async def scene() -> None:
        office.egress.closed = {f"slow{n}.example" for n in range(100)}
        for number in range(100):
            await office.end(f"https://slow{number}.example/", office.sam)
        await office.end("https://quick.example/", office.ada)
        await office.tick()
        assert sum("slow" in s.url for s in office.egress.sent) == lanes.PER_ACCOUNT
        assert sum("quick" in s.url for s in office.egress.sent) == 1

    office.play(scene())


def test_never_more_than_so_many_are_under_way(office: Office) -> None:
    async def scene() -> None:
        office.egress.closed = {f"slow{n}.example" for n in range(100)}
        for number in range(100):
            await office.end(f"https://slow{number}.example/", people[number % 6])
        await office.tick()
        assert office.egress.under_way == lanes.AT_ONCE
        office.egress.closed.clear()
        await office.until(lambda: len(office.egress.sent) == 100)
        assert office.egress.most_under_way == lanes.AT_ONCE

    people = [office.account(f"p{n}") for n in range(6)]
    office.play(scene())


def test_jobs_go_on_while_no_receiver_answers(office: Office) -> None:
    async def scene() -> None:
        office.egress.closed = {"hooks.example"}
        hand = await office.hand(office.version)
        for _ in range(50):
            calling = asyncio.create_task(office.calls.run(office.sam, HELLO, payload(), CallOptions(webhook=URL)))
            await office.until(lambda: len(hand.orders) > 0)
            hand.succeed(order=hand.orders.pop())
            assert (await calling).job.status is JobStatus.SUCCEEDED
        await office.until(lambda: office.egress.under_way == lanes.PER_HOST)

    office.play(scene())


# -- looking and sending again ------------------------------------------------------------------------------------------


def test_a_delivery_that_arrived_is_sent_again_on_request_under_the_same_id(office: Office) -> None:
    async def scene() -> None:
        job_id = await office.end()
        await office.tick()
        again = await office.webhooks.redeliver(office.sam, job_id)
        assert again.delivery.status is DeliveryStatus.PENDING
        await office.egress.until(2)
        await office.settle()
        view = await office.webhooks.get(office.sam, job_id)
        assert (view.delivery.status, len(view.attempts)) == (DeliveryStatus.DELIVERED, 2)
        assert len({sent.headers["webhook-id"] for sent in office.egress.sent}) == 1

    office.play(scene())


def test_redelivery_of_one_that_was_given_up_has_a_whole_schedule(office: Office) -> None:
    async def scene() -> None:
        office.egress.answers = [WebhookAnswer(410), BUSY, WebhookAnswer(200)]
        job_id = await office.end()
        await office.tick()
        assert (await office.delivery(job_id)).status is DeliveryStatus.FAILED
        await office.webhooks.redeliver(office.sam, job_id)
        await office.tick()
        assert (await office.delivery(job_id)).status is DeliveryStatus.PENDING
        await office.tick(10.0)
        assert (await office.delivery(job_id)).status is DeliveryStatus.DELIVERED

    office.play(scene())


def test_who_manages_the_endpoint_sees_the_delivery_but_not_the_caller_s_token(office: Office) -> None:
    async def scene() -> None:
        job_id = await office.end()
        urls = [(await office.webhooks.get(who, job_id)).delivery.url for who in (office.sam, office.admin, office.ada)]
        assert urls == [URL, URL, "https://hooks.example/…"]
        assert (await office.webhooks.redeliver(office.ada, job_id)).delivery.url == "https://hooks.example/…"

    office.play(scene())


def test_strangers_see_nothing(office: Office) -> None:
    async def scene() -> None:
        job_id = await office.end()
        for way in (office.webhooks.get, office.webhooks.redeliver):
            with pytest.raises(NotFound):
                await way(stranger, job_id)
        assert await office.webhooks.page(stranger) == []
        assert [d.job_id for d in await office.webhooks.page(office.sam)] == [job_id]
        assert [d.job_id for d in await office.webhooks.page(office.admin)] == [job_id]

    stranger = office.account("eve")
    office.play(scene())


def test_looking_takes_the_scope_read_sending_again_call_and_the_secret_deploy(office: Office) -> None:
    reader = office.with_scopes(office.sam, Scope.READ)
    caller = office.with_scopes(office.sam, Scope.CALL)

    async def scene() -> None:
        job_id = await office.end()
        await office.webhooks.get(reader, job_id)
        await office.webhooks.redeliver(caller, job_id)
        with pytest.raises(Forbidden):
            await office.webhooks.redeliver(reader, job_id)
        with pytest.raises(Forbidden):
            await office.webhooks.page(caller)
        for way in (office.webhooks.secret, office.webhooks.rotate_secret):
            with pytest.raises(Forbidden):
                await way(reader)

    office.play(scene())


def test_a_job_without_a_delivery_says_why_there_is_none(office: Office) -> None:
    async def scene() -> None:
        silent = await office.end(None)
        running = (await office.calls.submit(office.sam, HELLO, payload(), CallOptions(webhook=URL))).job.id
        with pytest.raises(NotFound, match="without a webhook"):
            await office.webhooks.get(office.sam, silent)
        with pytest.raises(NotFound, match="told when it has ended"):
            await office.webhooks.redeliver(office.sam, running)

    office.play(scene())


# -- secrets ------------------------------------------------------------------------------------------------------------


def test_each_account_has_one_secret_of_its_own_sealed_at_rest(office: Office) -> None:
    async def scene() -> None:
        first, again = await office.webhooks.secret(office.sam), await office.webhooks.secret(office.sam)
        assert first.secret == again.secret != (await office.webhooks.secret(office.ada)).secret
        assert first.secret.startswith("whsec_")
        assert first.secret not in repr(first)

        def unit(tx: Transaction) -> bytes:
            kept = tx.webhooks.secret(office.sam.account_id)
            assert kept is not None
            return kept.sealed

        assert first.secret.encode() not in await office.store.read(unit)

    office.play(scene())


def test_after_a_rotation_messages_carry_both_signatures_for_a_day(office: Office) -> None:
    async def scene() -> None:
        old = await office.webhooks.secret(office.sam)
        new = await office.webhooks.rotate_secret(office.sam)
        assert new.previous_until == office.now + 24 * 3600.0
        assert new.secret != old.secret
        await office.end()
        await office.tick()
        office.now += 24 * 3600.0
        await office.end()
        await office.tick()
        for sent, secrets in zip(office.egress.sent, ([new, old], [new]), strict=True):
            stamp = int(sent.headers["webhook-timestamp"])
            assert sent.headers["webhook-signature"].split(" ") == [
                rules.sign(one.secret, sent.headers["webhook-id"], stamp, sent.body) for one in secrets
            ]
        assert (await office.webhooks.secret(office.sam)).previous_until is None

    office.play(scene())
