"""The mount table: which prefix belongs to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from trivet._version import __version__
from trivet.platform.dialects.native.app import NativeServices, NativeSettings, create_app
from trivet.platform.dialects.native.docs_page import create_docs_app
from trivet.platform.server.bootstrap import Platform
from trivet.platform.server.probes import Probes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def create_root(platform: Platform) -> App:
    """The whole HTTP side of a platform, as one ASGI application.

    A dialect is one line in the table. Paths are handed on whole; every application knows its own prefix.
    """
    services = NativeServices(
        accounts=platform.accounts,
        secrets=platform.secrets,
        endpoints=platform.endpoints,
        deployments=platform.deployments,
        jobs=platform.jobs,
        workers=platform.workers,
    )
    settings = NativeSettings(
        version=__version__,
        max_input=platform.settings.max_input,
        max_upload=platform.settings.max_upload,
        uploads=platform.folder.uploads,
    )
    native = create_app(services, settings)
    probes = Probes(platform, metrics_public=platform.settings.metrics_public)
    mounts: dict[str, App] = {
        "api": native,
        "docs": create_docs_app(settings),
        "livez": probes,
        "readyz": probes,
        "metrics": probes,
    }

    async def root(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        end = path.find("/", 1)
        app = mounts.get(path[1:end] if end > 0 else path[1:], native)
        await app(scope, receive, send)

    return root
