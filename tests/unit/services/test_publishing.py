"""Publishing: how a build becomes versions of endpoints, all of them or none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.town import Town, built, ref, run
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Endpoint, VersionSettings, VersionState, Visibility
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.services import publishing


def failure(town: Town, **request: object) -> tuple[str, str, str]:
    """How a deployment of the administrator ends that was taken and fails."""
    error = town.deploy(town.admin, **request).error
    assert error is not None
    return error


def state_of(town: Town) -> object:
    """All that a deployment could have changed."""
    return run(town.store.read(lambda tx: (tx.endpoints.all(), tx.versions.all(), tx.accounts.all())))


def test_a_first_deployment_makes_the_endpoint_and_version_1_0_0_current() -> None:
    town = Town()
    bond = town.account("bond")
    settings = VersionSettings(concurrency=4, secrets=("WORD",))
    town.builder.result = built("hello", settings=settings)
    ended = town.deploy(bond)
    endpoint, version = town.endpoints.pick(bond, ref("bond/hello"))
    assert (endpoint.owner_id, endpoint.visibility) == (bond.account_id, Visibility.PRIVATE)
    assert endpoint.current_id == version.id == ended.version_ids[0]
    assert (version.number, version.state, version.hash) == ("1.0.0", VersionState.READY, "a" * 64)
    assert (version.handler, version.bundle, version.environment) == ("main:hello", "bundle", "environment")
    assert (version.settings, version.created_by, version.deployment_id) == (settings, bond.account_id, ended.id)


def test_each_further_deployment_counts_up_and_is_current_and_the_same_content_may_come_again() -> None:
    town = Town()
    numbers = [town.publish(town.admin, "admin/hello")[1].number for _ in range(3)]
    assert numbers == ["1.0.0", "1.1.0", "1.2.0"]


def test_the_newest_deployment_is_current_whatever_its_number() -> None:
    town = Town()
    town.publish(town.admin, "admin/hello", number="2.0.0")
    town.publish(town.admin, "admin/hello", number="1.5.0")
    assert town.endpoints.pick(town.admin, ref("admin/hello"))[1].number == "1.5.0"
    assert town.publish(town.admin, "admin/hello")[1].number == "2.1.0"


@pytest.mark.parametrize("digest", ["a" * 64, "b" * 64])
def test_a_number_that_is_taken_is_refused_because_versions_are_immutable(digest: str) -> None:
    town = Town()
    town.publish(town.admin, "admin/hello", number="1.0.0")
    code, detail, _ = failure(town, digest=digest, number="1.0.0")
    assert code == "conflict"
    assert "immutable" in detail
    assert ("this very content" in detail) == (digest == "a" * 64)


def test_the_author_names_the_endpoint_and_the_request_may_rename_it() -> None:
    town = Town()
    assert town.deploy(town.admin).error is None
    assert town.deploy(town.admin, name="greeting").error is None
    assert sorted(e.full_name for e in town.endpoints.all()) == ["admin/greeting", "admin/hello"]


def test_names_differ_by_more_than_case() -> None:
    town = Town()
    town.publish(town.admin, "admin/Hello")
    endpoint, version = town.publish(town.admin, "ADMIN/hELLO")
    assert (endpoint.full_name, version.number) == ("admin/Hello", "1.1.0")


def test_several_endpoints_are_published_together() -> None:
    town = Town()
    town.builder.result = built("one", "two")
    ended = town.deploy(town.admin)
    assert sorted(e.full_name for e in town.endpoints.all()) == ["admin/one", "admin/two"]
    assert len(ended.version_ids) == 2


@pytest.mark.parametrize(
    "request_",
    [{"name": "admin/x"}, {"name": "x"}, {"number": "1.0.0"}, {"endpoint_id": "opaque-1"}, {"model_id": 7}],
)
def test_what_is_for_one_endpoint_is_refused_where_the_upload_holds_more(request_: dict[str, object]) -> None:
    town = Town()
    town.builder.result = built("one", "two")
    before = state_of(town)
    code, detail, _ = failure(town, **request_)
    assert code == "bad_request"
    assert "2 endpoints (one, two)" in detail
    assert state_of(town) == before


def test_the_owner_half_of_a_name_applies_to_all_endpoints_of_an_upload() -> None:
    town = Town()
    town.builder.result = built("one", "two")
    assert town.deploy(town.admin, name="acme/").error is None
    assert sorted(e.full_name for e in town.endpoints.all()) == ["acme/one", "acme/two"]


def test_one_endpoint_that_can_not_be_published_keeps_the_others_and_the_new_owner_back() -> None:
    town = Town()
    before = state_of(town)
    town.builder.result = built("one", "_two")
    assert failure(town, name="acme/")[0] == "bad_request"
    assert state_of(town) == before
    assert town.endpoints.all() == []


def test_two_endpoints_of_one_name_are_refused() -> None:
    town = Town()
    town.builder.result = built("one", "ONE")
    assert failure(town)[0] == "bad_request"


def test_an_administrator_deploys_under_any_owner_who_is_made_where_missing() -> None:
    town = Town()
    endpoint, _ = town.publish(town.admin, "demo/hello")
    owner = run(town.accounts.get(town.admin, "demo"))
    assert (endpoint.owner_id, owner.administrator) == (owner.id, False)
    again, _ = town.publish(town.admin, "Demo/hello")
    assert again.id == endpoint.id


def test_a_build_that_fails_leaves_no_owner_behind() -> None:
    town = Town()
    town.builder.result = RuntimeError("boom")
    assert failure(town, name="demo/hello")[0] == "internal"
    assert [a.name for a in run(town.accounts.all(town.admin))] == ["admin"]


def test_two_deployments_under_a_new_owner_at_once_make_one_owner() -> None:
    town = Town()
    first, second = town.submit(town.admin, name="demo/one"), town.submit(town.admin, name="demo/two")
    assert first.owner_id != second.owner_id
    run(town.deployments.build(first.id))
    run(town.deployments.build(second.id))
    assert len({e.owner_id for e in town.endpoints.all()}) == 1
    assert len(town.endpoints.all()) == 2


# -- ids ----------------------------------------------------------------------------------------------------------------


def test_ids_that_code_relies_on_are_kept() -> None:
    town = Town()
    endpoint, _ = town.publish(town.admin, "admin/hello", endpoint_id="abc123xyz", model_id=42)
    assert (endpoint.id, endpoint.model_id) == ("abc123xyz", 42)
    again, _ = town.publish(town.admin, "admin/hello", endpoint_id="abc123xyz", model_id=42)
    assert (again.id, again.model_id) == ("abc123xyz", 42)
    plain, _ = town.publish(town.admin, "admin/hello")
    assert (plain.id, plain.model_id) == ("abc123xyz", 42)


@pytest.mark.parametrize("request_", [{"endpoint_id": "abc123xyz"}, {"model_id": 42}])
def test_an_id_of_another_endpoint_is_a_conflict(request_: dict[str, object]) -> None:
    town = Town()
    town.publish(town.admin, "admin/hello", endpoint_id="abc123xyz", model_id=42)
    town.builder.result = built("other")
    before = state_of(town)
    code, detail, _ = failure(town, **request_)
    assert code == "conflict"
    assert "taken" in detail
    assert state_of(town) == before


@pytest.mark.parametrize("request_", [{"endpoint_id": "other-id"}, {"model_id": 43}])
def test_an_endpoint_keeps_the_ids_that_it_has(request_: dict[str, object]) -> None:
    town = Town()
    town.publish(town.admin, "admin/hello", endpoint_id="abc123xyz", model_id=42)
    code, detail, _ = failure(town, **request_)
    assert code == "conflict"
    assert "admin/hello has the id" in detail


# -- scaling ------------------------------------------------------------------------------------------------------------

AUTHOR = ScalingPolicy(minimum=1, maximum=5, idle_timeout=9.0)


def test_the_author_decides_how_a_new_endpoint_scales_and_the_request_how_many_workers() -> None:
    town = Town()
    town.builder.result = built("hello", scaling=AUTHOR)
    assert town.publish(town.admin, "admin/one")[0].scaling == AUTHOR
    assert town.publish(town.admin, "admin/two", workers=(0, 2))[0].scaling == replace(AUTHOR, minimum=0, maximum=2)


def test_a_redeployment_keeps_what_the_operator_set_unless_author_or_request_say_otherwise() -> None:
    town = Town()
    town.publish(town.admin, "admin/hello")
    run(town.endpoints.update(town.admin, ref("admin/hello"), EndpointChange(workers=(2, 8), idle_timeout=5.0)))
    operators = town.publish(town.admin, "admin/hello")[0].scaling
    assert (operators.minimum, operators.maximum, operators.idle_timeout) == (2, 8, 5.0)
    requested = town.publish(town.admin, "admin/hello", workers=(0, 1))[0].scaling
    assert (requested.minimum, requested.maximum, requested.idle_timeout) == (0, 1, 5.0)
    town.builder.result = built("hello", scaling=AUTHOR)
    assert town.publish(town.admin, "admin/hello")[0].scaling == AUTHOR


def test_a_redeployment_keeps_who_may_see_the_endpoint() -> None:
    town = Town()
    town.publish(town.admin, "admin/hello")
    run(town.endpoints.update(town.admin, ref("admin/hello"), EndpointChange(visibility=Visibility.PUBLIC)))
    assert town.publish(town.admin, "admin/hello")[0].visibility is Visibility.PUBLIC


# -- what may be asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, (None, None)),
        ("hello", (None, "hello")),
        ("acme/hello", ("acme", "hello")),
        ("acme/", ("acme", None)),
    ],
)
def test_a_name_has_an_owner_half_and_a_name_half(text: str | None, expected: tuple[str | None, str | None]) -> None:
    assert publishing.split_name(text) == expected


@pytest.mark.parametrize(
    "request_",
    [
        *({"name": name} for name in ("", "/", "/hello", "a/b/c", "a//b", "a b", "../etc", "acme/h@llo")),
        *({"number": number} for number in ("", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0+build", "latest")),
        *({"endpoint_id": text} for text in ("", "ab", "123456", "a/b", "a" * 65)),
        *({"model_id": number} for number in (0, -1, 10**18)),
        *({"workers": pair} for pair in ((2, 1), (-1, 1), (0, -1), (0, 10_000))),
    ],
    ids=str,
)
def test_a_request_that_can_not_be_is_refused_before_anything_is_stored(request_: dict[str, object]) -> None:
    town = Town()
    with pytest.raises(BadRequest):
        town.submit(town.admin, **request_)
    assert (town.builder.unpacked, town.to_build) == ([], [])


def test_a_failed_version_frees_its_number() -> None:
    town = Town()
    endpoint, version = town.publish(town.admin, "admin/hello", number="1.0.0")
    failed = replace(version, state=VersionState.FAILED)
    publishing.check_number("1.0.0", "b" * 64, endpoint.full_name, [failed])


def test_nothing_is_published_for_an_account_that_was_disabled_while_the_build_ran() -> None:
    town = Town()
    bond = town.account("bond")
    deployment = town.submit(bond)
    run(town.accounts.change(town.admin, "bond", disabled=True))
    run(town.deployments.build(deployment.id))
    ended: Deployment = run(town.deployments.get(town.admin, deployment.id))
    assert ended.error is not None
    assert ended.error[0] == "forbidden"
    assert town.endpoints.all() == []


def test_an_organization_that_was_removed_while_the_build_ran_does_not_come_back_as_an_account() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.organizations.create(bond, "mi6"))
    bond = town.again(bond)
    deployment = town.submit(bond, name="mi6/hello")
    run(town.organizations.remove(bond, "mi6"))
    run(town.deployments.build(deployment.id))
    ended = run(town.deployments.get(bond, deployment.id))
    assert ended.error is not None
    assert ended.error[0] == "not_found"
    assert sorted(a.name for a in run(town.accounts.all(town.admin))) == ["admin", "bond"]


def test_ids_are_checked_whichever_way_round_they_clash() -> None:
    known = Endpoint("one", "acc", "admin", "hello", 0.0, 0.0)
    publishing.check_free(DeploymentRequest("f", endpoint_id="one"), "admin/hello", known, known, None)
    publishing.check_free(DeploymentRequest("f", model_id=3), "admin/hello", known, None, None)
    publishing.check_free(DeploymentRequest("f", endpoint_id="free"), "admin/new", None, None, None)


def test_a_model_is_given_an_integer_id_that_nobody_has_had() -> None:
    town = Town()
    offer_models(town)
    town.publish(town.admin, "admin/plain", model_id=10_001)
    ids = [town.publish(town.admin, f"admin/{name}")[0].model_id for name in ("a", "b", "a")]
    assert ids == [10_000, 10_002, 10_000]
    run(town.endpoints.remove(town.admin, ref("admin/b")))
    assert town.publish(town.admin, "admin/c")[0].model_id == 10_003


def test_a_model_may_bring_its_id_but_none_that_clients_use_for_something_else() -> None:
    town = Town()
    offer_models(town)
    assert town.publish(town.admin, "admin/a", model_id=1886)[0].model_id == 1886
    for reserved in (6, 1837, 1842):
        code, sentence, _ = failure(town, name="admin/b", model_id=reserved)
        assert (code, "QSAR Toolbox" in sentence) == ("bad_request", True)


def test_a_model_is_no_image() -> None:
    town = Town()
    offer_models(town)
    code, sentence, _ = failure(town, image="m")
    assert (code, "model" in sentence) == ("bad_request", True)


def offer_models(town: Town) -> None:
    """What is deployed from now on is a predictive model."""
    one = built("m")
    town.builder.result = replace(one, endpoints=(replace(one.endpoints[0], host="model", model={"name": "M"}),))
