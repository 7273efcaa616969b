"""The mount table: which prefix belongs to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from trivet._version import __version__
from trivet.platform.dialects.algorithmia.app import AlgorithmiaApp, AlgorithmiaServices, AlgorithmiaSettings
from trivet.platform.dialects.algorithmia.app import create_app as create_algorithmia
from trivet.platform.dialects.algorithmia.management import ManagementApi, ManagementServices, ManagementSettings
from trivet.platform.dialects.jaqpot.app import JaqpotServices, JaqpotSettings
from trivet.platform.dialects.jaqpot.app import create_app as create_jaqpot
from trivet.platform.dialects.jaqpot.people import PeopleApi, PeopleServices
from trivet.platform.dialects.native.app import NativeApp, NativeServices, NativeSettings, create_app
from trivet.platform.dialects.native.docs_page import create_docs_app
from trivet.platform.dialects.runpod.app import RunPodApp, RunPodServices, RunPodSettings
from trivet.platform.dialects.runpod.app import create_app as create_runpod
from trivet.platform.server.bootstrap import Platform
from trivet.platform.server.probes import Probes
from trivet.platform.server.traffic import Traffic, first_part
from trivet.platform.wire.hot import Head, HotPath, HotRoutes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


_DIALECTS = {"api": "native", "runpod": "runpod", "algorithmia": "algorithmia", "jaqpot": "jaqpot"}
"""What metrics call the dialects, by the first parts of their paths."""


@dataclass(frozen=True, slots=True)
class Root:
    """The whole HTTP side of a platform: one ASGI application, and the way past it for what is hot."""

    app: App
    hot_routes: HotRoutes
    traffic: Traffic
    """What counts the answers. Those to hot requests go past the application, so that whoever sends them counts them."""


def create_root(platform: Platform) -> Root:
    """Mounts every application under the first part of its paths.

    A dialect is one line in the table, and one more where it has hot paths. Paths are handed on whole; every application
    knows its own prefix.
    """
    settings = _native_settings(platform)
    native, runpod, algorithmia = _native(platform, settings), _runpod(platform), _algorithmia(platform)
    traffic = Traffic(_DIALECTS)
    probes = Probes(platform, traffic, metrics_public=platform.settings.metrics_public)
    mounts: dict[str, App] = {
        "api": native,
        "runpod": runpod,
        "algorithmia": algorithmia,
        "jaqpot": _jaqpot(platform),
        "docs": create_docs_app(settings),
        "livez": probes,
        "readyz": probes,
        "metrics": probes,
    }
    hot: dict[str, HotRoutes] = {
        "api": native.hot_routes,
        "runpod": runpod.hot_routes,
        "algorithmia": algorithmia.hot_routes,
    }

    async def root(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        app = mounts.get(first_part(path), native)
        await app(scope, receive, traffic.counted(path, send))

    def hot_routes(head: Head) -> HotPath | None:
        routes = hot.get(first_part(head.path))
        return None if routes is None else routes(head)

    return Root(root, hot_routes, traffic)


def _native_settings(platform: Platform) -> NativeSettings:
    return NativeSettings(
        version=__version__,
        max_input=platform.settings.max_input,
        max_upload=platform.settings.max_upload,
        uploads=platform.folder.uploads,
        bundles=platform.folder.bundles,
    )


def _native(platform: Platform, settings: NativeSettings) -> NativeApp:
    services = NativeServices(
        accounts=platform.accounts,
        keys=platform.keys,
        organizations=platform.organizations,
        secrets=platform.secrets,
        endpoints=platform.endpoints,
        deployments=platform.deployments,
        calls=platform.calls,
        jobs=platform.jobs,
        replays=platform.replays,
        workers=platform.workers,
        rollouts=platform.rollouts,
        webhooks=platform.webhooks,
        limits=platform.limits,
        images=platform.images,
        files=platform.files,
    )
    return create_app(services, settings)


def _runpod(platform: Platform) -> RunPodApp:
    return create_runpod(
        RunPodServices(
            accounts=platform.accounts,
            endpoints=platform.endpoints,
            calls=platform.calls,
            jobs=platform.jobs,
            replays=platform.replays,
            workers=platform.workers,
            limits=platform.limits,
            takes=platform.takes,
            templates=platform.templates,
            registries=platform.registries,
            secrets=platform.secrets,
        ),
        RunPodSettings(
            hold=platform.settings.runpod_hold,
            poll=platform.settings.runpod_poll,
            retention=platform.settings.runpod_retention,
            max_run=min(platform.settings.runpod_max_run, platform.settings.max_input),
            max_runsync=min(platform.settings.runpod_max_runsync, platform.settings.max_input),
            max_output=platform.settings.max_output,
        ),
    )


def _algorithmia(platform: Platform) -> AlgorithmiaApp:
    return create_algorithmia(
        AlgorithmiaServices(
            accounts=platform.accounts,
            endpoints=platform.endpoints,
            calls=platform.calls,
            jobs=platform.jobs,
            files=platform.files,
            identities=platform.identities,
            insights=platform.insights,
            check_large=platform.checks,
        ),
        AlgorithmiaSettings(
            max_input=min(platform.settings.algorithmia_max_input, platform.settings.max_input),
            max_output=platform.settings.algorithmia_max_output,
            concurrent=platform.settings.algorithmia_concurrent,
            strict=platform.settings.algorithmia_strict,
        ),
        ManagementApi(
            ManagementServices(
                accounts=platform.accounts,
                organizations=platform.organizations,
                secrets=platform.secrets,
                endpoints=platform.endpoints,
                releases=platform.releases,
                jobs=platform.jobs,
                identities=platform.identities,
            ),
            ManagementSettings(uploads=platform.folder.uploads),
        ),
    )


def _jaqpot(platform: Platform) -> App:
    return create_jaqpot(
        JaqpotServices(
            accounts=platform.accounts,
            organizations=platform.organizations,
            endpoints=platform.endpoints,
            deployments=platform.deployments,
            jobs=platform.jobs,
            numbered=platform.numbered,
            pending=platform.pending_models,
            vault=platform.vault,
        ),
        JaqpotSettings(
            uploads=platform.folder.uploads,
            bundles=platform.folder.bundles,
            wait=platform.settings.jaqpot_wait,
            hold=platform.settings.jaqpot_hold,
            retention=platform.settings.jaqpot_retention,
            max_rows=platform.settings.jaqpot_max_rows,
            max_csv_rows=platform.settings.jaqpot_max_csv_rows,
            max_input=platform.settings.max_input,
            max_csv=platform.settings.jaqpot_max_csv,
            max_upload=platform.settings.max_upload,
            max_output=platform.settings.max_output,
        ),
        lambda summaries: PeopleApi(
            PeopleServices(
                accounts=platform.accounts,
                keys=platform.keys,
                organizations=platform.organizations,
                invitations=platform.invitations,
                profiles=platform.profiles,
                endpoints=platform.endpoints,
            ),
            summaries,
        ),
    )
