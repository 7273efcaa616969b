"""The same verbs, awaited."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.algorithmia_module.fakes import BREAK, AsyncFakeServer, answer, file, refusal, result
from tests.unit.sdk.server import serving
from trivet.algorithmia import aio, algorithm, datadirectory, datafile
from trivet.algorithmia._sync.client import Client
from trivet.algorithmia.algorithm import OutputType
from trivet.algorithmia.errors import AlgoException, DataApiError
from trivet.sdk._http import Request, Response


def run(verb: Callable[[aio.AsyncClient], Awaitable[Any]], *outcomes: Any) -> tuple[Any, list[Request]]:
    server = AsyncFakeServer(*outcomes)

    async def running() -> Any:
        async with aio.AsyncClient("simKey", "http://server.test", transport=server) as made:
            return await verb(made)

    return asyncio.run(running()), server.inner.seen


def test_an_algorithm_is_called() -> None:
    response, seen = run(lambda made: made.algo("demo/Hello").pipe("Mr. Bond"), result("Hello Mr. Bond", "text"))
    assert response.result == "Hello Mr. Bond"
    assert seen[0].body == b"Mr. Bond"
    text, _ = run(lambda made: made.algo("a/b").set_options(output=OutputType.raw).pipe(1), Response(200, {}, b"bare"))
    assert text == "bare"


def test_an_error_is_the_same() -> None:
    with pytest.raises(AlgoException, match="not found"):
        run(lambda made: made.algo("demo/Hello").pipe(1), answer({"error": {"message": "not found"}}))
    with pytest.raises(DataApiError, match="gone"):
        run(lambda made: made.file("a/b/c").getFile(), refusal("gone"))


def test_a_file_comes_and_goes(tmp_path: Path) -> None:
    path, seen = run(lambda made: made.file("a/b/c").getFile(as_path=True), file(b"abcdef" + BREAK), file(b"abcdef"))
    assert (Path(path).read_bytes(), len(seen)) == (b"abcdef", 2)
    (tmp_path / "local").write_bytes(b"z" * 3_000_000)
    with serving() as server:
        server.on("PUT", "/data/a/b/c", lambda exchange: exchange.json({"result": "data://a/b/c"}))

        async def uploading() -> None:
            async with aio.client("k", f"{server.url}/api") as made:
                await made.file("a/b/c").putFile(tmp_path / "local")

        asyncio.run(uploading())
        assert len(server.seen[0].body) == 3_000_000


def test_a_directory_is_listed() -> None:
    entry = {"filename": "a.jpg", "size": 3, "last_modified": "2025-01-02T10:00:00.120Z"}

    async def listing(made: aio.AsyncClient) -> list[str]:
        return [each.getName() async for each in made.dir("data://me/c").files()]

    names, _ = run(listing, answer({"files": [entry]}))
    assert names == ["a.jpg"]


@pytest.mark.parametrize(
    ("awaited", "waiting"),
    [
        (aio.AsyncClient, Client),
        (aio.AsyncAlgorithm, algorithm.Algorithm),
        (aio.AsyncDataFile, datafile.DataFile),
        (aio.AsyncDataDirectory, datadirectory.DataDirectory),
        (aio.AsyncLocalDataFile, datafile.LocalDataFile),
        (aio.AsyncLocalDataDirectory, datadirectory.LocalDataDirectory),
    ],
)
def test_both_halves_have_the_same_verbs(awaited: type, waiting: type) -> None:
    names = {name for name in vars(waiting) if not name.startswith("_")}
    assert names == {name for name in vars(awaited) if not name.startswith("_")}
    for name in names:
        ours, theirs = getattr(awaited, name), getattr(waiting, name)
        if inspect.isfunction(ours):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name


def test_the_client_s_arguments_are_the_same() -> None:
    import trivet.algorithmia as Algorithmia  # noqa: N812 - as programs name it

    ours = inspect.signature(aio.client).parameters
    assert list(ours) == list(inspect.signature(Algorithmia.client).parameters)
