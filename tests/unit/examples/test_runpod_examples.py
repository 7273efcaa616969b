"""The workers written for RunPod: what their handlers answer, and what they tell RunPod's package.

Here the package is a stand-in that notes what it is told; the end-to-end tests run them with the real one.
"""

from __future__ import annotations

import asyncio
import inspect
import runpy
import sys
from types import ModuleType
from typing import Any

import pytest

from trivet.examples import Example, catalogue

EXAMPLES = {example.name: example for example in catalogue() if example.name.startswith("runpod_")}


class Original(ModuleType):
    """As much of the package as a worker calls."""

    def __init__(self) -> None:
        super().__init__("runpod")
        self.serverless = self
        self.config: dict[str, Any] = {}
        self.progress: list[tuple[str, object]] = []

    def start(self, config: dict[str, Any]) -> None:
        self.config = config

    def progress_update(self, job: dict[str, Any], progress: object) -> None:
        self.progress.append((job["id"], progress))


@pytest.fixture
def original(monkeypatch: pytest.MonkeyPatch) -> Original:
    package = Original()
    monkeypatch.setitem(sys.modules, "runpod", package)
    return package


def started(original: Original, name: str) -> dict[str, Any]:
    """Runs an example as its worker would, and gives what it told `runpod.serverless.start`."""
    runpy.run_path(str(EXAMPLES[name].path / "handler.py"), run_name="__main__")
    return original.config


def job(job_input: dict[str, Any]) -> dict[str, Any]:
    return {"id": "job-1", "input": job_input}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.name)
def test_a_worker_names_the_requirements_that_the_catalogue_tells(example: Example) -> None:
    assert (example.path / "requirements.txt").read_text().split() == list(example.requirements)


def test_the_ids_and_images_of_the_original_guide_are_there() -> None:
    assert {example.id for example in EXAMPLES.values()} >= {"YOUR_ENDPOINT_ID", "gwp4kx5yd3nur1"}
    images = [image for example in EXAMPLES.values() for image in example.images]
    assert sorted(images) == ["runpod/base:0.1.0", "runpod/base:0.4.4"]


def test_a_prompt_is_answered_with_a_text_and_token_counts(original: Original) -> None:
    handler = started(original, "runpod_plain")["handler"]
    assert handler(job(EXAMPLES["runpod_plain"].sample_input)) == {
        "input_tokens": 2,
        "output_tokens": 4,
        "text": ["You said: Hello, World!"],
    }


def test_a_conversation_is_answered_with_choices(original: Original) -> None:
    handler = started(original, "runpod_plain")["handler"]
    output = handler(job({"messages": [{"role": "user", "content": "Hello, World"}], "max_tokens": 5}))
    assert output["choices"][0]["message"] == {"role": "assistant", "content": "You said: Hello, World"}


def test_an_input_with_nothing_to_answer_is_an_error_of_the_job(original: Original) -> None:
    handler = started(original, "runpod_plain")["handler"]
    assert "prompt" in handler(job({}))["error"]


def test_a_stream_has_the_letters_of_its_prompt_and_is_kept_as_a_whole(original: Original) -> None:
    config = started(original, "runpod_stream")
    config["handler"].__globals__["PAUSE"] = 0
    assert config["return_aggregate_stream"] is True
    assert list(config["handler"](job({"prompt": "Hi!"}))) == ["H", "i", "!"]


@pytest.mark.parametrize(
    ("content", "words"), [("so it goes", ["so ", "it ", "goes ", "so ", "it "]), ("", ["… "] * 5)]
)
def test_a_conversation_goes_on_for_as_many_words_as_asked(original: Original, content: str, words: list[str]) -> None:
    config = started(original, "runpod_stream")
    config["handler"].__globals__["PAUSE"] = 0
    messages = [{"role": "user", "content": content}]
    assert list(config["handler"](job({"messages": messages, "max_tokens": 5}))) == words


def test_the_async_one_reports_each_step(original: Original) -> None:
    handler = started(original, "runpod_progress")["handler"]
    assert inspect.iscoroutinefunction(handler)
    output = asyncio.run(handler(job({"steps": 2, "seconds": 0})))
    assert output["steps"] == 2
    assert original.progress == [("job-1", "step 1 of 2"), ("job-1", "step 2 of 2")]
