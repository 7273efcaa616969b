"""Workers that speak OpenAI's words, with the published `runpod` package, called with plain HTTP and with OpenAI's own client."""

from __future__ import annotations

import http.client
import json
import textwrap
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import LATEST, Ended, original_python, run_original

OPENAI = "3.54.0"
PATIENCE = 60.0

RAW = """
    import asyncio, json, pathlib
    import runpod

    MODEL = {"id": "small", "object": "model", "created": 1, "owned_by": "us"}

    def chunk(word):
        choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "small", "choices": [choice]}

    async def handler(job):
        route, given = job["input"]["openai_route"], job["input"]["openai_input"]
        if route == "/v1/models":
            yield {"object": "list", "data": [MODEL]}
            return
        if given["model"] != "small":
            text = f"The model `{given['model']}` isn't here."
            yield {"error": {"message": text, "type": "NotFoundError", "param": None, "code": 404}}
            return
        words = given["messages"][-1]["content"].split()
        if not given.get("stream"):
            message = {"role": "assistant", "content": " ".join(words[::-1])}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            yield {"id": "c1", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice]}
            return
        if words[0] == "for-ever":
            try:
                yield f"data: {json.dumps(chunk('begun'))}\\n\\n"
                await asyncio.sleep(600)
            except (asyncio.CancelledError, GeneratorExit):
                pathlib.Path(words[1]).touch()
                raise
        text = "".join(f"data: {json.dumps(chunk(word))}\\n\\n" for word in words) + "data: [DONE]\\n\\n"
        for start in range(0, len(text), 100):
            yield text[start : start + 100]
            await asyncio.sleep(0.01)

    runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
"""
OBJECTS = """
    import runpod

    def handler(job):
        if job["input"]["openai_input"].get("fails"):
            raise ValueError("out of memory")
        for word in ("one", "two"):
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            yield [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}]

    runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
"""


class Town:
    """A platform with two workers: one that writes streams itself, and one that yields objects."""

    def __init__(self, platform: RunningPlatform, folder: Path) -> None:
        self.platform = platform
        with ThreadPoolExecutor(2) as pool:
            self.raw, self.objects = pool.map(
                lambda item: self._deploy(folder, *item), {"raw": RAW, "objects": OBJECTS}.items()
            )

    def _deploy(self, folder: Path, name: str, program: str) -> str:
        place = folder / f"openai-{name}"
        place.mkdir()
        (place / "handler.py").write_text(textwrap.dedent(program))
        (place / "requirements.txt").write_text(f"runpod=={LATEST}\n")
        with trivet.Client(self.platform.url, self.platform.key) as client:
            (deployed,) = client.deploy(place, workers=(0, 1), timeout=120)
        return deployed.id

    def base(self, endpoint: str) -> str:
        return f"{self.platform.url}/runpod/v2/{endpoint}/openai/v1"

    def ask(self, endpoint: str, path: str, body: object = None) -> tuple[int, dict[str, str], str]:
        """One call with plain HTTP: status, headers, body."""
        request = urllib.request.Request(
            f"{self.base(endpoint)}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.platform.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, dict(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()


def chat(content: str, **more: Any) -> dict[str, Any]:
    return {"model": "small", "messages": [{"role": "user", "content": content}], **more}


def words_of(stream: str) -> list[str]:
    """What the frames of a stream say; asserts that the last one is its end."""
    *frames, end, rest = [frame for frame in stream.split("\n\n") if not frame.startswith(":")]
    assert (end, rest) == ("data: [DONE]", "")
    return [json.loads(frame.removeprefix("data: "))["choices"][0]["delta"]["content"] for frame in frames]


@pytest.fixture(scope="module")
def town(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(platform, tmp_path_factory.mktemp("openai-workers"))


# -- plain HTTP


def test_an_answer_is_what_the_generator_has_yielded(town: Town) -> None:
    status, headers, body = town.ask(town.raw, "models")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [model["id"] for model in json.loads(body)["data"]] == ["small"]
    status, _, body = town.ask(town.raw, "chat/completions", chat("a b c"))
    assert (status, json.loads(body)["choices"][0]["message"]["content"]) == (200, "c b a")


def test_a_stream_that_the_worker_writes_itself_comes_through_unchanged(town: Town) -> None:
    status, headers, body = town.ask(town.raw, "chat/completions", chat("a b ä", stream=True))
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert words_of(body) == ["a", "b", "ä"]


def test_a_worker_that_yields_lists_of_objects_streams_as_well(town: Town) -> None:
    assert words_of(town.ask(town.objects, "chat/completions", {"stream": True})[2]) == ["one", "two"]


def test_an_exception_is_an_error_that_openais_clients_can_show(town: Town) -> None:
    for streams in (False, True):
        status, headers, body = town.ask(town.objects, "chat/completions", {"fails": True, "stream": streams})
        error = json.loads(body)["error"]
        assert (status, error["type"]) == (500, "worker_error")
        assert "out of memory" in error["message"]
        assert f"trivet jobs logs {headers['x-request-id']}" in error["message"]
        assert "Traceback" not in error["message"]


def test_a_caller_who_hangs_up_stops_the_worker(town: Town, tmp_path: Path) -> None:
    mark, at = tmp_path / "stopped", urlsplit(town.base(town.raw))
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=PATIENCE)
    body = json.dumps(chat(f"for-ever {mark}", stream=True))
    connection.request("POST", f"{at.path}/chat/completions", body, {"Authorization": f"Bearer {town.platform.key}"})
    answer = connection.getresponse()
    assert b"begun" in answer.readline()
    answer.close()
    connection.close()
    until = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < until, "the handler runs on"
        time.sleep(0.05)
    status, _, _ = town.ask(town.raw, "chat/completions", chat("still here"))
    assert status == 200


# -- OpenAI's client

PROGRAM = """
import json, openai
client = openai.OpenAI()
told = {"models": [model.id for model in client.models.list()]}
message = [{"role": "user", "content": "a b c"}]
told["answer"] = client.chat.completions.create(model="small", messages=message).choices[0].message.content
stream = client.chat.completions.create(model="small", messages=message, stream=True)
told["stream"] = [part.choices[0].delta.content for part in stream]
for streams in (False, True):
    try:
        list(client.chat.completions.create(model="large", messages=message, stream=streams))
    except openai.NotFoundError as error:
        told.setdefault("errors", []).append([error.status_code, error.code, error.type, error.body["message"]])
try:
    openai.OpenAI(api_key="wrong").models.list()
except openai.AuthenticationError as error:
    told["wrong key"] = error.body["message"]
try:
    openai.OpenAI(base_url=client.base_url.join("../../../nothing/openai/v1")).models.list()
except openai.NotFoundError as error:
    told["no endpoint"] = error.body["message"]
print(json.dumps(told))
"""


def test_openais_client_works_unchanged(town: Town) -> None:
    env = {"OPENAI_BASE_URL": town.base(town.raw), "OPENAI_API_KEY": town.platform.key}
    done = run_original(original_python(OPENAI, "openai"), PROGRAM, env)
    told = Ended(done.returncode, done.stdout, done.stderr).answer()
    assert told["models"] == ["small"]
    assert told["answer"] == "c b a"
    assert told["stream"] == ["a", "b", "c"]
    assert told["errors"] == [[404, "404", "NotFoundError", "The model `large` isn't here."]] * 2
    assert "API key" in told["wrong key"]
    assert told["no endpoint"]
