"""Types of the drop-in modules, as code meets them that was written for the originals. Checked by mypy and pyright, never run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, TextIO, assert_type

import trivet
import trivet.algorithmia as Algorithmia  # noqa: N812 — as programs name it
from trivet import runpod
from trivet.algorithmia import aio
from trivet.algorithmia.acl import ReadAcl
from trivet.algorithmia.algo_response import AlgoResponse
from trivet.algorithmia.algorithm import OutputType
from trivet.algorithmia.async_response import AsyncResponse
from trivet.algorithmia.datafile import AdvancedDataFile
from trivet.algorithmia.errors import AlgoException, ApiError
from trivet.jaqpot import AsyncJaqpotApiClient, Dataset, JaqpotApiClient, Model, exceptions
from trivet.jaqpot.exceptions import JaqpotApiException, JaqpotPredictionFailureException
from trivet.jaqpot.types import ModelSummary, SearchResult

# -- RunPod


def calling_runpod(given: dict[str, Any]) -> None:
    runpod.api_key = os.getenv("RUNPOD_API_KEY")
    runpod.endpoint_url_base = "http://127.0.0.1:8300/runpod/v2"
    endpoint = runpod.Endpoint("ENDPOINT_ID")
    assert_type(endpoint.run_sync({"prompt": "Hello, world!"}, timeout=60), Any)
    job = endpoint.run({"input": given})
    assert_type(job, runpod.Job)
    assert_type(job.status(), str)
    assert_type(job.output(timeout=60), Any)
    assert_type(job.stream(), Iterator[Any])
    assert_type(endpoint.health(), dict[str, Any])
    assert_type(runpod.get_user(), dict[str, Any])
    assert_type(runpod.get_endpoints(), list[dict[str, Any]])
    assert_type(runpod.endpoint.RunPodClient().get("e/health"), dict[str, Any])
    assert_type(runpod.__version__, str)
    assert_type(runpod.version.get_version(), str)


async def awaiting_runpod(session: object) -> None:
    endpoint = runpod.AsyncioEndpoint("ENDPOINT_ID", session)
    job = await endpoint.run({"prompt": "Hello"})
    assert_type(job, runpod.AsyncioJob)
    assert_type(await job.status(), str)
    assert_type(await job.output(timeout=60), Any)
    assert_type(job.stream(), AsyncIterator[Any])


def serving_runpod() -> None:
    def handler(job: dict[str, Any]) -> str:
        runpod.serverless.progress_update(job, "half")
        return f"Hello, {job['input']['name']}!"

    def more(now: int) -> int:
        return now + 1

    runpod.serverless.start({"handler": handler, "concurrency_modifier": more})


def failing_with_runpod(refused: runpod.error.QueryError, no_key: runpod.error.AuthenticationError) -> None:
    as_any_of_ours: trivet.TrivetError = refused
    assert_type(refused.query, str | None)
    as_pythons_own: RuntimeError = no_key
    print(as_any_of_ours, as_pythons_own)


# -- Algorithmia


def calling_algorithmia() -> None:
    client = Algorithmia.client("YOUR_API_KEY", "http://127.0.0.1:8300/algorithmia")
    assert_type(client, Algorithmia.Client)
    algo = client.algo("demo/Hello/1.1.1")
    assert_type(algo.pipe("HAL 9000"), AlgoResponse)
    assert_type(algo.pipe(b"bytes").result, Any)
    assert_type(algo.pipe({"a": [1]}).metadata.duration, float)
    assert_type(algo.set_options(timeout=60, stdout=False).pipe(1), AlgoResponse)
    assert_type(algo.set_options(output=OutputType.raw).pipe(1), str)
    assert_type(algo.set_options(output=OutputType.void).pipe(1), AsyncResponse)


def keeping_data_with_algorithmia(client: Algorithmia.Client) -> None:
    folder = client.dir("data://.my/nlp_directory")
    if folder.exists() is False:
        folder.create(ReadAcl.my_algos)
    acl = folder.get_permissions()
    if acl is not None:
        assert_type(acl.read_acl.pseudonym, str)
    file = client.file("data://.my/nlp_directory/jack_london.txt")
    assert_type(file, AdvancedDataFile)
    assert_type(file.exists(), bool)
    assert_type(file.getString(), str)
    assert_type(file.getBytes(), bytes)
    assert_type(file.getJson(), Any)
    assert_type(file.getFile(), TextIO)
    assert_type(file.getFile(as_path=True), str)
    for each in folder.files():
        assert_type(each.getName(), str)
    file.put("Leave me here").delete()


async def awaiting_algorithmia() -> None:
    async with aio.client("YOUR_API_KEY") as client:
        assert_type((await client.algo("demo/Hello").pipe("x")).result, Any)
        assert_type(await client.file("data://.my/c/x").getString(), str)


def an_algorithm() -> None:
    def apply(value: str, state: dict[str, Any]) -> str:
        return f"{state['greeting']} {value}"

    def load(_: Any) -> dict[str, Any]:
        return {"greeting": "Hello"}

    Algorithmia.ADK(apply, load).init("Bond")


def failing_with_algorithmia(failed: AlgoException) -> None:
    as_any_of_theirs: ApiError = failed
    as_any_of_ours: trivet.TrivetError = failed
    assert_type(failed.error_type, str | None)
    print(as_any_of_theirs, as_any_of_ours)


# -- Jaqpot


def calling_jaqpot(rows: list[dict[str, object]]) -> None:
    jaqpot = JaqpotApiClient()
    assert_type(jaqpot.predict_sync(model_id=1886, dataset=rows), Any)
    assert_type(jaqpot.predict_async(1886, rows), int)
    assert_type(jaqpot.get_dataset_by_id(5), Dataset)
    model = jaqpot.get_model_by_id(1886)
    assert_type(model, Model)
    assert_type([feature.key for feature in model.independent_features], list[str])
    assert_type(jaqpot.get_model_summary(1886), ModelSummary)
    assert_type(jaqpot.search_models("toxicity", page=0), SearchResult)


async def awaiting_jaqpot(rows: list[dict[str, object]]) -> None:
    async with AsyncJaqpotApiClient() as jaqpot:
        assert_type(await jaqpot.predict_async(1886, rows), int)
        assert_type(await jaqpot.get_model_by_id(1886), Model)


def failing_with_jaqpot(failed: JaqpotPredictionFailureException) -> None:
    as_any_of_theirs: JaqpotApiException = failed
    as_any_of_ours: trivet.TrivetError = failed
    kinds: tuple[type[Exception], ...] = (exceptions.NotFoundException, exceptions.ApiException)
    print(as_any_of_theirs, as_any_of_ours, kinds)


# -- and what is wrong is found


def mistakes_are_found(endpoint: runpod.Endpoint, client: Algorithmia.Client, jaqpot: JaqpotApiClient) -> None:
    endpoint.run("text")  # type: ignore[arg-type]
    endpoint.run_sync({}, timeout="1 s")  # type: ignore[arg-type]
    client.algo(1)  # type: ignore[arg-type]
    client.file("data://.my/c/x").put(1)  # type: ignore[arg-type]
    jaqpot.predict_sync("1886", [])  # type: ignore[arg-type]
    jaqpot.search_models(1)  # type: ignore[arg-type]
    runpod.Endpoint(1)  # type: ignore[arg-type]
