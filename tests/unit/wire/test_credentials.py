"""The key in a request."""

from __future__ import annotations

import base64

import pytest

from trivet.platform.core.keys import Token
from trivet.platform.wire.credentials import token_in, token_of
from trivet.platform.wire.heads import read_heads

TOKEN = str(Token.make(bytes(range(31))))
KEY_ID, SECRET = TOKEN.split("_")[1:]


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {TOKEN}".encode(),
        f"bearer   {TOKEN} ".encode(),
        f"Simple {TOKEN}".encode(),
        basic(f"{KEY_ID}:{SECRET}"),
        basic(f"trv_{KEY_ID}:{SECRET}"),
        basic(f"{TOKEN}:"),
        basic(f"anybody:{TOKEN}"),
    ],
)
def test_a_token_is_read_whichever_way_it_is_sent(header: bytes) -> None:
    assert token_in(header) == TOKEN


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        TOKEN.encode(),
        b"Digest abc",
        b"Basic !!!",
        basic("only-a-name"),
        basic(":secret"),
        basic("name:"),
        "Bearer trv_ü_ü".encode(),
        b"Bearer " + b"x" * 2000,
    ],
)
def test_what_is_no_credential_gives_none(header: bytes) -> None:
    assert token_in(header) is None


def test_two_credentials_count_as_none_as_it_is_unclear_which_was_meant() -> None:
    one, other = (b"authorization", f"Bearer {TOKEN}".encode()), (b"authorization", b"Bearer trv_a_b")
    assert token_of([one]) == TOKEN
    assert token_of([one, other]) is None
    assert read_heads([one]).token == TOKEN
    assert read_heads([one, other]).token is None
    assert token_of([(b"accept", b"*/*")]) is None


def test_a_bare_token_counts_only_where_a_dialect_says_so() -> None:
    assert token_in(TOKEN.encode(), bare=True) == TOKEN
    assert token_in(b"", bare=True) is None
    assert token_in(b"Bearer", bare=True) is None
    assert token_in(b"Digest abc", bare=True) is None
    assert token_in(f"Bearer {TOKEN}".encode(), bare=True) == TOKEN
    assert read_heads([(b"authorization", TOKEN.encode())], bare=True).token == TOKEN
    assert read_heads([(b"authorization", TOKEN.encode())]).token is None
