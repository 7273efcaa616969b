"""Counts of answers."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from trivet.platform.server.traffic import NO_DIALECT, Answered, Traffic, first_part


@pytest.mark.parametrize(
    ("path", "part"),
    [("/api/v1/jobs", "api"), ("/livez", "livez"), ("/", ""), ("", ""), ("//api", ""), ("/api/", "api")],
)
def test_a_path_belongs_to_whom_its_first_part_names(path: str, part: str) -> None:
    assert first_part(path) == part


def test_answers_are_counted_by_dialect_and_status_and_paths_of_no_dialect_together() -> None:
    traffic = Traffic({"api": "native", "jaqpot": "jaqpot"})
    for path, status in (
        ("/jaqpot/v1/models", 404),
        ("/api/v1/jobs", 429),
        ("/api/v1/keys", 200),
        ("/api/v1/jobs", 429),
        *((f"/guess{number}", 404) for number in range(3)),
    ):
        traffic.of(path)[status] += 1
    assert list(traffic.answered()) == [
        Answered("native", 200, 1),
        Answered("native", 429, 2),
        Answered("jaqpot", 404, 1),
        Answered(NO_DIALECT, 404, 3),
    ]


def test_an_answer_in_many_pieces_counts_once_and_goes_out_unchanged() -> None:
    traffic = Traffic({"api": "native"})
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    messages: list[MutableMapping[str, Any]] = [
        {"type": "http.response.start", "status": 413, "headers": []},
        {"type": "http.response.body", "body": b"a", "more_body": True},
        {"type": "http.response.body", "body": b"b"},
    ]

    async def scene() -> None:
        counted = traffic.counted("/api/v1/jobs", send)
        for message in messages:
            await counted(message)

    asyncio.run(scene())
    assert sent == messages
    assert list(traffic.answered()) == [Answered("native", 413, 1)]
