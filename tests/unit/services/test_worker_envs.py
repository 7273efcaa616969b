"""Variables and secrets that come with a deployment: tried with, kept encrypted, kept on by the next one, and never told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.services.plant import Plant
from tests.unit.services.test_templates import make, publish, save
from tests.unit.services.town import Town, built, refusal, run
from trivet.platform.core.deployments import Deployment
from trivet.platform.core.endpoints import EndpointReference, Version, VersionSettings
from trivet.platform.core.errors import BadRequest, Conflict, NotFound, Unavailable
from trivet.platform.core.worker_envs import WorkerEnv
from trivet.platform.ports.builder import Built
from trivet.platform.services.secrets import MAX_VALUE

WANTED = WorkerEnv({"MODEL_NAME": "tiny"}, ("HF_TOKEN",))


def town_with_secret() -> Town:
    town = Town()
    run(town.secrets.put(town.admin, "HF_TOKEN", "hush"))
    return town


def newest(town: Town, ended: Deployment) -> Version:
    assert ended.error is None, ended.error
    version = town.endpoints.version(ended.version_ids[0])
    assert version is not None
    return version


def deploy(town: Town, env: WorkerEnv | None = None, **request: Any) -> Version:
    return newest(town, town.deploy(town.admin, env=env, **request))


def told(ended: Deployment) -> list[str]:
    return [step.text for step in ended.steps if "keeps" in step.text]


def test_the_trial_finds_what_the_workers_will_and_the_version_keeps_it_encrypted() -> None:
    town = town_with_secret()
    version = deploy(town, WANTED)
    assert town.builder.tried_with == {"MODEL_NAME": "tiny", "HF_TOKEN": "hush"}
    assert town.secrets.env_of(version) == {"MODEL_NAME": "tiny"}
    assert version.settings.secrets == version.settings.asked_secrets == ("HF_TOKEN",)
    assert b"tiny" not in (version.sealed_env or b"tiny")
    assert "tiny" not in repr(version)


def test_a_worker_gets_what_was_given_beside_what_its_author_asks_for() -> None:
    plant = Plant()
    for name in ("HF_TOKEN", "OWN"):
        run(plant.secrets.put(plant.admin, name, f"of {name}"))
    plant.builder.result = built("hello", settings=VersionSettings(secrets=("OWN",)))
    version = deploy(plant, WorkerEnv({"A": "1"}, ("HF_TOKEN", "OWN")))
    assert version.settings.secrets == ("OWN", "HF_TOKEN")

    async def scene() -> None:
        worker_id = plant.workers.start(version)
        await plant.until(lambda: worker_id in plant.runtime.started)
        spec = plant.runtime.started[worker_id]
        assert (spec.env, spec.secrets) == ({"A": "1"}, {"OWN": "of OWN", "HF_TOKEN": "of HF_TOKEN"})

    plant.play(scene())


def test_a_deployment_that_says_nothing_keeps_what_the_serving_version_was_given_and_says_so_in_one_line() -> None:
    town = town_with_secret()
    first = deploy(town, WANTED)
    ended = town.deploy(town.admin, "b" * 64)
    second = newest(town, ended)
    assert (second.sealed_env, second.settings.asked_secrets) == (first.sealed_env, ("HF_TOKEN",))
    assert town.builder.tried_with == {"MODEL_NAME": "tiny", "HF_TOKEN": "hush"}
    (line,) = told(ended)
    assert "admin/hello keeps the variable MODEL_NAME and the secret HF_TOKEN of version 1.0.0" in line
    assert "tiny" not in str(ended.steps)


def test_what_is_given_is_the_whole_and_nothing_of_it_can_be_asked_for_too() -> None:
    town = town_with_secret()
    deploy(town, WANTED)
    ended = town.deploy(town.admin, "b" * 64, WorkerEnv({"OTHER": "1"}))
    version = newest(town, ended)
    assert (town.secrets.env_of(version), version.settings.secrets) == ({"OTHER": "1"}, ())
    assert town.builder.tried_with == {"OTHER": "1"}
    bare = town.deploy(town.admin, "c" * 64, WorkerEnv())
    assert (newest(town, bare).sealed_env, town.builder.tried_with) == (None, {})
    assert told(ended) == told(bare) == told(town.deploy(town.admin, "d" * 64)) == []


def test_a_secret_that_the_author_does_not_name_any_more_is_not_kept_on() -> None:
    town = town_with_secret()
    town.builder.result = built("hello", settings=VersionSettings(secrets=("HF_TOKEN",)))
    deploy(town)
    town.builder.result = built("hello")
    assert deploy(town, digest="b" * 64).settings.secrets == ()


def test_an_endpoint_that_is_named_by_the_request_keeps_its_own() -> None:
    town = town_with_secret()
    deploy(town, WANTED, name="admin/one")
    deploy(town, WorkerEnv({"MODEL_NAME": "large"}), name="admin/two")
    assert town.secrets.env_of(deploy(town, name="admin/one")) == {"MODEL_NAME": "tiny"}
    assert town.builder.tried_with == {"MODEL_NAME": "tiny", "HF_TOKEN": "hush"}
    assert deploy(town, name="admin/three").sealed_env is None


def test_several_endpoints_of_one_upload_get_the_same_and_keep_each_its_own() -> None:
    town = Town()
    town.builder.result = built("one", "two")
    town.deploy(town.admin, env=WorkerEnv({"A": "1"}))
    town.builder.result = built("two")
    town.deploy(town.admin, "b" * 64, WorkerEnv({"A": "2", "B": "2"}))
    town.builder.result = built("one", "two")
    ended = town.deploy(town.admin, "c" * 64)
    assert town.builder.tried_with == {"A": "1", "B": "2"}
    one, two = (town.endpoints.version(version_id) for version_id in ended.version_ids)
    assert one is not None
    assert two is not None
    assert (town.secrets.env_of(one), town.secrets.env_of(two)) == ({"A": "1"}, {"A": "2", "B": "2"})
    assert len(told(ended)) == 2


def test_a_build_that_nobody_is_sent_to_is_followed_by_one_with_the_same_environment() -> None:
    town = Town()
    deploy(town, WorkerEnv({"A": "1"}), held=True)
    assert town.secrets.env_of(deploy(town, held=True, digest="b" * 64)) == {"A": "1"}


def test_a_canary_that_is_given_something_leaves_what_serves_as_it_is() -> None:
    town = Town()
    deploy(town, WorkerEnv({"A": "1"}))
    assert town.secrets.env_of(deploy(town, WorkerEnv({"A": "2"}), canary=10, digest="b" * 64)) == {"A": "2"}
    assert town.secrets.env_of(deploy(town, digest="c" * 64)) == {"A": "1"}


def test_an_endpoints_own_secrets_are_there_while_its_next_code_is_tried() -> None:
    town = Town()
    endpoint, _ = town.publish(town.admin, "admin/hello")
    run(town.secrets.put_for_endpoint(town.admin, endpoint, "OWN", "hush"))
    town.deploy(town.admin, "b" * 64)
    assert town.builder.tried_with == {"OWN": "hush"}


def test_a_variable_that_a_secret_of_the_code_takes_the_place_of_is_named_in_a_line() -> None:
    town = town_with_secret()
    town.builder.result = built("hello", settings=VersionSettings(secrets=("HF_TOKEN",)))
    ended = town.deploy(town.admin, env=WorkerEnv({"HF_TOKEN": "mine", "A": "1"}))
    (line,) = [step.text for step in ended.steps if "HF_TOKEN" in step.text]
    assert (
        line == "The code of hello asks for the secret HF_TOKEN itself: its workers find that, and not what was given."
    )
    town.builder.result = built("hello")
    assert "asks for" not in str(town.deploy(town.admin, "b" * 64, WorkerEnv({"HF_TOKEN": "mine"})).steps)


# -- templates, images and models ---------------------------------------------------------------------------------------


def test_the_code_of_an_endpoint_with_a_template_is_tried_with_what_that_sets_and_nothing_else_can_be_given() -> None:
    town = Town()
    publish(town, town.admin)
    template = save(town, town.admin, env=[("A", "of the template"), ("TRIVET_URL", "x")]).template
    make(town, town.admin, template.id, "hello")
    town.builder.result = built("hello")
    town.deploy(town.admin, "b" * 64)
    assert town.builder.tried_with == {"A": "of the template"}
    ended = town.deploy(town.admin, "c" * 64, WorkerEnv({"A": "1"}))
    assert ended.error is not None
    assert ended.error[0] == "conflict"
    assert "template" in ended.error[1]


def test_an_image_is_given_nothing() -> None:
    town = Town()
    with pytest.raises(BadRequest, match="An image has no variables"):
        town.submit(town.admin, env=WorkerEnv({"A": "1"}), image="worker:1")
    town.deploy(town.admin, image="worker:1")
    assert town.builder.tried_with == {}


def test_a_model_is_given_nothing() -> None:
    town = Town()
    (item,) = built("fish").endpoints
    object.__setattr__(item, "model", {"task": "regression"})
    town.builder.result = Built("bundle", "environment", (item,))
    ended = town.deploy(town.admin, env=WorkerEnv({"A": "1"}))
    assert ended.error is not None
    assert ended.error[:2] == (
        "bad_request",
        "fish is a model, and a model reads no variables and no secrets: it has no code.",
    )
    assert newest(town, town.deploy(town.admin, env=WorkerEnv())).sealed_env is None


def test_what_came_with_a_deployment_is_not_told_where_a_templates_environment_is() -> None:
    town = Town()
    endpoint, _ = town.publish(town.admin, "admin/hello", env=WorkerEnv({"A": "1"}))
    assert run(town.templates.env_of(town.admin, endpoint)) == {}


def test_what_came_with_a_deployment_is_not_told_either_when_its_endpoint_goes_back_to_it_from_a_template() -> None:
    town = Town()
    publish(town, town.admin)
    template = save(town, town.admin, env=[("T", "of the template")]).template
    town.builder.result = built("hello")
    endpoint, version = town.publish(town.admin, "admin/hello", env=WorkerEnv({"A": "hush"}))
    made = run(town.templates.use_template(town.admin, endpoint.id, template.id))
    assert run(town.templates.env_of(town.admin, made)) == {"T": "of the template"}
    back = run(town.endpoints.rollback(town.admin, EndpointReference.parse("admin/hello")))
    assert (back.current_id, back.template_id) == (version.id, template.id)
    assert run(town.templates.env_of(town.admin, back)) == {}
    assert town.secrets.env_of(version) == {"A": "hush"}


def test_more_secrets_than_a_program_can_be_started_with_end_the_deployment_with_what_to_do() -> None:
    town = Town()
    names = tuple(f"BIG{number}" for number in range(30))
    for name in names:
        run(town.secrets.put(town.admin, name, "x" * MAX_VALUE))
    error = town.deploy(town.admin, env=WorkerEnv(secrets=names)).error
    assert error is not None
    assert (error[0], "hosted file" in error[2]) == ("too_large", True)


# -- who may, and what is refused -----------------------------------------------------------------------------------------


def test_what_can_not_be_is_refused_before_anything_is_built() -> None:
    town = town_with_secret()
    for wanted, kind, words in (
        (WorkerEnv({"PATH": "/"}), BadRequest, "PATH"),
        (WorkerEnv(secrets=("HF_TOKEN", "OTHER")), NotFound, "trivet secrets set OTHER"),
    ):
        with pytest.raises(kind, match=words):
            town.submit(town.admin, env=wanted)
    assert town.to_build == []


def test_a_secret_is_the_endpoints_owners_and_a_stranger_can_not_tell_which_others_have() -> None:
    town = town_with_secret()
    bond = town.account("bond")
    for name in ("HF_TOKEN", "NOBODY_HAS_IT"):
        detail = refusal(lambda name=name: town.submit(bond, env=WorkerEnv(secrets=(name,)))).detail  # type: ignore[misc]  # a default
        assert detail.replace(name, "X") == "The secret X of bond is not set: `trivet secrets set X --owner bond`."
    with pytest.raises(NotFound):
        town.submit(bond, name="admin/hello", env=WorkerEnv({"A": "1"}))


def test_a_secret_that_has_gone_since_fails_the_next_deployment_with_what_to_do() -> None:
    town = town_with_secret()
    deploy(town, WANTED)
    run(town.secrets.remove(town.admin, "HF_TOKEN"))
    ended = town.deploy(town.admin, "b" * 64)
    assert ended.error is not None
    assert "trivet secrets set HF_TOKEN" in ended.error[1]
    assert town.endpoints.pick(town.admin, EndpointReference.parse("admin/hello"))[1].number == "1.0.0"


def test_a_template_given_while_the_build_runs_wins() -> None:
    town = Town()
    publish(town, town.admin)
    template = save(town, town.admin).template
    town.builder.result = built("hello")
    endpoint, _ = town.publish(town.admin, "admin/hello")
    deployment = town.submit(town.admin, "b" * 64, WorkerEnv({"A": "1"}))
    run(town.templates.use_template(town.admin, endpoint.id, template.id))
    run(town.deployments.build(deployment.id))
    error = run(town.deployments.get(town.admin, deployment.id)).error
    assert error is not None
    assert error[0] == Conflict.code


def test_variables_that_can_not_be_opened_any_more_fail_the_deployment_and_can_be_given_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    town = Town()
    version = deploy(town, WorkerEnv({"A": "1"}))

    def unseal(sealed: bytes) -> str:
        raise Unavailable("A secret can't be opened.")

    with monkeypatch.context() as lost:
        lost.setattr(town.vault, "unseal", unseal)
        error = town.deploy(town.admin, "b" * 64).error
        assert error is not None
        assert (error[0], "--no-env" in error[2]) == ("unavailable", True)
        assert town.secrets.env_names(version) is None
        assert deploy(town, WorkerEnv(), digest="c" * 64).sealed_env is None
    assert town.secrets.env_of(deploy(town, WorkerEnv({"A": "2"}), digest="d" * 64)) == {"A": "2"}
