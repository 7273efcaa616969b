"""Who may do what, and what a path, a method or a key that is wrong is told: every route, always in RunPod's shape."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.fakes import Answer
from tests.wire.runpod.fakes import RunPodWorld, fault
from trivet.platform.core.keys import Token
from trivet.platform.dialects.runpod.paths import ON_ENDPOINTS, ON_JOBS
from trivet.platform.dialects.runpod.worker import VERBS

ROUTES = [
    (method, f"{verb}/{{job}}" if verb in ON_JOBS else verb)
    for verb, methods in {**ON_ENDPOINTS, **ON_JOBS}.items()
    for method in sorted(methods)
]
WHOLE = [(method, path) for method, path in ROUTES if method != "HEAD"]


@dataclass
class Scene:
    """A platform on which ann owns an endpoint and a job, and ben is somebody else."""

    world: RunPodWorld
    ann: Token
    ben: Token
    song: str
    job: str

    def ask(self, method: str, path: str, token: Token | str | None, endpoint: str | None = None) -> Answer:
        filled = path.replace("{job}", self.job)
        body = b'{"input": 1}' if path in ("run", "runsync") else b""
        return self.world.call(method, f"/{endpoint or self.song}/{filled}", token=token, body=body)


@pytest.fixture
def scene() -> Scene:
    world = RunPodWorld()
    ann = world.account("ann")
    world.account("ben")
    song, _ = world.offer("ann/song", owner=ann)
    token = world.token("ann")
    return Scene(world, token, world.token("ben"), song.id, world.begin(endpoint=song.id, token=token))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_key_that_counts_nobody_gets_further(scene: Scene, method: str, path: str) -> None:
    for token in (None, "trv_0123456789ab_wrong", "nonsense"):
        answer = scene.ask(method, path, token)
        assert answer.status == 401
        assert answer.headers["content-type"] == "application/json"
        if method != "HEAD":
            assert "key" in fault(answer)


@pytest.mark.parametrize(("method", "path"), WHOLE)
def test_a_stranger_cannot_tell_somebody_elses_endpoint_from_one_that_is_not_there(
    scene: Scene, method: str, path: str
) -> None:
    hidden = scene.ask(method, path, scene.ben)
    missing = scene.ask(method, path, scene.ben, endpoint="nothinghere")
    assert hidden.status == missing.status == 404
    assert fault(hidden).replace(scene.song, "…") == fault(missing).replace("nothinghere", "…")


@pytest.mark.parametrize(("method", "path"), WHOLE)
def test_the_owner_gets_an_answer(scene: Scene, method: str, path: str) -> None:
    answer = scene.ask(method, path, scene.ann)
    assert answer.status == (400 if path.startswith("retry") else 200)
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json, dict)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("run", "POST", 403),
        ("runsync", "POST", 403),
        ("purge-queue", "POST", 403),
        ("health", "GET", 200),
        ("requests", "GET", 200),
        ("metrics", "GET", 200),
    ],
)
def test_a_key_that_may_only_read_may_not_call(scene: Scene, path: str, method: str, status: int) -> None:
    answer = scene.ask(method, path, scene.world.token("ann", "read"))
    assert answer.status == status
    if status == 403:
        assert "scope" in fault(answer)


def test_a_key_that_may_only_call_follows_its_own_jobs(scene: Scene) -> None:
    token = scene.world.token("ann", "call")
    for method, path in WHOLE:
        if path.startswith(("status", "stream", "cancel")):
            assert scene.ask(method, path, token).status == 200
            assert scene.ask(method, path, token, endpoint="ann~song").status == 200


@pytest.mark.parametrize("credential", ["Bearer {}", "{}", "Simple {}", "bearer {}"])
def test_a_key_may_come_with_a_word_before_it_or_alone(scene: Scene, credential: str) -> None:
    answer = scene.world.call(
        "GET", f"/{scene.song}/health", token=None, headers={"authorization": credential.format(scene.ann)}
    )
    assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v2",
        "/v2/",
        "/v2/ep",
        "/v2/ep/",
        "/v2/ep/nothing",
        "/v2/ep/run/extra",
        "/v2/ep/status",
        "/v2/ep/status/a/b",
        "/v2/ep/batch",
        "/v1/ep/run",
        "/graphql/x",
        "x",
    ],
)
def test_a_path_that_nobody_answers_is_not_found_and_says_what_there_is(scene: Scene, path: str) -> None:
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        answer = scene.world.run(scene.world.caller.ask(method, f"/runpod{path}", token=scene.ann))
        assert answer.status == 404
        assert fault(answer)


def test_slashes_too_many_are_passed_over(scene: Scene) -> None:
    for path in (f"//{scene.song}/health", f"/{scene.song}//health", f"/{scene.song}/health/"):
        assert scene.world.call("GET", path, token=scene.ann).status == 200


@pytest.mark.parametrize(("verb", "methods"), [*ON_ENDPOINTS.items(), *ON_JOBS.items()])
def test_a_method_that_a_path_does_not_know_is_told_which_it_knows(
    scene: Scene, verb: str, methods: frozenset[str]
) -> None:
    path = f"/{scene.song}/{verb}/{scene.job}" if verb in ON_JOBS else f"/{scene.song}/{verb}"
    allowed = ", ".join(sorted({*methods, "OPTIONS"}))
    answer = scene.world.call("DELETE", path, token=scene.ann)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert "DELETE" in fault(answer)
    options = scene.world.call("OPTIONS", path, token=None)
    assert (options.status, options.headers["allow"], options.body) == (204, allowed, b"")


def test_a_shared_endpoint_is_called_but_not_managed(scene: Scene) -> None:
    world = scene.world
    world.ask("PATCH", "/endpoints/ann/song", json_body={"visibility": "public"}, token=scene.ann)
    assert scene.ask("POST", "runsync", scene.ben).json["status"] == "COMPLETED"
    assert scene.ask("POST", "purge-queue", scene.ben).status == 403
    assert scene.ask("GET", "health", scene.ben).status == 200
    assert scene.ask("GET", "metrics", scene.ben).json["readyWorkers"] == []
    assert scene.ask("GET", f"status/{scene.job}", scene.ben).status == 404
    listed = scene.ask("GET", "requests", scene.ben).json["requests"]
    assert scene.job not in [document["id"] for document in listed]
    assert len(listed) == 1


def test_whatever_breaks_inside_is_told_by_a_number_and_without_a_traceback(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(scene.world.jobs, "health", broken)
    answer = scene.ask("GET", "health", scene.ann)
    assert answer.status == 500
    assert "secret words" not in answer.body.decode()
    assert "incident" in fault(answer)
    assert "secret words" in caplog.text


def test_the_paths_of_workers_and_of_graphql_go_to_those_who_answer_them() -> None:
    world = RunPodWorld()
    seen: list[str] = []

    def note(name: str) -> object:
        async def app(scope: dict[str, str], receive: object, send: object) -> None:
            seen.append(f"{name} {scope['path']}")

        return app

    world.runpod._graphql = note("graph")  # type: ignore[assignment]  # stands in for the application
    world.runpod._workers = dict.fromkeys(VERBS, note("worker"))  # type: ignore[arg-type]  # as above
    for path in (
        "/graphql",
        "/v2/ep/job-take/w1&job_in_progress=0",
        "/v2/ep/ping/w1",
        "/v2/ep/job-done/w/j",
        "/v2/ep/job-stop/w",
    ):
        world.run(world.caller.ask("POST", f"/runpod{path}"))
    assert seen == [
        "graph /runpod/graphql",
        "worker /runpod/v2/ep/job-take/w1&job_in_progress=0",
        "worker /runpod/v2/ep/ping/w1",
        "worker /runpod/v2/ep/job-done/w/j",
        "worker /runpod/v2/ep/job-stop/w",
    ]


def test_errors_are_json_whatever_the_caller_accepts(scene: Scene) -> None:
    answer = scene.world.call("GET", "/nothinghere/health", token=scene.ann, headers={"accept": "text/html"})
    assert json.loads(answer.body)["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"


_fuzzed: list[RunPodWorld] = []
_PARTS = st.one_of(
    st.sampled_from(
        ["v2", "HELLO", "admin~hello", "admin%2Fhello", *ON_ENDPOINTS, *ON_JOBS, "job_1", "%00", "..", "42", "openai"]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#/"), max_size=12),
)


@settings(deadline=None, max_examples=150)
@given(
    parts=st.lists(_PARTS, max_size=5),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=20),
    body=st.binary(max_size=30),
)
def test_whatever_is_asked_is_answered_in_runpods_shape_and_never_by_a_fault_of_ours(
    parts: list[str], method: str, query: str, body: bytes
) -> None:
    if not _fuzzed:
        _fuzzed.append(RunPodWorld(hold=0.05))
    world = _fuzzed[0]
    path = "/".join(world.hello if part == "HELLO" else part for part in parts)
    answer = world.call(method, f"/{path}?{query}", body=body)
    assert answer.status in (200, 204, 400, 401, 404, 405, 413), answer
    if answer.status == 204 or method == "HEAD":
        assert answer.body == b""
    elif "job-" not in path and "ping" not in path:
        assert isinstance(answer.json, dict)
