"""Files: written whole, replaced at once, read by those who may, and forgotten with all that belongs to them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

import pytest

from tests.unit.services.cabinet import MAX_FILE, Cabinet, pieces, whole
from tests.unit.services.town import refusal, run, words
from trivet.platform.core.accounts import Principal
from trivet.platform.core.data import TEMP_LIFE, ReadAcl
from trivet.platform.core.data_paths import DataPath, Space
from trivet.platform.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    StorageFull,
    TooLarge,
)
from trivet.platform.services.sweeper import DROP_GRACE, LOST_INTERVAL


@pytest.fixture
def town() -> Cabinet:
    return Cabinet()


@pytest.fixture
def bond(town: Cabinet) -> Principal:
    return town.account("bond")


@pytest.fixture
def stranger(town: Cabinet) -> Principal:
    return town.account("stranger")


# -- collections ----------------------------------------------------------------------------------------------------------


def test_a_collection_is_made_and_found_under_both_of_its_names(town: Cabinet, bond: Principal) -> None:
    made = town.make(bond, "data://.my/photos")
    assert (made.owner_name, made.name, made.acl) == ("bond", "photos", ReadAcl.OWNERS_ENDPOINTS)
    for path in ("data://bond/photos", "data://.my/photos", "BOND/photos/"):
        assert run(town.files.collection(bond, DataPath.parse(path))) == made
    assert town.names(bond, "data://.my") == ["photos"]


def test_a_collection_is_made_once(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/caf\u00e9")
    refused = refusal(lambda: town.make(bond, ".my/cafe\u0301"))
    assert isinstance(refused, Conflict)
    assert "already" in refused.detail
    town.make(bond, ".my/CAF\u00c9")


@pytest.mark.parametrize("path", ["data://", ".my", ".my/c/f", ".session", ".algo/temp", ".algo/q/Hello/perm"])
def test_what_can_not_be_made_is_told_so(town: Cabinet, bond: Principal, path: str) -> None:
    refused = refusal(lambda: town.make(bond, path))
    assert isinstance(refused, BadRequest)
    assert refused.hint


def test_an_acl_is_changed_and_told_in_the_listing(town: Cabinet, bond: Principal, stranger: Principal) -> None:
    town.make(bond, ".my/photos", ReadAcl.PRIVATE)
    town.now += 5
    changed = town.set_acl(bond, ".my/photos", ReadAcl.PUBLIC)
    assert (changed.acl, changed.updated_at - changed.created_at) == (ReadAcl.PUBLIC, 5)
    assert run(town.files.list(stranger, DataPath.parse("bond/photos"))).collection == changed


def test_the_acl_of_what_is_there_by_itself_can_not_be_changed(town: Cabinet, bond: Principal) -> None:
    assert isinstance(refusal(lambda: town.set_acl(bond, ".session", ReadAcl.PUBLIC)), BadRequest)


def test_a_collection_with_files_goes_only_when_that_is_said(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/photos")
    for name in ("a", "b", "c"):
        town.put(bond, f".my/photos/{name}")
    refused = refusal(lambda: town.remove(bond, ".my/photos"))
    assert isinstance(refused, Conflict)
    assert town.names(bond, ".my/photos") == ["a", "b", "c"]
    assert town.remove(bond, ".my/photos", force=True) == 3
    assert town.names(bond, ".my") == []
    assert isinstance(refusal(lambda: town.stat(bond, ".my/photos/a")), NotFound)
    town.settle()
    assert town.kept() == []
    town.make(bond, ".my/photos")
    assert town.names(bond, ".my/photos") == []
    assert town.remove(bond, ".my/photos") == 0


def test_a_collection_of_many_files_goes_in_steps_and_is_gone_at_once(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/many")
    for number in range(450):
        town.put(bond, f".my/many/{number}", str(number).encode())
    assert town.remove(bond, ".my/many", force=True) == 450
    town.settle()
    assert town.kept() == []


# -- writing and reading --------------------------------------------------------------------------------------------------


def test_a_file_is_written_measured_and_read(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/photos")
    data = b"not really a picture"
    written = town.put(bond, ".my/photos/q.jpg", data, content_type="image/jpeg")
    assert town.stat(bond, "bond/photos/q.jpg") == written
    assert (written.name, written.size, written.content_type) == ("q.jpg", len(data), "image/jpeg")
    assert written.etag == written.md5 == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert (written.created_at, written.modified_at, written.expires_at) == (town.now, town.now, None)
    assert town.read(bond, ".my/photos/q.jpg") == data
    assert town.read(bond, ".my/photos/q.jpg", 4) == data[4:]
    assert town.read(bond, ".my/photos/q.jpg", 4, 10) == data[4:10]
    assert town.read(bond, ".my/photos/q.jpg", 4, 4) == b""


def test_a_file_is_replaced_and_what_it_was_goes_some_seconds_later(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    first = town.put(bond, ".my/c/f", b"first")
    town.now += 10
    second = town.put(bond, ".my/c/f", b"second")
    assert (second.created_at, second.modified_at) == (first.created_at, first.created_at + 10)
    assert town.read(bond, ".my/c/f") == b"second"
    town.tick(DROP_GRACE - 1)
    assert run(whole(town.files.read(first))) == b"first"
    town.tick(2)
    assert town.kept() == [b"second"]
    assert isinstance(refusal(lambda: run(whole(town.files.read(first)))), NotFound)


def test_a_file_is_deleted_once(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f")
    town.delete(bond, ".my/c/f")
    assert isinstance(refusal(lambda: town.delete(bond, ".my/c/f")), NotFound)
    assert isinstance(refusal(lambda: town.stat(bond, ".my/c/f")), NotFound)
    town.settle()
    assert town.kept() == []


def test_a_collection_has_to_be_there_and_the_hint_says_how_it_is_made(town: Cabinet, bond: Principal) -> None:
    refused = refusal(lambda: town.put(bond, ".my/nothing/f"))
    assert isinstance(refused, NotFound)
    assert "trivet files mkdir data://.my/nothing" in refused.hint
    assert town.kept() == []


@pytest.mark.parametrize("way", ["stat", "put", "delete"])
@pytest.mark.parametrize("path", ["data://", ".my", ".my/c", ".session", ".algo/temp"])
def test_what_is_done_to_a_file_takes_the_path_of_a_file(town: Cabinet, bond: Principal, way: str, path: str) -> None:
    assert isinstance(refusal(lambda: getattr(town, way)(bond, path)), BadRequest)


def test_a_file_is_no_listing_and_an_owner_no_collection(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f")
    assert isinstance(refusal(lambda: town.names(bond, ".my/c/f")), BadRequest)
    assert isinstance(refusal(lambda: run(town.files.collection(bond, DataPath.parse(".my")))), BadRequest)


def test_a_file_over_the_limit_leaves_the_one_before(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f", b"x" * MAX_FILE)
    refused = refusal(lambda: town.put(bond, ".my/c/f", b"y" * (MAX_FILE + 1)))
    assert isinstance(refused, TooLarge)
    assert refused.limit == MAX_FILE == town.files.max_file
    assert str(MAX_FILE) in refused.detail
    assert "TRIVET_MAX_FILE" in refused.hint
    assert town.read(bond, ".my/c/f") == b"x" * MAX_FILE
    assert len(town.kept()) == 1


def test_an_upload_that_breaks_off_leaves_the_one_before(town: Cabinet, bond: Principal) -> None:
    async def broken(error: Exception) -> AsyncIterator[bytes]:
        yield b"half of"
        raise error

    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f", b"old")
    for error in (ConnectionResetError(), TooLarge("More than the caller has announced.", limit=7)):
        with pytest.raises(type(error)) as caught:
            run(town.files.write(bond, DataPath.parse(".my/c/f"), broken(error), content_type=None))
        assert caught.value is error
    assert town.read(bond, ".my/c/f") == b"old"
    assert town.kept() == [b"old"]


def test_what_is_refused_from_the_outset_takes_nothing_of_the_upload(
    town: Cabinet, bond: Principal, stranger: Principal
) -> None:
    taken: list[str] = []

    async def upload() -> AsyncIterator[bytes]:
        taken.append("a piece")
        yield b"x"

    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f")
    path = DataPath.parse("bond/c/f")
    for principal, conditions in ((stranger, {}), (bond, {"if_none_match": True}), (bond, {"if_match": "0"})):
        refusal(
            lambda who=principal, how=conditions: run(town.files.write(who, path, upload(), content_type=None, **how))
        )  # type: ignore[misc] # bound now
    assert taken == []


# -- several at once, and on a full disk ----------------------------------------------------------------------------------


class Upload:
    """An upload that waits until the test lets it end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.data[:1]
        self.begun.set()
        await self.go_on.wait()
        yield self.data[1:]


def test_of_several_writers_the_last_to_end_wins_whole(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    path = DataPath.parse(".my/c/f")

    async def scene() -> None:
        uploads = [Upload(name * 100) for name in (b"a", b"b", b"c")]
        writes = [
            asyncio.create_task(town.files.write(bond, path, upload.__aiter__(), content_type=None))
            for upload in uploads
        ]
        for upload in uploads:
            await upload.begun.wait()
        for number in (2, 0, 1):
            uploads[number].go_on.set()
            await writes[number]
        assert await whole(town.files.read(await town.files.stat(bond, path))) == b"b" * 100

    run(scene())
    town.settle()
    assert town.kept() == [b"b" * 100]


def test_conditions_hold_at_the_end_too(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    path = DataPath.parse(".my/c/f")

    async def race(**conditions: object) -> None:
        slow = Upload(b"slow")
        write = asyncio.create_task(town.files.write(bond, path, slow.__aiter__(), content_type=None, **conditions))  # type: ignore[arg-type] # of a test
        await slow.begun.wait()
        await town.files.write(bond, path, pieces(b"quick"), content_type=None)
        slow.go_on.set()
        with pytest.raises(PreconditionFailed):
            await write
        assert await whole(town.files.read(await town.files.stat(bond, path))) == b"quick"

    run(race(if_none_match=True))
    town.put(bond, ".my/c/f", b"before")
    run(race(if_match=town.stat(bond, ".my/c/f").etag))
    town.settle()
    assert town.kept() == [b"quick"]


def test_a_collection_that_goes_during_an_upload_takes_it_along(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")

    async def scene() -> None:
        slow = Upload(b"slow")
        write = asyncio.create_task(
            town.files.write(bond, DataPath.parse(".my/c/f"), slow.__aiter__(), content_type=None)
        )
        await slow.begun.wait()
        assert await town.files.remove(bond, DataPath.parse(".my/c")) == 0
        slow.go_on.set()
        with pytest.raises(NotFound):
            await write

    run(scene())
    assert town.kept() == []


def test_a_right_that_goes_during_an_upload_counts_no_more(town: Cabinet, bond: Principal) -> None:
    member = town.account("member")
    run(town.organizations.create(bond, "mi6"))
    run(town.organizations.put_member(bond, "mi6", "member", "member"))
    town.make(town.again(bond), "mi6/c")

    async def scene() -> None:
        slow = Upload(b"slow")
        write = asyncio.create_task(
            town.files.write(member, DataPath.parse("mi6/c/f"), slow.__aiter__(), content_type=None)
        )
        await slow.begun.wait()
        await town.organizations.remove_member(bond, "mi6", "member")
        slow.go_on.set()
        with pytest.raises(NotFound):
            await write

    run(scene())
    assert town.kept() == []


def test_on_a_full_disk_the_old_file_stays_and_nothing_else(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f", b"old")
    town.store.out_of_space = True
    assert isinstance(refusal(lambda: town.put(bond, ".my/c/f", b"new")), StorageFull)
    assert town.kept() == [b"old"]
    town.store.out_of_space = False
    assert town.read(bond, ".my/c/f") == b"old"


@pytest.mark.parametrize("applied", [True, False])
def test_a_writer_who_goes_away_at_the_last_moment_leaves_a_whole_file(
    town: Cabinet, bond: Principal, monkeypatch: pytest.MonkeyPatch, applied: bool
) -> None:
    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f", b"old")
    write = town.store.write

    async def cut(work: Callable[..., object]) -> object:
        if applied:
            await write(work)
        raise asyncio.CancelledError

    monkeypatch.setattr(town.store, "write", cut)
    with pytest.raises(asyncio.CancelledError):
        town.put(bond, ".my/c/f", b"new")
    monkeypatch.undo()
    town.settle()
    assert town.read(bond, ".my/c/f") == (b"new" if applied else b"old")
    assert town.kept() == [b"new" if applied else b"old"]


# -- who may --------------------------------------------------------------------------------------------------------------

WAYS: dict[str, Callable[[Cabinet, Principal, str], object]] = {
    "list the owner": lambda town, who, path: town.names(who, path.split("/")[0]),
    "list": lambda town, who, path: town.names(who, path),
    "look": lambda town, who, path: run(town.files.collection(who, DataPath.parse(path))),
    "stat": lambda town, who, path: town.stat(who, f"{path}/f"),
    "write": lambda town, who, path: town.put(who, f"{path}/f"),
    "write another": lambda town, who, path: town.put(who, f"{path}/new"),
    "delete": lambda town, who, path: town.delete(who, f"{path}/f"),
    "remove": lambda town, who, path: town.remove(who, path, force=True),
    "change": lambda town, who, path: town.set_acl(who, path, ReadAcl.PUBLIC),
    "make again": lambda town, who, path: town.make(who, path),
    "make another": lambda town, who, path: town.make(who, f"{path}2"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("acl", [ReadAcl.PRIVATE, ReadAcl.OWNERS_ENDPOINTS, ReadAcl.ORGANIZATION])
def test_a_stranger_can_not_tell_what_is_hidden_from_what_does_not_exist(
    town: Cabinet, bond: Principal, stranger: Principal, way: str, acl: ReadAcl
) -> None:
    town.make(bond, ".my/c", acl)
    town.put(bond, ".my/c/f")
    assert isinstance(refusal(lambda: WAYS[way](town, stranger, "bond/c")), NotFound)
    for who in (stranger, town.with_scopes(stranger, "read")):
        kind, detail, hint = words(refusal(lambda who=who: WAYS[way](town, who, "nobody/c")))  # type: ignore[misc] # bound now
        found = words(refusal(lambda who=who: WAYS[way](town, who, "bond/c")))  # type: ignore[misc] # bound now
        assert found == (kind, detail.replace("nobody", "bond"), hint.replace("nobody", "bond"))
    assert town.names(bond, ".my/c") == ["f"]
    assert town.names(bond, ".my") == ["c"]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_public_is_read_by_all_and_changed_by_none_of_them(
    town: Cabinet, bond: Principal, stranger: Principal, way: str
) -> None:
    town.make(bond, ".my/c", ReadAcl.PUBLIC)
    town.make(bond, ".my/hidden", ReadAcl.PRIVATE)
    town.put(bond, ".my/c/f")
    if way in ("list the owner", "list", "look", "stat"):
        assert WAYS[way](town, stranger, "bond/c")
    else:
        assert isinstance(refusal(lambda: WAYS[way](town, stranger, "bond/c")), Forbidden)
    assert town.names(stranger, "bond") == ["c"]
    assert town.names(bond, ".my") == ["c", "hidden"]
    assert town.names(bond, ".my/c") == ["f"]


@pytest.mark.parametrize("way", WAYS)
def test_a_key_without_the_scope_reads_and_writes_nothing(town: Cabinet, bond: Principal, way: str) -> None:
    town.make(bond, ".my/c")
    town.put(bond, ".my/c/f")
    refused = refusal(lambda: WAYS[way](town, town.with_scopes(bond, "call", "read", "deploy"), "bond/c"))
    assert isinstance(refused, Forbidden)
    assert "'data'" in refused.detail


def test_members_use_what_their_organization_has_and_managers_make_it(town: Cabinet, bond: Principal) -> None:
    member, stranger = town.account("member"), town.account("other")
    run(town.organizations.create(bond, "mi6"))
    run(town.organizations.put_member(bond, "mi6", "member", "member"))
    bond, member = town.again(bond), town.again(member)
    assert isinstance(refusal(lambda: town.make(member, "mi6/c")), Forbidden)
    town.make(bond, "mi6/c", ReadAcl.PRIVATE)
    town.put(member, "mi6/c/f")
    assert town.read(bond, "mi6/c/f") == b"data"
    assert town.names(member, "mi6") == ["c"]
    assert town.names(member, "") == ["member", "mi6"]
    assert isinstance(refusal(lambda: town.remove(member, "mi6/c", force=True)), Forbidden)
    assert isinstance(refusal(lambda: town.names(stranger, "mi6")), NotFound)
    town.delete(member, "mi6/c/f")
    assert town.remove(bond, "mi6/c") == 0


def test_members_of_the_owners_organization_read_what_is_for_them(town: Cabinet, bond: Principal) -> None:
    member = town.account("member")
    run(town.organizations.create(bond, "mi6"))
    run(town.organizations.put_member(bond, "mi6", "member", "member"))
    town.make(bond, ".my/theirs", ReadAcl.ORGANIZATION)
    town.make(bond, ".my/mine", ReadAcl.OWNERS_ENDPOINTS)
    town.put(bond, ".my/theirs/f")
    assert town.names(member, "bond") == ["theirs"]
    assert town.read(member, "bond/theirs/f") == b"data"
    run(town.organizations.remove_member(bond, "mi6", "member"))
    assert isinstance(refusal(lambda: town.read(member, "bond/theirs/f")), NotFound)


def test_an_administrator_looks_after_everybodys_files(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c", ReadAcl.PRIVATE)
    town.put(bond, ".my/c/f")
    assert town.names(town.admin, "bond") == ["c"]
    assert town.remove(town.admin, "bond/c", force=True) == 1
    assert town.names(town.admin, "stranger" if town.account("stranger") else "") == []


# -- listings -------------------------------------------------------------------------------------------------------------


def test_the_root_begins_with_ones_own_account(town: Cabinet) -> None:
    zoe = town.account("zoe")
    for name in ("beta", "Alpha"):
        run(town.organizations.create(zoe, name))
    assert town.names(zoe, "data://") == ["zoe", "Alpha", "beta"]


def test_listings_come_in_pages_that_join(town: Cabinet, bond: Principal) -> None:
    names = sorted(["a", "b", "ä", "😀", "Z", "a b", "%2F", "z"])
    for name in names:
        town.make(bond, f".my/{name}")
    for name in names:
        town.put(bond, f".my/a/{name}")
    for path in (".my", ".my/a"):
        found: list[str] = []
        marker: str | None = None
        pages = 0
        while pages == 0 or marker is not None:
            page = run(town.files.list(bond, DataPath.parse(path), marker=marker, limit=3))
            found += [*page.folders, *(file.name for file in page.files)]
            marker, pages = page.marker, pages + 1
        assert (found, pages) == (names, 3)
    exact = run(town.files.list(bond, DataPath.parse(".my"), limit=len(names)))
    assert exact.marker is None


def test_a_page_goes_on_where_the_last_name_was_also_if_that_is_gone(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    for name in "abcd":
        town.put(bond, f".my/c/{name}")
    path = DataPath.parse(".my/c")
    first = run(town.files.list(bond, path, limit=2))
    town.delete(bond, ".my/c/b")
    assert [file.name for file in run(town.files.list(bond, path, marker=first.marker, limit=2)).files] == ["c", "d"]


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_its_limits(town: Cabinet, bond: Principal, limit: int) -> None:
    assert isinstance(refusal(lambda: run(town.files.list(bond, DataPath.parse(""), limit=limit))), BadRequest)


def test_a_wrong_marker_is_refused(town: Cabinet, bond: Principal) -> None:
    refused = refusal(lambda: run(town.files.list(bond, DataPath.parse(".my"), marker="nonsense!")))
    assert isinstance(refused, BadRequest)


# -- deleted people -------------------------------------------------------------------------------------------------------


def test_an_account_takes_its_data_along(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c", ReadAcl.PUBLIC)
    town.put(bond, ".my/c/f")
    run(town.accounts.remove(town.admin, "bond"))
    assert isinstance(refusal(lambda: town.names(town.admin, "bond")), NotFound)
    town.settle()
    assert town.kept() == []
    again = town.account("bond")
    assert town.names(again, ".my") == []


def test_an_organization_takes_its_data_along(town: Cabinet, bond: Principal) -> None:
    run(town.organizations.create(bond, "mi6"))
    town.make(town.again(bond), "mi6/c")
    town.put(bond, "mi6/c/f")
    town.tick()
    run(town.organizations.remove(bond, "mi6"))
    town.tick(LOST_INTERVAL - 1)
    assert town.kept() == [b"data"]
    town.tick(2)
    town.settle()
    assert town.kept() == []


# -- what endpoints and sessions keep -------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["temp", "perm"])
def test_an_endpoint_keeps_files_for_each_of_its_callers(
    town: Cabinet, bond: Principal, stranger: Principal, space: str
) -> None:
    hello = town.public("admin/hello")
    for caller in (bond, stranger):
        town.put(town.inside(caller, hello), f".algo/{space}/f", caller.account_name.encode())
    for caller in (bond, stranger):
        inside = town.inside(caller, hello)
        for path in (f".algo/{space}", f".algo/admin/hello/{space}"):
            assert town.read(inside, f"{path}/f") == caller.account_name.encode()
            assert town.names(inside, path) == ["f"]
        assert town.read(caller, f".algo/admin/hello/{space}/f") == caller.account_name.encode()
    assert town.names(town.admin, f".algo/admin/hello/{space}") == []
    assert town.names(bond, ".my") == []


def test_what_an_endpoint_keeps_is_written_by_it_alone(town: Cabinet, bond: Principal) -> None:
    hello = town.public("admin/hello")
    other = town.public("admin/other")
    inside, elsewhere = town.inside(bond, hello), town.inside(bond, other)
    town.put(inside, ".algo/perm/f")
    for who in (bond, elsewhere):
        assert town.read(who, ".algo/admin/hello/perm/f") == b"data"
        assert isinstance(refusal(lambda who=who: town.put(who, ".algo/admin/hello/perm/f", b"forged")), Forbidden)  # type: ignore[misc] # bound now
    assert isinstance(refusal(lambda: town.delete(elsewhere, ".algo/admin/hello/perm/f")), Forbidden)
    assert town.remove(bond, ".algo/admin/hello/perm", force=True) == 1
    assert town.names(inside, ".algo/perm") == []


def test_what_an_endpoint_keeps_is_there_before_anything_is_written(town: Cabinet, bond: Principal) -> None:
    hello = town.public("admin/hello")
    found = run(town.files.collection(bond, DataPath.parse(".algo/admin/hello/temp")))
    assert (found.owner_name, found.space, found.acl) == ("bond", Space.TEMP, ReadAcl.PRIVATE)
    assert town.names(town.inside(bond, hello), ".algo/temp") == []
    assert town.remove(bond, ".algo/admin/hello/temp") == 0


def test_short_forms_are_there_inside_only(town: Cabinet, bond: Principal) -> None:
    for path in (".algo/temp", ".algo/perm", ".session"):
        refused = refusal(lambda path=path: town.names(bond, path))  # type: ignore[misc] # bound now
        assert isinstance(refused, BadRequest)
        assert "only inside" in refused.detail
        assert refused.hint


def test_an_endpoint_that_one_may_not_see_keeps_nothing_that_one_learns_of(town: Cabinet, bond: Principal) -> None:
    hello, _ = town.publish(town.admin, "admin/hello")
    hidden = refusal(lambda: town.names(bond, ".algo/admin/hello/perm"))
    missing = refusal(lambda: town.names(bond, ".algo/admin/other/perm"))
    assert words(hidden) == (NotFound, missing.detail.replace("other", "hello"), missing.hint)
    town.put(town.inside(bond, hello), ".algo/perm/f")
    assert town.names(bond, ".algo/admin/hello/perm") == ["f"]


def test_temporary_files_are_forgotten_after_a_day_and_others_stay(town: Cabinet, bond: Principal) -> None:
    hello = town.public("admin/hello")
    inside = town.inside(bond, hello)
    town.put(inside, ".algo/temp/old", b"old")
    town.put(inside, ".algo/perm/old", b"kept")
    town.tick(TEMP_LIFE - 10)
    town.put(inside, ".algo/temp/new", b"new")
    assert town.names(inside, ".algo/temp") == ["new", "old"]
    town.tick(10)
    assert town.names(inside, ".algo/temp") == ["new"]
    town.settle()
    assert town.kept() == [b"kept", b"new"]


def test_an_endpoint_that_is_removed_takes_along_what_it_kept(town: Cabinet, bond: Principal) -> None:
    hello = town.public("admin/hello")
    town.put(town.inside(bond, hello), ".algo/perm/f")
    run(town.store.write(lambda tx: tx.endpoints.remove(hello.id)))
    town.settle()
    assert town.kept() == []


def test_a_session_is_shared_by_a_tree_of_calls_and_ends_with_it(
    town: Cabinet, bond: Principal, stranger: Principal
) -> None:
    hello = town.public("admin/hello")
    other = town.public("admin/other")
    top, below = town.inside(bond, hello, "job_1"), town.inside(bond, other, "job_2", root="job_1")
    assert not town.files.has_session("job_1")
    town.put(below, ".session/f", b"scratch")
    assert town.files.has_session("job_1")
    assert town.read(top, ".session/f") == b"scratch"
    town.put(top, ".session/f", b"more")
    for elsewhere in (town.inside(bond, hello, "job_3", root="job_3"), town.inside(stranger, hello, "job_1")):
        assert town.names(elsewhere, ".session") == []
    town.tick()
    assert town.read(below, ".session/f") == b"more"
    run(town.files.end_session("job_1"))
    assert not town.files.has_session("job_1")
    assert town.names(top, ".session") == []
    town.settle()
    assert town.kept() == []


def test_a_session_whose_job_has_ended_is_forgotten_after_a_restart_too(town: Cabinet, bond: Principal) -> None:
    hello = town.public("admin/hello")
    for job in ("job_1", "job_2"):
        town.put(town.inside(bond, hello, job, root=job), ".session/f", job.encode())
    town.open_jobs.remove("job_1")
    town.files = town.start()
    town.settle()
    assert town.kept() == [b"job_2"]


def test_a_removal_that_was_cut_off_is_taken_up_again(town: Cabinet, bond: Principal) -> None:
    town.make(bond, ".my/c")
    for number in range(3):
        town.put(bond, f".my/c/{number}")
    collection = run(town.files.collection(bond, DataPath.parse(".my/c")))
    run(town.store.write(lambda tx: tx.data.set_aside(collection.id)))
    town.files = town.start()
    town.settle()
    assert town.kept() == []
    assert run(town.store.read(lambda tx: tx.data.lost(10))) == []
