"""The sender, against real receivers on loopback that the guard was told to allow."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.unit.egress.receiver import Receiver, authority, receiving
from trivet.platform.core.webhooks import WebhookAnswer
from trivet.platform.egress.guard import Address, Allowed, Guard
from trivet.platform.egress.resolver import ResolveError, Resolver
from trivet.platform.egress.sender import HttpSender

HOST = "hooks.example"
LOOPBACK = ip_address("127.0.0.1")
PUBLIC = ip_address("192.0.2.1")
"""An address of nobody's, which the tests' guard refuses."""


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 30.0))


def sender(*addresses: Address, guard: Guard | None = None, **options: Any) -> HttpSender:
    guard = guard or Guard(Allowed(["127.0.0.0/8"]))
    options.setdefault("timeout", 5.0)
    return HttpSender(guard, "Trivet/test", resolver=Resolver(lambda host: list(addresses or [LOOPBACK])), **options)


def post(path: str, *addresses: Address, **options: Any) -> tuple[WebhookAnswer, Receiver]:
    async def scene() -> tuple[WebhookAnswer, Receiver]:
        async with receiving() as receiver:
            way = sender(*addresses, **options)
            try:
                answer = await way.post(f"http://{HOST}:{receiver.port}{path}", [("webhook-id", "msg_1")], b'{"a":1}')
            finally:
                await way.close()
            return answer, receiver

    found: tuple[WebhookAnswer, Receiver] = run(scene())
    return found


def test_a_message_arrives_whole_under_the_host_s_own_name() -> None:
    answer, receiver = post("/ok?token=t")
    assert answer == WebhookAnswer(200, body=b"fine")
    ((head, body),) = receiver.requests
    assert head.startswith("POST /ok?token=t HTTP/1.1\r\n")
    lines = {line.lower() for line in head.split("\r\n")}
    assert {"webhook-id: msg_1", f"host: {HOST}:{receiver.port}", "user-agent: trivet/test"} <= lines
    assert body == b'{"a":1}'


def test_a_second_message_takes_the_same_connection() -> None:
    async def scene() -> None:
        async with receiving() as receiver:
            way = sender()
            for _ in range(3):
                await way.post(f"http://{HOST}:{receiver.port}/ok", [], b"{}")
            await way.close()
            assert (len(receiver.requests), receiver.connections) == (3, 1)

    run(scene())


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    answer, receiver = post("/redirect")
    assert (answer.status, answer.accepted, len(receiver.requests)) == (307, False, 1)


@pytest.mark.parametrize(("path", "least", "most"), [("/busy", 7.0, 7.0), ("/later", 1e8, 1e10)])
def test_a_receiver_may_ask_to_be_left_alone(path: str, least: float, most: float) -> None:
    asked = post(path)[0].retry_after
    assert asked is not None
    assert least <= asked <= most


def test_a_retry_after_that_means_nothing_counts_as_none() -> None:
    assert post("/whenever")[0].retry_after is None


def test_only_the_beginning_of_an_endless_answer_is_read() -> None:
    answer, _ = post("/endless")
    assert (answer.status, answer.body) == (200, b"x" * 1024)


def test_an_answer_that_never_ends_counts_by_its_status() -> None:
    for timeout in (0.5, 2.0, 8.0):  # on a busy machine it may not even begin in the first of these
        answer, _ = post("/drip", timeout=timeout)
        if answer.status is not None:
            break
    assert (answer.status, answer.body) == (200, b"begun")


@pytest.mark.parametrize("path", ["/junk", "/nothing"])
def test_what_is_no_answer_is_told_as_such(path: str) -> None:
    answer, _ = post(path)
    assert answer.status is None
    assert f"{HOST} gave no answer that can be read" in answer.error


def test_a_receiver_that_hangs_costs_the_timeout_and_no_more() -> None:
    began = time.monotonic()
    answer, _ = post("/hang", timeout=0.5)
    assert answer == WebhookAnswer(None, "No answer came within 0.5 s.")
    assert time.monotonic() - began < 10.0


def test_nobody_listening_is_told_as_such() -> None:
    answer = run(sender().post(f"http://{HOST}:1/", [], b""))
    assert answer.status is None
    assert f"No connection to {HOST}" in answer.error


def test_a_name_without_an_address_is_told_as_such() -> None:
    def unknown(host: str) -> list[Address]:
        raise OSError

    way = HttpSender(Guard(), "Trivet/test", resolver=Resolver(unknown))
    assert run(way.post("http://nowhere.example/", [], b"")).error == (
        "Nothing was sent: no address is known for nowhere.example."
    )


# -- the guard ----------------------------------------------------------------------------------------------------------


def test_a_name_that_leads_inside_is_not_connected_to_and_its_address_not_told() -> None:
    answer, receiver = post("/ok", guard=Guard())
    assert answer.status is None
    assert "Nothing was sent" in answer.error
    assert "127.0.0.1" not in answer.error
    assert receiver.connections == 0


def test_of_several_addresses_only_those_that_may_be_reached_are_tried() -> None:
    answer, receiver = post("/ok", PUBLIC, LOOPBACK)
    assert (answer.status, receiver.connections) == (200, 1)


def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    answer, receiver = post("/ok", ip_address("127.0.0.77"), LOOPBACK, timeout=15.0)
    assert (answer.status, receiver.connections) == (200, 1)


def test_a_name_that_changes_its_address_after_the_check_gains_nothing() -> None:
    """DNS rebinding: the second answer of the name server would lead elsewhere, but there is no second question."""
    asked: list[str] = []

    def rebinding(host: str) -> list[Address]:
        asked.append(host)
        return [LOOPBACK] if len(asked) == 1 else [PUBLIC]

    async def scene() -> None:
        async with receiving() as receiver:
            way = HttpSender(Guard(Allowed(["127.0.0.1"])), "Trivet/test", resolver=Resolver(rebinding), timeout=5.0)
            answer = await way.post(f"http://{HOST}:{receiver.port}/ok", [], b"")
            await way.close()
            assert (answer.status, asked) == (200, [HOST])

    run(scene())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post("/ok")[0].status == 200


# -- TLS ----------------------------------------------------------------------------------------------------------------


def post_tls(folder: Path, name: str, *, trusted: bool = True) -> WebhookAnswer:
    root, context = authority(folder, name)

    async def scene() -> WebhookAnswer:
        async with receiving(context) as receiver:
            way = sender(certificates=[root] if trusted else [])
            try:
                return await way.post(f"https://{HOST}:{receiver.port}/ok", [], b"{}")
            finally:
                await way.close()

    found: WebhookAnswer = run(scene())
    return found


def test_a_certificate_is_held_against_the_name_and_not_against_the_address(tmp_path: Path) -> None:
    assert post_tls(tmp_path, HOST) == WebhookAnswer(200, body=b"fine")


@pytest.mark.parametrize(("name", "trusted"), [("other.example", True), (HOST, False)])
def test_a_wrong_certificate_is_a_failure(tmp_path: Path, name: str, trusted: bool) -> None:
    answer = post_tls(tmp_path, name, trusted=trusted)
    assert answer.status is None
    assert "certificate" in answer.error


# -- the resolver -------------------------------------------------------------------------------------------------------


def test_many_who_ask_for_a_slow_name_share_one_look_up_and_others_do_not_wait() -> None:
    answered = threading.Event()
    asked: list[str] = []

    def lookup(host: str) -> list[Address]:
        asked.append(host)
        if host == "slow":
            answered.wait(20.0)
        return [PUBLIC, PUBLIC]

    async def scene() -> None:
        resolver = Resolver(lookup)
        slow = [asyncio.create_task(resolver.resolve("slow", 20.0)) for _ in range(100)]
        with pytest.raises(ResolveError, match="within 0.01 s"):
            await resolver.resolve("slow", 0.01)
        assert await resolver.resolve("quick", 10.0) == [PUBLIC]
        answered.set()
        assert await asyncio.gather(*slow) == [[PUBLIC]] * 100
        assert await resolver.resolve("quick", 10.0) == [PUBLIC]
        assert asked == ["slow", "quick"]
        resolver.close()

    run(scene())


def test_the_system_s_look_up_knows_this_machine() -> None:
    from trivet.platform.egress.resolver import system_lookup

    assert LOOPBACK in system_lookup("127.0.0.1")
