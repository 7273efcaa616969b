"""Endpoints: who may, and which version a reference means."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core import endpoints
from trivet.platform.core.accounts import Principal, Role, Scope
from trivet.platform.core.endpoints import (
    Endpoint,
    EndpointReference,
    HandlerKind,
    Part,
    SemVer,
    Version,
    VersionState,
    Visibility,
    choose_version,
    held_number,
    next_number,
    number_after,
)
from trivet.platform.core.errors import Forbidden, NotFound

ENDPOINT = Endpoint("opaque", "org_mi6", "mi6", "hello", 1.0, 1.0)


def principal(account_id: str = "acc_q", **fields: object) -> Principal:
    full = Principal(account_id, account_id.removeprefix("acc_"), "key", frozenset(Scope))
    return replace(full, **fields)  # type: ignore[arg-type]


def version(number: str, state: VersionState = VersionState.READY, **fields: object) -> Version:
    full = Version(f"ver_{number}", "opaque", number, "0" * 64, state, 1.0, "acc_q")
    return replace(full, **fields)  # type: ignore[arg-type]


# -- history ------------------------------------------------------------------------------------------------------------


def test_an_endpoint_without_a_build_has_no_current_version() -> None:
    assert ENDPOINT.current_id is None
    assert ENDPOINT.full_name == "mi6/hello"


# -- who may ------------------------------------------------------------------------------------------------------------

ROLES = st.none() | st.sampled_from(Role)
PRINCIPALS = st.builds(
    lambda account_id, scopes, mi6, cia, administrator: principal(
        account_id,
        scopes=frozenset(scopes),
        roles={org: role for org, role in (("org_mi6", mi6), ("org_cia", cia)) if role is not None},
        administrator=administrator,
    ),
    st.sampled_from(["acc_q", "acc_bond"]),
    st.sets(st.sampled_from(Scope)),
    ROLES,
    ROLES,
    st.booleans(),
)
ENDPOINTS = st.builds(
    lambda owner_id, visibility, shared: replace(
        ENDPOINT, owner_id=owner_id, visibility=visibility, shared_with=frozenset(shared)
    ),
    st.sampled_from(["acc_q", "acc_bond", "org_mi6"]),
    st.sampled_from(Visibility),
    st.sets(st.sampled_from(["org_mi6", "org_cia"])),
)


@given(who=PRINCIPALS, what=ENDPOINTS, scope=st.sampled_from(Scope))
def test_who_may_not_see_it_gets_the_words_for_what_does_not_exist(
    who: Principal, what: Endpoint, scope: Scope
) -> None:
    refused = endpoints.refusal(who, what, scope, "mi6/hello")
    missing = endpoints.refusal(who, None, scope, "mi6/hello")
    assert isinstance(missing, NotFound)
    if not endpoints.may_see(who, what):
        assert isinstance(refused, NotFound)
        assert (refused.detail, refused.hint) == (missing.detail, missing.hint)
    else:
        assert not isinstance(refused, NotFound)


@given(who=PRINCIPALS, what=ENDPOINTS, scope=st.sampled_from(Scope))
def test_nobody_does_what_the_key_has_no_scope_for(who: Principal, what: Endpoint, scope: Scope) -> None:
    if endpoints.refusal(who, what, scope, "x") is None:
        assert who.has(scope)


@given(who=PRINCIPALS, what=ENDPOINTS)
def test_only_owners_managers_and_administrators_change_an_endpoint(who: Principal, what: Endpoint) -> None:
    may = endpoints.refusal(who, what, Scope.DEPLOY, "x") is None
    manages = (
        what.owner_id == who.account_id
        or who.roles.get(what.owner_id) in (Role.OWNER, Role.ADMIN)
        or (who.administrator and Scope.ADMIN in who.scopes)
    )
    assert may == (manages and Scope.DEPLOY in who.scopes)


@given(who=PRINCIPALS, what=ENDPOINTS)
def test_a_stranger_sees_only_what_is_public_or_shared_with_an_organization_of_theirs(
    who: Principal, what: Endpoint
) -> None:
    belongs = what.owner_id == who.account_id or what.owner_id in who.roles
    shared = what.visibility is Visibility.SHARED and bool(what.shared_with & who.roles.keys())
    administers = who.administrator and Scope.ADMIN in who.scopes
    assert endpoints.may_see(who, what) == (belongs or shared or administers or what.visibility is Visibility.PUBLIC)


def test_sharing_counts_only_while_the_endpoint_is_shared() -> None:
    private = replace(ENDPOINT, owner_id="acc_bond", shared_with=frozenset({"org_cia"}))
    member = principal(roles={"org_cia": Role.OWNER})
    assert not endpoints.may_see(member, private)
    assert endpoints.may_see(member, replace(private, visibility=Visibility.SHARED))


def test_a_refusal_for_want_of_a_scope_names_it() -> None:
    error = endpoints.refusal(
        principal("acc_q", scopes=frozenset(), roles={"org_mi6": Role.OWNER}), ENDPOINT, Scope.CALL, "x"
    )
    assert isinstance(error, Forbidden)
    assert "'call'" in error.detail
    assert "--scopes call" in error.hint


def test_a_member_who_is_no_manager_is_told_who_may() -> None:
    error = endpoints.refusal(principal(roles={"org_mi6": Role.MEMBER}), ENDPOINT, Scope.DEPLOY, "x")
    assert isinstance(error, Forbidden)
    assert "'mi6'" in error.detail


# -- semantic versions --------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 999)
IDENTIFIERS = st.one_of(
    st.integers(0, 9999).map(str),
    st.text("abcXYZ-", min_size=1, max_size=4),
    st.from_regex(r"[0-9]{1,2}[a-c-][0-9a-c]{0,2}", fullmatch=True),
)
PRERELEASES = st.lists(IDENTIFIERS, min_size=1, max_size=3).map(".".join)
RELEASES = st.builds("{}.{}.{}".format, NUMBERS, NUMBERS, NUMBERS)
ANY_NUMBER = RELEASES | st.builds("{}-{}".format, RELEASES, PRERELEASES)


def parsed(text: str) -> SemVer:
    found = SemVer.parse(text)
    assert found is not None
    return found


def test_versions_sort_as_the_standard_says() -> None:
    order = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.1.0 2.0.0"
    numbers = [parsed(text) for text in order.split()]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.0-a_b", "1.0.0 "),
        *("1.0.0\n", "1٣.0.0", "-1.0.0", "1.0.0+build", "9999999999.0.0", f"1.0.0-{'a' * 65}"),
    ],
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert SemVer.parse(text) is None


@given(text=ANY_NUMBER)
def test_a_pre_release_comes_before_its_release(text: str) -> None:
    number = parsed(text)
    release = replace(number, is_release=True, pre=())
    assert number.is_release == (number == release)
    assert number <= release


@given(numbers=st.lists(ANY_NUMBER | st.sampled_from(["latest", "x"]), max_size=6))
def test_the_next_number_is_above_all_that_are_there(numbers: list[str]) -> None:
    following = parsed(next_number(numbers))
    assert following.is_release
    assert all(found < following for found in (SemVer.parse(number) for number in numbers) if found is not None)


def test_the_first_number_is_one() -> None:
    assert next_number([]) == "1.0.0"
    assert next_number(["1.0.0", "1.4.2"]) == "1.5.0"
    assert next_number([held_number("0" * 64)]) == "1.0.0"


@given(numbers=st.lists(ANY_NUMBER | st.sampled_from(["latest", "x"]), max_size=6), part=st.sampled_from(Part))
def test_a_release_is_above_all_that_are_there(numbers: list[str], part: Part) -> None:
    following = parsed(number_after(numbers, part))
    assert following.is_release
    assert all(found < following for found in (SemVer.parse(number) for number in numbers) if found is not None)


@pytest.mark.parametrize(
    ("part", "first", "second"),
    [(Part.MAJOR, "1.0.0", "2.0.0"), (Part.MINOR, "0.1.0", "1.3.0"), (Part.PATCH, "0.0.1", "1.2.4")],
)
def test_a_release_counts_up_the_part_that_was_asked_for(part: Part, first: str, second: str) -> None:
    assert number_after([], part) == number_after([held_number("ab" * 32)], part) == first
    assert number_after(["1.2.3", "0.9.0"], part) == second


@pytest.mark.parametrize("digest", ["0" * 64, "012345678901" + "a" * 52, "abcdef" + "0" * 58])
def test_the_number_of_a_held_build_is_one_and_no_range_leads_to_it(digest: str) -> None:
    number = held_number(digest)
    assert parsed(number) < SemVer(0, 0, 1)
    held = version(number, hash=digest)
    assert held.is_held
    assert not version("1.0.0-build.1").is_held
    assert choose_version([held], None, number) is held
    assert choose_version([held], None, digest[:40]) is held
    for reference in (None, "latest", "0", "0.0", "0.0.x", "^0", "~0.0.0"):
        assert choose_version([held], None, reference) is None


# -- references ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mi6/hello", {"owner": "mi6", "name": "hello"}),
        ("mi6/hello@1.2", {"owner": "mi6", "name": "hello", "version": "1.2"}),
        ("mi6/hello/1.2.0", {"owner": "mi6", "name": "hello", "version": "1.2.0"}),
        ("abc123def456gh", {"id": "abc123def456gh"}),
        ("abc123def456gh@latest", {"id": "abc123def456gh", "version": "latest"}),
        ("42", {"model_id": 42}),
        ("42@^1.0.0", {"model_id": 42, "version": "^1.0.0"}),
        ("9" * 19, {"id": "9" * 19}),
        ("٤٢", {"id": "٤٢"}),
        ("mi6/hello@", {"owner": "mi6", "name": "hello"}),
    ],
)
def test_a_reference_is_read(text: str, expected: dict[str, object]) -> None:
    assert EndpointReference.parse(text) == EndpointReference(text, **expected)  # type: ignore[arg-type]


def test_a_version_may_stand_beside_the_reference_but_not_against_it() -> None:
    assert EndpointReference.parse("mi6/hello", "2.0").version == "2.0"
    assert EndpointReference.parse("mi6/hello@1.0", "2.0").version == "1.0"


@pytest.mark.parametrize("text", ["", "/", "a/", "/a", "a//b", "a/b/c/d", "a/b/1.0@2.0", "@1.0", "a/b/"])
def test_what_can_name_no_endpoint_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        EndpointReference.parse(text)


@given(text=st.text(max_size=30))
def test_any_text_is_either_read_as_one_kind_of_reference_or_not_found(text: str) -> None:
    try:
        found = EndpointReference.parse(text)
    except NotFound:
        return
    assert [found.name is not None, found.id is not None, found.model_id is not None].count(True) == 1
    assert (found.owner is None) == (found.name is None)


# -- which version ------------------------------------------------------------------------------------------------------

FEW = [
    version("1.0.0"),
    version("1.2.0", hash="abcdef1" + "0" * 57),
    version("1.2.3"),
    version("1.10.0", hash="abcdef2" + "0" * 57),
    version("2.0.0-rc.1"),
    version("2.0.0", VersionState.FAILED),
    version("2.1.0", VersionState.BUILDING),
    version("0.3.1"),
    version("0.3.4"),
    version("0.0.7"),
    version("0.0.8"),
]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (None, "1.2.0"),
        ("latest", "1.2.0"),
        ("*", "1.2.0"),
        ("1.0.0", "1.0.0"),
        ("ver_1.2.3", "1.2.3"),
        ("1", "1.10.0"),
        ("1.x", "1.10.0"),
        ("1.*.*", "1.10.0"),
        ("1.2", "1.2.3"),
        ("1.2.x", "1.2.3"),
        ("^1.0.0", "1.10.0"),
        ("^1.11.0", None),
        ("^1", "1.10.0"),
        ("^1.2", "1.10.0"),
        ("^1.11", None),
        ("^0", "0.3.4"),
        ("^0.3", "0.3.4"),
        ("^0.2", None),
        ("^0.0", "0.0.8"),
        ("~1", "1.10.0"),
        ("~1.2", "1.2.3"),
        ("~1.11", None),
        ("~1.2.0", "1.2.3"),
        ("~1.2.4", None),
        ("^0.3.2", "0.3.4"),
        ("^0.0.7", "0.0.7"),
        ("^2.0.0-alpha", None),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("2", None),
        ("2.0.0", None),
        ("2.1.0", None),
        ("3", None),
        ("abcdef1", "1.2.0"),
        ("abcdef", None),
        ("abcdef3", None),
        ("", None),
        ("nonsense", None),
        ("^nonsense", None),
    ],
)
def test_a_reference_means_a_ready_version_or_none(reference: str | None, expected: str | None) -> None:
    found = choose_version(FEW, "ver_1.2.0", reference)
    assert (found.number if found else None) == expected


def test_a_hash_that_two_contents_share_the_beginning_of_means_neither() -> None:
    two = [version("1.0.0", hash="abcdef0" + "1" * 57), version("1.1.0", hash="abcdef0" + "2" * 57)]
    assert choose_version(two, None, "abcdef0") is None
    assert choose_version(two, None, "abcdef01") is two[0]


def test_of_two_versions_with_the_same_content_a_hash_means_the_later() -> None:
    two = [version("1.1.0", created_at=5.0), version("1.0.0", created_at=2.0)]
    assert choose_version(two, None, "0000000") is two[0]


def test_a_current_version_that_is_not_ready_is_not_chosen() -> None:
    assert choose_version(FEW, "ver_2.1.0", None) is None
    assert choose_version(FEW, None, None) is None


VERSIONS = st.lists(
    st.builds(version, ANY_NUMBER, st.sampled_from(VersionState)), max_size=8, unique_by=lambda one: one.number
)
REFERENCES = st.one_of(
    ANY_NUMBER, NUMBERS.map(str), st.builds("{}{}".format, st.sampled_from("^~"), RELEASES), st.text(max_size=12)
)


@given(versions=VERSIONS, reference=REFERENCES | st.none())
def test_only_ready_versions_are_ever_chosen(versions: list[Version], reference: str | None) -> None:
    found = choose_version(versions, versions[0].id if versions else None, reference)
    assert found is None or found.state is VersionState.READY


@given(versions=VERSIONS, major=st.integers(0, 3), minor=st.integers(0, 3))
def test_a_range_means_the_highest_release_within(versions: list[Version], major: int, minor: int) -> None:
    close = [replace(v, number=f"{i % 4}.{i % 3}.{i}", id=f"ver_{i}", hash="z") for i, v in enumerate(versions)]
    for reference, within in (
        (f"{major}", lambda n: n.major == major),
        (f"{major}.{minor}", lambda n: (n.major, n.minor) == (major, minor)),
        (f"~{major}.{minor}.1", lambda n: (n.major, n.minor) == (major, minor) and n.patch >= 1),
    ):
        fitting = [v for v in close if v.state is VersionState.READY and within(parsed(v.number))]
        best = max(fitting, key=lambda v: parsed(v.number), default=None)
        assert choose_version(close, None, reference) is best


def test_generators_stream_and_others_do_not() -> None:
    assert [kind for kind in HandlerKind if kind.streams] == [HandlerKind.GENERATOR, HandlerKind.ASYNC_GENERATOR]
