"""Images, templates and registry credentials: the same in every store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.conftest import Driver, SqliteDriver
from tests.contract.values import account, credential, endpoint, image, template, version
from trivet.platform.core.endpoints import HandlerKind, Overrides, VersionSettings
from trivet.platform.core.errors import Conflict
from trivet.platform.core.images import Image
from trivet.platform.core.templates import Template
from trivet.platform.ports.stores import Transaction

BARE_IMAGE = Image(
    "img_2",
    "acc_q",
    "q",
    "bare",
    "0" * 64,
    HandlerKind.SYNC,
    "decorated",
    "main:bare",
    "b",
    "e",
    VersionSettings(),
    created_at=1.0,
    updated_at=2.0,
)
BARE_TEMPLATE = Template("tpl2", "acc_q", "q", "bare", "bare", 1.0, 2.0)

Make = Callable[..., Any]


def put(tx: Transaction, row: Any) -> None:
    {"Image": tx.templates.put_image, "Template": tx.templates.put, "RegistryCredential": tx.templates.put_credential}[
        type(row).__name__
    ](row)


def get(tx: Transaction, row: Any) -> Any:
    return {"Image": tx.templates.image, "Template": tx.templates.get, "RegistryCredential": tx.templates.credential}[
        type(row).__name__
    ](row.id)


def of_owner(tx: Transaction, row: Any) -> list[Any]:
    listing: Any = {
        "Image": tx.templates.images_of,
        "Template": tx.templates.of_owner,
        "RegistryCredential": tx.templates.credentials_of,
    }[type(row).__name__]
    return list(listing(row.owner_id))


def remove(tx: Transaction, row: Any) -> bool:
    removal: Any = {
        "Image": tx.templates.remove_image,
        "Template": tx.templates.remove,
        "RegistryCredential": tx.templates.remove_credential,
    }[type(row).__name__]
    return bool(removal(row.id))


@pytest.mark.parametrize("row", [image(), BARE_IMAGE, template(), BARE_TEMPLATE, credential()], ids=lambda row: row.id)
def test_it_comes_back_as_it_was_put(driver: Driver, row: Any) -> None:
    driver.write(lambda tx: put(tx, row))
    assert driver.read(lambda tx: get(tx, row)) == row
    assert driver.read(lambda tx: get(tx, replace(row, id="nothing"))) is None


@pytest.mark.parametrize("make", [image, template, credential])
def test_they_are_listed_by_name_within_their_owner(driver: Driver, make: Make) -> None:
    for row in (make("b"), make("a"), make("Z"), make("c", "q")):
        driver.write(lambda tx, row=row: put(tx, row))  # type: ignore[misc]  # bound at once, as the loop goes on
    assert [row.name for row in driver.read(lambda tx: of_owner(tx, make()))] == ["Z", "a", "b"]


@pytest.mark.parametrize("make", [image, template, credential])
def test_a_name_is_given_once_within_an_owner_and_case_counts(driver: Driver, make: Make) -> None:
    for row in (make("x"), make("X"), make("x", "q")):
        driver.write(lambda tx, row=row: put(tx, row))  # type: ignore[misc]  # bound at once, as the loop goes on
    with pytest.raises(Conflict, match="'x' already"):
        driver.write(lambda tx: put(tx, make("x", id="another")))
    with pytest.raises(Conflict, match="'X' already"):
        driver.write(lambda tx: put(tx, replace(make("x"), name="X")))
    assert len(driver.read(lambda tx: of_owner(tx, make()))) == 2


@pytest.mark.parametrize("make", [image, template, credential])
def test_it_is_replaced_in_its_place_and_removed_once(driver: Driver, make: Make) -> None:
    driver.write(lambda tx: put(tx, make()))
    changed = replace(make(), name="another")
    driver.write(lambda tx: put(tx, changed))
    assert driver.read(lambda tx: of_owner(tx, changed)) == [changed]
    assert driver.write(lambda tx: remove(tx, changed)) is True
    assert driver.write(lambda tx: remove(tx, changed)) is False
    assert driver.read(lambda tx: of_owner(tx, changed)) == []


def test_an_image_is_found_by_its_exact_name(driver: Driver) -> None:
    driver.write(lambda tx: tx.templates.put_image(image()))
    driver.write(lambda tx: tx.templates.put_image(image("other", "q")))
    assert driver.read(lambda tx: tx.templates.image_named("acc_bond", "team/worker:1.0")) == image()
    for owner, name in (("acc_q", "team/worker:1.0"), ("acc_bond", "Team/worker:1.0"), ("acc_bond", "team/worker")):
        found = driver.read(lambda tx, owner=owner, name=name: tx.templates.image_named(owner, name))  # type: ignore[misc]  # see above
        assert found is None
    assert {each.id for each in driver.read(lambda tx: tx.templates.images())} == {image().id, image("other", "q").id}


def test_the_endpoints_of_a_template_are_found_by_full_name(driver: Driver) -> None:
    for name, template_id in (("b", "one"), ("A", "one"), ("c", "two"), ("d", None)):
        made = endpoint(name, template_id=template_id)
        driver.write(lambda tx, made=made: tx.endpoints.add(made))  # type: ignore[misc]  # see above
    assert [e.name for e in driver.read(lambda tx: tx.endpoints.of_template("one"))] == ["A", "b"]
    assert driver.read(lambda tx: tx.endpoints.of_template("three")) == []


def test_sealed_bytes_do_not_show() -> None:
    for row in (template(), credential(), version()):
        assert "sealed\\xff" not in repr(row)


def test_an_accounts_public_key_comes_back_and_changes(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account(public_key="ssh-ed25519 AAAA ☕")))
    assert driver.read(lambda tx: tx.accounts.get("acc_bond")) == account(public_key="ssh-ed25519 AAAA ☕")
    driver.write(lambda tx: tx.accounts.save(account()))
    assert driver.read(lambda tx: tx.accounts.get("acc_bond")) == account()


def test_what_was_there_before_templates_has_none(sqlite: SqliteDriver) -> None:
    columns = (
        "id, owner_id, owner_name, name, created_at, updated_at, visibility, shared_with, scaling, description, history"
    )
    sqlite.write(lambda tx: tx.endpoints.add(endpoint("new")))
    connection = sqlite.sqlite._connection
    connection.execute(
        f"INSERT INTO endpoints ({columns}) SELECT 'old', owner_id, owner_name, 'old', 1, 1, visibility, shared_with, scaling, "
        "description, history FROM endpoints"
    )
    old = sqlite.read(lambda tx: tx.endpoints.get("old"))
    assert old is not None
    assert (old.template_id, old.overrides, old.extras) == (None, Overrides(), {})
