"""Deployments: visible at once, built behind the caller's back, told step by step, and never half published."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.unit.services.town import ARCHIVE, Town, built, check_hidden, ref, run
from trivet.platform.core.deployments import DeploymentRequest
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import VersionState, Visibility
from trivet.platform.core.errors import BuildFailed, Conflict, DeploymentRefused, Forbidden, NotFound, StorageFull
from trivet.platform.ports.builder import Built
from trivet.platform.services.deployments import MAX_BUILDS, MAX_LOG, Deployments
from trivet.platform.wire.schemas import compile_schema


def test_a_deployment_is_visible_as_building_from_the_moment_it_is_taken() -> None:
    town = Town()
    deployment = town.submit(town.admin)
    assert deployment.state is VersionState.BUILDING
    assert town.to_build == [deployment.id]
    shown = run(town.deployments.get(town.admin, deployment.id))
    assert (shown.state, shown.finished_at) == (VersionState.BUILDING, None)
    assert run(town.store.read(lambda tx: tx.deployments.unfinished())) == [deployment]


def test_a_deployment_that_is_built_is_ready_with_its_steps_and_log() -> None:
    town = Town()
    ended = town.deploy(town.admin)
    assert ended.state is VersionState.READY
    assert [step.text for step in ended.steps][1:] == [
        "Making the environment.",
        "Loading the handlers.",
        "Ready to be called.",
    ]
    assert ended.log == "Resolved 1 package\n"
    assert ended.finished_at == town.now
    assert run(town.store.read(lambda tx: tx.deployments.unfinished())) == []


def test_an_upload_is_unpacked_before_it_is_taken() -> None:
    town = Town()
    town.submit(town.admin, digest="d" * 64)
    assert town.builder.unpacked == [(ARCHIVE, "hello.tar.gz", "d" * 64)]


def test_a_refused_upload_leaves_nothing() -> None:
    town = Town()
    town.builder.refusal = DeploymentRefused("The archive holds a link: `evil`.")
    with pytest.raises(DeploymentRefused, match="evil"):
        town.submit(town.admin)
    assert town.to_build == []
    assert run(town.store.read(lambda tx: tx.deployments.unfinished())) == []


def test_an_upload_is_not_taken_where_the_disk_is_full() -> None:
    town = Town()
    town.store.out_of_space = True
    with pytest.raises(StorageFull):
        town.submit(town.admin)
    assert town.to_build == []


# -- who may ------------------------------------------------------------------------------------------------------------


def test_one_deploys_under_ones_own_name_and_where_one_manages() -> None:
    town = Town()
    owner, manager, member = town.account("m"), town.account("moneypenny"), town.account("bond")
    run(town.organizations.create(owner, "mi6"))
    owner = town.again(owner)
    run(town.organizations.put_member(owner, "mi6", "moneypenny", "admin"))
    run(town.organizations.put_member(owner, "mi6", "bond", "member"))
    assert town.submit(owner, name="m/hello").owner_name == "m"
    assert town.submit(owner, name="hello").owner_name == "m"
    assert town.submit(town.again(manager), name="MI6/hello").owner_name == "mi6"
    with pytest.raises(Forbidden):
        town.submit(town.again(member), name="mi6/hello")


def test_another_owner_looks_like_one_that_does_not_exist() -> None:
    town = Town()
    bond = town.account("bond")
    check_hidden(lambda owner: town.submit(bond, name=f"{owner}/hello"), "admin", "nobody")
    assert town.builder.unpacked == []


def test_deploying_takes_the_scope_deploy() -> None:
    town = Town()
    bond = town.account("bond")
    with pytest.raises(Forbidden):
        town.submit(town.with_scopes(bond, "call", "read"))
    deployment = town.submit(bond)
    with pytest.raises(Forbidden):
        run(town.deployments.get(town.with_scopes(bond, "call", "read"), deployment.id))


def test_an_administrator_without_the_scope_admin_deploys_under_no_other_name() -> None:
    town = Town()
    town.account("bond")
    plain = town.with_scopes(town.admin, "deploy")
    for name in ("bond/hello", "new/hello"):
        with pytest.raises(NotFound):
            town.submit(plain, name=name)


def test_a_deployment_of_another_account_looks_like_one_that_does_not_exist() -> None:
    town = Town()
    bond, q = town.account("bond"), town.account("q")
    deployment = town.submit(bond)
    check_hidden(lambda wanted: run(town.deployments.get(q, wanted)), deployment.id, "dep_0")
    assert run(town.deployments.get(town.admin, deployment.id)).id == deployment.id


def test_what_is_bound_to_be_refused_is_refused_before_it_is_built() -> None:
    town = Town()
    town.publish(town.admin, "admin/hello", number="1.0.0", endpoint_id="opaque-1", model_id=7)
    uploads = len(town.builder.unpacked)
    for request in (
        {"name": "admin/hello", "number": "1.0.0"},
        {"name": "admin/other", "endpoint_id": "opaque-1"},
        {"name": "admin/other", "model_id": 7},
        {"name": "hello", "endpoint_id": "opaque-2"},
    ):
        with pytest.raises(Conflict):
            town.submit(town.admin, **request)
    assert len(town.builder.unpacked) == uploads


# -- failing ------------------------------------------------------------------------------------------------------------


def test_a_build_that_fails_says_why_and_keeps_what_was_serving() -> None:
    town = Town()
    _, serving = town.publish(town.admin, "admin/hello")
    town.builder.result = BuildFailed("There is no package `nosuchthing`.", hint="Mend requirements.txt.")
    town.builder.output = ["× No solution found", "nosuchthing was not found"]
    ended = town.deploy(town.admin)
    assert ended.state is VersionState.FAILED
    assert ended.error == ("build_failed", "There is no package `nosuchthing`.", "Mend requirements.txt.")
    assert ended.log == "× No solution found\nnosuchthing was not found\n"
    assert ended.steps[-1].text == "Failed: There is no package `nosuchthing`."
    assert town.endpoints.pick(town.admin, ref("admin/hello"))[1] == serving
    assert town.endpoints.versions_of(serving.endpoint_id) == [serving]


def test_how_a_deployment_ended_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    town = Town()
    town.publish(town.admin, "admin/hello")
    town.builder.result = BuildFailed("There is no package `nosuchthing`.\nIt was looked for everywhere.")
    town.deploy(town.admin)
    ready, failed = caplog.records
    assert (ready.levelname, failed.levelname) == ("INFO", "WARNING")
    assert ready.message.endswith("for admin is ready")
    assert failed.message.endswith("for admin failed: There is no package `nosuchthing`.")


def test_a_schema_that_is_none_fails_the_deployment_and_not_the_first_call() -> None:
    town = Town()
    offered = built("hello", "broken")
    object.__setattr__(offered.endpoints[1], "input_schema", {"type": "strnig"})
    town.builder.result = offered
    ended = town.deploy(town.admin)
    assert ended.state is VersionState.FAILED
    assert ended.error is not None
    code, message, hint = ended.error
    assert code == "build_failed"
    assert message.startswith("The endpoint 'broken' can't be called: The input schema is not a sound JSON Schema")
    assert "strnig" in message
    assert hint == "Mend the schema, or leave it out, and deploy again."
    assert town.endpoints.all() == []


def test_a_fault_of_the_platform_ends_the_deployment_and_shows_no_insides(caplog: pytest.LogCaptureFixture) -> None:
    town = Town()
    town.builder.result = RuntimeError("/secret/path is broken")
    with caplog.at_level(logging.ERROR):
        ended = town.deploy(town.admin)
    assert ended.state is VersionState.FAILED
    assert ended.error is not None
    assert ended.error[0] == "internal"
    assert "secret" not in str(ended.error) + ended.log
    assert "/secret/path" in caplog.text


def test_a_full_disk_at_the_end_of_a_build_publishes_nothing_and_is_told_from_memory() -> None:
    town = Town()
    deployment = town.submit(town.admin)
    town.store.out_of_space = True
    run(town.deployments.build(deployment.id))
    ended = run(town.deployments.get(town.admin, deployment.id))
    assert ended.error is not None
    assert (ended.state, ended.error[0]) == (VersionState.FAILED, "storage_full")
    assert town.endpoints.all() == []
    town.store.out_of_space = False
    run(town.store.flush())
    assert run(town.store.read(lambda tx: tx.deployments.get(deployment.id))) == ended


def test_a_listener_that_fails_leaves_the_deployment_ready() -> None:
    town = Town()

    def fail(endpoint_id: str) -> None:
        raise RuntimeError(endpoint_id)

    town.endpoints.on_change(fail)
    assert town.deploy(town.admin).state is VersionState.READY


def test_what_a_stopped_server_left_unfinished_fails_at_the_next_start_and_says_to_deploy_again() -> None:
    town = Town()
    deployment = town.submit(town.admin)
    after = Deployments(
        town.store,
        town.clock,
        town.entropy,
        town.builder,
        town.endpoints,
        town.notifier,
        compile_schema,
        town.worker_envs,
    )
    assert run(after.recover()) == 1
    ended = run(after.get(town.admin, deployment.id))
    assert ended.error == ("build_failed", "The server stopped during the build.", "Deploy again.")
    assert run(after.recover()) == 0


# -- waiting ------------------------------------------------------------------------------------------------------------


def test_a_wait_ends_when_the_deployment_does() -> None:
    town = Town()
    deployment = town.submit(town.admin)

    async def story() -> None:
        waiting = asyncio.create_task(town.deployments.wait(town.admin, deployment.id, 60.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        await town.deployments.build(deployment.id)
        ended = await asyncio.wait_for(waiting, 5.0)
        assert ended.state is VersionState.READY

    asyncio.run(story())


def test_a_wait_that_knows_the_steps_ends_at_the_next_one() -> None:
    town = Town()
    deployment = town.submit(town.admin)

    async def story() -> None:
        town.builder.gate = asyncio.Event()
        waiting = asyncio.create_task(town.deployments.wait(town.admin, deployment.id, 60.0, seen_steps=1))
        building = asyncio.create_task(town.deployments.build(deployment.id))
        shown = await asyncio.wait_for(waiting, 5.0)
        assert (shown.state, len(shown.steps)) == (VersionState.BUILDING, 3)
        assert shown.log == "Resolved 1 package\n"
        town.builder.gate.set()
        await asyncio.wait_for(building, 5.0)

    asyncio.run(story())


def test_a_wait_that_ends_in_time_shows_the_deployment_as_it_stands() -> None:
    town = Town()
    deployment = town.submit(town.admin)
    assert run(town.deployments.wait(town.admin, deployment.id, 0.0)).state is VersionState.BUILDING
    assert run(town.deployments.wait(town.admin, deployment.id, 0.01)).state is VersionState.BUILDING


def test_a_stranger_does_not_wait() -> None:
    town = Town()
    deployment = town.submit(town.admin)
    with pytest.raises(NotFound):
        run(town.deployments.wait(town.account("bond"), deployment.id, 60.0))


def test_a_few_builds_run_at_once_and_the_others_get_their_turn() -> None:
    town = Town()
    ids = [town.submit(town.admin, name=f"admin/hello-{number}").id for number in range(MAX_BUILDS + 2)]

    async def story() -> None:
        gate = town.builder.gate = asyncio.Event()
        builds = [asyncio.create_task(town.deployments.build(deployment_id)) for deployment_id in ids]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert town.builder.running == MAX_BUILDS
        gate.set()
        await asyncio.wait_for(asyncio.gather(*builds), 5.0)

    asyncio.run(story())
    assert town.builder.most_running == MAX_BUILDS
    assert len(town.endpoints.all()) == len(ids)


# -- logs ---------------------------------------------------------------------------------------------------------------


def test_what_a_version_a_worker_or_a_deployment_on_its_way_refers_to_is_kept() -> None:
    town = Town()
    _, first = town.publish(town.admin, "admin/hello")
    town.builder.result = Built("newer", "bigger", built("hello").endpoints)
    _, second = town.publish(town.admin, "admin/hello", number="2.0.0")
    town.submit(town.admin, "d" * 64)
    run(town.deployments.forget_unused([]))
    assert town.builder.kept == ({"bundle", "newer", f"bundle-{'d' * 64}"}, {"environment", "bigger"})
    run(town.endpoints.remove(town.admin, ref("admin/hello")))
    run(town.deployments.forget_unused([second]))
    assert town.builder.kept == ({"newer", f"bundle-{'d' * 64}"}, {"bigger"})
    assert first.bundle == "bundle"


def test_the_log_of_a_version_is_read_by_those_who_manage_its_endpoint() -> None:
    town = Town()
    bond = town.account("bond")
    town.publish(bond, "bond/hello")
    assert run(town.deployments.log_of(bond, ref("bond/hello"), "1.0.0")) == "Resolved 1 package\n"
    assert run(town.deployments.log_of(town.admin, ref("bond/hello"), "1")) == "Resolved 1 package\n"
    with pytest.raises(Forbidden):
        run(town.deployments.log_of(town.with_scopes(bond, "call"), ref("bond/hello"), "1.0.0"))


def test_the_log_of_a_public_endpoint_is_not_public() -> None:
    town = Town()
    town.publish(town.admin, "admin/hello")
    run(town.endpoints.update(town.admin, ref("admin/hello"), EndpointChange(visibility=Visibility.PUBLIC)))
    with pytest.raises(Forbidden):
        run(town.deployments.log_of(town.account("bond"), ref("admin/hello"), "1.0.0"))


def test_megabytes_of_log_keep_their_beginning_and_their_end() -> None:
    town = Town()
    town.builder.output = ["the beginning", *("x" * 1000 for _ in range(5 * MAX_LOG // 1000)), "y" * MAX_LOG, "the end"]
    log = town.deploy(town.admin).log
    assert len(log) < MAX_LOG + 100
    assert log.startswith("the beginning\n")
    assert log.endswith("y\nthe end\n")
    assert "characters left out" in log


def test_a_request_is_kept_as_it_came() -> None:
    town = Town()
    town.builder.result = built("hello")
    ended = town.deploy(town.admin, name="greeting", workers=(0, 2))
    assert ended.request == DeploymentRequest("hello.tar.gz", name="greeting", workers=(0, 2))
