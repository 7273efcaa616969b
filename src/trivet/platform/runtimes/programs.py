"""Workers that are programs of their authors' own: what each kind is started with, and what it finds in its environment."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote_plus

from trivet.platform.core.errors import Unavailable
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes import strays
from trivet.platform.runtimes.surroundings import URL, base_environ, custom_environ, visible_gpus
from trivet.protocol.runpod import LINKED_HOST, POLLING_HOST, worker_variables

COMMAND = ("-I", "-c", "import sys; from trivet.worker.programs import main; sys.exit(main())")
"""What the interpreter of an environment is started with to become the program."""
HOSTS = frozenset({POLLING_HOST, LINKED_HOST})
"""The kinds of host that are such programs."""

_PING_INTERVAL = 2.0
"""Seconds; below 1 the ping process of some versions dies, and every ping keeps a second process busy for a moment."""


def program_environ(  # noqa: PLR0917 - what a worker knows, put together in one place
    spec: WorkerSpec, python: Path, bundle: Path, room: Path, link: str, url: str
) -> dict[str, str]:
    """All that a RunPod worker knows of its surroundings. One that can use our link finds that, and all the others' beside it.

    The template's variables and the owner's secrets come over what we merely suggest, and never over what the worker is
    reached by. Its home is its own room, as a configuration in the operator's would be preferred to the key that it is given.

    Args:
        spec: the worker.
        python: the interpreter of its environment.
        bundle: the folder with its code.
        room: its own folder.
        link: where workers connect to.
        url: where the platform is found over HTTP.

    Raises:
        Unavailable: the platform has no such place.
    """
    if not url:
        raise Unavailable(
            "A RunPod worker asks for its jobs over HTTP, and this platform is not served over HTTP.",
            hint="Start it by `trivet up`.",
        )
    return {
        **base_environ(python, room),
        **visible_gpus(spec.version.settings),
        **_suggested(spec),
        **custom_environ(spec),
        "HOME": str(room),
        "VIRTUAL_ENV": str(python.parent.parent),
        **worker_variables(
            url,
            spec.version.endpoint_id,
            spec.worker_id,
            spec.token,
            query=f"gpu={quote_plus(spec.version.settings.gpu or 'cpu')}",
            ping_interval=_PING_INTERVAL,
        ),
        strays.MARK: spec.worker_id,
        strays.FOLDER: str(room),
        "TRIVET_BUNDLE": str(bundle),
        "TRIVET_HANDLER": spec.version.handler,
        **(_linked(spec, link, url) if spec.version.host == LINKED_HOST else {}),
    }


def _linked(spec: WorkerSpec, link: str, url: str) -> dict[str, str]:
    """What leads to our link, and tells jobs where they may ask the platform for something themselves."""
    return {"TRIVET_LINK": link, "TRIVET_WORKER_TOKEN": spec.token, "TRIVET_HOST": spec.version.host, URL: url}


def _suggested(spec: WorkerSpec) -> dict[str, str]:
    """What the original platform sets beside the protocol, and what keeps a worker quiet that has no internet."""
    gpu = spec.version.settings.gpu
    return {
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
        "RUNPOD_LOG_LEVEL": "INFO",  # its own choice is DEBUG: several lines for every question for work
        "RUNPOD_POD_HOSTNAME": spec.worker_id,
        "RUNPOD_CPU_COUNT": str(os.cpu_count() or 1),
        "RUNPOD_GPU_COUNT": "1" if gpu else "0",
    }
