"""Who may do what in RunPod's words: every route of the dialect, its GraphQL and its workers' verbs, tried by everybody.

The routes are read from the application itself, so that a new one has to be given its row. Each row is walked by who has no key
that counts, by keys that may do one thing only, by another account, by a plain member of the organization that is the owner, and
by workers of other endpoints. What is refused has changed nothing, and at last whoever may is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.wire.access import Stage, same, state_of
from tests.wire.fakes import Answer, Client, echo
from tests.wire.runpod.fakes import RunPodWorld, fails, fault, hold
from tests.wire.runpod_graph.world import GraphWorld, first_error
from trivet.platform.core.accounts import Role, Scope
from trivet.platform.core.endpoints import Version
from trivet.platform.core.jobs import JobError
from trivet.platform.core.keys import Token
from trivet.platform.dialects.runpod import app, openai, worker
from trivet.platform.dialects.runpod.context import GRAPHQL
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
    a job waits for that of the first. `ann` has besides what GraphQL knows: templates, an endpoint, a credential, a secret.
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
        made, second = (
            self.answer(template.replace("recipe", name), token=self.ann)["saveTemplate"]["id"]
            for name in ("recipe", "second")
        )
        endpoint = f'mutation {{ saveEndpoint(input: {{name: "made", templateId: "{made}"}}) {{ id }} }}'
        login = 'mutation { saveRegistryAuth(input: {name: "login", username: "u", password: "p"}) { id } }'
        secret = 'mutation { secretCreate(input: {name: "VOICE", value: "alto"}) { id } }'
        self.parts = {
            "template": made,
            "second": second,
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
ROUTES = [
    (method, verb) for verb, methods in {**ON_ENDPOINTS, **ON_JOBS}.items() for method in sorted(methods - {"HEAD"})
]


def call(street: Street, method: str, verb: str, token: Token | str | None, endpoint: str, job: str = "") -> Answer:
    path = f"/{endpoint}/{verb}" + (f"/{job}" if job else "")
    return street.call(method, path, token=token, body=b'{"input": 1}' if verb.startswith("run") else b"")


def test_every_verb_has_its_row(street: Street) -> None:
    assert set(VERBS) == {*ON_ENDPOINTS, *ON_JOBS} == {*street.runpod._handlers, "stream"}
    assert {verb for verb, told in VERBS.items() if told.job} == set(ON_JOBS)
    assert set(street.runpod._workers) == worker.VERBS == set(OF_WORKERS)
    assert {"GET", "POST"} == openai.METHODS


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


def visit(
    street: Street, owner: str, verb: str, worker_id: str, token: Token | str | None, endpoint: str = ""
) -> Answer:
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
    assert answer.status == status
    if gets:
        assert ids["waiting"] in answer.body.decode()


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
    """What a field of the schema is asked: which scope that needs (None: any key will do), and what another account hears: the
    code of an error, or None where the answer is about what is its own. ``keeps``: it changes nothing.
    """

    text: str
    scope: Scope | None = DEPLOY
    other: str | None = "not_found"
    keeps: bool = False


OWN: str | None = None
GRAPH: Mapping[str, tuple[Asked, ...]] = {
    "Query.myself": (Asked("{ myself { id name pubKey } }", None, OWN, keeps=True),),
    "Query.gpuTypes": (Asked("{ gpuTypes { id } }", None, OWN, keeps=True),),
    "Query.podTemplate": (Asked('{ podTemplate(id: "{template}") { id env { value } } }', keeps=True),),
    "Query.pod": (Asked("{ pod { id } }", None, "bad_request", keeps=True),),
    "User.endpoints": (Asked("{ myself { endpoints { id env { value } } } }", READ, OWN, keeps=True),),
    "User.podTemplates": (Asked("{ myself { podTemplates { id env { value } } } }", DEPLOY, OWN, keeps=True),),
    "User.containerRegistryCreds": (Asked("{ myself { containerRegistryCreds { id } } }", DEPLOY, OWN, keeps=True),),
    "User.secrets": (Asked("{ myself { secrets { id } } }", DEPLOY, OWN, keeps=True),),
    "Mutation.saveEndpoint": (
        Asked('{ saveEndpoint(input: {name: "new", templateId: "{template}"}) { id } }'),
        Asked('{ saveEndpoint(input: {id: "{endpoint}", workersMax: 7}) { id env { value } } }'),
    ),
    "Mutation.updateEndpointTemplate": (
        Asked('{ updateEndpointTemplate(input: {endpointId: "{endpoint}", templateId: "{second}"}) { id } }'),
    ),
    "Mutation.deleteEndpoint": (Asked('{ deleteEndpoint(id: "{endpoint}") }'),),
    "Mutation.saveTemplate": (
        Asked('{ saveTemplate(input: {name: "new", imageName: "repo/img:1"}) { id } }', DEPLOY, OWN),
        Asked('{ saveTemplate(input: {id: "{template}", readme: "read me"}) { id env { value } } }'),
    ),
    "Mutation.deleteTemplate": (Asked('{ deleteTemplate(templateName: "{name}") }'),),
    "Mutation.saveRegistryAuth": (
        Asked('{ saveRegistryAuth(input: {name: "new", username: "u", password: "p"}) { id } }', DEPLOY, OWN),
    ),
    "Mutation.updateRegistryAuth": (
        Asked('{ updateRegistryAuth(input: {id: "{credential}", username: "v", password: "p"}) { id } }'),
    ),
    "Mutation.deleteRegistryAuth": (Asked('{ deleteRegistryAuth(registryAuthId: "{credential}") }'),),
    "Mutation.updateUserSettings": (Asked('{ updateUserSettings(input: {pubKey: "ssh"}) { id } }', DEPLOY, OWN),),
    "Mutation.secretCreate": (Asked('{ secretCreate(input: {name: "NEW", value: "v"}) { id } }', DEPLOY, OWN),),
    "Mutation.secretDelete": (Asked('{ secretDelete(id: "{secret}") }'),),
    # there are neither pods nor network volumes, whoever asks
    **{
        f"Mutation.{field}": (Asked(f"{{ {field} {selected} }}", None, "bad_request", keeps=True),)
        for selected, fields in (
            ("{ id }", ["podFindAndDeployOnDemand", "podRentInterruptable", "deployCpuPod", "podStop", "podResume"]),
            ("{ id }", ["podBidResume", "createNetworkVolume", "updateNetworkVolume"]),
            ("", ["podTerminate", "deleteNetworkVolume"]),
        )
        for field in fields
    },
}
ASKED = [
    pytest.param(field.partition(".")[0], asked, id=f"{field}-{number}")
    for field, ways in GRAPH.items()
    for number, asked in enumerate(ways)
]


def ask(street: Street, kind: str, text: str, token: Token | str | None, **others: str) -> Answer:
    for name, value in {**street.parts, **others}.items():
        text = text.replace(f"{{{name}}}", value)
    query = f"{'mutation' if kind == 'Mutation' else 'query'} {text}"
    found: Answer = street.run(street.graph.ask("POST", GRAPHQL, token=token, json_body={"query": query}))
    return found


def code(answer: Answer) -> str | None:
    """The code of a query that failed."""
    return first_error(answer)[1] if "errors" in answer.json else None


def test_every_field_has_its_row() -> None:
    roots = {"Query": QUERIES, "Mutation": MUTATIONS, "User": OF_USER}
    assert set(GRAPH) == {f"{kind}.{field}" for kind, fields in roots.items() for field in fields}


@pytest.mark.parametrize(("kind", "asked"), ASKED)
def test_a_field_is_for_those_who_may(street: Street, kind: str, asked: Asked) -> None:
    before = street.known()
    for key in (*NO_KEYS, *street.tokens.values()):
        answer = ask(street, kind, asked.text, key)
        assert (answer.status, code(answer)) == (401, "unauthenticated")
        assert "data" not in answer.json
    for scope in SCOPES if asked.scope is not None else ():
        if scope is not asked.scope:
            answer = ask(street, kind, asked.text, street.only["ann", scope])
            refused = code(answer)
            # to find an endpoint takes a scope that shows it; without one there is none
            assert refused in (("forbidden", "not_found") if "{endpoint}" in asked.text else ("forbidden",)), answer
    for token in (street.ben, street.mia):
        if asked.other is not OWN:
            assert code(ask(street, kind, asked.text, token)) == asked.other
        elif asked.keeps:
            answer = ask(street, kind, asked.text, token)
            assert code(answer) is None
            assert not [
                part for part in (*street.parts.values(), *street.ids["ann"].values()) if part in answer.body.decode()
            ]
    assert street.known() == before, "something was changed by who may not"
    able = street.only["ann", asked.scope or CALL]
    if "deleteTemplate" in asked.text:  # a template in use stays
        assert code(ask(street, "Mutation", GRAPH["Mutation.deleteEndpoint"][0].text, able)) is None
    answer = ask(street, kind, asked.text, able)
    assert (answer.status, code(answer)) == (200, asked.other if asked.other == "bad_request" else None)
    assert (street.known() == before) == asked.keeps


@pytest.mark.parametrize(("kind", "asked"), ASKED)
def test_what_another_account_has_looks_like_what_is_not_there(street: Street, kind: str, asked: Asked) -> None:
    for token in (street.ben, *(street.only["ben", scope] for scope in SCOPES)):
        hidden = ask(street, kind, asked.text, token)
        for name in street.parts:
            if f"{{{name}}}" in asked.text:
                missing = ask(street, kind, asked.text, token, **{name: MISSING})
                told, untold = ([error["message"] for error in answer.json["errors"]] for answer in (hidden, missing))
                assert [message.replace(street.parts[name], MISSING) for message in told] == untold, name
                assert (code(hidden), hidden.json["data"]) == (code(missing), missing.json["data"])


@pytest.mark.parametrize(
    "text",
    [
        '{ saveEndpoint(input: {id: "{song}", workersMax: 7}) { id } }',
        '{ updateEndpointTemplate(input: {endpointId: "{song}", templateId: "{template}"}) { id } }',
        '{ deleteEndpoint(id: "{song}") }',
    ],
)
def test_a_plain_member_sees_its_organizations_endpoints_and_changes_none(street: Street, text: str) -> None:
    song = street.ids["acme"]["song"]
    seen = ask(street, "User", "{ myself { endpoints { id } } }", street.mia).json["data"]["myself"]["endpoints"]
    assert {"id": song} in seen
    before = street.known()
    assert code(ask(street, "Mutation", text, street.mia, song=song)) == "forbidden"
    assert street.known() == before
