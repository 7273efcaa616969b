"""Which peers there are, how each is started, and what it is asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks import network
from benchmarks.floor import MARKER, PIECES
from benchmarks.load import LoadError, Target, fetch
from benchmarks.peers.originals import RUNPOD
from benchmarks.processes import Contender
from benchmarks.venvs import python_of, version_of

PROGRAMS = Path(__file__).parent / "programs"
BODY = b'{"value": "hello"}'
RUNPOD_BODY = b'{"input": {"value": "hello"}}'
STREAM_BODY = b'{"n": %d}' % PIECES
_V2 = {"inputs": [{"name": "value", "shape": [1], "datatype": "BYTES", "data": ["hello"]}]}

Command = Callable[[Path, str, int], list[str]]
"""Given the interpreter of its environment, what it shall do (``echo``, ``stream``), and the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One model server.

    Args:
        name: for the command line.
        title: for people.
        distribution: whose version is told.
        requirements: what is installed.
        command: how it is started.
        echo: path and body of a call.
        stream: path and body of a call whose answer comes in 20 pieces; None: it has no such thing.
        files: what has to lie in its folder, by name; ``PORT``, ``PORT1`` and ``PORT2`` in it become free ports.
        environ: environment variables.
        alone: whether it needs a network of its own (root, Linux).
        environment: the peer whose installation it shares.
        settle: seconds after its first answer until its processes are those that stay.
    """

    name: str
    title: str
    distribution: str
    requirements: Sequence[str]
    command: Command
    echo: tuple[str, bytes]
    stream: tuple[str, bytes] | None = None
    files: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    environment: str = ""
    settle: float = 0.0


class RunningPeer:
    """A peer that has answered its first call. Leave the `with` block to end it.

    Args:
        peer: which.
        role: ``echo`` or ``stream``.
        folder: an empty one for it alone.
        install: whether it may be installed.
        tell: told what takes long.

    Raises:
        NotInstalledError: it is not there, or can't be installed.
        StartError: it does not start.
    """

    def __init__(self, peer: Peer, role: str, folder: Path, *, install: bool, tell: Callable[[str], None]) -> None:
        environment = peer.environment or peer.name
        python = python_of(environment, peer.requirements, install=install, tell=tell)
        self.peer = peer
        self.title = f"{peer.title} {version_of(python, peer.distribution)}"
        port, second, third = network.free_port(), network.free_port(), network.free_port()
        folder.mkdir(parents=True)
        for name, content in peer.files.items():
            text = json.dumps(content).replace('"PORT1"', str(second)).replace('"PORT2"', str(third))
            (folder / name).write_text(text.replace('"PORT"', str(port)))
        environ = {name: value.replace("FOLDER", str(folder)) for name, value in peer.environ.items()}
        command = peer.command(python, role, port)
        if peer.alone:
            command = [sys.executable, network.__file__, *command]
        self.process = Contender(peer.name, command, folder, environ)
        path, body = peer.stream if role == "stream" and peer.stream else peer.echo
        namespace = self.process.pid if peer.alone else None
        self.target = Target(port, path, body, marker=MARKER if role == "stream" else b"", namespace=namespace)
        try:
            self.process.wait_for(self._answers, 120.0)
            time.sleep(peer.settle)
        except BaseException:
            self.process.stop()
            raise

    def _answers(self) -> bool:
        with closing(self.target.connect()):
            pass
        try:
            return b"hello" in (body := fetch(self.target)) or MARKER in body
        except LoadError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()


def _litserve(python: Path, role: str, port: int) -> list[str]:
    return [str(python), str(PROGRAMS / "litserve_echo.py"), role, str(port)]


def _bentoml(python: Path, _: str, port: int) -> list[str]:
    return [str(python), "-m", "bentoml", "serve", "bentoml_echo:Bench", "--host", "127.0.0.1", "--port", str(port),
            "--working-dir", str(PROGRAMS)]  # fmt: skip


def _runpod(python: Path, _: str, port: int) -> list[str]:
    return [str(python), str(PROGRAMS / "runpod_echo.py"), "--rp_serve_api", "--rp_api_host", "127.0.0.1",
            "--rp_api_port", str(port)]  # fmt: skip


def _mlserver(python: Path, _role: str, _port: int) -> list[str]:
    return [str(python.parent / "mlserver"), "start", "."]


def _ray(python: Path, _: str, port: int) -> list[str]:
    return [str(python), str(PROGRAMS / "ray_echo.py"), str(port)]


_RAY = {
    "RAY_TMPDIR": "FOLDER/ray",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "FOLDER/haproxy.cfg",
    "RAY_SERVE_HAPROXY_SOCKET_PATH": "FOLDER/admin.sock",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "FOLDER/state",
    "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "FOLDER/state/server-state",
}

PEERS = (
    Peer(
        name="litserve",
        title="LitServe",
        distribution="litserve",
        requirements=("litserve==0.2.*",),
        command=_litserve,
        echo=("/predict", BODY),
        stream=("/predict", STREAM_BODY),
    ),
    Peer(
        name="mlserver",
        title="MLServer",
        distribution="mlserver",
        requirements=("mlserver==1.7.*", "uvloop<0.22"),  # with a newer one its worker does not start
        command=_mlserver,
        echo=("/v2/models/echo/infer", json.dumps(_V2).encode()),
        files={
            "settings.json": {
                "host": "127.0.0.1",
                "http_port": "PORT",
                "grpc_port": "PORT1",
                "metrics_port": "PORT2",
                "metrics_endpoint": None,
                "parallel_workers": 1,
                "debug": False,
            },
            "model-settings.json": {"name": "echo", "implementation": "mlserver_echo.Echo"},
        },
        environ={"PYTHONPATH": str(PROGRAMS)},
    ),
    Peer(
        name="bentoml",
        title="BentoML",
        distribution="bentoml",
        requirements=("bentoml==1.4.*",),
        command=_bentoml,
        echo=("/echo", BODY),
        stream=("/stream", STREAM_BODY),
        environ={"BENTOML_HOME": "FOLDER/home", "BENTOML_DO_NOT_TRACK": "true"},
    ),
    Peer(
        name="ray",
        title="Ray Serve, HAProxy",
        distribution="ray",
        requirements=("ray[serve,haproxy]==2.60.*",),
        command=_ray,
        echo=("/", BODY),
        stream=("/stream", STREAM_BODY),
        environ={
            **_RAY,
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_SERVE_EXPERIMENTAL_PIP_HAPROXY": "1",
        },
        alone=True,
        settle=4.0,  # its proxy is started anew when the replica has become healthy
    ),
    Peer(
        name="ray-proxy",
        title="Ray Serve, its own proxy",
        distribution="ray",
        requirements=("ray[serve,haproxy]==2.60.*",),
        command=_ray,
        echo=("/", BODY),
        stream=("/stream", STREAM_BODY),
        environ=_RAY,
        alone=True,
        environment="ray",
    ),
    Peer(
        name=RUNPOD.name,
        title="RunPod's own local server",
        distribution=RUNPOD.distribution,
        requirements=RUNPOD.requirements,
        command=_runpod,
        echo=("/runsync", RUNPOD_BODY),
        environ={"RUNPOD_LOG_LEVEL": "ERROR", "UVICORN_LOG_LEVEL": "warning"},
    ),
)
"""In the order in which they are told."""
