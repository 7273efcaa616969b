"""Images: published by deployments, found by name, used by those who may."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, built, check_hidden, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import VersionSettings, VersionState
from trivet.platform.core.errors import BadRequest, BuildFailed, Forbidden, NotFound
from trivet.platform.core.images import Image
from trivet.platform.ports.builder import Built
from trivet.platform.services import publishing
from trivet.platform.services.images import find_image

NAME = "team/worker:1.0"


def published(town: Town, principal: Principal, name: str = NAME, digest: str = "a" * 64, owner: str = "") -> Image:
    ended = town.deploy(principal, digest, image=name, name=f"{owner}/" if owner else None)
    assert ended.error is None, ended.error
    assert ended.image_id is not None
    return run(town.images.get(principal, ended.image_id))


def names(town: Town, principal: Principal) -> list[str]:
    return [f"{image.owner_name} {image.name}" for image in run(town.images.list(principal))]


def test_an_upload_becomes_an_image_and_no_endpoint() -> None:
    town = Town()
    settings = VersionSettings(concurrency=4)
    town.builder.result = built("hello", settings=settings)
    ended = town.deploy(town.admin, image=NAME)
    assert (ended.state, ended.version_ids) == (VersionState.READY, ())
    assert ended.steps[-1].text.startswith(f"The image {NAME} is published.")
    (image,) = run(town.images.list(town.admin))
    assert (image.id, image.name, image.hash) == (ended.image_id, NAME, "a" * 64)
    assert (image.bundle, image.environment, image.handler, image.settings) == (
        "bundle",
        "environment",
        "main:hello",
        settings,
    )
    assert town.endpoints.all() == []
    assert town.builder.told == [("hello.tar.gz", True)]


def test_whoever_publishes_for_everybody_is_told_so_and_nobody_else() -> None:
    town = Town()
    town.builder.result = built("hello")
    ended = town.deploy(town.admin, image=NAME)
    assert ended.steps[-1].text == (
        f"The image {NAME} is published. Every account can use it, because admin is the first administrator."
    )
    ended = town.deploy(town.account("ann"), "b" * 64, image=NAME)
    assert ended.steps[-1].text == f"The image {NAME} is published."


def test_the_same_name_again_moves_to_the_new_build_and_says_what_that_means() -> None:
    town = Town()
    first = published(town, town.admin)
    town.now += 60
    town.builder.result = Built("newer", "environment", built("hello").endpoints)
    ended = town.deploy(town.admin, "b" * 64, image=NAME)
    assert "keep what they have until they are saved again" in ended.steps[-1].text
    (image,) = run(town.images.list(town.admin))
    assert (image.id, image.created_at) == (first.id, first.created_at)
    assert (image.bundle, image.hash, image.updated_at) == ("newer", "b" * 64, town.now)


def test_what_a_build_warns_of_is_told_as_a_step() -> None:
    town = Town()
    plain = built("hello")
    town.builder.result = Built(plain.bundle, plain.environment, plain.endpoints, warnings=("MODEL is not set here.",))
    assert "MODEL is not set here." in [step.text for step in town.deploy(town.admin, image=NAME).steps]


@pytest.mark.parametrize("found", [("one", "two"), ()])
def test_an_image_holds_exactly_one_endpoint(found: tuple[str, ...]) -> None:
    town = Town()
    town.builder.result = built(*found)
    ended = town.deploy(town.admin, image=NAME)
    assert ended.error is not None
    assert ended.error[0] == BadRequest.code
    assert f"holds {len(found)}" in ended.error[1]
    assert names(town, town.admin) == []


def test_a_build_that_fails_leaves_the_image_as_it_was() -> None:
    town = Town()
    before = published(town, town.admin)
    town.builder.result = BuildFailed("It does not load.")
    assert town.deploy(town.admin, "b" * 64, image=NAME).state is VersionState.FAILED
    assert run(town.images.list(town.admin)) == [before]


@pytest.mark.parametrize(
    "request_",
    [
        {"name": "hello"},
        {"name": "admin/hello"},
        {"number": "1.0.0"},
        {"endpoint_id": "abc"},
        {"model_id": 1},
        {"workers": (0, 1)},
        {"canary": 5},
    ],
)
def test_beside_an_image_only_an_owner_can_be_named(request_: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="An image is no endpoint yet"):
        Town().submit(Town().admin, image=NAME, **request_)


@pytest.mark.parametrize("name", ["", "a b", "x" * 256])
def test_a_name_that_no_image_can_have_is_refused_before_anything_is_built(name: str) -> None:
    town = Town()
    with pytest.raises(BadRequest, match="name of an image"):
        town.submit(town.admin, image=name)
    assert town.to_build == []


def test_an_owner_has_so_many_images_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "MAX_IMAGES", 1)
    town = Town()
    published(town, town.admin)
    published(town, town.admin)
    ended = town.deploy(town.admin, image="other")
    assert ended.error is not None
    assert "1 images already" in ended.error[1]


def test_ones_own_come_first_then_the_organizations_then_the_first_administrators() -> None:
    town = Town()
    ann = town.account("ann")
    run(town.organizations.create(town.admin, "acme"))
    run(town.organizations.put_member(town.admin, "acme", "ann", "admin"))
    ann = town.again(ann)
    published(town, town.admin, "everybodys")
    published(town, town.admin)
    published(town, ann, owner="acme")
    published(town, ann, digest="b" * 64)
    assert names(town, ann) == [f"ann {NAME}", f"acme {NAME}", "admin everybodys", f"admin {NAME}"]
    found = run(town.store.read(lambda tx: find_image(tx, ann.account_id, NAME)))
    assert found is not None
    assert found.owner_name == "ann"
    assert [image.owner_name for image in run(town.images.list(ann, NAME))] == ["ann", "acme", "admin"]
    assert names(town, town.account("ben")) == ["admin everybodys", f"admin {NAME}"]


def test_anothers_image_looks_like_one_that_does_not_exist() -> None:
    town = Town()
    ann, ben = town.account("ann"), town.account("ben")
    image = published(town, ann)
    assert names(town, ben) == []
    check_hidden(lambda wanted: run(town.images.get(ben, wanted)), image.id, "img_missing")
    check_hidden(lambda wanted: run(town.images.remove(ben, wanted)), image.id, "img_missing")
    assert run(town.images.get(town.admin, image.id)) == image


def test_what_one_can_use_is_not_always_ones_own_to_remove() -> None:
    town = Town()
    ann = town.account("ann")
    shared = published(town, town.admin)
    with pytest.raises(Forbidden, match="Only 'admin'"):
        run(town.images.remove(ann, shared.id))
    with pytest.raises(Forbidden, match="deploy"):
        run(town.images.remove(town.with_scopes(town.admin, "read"), shared.id))
    with pytest.raises(Forbidden, match="read"):
        run(town.images.list(town.with_scopes(ann, "call")))
    run(town.images.remove(town.admin, shared.id))
    with pytest.raises(NotFound):
        run(town.images.get(ann, shared.id))


def test_the_builder_keeps_what_images_need() -> None:
    town = Town()
    town.builder.result = Built("of-image", "env-of-image", built("hello").endpoints)
    image = published(town, town.admin)
    run(town.deployments.forget_unused([]))
    assert town.builder.kept == ({"of-image"}, {"env-of-image"})
    run(town.images.remove(town.admin, image.id))
    run(town.deployments.forget_unused([]))
    assert town.builder.kept == (set(), set())


def test_an_accounts_images_go_with_it() -> None:
    town = Town()
    ann = town.account("ann")
    image = published(town, ann)
    run(town.accounts.remove(town.admin, "ann"))
    assert run(town.store.read(lambda tx: tx.templates.image(image.id))) is None


def test_an_organizations_images_go_with_it() -> None:
    town = Town()
    run(town.organizations.create(town.admin, "acme"))
    image = published(town, town.admin, owner="acme")
    run(town.organizations.remove(town.admin, "acme"))
    assert run(town.store.read(lambda tx: tx.templates.image(image.id))) is None
