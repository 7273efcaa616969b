"""The examples that ship with Trivet: small, real, and without any download at run time.

Each is a folder beside this file, as an author would write it: ``trivet deploy`` takes it as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

Way = Literal["run", "stream", "submit", "map", "cancel"]
"""A way to call an endpoint that an example is there to show."""

RUNPOD_CALLER = Path(__file__).parent / "runpod_caller.py"
"""A program that calls the workers written for RunPod with RunPod's own package, which it must find installed."""
ALGORITHMIA_CALLER = Path(__file__).parent / "algorithmia_caller.py"
"""A program that calls what Algorithmia's own guide calls with Algorithmia's own package, which it must find installed."""

JAQPOT_CALLER = Path(__file__).parent / "jaqpot_caller.py"
"""A program that calls the model of Jaqpot's own guide with Jaqpot's own SDK, which it must find installed."""
JAQPOT_SDK = "jaqpot-python-sdk>=6.2,<7"
"""What that program needs."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example.

    Attributes:
        name: of its folder.
        title: what it shows, a few words for people.
        path: the folder to deploy.
        endpoint: the name of its endpoint, without the owner.
        sample_input: an input that it answers: a value for JSON, or bytes.
        sample_path: the file that holds this input.
        requirements: what its environment installs.
        calls: the ways of calling it that show it best.
        id: the opaque id that a guide of another service writes into its programs; None takes any.
        images: the image names that this guide writes, which this example stands for.
        owner: whose endpoint it is in such a guide; None takes any account.
        version: the number of the version that this guide calls; None takes any.
        model_id: the integer id that such a guide calls it by; None takes any.
        is_model: whether it is a predictive model, which everybody may see.
        reads: the hosted files that the sample input names, each with the file here that can stand for it.
    """

    name: str
    title: str
    path: Path
    endpoint: str
    sample_input: Any
    sample_path: Path
    requirements: tuple[str, ...]
    calls: tuple[Way, ...]
    id: str | None = None
    images: tuple[str, ...] = ()
    owner: str | None = None
    version: str | None = None
    model_id: int | None = None
    is_model: bool = False
    reads: Mapping[str, Path] = field(default_factory=dict[str, Path])


@cache
def catalogue() -> tuple[Example, ...]:
    """All examples, the simplest first."""
    return (
        _example("greeting", "says hello", calls=("run", "submit", "map"), endpoint="hello"),
        _example("generator", "writes a text and streams it word by word", calls=("stream",)),
        _example(
            "classifier",
            "tells irises apart, with a model that it trains itself",
            calls=("run",),
            requirements=("scikit-learn>=1.4",),
        ),
        _example(
            "faces",
            "finds the faces in a picture",
            calls=("run",),
            requirements=("opencv-python-headless>=4.8,<5",),
            sample="sample.jpg",
        ),
        _example("slow", "takes its time, reports progress, can be cancelled", calls=("submit", "cancel")),
        _example(
            "runpod_plain",
            "a worker written for RunPod: one answer to a prompt",
            calls=("run",),
            requirements=("runpod",),
            id="gwp4kx5yd3nur1",
            images=("runpod/base:0.1.0", "runpod/base:0.4.4"),
        ),
        _example(
            "runpod_stream",
            "a worker written for RunPod: streams its answer",
            calls=("stream",),
            requirements=("runpod",),
            id="YOUR_ENDPOINT_ID",
        ),
        _example(
            "runpod_progress",
            "a worker written for RunPod: async, reports progress, can be cancelled",
            calls=("submit", "cancel"),
            requirements=("runpod",),
        ),
        _example(
            "hello_algorithm",
            "an algorithm written for Algorithmia: says hello",
            calls=("run",),
            endpoint="Hello",
            requirements=("algorithmia>=1.0.0,<2.0",),
            owner="demo",
        ),
        _example(
            "lda",
            "an algorithm written for Algorithmia: topics of documents as word counts",
            calls=("run",),
            endpoint="LDA",
            requirements=("algorithmia>=1.0.0,<2.0",),
            owner="nlp",
            version="1.0.0",
        ),
        _example(
            "face_detection",
            "an algorithm written for Algorithmia: finds faces in hosted pictures, and draws boxes around them",
            calls=("run",),
            endpoint="FaceDetection",
            requirements=("algorithmia>=1.0.0,<2.0", "opencv-python-headless>=4.8,<5"),
            owner="dlib",
            version="0.2.1",
            reads={"data://.my/img_directory/friends.jpg": Path(__file__).parent / "faces" / "sample.jpg"},
        ),
        _example(
            "guide_model",
            "a predictive model: the one of Jaqpot's guide, on a molecule, two numbers and a category",
            calls=("run",),
            requirements=("onnxruntime", "rdkit"),
            model_id=1886,
            is_model=True,
        ),
        _example(
            "lipophilicity",
            "a predictive model: how a molecule likes oil, from its SMILES",
            calls=("run",),
            requirements=("onnxruntime", "rdkit"),
            is_model=True,
        ),
        _example(
            "wine",
            "a predictive model: a wine's cultivar, with probabilities and a domain of applicability",
            calls=("run",),
            requirements=("onnxruntime",),
            is_model=True,
        ),
    )


def _example(
    name: str,
    title: str,
    *,
    calls: tuple[Way, ...],
    endpoint: str | None = None,
    requirements: tuple[str, ...] = (),
    sample: str = "sample.json",
    id: str | None = None,
    images: tuple[str, ...] = (),
    owner: str | None = None,
    version: str | None = None,
    model_id: int | None = None,
    is_model: bool = False,
    reads: Mapping[str, Path] | None = None,
) -> Example:
    path = Path(__file__).parent / name
    sample_path = path / sample
    content = sample_path.read_bytes()
    return Example(
        name=name,
        title=title,
        path=path,
        endpoint=endpoint or name,
        sample_input=json.loads(content) if sample_path.suffix == ".json" else content,
        sample_path=sample_path,
        requirements=requirements,
        calls=calls,
        id=id,
        images=images,
        owner=owner,
        version=version,
        model_id=model_id,
        is_model=is_model,
        reads=reads or {},
    )
