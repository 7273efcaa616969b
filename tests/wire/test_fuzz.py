"""Whatever is sent, the answer is one of ours: never an incident, never a traceback."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.fakes import World
from trivet.platform.dialects.native.routes.table import ROUTES

WORLD = World()
WORLD.offer(schema={"type": "object", "properties": {"a": {"type": "integer"}}})

_words = sorted({part for route in ROUTES for part in route.path.split("/") if part and part[0] != "{"})
segments = st.sampled_from([*_words, "admin", "hello", "hello@1", "job_1", "1", ".."]) | st.text(max_size=8)
paths = st.lists(segments, max_size=6).map(lambda parts: "".join(f"/{quote(part, safe='')}" for part in parts))
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
names = st.sampled_from(["wait", "limit", "cursor", "after", "status", "version", "filename", "endpoint"]) | st.text(
    max_size=5
)
queries = st.dictionaries(names, st.text(max_size=8) | st.integers().map(str), max_size=3).map(
    lambda pairs: "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs.items())
)
bodies = st.binary(max_size=30) | st.sampled_from([b"{}", b'{"a":1}', b"[[", b'{"name":"x"}', b'{"label":null}'])
headers = st.dictionaries(
    st.sampled_from(["content-type", "last-event-id", "accept", "content-length", "host"]),
    st.text(st.characters(max_codepoint=255), max_size=20) | st.sampled_from(["application/json", "text/plain", "5"]),
    max_size=2,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(methods, paths, queries, bodies, headers)
def test_no_request_makes_the_platform_fail(
    method: str, path: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = WORLD.ask(method, f"{path}?{query}" if query else path, body=body, headers=headers)
    assert 200 <= answer.status < 500
    if answer.status >= 400 and method != "HEAD":
        assert answer.code != "internal"
