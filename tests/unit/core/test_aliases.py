"""Aliases: what they may be called, how weights are completed, and which version of a split a call gets."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.test_endpoints import version
from trivet.platform.core.aliases import MAX_SHARES, Share, check_alias_name, complete, draw, stick
from trivet.platform.core.endpoints import choose_version
from trivet.platform.core.errors import BadRequest

CALLERS = [f"user-{number}" for number in range(2000)]


def split(*weights: int) -> tuple[Share, ...]:
    return tuple(Share(f"ver_{number}", weight) for number, weight in enumerate(weights))


@st.composite
def splits(draw_: st.DrawFn) -> tuple[Share, ...]:
    cuts = sorted(draw_(st.sets(st.integers(1, 99), max_size=MAX_SHARES - 1)))
    return split(*(after - before for before, after in zip([0, *cuts], [*cuts, 100], strict=True)))


# -- names


@pytest.mark.parametrize("name", ["prod", "canary", "v1", "team-a_2", "a", "x", "abcdef", "p" * 63, "facade1x"])
def test_an_alias_may_have_a_plain_word(name: str) -> None:
    assert check_alias_name(name) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("latest", "meaning of its own"),
        ("current", "meaning of its own"),
        ("defaced", "hash"),
        ("abcdef0123456789", "hash"),
        ("ver_1", "hash or id"),
        ("1.2.0", "begins with a letter"),
        ("1", "begins with a letter"),
        ("Prod", "lower-case"),
        ("", "begins with a letter"),
        ("prod-", "can't name"),
        ("a.b", "can't name"),
        ("a/b", "can't name"),
        ("a" * 64, "can't name"),
        ("prod\n", "can't name"),
    ],
)
def test_a_name_that_could_be_taken_for_something_else_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_alias_name(name)
    assert why in f"{caught.value.detail} {caught.value.hint}"


@given(name=st.from_regex(r"[a-z0-9.^~x*_-]{1,12}", fullmatch=True))
def test_what_may_name_an_alias_never_means_a_version(name: str) -> None:
    try:
        check_alias_name(name)
    except BadRequest:
        return
    versions = [version("1.0.0", hash="abcdef0" * 9 + "a"), version("2.1.0", id="ver_x")]
    assert choose_version(versions, "ver_x", name) is None


# -- weights


@pytest.mark.parametrize(
    ("given_", "expected"),
    [([None], (100,)), ([100], (100,)), ([None, 10], (90, 10)), ([50, 50], (50, 50)), ([1, None, 98], (1, 1, 98))],
)
def test_a_weight_that_is_left_out_is_what_the_others_leave(
    given_: list[int | None], expected: tuple[int, ...]
) -> None:
    assert complete(given_) == expected


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ([], "not for 0"),
        ([10] * 11, "not for 11"),
        ([0, 100], "A weight of 0"),
        ([101], "A weight of 101"),
        ([-5, None], "A weight of -5"),
        ([None, None], "only one may go without"),
        ([50, 40], "add up to 90"),
        ([50, 60], "add up to 110"),
        ([100, None], "add up to 100 percent, not"),
        ([99], "add up to 99"),
    ],
)
def test_weights_that_make_no_whole_are_refused_with_a_sentence(given_: list[int | None], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        complete(given_)


# -- chance


def test_chance_gives_each_version_its_share_of_the_line() -> None:
    shares = split(10, 30, 60)
    drawn = Counter(draw(shares, step / 1000) for step in range(1000))
    assert drawn == {"ver_0": 100, "ver_1": 300, "ver_2": 600}


@given(shares=splits(), point=st.floats(0, 1, exclude_max=True))
def test_chance_always_gives_a_version_of_the_split(shares: tuple[Share, ...], point: float) -> None:
    assert draw(shares, point) in {share.version_id for share in shares}


def test_the_ends_of_the_line_belong_to_the_first_and_the_last() -> None:
    assert draw(split(1, 99), 0.0) == "ver_0"
    assert draw(split(99, 1), 1 - 2**-53) == "ver_1"


# -- affinity


@given(shares=splits(), text=st.text(max_size=50))
def test_the_same_text_gets_the_same_version_in_whatever_order_the_shares_stand(
    shares: tuple[Share, ...], text: str
) -> None:
    assert stick(shares, text) == stick(shares[::-1], text)


def test_any_text_that_a_header_can_bring_finds_a_version() -> None:
    for text in ("", "ü", "\udc80", "\x00", "a" * 100_000):
        assert stick(split(50, 50), text) in ("ver_0", "ver_1")


def test_callers_are_spread_as_the_weights_say() -> None:
    spread = Counter(stick(split(10, 30, 60), caller) for caller in CALLERS)
    for version_id, weight in (("ver_0", 0.10), ("ver_1", 0.30), ("ver_2", 0.60)):
        assert abs(spread[version_id] / len(CALLERS) - weight) < 0.04


@given(before=st.integers(1, 98), data=st.data())
def test_as_a_canary_grows_callers_only_move_towards_it(before: int, data: st.DataObject) -> None:
    after = data.draw(st.integers(before + 1, 99))
    for caller in CALLERS[:100]:
        moved = stick(split(before, 100 - before), caller), stick(split(after, 100 - after), caller)
        assert moved != ("ver_0", "ver_1")


@given(shares=splits().filter(lambda shares: len(shares) > 2), data=st.data())
def test_a_version_that_gains_weight_from_another_keeps_every_caller(
    shares: tuple[Share, ...], data: st.DataObject
) -> None:
    gaining, losing = data.draw(st.permutations(range(len(shares))))[:2]
    step = data.draw(st.integers(0, shares[losing].weight - 1))
    change = {gaining: step, losing: -step}
    after = tuple(Share(s.version_id, s.weight + change.get(place, 0)) for place, s in enumerate(shares))
    winner, loser = shares[gaining].version_id, shares[losing].version_id
    for caller in CALLERS[:60]:
        then, now = stick(shares, caller), stick(after, caller)
        assert now in (then, winner) or then == loser
