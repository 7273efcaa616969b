"""Releases: endpoints made without a version, builds that are held, numbers given when they were tried."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.unit.services.town import ARCHIVE, Town, check_hidden, ref, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint, Part, VersionState
from trivet.platform.core.errors import BadRequest, BuildFailed, Conflict, Forbidden, NotFound, TooLarge
from trivet.platform.services.releases import Build, NewEndpoint, NothingToRelease, Releases

DIGEST = "0" + "a1" * 31 + "b"


class Studio(Town):
    def __init__(self) -> None:
        super().__init__()
        self.releases = Releases(self.store, self.clock, self.entropy, self.endpoints, self.deployments)

    def made(self, owner: str = "admin", by: Principal | None = None, endpoint_id: str = "one-id") -> Endpoint:
        return run(self.releases.create(by or self.admin, NewEndpoint(owner, "hello", endpoint_id, description="Hi")))

    def built(self, digest: str = DIGEST, by: Principal | None = None, name: str = "admin/hello") -> Build:
        async def scenario() -> Build:
            builds: list[asyncio.Task[None]] = []
            self.deployments.on_submit = lambda each: builds.append(asyncio.ensure_future(self.deployments.build(each)))
            found = await self.releases.build(by or self.admin, ref(name), ARCHIVE, "hello.tar.gz", digest)
            await asyncio.gather(*builds)
            return found

        self.now += 1
        return run(scenario())

    def released(self, part: Part = Part.MINOR, by: Principal | None = None) -> str:
        self.now += 1
        return run(self.releases.release(by or self.admin, ref("admin/hello"), part))[1].number


@pytest.fixture
def studio() -> Studio:
    return Studio()


def test_an_endpoint_without_versions_is_there_and_can_not_be_called(studio: Studio) -> None:
    made = studio.made()
    assert studio.endpoints.find(studio.admin, ref("admin/hello"), next(iter(studio.admin.scopes))) == made
    assert (made.id, made.description, made.history) == ("one-id", "Hi", ())
    with pytest.raises(NotFound, match="no version that can be called"):
        studio.endpoints.pick(studio.admin, ref("admin/hello"))


def test_what_is_taken_is_not_made_twice(studio: Studio) -> None:
    studio.made()
    with pytest.raises(Conflict, match="admin/hello"):
        studio.made()
    with pytest.raises(Conflict, match="one-id"):
        run(studio.releases.create(studio.admin, NewEndpoint("admin", "other", "one-id")))


def test_what_can_not_be_is_not_made(studio: Studio) -> None:
    for wanted, error in (
        (NewEndpoint("admin", "-", "id-1"), BadRequest),
        (NewEndpoint("admin", "x", "id-1", description="x" * 10_001), BadRequest),
        (NewEndpoint("admin", "x", "id-1", extras={"a": "x" * 70_000}), TooLarge),
    ):
        with pytest.raises(error):
            run(studio.releases.create(studio.admin, wanted))
    assert studio.endpoints.all() == []


def test_endpoints_are_made_under_owners_that_one_manages(studio: Studio) -> None:
    ann = studio.account("ann")
    check_hidden(lambda owner: run(studio.releases.create(ann, NewEndpoint(owner, "x", "id-1"))), "admin", "nobody")
    run(studio.organizations.create(studio.admin, "acme"))
    run(studio.organizations.put_member(studio.admin, "acme", "ann", "member"))
    with pytest.raises(Forbidden):
        run(studio.releases.create(ann, NewEndpoint("acme", "x", "id-1")))
    with pytest.raises(Forbidden, match="deploy"):
        studio.made(by=studio.with_scopes(studio.admin, "read"))


def test_a_build_is_held_until_it_is_released(studio: Studio) -> None:
    made = studio.made()
    build = studio.built()
    assert build.version is not None
    assert build.deployment is not None
    assert build.deployment.state is VersionState.READY
    assert build.version.is_held
    assert studio.endpoints.by_id(made.id) == replace(made, updated_at=made.updated_at)
    assert studio.endpoints.pick(studio.admin, ref(f"admin/hello@{DIGEST[:40]}"))[1] == build.version
    assert studio.released() == "0.1.0"
    _, version = studio.endpoints.pick(studio.admin, ref("admin/hello"))
    assert (version.number, version.hash, version.bundle) == ("0.1.0", DIGEST, build.version.bundle)


def test_a_source_is_built_once(studio: Studio) -> None:
    studio.made()
    assert studio.built() == studio.built()
    assert len(studio.builder.told) == 1


def test_a_source_that_failed_is_built_again(studio: Studio) -> None:
    studio.made()
    fine, studio.builder.result = studio.builder.result, BuildFailed("no")
    failed = studio.built()
    assert failed.version is None
    assert failed.deployment is not None
    assert failed.deployment.state is VersionState.FAILED
    studio.builder.result = fine
    assert studio.built().version is not None
    builds = run(studio.releases.builds(studio.admin, ref("admin/hello")))
    assert [build.state for build in builds] == [VersionState.READY, VersionState.FAILED]


def test_only_the_newest_build_is_released_and_only_once(studio: Studio) -> None:
    studio.made()
    with pytest.raises(NothingToRelease, match="no build"):
        studio.released()
    studio.built("a" * 64)
    studio.built("b" * 64)
    assert studio.released() == "0.1.0"
    assert studio.endpoints.pick(studio.admin, ref("admin/hello"))[1].hash == "b" * 64
    with pytest.raises(NothingToRelease, match="0.1.0"):
        studio.released()
    studio.built("c" * 64)
    assert studio.released(Part.MAJOR) == "1.0.0"


def test_a_deployment_counts_as_released(studio: Studio) -> None:
    studio.made()
    studio.now += 1
    studio.publish(studio.admin, "admin/hello")
    with pytest.raises(NothingToRelease, match="1.0.0"):
        studio.released()


def test_what_else_is_decided_changes_with_the_release_or_not_at_all(studio: Studio) -> None:
    studio.made()
    studio.built()

    def refuse(_: Endpoint) -> Endpoint:
        raise BadRequest("no")

    with pytest.raises(BadRequest):
        run(studio.releases.release(studio.admin, ref("admin/hello"), Part.MINOR, decide=refuse))
    assert len(studio.endpoints.versions_of("one-id")) == 1
    endpoint, version = run(
        studio.releases.release(
            studio.admin,
            ref("admin/hello"),
            Part.MINOR,
            description="first",
            decide=lambda endpoint: replace(endpoint, description="changed"),
        )
    )
    assert (endpoint.description, version.description) == ("changed", "first")
    assert endpoint.current_id == version.id


def test_an_endpoint_that_is_deleted_while_it_is_built_stays_deleted(studio: Studio) -> None:
    studio.made()

    async def scenario() -> Build:
        studio.deployments.on_submit = lambda each: studio.to_build.append(each)
        task = asyncio.ensure_future(
            studio.releases.build(studio.admin, ref("admin/hello"), ARCHIVE, "hello.tar.gz", DIGEST)
        )
        while not studio.to_build:
            await asyncio.sleep(0)
        await studio.endpoints.remove(studio.admin, ref("admin/hello"))
        await studio.deployments.build(studio.to_build.pop())
        return await task

    build = run(scenario())
    assert build.version is None
    assert studio.endpoints.all() == []


def test_strangers_learn_nothing_and_members_see_no_builds(studio: Studio) -> None:
    studio.made()
    studio.built()
    ann = studio.account("ann")
    for way in (
        lambda name: studio.built("c" * 64, ann, name),
        lambda name: run(studio.releases.builds(ann, ref(name))),
        lambda name: run(studio.releases.release(ann, ref(name), Part.MINOR)),
    ):
        check_hidden(way, "admin/hello", "admin/nothing")


def test_members_of_an_organization_try_its_builds(studio: Studio) -> None:
    studio.account("ann")
    run(studio.organizations.create(studio.admin, "acme"))
    run(studio.organizations.put_member(studio.admin, "acme", "ann", "member"))
    studio.made("acme")
    studio.built(name="acme/hello")
    ann = studio.again(studio.principal(studio.token("ann")))
    assert studio.endpoints.pick(ann, ref(f"acme/hello@{DIGEST[:40]}"))[1].is_held
    with pytest.raises(Forbidden):
        run(studio.releases.builds(ann, ref("acme/hello")))


def test_a_held_build_of_a_public_endpoint_is_for_its_owner(studio: Studio) -> None:
    studio.made()
    studio.built()
    run(
        studio.endpoints.change(
            studio.admin,
            ref("admin/hello"),
            lambda endpoint, _: replace(endpoint, visibility=type(endpoint.visibility).PUBLIC),
        )
    )
    ann = studio.account("ann")
    for reference in (DIGEST[:40], "0.0.0-build.g0a1a1a1a1a1a"):
        assert studio.endpoints.pick(studio.admin, ref(f"admin/hello@{reference}"))[1].is_held
        with pytest.raises(NotFound, match="no version that can be called"):
            studio.endpoints.pick(ann, ref(f"admin/hello@{reference}"))
        with pytest.raises(NotFound):
            studio.endpoints.version_of(ann, ref("admin/hello"), reference)
    with pytest.raises(Forbidden):
        run(studio.releases.builds(ann, ref("admin/hello")))
