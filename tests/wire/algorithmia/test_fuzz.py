"""Whatever is asked, the answer is in Algorithmia's shape, and never the platform's own fault."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.algorithmia.fakes import PROOF, AlgorithmiaWorld

WORDS = [
    "algo",
    "data",
    "connector",
    "hostedData",
    "insights",
    "admin",
    "hello",
    "photos",
    ".my",
    ".algo",
    ".session",
    "temp",
    "f",
]
PART = st.sampled_from([*WORDS, "", "..", "%2e%2e", "%00", "%ff", "%2F", "s3:", "1.*", "latest"]) | st.text(
    max_size=8
).map(quote)
QUERY = st.sampled_from(
    ["", "?acl=true", "?force=true", "?marker=x", "?output=raw", "?timeout=x", "?stdout=True", "?%ff=%"]
)
BODY = st.sampled_from([b"", b"{}", b"[]", b'{"name": "n"}', b'{"acl": {"read": []}}', b"\xff", b"NaN"]) | st.binary(
    max_size=20
)
HEADERS = st.sampled_from(
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "text/plain"},
        {"content-type": "\xff"},
        {"range": "bytes=-1"},
        {"if-match": '"x"'},
        {"content-length": "x"},
    ]
)
METHOD = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ODD"])
DOOR = st.sampled_from(["", "", "", f"/w/{PROOF}", "/w/x"])


@pytest.fixture(scope="module")
def world() -> AlgorithmiaWorld:
    return AlgorithmiaWorld()


@given(METHOD, DOOR, st.lists(PART, max_size=5), QUERY, BODY, HEADERS)
@settings(max_examples=300, deadline=None)
def test_every_answer_has_the_one_shape(
    world: AlgorithmiaWorld,
    method: str,
    door: str,
    parts: list[str],
    query: str,
    body: bytes,
    headers: dict[str, str],
) -> None:
    answer = world.at(door, method, f"/{'/'.join(parts)}{query}", body=body, headers=headers, token=world.admin_token)
    assert answer.status < 500 or answer.status == 501
    assert not 300 <= answer.status < 400
    if method == "HEAD" or answer.status == 204:
        assert answer.body == b""
    elif answer.status >= 400 and answer.headers["content-type"] == "application/json":
        assert isinstance(answer.json["error"]["message"], str)
    elif answer.status >= 400:
        assert "output=raw" in query
