"""Who may do what in RunPod's words: every route of the dialect, its GraphQL and its workers' verbs, tried by everybody.

The routes are read from the application itself, so that a new one has to be given its row. Each row is walked by who has no key that
counts, by keys that may do one thing only, by another account, by a plain member of the organization that is the owner, and by
workers of other endpoints. What is refused has changed nothing, and at last whoever may is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.wire.access import Stage, filled, same, state_of
from tests.wire.fakes import Answer, Client, echo
from tests.wire.runpod.fakes import RunPodWorld, fails, fault, hold
from tests.wire.runpod_graph.world import GraphWorld, first_error
from trivet.platform.core.accounts import Role, Scope, Token
from trivet.platform.core.endpoints import Version
from trivet.platform.core.jobs import JobError
from trivet.platform.dialects.runpod import app, openai, worker
from trivet.platform.dialects.runpod.graph.schema import MUTATIONS, OF_USER, QUERIES
from trivet.platform.dialects.runpod.paths import ON_ENDPOINTS, ON_JOBS

CALL, READ, DEPLOY, WORK = Scope.CALL, Scope.READ, Scope.DEPLOY, Scope.WORK
SCOPES = (CALL, READ, DEPLOY, WORK, Scope.DATA)
OWNERS = ("ann", "acme")
NO_KEYS = (None, "", "nonsense", "trv_0123456789ab_wrong", f"trv_0123456789ab_{'a' * 40}")
MISSING = "nobodys"
"""An id, and a name, that nothing has."""


class Street(RunPodWorld, GraphWorld):
    """The whole dialect. `ann` owns the organization `acme`, of which `mia` is a plain member; `ben` is somebody else.

    Each of the owners has an endpoint with a job that runs and one that has failed, and two whose workers ask for what they do:
    a job waits for that of the first. `ann` has besides what GraphQL knows: a template, an endpoint of it, a credential, a secret.
    """

    def __init__(self) -> None:
        super().__init__(hold=0.05, poll=0.05)
        for api in self.runpod._workers.values():
            assert isinstance(api, worker.WorkerApi)
            api._refusal_hold = 0.0  # nobody here comes again at once
        self.graph = self.caller = Client(self.runpod)
        for name in ("ann", "mia", "ben"):
            self.account(name)
        ann = self.principal(self.token("ann"))
        self.run(self.organizations.create(ann, "acme"))
        self.run(self.organizations.put_member(ann, "acme", "mia", Role.MEMBER))
        self.ann, self.mia, self.ben = (self.token(name) for name in ("ann", "mia", "ben"))
        self.only = {(name, scope): self.token(name, scope) for name in ("ann", "mia", "ben") for scope in SCOPES}
        """Keys that may do one thing, by account."""
        self.tokens: dict[str, str] = {}
        """The tokens of this platform's workers, by their ids."""
        self.ids = {owner: self._furnish(owner) for owner in OWNERS}
        """What stands in paths, by owner."""
        self.image("repo/img:1", owner=self.principal(self.ann))
        template = 'mutation { saveTemplate(input: {name: "recipe", imageName: "repo/img:1"}) { id } }'
        made = self.answer(template, token=self.ann)["saveTemplate"]["id"]
        endpoint = f'mutation {{ saveEndpoint(input: {{name: "made", templateId: "{made}"}}) {{ id }} }}'
        login = 'mutation { saveRegistryAuth(input: {name: "login", username: "u", password: "p"}) { id } }'
        secret = 'mutation { secretCreate(input: {name: "VOICE", value: "alto"}) { id } }'
        self.parts = {
            "template": made,
            "name": "recipe",
            "endpoint": self.answer(endpoint, token=self.ann)["saveEndpoint"]["id"],
            "credential": self.answer(login, token=self.ann)["saveRegistryAuth"]["id"],
            "secret": self.answer(secret, token=self.ann)["secretCreate"]["id"],
        }
        """What of ann's stands in queries."""

    def _furnish(self, owner: str) -> dict[str, str]:
        ann = self.principal(self.ann)
        song, _ = self.offer(f"{owner}/song", owner=ann)
        parts = {"song": song.id}
        for name, handler in (("running", hold), ("failed", fails(JobError("handler_error", "no")))):
            self.handler = handler
            parts[name] = self.begin(endpoint=song.id, token=self.ann)
        self.handler = echo
        for name in ("queue", "other"):
            endpoint, version = self.offer(f"{owner}/{name}", owner=ann, slots=0)
            parts[name], parts[f"{name}-worker"] = endpoint.id, self.run(self._start(version))
            self.tokens[parts[f"{name}-worker"]] = self.runtime.started[parts[f"{name}-worker"]].token
        parts["waiting"] = self.begin(endpoint=parts["queue"], token=self.ann)
        return parts

    async def _start(self, version: Version) -> str:
        return self.workers.start(version)

    def known(self) -> list[Any]:
        """All that the platform holds, who works, and what waits."""
        return [state_of(self), sorted(desk.worker_id for desk in self.takes._reception.desks())]


@pytest.fixture(scope="module")
def stage() -> Stage[Street]:
    return Stage(Street)


@pytest.fixture
def street(stage: Stage[Street], monkeypatch: pytest.MonkeyPatch) -> Street:
    monkeypatch.setattr(app, "STREAM_HOLD", 0.05)
    return stage.world()


def tell(answer: Answer, statuses: set[int]) -> None:
    """Asserts that a refusal is one, in RunPod's shape."""
    assert answer.status in statuses, (answer.status, answer.body)
    assert fault(answer)


# -- calls and jobs -----------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """What a verb needs: ``scopes``, any of which is enough, and which job it is about. ``member``: the status of a plain
    member of the organization that owns the endpoint. ``keeps``: it changes nothing.
    """

    scopes: frozenset[Scope]
    member: int
    job: str = ""
    keeps: bool = True


VERBS: Mapping[str, Told] = {
    "run": Told(frozenset({CALL}), 200, keeps=False),
    "runsync": Told(frozenset({CALL}), 200, keeps=False),
    "purge-queue": Told(frozenset({DEPLOY}), 403),
    "health": Told(frozenset({READ}), 200),
    "requests": Told(frozenset({READ}), 200),
    "metrics": Told(frozenset({READ}), 200),
    # with the scope `call` one follows the jobs of one's own account
    "status": Told(frozenset({READ, CALL}), 404, "running"),
    "status-sync": Told(frozenset({READ, CALL}), 404, "running"),
    "stream": Told(frozenset({READ, CALL}), 404, "running"),
    "cancel": Told(frozenset({CALL}), 404, "running", keeps=False),
    "retry": Told(frozenset({CALL}), 404, "failed", keeps=False),
}
ROUTES = [(method, verb) for verb, methods in {**ON_ENDPOINTS, **ON_JOBS}.items() for method in sorted(methods - {"HEAD"})]


def call(street: Street, method: str, verb: str, token: Token | str | None, endpoint: str, job: str = "") -> Answer:
    path = f"/{endpoint}/{verb}" + (f"/{job}" if job else "")
    return street.call(method, path, token=token, body=b'{"input": 1}' if verb.startswith("run") else b"")


def test_every_verb_has_its_row(street: Street) -> None:
    assert set(VERBS) == {*ON_ENDPOINTS, *ON_JOBS} == {*street.runpod._handlers, "stream"}
    assert {verb for verb, told in VERBS.items() if told.job} == set(ON_JOBS)
    assert set(street.runpod._workers) == worker.VERBS == set(OF_WORKERS)
    assert openai.METHODS == {"GET", "POST"}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(("method", "verb"), ROUTES)
def test_a_verb_is_for_those_who_may(street: Street, method: str, verb: str, owner: str) -> None:
    told, ids = VERBS[verb], street.ids[owner]
    endpoint, job = ids["song"], ids.get(told.job, "")
    tries: list[tuple[Token | str | None, int]] = [(key, 401) for key in (*NO_KEYS, *street.tokens.values())]
    tries += [(street.only["ann", scope], 403) for scope in SCOPES if scope not in told.scopes]
    tries += [(street.ben, 404)]
    if owner == "ann":
        tries += [(street.mia, 404)]
    elif told.member >= 400:
        tries += [(street.mia, told.member), *((street.only["mia", scope], told.member) for scope in told.scopes)]
    before = street.known()
    for token, status in tries:
        tell(call(street, method, verb, token, endpoint, job), {status})
    assert street.known() == before, "something was changed by who may not"
    if owner == "acme" and told.member == 200 and told.keeps:
        assert call(street, method, verb, street.mia, endpoint, job).status == 200
    (enough, *_) = told.scopes
    assert call(street, method, verb, street.only["ann", enough], endpoint, job).status == 200
    assert (street.known() == before) == told.keeps


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(("method", "verb"), ROUTES)
def test_what_is_hidden_looks_like_what_is_not_there(street: Street, method: str, verb: str, owner: str) -> None:
    parts = {"endpoint": street.ids[owner]["song"], "job": street.ids[owner].get(VERBS[verb].job, "")}
    for token in (street.ben, *(street.only["ben", scope] for scope in SCOPES)):
        hidden = call(street, method, verb, token, **parts)
        assert hidden.status in (403, 404)
        for name in ("endpoint", "job"):
            others = {**parts, name: MISSING}
            if parts[name]:
                missing = call(street, method, verb, token, **others)
                assert same(hidden, parts, missing, others), (name, hidden, missing)


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(("method", "verb"), [route for route in ROUTES if VERBS[route[1]].job])
def test_a_job_is_found_at_its_own_endpoint_alone(street: Street, method: str, verb: str, owner: str) -> None:
    before = street.known()
    job = street.ids[owner][VERBS[verb].job]
    tell(call(street, method, verb, street.ann, street.ids[owner]["queue"], job), {404})
    assert street.known() == before


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize(("method", "path"), [("POST", "v1/chat/completions"), ("GET", "v1/models")])
def test_openais_paths_are_for_those_who_may_call(street: Street, method: str, path: str, owner: str) -> None:
    def ask(token: Token | str | None, endpoint: str) -> Answer:
        return street.call(method, f"/{endpoint}/openai/{path}", token=token, body=b"{}" if method == "POST" else b"")

    endpoint, before = street.ids[owner]["song"], street.known()
    tries: list[tuple[Token | str | None, int]] = [(key, 401) for key in (*NO_KEYS, *street.tokens.values())]
    tries += [(street.only["ann", scope], 403) for scope in SCOPES if scope is not CALL]
    tries += [(street.ben, 404), (street.only["ben", CALL], 404)]
    for token, status in tries:
        answer = ask(token, endpoint)
        assert answer.status == status
        assert set(answer.json["error"]) >= {"message", "type", "code"}
    assert same(ask(street.ben, endpoint), {"e": endpoint}, ask(street.ben, MISSING), {"e": MISSING})
    assert street.known() == before, "something was changed by who may not"
    for token in (street.only["ann", CALL], *([street.mia] if owner == "acme" else [])):
        assert ask(token, endpoint).status == 200


# -- workers ------------------------------------------------------------------------------------------------------------

OF_WORKERS: Mapping[str, tuple[str, int, bool]] = {
    # the method, what a worker of the endpoint is answered that holds nothing, whether that gives it a job
    "job-take": ("GET", 200, True),
    "job-take-batch": ("GET", 200, True),
    "job-stop": ("GET", 204, False),
    "ping": ("GET", 200, False),
    "job-done": ("POST", 404, False),
    "job-stream": ("POST", 404, False),
}


def visit(street: Street, owner: str, verb: str, worker_id: str, token: Token | str | None, endpoint: str = "") -> Answer:
    method, *_ = OF_WORKERS[verb]
    ids = street.ids[owner]
    job = f"/{ids['waiting']}" if verb in worker.POSTS else ""
    path = f"/{endpoint or ids['queue']}/{verb}/{worker_id}{job}?gpu=none&job_in_progress=0"
    return street.call(method, path, token=token, body=b'{"output": "forged"}' if method == "POST" else b"")


@pytest.fixture
def crowd() -> Street:
    """A street of one test's own: who has once asked for jobs there stays."""
    return Street()


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("verb", sorted(OF_WORKERS))
def test_a_workers_verb_is_for_the_endpoints_own_workers(crowd: Street, verb: str, owner: str) -> None:
    ids = crowd.ids[owner]
    own, other = ids["queue-worker"], ids["other-worker"]
    tries: list[tuple[str, Token | str | None, int]] = [
        *((name, key, 401) for name in (own, other, "far", MISSING) for key in NO_KEYS),
        # workers of this platform: of another endpoint, under another id, or both
        (other, crowd.tokens[other], 401),
        (own, crowd.tokens[other], 401),
        (other, crowd.tokens[own], 401),
        ("far", crowd.tokens[own], 401),
        # keys of who manages the endpoint, that may do other things; and in the name of a worker that the platform has started
        *(("far", crowd.only["ann", scope], 403) for scope in SCOPES if scope is not WORK),
        ("far", crowd.ann, 403),
        (own, crowd.only["ann", WORK], 403),
        ("far", crowd.only["mia", WORK], 403 if owner == "acme" else 404),
        *((name, crowd.only["ben", WORK], 404) for name in (own, "far")),
        ("far", crowd.ben, 404),
    ]
    before = crowd.known()
    for name, token, status in tries:
        tell(visit(crowd, owner, verb, name, token), {status})
    assert crowd.known() == before, "something was changed by who may not"
    _, status, gets = OF_WORKERS[verb]
    answer = visit(crowd, owner, verb, own, crowd.tokens[own])
    assert (answer.status, ids["waiting"] in answer.body.decode()) == (status, gets)


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("verb", sorted(OF_WORKERS))
def test_a_worker_elsewhere_learns_nothing_of_hidden_endpoints(crowd: Street, verb: str, owner: str) -> None:
    parts = {"endpoint": crowd.ids[owner]["queue"]}
    for token in (crowd.ben, crowd.only["ben", WORK]):
        hidden = visit(crowd, owner, verb, "far", token)
        missing = visit(crowd, owner, verb, "far", token, MISSING)
        assert same(hidden, parts, missing, {"endpoint": MISSING})


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("verb", ["job-take", "job-take-batch"])
def test_who_manages_an_endpoint_may_work_for_it_from_elsewhere(crowd: Street, verb: str, owner: str) -> None:
    answer = visit(crowd, owner, verb, "far", crowd.only["ann", WORK])
    assert (answer.status, crowd.ids[owner]["waiting"] in answer.body.decode()) == (200, True)
    # what it holds is its own: neither the endpoint's other workers nor those of other endpoints bring it to an end
    own, other = crowd.ids[owner]["queue-worker"], crowd.ids[owner]["other-worker"]
    for name, token in ((own, crowd.tokens[own]), ("near", crowd.only["ann", WORK]), ("far", crowd.tokens[own])):
        assert visit(crowd, owner, "job-done", name, token).status in (401, 404)
    tell(visit(crowd, owner, "job-done", other, crowd.tokens[other], crowd.ids[owner]["other"]), {404})
    assert crowd.look(crowd.ids[owner]["waiting"], crowd.ids[owner]["queue"])["status"] == "IN_PROGRESS"
    assert visit(crowd, owner, "job-done", "far", crowd.only["ann", WORK]).status == 200
    assert crowd.look(crowd.ids[owner]["waiting"], crowd.ids[owner]["queue"])["output"] == "forged"


# -- GraphQL ------------------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """A query, the scope that it needs (None: any key), and what another account hears: a code, or None where it is answered
    with what is its own. ``keeps``: it changes nothing.
    """

    query: str
    scope: Scope | None = DEPLOY
    other: str | None = "not_found"
    keeps: bool = False


NO_PODS = {
    field: Asked(f"{field}{{of_it}}", None, "bad_request", keeps=True) for field, resolve in MUTATIONS.items()
    if resolve.__module__.endswith(".pods")
}  # fmt: skip
GRAPH: Mapping[str, tuple[Asked, ...]] = {
    "Query.myself": (Asked("myself { id name pubKey }", None, None, keeps=True),),
    "Query.gpuTypes": (Asked("gpuTypes { id }", None, None, keeps=True),),
    "Query.podTemplate": (Asked('podTemplate(id: "{template}") { id env { value } }', READ, keeps=True),),
    "Query.pod": (Asked("pod { id }", None, "bad_request", keeps=True),),
    "User.endpoints": (Asked("myself { endpoints { id template { id } } }", READ, None, keeps=True),),
}
