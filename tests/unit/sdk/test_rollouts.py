"""Aliases, canaries and affinity: what the client asks, and what it makes of the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.sdk.server import Exchange, Server, accepted, job
from trivet.sdk import Client
from trivet.sdk.models import AliasInfo, Share

PATH = "/endpoints/admin/hello"
SPLIT = {
    "id": "abcdefghijklmn",
    "name": "admin/hello",
    "version": "1.2.0",
    "canary": {"version": "1.3.0", "weight": 10},
    "aliases": [{"name": "prod", "versions": [{"version": "1.2.0", "weight": 100}]}],
}
PROD = {"name": "prod", "versions": [{"version": "1.2.0", "weight": 90}, {"version": "1.3.0", "weight": 10}]}


def telling(document: Any, status: int = 200) -> Any:
    return lambda exchange: exchange.json(document, status)


def test_a_canary_is_set_ended_and_promoted(server: Server, client: Client) -> None:
    server.on("PUT", f"{PATH}/canary", telling(SPLIT))
    server.on("DELETE", f"{PATH}/canary", telling({**SPLIT, "canary": None}))
    server.on("POST", f"{PATH}/promote", telling({**SPLIT, "version": "1.3.0", "canary": None}))
    split = client.endpoints.canary("admin/hello", "1.3.0", 10)
    assert split.canary == Share("1.3.0", 10)
    assert split.aliases == (AliasInfo("prod", (Share("1.2.0", 100),)),)
    assert client.endpoints.end_canary("admin/hello").canary is None
    assert client.endpoints.promote("admin/hello").version == "1.3.0"
    client.endpoints.promote("admin/hello", "1.2.0")
    bodies = [json.loads(exchange.body) for exchange in server.seen if exchange.body]
    assert bodies == [{"version": "1.3.0", "weight": 10}, {"version": None}, {"version": "1.2.0"}]


def test_an_alias_is_set_looked_at_listed_and_deleted(server: Server, client: Client) -> None:
    server.on("PUT", f"{PATH}/aliases/prod", telling(PROD))
    server.on("GET", f"{PATH}/aliases/prod", telling(PROD))
    server.on("GET", f"{PATH}/aliases", telling({"items": [PROD], "next": None}))
    server.on("DELETE", f"{PATH}/aliases/prod", lambda exchange: exchange.answer(204))
    expected = AliasInfo("prod", (Share("1.2.0", 90), Share("1.3.0", 10)))
    assert client.endpoints.set_alias("admin/hello", "prod", {"1.2.0": None, "1.3.0": 10}) == expected
    client.endpoints.set_alias("admin/hello", "prod", "1.2.0")
    assert client.endpoints.alias("admin/hello", "prod") == expected
    assert client.endpoints.aliases("admin/hello") == [expected]
    client.endpoints.delete_alias("admin/hello", "prod")
    several, one = (json.loads(exchange.body)["versions"] for exchange in server.seen if exchange.body)
    assert several == [{"version": "1.2.0", "weight": None}, {"version": "1.3.0", "weight": 10}]
    assert one == [{"version": "1.2.0", "weight": None}]


def test_the_health_of_a_version_is_read(server: Server, client: Client) -> None:
    health = {"endpoint": "admin/hello", "version": "1.3.0", "jobs": {"failed": 2}, "since": None, "p50_ms": 4.5}
    server.on("GET", f"{PATH}/versions/1.3.0/health", telling(health))
    found = client.endpoints.version_health("admin/hello", "1.3.0")
    assert (found.jobs["failed"], found.p50_ms, found.p95_ms) == (2, 4.5, None)


def test_an_affinity_travels_with_every_call_of_its_handle_and_with_no_other(server: Server, client: Client) -> None:
    def stream(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("end", job("succeeded"))
        exchange.end()

    server.on("POST", f"{PATH}/run", lambda exchange: exchange.output(1))
    server.on("POST", f"{PATH}/submit", accepted(job()))
    server.on("POST", f"{PATH}/stream", stream)
    sticky = client.endpoint("admin/hello", affinity="user 7")
    sticky.run(1)
    sticky.submit(1)
    list(sticky.stream(1))
    client.endpoint("admin/hello").run(1)
    assert [exchange.headers.get("trivet-affinity") for exchange in server.seen] == ["user 7"] * 3 + [None]


@pytest.mark.parametrize(
    ("text", "sent"),
    [("ann@example.org", "ann@example.org"), ("Zoë", "Zo%C3%AB"), (" a ", "%20a%20"), ("a\r\nb: c", "a%0D%0Ab%3A%20c")],
)
def test_an_affinity_that_no_header_can_carry_is_encoded(server: Server, client: Client, text: str, sent: str) -> None:
    server.on("POST", f"{PATH}/run", lambda exchange: exchange.output(1))
    client.endpoint("admin/hello", affinity=text).run(1)
    assert server.seen[0].headers["trivet-affinity"] == sent
