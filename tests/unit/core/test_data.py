"""Hosted data: what a path may say, and who may read and write."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trivet.platform.core.accounts import ALL_SCOPES, DEFAULT_SCOPES, Principal, Role, Scope, Within
from trivet.platform.core.data import (
    Collection,
    File,
    Listing,
    ReadAcl,
    Wish,
    check_conditions,
    marker_after,
    may_delete,
    may_manage,
    may_read,
    may_write,
    name_before,
    readable,
    refusal,
)
from trivet.platform.core.data_paths import MAX_NAME, SCHEME, DataPath, Space
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, PreconditionFailed

# -- paths ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "/", "data://", "DATA://", "data:///"])
def test_the_root_has_many_spellings(text: str) -> None:
    path = DataPath.parse(text)
    assert path == DataPath(SCHEME)
    assert path.parent == path
    assert not path.is_collection


@pytest.mark.parametrize("before", ["data://", "Data://", "/", "", "data:///"])
@pytest.mark.parametrize("after", ["", "/"])
def test_a_path_may_begin_and_end_in_several_ways(before: str, after: str) -> None:
    path = DataPath.parse(f"{before}bond/photos/q.jpg{after}")
    assert path == DataPath("data://bond/photos/q.jpg", Space.HOSTED, "bond", "photos", "q.jpg")


def test_a_path_ends_at_an_owner_a_collection_or_a_file() -> None:
    owner, collection, file = (DataPath.parse(text) for text in ("bond", "bond/photos", "bond/photos/q.jpg"))
    assert (owner.is_collection, collection.is_collection, file.is_collection) == (False, True, False)
    assert (file.parent, collection.parent, owner.parent) == (collection, owner, DataPath(SCHEME))
    assert DataPath(SCHEME).child("bond") == owner
    assert owner.child("photos") == collection
    assert collection.child("q.jpg") == file


@pytest.mark.parametrize("name", ["", "a/b", "..", "/"])
def test_what_is_no_name_has_no_child(name: str) -> None:
    with pytest.raises(BadRequest):
        DataPath.parse("bond").child(name)


def test_my_is_spelled_out_and_all_else_stays() -> None:
    assert DataPath.parse("data://.my/photos/q.jpg").spelled_out("bond") == "data://bond/photos/q.jpg"
    assert DataPath.parse("data://.my").spelled_out("bond") == "data://bond"
    assert DataPath.parse("mi6/photos").spelled_out("bond") == "data://mi6/photos"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("data://.session", DataPath("data://.session", Space.SESSION)),
        ("data://.session/a b", DataPath("data://.session/a b", Space.SESSION, file="a b")),
        (".algo/temp", DataPath("data://.algo/temp", Space.TEMP)),
        (".algo/perm/f", DataPath("data://.algo/perm/f", Space.PERM, file="f")),
        (".algo/q/Hello/perm", DataPath("data://.algo/q/Hello/perm", Space.PERM, author="q", endpoint="Hello")),
        (
            ".algo/q/Hello/temp/f",
            DataPath("data://.algo/q/Hello/temp/f", Space.TEMP, file="f", author="q", endpoint="Hello"),
        ),
        (
            ".algo/temp/perm/temp/f",
            DataPath("data://.algo/temp/perm/temp/f", Space.TEMP, file="f", author="temp", endpoint="perm"),
        ),
        (".algo/temp/perm", DataPath("data://.algo/temp/perm", Space.TEMP, file="perm")),
    ],
)
def test_sessions_and_what_endpoints_keep_have_paths_of_their_own(text: str, wanted: DataPath) -> None:
    path = DataPath.parse(text)
    assert path == wanted
    assert path.is_collection == (path.file is None)
    if path.file is not None:
        assert path.parent.child(path.file) == path
        assert path.parent.is_collection


@pytest.mark.parametrize(
    "text",
    [
        "..",
        "bond/..",
        "bond/photos/..",
        "bond/../q/secret/f",
        "bond/./photos",
        "bond//photos",
        "//bond/photos",
        "bond/photos//",
        "bond/photos/a/b",
        "bond/photos/a\x00",
        "bond/photos/a\nb",
        "bond/photos/\x7f",
        "bond/photos/\ud800",
        "bond/.hidden",
        ".other",
        ".algo",
        ".algo/q",
        ".algo/q/Hello",
        ".algo/q/Hello/else/f",
        ".algo/q/Hello/temp/a/b",
        ".session/a/b",
        ".session/..",
        "s3://bucket/key",
        "s3+lab://bucket/key",
        "file:///etc/passwd",
        f"bond/photos/{'a' * (MAX_NAME + 1)}",
        f"bond/photos/{'é' * 128}",
    ],
)
def test_what_is_no_path_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        DataPath.parse(text)
    assert caught.value.detail.endswith(".")
    caught.value.detail.encode()


def test_a_name_may_have_as_many_bytes_as_a_file_of_a_disk() -> None:
    assert DataPath.parse(f"bond/photos/{'a' * MAX_NAME}").file == "a" * MAX_NAME
    assert DataPath.parse("bond/photos/.hidden").file == ".hidden"


def test_names_that_differ_only_in_their_unicode_form_are_the_same() -> None:
    one, other = "bond/caf\u00e9/cafe\u0301.txt", "bond/cafe\u0301/caf\u00e9.txt"
    assert DataPath.parse(one) == DataPath.parse(other)
    assert DataPath.parse(one).collection == "caf\u00e9"


HARD = st.text(st.sampled_from("a./\\ :%\x00\n~é\u0301\u212a\ufe52\uff0f\u2025ü\ud800"), max_size=12)


@given(
    st.lists(st.one_of(HARD, st.text(max_size=6), st.sampled_from([".my", ".session", ".algo", "temp", "perm", ".."])))
)
@example(["\u2025", "a"])
@example(["a", "\uff0e\uff0e"])
def test_no_path_ever_escapes(parts: list[str]) -> None:
    text = "/".join(parts)
    try:
        path = DataPath.parse(text)
    except BadRequest:
        return
    for name in (path.owner, path.collection, path.file, path.author, path.endpoint):
        if name is None:
            continue
        assert name
        assert name not in (".", "..")
        assert not {"/", "\x00", "\n"} & set(name)
        assert len(name.encode()) <= MAX_NAME
        assert unicodedata.is_normalized("NFC", name)
    assert path.collection is None or path.owner is not None
    assert DataPath.parse(path.text) == path
    assert path.text.startswith(SCHEME)


# -- who may --------------------------------------------------------------------------------------------------------------

MI6, CIA = "org_mi6", "org_cia"


def somebody(name: str, *, scopes: frozenset[Scope] = DEFAULT_SCOPES, **fields: object) -> Principal:
    return replace(Principal(f"acc_{name}", name, "key", scopes), **fields)  # type: ignore[arg-type] # fields of a test


BOND = somebody("bond", roles={MI6: Role.OWNER})
PENNY = somebody("penny", roles={MI6: Role.MEMBER})
STRANGER = somebody("stranger", roles={CIA: Role.OWNER})
ADMIN = somebody("admin", scopes=ALL_SCOPES, administrator=True)
CIRCLE = frozenset({MI6})


def inside(principal: Principal, owner: str = "acc_q", endpoint: str = "e1", root: str = "job_1") -> Principal:
    """The same account, asking through a job of an endpoint."""
    return replace(principal, within=Within("job_2", root, endpoint, "Hello", owner, owner.removeprefix("acc_")))


def hosted(acl: ReadAcl, owner: str = "acc_bond") -> Collection:
    return Collection("c", owner, owner[4:], "photos", Space.HOSTED, acl, 0.0, 0.0)


READERS = {
    "the owner": (BOND, set(ReadAcl)),
    "an endpoint that the owner calls": (inside(BOND), set(ReadAcl)),
    "a member of the owner's organization": (PENNY, {ReadAcl.ORGANIZATION, ReadAcl.PUBLIC}),
    "a stranger": (STRANGER, {ReadAcl.PUBLIC}),
    "the owner's endpoint that a stranger calls": (inside(STRANGER, "acc_bond"), set(ReadAcl) - {ReadAcl.PRIVATE}),
    "another's endpoint that a stranger calls": (inside(STRANGER), {ReadAcl.PUBLIC}),
    "an administrator": (ADMIN, set(ReadAcl)),
    "an endpoint that an administrator calls": (inside(ADMIN), {ReadAcl.PUBLIC}),
    "an administrator with a usual key": (replace(ADMIN, scopes=DEFAULT_SCOPES), {ReadAcl.PUBLIC}),
}


@pytest.mark.parametrize(("who", "acl"), list(product(READERS, ReadAcl)))
def test_who_reads_a_collection(who: str, acl: ReadAcl) -> None:
    principal, wanted = READERS[who]
    assert readable(principal, "acc_bond", CIRCLE) == wanted
    assert may_read(principal, hosted(acl), CIRCLE) == (acl in wanted)
    refused = refusal(principal, hosted(acl), CIRCLE, Wish.READ, "data://bond/photos")
    assert (refused is None) == (acl in wanted)
    if refused is not None:
        nothing = refusal(principal, None, CIRCLE, Wish.READ, "data://bond/photos")
        assert (type(refused), str(refused), refused.hint) == (NotFound, str(nothing), nothing.hint if nothing else "")


WRITERS = {
    "the owner": (BOND, True, True),
    "an endpoint that the owner calls": (inside(BOND), True, True),
    "a member of the owner's organization": (PENNY, False, False),
    "a stranger": (STRANGER, False, False),
    "the owner's endpoint that a stranger calls": (inside(STRANGER, "acc_bond"), False, False),
    "an administrator": (ADMIN, True, True),
    "an endpoint that an administrator calls": (inside(ADMIN), False, False),
}


@pytest.mark.parametrize("who", WRITERS)
def test_who_writes_to_a_collection_and_changes_it(who: str) -> None:
    principal, writes, manages = WRITERS[who]
    public = hosted(ReadAcl.PUBLIC)
    assert may_write(principal, public) == may_delete(principal, public) == writes
    assert may_manage(principal, public.owner_id) == manages
    for wish, allowed in ((Wish.WRITE, writes), (Wish.DELETE, writes), (Wish.MANAGE, manages)):
        refused = refusal(principal, public, CIRCLE, wish, "data://bond/photos")
        assert type(refused) is (type(None) if allowed else Forbidden)


def test_members_write_to_what_their_organization_has_and_managers_change_it() -> None:
    collection = hosted(ReadAcl.PRIVATE, MI6)
    assert may_read(PENNY, collection)
    assert may_write(PENNY, collection)
    assert refusal(PENNY, collection, frozenset(), Wish.DELETE, "data://mi6/photos") is None
    assert isinstance(refusal(PENNY, collection, frozenset(), Wish.MANAGE, "data://mi6/photos"), Forbidden)
    assert refusal(BOND, collection, frozenset(), Wish.MANAGE, "data://mi6/photos") is None
    assert not may_read(STRANGER, collection)


@pytest.mark.parametrize("wish", list(Wish))
def test_a_key_without_the_scope_does_nothing_and_learns_no_more_than_others(wish: Wish) -> None:
    reader = replace(BOND, scopes=frozenset(Scope) - {Scope.DATA})
    refused = refusal(reader, hosted(ReadAcl.PRIVATE), CIRCLE, wish, "data://bond/photos")
    assert isinstance(refused, Forbidden)
    assert "'data'" in refused.detail
    stranger = replace(STRANGER, scopes=frozenset({Scope.READ}))
    assert isinstance(refusal(stranger, hosted(ReadAcl.PRIVATE), CIRCLE, wish, "data://bond/photos"), NotFound)


@pytest.mark.parametrize("space", [Space.TEMP, Space.PERM])
def test_what_an_endpoint_keeps_is_its_callers_to_read_and_its_own_to_write(space: Space) -> None:
    kept = Collection("c", "acc_bond", "bond", "e1", space, ReadAcl.PRIVATE, 0.0, 0.0)
    itself, another = inside(BOND, endpoint="e1"), inside(BOND, endpoint="e2")
    assert [may_read(who, kept) for who in (BOND, itself, another)] == [True, True, True]
    assert [may_write(who, kept) for who in (BOND, itself, another)] == [False, True, False]
    assert [may_delete(who, kept) for who in (BOND, itself, another)] == [True, True, False]
    for who in (PENNY, STRANGER, ADMIN, inside(STRANGER, endpoint="e1")):
        assert not may_read(who, kept)
        assert not may_write(who, kept)
        assert not may_delete(who, kept)
    refused = refusal(BOND, kept, frozenset(), Wish.WRITE, "data://.algo/q/Hello/perm")
    assert isinstance(refused, Forbidden)
    assert "the endpoint itself" in refused.detail
    assert refusal(BOND, kept, frozenset(), Wish.MANAGE, "data://.algo/q/Hello/perm") is None


def test_a_session_is_there_for_all_jobs_of_its_tree_and_for_nobody_else() -> None:
    session = Collection("c", "acc_bond", "bond", "job_1", Space.SESSION, ReadAcl.PRIVATE, 0.0, 0.0)
    for who in (inside(BOND, endpoint="e1"), inside(BOND, endpoint="e2", owner="acc_z")):
        assert may_read(who, session)
        assert may_write(who, session)
        assert may_delete(who, session)
    for who in (inside(BOND, root="job_9"), inside(STRANGER), ADMIN):
        assert not may_read(who, session)
        assert not may_write(who, session)
    assert not may_write(BOND, session)


# -- conditions and pages -------------------------------------------------------------------------------------------------

FILE = File("c", "f", 1, "aa", "bb", None, "blob", 0.0, 0.0)


@pytest.mark.parametrize(
    ("found", "if_match", "if_none_match", "holds"),
    [
        (None, None, False, True),
        (FILE, None, False, True),
        (FILE, "aa", False, True),
        (FILE, "bb", False, False),
        (FILE, "*", False, True),
        (None, "*", False, False),
        (None, "aa", False, False),
        (None, None, True, True),
        (FILE, None, True, False),
        (FILE, "aa", True, False),
        (None, "aa", True, False),
    ],
)
def test_a_write_goes_on_while_its_conditions_hold(
    found: File | None, if_match: str | None, if_none_match: bool, holds: bool
) -> None:
    def check() -> None:
        check_conditions(found, if_match=if_match, if_none_match=if_none_match, reference="data://bond/c/f")

    if holds:
        check()
        return
    with pytest.raises(PreconditionFailed, match="data://bond/c/f") as caught:
        check()
    assert caught.value.hint


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_a_marker_leads_to_what_follows_its_name(name: str) -> None:
    marker = marker_after(name)
    assert name_before(marker) == name
    assert marker.isascii()
    assert not set(marker) & set("+/=&?# ")


@pytest.mark.parametrize("marker", ["!", "a", "YQ==", "é", "gIA", "Y Q", "YR", "\ud800"])
def test_what_is_no_marker_is_refused(marker: str) -> None:
    with pytest.raises(BadRequest, match="marker"):
        name_before(marker)


def test_no_marker_is_the_beginning() -> None:
    assert name_before(None) == name_before("") == ""


def test_a_listing_tells_what_can_be_listed_in_turn() -> None:
    assert Listing(owners=("bond", "mi6")).folders == ("bond", "mi6")
    assert Listing(collections=(hosted(ReadAcl.PUBLIC),)).folders == ("photos",)
    assert FILE.etag == "aa"
