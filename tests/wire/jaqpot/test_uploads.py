"""Making models: in one request, or with the graph behind its description; and handing them out again."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.wire.fakes import Answer
from tests.wire.jaqpot.world import GRAPH, JaqpotWorld, document, number_in, refusal, uploaded
from trivet.platform.core.endpoints import FIRST_MODEL_ID
from trivet.platform.core.errors import BuildFailed, DeploymentRefused
from trivet.platform.services.pending import LIFETIME, MOST_PENDING


@pytest.fixture
def packed(world: JaqpotWorld, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bytes]]:
    """The files of each upload that the builder was given."""
    found: list[dict[str, bytes]] = []
    unpack = world.builder.unpack

    async def look(archive: Path, filename: str, digest: str) -> str:
        with tarfile.open(archive) as tar:
            found.append({m.name: tar.extractfile(m).read() for m in tar.getmembers()})  # type: ignore[union-attr]  # all are files
        return await unpack(archive, filename, digest)

    monkeypatch.setattr(world.builder, "unpack", look)
    return found


def create(world: JaqpotWorld, name: str = "Fish toxicity", **changes: Any) -> Answer:
    world.will_build(document(name, **changes))
    return world.call("POST", "/models", json_body=uploaded(name, **changes))


def left_over(world: JaqpotWorld) -> list[str]:
    return [path.name for path in (world.folder / "uploads").iterdir()]


def test_a_document_with_its_graph_becomes_a_model(world: JaqpotWorld, packed: list[dict[str, bytes]]) -> None:
    answer = create(world)
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Location"] == f"http://trivet.test/jaqpot/v1/models/{FIRST_MODEL_ID}"
    (files,) = packed
    assert files["model.onnx"] == GRAPH
    told = json.loads(files["model.json"])
    assert told["doas"] == document()["doas"]
    assert not {"rawModel", "rawPreprocessor"} & told.keys()
    found = world.call("GET", f"/models/{number_in(answer)}").json
    assert (found["name"], found["visibility"]) == ("Fish toxicity", "PRIVATE")
    assert world.ask("GET", "/endpoints/ann/Fish-toxicity", token=world.ann).json["model_id"] == FIRST_MODEL_ID
    assert left_over(world) == []


def test_a_preprocessor_travels_with_its_model(world: JaqpotWorld, packed: list[dict[str, bytes]]) -> None:
    world.will_build(document())
    body = {**uploaded(), "rawPreprocessor": base64.b64encode(b"\x08\x07pre").decode()}
    assert world.call("POST", "/models", json_body=body).status == 201
    assert packed[0]["preprocessor.onnx"] == b"\x08\x07pre"


def test_the_same_name_twice_makes_two_models(world: JaqpotWorld) -> None:
    first, second = create(world), create(world)
    assert number_in(second) == number_in(first) + 1
    assert {each.name for each in world.endpoints.all()} == {"Fish-toxicity", "Fish-toxicity-2"}


@pytest.mark.parametrize("visibility", ["PUBLIC", "ORG_SHARED", "PRIVATE"])
def test_visibility_is_honoured(world: JaqpotWorld, visibility: str) -> None:
    number = number_in(create(world, visibility=visibility))
    assert world.call("GET", f"/models/{number}").json["visibility"] == visibility
    assert world.call("GET", f"/models/{number}", token=world.ben).status == (200 if visibility == "PUBLIC" else 403)


@pytest.mark.parametrize("refused", [BuildFailed, DeploymentRefused])
def test_a_model_that_does_not_pass_its_check_is_refused_in_the_checks_words(
    world: JaqpotWorld, refused: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "The graph reads 3 columns, and the description gives 2."
    if refused is BuildFailed:
        world.refused = BuildFailed(words)
    else:
        world.builder.refusal = DeploymentRefused(words)
    assert words in refusal(world.call("POST", "/models", json_body=uploaded()), 400)
    assert world.call("GET", "/user/models").json["content"] == []
    assert left_over(world) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rawModel": None}, ["rawModel"]),
        ({"rawModel": ""}, ["rawModel"]),
        ({"rawModel": "%%%"}, ["base64"]),
        ({"rawModel": 7}, ["rawModel"]),
        ({"rawPreprocessor": "%%%"}, ["rawPreprocessor"]),
        ({"name": "x"}, ["name"]),
        ({"type": "TORCHSCRIPT"}, ["TORCHSCRIPT"]),
        ({"type": "R_GBM"}, ["R_GBM"]),
        ({"independentFeatures": [{"key": "1st", "name": "1st", "featureType": "FLOAT"}]}, ["1st", "key"]),
        ({"featurizers": [{"name": "MordredDescriptors", "config": {}}]}, ["MordredDescriptors"]),
        ({"preprocessors": [{"name": "PowerTransformer", "config": {}}]}, ["PowerTransformer"]),
    ],
)
def test_a_document_that_can_not_be_is_refused_by_its_fields(
    world: JaqpotWorld, changes: dict[str, Any], words: list[str]
) -> None:
    message = refusal(world.call("POST", "/models", json_body={**uploaded(), **changes}), 400)
    for word in words:
        assert word in message, message
    assert left_over(world) == []


def test_what_is_no_document_or_too_large_is_refused(world: JaqpotWorld) -> None:
    for path in ("/models", "/large-models"):
        assert refusal(world.call("POST", path, body=b"[]"), 400)
        assert refusal(world.call("POST", path, body=b"{"), 400)
        assert "NaN" in refusal(world.call("POST", path, body=b'{"scores": NaN}'), 400)
        assert refusal(world.call("POST", path, body=b" " * ((1 << 20) + 1)), 413)


# -- large ones ---------------------------------------------------------------------------------------------------------


def begin(world: JaqpotWorld, **request: Any) -> tuple[int, str]:
    world.will_build(document())
    answer = world.call("POST", "/large-models", json_body=document(), **request)
    assert answer.status == 201, answer.body
    assert isinstance(answer.json["modelId"], str)
    prefix = "http://trivet.test/jaqpot/v1"
    assert answer.json["uploadUrl"].startswith(prefix)
    return int(answer.json["modelId"]), answer.json["uploadUrl"].removeprefix(prefix)


def put(world: JaqpotWorld, url: str, data: bytes = GRAPH) -> Answer:
    return world.call("PUT", url, token=None, body=data, headers={"content-type": "application/octet-stream"})


def test_a_large_graph_comes_behind_its_description(world: JaqpotWorld, packed: list[dict[str, bytes]]) -> None:
    number, url = begin(world)
    assert refusal(world.call("GET", f"/models/{number}"), 404)
    sent = put(world, url)
    assert (sent.status, sent.body) == (200, b"")
    confirmed = world.call("POST", f"/large-models/{number}/confirm-upload")
    assert (confirmed.status, confirmed.body) == (204, b"")
    assert world.call("GET", f"/models/{number}").json["id"] == number
    assert packed[0]["model.onnx"] == GRAPH
    assert left_over(world) == []
    assert "already" in refusal(world.call("POST", f"/large-models/{number}/confirm-upload"), 409)
    assert refusal(put(world, url), 404)


def test_the_newest_graph_counts(world: JaqpotWorld, packed: list[dict[str, bytes]]) -> None:
    number, url = begin(world)
    put(world, url, b"first")
    put(world, url, b"second")
    world.call("POST", f"/large-models/{number}/confirm-upload")
    assert packed[0]["model.onnx"] == b"second"


def test_nothing_is_confirmed_that_has_not_come(world: JaqpotWorld) -> None:
    number, url = begin(world)
    assert "not come" in refusal(world.call("POST", f"/large-models/{number}/confirm-upload"), 400)
    assert refusal(put(world, url, b"x" * ((1 << 20) + 1)), 413)
    assert "not come" in refusal(world.call("POST", f"/large-models/{number}/confirm-upload"), 400)
    assert put(world, url).status == 200
    assert refusal(world.call("POST", "/large-models/77/confirm-upload"), 404)


def test_an_upload_is_its_owners_and_does_not_last(world: JaqpotWorld) -> None:
    number, url = begin(world)
    assert put(world, url).status == 200
    assert refusal(world.call("POST", f"/large-models/{number}/confirm-upload", token=world.ben), 404)
    assert refusal(world.call("DELETE", f"/models/{number}", token=world.ben), 404)
    world.now += LIFETIME
    assert refusal(put(world, url), 404)
    assert refusal(world.call("POST", f"/large-models/{number}/confirm-upload"), 404)
    assert left_over(world) == []
    number, url = begin(world)
    assert world.call("DELETE", f"/models/{number}").status == 204
    assert refusal(put(world, url), 404)
    assert left_over(world) == []


def test_nobody_begins_uploads_without_end(world: JaqpotWorld) -> None:
    for _ in range(MOST_PENDING):
        begin(world)
    answer = world.call("POST", "/large-models", json_body=document())
    assert "confirmed none" in refusal(answer, 429)
    begin(world, token=world.ben)


def test_a_large_model_that_does_not_pass_its_check_says_why(world: JaqpotWorld) -> None:
    number, url = begin(world)
    put(world, url)
    world.refused = BuildFailed("The graph is none.")
    assert "The graph is none." in refusal(world.call("POST", f"/large-models/{number}/confirm-upload"), 400)
    assert left_over(world) == []


# -- out again ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def whole(world: JaqpotWorld) -> int:
    """A model whose parts are on the disk."""
    endpoint = world.model()
    version = world.endpoints.version(endpoint.current_id or "")
    assert version is not None
    folder = world.folder / "bundles" / version.bundle
    folder.mkdir()
    (folder / "model.onnx").write_bytes(GRAPH * 1000)
    (folder / "domain.json").write_text(json.dumps(document()["doas"]))
    (folder / "model.json").write_text(json.dumps({**document(), "doas": [{"method": "LEVERAGE", "data": {}}]}))
    return endpoint.model_id or 0


def fetch(world: JaqpotWorld, url: str) -> Answer:
    return world.call("GET", url.removeprefix("http://trivet.test/jaqpot/v1"), token=None)


def test_parts_are_fetched_by_addresses_that_need_no_key(world: JaqpotWorld, whole: int) -> None:
    urls = world.call("GET", f"/models/{whole}/download/urls?expirationMinutes=5").json
    assert urls["preprocessorUrl"] is None
    assert urls["expiresAt"].endswith("Z")
    graph = fetch(world, urls["modelUrl"])
    assert (graph.status, graph.body) == (200, GRAPH * 1000)
    assert graph.headers["content-type"] == "application/octet-stream"
    (domain,) = urls["doaUrls"]
    assert domain["method"] == "LEVERAGE"
    assert fetch(world, domain["downloadUrl"]).json == document()["doas"][0]["data"]
    world.now += 301
    assert "good until" in refusal(fetch(world, urls["modelUrl"]), 403)


def test_addresses_last_no_longer_than_they_may(world: JaqpotWorld, whole: int) -> None:
    urls = world.call("GET", f"/models/{whole}/download/urls?expirationMinutes=9999").json
    world.now += 20 * 60 - 10
    assert fetch(world, urls["modelUrl"]).status == 200
    world.now += 10
    assert refusal(fetch(world, urls["modelUrl"]), 403)


def test_a_made_up_address_leads_nowhere(world: JaqpotWorld, whole: int) -> None:
    for ticket in ("nonsense", "sealed%3A", "gAAAAA"):
        assert "not one of ours" in refusal(world.call("GET", f"/downloads/{ticket}/model.onnx", token=None), 403)


def test_a_function_has_nothing_to_fetch(world: JaqpotWorld) -> None:
    world.function(model_id=70)
    assert "function" in refusal(world.call("GET", "/models/70/download/urls"), 400)
    assert world.ask("GET", "/endpoints/ann/hello/bundle", token=world.ann).code == "bad_request"


def test_addresses_are_those_of_the_proxy_in_front(world: JaqpotWorld, whole: int) -> None:
    said = {"host": "inner:1", "x-forwarded-host": "models.example", "x-forwarded-proto": "https"}
    urls = world.call("GET", f"/models/{whole}/download/urls", headers=said).json
    assert urls["modelUrl"].startswith("https://models.example/jaqpot/v1/downloads/")
    said["x-forwarded-prefix"] = "/tools"
    urls = world.call("GET", f"/models/{whole}/download/urls", headers=said).json
    assert urls["modelUrl"].startswith("https://models.example/tools/jaqpot/v1/downloads/")
    said = {"host": 'evil"><', "x-forwarded-proto": "javascript"}
    urls = world.call("GET", f"/models/{whole}/download/urls", headers=said).json
    assert urls["modelUrl"].startswith("/jaqpot/v1/downloads/")


def test_the_native_api_hands_out_the_whole_as_one_file(world: JaqpotWorld, whole: int) -> None:
    import zipfile

    answer = world.ask("GET", "/endpoints/ann/fish/bundle", token=world.ann)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as found:
        assert found.read("model.onnx") == GRAPH * 1000
    assert world.ask("GET", "/endpoints/ann/fish/bundle?version=1.0.0", token=world.ann).body == answer.body
    head = world.ask("HEAD", "/endpoints/ann/fish/bundle", token=world.ann)
    assert (head.body, head.headers["content-length"]) == (b"", str(len(answer.body)))
    tag, half = answer.headers["etag"], len(answer.body) // 2
    rest = {"range": f"bytes={half}-", "if-match": tag}
    part = world.ask("GET", "/endpoints/ann/fish/bundle", token=world.ann, headers=rest)
    assert (part.status, part.body) == (206, answer.body[half:])
    for headers, status in (
        ({"if-match": '"other"'}, 412),
        ({"if-none-match": tag}, 304),
        ({"range": "bytes=99999999-"}, 400),
    ):
        found = world.ask("GET", "/endpoints/ann/fish/bundle", token=world.ann, headers=headers)
        assert found.status == status
    assert world.ask("GET", "/endpoints/ann/fish/bundle", token=world.ben).status == 404
    assert world.ask("GET", "/endpoints/ann/fish", token=world.ann).json["model"]["task"] == "REGRESSION"
    world.offer("ann/plain", owner=world.principal(world.ann))
    listed = world.ask("GET", "/endpoints?models=true", token=world.ann).json["items"]
    assert [each["name"] for each in listed] == ["ann/fish"]
    assert len(world.ask("GET", "/endpoints?models=false", token=world.ann).json["items"]) == 2
    assert left_over(world) == []


def test_a_document_is_taken_without_what_no_author_says(world: JaqpotWorld, packed: list[dict[str, bytes]]) -> None:
    said = {"id": 7, "archived": True, "requirements": ["elsewhere==1"], "padding": [0] * 1000}
    assert create(world, **said).status == 201
    told = json.loads(packed[0]["model.json"])
    assert not said.keys() & told.keys()
    assert told["scores"] == document()["scores"]


def test_a_document_of_too_much_is_refused_before_anything_is_made_of_it(tmp_path: Path) -> None:
    world = JaqpotWorld(tmp_path, max_upload=1 << 25)
    body = json.dumps(uploaded()).encode()
    many = body.replace(b'"doas":', b'"featurizers": [' + b"0," * 5_000_001 + b'0], "doas":')
    assert "5,000,000 values" in refusal(world.call("POST", "/models", body=many), 400)
    assert left_over(world) == []


async def slow_body(world: JaqpotWorld, path: str, pieces: list[bytes], meanwhile: Callable[[], object]) -> int:
    """The status of an upload during which something else happens, just before its end."""
    answered: list[int] = []

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        if not pieces:
            meanwhile()
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    scope = {"type": "http", "method": "PUT", "path": path, "query_string": b"", "headers": [], "scheme": "http"}
    await world.jaqpot(scope, receive, send)
    (status,) = answered
    return status


@pytest.mark.parametrize("ends", ["confirmed", "given up"])
def test_a_graph_that_comes_too_late_changes_nothing(world: JaqpotWorld, ends: str) -> None:
    begun = world.call("POST", "/large-models", json_body=document()).json
    path, number = urlsplit(begun["uploadUrl"]).path, int(begun["modelId"])
    ann = world.principal(world.ann)
    assert world.run(slow_body(world, path, [GRAPH], lambda: None)) == 200
    end = partial(world.pending.confirm if ends == "confirmed" else world.pending.give_up, ann, number)
    assert world.run(slow_body(world, path, [b"another ", b"graph"], end)) == 404
    folders = list((world.folder / "uploads").iterdir())
    if ends == "given up":
        assert folders == []
    else:
        assert (folders[0] / "model.onnx").read_bytes() == GRAPH
        assert list(folders[0].glob("*.part")) == []
