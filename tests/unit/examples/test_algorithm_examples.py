"""The algorithms: what they answer, and what they ask of hosted data. The end-to-end tests run them with the real packages."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from trivet.examples import Example, catalogue

EXAMPLES = {example.name: example for example in catalogue() if (example.path / "algorithmia.conf").exists()}
GUIDE = ["It's apple picking season", "The apples are ready for picking"]


class Data:
    """As much of the package's client as an algorithm uses: hosted files, by their paths."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def file(self, path: str) -> Data:
        self.path = path
        return self

    def getString(self) -> str:  # noqa: N802 - the package's own name
        return self.files[self.path]


class Kit:
    """Notes what it is made with, in place of serving."""

    def __init__(self, apply: Callable[..., Any], load: Callable[[], Any] | None = None) -> None:
        self.init = lambda payload=None: None


@pytest.fixture
def original(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    package: Any = ModuleType("Algorithmia")
    package.ADK, package.client = Kit, Data
    monkeypatch.setitem(sys.modules, "Algorithmia", package)
    return package  # type: ignore[no-any-return]  # it was made just above


def module_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of an algorithm, imported as its runner does it."""
    example = EXAMPLES[name]
    monkeypatch.syspath_prepend(str(example.path))
    for known in [each for each in sys.modules if each == "src" or each.startswith("src.")]:
        monkeypatch.delitem(sys.modules, known)
    return importlib.import_module(f"src.{example.endpoint}")


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.name)
def test_a_repository_says_what_the_catalogue_tells(example: Example) -> None:
    configured = json.loads((example.path / "algorithmia.conf").read_text())
    assert (configured["username"], configured["algoname"]) == (example.owner, example.endpoint)
    assert (example.path / "src" / f"{example.endpoint}.py").is_file()
    assert tuple((example.path / "requirements.txt").read_text().split()) == example.requirements


def test_the_names_and_versions_of_the_original_guide_are_there() -> None:
    told = {(f"{example.owner}/{example.endpoint}", example.version) for example in EXAMPLES.values()}
    assert told == {("demo/Hello", None), ("nlp/LDA", "1.0.0"), ("dlib/FaceDetection", "0.2.1")}


def test_hello_greets(original: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module_of("hello_algorithm", monkeypatch).apply("Mr. Bond") == "Hello Mr. Bond"


def test_the_documents_of_the_original_guide_have_the_topics_that_it_shows(
    original: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = module_of("lda", monkeypatch).apply
    assert apply({"docsList": GUIDE}, Data()) == [
        {"picking": 2},
        {"apple": 1},
        {"apples": 1, "ready": 1},
        {"season": 1},
    ]
    assert EXAMPLES["lda"].sample_input == {"docsList": GUIDE}


def test_documents_may_lie_in_hosted_data(original: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = module_of("lda", monkeypatch).apply
    stored = Data(**{"data://.my/texts/docs.txt": "\n".join(GUIDE)})
    assert apply({"docsList": "data://.my/texts/docs.txt"}, stored) == apply({"docsList": GUIDE}, Data())


def test_documents_on_two_matters_have_two_topics(original: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    sea, garden = "ship sail harbour captain", "rose tulip spade gardener"
    settings = {"numTopics": 2, "numWords": 4, "numIterations": 100}
    topics = module_of("lda", monkeypatch).apply({"docsList": [sea, garden] * 10, "customSettings": settings}, Data())
    assert sorted(" ".join(sorted(topic)) for topic in topics) == [
        " ".join(sorted(each.split())) for each in (sea, garden)
    ]


@pytest.mark.parametrize(
    "request_",
    [
        "text", None, {}, {"docsList": 3}, {"docsList": [1]},
        {"docsList": GUIDE, "customSettings": {"numTopics": 0}}, {"docsList": GUIDE, "customSettings": {"numWords": True}},
    ],
)  # fmt: skip
def test_what_is_no_list_of_documents_is_an_error_that_says_so(
    request_: object, original: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"docsList|whole number"):
        module_of("lda", monkeypatch).apply(request_, Data())
