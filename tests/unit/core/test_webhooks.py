"""Webhooks as values: what is planned, when it is tried again, how it is signed."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core import webhooks
from trivet.platform.core.jobs import FINAL, OPEN, Job, JobPolicy, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.core.webhooks import SCHEDULE, Delivery, DeliveryStatus, SigningSecret, WebhookAnswer

URL = "https://user:pw@Hooks.Example:8443/x?token=t#f"
JOB = Job("job_0a", "ep", "ver", "acc", Payload.inline(b"1"), JobPolicy(webhook=URL), created_at=1.0)
ENDED = replace(JOB, status=JobStatus.FAILED, finished_at=50.0)
OK, BUSY, LATE = WebhookAnswer(204), WebhookAnswer(503), WebhookAnswer(None, "No answer came.")


def planned() -> Delivery:
    delivery = webhooks.plan(ENDED)
    assert delivery is not None
    return delivery


def after(delivery: Delivery, answer: WebhookAnswer, at: float = 100.0, chance: float = 0.0) -> Delivery:
    return webhooks.settle(delivery, answer, began=at - 1, ended=at, chance=chance)[0]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_every_end_of_a_job_with_a_webhook_is_told_at_once(status: JobStatus) -> None:
    delivery = webhooks.plan(replace(ENDED, status=status))
    assert delivery is not None
    assert (delivery.id, delivery.job_id, delivery.account_id) == ("msg_0a", "job_0a", "acc")
    assert (delivery.url, delivery.host) == (URL, "hooks.example:8443")
    assert (delivery.status, delivery.created_at, delivery.next_at) == (DeliveryStatus.PENDING, 50.0, 50.0)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_nothing_is_told_before_the_end(status: JobStatus) -> None:
    assert webhooks.plan(replace(JOB, status=status)) is None


def test_nobody_is_told_where_nobody_asked() -> None:
    assert webhooks.plan(replace(ENDED, policy=JobPolicy())) is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.b/c@d", "a.b"),
        ("http://A:1?x", "a:1"),
        ("https://[::1]:8/", "[::1]:8"),
        ("nonsense", "?"),
        ("http:///", "?"),
    ],
)
def test_the_host_groups_what_goes_the_same_way(url: str, host: str) -> None:
    assert webhooks.host_of(url) == host


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_an_answer_of_success_ends_it(status: int) -> None:
    delivery, attempt = webhooks.settle(planned(), WebhookAnswer(status), began=60.0, ended=60.5, chance=0.0)
    assert (delivery.status, delivery.next_at, delivery.finished_at) == (DeliveryStatus.DELIVERED, None, 60.5)
    assert (attempt.number, attempt.at, attempt.duration_ms, attempt.status, attempt.error) == (
        1,
        60.0,
        500.0,
        status,
        "",
    )


@pytest.mark.parametrize("status", [199, 300, 302, 304, 400, 404, 500])
def test_any_other_answer_is_tried_again_also_a_redirect(status: int) -> None:
    delivery, attempt = webhooks.settle(planned(), WebhookAnswer(status), began=60.0, ended=61.0, chance=0.0)
    assert (delivery.status, delivery.next_at) == (DeliveryStatus.PENDING, 66.0)
    assert (attempt.error, attempt.next_at) == (f"The receiver answered {status}.", 66.0)


def test_a_receiver_that_is_gone_is_left_alone() -> None:
    assert after(planned(), WebhookAnswer(410)).status is DeliveryStatus.FAILED


def test_the_schedule_is_followed_to_its_end() -> None:
    delivery, pauses = planned(), []
    for _ in SCHEDULE:
        delivery = after(delivery, LATE, at=0.0)
        pauses.append(delivery.next_at)
    assert pauses == list(SCHEDULE)
    delivery = after(delivery, LATE)
    assert (delivery.status, delivery.next_at, delivery.attempts) == (DeliveryStatus.FAILED, None, len(SCHEDULE) + 1)


@given(st.integers(1, 20), st.none() | st.floats(-10, 1e9), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_shorter_than_planned_nor_longer_than_a_bit_over_half_a_day(
    tries: int, asked: float | None, chance: float
) -> None:
    pause = webhooks.pause(tries, asked, chance)
    assert SCHEDULE[min(tries, 8) - 1] <= pause <= 12 * 3600 * 1.2
    if asked is not None and asked <= SCHEDULE[-1]:
        assert pause >= asked


def test_retry_after_is_honoured() -> None:
    assert after(planned(), replace(BUSY, retry_after=77.0), at=100.0).next_at == 177.0


def test_redelivery_begins_a_schedule_anew_and_counts_on() -> None:
    failed = after(planned(), WebhookAnswer(410))
    again = webhooks.redeliver(failed, 500.0)
    assert (again.status, again.tries, again.next_at, again.attempts) == (DeliveryStatus.PENDING, 0, 500.0, 1)
    assert (again.id, again.finished_at) == (failed.id, None)
    delivery, attempt = webhooks.settle(again, BUSY, began=500.0, ended=501.0, chance=0.0)
    assert (attempt.number, delivery.tries, delivery.next_at) == (2, 1, 506.0)


def test_only_the_beginning_of_an_answer_is_kept() -> None:
    _, attempt = webhooks.settle(planned(), replace(BUSY, body=bytes(5000)), began=0, ended=0, chance=0)
    assert len(attempt.response) == 1024


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    assert webhooks.settle(planned(), OK, began=9.0, ended=5.0, chance=0)[1].duration_ms == 0.0


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # the example that its own libraries are tested with
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signature = webhooks.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, message)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_says_what_it_is_and_holds_its_random_bytes() -> None:
    secret = webhooks.new_secret(bytes(range(32)))
    assert base64.b64decode(secret.removeprefix("whsec_")) == bytes(range(32))


def test_what_is_no_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="base64"):
        webhooks.sign("whsec_not base64!", "m", 1, b"")


def test_after_a_rotation_both_secrets_count_for_a_day() -> None:
    first = SigningSecret("acc", b"one", 0.0)
    assert first.counting(1e12) == (b"one",)
    second = first.rotated(b"two", 100.0)
    assert second.counting(100.0 + webhooks.OVERLAP - 1) == (b"two", b"one")
    assert second.counting(100.0 + webhooks.OVERLAP) == (b"two",)
    assert second.rotated(b"three", 200.0).counting(201.0) == (b"three", b"two")


def test_neither_secrets_nor_urls_show_in_reprs() -> None:
    shown = repr((planned(), SigningSecret("acc", b"uno", 0.0, b"due", 1.0), replace(BUSY, body=b"tre!")))
    assert not any(word in shown for word in ("token=t", "uno", "due", "tre!"))
