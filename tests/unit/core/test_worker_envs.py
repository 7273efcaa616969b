"""What may be asked for with an upload for the workers' environment, and what the next version of an endpoint gets of it."""

from __future__ import annotations

import pytest

from trivet.platform.core.endpoints import Endpoint, Version, VersionSettings, VersionState
from trivet.platform.core.errors import BadRequest, Conflict, CoreError, TooLarge
from trivet.platform.core.templates import MAX_ENV, MAX_ENV_VALUE, Template
from trivet.platform.core.worker_envs import (
    MAX_FOUND,
    MAX_SECRETS,
    SealedEnv,
    WorkerEnv,
    check_startable,
    kept_sentence,
    next_env,
    version_before,
)
from trivet.protocol.runpod import worker_variables

ENDPOINT = Endpoint("ep", "acc", "ann", "song", 0.0, 0.0)
TEMPLATE = Template("tpl", "acc", "ann", "plan", "image", 0.0, 0.0, sealed_env=b"of the template")


def version(number: str, *, sealed: bytes | None = None, asked: tuple[str, ...] = ()) -> Version:
    settings = VersionSettings(secrets=("OF_AUTHOR", *asked), asked_secrets=asked)
    return Version(
        f"ver_{number}", "ep", number, "a" * 64, VersionState.READY, 0.0, "acc", settings=settings, sealed_env=sealed
    )


def test_usual_variables_may_be_given_and_a_secret_is_asked_for_once() -> None:
    usual = {"MODEL_NAME": "tiny", "EMPTY": "", "TZ": "UTC", "PYTHONUNBUFFERED": "1", "RUNPOD_API_KEY": "k"}
    assert WorkerEnv(usual, ("A", "B", "A")).check() == WorkerEnv(usual, ("A", "B"))


@pytest.mark.parametrize(
    "name",
    ["TRIVET_URL", "PATH", "HOME", "TMPDIR", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "VIRTUAL_ENV", "PYTHONHOME"],
)
def test_what_the_platform_sets_can_be_given_neither_as_a_variable_nor_as_a_secret(name: str) -> None:
    for wanted in (WorkerEnv({name: "x"}), WorkerEnv(secrets=(name,))):
        with pytest.raises(BadRequest, match=f"{name} can't be set"):
            wanted.check()


def test_what_a_runpod_worker_is_reached_by_can_not_be_given() -> None:
    for name in worker_variables("http://host", "ep", "wrk", "t", query="a=b", ping_interval=2.0):
        with pytest.raises(BadRequest, match=name):
            WorkerEnv({name: "x"}).check()


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (WorkerEnv({"no-name": "x"}), BadRequest),
        (WorkerEnv({"": "x"}), BadRequest),
        (WorkerEnv({"A": "x\0y"}), BadRequest),
        (WorkerEnv({"A": "x" * (MAX_ENV_VALUE + 1)}), TooLarge),
        (WorkerEnv({f"A{number}": "" for number in range(MAX_ENV + 1)}), BadRequest),
        (WorkerEnv(secrets=tuple(f"A{number}" for number in range(MAX_SECRETS + 1))), BadRequest),
        (WorkerEnv({"A": "x"}, ("A",)), BadRequest),
        (WorkerEnv(secrets=("",)), BadRequest),
        (WorkerEnv(secrets=("A\n",)), BadRequest),
        (WorkerEnv(secrets=("A" * 129,)), BadRequest),
    ],
)
def test_what_can_be_in_no_environment_is_refused(wanted: WorkerEnv, kind: type[CoreError]) -> None:
    with pytest.raises(kind):
        wanted.check()


def test_no_refusal_and_no_repr_repeats_a_value() -> None:
    for wanted in (
        WorkerEnv({"A": "hush-hush\0"}),
        WorkerEnv({"PATH": "hush-hush"}),
        WorkerEnv({"A": "hush-hush"}, ("A",)),
    ):
        assert "hush-hush" not in repr(wanted)
        with pytest.raises(BadRequest) as caught:
            wanted.check()
        assert "hush-hush" not in f"{caught.value.detail} {caught.value.hint}"


def test_a_worker_that_would_serve_a_port_of_its_own_and_take_no_job_can_not_be_asked_for() -> None:
    with pytest.raises(BadRequest, match="RUNPOD_REALTIME_PORT can't be set"):
        WorkerEnv({"RUNPOD_REALTIME_PORT": "8000"}).check()


def test_more_than_a_program_can_be_started_with_is_told_before_it_is_tried() -> None:
    most = {"A": "x" * (MAX_FOUND - 3)}
    assert check_startable(most) == most
    with pytest.raises(TooLarge, match=f"{MAX_FOUND + 3:,} bytes together"):
        check_startable({**most, "B": ""})


def test_a_value_in_the_place_of_a_secrets_name_is_not_repeated() -> None:
    with pytest.raises(BadRequest, match="is no name") as caught:
        WorkerEnv(secrets=("TOKEN=hush-hush",)).check()
    assert "hush-hush" not in f"{caught.value.detail} {caught.value.hint}"


def test_what_is_given_is_all_that_the_next_version_gets() -> None:
    before = version("1.0.0", sealed=b"old", asked=("OLD",))
    given = SealedEnv(b"new", ("NEW",))
    assert next_env(ENDPOINT, None, before, given) == given
    assert next_env(ENDPOINT, None, before, SealedEnv()) == SealedEnv()
    assert next_env(ENDPOINT, None, None, given) == given


def test_where_nothing_is_given_the_next_version_keeps_what_came_with_the_one_before_and_not_what_its_author_named() -> (
    None
):
    before = version("1.0.0", sealed=b"old", asked=("OLD",))
    assert next_env(ENDPOINT, None, before, None) == SealedEnv(b"old", ("OLD",))
    assert next_env(ENDPOINT, None, None, None) == SealedEnv()


def test_a_template_alone_says_what_is_in_the_environment() -> None:
    before = version("1.0.0", sealed=b"old")
    assert next_env(ENDPOINT, TEMPLATE, before, None) == SealedEnv(b"of the template")
    with pytest.raises(Conflict, match="ann/song is made from the template 'plan'"):
        next_env(ENDPOINT, TEMPLATE, before, SealedEnv())


def test_the_version_before_is_the_one_that_serves_else_the_newest() -> None:
    first, second = version("1.0.0"), version("1.1.0")
    serving = Endpoint("ep", "acc", "ann", "song", 0.0, 0.0, history=(first.id,))
    assert version_before(serving, [first, second]) is first
    assert version_before(ENDPOINT, [first, second]) is second
    assert version_before(ENDPOINT, []) is None


def test_the_sentence_on_what_is_kept_names_names_and_not_too_many() -> None:
    said = kept_sentence("ann/song", "1.2.0", ["A"], ["B", "C"])
    assert said.startswith("ann/song keeps the variable A and the secrets B, C of version 1.2.0")
    assert "--no-env" in said
    many = kept_sentence("ann/song", "1.2.0", [f"V{number}" for number in range(20)], [])
    assert "V7, … of version" in many
