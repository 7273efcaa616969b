"""The bundled examples are what the catalogue says, and those that need no packages work in-process.

The others need environments of their own; the end-to-end tests deploy and call them.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import jsonschema_rs
import pytest

import trivet
from trivet.authoring import load
from trivet.examples import Example, catalogue

EXAMPLES = {example.name: example for example in catalogue()}
DECORATED = [example for example in catalogue() if (example.path / "main.py").exists()]
JSON_EXAMPLES = [example for example in DECORATED if not isinstance(example.sample_input, bytes)]


def endpoint_of(example: Example) -> Any:
    """The one endpoint of an example, as the worker would find it."""
    (endpoint,) = load(example.path)
    return endpoint


def local(name: str, **arguments: Any) -> Any:
    """Calls an example in this process, with its sample input changed by ``arguments``."""
    return endpoint_of(EXAMPLES[name]).local({**EXAMPLES[name].sample_input, **arguments})


@pytest.mark.parametrize("example", DECORATED, ids=lambda example: example.name)
def test_the_catalogue_says_what_the_author_wrote(example: Example) -> None:
    described = endpoint_of(example).describe()
    assert described["name"] == example.endpoint
    assert tuple(described["settings"].get("requirements", ())) == example.requirements
    assert described["description"]


@pytest.mark.parametrize("example", JSON_EXAMPLES, ids=lambda example: example.name)
def test_a_sample_fits_the_schema_of_its_example(example: Example) -> None:
    schema = endpoint_of(example).describe()["input_schema"]
    jsonschema_rs.validator_for(schema).validate(example.sample_input)


def test_every_folder_of_examples_is_in_the_catalogue() -> None:
    root = EXAMPLES["greeting"].path.parent
    marks = ("main.py", "handler.py", "algorithmia.conf", "model.json")
    folders = {path.parent.name for name in marks for path in root.glob(f"*/{name}")}
    assert folders == set(EXAMPLES)


def test_examples_are_loaded_without_their_packages() -> None:
    """A deployment reads an example before its environment exists; the blocked imports stand for a machine without them."""
    program = (
        "import sys; sys.modules.update(cv2=None, numpy=None, sklearn=None)\n"
        "from pathlib import Path; from trivet.authoring import load; load(Path(sys.argv[1]))"
    )
    for example in DECORATED:
        result = subprocess.run(
            [sys.executable, "-c", program, str(example.path)], capture_output=True, text=True, timeout=30, check=False
        )
        assert result.returncode == 0, result.stderr


def test_the_greeting_greets_as_often_as_asked() -> None:
    assert local("greeting") == "Hello Bond Hello Bond"
    assert local("greeting", times=1) == "Hello Bond"


def test_the_generator_streams_as_many_words_as_asked() -> None:
    pieces = list(local("generator", words=25))
    assert len(pieces) == 25
    assert all(piece.endswith(" ") and piece.strip() for piece in pieces)


def test_the_generator_writes_the_same_text_for_the_same_seed() -> None:
    assert list(local("generator", seed=1)) == list(local("generator", seed=1))
    assert list(local("generator", seed=1)) != list(local("generator", seed=2))


def test_the_generator_goes_on_from_a_prompt_it_has_never_seen() -> None:
    assert len(list(local("generator", prompt="Ωμέγα 123", words=5))) == 5


def test_the_generator_has_learned_from_its_text() -> None:
    """A model of letters makes up words, but most of those it writes must be words of its text."""
    corpus = (EXAMPLES["generator"].path / "corpus.txt").read_text(encoding="utf-8")
    known = set(corpus.lower().split())
    words = [piece.strip().lower() for piece in local("generator", words=300, seed=3)]
    assert sum(word in known for word in words) / len(words) > 0.6


@pytest.mark.parametrize("words", [0, 1001])
def test_the_generator_refuses_a_length_out_of_bounds(words: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 1000"):
        list(local("generator", words=words))


def test_the_slow_one_counts_its_steps() -> None:
    output = local("slow", seconds=0, steps=3)
    assert output["steps"] == 3


def test_the_slow_one_refuses_no_steps() -> None:
    with pytest.raises(ValueError, match="steps must be 1 or more"):
        local("slow", seconds=0, steps=0)


MODELS = [example for example in catalogue() if example.is_model]


@pytest.mark.parametrize("example", MODELS, ids=lambda example: example.name)
def test_a_model_predicts_its_sample_and_what_it_predicted_when_it_was_published(example: Example) -> None:
    rows = trivet.load(example.path).predict(example.sample_input)  # it verifies itself
    assert len(rows) == len(example.sample_input)
    assert not any("error" in row["jaqpotMetadata"] for row in rows)


def test_the_guide_s_model_has_the_columns_and_the_id_of_the_guide() -> None:
    example = EXAMPLES["guide_model"]
    assert (example.model_id, example.sample_input) == (1886, [{"SMILES": "CC", "X1": 1, "X2": 2, "Cat_col": "CAT_1"}])


def test_models_are_small_enough_to_ship() -> None:
    for example in MODELS:
        assert sum(path.stat().st_size for path in example.path.iterdir()) < 200_000


def test_the_picture_is_small_and_names_its_source() -> None:
    faces = EXAMPLES["faces"]
    assert faces.sample_input.startswith(b"\xff\xd8\xff")
    assert len(faces.sample_input) < 50_000
    assert "public domain" in " ".join((faces.path / "SOURCES.md").read_text(encoding="utf-8").split())
