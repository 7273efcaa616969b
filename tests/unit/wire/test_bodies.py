"""Bodies within a limit."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from trivet.platform.core.errors import BadRequest, StorageFull, TooLarge
from trivet.platform.wire.bodies import ClientGone, read_body, save_body, split_body
from trivet.platform.wire.heads import read_heads


def sender(*parts: bytes, hang_up: bool = False) -> tuple[Callable[[], Awaitable[dict[str, Any]]], list[bytes]]:
    """A client that sends ``parts``; the list holds what it has not sent yet."""
    left = list(parts)

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left) or hang_up}

    return receive, left


def test_a_body_is_read_whole_however_it_is_cut() -> None:
    for parts in [(b"hello",), (b"he", b"", b"llo"), (b"", b"hello")]:
        receive, _ = sender(*parts)
        assert asyncio.run(read_body(receive, 5)) == b"hello"


def test_an_announced_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    receive, left = sender(b"x" * 11)
    with pytest.raises(TooLarge) as refused:
        asyncio.run(read_body(receive, 10, 11))
    assert refused.value.limit == 10
    assert len(left) == 1


@pytest.mark.parametrize("parts", [(b"x" * 11,), (b"x" * 6, b"x" * 6), (b"x" * 6, b"x" * 6, b"x" * 1000)])
def test_a_length_that_lied_does_not_help(parts: tuple[bytes, ...]) -> None:
    receive, _ = sender(*parts)
    with pytest.raises(TooLarge):
        asyncio.run(read_body(receive, 10, 3))


def test_an_endless_body_is_not_read_to_its_end() -> None:
    receive, left = sender(*[b"x" * 6] * 1000)
    with pytest.raises(TooLarge):
        asyncio.run(read_body(receive, 10))
    assert len(left) == 998


@pytest.mark.parametrize("parts", [(), (b"half",)])
def test_a_client_that_leaves_is_noticed(parts: tuple[bytes, ...]) -> None:
    receive, _ = sender(*parts, hang_up=True)
    with pytest.raises(ClientGone):
        asyncio.run(read_body(receive, 10))


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"", b"9" * 30])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(BadRequest):
        read_heads([(b"content-length", length)])


def test_an_upload_is_saved_with_its_digest(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    receive, _ = sender(data[:1000], data[1000:2_000_000], data[2_000_000:])
    digest = asyncio.run(save_body(receive, tmp_path / "upload", len(data)))
    assert (tmp_path / "upload").read_bytes() == data
    assert digest == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("parts", "announced", "error"),
    [
        ((b"x" * 11,), None, TooLarge),
        ((b"x" * 6, b"x" * 6), 3, TooLarge),
        ((b"x",), 11, TooLarge),
        ((b"half",), None, ClientGone),
    ],
)
def test_an_upload_that_fails_leaves_no_file(
    tmp_path: Path, parts: tuple[bytes, ...], announced: int | None, error: type[Exception]
) -> None:
    receive, _ = sender(*parts, hang_up=error is ClientGone)
    with pytest.raises(error):
        asyncio.run(save_body(receive, tmp_path / "upload", 10, announced))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_so_and_leaves_no_file() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")

    class Full(type(full)):  # type: ignore[misc]  # the concrete class differs by platform
        def open(self, mode: str = "r", **given: Any) -> Any:
            return super().open("wb")

        def unlink(self, missing_ok: bool = False) -> None:
            removed.append(self)

    removed: list[Path] = []
    receive, _ = sender(b"hello")
    with pytest.raises(StorageFull):
        asyncio.run(save_body(receive, Full(full), 10))
    assert len(removed) == 1


@pytest.mark.parametrize(
    "parts", [(b"headrest",), (b"he", b"", b"adr", b"est"), (b"head", b"rest"), (b"", b"hea", b"drest")]
)
def test_the_first_part_of_a_body_and_the_rest_come_apart_however_it_is_cut(parts: tuple[bytes, ...]) -> None:
    async def scene() -> tuple[bytes, bytes]:
        receive, _ = sender(*parts)
        head, rest = await split_body(receive, 4)
        return head, await read_body(rest, 4)

    assert asyncio.run(scene()) == (b"head", b"rest")


def test_a_body_that_is_shorter_than_its_first_part_is_refused_and_one_that_is_cut_off_is_nobodys() -> None:
    receive, _ = sender(b"he", b"a")
    with pytest.raises(BadRequest, match="ends after 3 bytes"):
        asyncio.run(split_body(receive, 4))
    receive, _ = sender(b"he", hang_up=True)
    with pytest.raises(ClientGone):
        asyncio.run(split_body(receive, 4))


def test_a_first_part_that_comes_byte_by_byte_is_not_copied_for_each() -> None:
    sent = 0

    async def receive() -> dict[str, Any]:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": b"x", "more_body": True}

    begun = time.process_time()
    head, _ = asyncio.run(split_body(receive, 1 << 19))
    assert (len(head), sent) == (1 << 19, 1 << 19)
    assert time.process_time() - begun < 10.0, "a copy of all that came, for each byte, takes minutes"
