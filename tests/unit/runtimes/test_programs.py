"""Workers that are programs of their authors' own: what they find in their environment, and how they are started."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.runtimes.stage import Stage
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes.process import ProcessRuntime
from trivet.protocol.runpod import LINKED_HOST, POLLING_HOST

URL = "http://127.0.0.1:8300"
TELLS = "import json, os; print(json.dumps(dict(os.environ)))"


def worker_of_runpod(stage: Stage, **secrets: str) -> WorkerSpec:
    spec = stage.spec("w1", TELLS)
    env = {
        "OF_TEMPLATE": "yes",
        "TOKEN": "of the template",
        "RUNPOD_AI_API_KEY": "stolen",
        "RUNPOD_WEBHOOK_GET_JOB": "http://elsewhere/job-take/$ID?",
        "HOME": "/root",  # where the package would find a configuration that counts before the key
    }
    return replace(
        spec, env=env, secrets=secrets, version=replace(spec.version, host=POLLING_HOST, handler="src/work.py")
    )


def environ_of(stage: Stage, spec: WorkerSpec) -> dict[str, str]:
    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(spec)
        return await stage.gone("w1")

    environ: dict[str, str] = json.loads(stage.play(act, url=URL).last_lines[-1])
    for noise in ("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"):  # the shell's, and Python's own
        environ.pop(noise, None)
    return environ


@pytest.mark.parametrize("forked", [False, True])
def test_a_runpod_worker_finds_its_protocol_and_nothing_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, forked: bool
) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "of the operator")
    monkeypatch.setenv("RUNPOD_WEBHOOK_GET_JOB", "of the operator")
    monkeypatch.delenv("TZ", raising=False)
    stage = Stage(tmp_path / "data", forked=forked)
    room = stage.data / "workers" / "w1"
    base = f"{URL}/runpod/v2/ep_1"
    assert environ_of(
        stage, worker_of_runpod(stage, TOKEN="s3cret", RUNPOD_LOG_LEVEL="DEBUG", RUNPOD_POD_ID="other")
    ) == {
        "PATH": f"{stage.data}/envs/bare/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(room),
        "TMPDIR": str(room / "tmp"),
        "VIRTUAL_ENV": f"{stage.data}/envs/bare",
        "OF_TEMPLATE": "yes",
        "TOKEN": "s3cret",
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=cpu",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=cpu",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=cpu",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?gpu=cpu",
        "RUNPOD_AI_API_KEY": "token-of-the-worker",
        "RUNPOD_POD_ID": "w1",
        "RUNPOD_ENDPOINT_ID": "ep_1",
        "RUNPOD_PING_INTERVAL": "2000",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
        "RUNPOD_LOG_LEVEL": "DEBUG",
        "RUNPOD_POD_HOSTNAME": "w1",
        "RUNPOD_CPU_COUNT": str(os.cpu_count()),
        "RUNPOD_GPU_COUNT": "0",
        "TRIVET_WORKER_ID": "w1",
        "TRIVET_WORKER_FOLDER": str(room),
        "TRIVET_BUNDLE": f"{stage.data}/bundles/of-w1",
        "TRIVET_HANDLER": "src/work.py",
    }


@pytest.mark.parametrize("forked", [False, True])
def test_a_worker_by_our_module_finds_the_link_besides(tmp_path: Path, *, forked: bool) -> None:
    environs = []
    for host in (POLLING_HOST, LINKED_HOST):
        stage = Stage(tmp_path / host / "data", forked=forked)
        spec = worker_of_runpod(stage, TRIVET_LINK="stolen", TRIVET_URL="stolen")
        environ = environ_of(stage, replace(spec, version=replace(spec.version, host=host)))
        environs.append({name: value.replace(str(stage.data), "DATA") for name, value in environ.items()})
    alike, own = environs
    assert {name: value for name, value in own.items() if alike.get(name) != value} == {
        "TRIVET_LINK": "unix:/nowhere.sock",
        "TRIVET_WORKER_TOKEN": "token-of-the-worker",
        "TRIVET_HOST": LINKED_HOST,
        "TRIVET_URL": URL,
    }


def test_no_parent_is_ever_warmed_for_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "data")
    spec = worker_of_runpod(stage)

    async def act(runtime: ProcessRuntime) -> bool:
        return await runtime.warm_up(spec.version)

    assert not stage.play(act, url=URL)


def test_a_platform_that_is_not_served_over_http_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "data")
    spec = worker_of_runpod(stage)

    async def act(runtime: ProcessRuntime) -> None:
        with pytest.raises(Unavailable, match="asks for its jobs over HTTP"):
            await runtime.start(spec)

    stage.play(act)
    assert list((stage.data / "workers").iterdir()) == []
