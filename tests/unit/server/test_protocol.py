"""Which protocol is spoken: the front, or uvicorn's own where the front can't be trusted."""

from __future__ import annotations

import asyncio
import functools
import logging

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trivet.platform.server import front
from trivet.platform.server.front import FrontProtocol
from trivet.platform.server.protocol import RehearsalError, http_protocol, rehearse
from trivet.platform.wire.hot import Answer, Head, HotPath


def nothing_hot(_: Head) -> HotPath | None:
    return None


def test_the_front_is_spoken_where_it_stands_its_rehearsal() -> None:
    chosen = asyncio.run(http_protocol(nothing_hot))
    assert isinstance(chosen, functools.partial)
    assert (chosen.func, chosen.args) == (FrontProtocol, (nothing_hot,))


class Forgetful(FrontProtocol):
    """As if uvicorn did not call us any more when a request has ended."""

    def on_message_complete(self) -> None:
        HttpToolsProtocol.on_message_complete(self)


class Mute(FrontProtocol):
    """As if what is written went elsewhere."""

    def finish(self, exchange: object, answer: Answer) -> None:
        """Does nothing."""


class Changed(FrontProtocol):
    """As if a part of uvicorn had another name."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raise AttributeError("'FlowControl' is not there any more")


class Elsewhere(FrontProtocol):
    """As if a file could not be sent as the rest of an answer."""

    async def _send_file(self, cycle: object, message: object) -> None:
        raise AttributeError("'expected_content_length' is not there any more")


@pytest.mark.parametrize("broken", [Forgetful, Mute, Changed, Elsewhere])
def test_uvicorns_own_is_spoken_where_it_does_not(
    broken: type[FrontProtocol], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(front, "FrontProtocol", broken)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(http_protocol(nothing_hot)) == "auto"
    assert "the slow way" in caplog.text


def test_a_rehearsal_says_what_was_answered() -> None:
    with pytest.raises(RehearsalError, match="cold"):
        asyncio.run(rehearse(Mute))
