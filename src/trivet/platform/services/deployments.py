"""Deployments: an upload on its way to being versions that can be called."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from trivet.platform.core import ids
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoints import EndpointReference, Version, VersionState
from trivet.platform.core.errors import BadRequest, BuildFailed, CoreError, Forbidden, NotFound
from trivet.platform.core.images import Image
from trivet.platform.core.worker_envs import SealedEnv, WorkerEnv
from trivet.platform.ports.builder import Builder, Built
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.notifier import Notifier
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.validator import SchemaCompiler
from trivet.platform.services import publishing
from trivet.platform.services.access import require
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.images import publisher_for_all
from trivet.platform.services.owners import owner_for_deployment
from trivet.platform.services.worker_envs import WorkerEnvs

logger = logging.getLogger(__name__)

MAX_BUILDS = 2
"""Builds that run at once; the others wait their turn."""
MAX_LOG = 1024 * 1024
"""Characters of a build's log that are kept: the first half, and the newest of the rest."""
MAX_LOG_CHUNK = 16 * 1024
"""Characters of one thing printed that are kept: its end."""


@dataclass(slots=True, eq=False)
class _Log:
    """What a build prints, bounded: the beginning says what was tried, the end why it failed."""

    head: list[str] = field(default_factory=list)
    head_size: int = 0
    tail: deque[str] = field(default_factory=deque)
    tail_size: int = 0
    left_out: int = 0

    def add(self, text: str) -> None:
        self.left_out += max(0, len(text) - MAX_LOG_CHUNK)
        text = text[-MAX_LOG_CHUNK:]
        text = text if text.endswith("\n") else text + "\n"
        if self.head_size + len(text) <= MAX_LOG // 2 and not self.tail:
            self.head.append(text)
            self.head_size += len(text)
            return
        self.tail.append(text)
        self.tail_size += len(text)
        while self.tail_size > MAX_LOG // 2:
            dropped = len(self.tail.popleft())
            self.tail_size -= dropped
            self.left_out += dropped

    def __str__(self) -> str:
        gap = [f"… {self.left_out} characters left out …\n"] if self.left_out else []
        return "".join((*self.head, *gap, *self.tail))


@dataclass(slots=True, eq=False)
class _Build:
    """A deployment that is not on disk in its final state yet."""

    deployment: Deployment
    bundle: str
    principal: Principal
    env: SealedEnv | None
    log: _Log = field(default_factory=_Log)

    def shown(self) -> Deployment:
        """The deployment with its log up to now."""
        return replace(self.deployment, log=str(self.log))


class Deployments:
    """The use cases around deployments. Whoever runs the platform has each one that is taken built (`on_submit`, `build`).

    A deployment is visible as ``building`` from the moment it is taken. Its steps and log live in memory while the build
    runs and are stored with its end. Whatever a build does, what was serving goes on serving until new versions are
    published, all at once.
    """

    def __init__(  # noqa: PLR0917 -- what it works with, by name or in this order
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        builder: Builder,
        endpoints: Endpoints,
        notifier: Notifier,
        compile_schema: SchemaCompiler,
        envs: WorkerEnvs,
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._builder = builder
        self._endpoints = endpoints
        self._notifier = notifier
        self._compile = compile_schema
        self._envs = envs
        self._builds: dict[str, _Build] = {}
        self._waiting: deque[str] = deque()
        self._running = 0
        self.on_submit: Callable[[str], None] = lambda _: None
        """Told the id of a deployment that is to be built."""
        self.checksum: Callable[[Principal, str], Awaitable[str]] | None = None
        """Tells the MD5 of a hosted file that a principal may read; None: there are no hosted files."""

    # -- for callers --------------------------------------------------------------------------------------------------

    async def submit(
        self,
        principal: Principal,
        request: DeploymentRequest,
        archive: Path,
        digest: str,
        env: WorkerEnv | None = None,
    ) -> Deployment:
        """Takes an upload: unpacks it, and has it built. Returns when the deployment is on disk, before it is built.

        Args:
            principal: who deploys; needs the scope ``deploy``, and must manage the owner that is named. Administrators may
                name any owner; one who is missing is made when the deployment is published.
            request: what was asked for.
            archive: the upload; not needed any more when this returns.
            digest: its SHA-256, in hex.
            env: what workers find in their environment, the whole of it; None: what they would find with the versions before.
                It is not stored with the deployment, but with the versions.

        Raises:
            BadRequest, Conflict, NotFound, Forbidden, DeploymentRefused, TooLarge: with the reason; nothing was stored.
        """
        require(principal, Scope.DEPLOY)
        publishing.check_request(request)
        if request.image is not None and env is not None:
            raise BadRequest(
                "An image has no variables and no secrets of its own: the templates that name it set them.",
                hint="Leave them out; or leave the image out, to publish an endpoint.",
            )
        now = self._clock()
        owner_name, _ = publishing.split_name(request.name)
        fresh_id = ids.make("acc", now, self._entropy(8))
        owner = await self._store.read(lambda tx: owner_for_deployment(tx, principal, owner_name, fresh_id, now))
        self._endpoints.check_deployment(owner.name, request, digest)
        sealed = await self._envs.sealed(owner.id, env)
        bundle = await self._builder.unpack(archive, request.filename, digest)
        deployment = Deployment(
            ids.make("dep", now, self._entropy(8)),
            principal.account_id,
            owner.id,
            owner.name,
            request,
            VersionState.BUILDING,
            now,
            digest,
        ).step(f"Received {request.filename} for {owner.name}; waiting to be built.", now)
        await self._store.write(lambda tx: tx.deployments.put(deployment))
        self._builds[deployment.id] = _Build(deployment, bundle, principal, sealed)
        self.on_submit(deployment.id)
        return deployment

    async def get(self, principal: Principal, deployment_id: str) -> Deployment:
        """A deployment as it stands, with steps and log. For the account that deployed (scope ``deploy``)."""
        build = self._builds.get(deployment_id)
        if build is not None:
            deployment: Deployment | None = build.shown()
        else:
            deployment = await self._store.read(lambda tx: tx.deployments.get(deployment_id))
        if deployment is None or not (deployment.account_id == principal.account_id or principal.administers()):
            raise NotFound.of("deployment", deployment_id)
        require(principal, Scope.DEPLOY)
        return deployment

    async def wait(
        self, principal: Principal, deployment_id: str, timeout: float, *, seen_steps: int | None = None
    ) -> Deployment:
        """A deployment when it is ready or failed, or as it stands after ``timeout`` seconds.

        Args:
            principal: who asks.
            deployment_id: which.
            timeout: seconds.
            seen_steps: how many steps the caller knows of; with it, this returns as soon as there are more.
        """
        until = self._clock() + timeout
        with self._notifier.subscribe(deployment_id) as changes:
            while True:
                deployment = await self.get(principal, deployment_id)
                left = until - self._clock()
                news = seen_steps is not None and len(deployment.steps) > seen_steps
                if deployment.state is not VersionState.BUILDING or news or left <= 0:
                    return deployment
                if not await changes.wait(left):
                    return await self.get(principal, deployment_id)

    async def log_of(self, principal: Principal, reference: EndpointReference, version: str) -> str:
        """The log of the build that made a version. For those who manage the endpoint (scope ``read``).

        Raises:
            Forbidden: the principal sees the endpoint but does not manage it: a log shows the inside of somebody's code.
        """
        endpoint, found = self._endpoints.version_of(principal, reference, version)
        if not self._endpoints.manages(principal, endpoint):
            raise Forbidden(f"Only those who manage {endpoint.full_name} may read its build logs.")
        deployment_id = found.deployment_id
        if deployment_id is None:
            return ""
        deployment = await self._store.read(lambda tx: tx.deployments.get(deployment_id))
        return deployment.log if deployment is not None else ""

    # -- for the platform ---------------------------------------------------------------------------------------------

    async def build(self, deployment_id: str) -> None:
        """Builds an upload and publishes what it holds; whatever goes wrong ends up in the deployment.

        At most `MAX_BUILDS` run at once. Where as many run already this returns at once, and one of them goes on with it.
        """
        self._waiting.append(deployment_id)
        if self._running >= MAX_BUILDS:
            return
        self._running += 1
        try:
            while self._waiting:
                await self._build(self._waiting.popleft())
        finally:
            self._running -= 1

    async def recover(self) -> int:
        """Fails the deployments that an earlier run of the server left unfinished; returns how many."""
        now = self._clock()
        error = (BuildFailed.code, "The server stopped during the build.", "Deploy again.")

        def unit(tx: Transaction) -> int:
            unfinished = tx.deployments.unfinished()
            for deployment in unfinished:
                tx.deployments.put(_failed(deployment, error, now))
            return len(unfinished)

        return await self._store.write(unit)

    async def forget_unused(self, running: Iterable[Version]) -> int:
        """Has the builder remove what nothing refers to any more: no version, image or worker, no deployment on its way.

        Args:
            running: the versions of all workers; one may run on for a while when its version was deleted.

        Returns:
            How much has gone.
        """
        images = await self._store.read(lambda tx: tx.templates.images())
        versions = [*running, *(v for e in self._endpoints.all() for v in self._endpoints.versions_of(e.id))]
        used: list[Version | Image] = [*versions, *images]
        bundles = {each.bundle for each in used} | {build.bundle for build in self._builds.values()}
        return await self._builder.forget_unused(bundles, {each.environment for each in used})

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _build(self, deployment_id: str) -> None:
        build = self._builds[deployment_id]
        try:
            request = build.deployment.request
            checksum = partial(self.checksum, build.principal) if self.checksum is not None else None
            built = await self._builder.build(
                build.bundle,
                lambda text: self._step(build, text),
                build.log.add,
                filename=request.filename,
                is_image=request.image is not None,
                checksum=checksum,
                env=lambda names: self._for_trial(build, names),
            )
            self._check_schemas(built)
            for warning in built.warnings:
                self._step(build, warning)
            if request.image is None:
                await self._tell_env(build, built)
                await self._publish(build, built)
            else:
                await self._publish_image(build, built)
        except CoreError as error:
            await self._fail(build, (error.code, error.detail, error.hint))
        except Exception:  # a fault of ours must end the deployment too, or its caller would wait for ever
            logger.exception("the build of %s failed for a reason of the platform's own", deployment_id)
            detail = "The build failed for a reason of the platform's own, which the server's log names."
            await self._fail(build, (CoreError.code, detail, "Deploy again; if it fails again, tell the operator."))

    async def _for_trial(self, build: _Build, names: Sequence[str]) -> Mapping[str, str]:
        """What the code finds in its environment while it is tried: an image finds nothing, as it is no endpoint's."""
        if build.deployment.request.image is not None:
            return {}
        return await self._envs.for_trial(build.deployment.owner_id, _named(build, names), build.env)

    async def _tell_env(self, build: _Build, built: Built) -> None:
        """Says what new versions keep of the environment of those before; or, where something was given, what has no effect."""
        if build.env is None:
            names = _named(build, [item.name for item in built.endpoints if item.model is None])
            said = await self._envs.kept(build.deployment.owner_id, names)
        else:
            said = self._envs.overruled(build.env, built.endpoints)
        for sentence in said:
            self._step(build, sentence)

    def _check_schemas(self, built: Built) -> None:
        """A schema that is none must end the deployment here, or it would refuse every call."""
        for item in built.endpoints:
            try:
                self._compile(item.input_schema)
            except BuildFailed as error:
                raise BuildFailed(
                    f"The endpoint {item.name!r} can't be called: {error.detail}", hint=error.hint
                ) from error

    def _step(self, build: _Build, text: str) -> None:
        build.deployment = build.deployment.step(text, self._clock())
        self._notifier.notify(build.deployment.id)

    async def _publish(self, build: _Build, built: Built) -> None:
        now = self._clock()
        before = build.shown()

        def record(tx: Transaction, versions: list[Version]) -> None:
            version_ids = tuple(version.id for version in versions)
            ready = replace(before, state=VersionState.READY, finished_at=now, version_ids=version_ids)
            tx.deployments.put(ready.step("Ready to be called.", now))

        await self._endpoints.publish(before, built, record, env=build.env)
        self._ended(build)

    async def _publish_image(self, build: _Build, built: Built) -> None:
        now = self._clock()
        before = build.shown()
        fresh_id = ids.make("img", now, self._entropy(8))

        def unit(tx: Transaction) -> None:
            image = publishing.publish_image(tx, before, built, fresh_id, now)
            told = f"The image {image.name} is published."
            if image.owner_id == publisher_for_all(tx):
                told += f" Every account can use it, because {image.owner_name} is the first administrator."
            if image.id != fresh_id:
                told += " Endpoints that were made of it before keep what they have until they are saved again."
            ready = replace(before, state=VersionState.READY, finished_at=now, image_id=image.id)
            tx.deployments.put(ready.step(told, now))

        await self._store.write(unit)
        self._ended(build)

    async def _fail(self, build: _Build, error: tuple[str, str, str]) -> None:
        failed = _failed(build.shown(), error, self._clock())
        try:
            await self._store.write(lambda tx: tx.deployments.put(failed))
        except CoreError as problem:
            # told from memory meanwhile, and written when the store takes it
            logger.warning("the end of %s can't be recorded now: %s", failed.id, problem.detail)
            self._store.write_behind(lambda tx: tx.deployments.put(failed))
            build.deployment = failed
            self._notifier.notify(failed.id)
            return
        self._ended(build, error[1])

    def _ended(self, build: _Build, refused: str = "") -> None:
        """The end is on disk: from now on it is read from there."""
        what = (build.deployment.id, build.deployment.request.filename, build.deployment.owner_name)
        if refused:
            logger.warning("the deployment %s of %s for %s failed: %s", *what, refused.partition("\n")[0])
        else:
            logger.info("the deployment %s of %s for %s is ready", *what)
        del self._builds[build.deployment.id]
        self._notifier.notify(build.deployment.id)


def _named(build: _Build, names: Sequence[str]) -> Sequence[str]:
    """The endpoints' own names, of those that the author gave them: one that was asked for takes the place of them."""
    asked = publishing.split_name(build.deployment.request.name)[1]
    return names if asked is None else (asked,)


def _failed(deployment: Deployment, error: tuple[str, str, str], now: float) -> Deployment:
    failed = replace(deployment, state=VersionState.FAILED, finished_at=now, error=error)
    return failed.step(f"Failed: {error[1]}", now)
