"""Conditions and ranges: what the standard says, for every size and every range."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.wire.ranges import Conditions, Selection, headers_of

ETAG = "0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000.0
WRITTEN = NOW - 1000.5
"""When the file was written."""

sizes = st.integers(0, 30)
numbers = st.one_of(st.integers(0, 40), st.integers(10**17, 10**40))
digits = st.builds(lambda number, zeros: "0" * zeros + str(number), numbers, st.integers(0, 3))
parts = st.tuples(st.one_of(st.none(), digits), st.one_of(st.none(), digits))
names = ("if_match", "if_none_match", "if_modified_since", "if_unmodified_since", "if_range", "range")


def select(size: int = 100, method: str = "GET", **headers: str) -> Selection:
    """What a request with these headers gets."""
    sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Conditions.read(sent).select(method, size=size, etag=ETAG, modified_at=WRITTEN, now=NOW)


def written(parts: list[tuple[str | None, str | None]]) -> str:
    return "bytes=" + ", ".join(f"{first or ''}-{last or ''}" for first, last in parts)


def reached(part: tuple[str | None, str | None], size: int) -> list[int]:
    """The places that a part of a range names, counted one by one."""
    first, last = part
    if first is None:
        return list(range(size))[-int(last or 0) :] if int(last or 0) else []
    return [place for place in range(size) if int(first) <= place and (last is None or place <= int(last))]


def is_valid(part: tuple[str | None, str | None]) -> bool:
    first, last = part
    if first is None or last is None:
        return first is not last
    return int(first) <= int(last)


@given(sizes, parts.filter(is_valid))
def test_a_range_gives_the_places_that_it_names_or_is_refused_with_the_size(
    size: int, part: tuple[str | None, str | None]
) -> None:
    chosen, places = select(size, range=written([part])), reached(part, size)
    told = dict(headers_of(chosen, size=size, etag=ETAG, modified_at=WRITTEN))
    if places:
        assert chosen == Selection(HTTPStatus.PARTIAL_CONTENT, places[0], places[-1] + 1)
        assert told[b"content-range"] == b"bytes %d-%d/%d" % (places[0], places[-1], size)
    elif size == 0 and part[0] is None and int(part[1] or 0):
        assert chosen == Selection(HTTPStatus.OK, 0, 0)  # the last bytes of nothing are there, and no range says so
    else:
        assert chosen == Selection(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        assert told[b"content-range"] == b"bytes */%d" % size


@given(sizes, st.lists(parts.filter(is_valid), min_size=2, max_size=5))
def test_several_ranges_get_the_whole_file_where_one_of_them_is_there(
    size: int, several: list[tuple[str | None, str | None]]
) -> None:
    chosen = select(size, range=written(several))
    if any(reached(part, size) for part in several):
        assert chosen == Selection(HTTPStatus.OK, 0, size)
    elif size:
        assert chosen.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


@given(sizes, st.lists(parts, min_size=1, max_size=4).filter(lambda found: not all(map(is_valid, found))))
def test_a_range_with_a_part_that_makes_no_sense_is_passed_over(
    size: int, several: list[tuple[str | None, str | None]]
) -> None:
    assert select(size, range=written(several)) == Selection(HTTPStatus.OK, 0, size)


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("{}-", Selection(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)),
        ("5-{}", Selection(HTTPStatus.PARTIAL_CONTENT, 5, 100)),
        ("-{}", Selection(HTTPStatus.PARTIAL_CONTENT, 0, 100)),
        ("{}-5", Selection(HTTPStatus.OK, 0, 100)),
    ],
)
def test_a_number_may_have_any_length(said: str, chosen: Selection) -> None:
    assert select(range="bytes=" + said.format("9" * 60_000)) == chosen


@given(sizes, st.sampled_from(["GET", "HEAD"]), st.dictionaries(st.sampled_from(names), st.text(max_size=40)))
def test_no_header_whatever_breaks_the_choice(size: int, method: str, headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
    chosen = select(size, method, **sent)
    assert 0 <= chosen.start <= chosen.end <= size
    assert method == "GET" or chosen.status is not HTTPStatus.PARTIAL_CONTENT


@pytest.mark.parametrize("said", ["bytes=0-4", "bytes=200-", "bytes=-5"])
def test_only_a_get_knows_ranges(said: str) -> None:
    assert select(method="HEAD", range=said) == Selection(HTTPStatus.OK, 0, 100)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (WRITTEN - 1, HTTPStatus.OK),
        (WRITTEN, HTTPStatus.NOT_MODIFIED),
        (NOW, HTTPStatus.NOT_MODIFIED),
        (NOW + 1, HTTPStatus.OK),
        (NOW + 10**9, HTTPStatus.OK),
    ],
)
def test_a_date_counts_up_to_the_servers_own(seconds: float, status: HTTPStatus) -> None:
    date = formatdate(seconds, usegmt=True)
    assert select(if_modified_since=date).status is status
    assert select(method="HEAD", if_modified_since=date).status is status
    assert select(if_modified_since=date, if_none_match='"another"').status is HTTPStatus.OK


@pytest.mark.parametrize(
    "said",
    [
        "yesterday",
        "Fri, 99 Jan 2027 08:00:00 GMT",
        "Fri, 15 Jan 0000 08:00:00 GMT",
        "Sat, 01 Jan 0001 00:00:00 +2359",
        "Fri, 15 Jan 2027 07:59:00 GMT, Fri, 15 Jan 2027 07:59:00 GMT",
        "9" * 5000,
    ],
)
def test_what_is_no_date_does_not_count(said: str) -> None:
    assert select(if_modified_since=said).status is HTTPStatus.OK
    assert select(if_range=said, range="bytes=0-4").status is HTTPStatus.OK


def test_two_dates_in_a_row_do_not_count() -> None:
    date = formatdate(NOW, usegmt=True).encode()
    twice = Conditions.read([(b"if-modified-since", date), (b"if-modified-since", date)])
    assert twice.select("GET", size=1, etag=ETAG, modified_at=WRITTEN, now=NOW).status is HTTPStatus.OK


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"])
def test_a_date_may_have_any_of_the_three_forms(form: str) -> None:
    date = datetime.fromtimestamp(WRITTEN, UTC).strftime(form)
    assert select(if_modified_since=date).status is HTTPStatus.NOT_MODIFIED
    assert select(if_unmodified_since=date).status is HTTPStatus.OK


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (f'"{ETAG}"', True),
        (ETAG, True),
        (formatdate(WRITTEN, usegmt=True), True),
        (f'W/"{ETAG}"', False),
        ('"another"', False),
        ("*", False),
        (f'"another", "{ETAG}"', False),
        (formatdate(WRITTEN - 1, usegmt=True), False),
        (formatdate(NOW, usegmt=True), False),
        ("", False),
    ],
)
def test_a_part_of_another_version_than_the_readers_is_the_whole_file(said: str, counts: bool) -> None:
    assert select(if_range=said, range="bytes=5-").status is (HTTPStatus.PARTIAL_CONTENT if counts else HTTPStatus.OK)
    assert select(if_range=said) == Selection(HTTPStatus.OK, 0, 100)


def test_conditions_come_before_ranges() -> None:
    assert select(if_match='"another"', range="bytes=200-").status is HTTPStatus.PRECONDITION_FAILED
    assert select(if_none_match=f'W/"{ETAG}"', range="bytes=200-").status is HTTPStatus.NOT_MODIFIED
