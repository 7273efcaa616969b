"""Endpoints, versions, deployments and secrets: the same in every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.conftest import Driver
from tests.contract.values import deployment, endpoint, job, version
from trivet.platform.core.deployments import DeploymentRequest, Secret
from trivet.platform.core.endpoints import Endpoint, Version, VersionState, Visibility
from trivet.platform.core.errors import Conflict


def test_an_endpoint_comes_back_as_it_was_put(driver: Driver) -> None:
    bare = Endpoint("opaque00000001", "acc_q", "q", "bare", 1.0, 2.0)
    driver.write(lambda tx: tx.endpoints.add(endpoint(model_id=2**60)))
    driver.write(lambda tx: tx.endpoints.add(bare))
    assert driver.read(lambda tx: tx.endpoints.get("bondhello0")) == endpoint(model_id=2**60)
    assert driver.read(lambda tx: tx.endpoints.get(bare.id)) == bare
    assert driver.read(lambda tx: tx.endpoints.get("nothing")) is None


def test_an_endpoint_is_found_by_name_whatever_the_case_and_by_its_integer_id(driver: Driver) -> None:
    kept = endpoint("Hello", "Bond", model_id=7)
    driver.write(lambda tx: tx.endpoints.add(kept))
    assert driver.read(lambda tx: tx.endpoints.named("bOND", "hELLO")) == kept
    assert driver.read(lambda tx: tx.endpoints.named("q", "hello")) is None
    assert driver.read(lambda tx: tx.endpoints.model(7)) == kept
    assert driver.read(lambda tx: tx.endpoints.model(8)) is None


def test_endpoints_are_listed_by_full_name(driver: Driver) -> None:
    for owner, name in (("q", "a"), ("a", "Z"), ("a-b", "c"), ("A", "b"), ("a_b", "c")):
        driver.write(lambda tx, owner=owner, name=name: tx.endpoints.add(endpoint(name, owner)))  # type: ignore[misc]
    listed = [e.full_name for e in driver.read(lambda tx: tx.endpoints.all())]
    assert listed == ["a-b/c", "A/b", "a/Z", "a_b/c", "q/a"]


def test_what_an_endpoint_takes_is_taken(driver: Driver) -> None:
    driver.write(lambda tx: tx.endpoints.add(endpoint(model_id=7)))
    with pytest.raises(Conflict, match="id 'bondhello0'"):
        driver.write(lambda tx: tx.endpoints.add(replace(endpoint("other"), id="bondhello0")))
    with pytest.raises(Conflict, match="BOND/Hello"):
        driver.write(lambda tx: tx.endpoints.add(replace(endpoint("Hello", "BOND"), id="another")))
    with pytest.raises(Conflict, match="model id 7"):
        driver.write(lambda tx: tx.endpoints.add(endpoint("other", model_id=7)))
    assert driver.read(lambda tx: tx.endpoints.all()) == [endpoint(model_id=7)]


def test_many_endpoints_may_have_no_integer_id(driver: Driver) -> None:
    for name in "abc":
        driver.write(lambda tx, name=name: tx.endpoints.add(endpoint(name)))  # type: ignore[misc]
    assert len(driver.read(lambda tx: tx.endpoints.all())) == 3


def test_a_saved_endpoint_keeps_its_new_values_and_takes_nobody_elses(driver: Driver) -> None:
    driver.write(lambda tx: tx.endpoints.add(endpoint("a", model_id=1)))
    driver.write(lambda tx: tx.endpoints.add(endpoint("b", model_id=2)))
    changed = replace(
        endpoint("a", model_id=3),
        name="A",
        visibility=Visibility.PUBLIC,
        history=(),
        shared_with=frozenset(),
        canary=None,
        aliases=(),
    )
    driver.write(lambda tx: tx.endpoints.save(changed))
    assert driver.read(lambda tx: tx.endpoints.get(changed.id)) == changed
    with pytest.raises(Conflict, match="bond/B"):
        driver.write(lambda tx: tx.endpoints.save(replace(changed, name="B")))
    with pytest.raises(Conflict, match="model id 2"):
        driver.write(lambda tx: tx.endpoints.save(replace(changed, model_id=2)))
    driver.write(lambda tx: tx.endpoints.save(endpoint("never-added")))
    assert len(driver.read(lambda tx: tx.endpoints.all())) == 2


def test_a_removed_endpoint_takes_its_versions_along_but_not_its_jobs(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        for name in ("a", "b"):
            tx.endpoints.add(endpoint(name))
            tx.versions.add(version("1.0.0", f"bond{name}0"))
        tx.jobs.put(job(1, endpoint_id="bonda0"))

    driver.write(prepare)
    driver.write(lambda tx: tx.endpoints.remove("bonda0"))
    driver.write(lambda tx: tx.endpoints.remove("nothing"))
    assert [e.id for e in driver.read(lambda tx: tx.endpoints.all())] == ["bondb0"]
    assert [v.endpoint_id for v in driver.read(lambda tx: tx.versions.all())] == ["bondb0"]
    assert driver.read(lambda tx: tx.jobs.get("job_000000000001")) is not None


def test_a_version_comes_back_as_it_was_put(driver: Driver) -> None:
    bare = Version("ver_2", "bondhello0", "2.0.0", "0" * 64, VersionState.BUILDING, 1.0, "acc_bond")
    driver.write(lambda tx: tx.endpoints.add(endpoint()))
    driver.write(lambda tx: tx.versions.add(version()))
    driver.write(lambda tx: tx.versions.add(bare))
    assert driver.read(lambda tx: tx.versions.get(version().id)) == version()
    assert driver.read(lambda tx: tx.versions.get("ver_2")) == bare
    assert driver.read(lambda tx: tx.versions.get("ver_3")) is None


def test_a_schema_keeps_the_order_of_its_fields(driver: Driver) -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}, "m": {}}}
    driver.write(lambda tx: tx.endpoints.add(endpoint()))
    driver.write(lambda tx: tx.versions.add(version(input_schema=schema)))
    found = driver.read(lambda tx: tx.versions.get(version().id))
    assert found is not None
    assert found.input_schema is not None
    assert list(found.input_schema["properties"]) == ["z", "a", "m"]


def test_a_number_is_given_once_among_those_that_have_not_failed(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        tx.endpoints.add(endpoint())
        tx.endpoints.add(endpoint("other"))
        tx.versions.add(version("1.0.0", id="ver_1", state=VersionState.FAILED))
        tx.versions.add(version("1.0.0", id="ver_2", state=VersionState.FAILED))
        tx.versions.add(version("1.0.0", id="ver_3", state=VersionState.BUILDING))
        tx.versions.add(version("1.0.0", "bondother0", id="ver_4"))

    driver.write(prepare)
    with pytest.raises(Conflict, match=r"1\.0\.0"):
        driver.write(lambda tx: tx.versions.add(version("1.0.0", id="ver_5")))
    with pytest.raises(Conflict, match=r"1\.0\.0"):
        driver.write(lambda tx: tx.versions.save(version("1.0.0", id="ver_1", state=VersionState.READY)))
    driver.write(lambda tx: tx.versions.save(version("1.0.0", id="ver_3", state=VersionState.FAILED)))
    driver.write(lambda tx: tx.versions.add(version("1.0.0", id="ver_5")))
    assert len(driver.read(lambda tx: tx.versions.all())) == 5


def test_a_version_id_is_given_once_and_its_endpoint_must_be_there(driver: Driver) -> None:
    driver.write(lambda tx: tx.endpoints.add(endpoint()))
    driver.write(lambda tx: tx.versions.add(version(id="ver_1")))
    with pytest.raises(Conflict, match="ver_1"):
        driver.write(lambda tx: tx.versions.add(version("2.0.0", id="ver_1")))
    with pytest.raises(Conflict, match="nothing"):
        driver.write(lambda tx: tx.versions.add(version("1.0.0", "nothing")))


def test_versions_are_listed_oldest_first_and_saved(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        tx.endpoints.add(endpoint())
        tx.endpoints.add(endpoint("other"))
        for number, endpoint_id, at in (
            ("2.0.0", "bondhello0", 10.0),
            ("1.0.0", "bondhello0", 20.0),
            ("1.0.0", "bondother0", 15.0),
        ):
            tx.versions.add(version(number, endpoint_id, created_at=at))

    driver.write(prepare)
    assert [v.number for v in driver.read(lambda tx: tx.versions.of_endpoint("bondhello0"))] == ["2.0.0", "1.0.0"]
    assert [v.created_at for v in driver.read(lambda tx: tx.versions.all())] == [10.0, 15.0, 20.0]
    changed = version("1.0.0", created_at=20.0, state=VersionState.FAILED, description="broken", bundle="")
    driver.write(lambda tx: tx.versions.save(changed))
    driver.write(lambda tx: tx.versions.save(version("9.0.0", id="ver_never_added")))
    assert driver.read(lambda tx: tx.versions.of_endpoint("bondhello0"))[-1] == changed


def test_a_deployment_comes_back_as_it_was_put_and_changes(driver: Driver) -> None:
    bare = deployment("dep_2", request=DeploymentRequest("x.zip"), finished_at=None, steps=(), error=None)
    driver.write(lambda tx: tx.deployments.put(deployment()))
    driver.write(lambda tx: tx.deployments.put(bare))
    assert driver.read(lambda tx: tx.deployments.get("dep_1")) == deployment()
    assert driver.read(lambda tx: tx.deployments.get("dep_2")) == bare
    assert driver.read(lambda tx: tx.deployments.get("dep_3")) is None
    changed = deployment(state=VersionState.READY, log="more\n", version_ids=())
    driver.write(lambda tx: tx.deployments.put(changed))
    assert driver.read(lambda tx: tx.deployments.get("dep_1")) == changed


def test_the_deployments_of_an_endpoint_are_listed_newest_first(driver: Driver) -> None:
    for name, endpoint_id, at in (
        ("dep_1", "one", 1.0),
        ("dep_2", "two", 2.0),
        ("dep_3", "one", 3.0),
        ("dep_4", "one", 3.0),
    ):
        request = DeploymentRequest("x.tar.gz", endpoint_id=endpoint_id, held=True)
        driver.write(
            lambda tx, name=name, request=request, at=at: tx.deployments.put(  # type: ignore[misc]
                deployment(name, request=request, created_at=at)
            )
        )
    driver.write(lambda tx: tx.deployments.put(deployment("dep_5", request=DeploymentRequest("x.zip"))))
    assert [d.id for d in driver.read(lambda tx: tx.deployments.of_endpoint("one", 10))] == ["dep_4", "dep_3", "dep_1"]
    assert [d.id for d in driver.read(lambda tx: tx.deployments.of_endpoint("one", 2))] == ["dep_4", "dep_3"]
    assert driver.read(lambda tx: tx.deployments.of_endpoint("three", 10)) == []
    assert driver.read(lambda tx: tx.deployments.get("dep_1")).request.held  # type: ignore[union-attr]  # it is there


def test_unfinished_deployments_are_listed_oldest_first(driver: Driver) -> None:
    for name, state, at in (
        ("dep_1", VersionState.BUILDING, 30.0),
        ("dep_2", VersionState.READY, 10.0),
        ("dep_3", VersionState.BUILDING, 20.0),
        ("dep_4", VersionState.FAILED, 5.0),
    ):
        driver.write(
            lambda tx, name=name, state=state, at=at: tx.deployments.put(  # type: ignore[misc]
                deployment(name, state=state, created_at=at)
            )
        )
    assert [d.id for d in driver.read(lambda tx: tx.deployments.unfinished())] == ["dep_3", "dep_1"]


def test_secrets_are_put_replaced_listed_by_name_and_removed(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        tx.deployments.put_secret(Secret("acc_bond", "TOKEN", b"\x00old", 1.0))
        tx.deployments.put_secret(Secret("acc_bond", "TOKEN", b"\x00new\xff", 2.0))
        tx.deployments.put_secret(Secret("acc_bond", "KEY", b"", 3.0))
        tx.deployments.put_secret(Secret("acc_q", "TOKEN", b"q", 4.0))

    driver.write(prepare)
    assert driver.read(lambda tx: tx.deployments.secrets_of("acc_bond")) == [
        Secret("acc_bond", "KEY", b"", 3.0),
        Secret("acc_bond", "TOKEN", b"\x00new\xff", 2.0),
    ]
    assert driver.write(lambda tx: tx.deployments.remove_secret("acc_bond", "TOKEN")) is True
    assert driver.write(lambda tx: tx.deployments.remove_secret("acc_bond", "TOKEN")) is False
    assert [s.name for s in driver.read(lambda tx: tx.deployments.secrets_of("acc_bond"))] == ["KEY"]
    assert len(driver.read(lambda tx: tx.deployments.secrets_of("acc_q"))) == 1
