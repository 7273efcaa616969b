"""The worker's side of the RunPod dialect at the wire: every verb, the odd ways of the original, and strangers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pytest

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from trivet.platform.core.jobs import JobError, Progress
from trivet.platform.core.keys import Token
from trivet.platform.dialects.runpod import worker
from trivet.platform.dialects.runpod.context import RunPodServices, RunPodSettings
from trivet.platform.dialects.runpod.worker import ENVELOPE, WorkerApi, read_log_line
from trivet.platform.services.polls import FaultIn
from trivet.platform.services.takes import TakenJob, Visit

T = TypeVar("T")
Call = tuple[Any, ...]

TOKEN = "5f" * 24
KEY = str(Token("0123456789ab", "a" * 40))
MAX_OUTPUT = 1000
PATIENCE = 10.0


@dataclass
class Asked:
    """The takes service, as far as this edge goes: it notes what it is asked, and answers what the test wants."""

    jobs: list[TakenJob] = field(default_factory=list)
    to_stop: list[str] = field(default_factory=list)
    stale: bool = False
    waits: bool = False
    refuses: Exception | None = None
    ends: bool = False
    calls: list[Call] = field(default_factory=list)
    fault_in: FaultIn = lambda _content_type, _body: None
    admitted: list[tuple[str, str, str, str | None]] = field(default_factory=list)

    def admit(self, endpoint_id: str, worker_id: str, token: str, principal: Principal | None) -> Visit:
        self.admitted.append((endpoint_id, worker_id, token, principal.account_id if principal else None))
        if self.refuses is not None:
            raise self.refuses
        return Visit(worker_id, endpoint_id)

    async def take(
        self, visit: Visit, most: int, *, busy: bool, hold: float, fault_in: FaultIn, after: str = ""
    ) -> list[TakenJob]:
        self.fault_in = fault_in
        self.calls.append(("take", visit.worker_id, most, busy, hold, *filter(None, [after])))
        await self._wait("take")
        return self.jobs

    async def stops(self, visit: Visit, *, hold: float) -> list[str]:
        self.calls.append(("stops", visit.worker_id, hold))
        await self._wait("stops")
        return self.to_stop

    async def _wait(self, what: str) -> None:
        try:
            await asyncio.sleep(PATIENCE if self.waits else 0)
        except asyncio.CancelledError:
            self.calls.append((what, "cancelled"))
            raise

    def hung_up(self, visit: Visit) -> None:
        self.calls.append(("hung_up", visit.worker_id))

    def undelivered(self, visit: Visit, jobs: list[TakenJob]) -> None:
        self.calls.append(("undelivered", visit.worker_id, [job.job_id for job in jobs]))

    async def linger(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.ends:
            raise Unavailable("The platform is shutting down.")

    async def listening(self, visit: Visit) -> None:
        self.calls.append(("listening", visit.worker_id))

    def beat(self, visit: Visit, held: frozenset[str]) -> None:
        self.calls.append(("beat", visit.worker_id, held))

    def unhealthy(self, visit: Visit, check: str, reason: str) -> None:
        self.calls.append(("unhealthy", visit.worker_id, check, reason))

    def leave_after(self, visit: Visit) -> None:
        self.calls.append(("leave_after", visit.worker_id))

    def progress(self, visit: Visit, job_id: str, progress: Progress) -> bool:
        return self._told("progress", visit, job_id, progress)

    def piece(self, visit: Visit, job_id: str, content_type: str, data: bytes) -> bool:
        return self._told("piece", visit, job_id, content_type, data)

    def succeed(self, visit: Visit, job_id: str, content_type: str, data: bytes) -> bool:
        return self._told("succeed", visit, job_id, content_type, data)

    def fail(self, visit: Visit, job_id: str, error: JobError) -> bool:
        return self._told("fail", visit, job_id, error)

    def _told(self, what: str, visit: Visit, job_id: str, *rest: object) -> bool:
        self.calls.append((what, visit.worker_id, job_id, *rest))
        return not self.stale


class Keys:
    """The accounts, as far as this edge goes: one key counts."""

    def authenticate(self, token: str) -> Principal | None:
        return Principal("acc_1", "anna", "k", frozenset({Scope.WORK})) if token == KEY else None

    async def resolve(self, token: str) -> Principal:
        raise Unauthenticated


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """Calls the application as a server would."""

    def __init__(self, asked: Asked, *, refusal_hold: float = 0.0) -> None:
        services = cast("RunPodServices", type("Services", (), {"accounts": Keys(), "takes": asked}))
        self.asked = asked
        self.api = WorkerApi(services, RunPodSettings(poll=7.0, max_output=MAX_OUTPUT), refusal_hold=refusal_hold)

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        leaves_after: float | None = None,
        chunks: int = 1,
    ) -> Answer | None:
        """An answer, or None where there was none, as the caller had left."""
        path, _, query = target.partition("?")
        size = -(-len(body) // chunks) or 1
        waiting = [body[at : at + size] for at in range(0, max(len(body), 1), size)]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if waiting:
                part = waiting.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(waiting)}
            await asyncio.sleep(PATIENCE if leaves_after is None else leaves_after)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        given = {"authorization": TOKEN, **(headers or {})}
        scope = {
            "type": "http", "method": method, "path": f"/runpod/v2/{path}", "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
        }  # fmt: skip
        await asyncio.wait_for(self.api(scope, receive, cast("Any", send)), PATIENCE / 2)
        if not sent:
            return None
        return Answer(sent[0]["status"], dict(sent[0]["headers"]), b"".join(part["body"] for part in sent[1:]))

    def get(self, target: str, **options: Any) -> Answer:
        answer = asyncio.run(self.ask("GET", target, **options))
        assert answer is not None
        return answer

    def post(self, target: str, body: object, **options: Any) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = asyncio.run(self.ask("POST", target, raw, **options))
        assert answer is not None
        return answer

    def told(self, body: object, target: str = "ep1/job-done/w1/j1?gpu=x&isStream=false") -> Call:
        """What the service was told of a post."""
        assert self.post(target, body).status == 200
        return next(call for call in self.asked.calls if call[0] != "listening")


def job(
    number: int, body: bytes = b'{"a":1}', content_type: str = "application/json", aside: bytes | None = None
) -> TakenJob:
    return TakenJob(f"job_{number}", 1, content_type, body, aside)


# -- take ---------------------------------------------------------------------------------------------------------------


def test_one_job_comes_as_an_object_with_its_input_as_it_was_sent() -> None:
    answer = Wire(Asked([job(1, b'{"big": 1e2, "b":"\\u00e9" }')])).get("ep1/job-take/w1?gpu=x&job_in_progress=0")
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/json")
    assert answer.body == b'{"id":"job_1","input":{"big": 1e2, "b":"\\u00e9" }}'


@pytest.mark.parametrize(
    ("body", "content_type", "is_read"),
    [
        (b'{"a":' + b"9" * 4301 + b"}", "application/json", False),
        (b'{"a":"' + b"9" * 4301 + b'","b":1.' + b"5" * 4301 + b"}", "application/json", True),
        (b"9" * 4301, "application/x-numbers", True),
    ],
)
def test_the_service_is_told_which_inputs_python_can_not_read(body: bytes, content_type: str, is_read: bool) -> None:
    wire = Wire(Asked())
    wire.get("ep1/job-take/w1?x")
    fault = wire.asked.fault_in(content_type, body)
    assert (fault is None) is is_read


def test_what_is_for_the_worker_lies_beside_the_input() -> None:
    aside = b' {"webhook": "https://x", "s3Config": {"bucketName": "b"}} '
    answer = Wire(Asked([job(1, aside=aside)])).get("ep1/job-take/w1?x")
    assert answer.json == {"id": "job_1", "input": {"a": 1}, "webhook": "https://x", "s3Config": {"bucketName": "b"}}


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b"", "application/json", None),
        (b"null", "application/json", None),
        (b"\x00\x01", "image/png", "data:image/png;base64,AAE="),
        (b"hi", 'text/plain; charset="utf-8"', 'data:text/plain; charset="utf-8";base64,aGk='),
    ],
)
def test_an_input_that_is_no_json_becomes_a_text(body: bytes, content_type: str, value: object) -> None:
    assert Wire(Asked([job(1, body, content_type)])).get("ep1/job-take/w1?x").json["input"] == value


def test_a_batch_comes_as_a_list_and_so_does_more_than_was_asked_for() -> None:
    wire = Wire(Asked([job(1), job(2)]))
    assert [each["id"] for each in wire.get("ep1/job-take-batch/w1?batch_size=3&job_in_progress=1").json] == [
        "job_1",
        "job_2",
    ]
    assert [each["id"] for each in wire.get("ep1/job-take/w1?x").json] == ["job_1", "job_2"]
    assert len(Wire(Asked([job(1)])).get("ep1/job-take-batch/w1?batch_size=3").json) == 1
    assert wire.asked.calls == [("take", "w1", 3, True, 7.0), ("take", "w1", 1, False, 7.0)]


@pytest.mark.parametrize(("given", "most"), [("0", 1), ("-4", 1), ("x", 1), ("", 1), ("9" * 30, 1), ("99999", 100)])
def test_an_odd_batch_size_asks_for_as_many_as_can_be(given: str, most: int) -> None:
    wire = Wire(Asked())
    wire.get(f"ep1/job-take-batch/w1?batch_size={given}")
    assert wire.asked.calls[0][2] == most


def test_no_job_is_told_without_a_body() -> None:
    answer = Wire(Asked()).get("ep1/job-take/w1?x")
    assert (answer.status, answer.body) == (204, b"")


def test_a_query_that_is_glued_to_the_path_is_read_all_the_same() -> None:
    wire = Wire(Asked())
    wire.get("ep1/job-take/w1&job_in_progress=1")
    wire.get("ep1/job-take-batch/w1&batch_size=4&job_in_progress=0")
    wire.post("ep1/job-done/w1/j1&isStream=false", {"output": 1})
    assert wire.asked.calls[0] == ("take", "w1", 1, True, 7.0)
    assert wire.asked.calls[1] == ("take", "w1", 4, False, 7.0)
    assert wire.asked.calls[-1][:3] == ("succeed", "w1", "j1")


def test_the_job_whose_result_a_worker_last_brought_is_passed_on() -> None:
    wire = Wire(Asked())
    wire.get("ep1/job-take/w1?job_in_progress=0", headers={"x-request-id": "j1"})
    assert wire.asked.calls == [("take", "w1", 1, False, 7.0, "j1")]


def test_an_id_that_was_never_filled_in_is_explained() -> None:
    answer = Wire(Asked()).get("ep1/job-take/$RUNPOD_POD_ID?x")
    assert answer.status == 400
    assert "`$ID`" in answer.json["error"]


@pytest.mark.parametrize("verb", ["job-take", "job-stop"])
def test_a_caller_that_leaves_ends_its_poll(verb: str) -> None:
    wire = Wire(Asked([job(1)], waits=True))
    assert asyncio.run(wire.ask("GET", f"ep1/{verb}/w1?x", leaves_after=0.0)) is None
    assert [call[1] for call in wire.asked.calls[-2:]] == ["cancelled", "w1"]
    assert wire.asked.calls[-1][0] == "hung_up"


def test_jobs_for_a_caller_that_has_just_left_go_back() -> None:
    wire = Wire(Asked([job(1), job(2)]))
    wire.asked._wait = _leaving_meanwhile  # type: ignore[method-assign]  # both end in the same turn of the loop
    assert asyncio.run(wire.ask("GET", "ep1/job-take/w1?x", leaves_after=0.0)) is None
    assert wire.asked.calls[-1] == ("undelivered", "w1", ["job_1", "job_2"])


async def _leaving_meanwhile(what: str) -> None:
    import time

    await asyncio.sleep(0.0)
    time.sleep(0.01)  # noqa: ASYNC251 - the loop is held up, so that whatever is due comes at once
    await asyncio.sleep(0.0)


# -- stop and ping ------------------------------------------------------------------------------------------------------


def test_what_to_stop_is_named() -> None:
    assert Wire(Asked(to_stop=["j1", "j2"])).get("ep1/job-stop/w1?x").json == {"jobsToStop": ["j1", "j2"]}
    assert Wire(Asked()).get("ep1/job-stop/w1?x").status == 204


def test_a_ping_says_what_is_held() -> None:
    wire = Wire(Asked())
    assert wire.get("ep1/ping/w1?gpu=x&job_id=a%2Cb&runpod_version=1.12.0").status == 200
    wire.get("ep1/ping/w1?gpu=x&runpod_version=1.12.0")
    assert wire.asked.calls == [("beat", "w1", frozenset({"a", "b"})), ("beat", "w1", frozenset())]


def test_a_ping_can_say_why_a_worker_does_not_start() -> None:
    wire = Wire(Asked())
    wire.get("ep1/ping/w1?gpu=x&status=unhealthy&check=model_is_there&reason=no%20model&runpod_version=1.12.0")
    assert wire.asked.calls == [("unhealthy", "w1", "model_is_there", "no model")]


# -- results ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b'{"output": "x"}', b'"x"'),
        (b'{"output": {"a": 1.50, "z\xc3\xb6": [] }}', b'{"a": 1.50, "z\xc3\xb6": [] }'),
        (b'{"output":null}', b"null"),
        (b"{}", b""),
        (b'{"output":[1],"error":""}', b"[1]"),
        (b'{"output":[1],"error":null}', b"[1]"),
        (b'{"output": {"status": "IN_PROGRESS"}}', b'{"status": "IN_PROGRESS"}'),
    ],
)
def test_a_result_is_passed_on_byte_for_byte(body: bytes, output: bytes) -> None:
    assert Wire(Asked()).told(body) == ("succeed", "w1", "j1", "application/json", output)


def test_what_is_labelled_as_a_form_is_json_all_the_same() -> None:
    wire = Wire(Asked())
    headers = {"content-type": "application/x-www-form-urlencoded", "charset": "utf-8"}
    assert wire.post("ep1/job-done/w1/j1?x", {"output": 1}, headers=headers, chunks=3).status == 200


@pytest.mark.parametrize(
    ("error", "text"),
    [("too dark", "too dark"), ({"x": 1}, '{"x": 1}'), (["a", "b"], '["a", "b"]'), (7, "7"), ('{"x": 1}', '{"x": 1}')],
)
def test_an_error_is_kept_as_its_worker_said_it(error: object, text: str) -> None:
    assert Wire(Asked()).told({"output": {"detail": 2}, "error": error}) == (
        "fail",
        "w1",
        "j1",
        JobError("handler_error", text),
    )


@pytest.mark.parametrize("error", [b"1e999", b"9" * 5000, b'{"code": 1e999}'])
def test_an_error_that_is_a_number_too_large_is_an_error(error: bytes) -> None:
    what, _, job_id, told = Wire(Asked()).told(b'{"error":%b}' % error)
    assert (what, job_id, told.code) == ("fail", "j1", "handler_error")
    assert told.message == error.decode()


@pytest.mark.parametrize(
    ("named", "kind"), [("<class 'ValueError'>", "ValueError"), ("<class '__main__.Mine'>", "Mine"), ("odd", "odd")]
)
def test_an_exception_is_taken_apart(named: str, kind: str) -> None:
    lines = 'Traceback:\n  File "/data/workers/wrk_1/code/src/handler.py", line 3\n  File "/usr/lib/x.py", line 1\n'
    told = {"error_type": named, "error_message": "no", "error_traceback": lines, "hostname": "h", "worker_id": "w1"}
    error = Wire(Asked()).told({"error": json.dumps(told)})[3]
    trace = 'Traceback:\n  File "src/handler.py", line 3\n  File "/usr/lib/x.py", line 1\n'
    assert error == JobError("handler_error", "no", type=kind, traceback=trace)


def test_progress_is_whatever_was_reported() -> None:
    told = Wire(Asked()).told(b'{"status": "IN_PROGRESS", "output": {"step": 1.0}}')
    assert told == ("progress", "w1", "j1", Progress(None, detail=b'{"step": 1.0}'))
    assert Wire(Asked()).told(b'{"status": "IN_PROGRESS", "output": NaN}')[3].detail == b"null"


def test_progress_that_comes_late_is_nobodys_fault() -> None:
    assert Wire(Asked(stale=True)).post("ep1/job-done/w1/j1?x", {"status": "IN_PROGRESS", "output": 1}).status == 200


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b'{"output": {"a~": [1, NaN]}}', "unserializable_output", "/a~0/1 is nan"),
        (b'{"output": -Infinity}', "unserializable_output", "the output itself is -inf"),
        (b"output=1", "unreadable_result", "is not JSON"),
        (b"", "unreadable_result", "is not JSON"),
        (b'{"output": 1', "unreadable_result", "is not JSON"),
        (b"[1]", "unreadable_result", "is not a JSON object"),
        (b'{"output": "\xff"}', "unreadable_result", "is not JSON"),
        (b'{"output":' + b"[" * 400 + b"NaN" + b"]" * 400 + b"}", "unserializable_output", "is nan"),
    ],
)
def test_what_is_no_result_fails_the_job_with_the_reason(body: bytes, code: str, said: str) -> None:
    for target in ("ep1/job-done/w1/j1?x", "ep1/job-stream/w1/j1?x"):
        what, _, job_id, error = Wire(Asked()).told(body, target)
        assert (what, job_id, error.code) == ("fail", "j1", code)
        assert said in error.message


def test_a_body_that_is_nested_without_end_harms_nobody() -> None:
    wire = Wire(Asked())
    wire.api._max_output = 10**6
    what, _, _, error = wire.told(b'{"output":' + b"[" * 100_000 + b"NaN")
    assert (what, error.code) == ("fail", "unreadable_result")


def test_a_worker_that_wants_to_be_replaced_is_after_its_result() -> None:
    for body in ({"output": 1, "stopPod": True}, {"error": "x", "stopPod": True}):
        wire = Wire(Asked())
        wire.post("ep1/job-done/w1/j1?x", body)
        assert [call[0] for call in wire.asked.calls][-2:] == [
            ("fail" if "error" in body else "succeed"),
            "leave_after",
        ]


@pytest.mark.parametrize("verb", ["job-done", "job-stream"])
@pytest.mark.parametrize("announced", [True, False])
def test_what_is_too_large_fails_the_job_with_size_and_limit(verb: str, announced: bool) -> None:
    wire = Wire(Asked())
    body = json.dumps({"output": "x" * (MAX_OUTPUT + ENVELOPE)}).encode()
    headers = {"content-length": str(len(body))} if announced else {}
    answer = wire.post(f"ep1/{verb}/w1/j1?x", body, headers=headers, chunks=4)
    what, _, job_id, error = wire.asked.calls[-1]
    assert (answer.status, what, job_id, error.code) == (413, "fail", "j1", "output_too_large")
    assert f"{MAX_OUTPUT:,} bytes" in error.message
    assert (f"{len(body):,} bytes" in error.message) is announced
    assert error.message in answer.json["error"]


def test_an_output_just_over_the_limit_is_too_large_too() -> None:
    what, _, _, error = Wire(Asked()).told({"output": "x" * MAX_OUTPUT})
    assert (what, error.code) == ("fail", "output_too_large")
    assert Wire(Asked()).told({"output": "x" * (MAX_OUTPUT - 2)})[0] == "succeed"


def test_a_piece_is_passed_on_byte_for_byte() -> None:
    told = Wire(Asked()).told(b'{"output": {"n": 1.0}}', "ep1/job-stream/w1/j1?gpu=x&isStream=false")
    assert told == ("piece", "w1", "j1", "application/json", b'{"n": 1.0}')


def test_a_url_without_the_jobs_id_names_it_in_a_header_and_only_there_it_counts() -> None:
    wire = Wire(Asked())
    headers = {"x-request-id": "j7"}
    assert wire.post("ep1/job-done/w1?x&isStream=false", {"output": 1}, headers=headers).status == 200
    assert wire.asked.calls[-1][2] == "j7"
    wire.post("ep1/job-done/w1/j1?x", {"output": 1}, headers=headers)
    assert wire.asked.calls[-1][2] == "j1"
    assert wire.post("ep1/job-done/w1?x", {"output": 1}).status == 400


def test_what_is_told_of_a_job_that_is_not_the_workers_any_more_is_not_found() -> None:
    for target in ("ep1/job-done/w1/j1?x", "ep1/job-stream/w1/j1?x"):
        answer = Wire(Asked(stale=True)).post(target, {"output": 1})
        assert answer.status == 404
        assert "nothing has changed" in answer.json["error"]


# -- who may ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [TOKEN, f"Bearer {TOKEN}", f"bearer {TOKEN}"])
def test_a_token_comes_with_or_without_a_word_before_it(value: str) -> None:
    wire = Wire(Asked())
    wire.get("ep1/ping/w1?x", headers={"authorization": value})
    assert wire.asked.admitted == [("ep1", "w1", TOKEN, None)]


def test_an_api_key_says_who_the_worker_elsewhere_belongs_to() -> None:
    wire = Wire(Asked())
    wire.get("ep1/ping/w1?x", headers={"authorization": KEY})
    assert wire.asked.admitted == [("ep1", "w1", KEY, "acc_1")]


def test_who_is_refused_with_a_key_is_told_which_key_counts() -> None:
    answer = Wire(Asked(refuses=Forbidden("no", hint="Use another."))).get(
        "ep1/ping/w1?x", headers={"authorization": KEY}
    )
    assert "config.toml" in answer.json["error"]


def test_no_repr_shows_what_a_worker_came_with() -> None:
    headers = [(b"authorization", TOKEN.encode())]
    scope = {"query_string": b"gpu=x", "headers": headers}
    target = worker._target(["v2", "ep1", "job-take", "w1"])
    assert target is not None
    request = worker._read(scope, target)
    assert request.token == TOKEN
    assert TOKEN not in repr(request)


def test_an_api_key_that_does_not_count_admits_nobody() -> None:
    wire = Wire(Asked())
    other = str(Token("0123456789ab", "b" * 40))
    assert wire.get("ep1/ping/w1?x", headers={"authorization": other}).status == 401
    assert wire.asked.admitted == []


@pytest.mark.parametrize(
    "target", ["job-take/w1", "job-take-batch/w1", "job-stop/w1", "ping/w1", "job-done/w1/j", "job-stream/w1/j"]
)
@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Unauthenticated(), 401),
        (Forbidden("no"), 403),
        (NotFound("gone"), 404),
        (BadRequest("odd"), 400),
        (Unavailable("full"), 503),
    ],
)
def test_a_stranger_is_refused_on_every_route(target: str, refusal: Exception, status: int) -> None:
    wire = Wire(Asked([job(1)], refuses=refusal))
    method = "POST" if target.startswith(("job-done", "job-stream")) else "GET"
    answer = asyncio.run(wire.ask(method, f"ep1/{target}?x", b"{}"))
    assert answer is not None
    assert answer.status == (429 if status == 503 and target.startswith(("job-take", "job-stop")) else status)
    assert set(answer.json) == {"error"}
    assert wire.asked.calls == []


def within(wire: Wire, act: Callable[[], Coroutine[Any, Any, T]], hold: float) -> T:
    wire.api._refusal_hold = hold
    return asyncio.run(act())


@pytest.mark.parametrize("verb", ["job-take", "job-take-batch", "job-stop"])
def test_a_poll_is_never_refused_at_once(verb: str) -> None:
    wire = Wire(Asked(refuses=Unauthenticated()))

    async def act() -> bool:
        asking = asyncio.ensure_future(wire.ask("GET", f"ep1/{verb}/w1?x"))
        await asyncio.wait([asking], timeout=0.05)
        held = not asking.done()
        asking.cancel()
        return held

    assert within(wire, act, PATIENCE)


@pytest.mark.parametrize("target", ["job-take", "job-take/w1/more", "job-stop//", "job-take-batch&batch_size=2"])
def test_a_poll_that_names_no_worker_is_not_refused_at_once_either(target: str) -> None:
    wire = Wire(Asked())

    async def act() -> bool:
        asking = asyncio.ensure_future(wire.ask("GET", f"ep1/{target}"))
        await asyncio.wait([asking], timeout=0.05)
        held = not asking.done()
        asking.cancel()
        return held

    assert within(wire, act, PATIENCE)
    assert wire.post("ep1/job-done//", {}).status == 404


def test_a_worker_whose_poll_ends_for_another_one_is_told_to_sleep() -> None:
    for verb in ("job-take", "job-stop"):
        wire = Wire(Asked(refuses=Conflict("Another process asks under this id.")))
        answer = wire.get(f"ep1/{verb}/w1?x")
        assert answer.status == 429
        assert "Another process" in answer.json["error"]


def test_a_refused_poll_that_can_not_be_held_any_longer_is_told_to_sleep() -> None:
    wire = Wire(Asked(refuses=Unauthenticated(), ends=True))
    assert wire.get("ep1/job-take/w1?x").status == 429


def test_what_tells_is_refused_at_once() -> None:
    wire = Wire(Asked(refuses=Unauthenticated()), refusal_hold=PATIENCE)
    assert wire.get("ep1/ping/w1?x").status == 401
    assert wire.post("ep1/job-done/w1/j1?x", {}).status == 401


def test_only_so_many_refused_polls_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_HELD", 3)
    wire = Wire(Asked(refuses=Unauthenticated()))

    async def act() -> list[int]:
        answers = await asyncio.gather(*(wire.ask("GET", f"ep1/job-take/w{number}?x") for number in range(5)))
        again = await wire.ask("GET", "ep1/job-take/w1?x")
        return [answer.status for answer in (*answers, again) if answer is not None]

    assert within(wire, act, 0.05) == [401, 401, 401, 429, 429, 401]


def test_a_fault_of_ours_is_told_without_a_traceback() -> None:
    wire = Wire(Asked(refuses=ZeroDivisionError("secret")))
    answer = wire.get("ep1/ping/w1?x")
    assert answer.status == 500
    assert "secret" not in answer.body.decode()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "ep1/job-take/w1", 405),
        ("GET", "ep1/job-done/w1/j1", 405),
        ("DELETE", "ep1/ping/w1", 405),
        ("GET", "ep1/job-take", 404),
        ("GET", "ep1/job-take/w1/more", 404),
        ("GET", "ep1/job-take/w1/", 204),
        ("GET", "/ep1//job-take/w1", 204),
        ("GET", "ep1/job-take&job_in_progress=0", 404),
        ("POST", "ep1/job-done/w1/j1/more", 404),
        ("GET", f"ep1/job-take/{'w' * 200}", 400),
        ("GET", f"ep1/ping/w1?job_id={'j' * 200_000}", 400),
    ],
)
def test_a_path_is_what_it_must_be(method: str, target: str, status: int) -> None:
    answer = asyncio.run(Wire(Asked()).ask(method, target))
    assert answer is not None
    assert answer.status == status


# -- log lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"requestId": "j1", "message": "Started.", "level": "INFO"}', ("j1", "INFO: Started.")),
        ('{"requestId": null, "message": "Jobs in queue: 1", "level": "INFO"}', (None, "INFO: Jobs in queue: 1")),
        ('{"requestId": "j1", "message": "no level"}', ("j1", "no level")),
        ('{"requestId": "j1", "message": 7}', (None, '{"requestId": "j1", "message": 7}')),
        ('{"requestId": "j1", "mess', (None, '{"requestId": "j1", "mess')),
        ('{"mine": 1}', (None, '{"mine": 1}')),
        ('{"requestId": "j1", "message": "Finished.", "level": "INFO"}', ("j1", "INFO: Finished.")),
        ("plain text", (None, "plain text")),
        (
            json.dumps(
                {
                    "requestId": None,
                    "message": "Uncaught exception | ['Traceback (most recent call last):\\n', \"TypeError: it's None\\n\"]",
                    "level": "ERROR",
                }
            ),
            (None, "ERROR: Traceback (most recent call last):\nTypeError: it's None"),
        ),
        (
            '{"message": "Uncaught exception | [1", "requestId": ',
            (None, '{"message": "Uncaught exception | [1", "requestId": '),
        ),
        ('{"requestId": null, "message": "Uncaught exception | [1]"}', (None, "Uncaught exception | [1]")),
        ('{"requestId": null, "message": "Uncaught exception | [[["}', (None, "Uncaught exception | [[[")),
    ],
)
def test_a_line_of_the_log_says_which_job_it_is_about(line: str, found: tuple[str | None, str]) -> None:
    told = read_log_line(line)
    assert (told.job_id, told.text) == found
    assert told.is_last is ("Finished" in line)
