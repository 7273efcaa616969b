"""Templates, and the endpoints that are made from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.plant import Plant
from tests.unit.services.town import Town, built, check_hidden, ref, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint, Overrides, Version, VersionSettings
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge, Unavailable
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule
from trivet.platform.core.templates import MAX_EXTRAS
from trivet.platform.ports.builder import Built
from trivet.platform.services import saving
from trivet.platform.services.saving import TemplateDraft
from trivet.platform.services.templates import EndpointDraft, TemplateView

IMAGE = "team/worker:1.0"
POLICY = ScalingPolicy(0, 3, 5.0, ScalingRule.QUEUE_DELAY, 4.0)


def publish(town: Town, principal: Principal, digest: str = "a", *, image: str = IMAGE, **settings: Any) -> None:
    """Publishes an image whose bundle is named after its digest."""
    one = built("hello", settings=VersionSettings(**settings))
    town.builder.result = Built(f"bundle-{digest}", "environment", one.endpoints)
    ended = town.deploy(principal, digest * 64, image=image)
    assert ended.error is None, ended.error


def save(
    town: Town, principal: Principal, name: str = "t", template_id: str | None = None, **draft: Any
) -> TemplateView:
    return run(town.templates.save(principal, TemplateDraft(name, **{"image": IMAGE, **draft}), template_id))


def make(town: Town, principal: Principal, template_id: str | None, name: str = "test", **draft: Any) -> Endpoint:
    return run(
        town.templates.create_endpoint(principal, EndpointDraft(name, template_id, **{"scaling": POLICY, **draft}))
    )


def change(
    town: Town, principal: Principal, endpoint: Endpoint, template_id: str | None = None, **draft: Any
) -> Endpoint:
    wanted = EndpointDraft("ignored", template_id, **{"scaling": POLICY, **draft})
    return run(town.templates.save_endpoint(principal, endpoint.id, wanted))


def current(town: Town, endpoint: Endpoint) -> Version:
    shown = town.endpoints.by_id(endpoint.id)
    assert shown is not None
    version = town.endpoints.version(shown.current_id or "")
    assert version is not None
    return version


@pytest.fixture
def town() -> Town:
    town = Town()
    publish(town, town.admin)
    return town


# -- templates


def test_a_template_is_kept_and_found_again_with_its_environment(town: Town) -> None:
    extras = {"dockerArgs": "", "ports": None}
    saved = save(town, town.admin, env=[("A", "1"), ("B", "ü"), ("A", "2")], extras=extras)
    assert saved.env == {"A": "2", "B": "ü"}
    found = run(town.templates.get(town.admin, saved.template.id))
    assert found == saved
    assert (found.template.name, found.template.image, found.template.extras) == ("t", IMAGE, extras)
    assert run(town.templates.list(town.admin)) == [saved]


def test_an_environment_is_sealed_at_rest_and_hidden_when_shown(town: Town) -> None:
    view = save(town, town.admin, env=[("TOKEN", "hush-hush")])
    assert view.template.sealed_env is not None
    assert b"hush-hush" not in view.template.sealed_env
    assert "hush" not in repr(view)
    assert "hush" not in repr(TemplateDraft("t", IMAGE, [("TOKEN", "hush-hush")]))


def test_a_templates_image_need_not_be_there_yet(town: Town) -> None:
    assert save(town, town.admin, image="later:1").template.image == "later:1"


def test_a_templates_name_is_given_once_to_each_account(town: Town) -> None:
    ann = town.account("ann")
    first = save(town, town.admin)
    save(town, ann)
    with pytest.raises(Conflict, match="template 't' already"):
        save(town, town.admin)
    other = save(town, town.admin, "other")
    with pytest.raises(Conflict, match="template 't' already"):
        save(town, town.admin, "t", other.template.id)
    assert save(town, town.admin, "t", first.template.id, env=[("A", "1")]).env == {"A": "1"}


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        ({"name": " "}, BadRequest),
        ({"image": "a b"}, BadRequest),
        ({"env": [("1", "x")]}, BadRequest),
        ({"extras": {"readme": "x" * MAX_EXTRAS}}, TooLarge),
    ],
)
def test_a_template_that_can_not_be_is_refused(town: Town, draft: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        run(town.templates.save(town.admin, TemplateDraft(**{"name": "t", "image": IMAGE, **draft})))
    assert run(town.templates.list(town.admin)) == []


def test_an_account_has_so_many_templates_at_most(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "MAX_TEMPLATES", 1)
    first = save(town, town.admin)
    with pytest.raises(Conflict, match="1 templates already"):
        save(town, town.admin, "second")
    save(town, town.admin, "renamed", first.template.id)


def test_anothers_template_looks_like_one_that_does_not_exist(town: Town) -> None:
    ann, ben = town.account("ann"), town.account("ben")
    hidden = save(town, ann).template
    endpoint = make(town, ben, save(town, ben, "mine").template.id)
    draft = TemplateDraft("x", IMAGE)
    for asks in (ben, town.admin):
        check_hidden(lambda wanted, asks=asks: run(town.templates.get(asks, wanted)), hidden.id, "missing")  # type: ignore[misc]  # bound at once
    check_hidden(lambda wanted: run(town.templates.save(ben, draft, wanted)), hidden.id, "missing")
    check_hidden(lambda wanted: make(town, ben, wanted), hidden.id, "missing")
    check_hidden(lambda wanted: run(town.templates.use_template(ben, endpoint.id, wanted)), hidden.id, "missing")
    check_hidden(lambda wanted: run(town.templates.remove(ben, wanted)), hidden.name, "missing")
    assert [view.template.name for view in run(town.templates.list(ben))] == ["mine"]


@pytest.mark.parametrize("scope", ["call", "read"])
def test_every_use_of_templates_takes_the_scope_deploy(town: Town, scope: str) -> None:
    template = save(town, town.admin, env=[("A", "1")]).template
    endpoint = make(town, town.admin, template.id)
    weak = town.with_scopes(town.admin, scope)
    ways: list[Any] = [
        lambda: run(town.templates.list(weak)),
        lambda: run(town.templates.get(weak, template.id)),
        lambda: save(town, weak, "x"),
        lambda: run(town.templates.remove(weak, "t")),
        lambda: make(town, weak, template.id),
        lambda: change(town, weak, endpoint),
        lambda: run(town.templates.use_template(weak, endpoint.id, template.id)),
        lambda: run(town.registries.list(weak)),
        lambda: run(town.registries.add(weak, "a", "b", "c")),
        lambda: run(town.accounts.set_public_key(weak, "ssh")),
    ]
    for way in ways:
        with pytest.raises(Forbidden, match="deploy"):
            way()
    assert run(town.templates.env_of(weak, endpoint)) == {}


def test_a_template_that_is_used_can_not_be_removed_and_says_by_whom(town: Town) -> None:
    endpoint = make(town, town.admin, save(town, town.admin).template.id)
    with pytest.raises(Conflict, match="admin/test"):
        run(town.templates.remove(town.admin, "t"))
    run(town.endpoints.remove(town.admin, ref(endpoint.id)))
    assert run(town.templates.remove(town.admin, "t")).name == "t"
    with pytest.raises(NotFound):
        run(town.templates.remove(town.admin, "t"))


def test_an_accounts_templates_and_credentials_go_with_it(town: Town) -> None:
    ann = town.account("ann")
    template = save(town, ann).template
    credential = run(town.registries.add(ann, "hub", "ann", "hush"))
    run(town.accounts.remove(town.admin, "ann"))
    assert run(town.store.read(lambda tx: tx.templates.get(template.id))) is None
    assert run(town.store.read(lambda tx: tx.templates.credential(credential.id))) is None


# -- endpoints


def test_an_endpoint_is_made_of_the_image_and_can_be_called(town: Town) -> None:
    template = save(town, town.admin, env=[("A", "1")]).template
    endpoint = make(town, town.admin, template.id, extras={"runpod": {"name": "test"}})
    assert (endpoint.full_name, endpoint.scaling, endpoint.template_id) == ("admin/test", POLICY, template.id)
    assert endpoint.extras == {"runpod": {"name": "test"}}
    found, version = town.endpoints.pick(town.admin, ref(endpoint.id))
    assert found == endpoint
    assert (version.number, version.bundle, version.handler, version.sealed_env) == (
        "1.0.0",
        "bundle-a",
        "main:hello",
        template.sealed_env,
    )
    assert run(town.templates.env_of(town.admin, endpoint)) == {"A": "1"}
    assert run(town.store.read(lambda tx: (tx.endpoints.get(endpoint.id), tx.versions.get(version.id)))) == (
        endpoint,
        version,
    )


def test_names_are_made_to_fit_and_made_free(town: Town) -> None:
    template_id = save(town, town.admin).template.id
    names = [
        make(town, town.admin, template_id, name).name for name in ("my model -fb", "my model -fb", "My-Model--fb")
    ]
    assert names == ["my-model-fb", "my-model-fb-2", "My-Model--fb"]
    ann = town.account("ann")
    assert make(town, ann, save(town, ann).template.id, "my model -fb").full_name == "ann/my-model-fb"


def test_an_unknown_image_is_refused_with_what_there_is(town: Town) -> None:
    publish(town, town.admin, "b", image="other")
    template_id = save(town, town.admin, image="team/worker:2.0").template.id
    with pytest.raises(NotFound) as caught:
        make(town, town.admin, template_id)
    assert caught.value.detail == "No image 'team/worker:2.0' is published here."
    assert caught.value.hint == (
        f"Publish it: `trivet deploy DIR --image team/worker:2.0`. These are published: {IMAGE}."
    )
    assert town.endpoints.all() == []


def test_anothers_image_is_as_unknown_as_one_that_does_not_exist(town: Town) -> None:
    ann, ben = town.account("ann"), town.account("ben")
    publish(town, ann, "c", image="anns")

    def way(image: str) -> Endpoint:
        return make(town, ben, save(town, ben, image, image=image).template.id)

    check_hidden(way, "anns", "none")


def test_an_endpoint_needs_a_template_and_numbers_that_can_be(town: Town) -> None:
    template_id = save(town, town.admin).template.id
    with pytest.raises(BadRequest, match="none was named"):
        make(town, town.admin, None)
    with pytest.raises(BadRequest, match="maximum"):
        make(town, town.admin, template_id, scaling=ScalingPolicy(minimum=5, maximum=1))
    for timeout in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadRequest, match="timeout"):
            make(town, town.admin, template_id, overrides=Overrides(timeout))


def test_the_timeout_and_the_gpu_are_what_was_asked_for_where_it_can_be(town: Town) -> None:
    template_id = save(town, town.admin).template.id
    made = make(town, town.admin, template_id, overrides=Overrides(90.0, ("L4",)))
    assert (current(town, made).settings.timeout, current(town, made).settings.gpu) == (90.0, None)
    town.gpus = {"L4": 1}
    changed = change(town, town.admin, made, overrides=Overrides(gpus=("L4",)))
    assert (current(town, changed).settings.timeout, current(town, changed).settings.gpu) == (600.0, "L4")
    assert current(town, changed).number == "1.1.0"


def test_a_gpu_that_has_come_since_is_had_by_the_next_version_whatever_makes_it(town: Town) -> None:
    template = save(town, town.admin).template
    made = make(town, town.admin, template.id, overrides=Overrides(gpus=("A40", "L4")))
    town.gpus = {"L4": 1}
    save(town, town.admin, "t", template.id, env=[("A", "1")])
    assert current(town, made).settings.gpu == "L4"
    town.gpus = {"L4": 1, "A40": 1}
    publish(town, town.admin, "b")
    run(town.templates.use_template(town.admin, made.id, template.id))
    assert current(town, made).settings.gpu == "A40"


def test_an_endpoint_that_is_saved_scales_anew_and_keeps_its_version(town: Town) -> None:
    endpoint = make(town, town.admin, save(town, town.admin).template.id, extras={"runpod": {"a": 1}, "other": 1})
    town.now += 5
    heard: list[str] = []
    town.endpoints.on_change(heard.append)
    wider = replace(POLICY, maximum=7)
    saved = change(town, town.admin, endpoint, scaling=wider, extras={"runpod": {"b": 2}})
    assert saved == replace(
        endpoint, scaling=wider, updated_at=town.now, extras={"runpod": {"b": 2}, "other": 1}, history=endpoint.history
    )
    assert len(town.endpoints.versions_of(endpoint.id)) == 1
    assert (heard, town.endpoints.by_id(endpoint.id)) == ([endpoint.id], saved)


def test_an_image_that_has_moved_is_a_new_version_once_the_endpoint_is_saved(town: Town) -> None:
    endpoint = make(town, town.admin, save(town, town.admin).template.id)
    publish(town, town.admin, "b")
    assert current(town, endpoint).bundle == "bundle-a"
    saved = change(town, town.admin, endpoint)
    assert (current(town, saved).bundle, current(town, saved).number) == ("bundle-b", "1.1.0")
    assert len(saved.history) == 2
    assert change(town, town.admin, endpoint).history == saved.history


def test_an_image_that_is_gone_does_not_keep_an_endpoint_from_scaling(town: Town) -> None:
    endpoint = make(town, town.admin, save(town, town.admin).template.id, overrides=Overrides(9.0))
    (image,) = run(town.images.list(town.admin))
    run(town.images.remove(town.admin, image.id))
    saved = change(town, town.admin, endpoint, overrides=Overrides(9.0), scaling=replace(POLICY, minimum=1))
    assert (saved.scaling.minimum, saved.history) == (1, endpoint.history)
    other = save(town, town.admin, "other").template
    with pytest.raises(NotFound, match=IMAGE):
        change(town, town.admin, endpoint, other.id)


def test_another_template_is_a_new_version_with_its_environment(town: Town) -> None:
    endpoint = make(town, town.admin, save(town, town.admin, env=[("A", "1")]).template.id, overrides=Overrides(90.0))
    other = save(town, town.admin, "other", env=[("A", "2")]).template
    used = run(town.templates.use_template(town.admin, endpoint.id, other.id))
    assert (used.template_id, used.scaling) == (other.id, POLICY)
    assert run(town.templates.env_of(town.admin, used)) == {"A": "2"}
    assert current(town, used).settings.timeout == 90.0
    assert run(town.templates.use_template(town.admin, endpoint.id, other.id)).history == used.history


def test_a_saved_template_gives_what_was_made_from_it_a_new_version(town: Town) -> None:
    template = save(town, town.admin, env=[("A", "1")]).template
    one, two = (make(town, town.admin, template.id, name) for name in ("one", "two"))
    apart = make(town, town.admin, save(town, town.admin, "other").template.id, "apart")
    saved = save(town, town.admin, "t", template.id, env=[("A", "2")])
    assert [
        run(town.templates.env_of(town.admin, current_of)) for current_of in (fresh(town, one), fresh(town, two))
    ] == [{"A": "2"}] * 2
    assert current(town, one).id != current(town, two).id
    assert fresh(town, apart) == apart
    again = save(town, town.admin, "t", template.id, env=[("A", "2")])
    assert again.template.sealed_env == saved.template.sealed_env
    assert len(town.endpoints.versions_of(one.id)) == 2


def fresh(town: Town, endpoint: Endpoint) -> Endpoint:
    found = town.endpoints.by_id(endpoint.id)
    assert found is not None
    return found


def test_an_environment_that_the_key_does_not_open_any_more_is_mended_by_saving_it(town: Town) -> None:
    template = save(town, town.admin, env=[("A", "1")]).template
    endpoint = make(town, town.admin, template.id)

    def refuse(_: bytes) -> str:
        raise Unavailable("The key does not fit.")

    town.vault.unseal = refuse  # type: ignore[method-assign]  # the key is another one now
    town.vault.seal = str.encode  # type: ignore[method-assign, assignment]  # and seals otherwise
    with pytest.raises(Unavailable):
        run(town.templates.get(town.admin, template.id))
    assert save(town, town.admin, "t", template.id, env=[("A", "1")]).env == {"A": "1"}
    assert len(town.endpoints.versions_of(endpoint.id)) == 2


def test_a_template_in_use_can_not_be_given_an_image_that_is_not_there(town: Town) -> None:
    template = save(town, town.admin).template
    endpoint = make(town, town.admin, template.id)
    with pytest.raises(NotFound, match="'none:1'"):
        save(town, town.admin, "t", template.id, image="none:1")
    assert run(town.templates.get(town.admin, template.id)).template.image == IMAGE
    assert fresh(town, endpoint) == endpoint


def test_an_endpoint_that_was_deployed_natively_can_be_scaled_and_made_anew(town: Town) -> None:
    town.builder.result = built("plain")
    endpoint, version = town.publish(town.admin, "admin/plain")
    saved = change(town, town.admin, endpoint)
    assert (saved.scaling, saved.template_id, current(town, saved)) == (POLICY, None, version)
    slower = change(town, town.admin, endpoint, overrides=Overrides(5.0))
    assert (current(town, slower).settings.timeout, current(town, slower).handler) == (5.0, version.handler)
    template_id = save(town, town.admin).template.id
    used = run(town.templates.use_template(town.admin, endpoint.id, template_id))
    assert (used.template_id, current(town, used).bundle) == (template_id, "bundle-a")


# -- a template and an endpoint of it, saved together


def test_new_code_for_an_endpoint_of_a_template_keeps_its_environment_and_what_was_asked_for(town: Town) -> None:
    town.gpus = {"NVIDIA L4": 1}
    template = save(town, town.admin, env=[("TOKEN", "a")]).template
    endpoint = make(town, town.admin, template.id, overrides=Overrides(60.0, ("NVIDIA L4",)))
    before = current(town, endpoint)
    town.builder.result = built("test", settings=VersionSettings(timeout=5.0, concurrency=3))
    _, after = town.publish(town.admin, "admin/test", digest="b" * 64)
    assert after.number == "1.1.0"
    assert after.sealed_env == before.sealed_env is not None
    assert (after.settings.timeout, after.settings.gpu, after.settings.concurrency) == (60.0, "NVIDIA L4", 3)
    assert run(town.templates.get(town.admin, template.id)).env == {"TOKEN": "a"}
    save(town, town.admin, template_id=template.id, env=[])
    _, bare = town.publish(town.admin, "admin/test", digest="c" * 64)
    assert bare.sealed_env is None


def test_new_code_for_an_endpoint_that_has_no_template_is_as_its_author_wrote_it(town: Town) -> None:
    town.publish(town.admin, "admin/hello")
    town.builder.result = built("hello", settings=VersionSettings(timeout=5.0))
    _, version = town.publish(town.admin, "admin/hello", digest="b" * 64)
    assert (version.sealed_env, version.settings) == (None, VersionSettings(timeout=5.0))


def state(town: Town) -> object:
    """All that is kept of templates, endpoints and versions."""
    return run(
        town.store.read(
            lambda tx: (
                tx.templates.of_owner(town.admin.account_id),
                tx.endpoints.all(),
                [tx.versions.of_endpoint(endpoint.id) for endpoint in tx.endpoints.all()],
            )
        )
    )


def test_a_template_is_saved_together_with_an_endpoint_of_it(town: Town) -> None:
    draft = EndpointDraft("test", None, POLICY)
    endpoint = run(town.templates.create_endpoint(town.admin, draft, TemplateDraft("t", IMAGE, [("A", "1")])))
    (view,) = run(town.templates.list(town.admin))
    assert (view.template.id, view.env) == (endpoint.template_id, {"A": "1"})
    assert run(town.templates.env_of(town.admin, endpoint)) == {"A": "1"}
    other = make(town, town.admin, view.template.id, "other")
    wanted = EndpointDraft("", view.template.id, POLICY, Overrides(9.0))
    saved = run(town.templates.save_endpoint(town.admin, endpoint.id, wanted, TemplateDraft("t", IMAGE, [("A", "2")])))
    assert [version.number for version in town.endpoints.versions_of(saved.id)] == ["1.0.0", "1.1.0"]
    assert current(town, saved).settings.timeout == 9.0
    for each in (saved, fresh(town, other)):
        assert run(town.templates.env_of(town.admin, each)) == {"A": "2"}
    moved = run(
        town.templates.save_endpoint(town.admin, other.id, EndpointDraft("", None, POLICY), TemplateDraft("u", IMAGE))
    )
    assert moved.template_id not in (None, view.template.id)
    assert run(town.templates.env_of(town.admin, moved)) == {}


@pytest.mark.parametrize(
    ("template", "changes"),
    [
        (TemplateDraft("t", "none:1", [("A", "2")]), {}),
        (TemplateDraft("taken", IMAGE, [("A", "2")]), {}),
        (TemplateDraft("t", IMAGE, [("1", "2")]), {}),
        (TemplateDraft("t", IMAGE, [("A", "2")]), {"scaling": ScalingPolicy(minimum=5, maximum=1)}),
        (TemplateDraft("t", IMAGE, [("A", "2")]), {"extras": {"runpod": "x" * MAX_EXTRAS}}),
        (TemplateDraft("t", IMAGE, [("A", "2")]), {"overrides": Overrides(-1.0)}),
    ],
)
def test_where_one_of_the_two_is_refused_neither_changes(
    town: Town, template: TemplateDraft, changes: dict[str, Any]
) -> None:
    save(town, town.admin, "taken", image="later:1")
    kept = save(town, town.admin, env=[("A", "1")]).template
    endpoint = make(town, town.admin, kept.id, extras={"other": "y"})
    before = state(town)
    fresh_one = replace(template, name="fresh") if template.name == "t" else template
    for draft, wanted in ((fresh_one, None), (template, kept.id)):
        asked = EndpointDraft("x", wanted, **{"scaling": POLICY, **changes})
        with pytest.raises((BadRequest, Conflict, NotFound, TooLarge)):
            run(town.templates.create_endpoint(town.admin, asked, draft))
        with pytest.raises((BadRequest, Conflict, NotFound, TooLarge)):
            run(town.templates.save_endpoint(town.admin, endpoint.id, asked, draft))
    assert state(town) == before
    assert fresh(town, endpoint) == endpoint


def test_anothers_endpoint_is_changed_by_nobody_else(town: Town) -> None:
    ann, ben = town.account("ann"), town.account("ben")
    endpoint = make(town, ann, save(town, ann, env=[("A", "1")]).template.id)
    check_hidden(
        lambda wanted: run(town.templates.save_endpoint(ben, wanted, EndpointDraft("x", None, POLICY))),
        endpoint.id,
        "missing0000000",
    )
    assert run(town.templates.env_of(ben, endpoint)) == {}


def test_the_log_of_another_owners_image_is_not_handed_on(town: Town) -> None:
    ann = town.account("ann")
    endpoint = make(town, ann, save(town, ann).template.id)
    assert current(town, endpoint).deployment_id is None
    assert run(town.deployments.log_of(ann, ref(endpoint.id), "1.0.0")) == ""


def test_workers_get_the_environment_without_what_the_platform_sets_itself() -> None:
    plant = Plant()
    publish(plant, plant.admin)
    env = [("MODEL", "small"), ("TRIVET_LINK", "no"), ("PATH", "/opt/bin")]
    endpoint = make(plant, plant.admin, save(plant, plant.admin, env=env).template.id)

    async def scene() -> None:
        hand = await plant.hand(current(plant, endpoint))
        spec = plant.runtime.started[hand.id]
        assert spec.env == {"MODEL": "small", "PATH": "/opt/bin"}
        assert "small" not in repr(spec)

    plant.play(scene())


# -- registry credentials and public keys


def test_a_credential_is_kept_sealed_changed_and_removed(town: Town) -> None:
    kept = run(town.registries.add(town.admin, "hub", "bond", "hush-hush"))
    assert b"hush-hush" not in kept.sealed_password
    assert "sealed" not in repr(kept)
    changed = run(town.registries.change(town.admin, kept.id, "q", "other"))
    assert (changed.id, changed.name, changed.username) == (kept.id, "hub", "q")
    assert run(town.registries.list(town.admin)) == [changed]
    with pytest.raises(Conflict, match="registry credential 'hub' already"):
        run(town.registries.add(town.admin, "hub", "x", "y"))
    run(town.registries.remove(town.admin, kept.id))
    assert run(town.registries.list(town.admin)) == []


@pytest.mark.parametrize(
    "values", [("", "u", "p"), ("n", "", "p"), ("n", "u", ""), ("n", "u\n", "p"), ("n", "u", "\ud800")]
)
def test_a_credential_that_can_not_be_is_refused(town: Town, values: tuple[str, str, str]) -> None:
    with pytest.raises(BadRequest):
        run(town.registries.add(town.admin, *values))


def test_anothers_credential_looks_like_one_that_does_not_exist(town: Town) -> None:
    ann, ben = town.account("ann"), town.account("ben")
    kept = run(town.registries.add(ann, "hub", "ann", "hush"))
    check_hidden(lambda wanted: run(town.registries.change(ben, wanted, "x", "y")), kept.id, "missing")
    check_hidden(lambda wanted: run(town.registries.remove(ben, wanted)), kept.id, "missing")
    assert run(town.registries.list(ben)) == []


def test_a_public_key_is_kept_with_ones_own_account(town: Town) -> None:
    ann = town.account("ann")
    assert run(town.accounts.set_public_key(ann, "ssh-ed25519 AAAA\n")).public_key == "ssh-ed25519 AAAA\n"
    assert run(town.accounts.me(ann)).account.public_key == "ssh-ed25519 AAAA\n"
    assert run(town.accounts.me(town.admin)).account.public_key == ""
    with pytest.raises(TooLarge):
        run(town.accounts.set_public_key(ann, "x" * 65_537))
