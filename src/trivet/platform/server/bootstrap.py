"""Wiring: every resource is opened here, once, and every service is given what it needs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from typing import NamedTuple

from trivet._version import __version__
from trivet.platform.builders.local import LocalBuilder
from trivet.platform.core.accounts import Account, Principal
from trivet.platform.core.data_paths import DataPath
from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import NATIVE, Job
from trivet.platform.core.keys import Token
from trivet.platform.core.limits import CallLimits
from trivet.platform.dialects.native.webhooks import FORMAT
from trivet.platform.dialects.runpod.context import FORMAT as RUNPOD
from trivet.platform.dialects.runpod.jobs import RUNPOD_FORMAT
from trivet.platform.dialects.runpod.worker import read_log_line
from trivet.platform.egress.guard import Allowed, Guard
from trivet.platform.egress.sender import HttpSender
from trivet.platform.ports.background import Background
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.runtimes.process import ProcessRuntime, ProcessSettings
from trivet.platform.runtimes.shared import SharedRuntime, SharedSettings
from trivet.platform.runtimes.warm import WarmSettings
from trivet.platform.server import memory
from trivet.platform.server.background import Tasks
from trivet.platform.server.checks import Checks
from trivet.platform.server.data import DataFolder
from trivet.platform.server.entropy import EntropyPool
from trivet.platform.server.notifier import LoopNotifier
from trivet.platform.server.settings import Settings
from trivet.platform.server.steady import SteadyClock
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.calls import Calls
from trivet.platform.services.deployments import Deployments
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.files import Files
from trivet.platform.services.identities import Identities
from trivet.platform.services.images import Images
from trivet.platform.services.insights import Insights
from trivet.platform.services.intake import Intake
from trivet.platform.services.invitations import Invitations
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.keys import Keys
from trivet.platform.services.limits import Limits
from trivet.platform.services.numbered import NumberedJobs
from trivet.platform.services.once import Once
from trivet.platform.services.organizations import Organizations
from trivet.platform.services.pending import PendingModels
from trivet.platform.services.profiles import Profiles
from trivet.platform.services.recorder import Recorder
from trivet.platform.services.registries import Registries
from trivet.platform.services.releases import Releases
from trivet.platform.services.replays import Replays
from trivet.platform.services.rollouts import Rollouts
from trivet.platform.services.scaling import Scaling
from trivet.platform.services.secrets import Secrets
from trivet.platform.services.sight import Sight
from trivet.platform.services.takes import Takes
from trivet.platform.services.tallies import Tallies
from trivet.platform.services.templates import Templates
from trivet.platform.services.trees import Trees
from trivet.platform.services.upkeep import Upkeep
from trivet.platform.services.waits import Waits
from trivet.platform.services.webhooks import Webhooks
from trivet.platform.services.worker_envs import WorkerEnvs
from trivet.platform.services.workers import EVERYBODY_GONE, Workers
from trivet.platform.stores.blobs_disk import DiskBlobs
from trivet.platform.stores.sqlite import SqliteStore
from trivet.platform.stores.vault import FileVault
from trivet.platform.wire.schemas import compile_schema
from trivet.platform.worker_api.listener import Listener
from trivet.protocol.runpod import LINKED_HOST, POLLING_HOST

logger = logging.getLogger(__name__)

DISPATCH_TICK = 0.1
SCALING_TICK = 0.2
WORKERS_TICK = 1.0
TAKES_TICK = 0.25
FILES_TICK = 5.0
WEBHOOKS_TICK = 1.0
UPKEEP_TICK = 10.0
SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that wants the interpreter gets it, for the whole process.

A busy event loop gives the interpreter up at each poll, and has it back before the store's writer thread has woken; a thread
only insists once it has waited this long in one piece. With the usual 5 ms it never does, and a commit takes seconds; with
much less than a millisecond the two threads spend their time on taking turns.
"""
CLEAN_UP_TICK = 600.0


class _Ports(NamedTuple):
    """What nearly every service is given. ``clock`` tells the time of day, ``steady`` goes on evenly."""

    store: SqliteStore
    blobs: DiskBlobs
    notifier: LoopNotifier
    vault: FileVault
    clock: Clock
    steady: Clock
    entropy: Entropy
    background: Background


class Platform:
    """One running platform. Make it with `open`, end it with `close`."""

    def __init__(self, settings: Settings, folder: DataFolder, store: SqliteStore, url: str) -> None:
        self.settings = settings
        self.folder = folder
        self.store = store
        self.tasks = Tasks()
        self.notifier = LoopNotifier()
        self.blobs = DiskBlobs(folder.blobs)
        self.vault = FileVault(folder.master_key)
        ports = _Ports(
            store, self.blobs, self.notifier, self.vault, time.time, SteadyClock(), EntropyPool(), self.tasks.run
        )
        self._wire_people(ports)
        self._wire_endpoints(ports, url)
        self._wire_workers(ports)
        self._wire_calls(ports)
        self._wire_the_rest(ports)
        self.first: tuple[Account, Token] | None = None
        """The first account and its key, where this start has made them."""

    def _wire_people(self, ports: _Ports) -> None:
        """Who asks, and what is kept for them."""
        default_limits = CallLimits(self.settings.default_rate, self.settings.default_concurrent)
        self.accounts = Accounts(ports.store, ports.clock, ports.entropy, default_limits)
        self.keys = Keys(ports.store, ports.clock, ports.entropy, self.accounts.look_up_anew)
        self.organizations = Organizations(ports.store, ports.clock, ports.entropy, self.accounts.look_up_anew)
        self.invitations = Invitations(ports.store, ports.clock, ports.entropy, self.accounts.look_up_anew)
        self.profiles = Profiles(ports.store)
        self.secrets = Secrets(ports.store, ports.clock, ports.vault)
        self.files = Files(
            store=ports.store,
            blobs=ports.blobs,
            clock=ports.clock,
            entropy=ports.entropy,
            is_open=self._is_open,
            max_file=self.settings.max_file,
        )

    def _wire_endpoints(self, ports: _Ports, url: str) -> None:
        """What can be called, and how it is made."""
        warm = WarmSettings(most=self.settings.warm_parents, memory=self.settings.warm_memory)
        link = f"unix:{self.folder.socket}"
        self.runtime = SharedRuntime(
            ProcessRuntime(
                self.folder.root, link, ProcessSettings(warm=warm, url=url, algorithm_tmp=self.settings.algorithm_tmp)
            ),
            link,
            SharedSettings(self.settings.model_processes or os.cpu_count() or 1),
        )
        self.builder = LocalBuilder(self.folder.root, load_timeout=self.settings.load_timeout)
        self.endpoints = Endpoints(ports.store, ports.clock, ports.entropy)
        self.images = Images(ports.store)
        self.registries = Registries(ports.store, ports.clock, ports.entropy, ports.vault)
        self.templates = Templates(
            ports.store, ports.clock, ports.entropy, ports.vault, self.endpoints, lambda: self.runtime.capabilities.gpus
        )
        self.worker_envs = WorkerEnvs(ports.store, ports.vault, self.secrets)
        self.deployments = Deployments(
            ports.store,
            ports.clock,
            ports.entropy,
            self.builder,
            self.endpoints,
            ports.notifier,
            compile_schema,
            self.worker_envs,
        )
        self.releases = Releases(ports.store, ports.clock, ports.entropy, self.endpoints, self.deployments)
        self.deployments.checksum = self._checksum

    def _wire_workers(self, ports: _Ports) -> None:
        """Who works, and how jobs come to them."""
        self.recorder = Recorder(ports.store, ports.background, asyncio.sleep)
        self.dispatcher = Dispatcher(
            recorder=self.recorder,
            blobs=ports.blobs,
            clock=ports.steady,
            wall=ports.clock,
            entropy=ports.entropy,
            notifier=ports.notifier,
            background=ports.background,
        )
        self.workers = Workers(
            runtime=self.runtime,
            dispatcher=self.dispatcher,
            endpoints=self.endpoints,
            secrets=self.secrets,
            clock=ports.steady,
            entropy=ports.entropy,
            notifier=ports.notifier,
            background=ports.background,
            max_output=self.settings.max_output,
            read_lines=dict.fromkeys((POLLING_HOST, LINKED_HOST), lambda text: read_log_line(text).text),
        )
        self.takes = Takes(
            workers=self.workers,
            dispatcher=self.dispatcher,
            endpoints=self.endpoints,
            notifier=ports.notifier,
            vault=ports.vault,
            clock=ports.steady,
            background=ports.background,
            readers=dict.fromkeys((POLLING_HOST, LINKED_HOST), read_log_line),
        )
        self.identities = Identities(
            self.accounts, self.dispatcher, self.endpoints, self.workers.register, self.settings.nested_calls
        )
        self.scaling = Scaling(
            dispatcher=self.dispatcher, workers=self.workers, endpoints=self.endpoints, clock=ports.steady
        )
        self.listener = Listener(self.workers, self.dispatcher.attempts, self.folder.socket, ports.vault.unseal)

    def _wire_calls(self, ports: _Ports) -> None:
        """How calls become jobs, and what becomes of these."""
        self.limits = Limits(ports.steady, self.dispatcher.open_jobs.jobs)
        sight = Sight(ports.store, self.dispatcher.open_jobs, self.endpoints)
        waits = Waits(self.dispatcher.open_jobs, sight, ports.notifier, ports.clock)
        self.trees = Trees(self.dispatcher.stops, ports.background)
        self.checks = Checks()
        self.intake = Intake(
            store=ports.store,
            blobs=ports.blobs,
            endpoints=self.endpoints,
            dispatcher=self.dispatcher,
            limits=self.limits,
            trees=self.trees,
            compile_schema=compile_schema,
            vault=ports.vault,
            clock=ports.clock,
            entropy=ports.entropy,
            retention=self.settings.job_retention,
            dead_letter_retention=self.settings.dead_letter_retention,
            check_large=self.checks,
        )
        self.jobs = Jobs(
            store=ports.store,
            blobs=ports.blobs,
            endpoints=self.endpoints,
            dispatcher=self.dispatcher,
            workers=self.workers,
            sight=sight,
            waits=waits,
            notifier=ports.notifier,
            clock=ports.clock,
        )
        self.calls = Calls(
            endpoints=self.endpoints,
            intake=self.intake,
            once=Once(ports.store, self.intake, sight, self.limits),
            jobs=self.jobs,
            sight=sight,
            waits=waits,
            open_jobs=self.dispatcher.open_jobs,
            notifier=ports.notifier,
        )
        self.replays = Replays(
            endpoints=self.endpoints,
            calls=self.calls,
            jobs=self.jobs,
            intake=self.intake,
            sight=sight,
            limits=self.limits,
            vault=ports.vault,
        )
        self.numbered = NumberedJobs(ports.store, self.calls, self.jobs, self.endpoints)
        self.insights = Insights(self.dispatcher.attempts)

    def _wire_the_rest(self, ports: _Ports) -> None:
        """What is told of jobs, and what is kept in order."""
        self.pending_models = PendingModels(ports.store, ports.clock, ports.entropy)
        self.tallies = Tallies(self.endpoints, ports.clock)
        self.rollouts = Rollouts(self.endpoints, self.dispatcher.board, self.tallies)
        self.sender = HttpSender(Guard(Allowed(self.settings.webhook_allow)), f"Trivet/{__version__}")
        self.webhooks = Webhooks(
            store=ports.store,
            egress=self.sender,
            vault=ports.vault,
            jobs=self.jobs,
            endpoints=self.endpoints,
            formats={NATIVE: FORMAT, RUNPOD: RUNPOD_FORMAT},
            clock=ports.clock,
            entropy=ports.entropy,
            background=ports.background,
            sleep=asyncio.sleep,
        )
        self.upkeep = Upkeep(store=ports.store, blobs=ports.blobs, clock=ports.clock, sleep=asyncio.sleep)

    @classmethod
    async def open(cls, settings: Settings, url: str) -> Platform:
        """Opens the data folder and starts everything but the HTTP server.

        Args:
            settings: what the operator has set.
            url: where workers on this machine will find the platform's HTTP side.

        Raises:
            DataFolderError: the folder can't be used.
            CoreError: the database can't be used, with the reason.
        """
        memory.one_arena()
        sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))
        folder = DataFolder(settings.data)
        folder.open()
        try:
            store = await SqliteStore.open(folder.database)
        except BaseException:
            folder.close()
            raise
        try:
            platform = cls(settings, folder, store, url)
            await platform._start()
        except BaseException:
            await store.close()
            folder.close()
            raise
        return platform

    async def _start(self) -> None:
        self.runtime.on_exit = self.workers.departed
        self.runtime.on_line = self._worker_wrote
        self.intake.check_webhook = self.webhooks.check
        self.recorder.on_planned = self.webhooks.planned
        self.endpoints.on_change(self._endpoint_changed)
        self.dispatcher.open_jobs.on_end = self._job_ended
        self.organizations.on_removed = self.endpoints.forget_organization
        self.organizations.on_changed = self.endpoints.rename_organization
        self.accounts.resolve_job = self.identities.of_token
        self.accounts.on_limits_changed = self.keys.on_limits_changed = self.limits.forget
        await self.runtime.open()
        self.first = await self.accounts.bootstrap()
        await self.endpoints.load()
        await self.deployments.recover()
        lost = await self.upkeep.forget_lost_blobs()
        if lost:
            logger.info("%d payloads that no job and no file knows of were removed", lost)
        await self.listener.open()
        recovered = await self.intake.recover()
        if recovered:
            logger.info("%d open jobs were taken up again", recovered)
        self.tasks.every(DISPATCH_TICK, self.dispatcher.tick, "dispatch")
        self.tasks.every(SCALING_TICK, self.scaling.tick, "scaling")
        self.tasks.every(WORKERS_TICK, self.workers.tick, "workers")
        self.tasks.every(TAKES_TICK, self.takes.tick, "takes")
        self.tasks.every(FILES_TICK, self.files.tick, "files")
        self.tasks.every(WEBHOOKS_TICK, self.webhooks.tick, "webhooks")
        self.tasks.every(UPKEEP_TICK, self._upkeep, "upkeep")
        self.tasks.every(UPKEEP_TICK, self.pending_models.tick, "pending models")
        self.tasks.every(CLEAN_UP_TICK, self._clean_up, "clean-up")
        self.deployments.on_submit = lambda deployment_id: self.tasks.run(self._build(deployment_id))

    async def _build(self, deployment_id: str) -> None:
        await self.deployments.build(deployment_id)
        memory.give_back()  # archives and what was read of them

    async def _checksum(self, principal: Principal, path: str) -> str:
        return (await self.files.stat(principal, DataPath.parse(path))).md5

    async def _upkeep(self) -> None:
        await self.upkeep.tick()

    async def _clean_up(self) -> None:
        memory.give_back()
        removed = await self.deployments.forget_unused(self.workers.register.versions())
        if removed:
            logger.info("%d bundles, environments and runtimes that nothing uses any more were removed", removed)

    def _is_open(self, job_id: str) -> bool:
        job = self.dispatcher.open_jobs.job(job_id)
        return job is not None and not job.is_final

    def _worker_wrote(self, worker_id: str, text: str) -> None:
        """A worker has written a line: a job's, where that can be told, or its own."""
        if not self.takes.wrote(worker_id, text):
            self.workers.wrote(worker_id, text)

    def _job_ended(self, job: Job) -> None:
        """A job has ended, and its callers are told."""
        self.tallies.ended(job)
        self.limits.release(job.id)
        self.trees.ended(job)
        if job.root_id is None:
            if self.files.has_session(job.id):
                self.tasks.run(self.files.end_session(job.id))
            self.limits.forget(job.id)  # the tree of calls below it has its limit under its name

    def _endpoint_changed(self, endpoint_id: str) -> None:
        """An endpoint was published, scaled, rolled back or removed: what that means for its jobs and workers."""
        known = {version.id for version in self.endpoints.versions_of(endpoint_id)}
        for version_id in known:
            self.workers.starts.forgive(version_id)
            self.scaling.adjust(version_id)
        endpoint = self.endpoints.by_id(endpoint_id)
        for version in map(self.endpoints.version, endpoint.serving if endpoint is not None else ()):
            if version is not None:
                self.runtime.prepare(version)
        for version_id in self.workers.register.versions_of_endpoint(
            endpoint_id
        ) | self.dispatcher.open_jobs.versions_of(endpoint_id):
            if version_id not in known:
                self.intake.abandon(version_id)
                self.scaling.adjust(version_id)

    def trouble(self) -> str | None:
        """Why the platform can't do its work now, a sentence; None while it can."""
        stalled = self.recorder.stalled
        return None if stalled is None else f"Jobs can't be recorded: {stalled.detail} {stalled.hint}".strip()

    async def drain(self) -> None:
        """Lets workers finish what they hold, within the grace, and then ends every wait of a caller."""
        self.scaling.close()
        self.takes.close()
        for worker_id in self.workers.register.ids():
            self.workers.stop(worker_id)
        with self.notifier.subscribe(EVERYBODY_GONE) as gone:
            if self.workers.register.ids():
                await gone.wait(self.settings.shutdown_grace)
        self.notifier.close()

    async def close(self) -> None:
        """Ends everything. Jobs that are open stay on disk for the next start."""
        await self.listener.close()
        await self.runtime.close()
        self.recorder.hurry()
        try:
            await asyncio.wait_for(self.store.flush(), timeout=5.0)
        except (CoreError, TimeoutError):
            logger.warning("not everything could be brought to disk before the end")
        await self.checks.close()
        await self.tasks.close()
        await self.sender.close()
        await self.store.close()
        self.folder.close()
