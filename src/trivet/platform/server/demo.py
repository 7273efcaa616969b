"""`trivet demo`: the whole of it, on a temporary folder, with real calls and real figures."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivet import AsyncClient, JobCancelledError, TrivetError
from trivet.examples import ALGORITHMIA_CALLER, JAQPOT_CALLER, JAQPOT_SDK, RUNPOD_CALLER, Example, catalogue
from trivet.platform.builders.environments import Environments
from trivet.platform.builders.requirements import Requirements
from trivet.platform.builders.runtime_bundle import RuntimeBundle
from trivet.platform.core.errors import CoreError
from trivet.platform.server import logs
from trivet.platform.server.bootstrap import Platform
from trivet.platform.server.data import DataFolderError
from trivet.platform.server.main import StartError, new_event_loop, running
from trivet.platform.server.settings import Settings
from trivet.protocol import algorithmia, jaqpot, runpod

Echo = Callable[[str], None]
_WIDTH = 88
_ORIGINAL_TIMEOUT = 60.0
"""Seconds that a program with another service's package may take in all."""


@dataclass
class _Tally:
    """What went well, and what did not."""

    passed: int = 0
    failed: int = 0


def run_demo(echo: Echo) -> int:
    """Starts a platform, deploys the bundled examples, calls them in every way, stops.

    Args:
        echo: told what happens, line by line.

    Returns:
        0 where everything worked, 1 otherwise.
    """
    logs.configure("warning", "text")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="trivet-demo-") as folder:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                tally = runner.run(_demo(Path(folder), echo))
        except (StartError, DataFolderError) as error:
            echo(f"The demo can't start. {error}")
            return 1
        except CoreError as error:
            echo(f"The demo can't start. {error.detail} {error.hint}")
            return 1
    took = time.perf_counter() - began
    echo("")
    echo(
        f"{tally.passed} steps worked, {tally.failed} did not; {took:.1f} s in all. Everything is stopped and removed."
    )
    if not tally.failed:
        echo("Next: `trivet up`, then the first function of the README.")
    return 1 if tally.failed else 0


async def _demo(folder: Path, echo: Echo) -> _Tally:
    settings = Settings.load({}, host="127.0.0.1", port=0, data=folder / "data")
    began = time.perf_counter()
    async with running(settings) as (url, platform):
        assert platform.first is not None
        key = str(platform.first[1])
        echo(f"Trivet listens on {url} (SQLite, local disk, worker processes) {_ms(began)}")
        async with AsyncClient(url, key) as client:
            demo = _Demo(client, echo)
            await demo.deploy(catalogue())
            await demo.call()
            await demo.call_with_runpod(platform, url, key)
            await demo.call_with_algorithmia(platform, url, key)
            await demo.call_with_jaqpot(platform, url, key)
            return demo.tally


class _Demo:
    def __init__(self, client: AsyncClient, echo: Echo) -> None:
        self._client = client
        self._echo = echo
        self._ready: dict[str, Example] = {}
        self.tally = _Tally()

    async def deploy(self, examples: Iterable[Example]) -> None:
        """Deploys the examples, two at a time: building is mostly waiting for packages."""
        self._echo("")
        self._echo("Deploying the examples, each in an environment of its own")
        lane = asyncio.Semaphore(2)

        async def one(example: Example) -> None:
            async with lane:
                began = time.perf_counter()
                try:
                    deployed = await self._client.deploy(
                        example.path,
                        name=_name_of(example),
                        id=example.id,
                        version=example.version,
                        model_id=example.model_id,
                    )
                except TrivetError as error:
                    self._failed(f"deploy {example.name}", error)
                    return
            self._ready[example.name] = example
            needs = ", ".join(example.requirements) or "nothing"
            self._passed(f"{deployed[0].name} {deployed[0].version}", f"needs {needs}", began)

        await asyncio.gather(*(one(example) for example in examples))

    async def call(self) -> None:
        """Calls each example in the ways that suit it."""
        steps: list[tuple[str, str, Callable[[Any], Any]]] = [
            ("greeting", "Calling now, from zero workers: run", self._run),
            ("greeting", "The same again, with the worker warm: run", self._run),
            ("greeting", "Calling later: submit, then ask for the result", self._submit),
            ("greeting", "Many at once: map over 200 inputs", self._map),
            ("generator", "As a stream: pieces as they are made", self._stream),
            ("classifier", "A model trained by the example itself: run", self._run),
            ("faces", "A picture in, faces out: run with a binary input", self._run),
            ("slow", "Long work: progress, then a cancel", self._cancel),
            ("greeting", "Bad input: refused before anything is queued", self._refuse),
            ("runpod_plain", "A worker written for RunPod, called like any other: run", self._run),
            ("runpod_stream", "And another, as a stream", self._stream),
            ("lda", "An algorithm written for Algorithmia, called like any other: run", self._run),
            ("wine", "A predictive model, called like any other: run", self._run),
            ("lipophilicity", "And one that reads molecules: run", self._run),
        ]
        for name, title, step in steps:
            if name not in self._ready:
                continue
            self._echo("")
            self._echo(title)
            try:
                await step(self._ready[name])
            except TrivetError as error:
                self._failed(name, error)

    async def call_with_runpod(self, platform: Platform, url: str, key: str) -> None:
        """Calls workers written for RunPod, and one that is not, with RunPod's own package, in a process of its own.

        Args:
            platform: where they are deployed; the package is in the environment of those written for RunPod.
            url: where it is called.
            key: the key that it is called with.
        """
        names = ("runpod_plain", "runpod_stream", "runpod_progress", "greeting")
        if not all(name in self._ready for name in names):
            return
        self._echo("")
        self._echo("The same called by RunPod's own package, in a program that knows nothing of Trivet")
        ids = [(await self._client.endpoints.get(_name_of(self._ready[name]))).id for name in names]
        await self._play(platform, ids[0], (str(RUNPOD_CALLER), *ids), runpod.caller_variables(url, key))

    async def call_with_algorithmia(self, platform: Platform, url: str, key: str) -> None:
        """Calls algorithms, and a function that is none, and keeps a file, with Algorithmia's own package, likewise.

        Args:
            platform: where they are deployed; the package is in the environments of the algorithms.
            url: where it is called.
            key: the key that it is called with.
        """
        if not all(name in self._ready for name in ("hello_algorithm", "lda", "greeting")):
            return
        self._echo("")
        self._echo("And what Algorithmia's guide calls, by Algorithmia's own package")
        owner = await self._client.endpoints.get(_name_of(self._ready["hello_algorithm"]))
        await self._play(platform, owner.id, (str(ALGORITHMIA_CALLER),), algorithmia.caller_variables(url, key))

    async def call_with_jaqpot(self, platform: Platform, url: str, key: str) -> None:
        """Calls the model of Jaqpot's guide with Jaqpot's own SDK, likewise. No worker has that, so it gets an environment."""
        if "guide_model" not in self._ready:
            return
        self._echo("")
        self._echo("And the model of Jaqpot's guide, by Jaqpot's own SDK")
        root = platform.folder.root
        environments = Environments(root / "envs", RuntimeBundle(root / "runtime"))
        try:
            made = await environments.ensure(Requirements((JAQPOT_SDK,)), lambda _: None, lambda _: None)
        except CoreError as error:
            self._failed(f"install {JAQPOT_SDK}", error.detail)
            return
        variables = jaqpot.caller_variables(url, key)
        assert variables is not None, "the platform's own first key comes in two halves"
        await self._play_with(environments.python(made), root, (str(JAQPOT_CALLER),), variables)

    async def _play(
        self, platform: Platform, endpoint_id: str, words: Sequence[str], variables: Mapping[str, str]
    ) -> None:
        """Runs a program in the environment of an endpoint, where it finds the same packages, and tells what it tells."""
        version = platform.endpoints.versions_of(endpoint_id)[-1]
        python = platform.runtime.interpreter(version.environment)
        await self._play_with(python, platform.folder.root, words, variables)

    async def _play_with(self, python: Path, home: Path, words: Sequence[str], variables: Mapping[str, str]) -> None:
        program = await asyncio.create_subprocess_exec(
            *(str(python), *words),
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(home),  # RunPod's package prefers a key in the home folder to any other
                **variables,
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        name = Path(words[0]).stem
        try:
            await asyncio.wait_for(self._follow(name, program), _ORIGINAL_TIMEOUT)
        except TimeoutError:
            self._failed(name, f"it took more than {_ORIGINAL_TIMEOUT:g} s")
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()

    async def _follow(self, name: str, program: asyncio.subprocess.Process) -> None:
        assert program.stdout is not None
        assert program.stderr is not None
        complaints = asyncio.create_task(program.stderr.read())
        async for line in program.stdout:
            step = json.loads(line)
            self._told(step["what"], _short(step["result"]), step["seconds"])
        status = await program.wait()
        said = (await complaints).decode(errors="replace").split("\n")
        if status != 0:
            self._failed(name, next((line for line in reversed(said) if line), f"it ended with status {status}"))

    async def _run(self, example: Example) -> None:
        began = time.perf_counter()
        output = await self._endpoint(example).run(example.sample_input)
        self._passed(f"{example.name}({_short(example.sample_input)})", _short(output), began)

    async def _submit(self, example: Example) -> None:
        began = time.perf_counter()
        job = await self._endpoint(example).submit(example.sample_input)
        self._passed(f"submitted {job.id}", str(job.status), began)
        began = time.perf_counter()
        self._passed("its result", _short(await job.result(timeout=60)), began)

    async def _map(self, example: Example) -> None:
        began = time.perf_counter()
        inputs = [{"name": f"guest {n}"} for n in range(200)]
        results = [result async for result in self._endpoint(example).map(inputs, concurrency=16, progress=False)]
        rate = len(results) / (time.perf_counter() - began)
        self._passed(f"{len(results)} results in order", f"{_short(results[-1])}, {rate:.0f} calls/s", began)

    async def _stream(self, example: Example) -> None:
        began = time.perf_counter()
        pieces: list[str] = []
        first = ""
        async for piece in self._endpoint(example).stream(example.sample_input):
            first = first or f"first piece after {(time.perf_counter() - began) * 1000:.0f} ms"
            pieces.append(str(piece))
        self._passed(f"{len(pieces)} pieces, {first}", _short("".join(pieces)), began)

    async def _cancel(self, example: Example) -> None:
        began = time.perf_counter()
        job = await self._endpoint(example).submit(example.sample_input)
        async for event in job.events():
            progress = getattr(event, "fraction", None)
            if progress is not None:
                self._passed("it reports", f"{progress:.0%} {getattr(event, 'message', '')}", began)
                break
        began = time.perf_counter()
        outcome = await job.cancel()
        self._passed("cancelled" if outcome else "not cancelled", outcome.detail, began)
        try:
            await job.result(timeout=10)
        except JobCancelledError:
            explanation = await job.explain()
            self._passed("explain", f"{explanation.summary} {' '.join(explanation.reasons)}", began)

    async def _refuse(self, example: Example) -> None:
        began = time.perf_counter()
        try:
            await self._endpoint(example).run({"times": "many"})
        except TrivetError as error:
            self._passed(error.code, str(error).splitlines()[0], began)
        else:
            self._failed("bad input", "it was taken")

    def _endpoint(self, example: Example) -> Any:
        return self._client.endpoint(_name_of(example))

    def _passed(self, what: str, result: str, began: float) -> None:
        self._told(what, result, time.perf_counter() - began)

    def _told(self, what: str, result: str, seconds: float) -> None:
        self.tally.passed += 1
        line = f"  ok  {what}: {result}"
        self._echo(f"{line[:_WIDTH]:<{_WIDTH}} {seconds * 1000:8.1f} ms")

    def _failed(self, what: str, error: object) -> None:
        self.tally.failed += 1
        self._echo(f"  FAILED  {what}: {error}")


def _name_of(example: Example) -> str:
    """What an example is deployed as: by the name in the guide that it stands for, where there is one."""
    return f"{example.owner or 'admin'}/{example.endpoint}"


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def _ms(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:8.1f} ms"
