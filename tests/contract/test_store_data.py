"""Collections, files and the blobs that they let go of: the same in every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.contract.conftest import Driver, SqliteDriver
from tests.contract.values import account, collection, endpoint, file, organization
from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.core.errors import Conflict
from trivet.platform.ports.stores import Transaction

EVERY_ACL = frozenset(ReadAcl)
SPACES = [collection(space=space, id=f"col_{space}") for space in Space]


def add(driver: Driver, *rows: Collection | File) -> None:
    def unit(tx: Transaction) -> None:
        for row in rows:
            if isinstance(row, Collection):
                tx.data.add(row)
            else:
                tx.data.put_file(row)

    driver.write(unit)


def ids(found: Iterable[Collection]) -> set[str]:
    return {each.id for each in found}


# -- collections ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SPACES, ids=lambda row: row.space)
def test_a_collection_comes_back_as_it_was_added(driver: Driver, row: Collection) -> None:
    add(driver, row)
    assert driver.read(lambda tx: tx.data.get(row.space, row.owner_id, row.name)) == row
    assert driver.read(lambda tx: tx.data.get(row.space, row.owner_id, row.name.upper())) is None
    assert driver.read(lambda tx: tx.data.get(row.space, "acc_q", row.name)) is None


def test_a_name_is_taken_within_its_space_of_its_owner_only(driver: Driver) -> None:
    add(driver, *SPACES, collection(owner="q"), collection("other"))
    with pytest.raises(Conflict, match="фото – 1"):
        add(driver, collection(id="another"))
    assert len(driver.read(lambda tx: tx.data.of_owner("acc_bond", EVERY_ACL))) == 2


def test_what_is_saved_is_who_may_read(driver: Driver) -> None:
    row = collection()
    add(driver, row)
    changed = replace(row, acl=ReadAcl.PRIVATE, updated_at=1010.0)
    driver.write(lambda tx: tx.data.save(changed))
    driver.write(lambda tx: tx.data.save(collection("nothing")))
    assert driver.read(lambda tx: tx.data.of_owner("acc_bond", EVERY_ACL)) == [changed]


def test_an_owners_collections_come_by_name_in_pages_and_by_acl(driver: Driver) -> None:
    names = ["a", "b", "Ä", "z", "ä", "Z"]
    acls = [*ReadAcl, ReadAcl.PUBLIC, ReadAcl.PRIVATE]
    rows = [collection(name, acl=acl) for name, acl in zip(names, acls, strict=True)]
    add(driver, *rows, *SPACES[1:], collection("b", "q"))
    by_name = sorted(rows, key=lambda row: row.name)
    first = driver.read(lambda tx: tx.data.of_owner("acc_bond", EVERY_ACL, limit=4))
    second = driver.read(lambda tx: tx.data.of_owner("acc_bond", EVERY_ACL, after=first[-1].name, limit=4))
    assert [*first, *second] == by_name
    public = driver.read(lambda tx: tx.data.of_owner("acc_bond", {ReadAcl.PUBLIC}))
    assert public == [row for row in by_name if row.acl is ReadAcl.PUBLIC]
    assert driver.read(lambda tx: tx.data.of_owner("acc_bond", set())) == []


def test_what_is_set_aside_is_found_by_nobody_and_its_name_is_free(driver: Driver) -> None:
    row, session = collection(), collection("job_1", space=Space.SESSION)
    driver.write(lambda tx: tx.accounts.add(account()))
    add(driver, row, session, file(of=row), file("other", row), file("third", session))
    assert driver.write(lambda tx: [tx.data.set_aside(each) for each in (row.id, session.id, "nothing")]) == [2, 1, 0]
    assert driver.read(lambda tx: tx.data.get(row.space, row.owner_id, row.name)) is None
    assert driver.read(lambda tx: (tx.data.of_owner(row.owner_id, EVERY_ACL), tx.data.sessions())) == ([], [])
    assert ids(driver.read(lambda tx: tx.data.lost(10))) == {row.id, session.id}
    assert len(driver.read(lambda tx: tx.data.lost(1))) == 1
    add(driver, replace(row, id="fresh"))
    assert driver.read(lambda tx: tx.data.files("fresh")) == []
    assert len(driver.read(lambda tx: tx.data.files(row.id))) == 2


def test_a_collection_with_files_can_not_be_removed(driver: Driver) -> None:
    row = collection()
    add(driver, row, file(of=row))
    driver.write(lambda tx: tx.data.remove(row.id))
    assert driver.read(lambda tx: tx.data.get(row.space, row.owner_id, row.name)) == row
    assert driver.write(lambda tx: [tx.data.remove_file(row.id, name) for name in (file().name, "no")]) == [True, False]
    driver.write(lambda tx: tx.data.remove(row.id))
    driver.write(lambda tx: tx.data.remove(row.id))
    assert driver.read(lambda tx: tx.data.get(row.space, row.owner_id, row.name)) is None
    add(driver, row)


def test_a_collection_is_lost_with_its_owner_or_its_endpoint(driver: Driver) -> None:
    algorithm = endpoint()
    kept = [
        collection(algorithm.id, space=Space.TEMP, id="temp"),
        collection(algorithm.id, space=Space.PERM, id="perm"),
        collection(algorithm.id, owner="q", space=Space.PERM, id="of q"),
    ]
    of_organization = collection(owner_id="org_mi6", id="of mi6")

    def settle(tx: Transaction) -> None:
        tx.accounts.add(account())
        tx.accounts.add(account("q"))
        tx.accounts.add_organization(organization())
        tx.endpoints.add(algorithm)

    driver.write(settle)
    add(driver, *kept, of_organization, collection(), collection("job_1", space=Space.SESSION))
    assert driver.read(lambda tx: tx.data.lost(10)) == []
    driver.write(lambda tx: tx.accounts.remove("acc_q"))
    assert ids(driver.read(lambda tx: tx.data.lost(10))) == {"of q"}
    driver.write(lambda tx: tx.accounts.remove_organization("org_mi6"))
    assert ids(driver.read(lambda tx: tx.data.lost(10))) == {"of q", "of mi6"}
    driver.write(lambda tx: tx.endpoints.remove(algorithm.id))
    assert ids(driver.read(lambda tx: tx.data.lost(10))) == {"of q", "of mi6", "temp", "perm"}


# -- files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [file(), file(content_type=None, expires_at=None, size=0)])
def test_a_file_comes_back_as_it_was_put(driver: Driver, row: File) -> None:
    add(driver, collection(), row)
    assert driver.read(lambda tx: tx.data.file(row.collection_id, row.name)) == row
    assert driver.read(lambda tx: tx.data.file(row.collection_id, row.name.upper())) is None
    assert driver.read(lambda tx: tx.data.blobs()) == {row.blob}


def test_a_file_takes_the_place_of_the_one_of_its_name(driver: Driver) -> None:
    first = file()
    second = replace(
        first,
        size=1,
        md5="0",
        sha256="1",
        content_type=None,
        blob="b2",
        created_at=1.0,
        modified_at=2.0,
        expires_at=3.0,
    )
    add(driver, collection(), first, second)
    assert driver.read(lambda tx: tx.data.files(first.collection_id)) == [second]
    assert driver.read(lambda tx: tx.data.blobs()) == {"b2"}


def test_a_file_belongs_to_a_collection_that_is_there(driver: Driver) -> None:
    with pytest.raises(Conflict, match="no collection"):
        add(driver, file())
    assert driver.read(lambda tx: tx.data.blobs()) == set()


def test_files_come_by_name_in_pages(driver: Driver) -> None:
    here, there = collection("here"), collection("there")
    names = ["a", "B", "aa", "ä", "z", "Z", "😀", "\uffff", "a\u0301"]
    add(driver, here, there, *(file(name, here) for name in names), file("b", there))
    found: list[str] = []
    while page := driver.read(lambda tx: tx.data.files(here.id, after=found[-1] if found else "", limit=2)):
        assert len(page) <= 2
        found.extend(one.name for one in page)
    assert found == sorted(names)


def test_files_are_forgotten_when_their_time_has_come_longest_overdue_first(driver: Driver) -> None:
    times = [50.0, 10.0, None, 30.0, 30.5]
    add(driver, collection(), *(file(str(n), expires_at=at) for n, at in enumerate(times)))
    assert [one.name for one in driver.read(lambda tx: tx.data.expired(30.0, 10))] == ["1", "3"]
    assert [one.name for one in driver.read(lambda tx: tx.data.expired(99.0, 3))] == ["1", "3", "4"]


# -- blobs that are let go of ---------------------------------------------------------------------------------------------


def test_blobs_that_are_dropped_are_listed_oldest_first_until_they_are_forgotten(driver: Driver) -> None:
    driver.write(lambda tx: (tx.data.drop_blobs(["c", "a"], 20.0), tx.data.drop_blobs(["b"], 10.0)))
    driver.write(lambda tx: tx.data.drop_blobs(["b", "a"], 5000.0))
    assert driver.read(lambda tx: tx.data.dropped_blobs(9.0, 10)) == []
    assert driver.read(lambda tx: tx.data.dropped_blobs(20.0, 10)) == ["b", "a", "c"]
    assert driver.read(lambda tx: tx.data.dropped_blobs(99.0, 2)) == ["b", "a"]
    driver.write(lambda tx: tx.data.forget_dropped(["b", "a", "nothing"]))
    assert driver.read(lambda tx: tx.data.dropped_blobs(99.0, 10)) == ["c"]


def test_a_blob_that_a_file_has_is_not_dropped(driver: Driver) -> None:
    one, other = file("one"), file("other")
    add(driver, collection(), one, other)
    driver.write(lambda tx: tx.data.drop_blobs([one.blob, other.blob], 1.0))
    assert driver.read(lambda tx: tx.data.dropped_blobs(99.0, 10)) == []
    driver.write(lambda tx: (tx.data.remove_file(one.collection_id, one.name), tx.data.drop_blobs([one.blob], 1.0)))
    assert driver.read(lambda tx: tx.data.dropped_blobs(99.0, 10)) == [one.blob]
    assert driver.read(lambda tx: tx.data.blobs()) == {other.blob}


def test_a_unit_of_work_that_raises_leaves_no_trace(driver: Driver) -> None:
    row, kept = collection(), file()
    add(driver, row, kept)

    def unit(tx: Transaction) -> None:
        tx.data.put_file(replace(kept, blob="new"))
        tx.data.drop_blobs([kept.blob], 1.0)
        tx.data.set_aside(row.id)
        tx.data.add(collection("other"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        driver.write(unit)
    assert driver.read(lambda tx: tx.data.of_owner(row.owner_id, EVERY_ACL)) == [row]
    assert driver.read(lambda tx: tx.data.files(row.id)) == [kept]
    assert driver.read(lambda tx: tx.data.dropped_blobs(99.0, 10)) == []


def test_data_are_there_after_the_store_is_opened_again(sqlite: SqliteDriver) -> None:
    row, kept = collection(), file()
    add(sqlite, row, kept)
    sqlite.write(lambda tx: tx.data.drop_blobs(["lost"], 1.0))
    sqlite.reopen()
    assert sqlite.read(lambda tx: (tx.data.of_owner(row.owner_id, EVERY_ACL), tx.data.files(row.id))) == ([row], [kept])
    assert sqlite.read(lambda tx: tx.data.dropped_blobs(1.0, 10)) == ["lost"]


def test_text_that_utf_8_can_not_carry_does_no_harm(driver: Driver) -> None:
    add(driver, collection(), file(content_type="text/\ud800"))
    found = driver.read(lambda tx: tx.data.file(collection().id, file().name))
    assert found is not None
    assert found.content_type in ("text/?", "text/\ud800")
