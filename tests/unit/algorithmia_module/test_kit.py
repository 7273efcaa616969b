"""Algorithms made with the kit, and with the older handler: tried out here, and served on a platform's pipe."""

from __future__ import annotations

import base64
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.algorithmia_module.fakes import FakeServer, file
from trivet.algorithmia import ADK, _manifests, _pipe, handler
from trivet.algorithmia.client import Client
from trivet.algorithmia.errors import AlgorithmException, ApiError, InputError

Ask = Callable[..., None]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Puts requests on the standard input."""

    def asking(*requests: Any) -> None:
        lines = [
            each if isinstance(each, str) else json.dumps({"content_type": each[0], "data": each[1]})
            for each in requests
        ]
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    asking()
    return asking


@pytest.fixture(autouse=True)
def no_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the platform's pipe would be."""
    monkeypatch.setattr(_pipe, "PATH", str(tmp_path / "algoout"))
    return tmp_path / "algoout"


@pytest.fixture
def platform(no_platform: Path) -> Iterator[Callable[[], list[Any]]]:
    """A platform's pipe; tells the documents that came."""
    os.mkfifo(no_platform)
    descriptor = os.open(no_platform, os.O_RDWR)
    came: list[bytes] = []
    reader = threading.Thread(target=_read, args=(descriptor, came), daemon=True)
    reader.start()

    def documents() -> list[Any]:
        os.write(descriptor, b"\0")
        reader.join(10)
        return [json.loads(line) for line in b"".join(came).replace(b"\0", b"").splitlines()]

    yield documents
    os.close(descriptor)


def _read(descriptor: int, came: list[bytes]) -> None:
    while b"\0" not in (piece := os.read(descriptor, 65536)):
        came.append(piece)
    came.append(piece)


def greet(name: str) -> str:
    return f"hello {name}"


def printed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    first, *documents = capsys.readouterr().out.splitlines()
    assert first == "loading complete"
    return [json.loads(line) for line in documents]


def test_one_input_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    ADK(greet).init("Jane")
    assert printed(capsys) == [{"result": "hello Jane", "metadata": {"content_type": "text"}}]


def test_the_answer_may_be_shown_in_another_way(capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []
    ADK(greet).init(local_payload="Jane", pprint=shown.append)
    assert json.loads(shown[0])["result"] == "hello Jane"
    assert printed(capsys) == []


def test_each_line_of_the_standard_input_is_tried(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    ask(("text", "Ann"), ("binary", base64.b64encode(b"Ben").decode()), ("json", None), ("odd", 1))
    ADK(lambda value: value).init()
    text, binary, none, odd = printed(capsys)
    assert text == {"result": "Ann", "metadata": {"content_type": "text"}}
    assert binary == {"result": "QmVu", "metadata": {"content_type": "binary"}}
    assert none == {"result": None, "metadata": {"content_type": "json"}}
    assert "Invalid content_type" in odd["error"]["message"]


def test_what_was_loaded_is_given_to_each_answer(capsys: pytest.CaptureFixture[str]) -> None:
    ADK(lambda value, state: [value, state], dict).init(1)
    ADK(lambda value: value, lambda: "not asked for").init(1)
    assert capsys.readouterr().out.splitlines()[1::2] == [
        '{"result": [1, {}], "metadata": {"content_type": "json"}}',
        '{"result": 1, "metadata": {"content_type": "json"}}',
    ]


def test_the_state_of_an_algorithm_keeps_what_is_put_there(capsys: pytest.CaptureFixture[str]) -> None:
    def load(state: Any) -> Any:
        state["limit"] = 3
        return state

    ADK(lambda value, state: [state["limit"], state.data()], load).init(1)
    assert printed(capsys)[0]["result"] == [3, {"limit": 3}]


def test_an_error_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def apply(kind: str) -> None:
        raise AlgorithmException("bad value", error_type="InputError") if kind == "own" else ZeroDivisionError("zero")

    for kind, told in (("own", ("'bad value'", "InputError")), ("other", ("zero", "AlgorithmError"))):
        ADK(apply).init(kind)
        (document,) = printed(capsys)
        assert (document["error"]["message"], document["error"]["error_type"]) == told
        assert "def apply" not in document["error"]["message"]
        assert "in apply" in document["error"]["stacktrace"]


def test_a_result_that_is_no_json_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    ADK(lambda value: object()).init(1)
    assert "not JSON serializable" in printed(capsys)[0]["error"]["message"]


def test_what_goes_wrong_while_loading_is_told_to_every_request(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    def load() -> None:
        raise OSError("no model")

    ask(("json", 1), ("json", 2))
    ADK(greet, load).init()
    documents = printed(capsys)
    assert [(each["error"]["message"], each["error"]["error_type"]) for each in documents] == [
        ("no model", "LoadingError")
    ] * 2


@pytest.mark.parametrize("arguments", [lambda a, b: None, lambda a, b, c: None])
def test_a_load_function_takes_the_state_at_most(arguments: Any) -> None:
    with pytest.raises(InputError, match="0 parameters or 1"):
        ADK(greet, arguments)


def test_a_platform_is_answered_on_its_pipe(
    ask: Ask, platform: Callable[[], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    ask(("text", "Ann"), ("text", "x" * 300_000))
    ADK(greet).init("not read here")
    assert capsys.readouterr().out == "PIPE_INIT_COMPLETE\n"
    first, second = platform()
    assert first["result"] == "hello Ann"
    assert len(second["result"]) == 300_006


def test_a_platform_without_the_other_maker_s_agent_says_so(platform: Callable[[], list[Any]]) -> None:
    with pytest.raises(ApiError, match="mlops"):
        ADK(greet).init(mlops=True)
    assert platform() == []


# -- models


MANIFEST = {
    "required_files": [{"name": "model", "source_uri": "data://me/c/m", "fail_on_tamper": True}],
    "optional_files": [{"name": "extra", "source_uri": "data://me/c/e", "fail_on_tamper": False}],
}
SUM = "900150983cd24fb0d6963f7d28e17f72"


def storage(content: bytes = b"abc") -> Client:
    return Client("simKey", "http://server.test", transport=FakeServer(file(content)))


def freeze(folder: Path, checksum: str = SUM, **changes: Any) -> None:
    frozen = _manifests.frozen(MANIFEST, {"data://me/c/m": checksum, "data://me/c/e": checksum}, now=0.0)
    (folder / "model_manifest.json.freeze").write_text(json.dumps({**frozen, **changes}))


def models(state: Any) -> list[str]:
    return [Path(state.get_model(name)).read_text() for name in ("model", "extra", "model")]


def test_models_are_there_when_an_algorithm_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    freeze(tmp_path)
    ADK(lambda value, state: state, models, storage()).init(1)
    assert printed(capsys)[0]["result"] == ["abc", "abc", "abc"]


def test_a_model_that_was_changed_is_not_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    freeze(tmp_path)
    ADK(greet, models, storage(b"another")).init("x")
    error = printed(capsys)[0]["error"]
    assert "Model File Mismatch for model" in error["message"]
    assert error["error_type"] == "LoadingError"


def test_a_frozen_manifest_that_was_changed_is_refused(tmp_path: Path) -> None:
    freeze(tmp_path, timestamp="1")
    with pytest.raises(ApiError, match="Tamper Detected"):
        ADK(greet, models, storage())


def test_a_manifest_that_is_not_frozen_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model_manifest.json").write_text(json.dumps(MANIFEST))
    kit = ADK(greet, models, storage())
    kit.init("x")
    assert "expected hash:  None" in printed(capsys)[0]["error"]["message"]
    assert isinstance(kit.loading_exception, ApiError)
    assert "freeze" in kit.loading_exception.hint


def test_a_model_that_nobody_has_named_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    freeze(tmp_path)
    ADK(greet, lambda state: state.get_model("other"), storage()).init("x")
    assert "model name other not found" in printed(capsys)[0]["error"]["message"]


def test_without_a_manifest_there_is_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    ADK(greet, lambda state: state.get_model("other"), storage()).init("x")
    assert "model_manifest.json not found" in printed(capsys)[0]["error"]["message"]


# -- the older form


def test_the_older_form_serves(ask: Ask, platform: Callable[[], list[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    ask(("text", "Ann"), ("binary", base64.b64encode(b"\xff").decode()), ("json", {"fail": True}))

    def apply(value: Any, state: Any) -> Any:
        if value == {"fail": True}:
            raise ValueError("bad value")
        return value if isinstance(value, bytes) else f"{state} {value}"

    handler(apply, lambda: "hello").serve()
    assert capsys.readouterr().out == "PIPE_INIT_COMPLETE\n"
    text, binary, error = platform()
    assert (text["result"], binary["result"], error["error"]["message"]) == ("hello Ann", "/w==", "bad value")


def test_the_older_form_says_at_once_that_it_can_not_load(
    platform: Callable[[], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> None:
        raise OSError("no model")

    handler(greet, load).serve()
    assert capsys.readouterr().out == ""
    assert [each["error"]["message"] for each in platform()] == ["no model"]


def test_the_older_form_can_be_tried_out(ask: Ask, capsys: pytest.CaptureFixture[str], no_platform: Path) -> None:
    ask(("text", "Ann"))
    handler(greet).serve()
    assert '"hello Ann"' in capsys.readouterr().out
    assert not no_platform.exists()


@pytest.mark.parametrize("apply", [lambda: None, lambda a, b, c: None])
def test_the_older_form_takes_one_or_two(apply: Any) -> None:
    with pytest.raises(InputError, match="between 1 and 2"):
        handler(apply)
    with pytest.raises(InputError, match="must not have"):
        handler(greet, lambda state: None)  # type: ignore[arg-type, misc]
