"""A platform's people, endpoints, deployments and secrets over a store in memory, with clock and chance in hand."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, TypeVar

from trivet.platform.core.accounts import Principal
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.endpoints import Endpoint, EndpointReference, HandlerKind, Version, VersionSettings
from trivet.platform.core.errors import CoreError, NotFound
from trivet.platform.core.keys import Token
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.worker_envs import WorkerEnv
from trivet.platform.ports.builder import Built, BuiltEndpoint, Checksum, TrialEnv
from trivet.platform.server.notifier import LoopNotifier
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.deployments import Deployments
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.images import Images
from trivet.platform.services.invitations import Invitations
from trivet.platform.services.keys import Keys
from trivet.platform.services.organizations import Organizations
from trivet.platform.services.profiles import Profiles
from trivet.platform.services.registries import Registries
from trivet.platform.services.secrets import Secrets
from trivet.platform.services.templates import Templates
from trivet.platform.services.worker_envs import WorkerEnvs
from trivet.platform.stores.memory import MemoryStore
from trivet.platform.wire.schemas import compile_schema

T = TypeVar("T")

ARCHIVE = Path("upload.tar.gz")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def ref(text: str) -> EndpointReference:
    return EndpointReference.parse(text)


def refusal(work: Callable[[], object]) -> CoreError:
    """What ``work`` is refused with."""
    try:
        work()
    except CoreError as error:
        return error
    raise AssertionError("nothing was refused")


def words(error: CoreError) -> tuple[type[CoreError], str, str]:
    """All that a caller learns from a refusal."""
    return type(error), error.detail, error.hint


def check_hidden(way: Callable[[str], object], hidden: str, missing: str) -> None:
    """Asserts that a caller can't tell what is hidden from what does not exist, apart from the name it wrote itself."""
    found = words(refusal(lambda: way(hidden)))
    kind, detail, hint = words(refusal(lambda: way(missing)))
    assert found == (NotFound, detail.replace(missing, hidden), hint.replace(missing, hidden))
    assert kind is NotFound


def built(*names: str, scaling: ScalingPolicy | None = None, settings: VersionSettings | None = None) -> Built:
    return Built(
        "bundle",
        "environment",
        tuple(
            BuiltEndpoint(name, HandlerKind.SYNC, "decorated", f"main:{name}", settings or VersionSettings(), scaling)
            for name in names
        ),
    )


class FakeVault:
    def seal(self, value: str) -> bytes:
        return b"sealed:" + value[::-1].encode()

    def unseal(self, sealed: bytes) -> str:
        return sealed.removeprefix(b"sealed:").decode()[::-1]


class FakeBuilder:
    """A builder whose outcome the test chooses. ``gate``, where it is set, holds every build until it opens."""

    def __init__(self) -> None:
        self.result: Built | Exception = built("hello")
        self.refusal: CoreError | None = None
        self.steps = ["Making the environment.", "Loading the handlers."]
        self.output = ["Resolved 1 package"]
        self.unpacked: list[tuple[Path, str, str]] = []
        self.gate: asyncio.Event | None = None
        self.told: list[tuple[str, bool]] = []
        self.running = 0
        self.kept: tuple[AbstractSet[str], AbstractSet[str]] = (frozenset(), frozenset())
        self.most_running = 0
        self.tried_with: dict[str, str] = {}

    async def unpack(self, archive: Path, filename: str, digest: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.unpacked.append((archive, filename, digest))
        return f"bundle-{digest}"

    async def build(
        self,
        bundle: str,
        on_step: Callable[[str], None],
        on_output: Callable[[str], None],
        *,
        filename: str = "",
        is_image: bool = False,
        checksum: Checksum | None = None,
        env: TrialEnv | None = None,
    ) -> Built:
        if env is not None and isinstance(self.result, Built):
            self.tried_with = dict(await env([item.name for item in self.result.endpoints]))
        self.told.append((filename, is_image))
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            for text in self.steps:
                on_step(text)
            for text in self.output:
                on_output(text)
            if self.gate is not None:
                await self.gate.wait()
            if isinstance(self.result, Exception):
                raise self.result
            return self.result
        finally:
            self.running -= 1

    async def forget_unused(self, bundles: AbstractSet[str], environments: AbstractSet[str]) -> int:
        self.kept = (bundles, environments)
        return 0


class Town:
    """The services, wired as the server wires them, and a first administrator."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self._count = 0
        self.store = MemoryStore()
        self.builder = FakeBuilder()
        self.notifier = LoopNotifier()
        self.to_build: list[str] = []
        self.accounts = Accounts(self.store, self.clock, self.entropy)
        self.keys = Keys(self.store, self.clock, self.entropy, self.accounts.look_up_anew)
        self.organizations = Organizations(self.store, self.clock, self.entropy, self.accounts.look_up_anew)
        self.invitations = Invitations(self.store, self.clock, self.entropy, self.accounts.look_up_anew)
        self.profiles = Profiles(self.store)
        self.endpoints = Endpoints(self.store, self.clock, self.entropy)
        self.vault = FakeVault()
        self.secrets = Secrets(self.store, self.clock, self.vault)
        self.images = Images(self.store)
        self.registries = Registries(self.store, self.clock, self.entropy, self.vault)
        self.gpus: dict[str, int] = {}
        self.templates = Templates(self.store, self.clock, self.entropy, self.vault, self.endpoints, lambda: self.gpus)
        self.worker_envs = WorkerEnvs(self.store, self.vault, self.secrets)
        self.deployments = Deployments(
            self.store,
            self.clock,
            self.entropy,
            self.builder,
            self.endpoints,
            self.notifier,
            compile_schema,
            self.worker_envs,
        )
        self.organizations.on_removed = self.endpoints.forget_organization
        self.organizations.on_changed = self.endpoints.rename_organization
        self.deployments.on_submit = self.to_build.append
        first = run(self.accounts.bootstrap())
        assert first is not None
        self.admin_account, self.admin_token = first
        self.admin = self.principal(self.admin_token)

    def clock(self) -> float:
        return self.now

    def entropy(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(str(self._count).encode()).digest(size)

    # -- people -------------------------------------------------------------------------------------------------------

    def principal(self, token: Token) -> Principal:
        return run(self.accounts.resolve(str(token)))

    def account(self, name: str) -> Principal:
        """Makes an account; the principal of a usual key of it."""
        run(self.accounts.create(self.admin, name))
        return self.principal(self.token(name))

    def token(self, name: str, *scopes: str) -> Token:
        """A new key of an account, made by the administrator."""
        _, token = run(self.keys.create(self.admin, account_name=name, scopes=scopes or None))
        return token

    def with_scopes(self, principal: Principal, *scopes: str) -> Principal:
        """The same account, asking with a key of these scopes only."""
        _, token = run(self.keys.create(self.admin, account_name=principal.account_name, scopes=scopes))
        return self.principal(token)

    def again(self, principal: Principal) -> Principal:
        """The principal as a new request would see it."""
        return self.principal(self.token(principal.account_name, *principal.scopes))

    # -- endpoints ----------------------------------------------------------------------------------------------------

    def submit(
        self, principal: Principal, digest: str = "a" * 64, env: WorkerEnv | None = None, **request: Any
    ) -> Deployment:
        wanted = DeploymentRequest("hello.tar.gz", **request)
        return run(self.deployments.submit(principal, wanted, ARCHIVE, digest, env))

    def deploy(
        self, principal: Principal, digest: str = "a" * 64, env: WorkerEnv | None = None, **request: Any
    ) -> Deployment:
        """Submits and builds; the deployment as it ended."""
        deployment = self.submit(principal, digest, env, **request)
        run(self.deployments.build(deployment.id))
        return run(self.deployments.get(principal, deployment.id))

    def publish(self, principal: Principal, full_name: str, **request: Any) -> tuple[Endpoint, Version]:
        """Deploys one endpoint that has to succeed."""
        ended = self.deploy(principal, name=full_name, **request)
        assert ended.error is None, ended.error
        version = self.endpoints.version(ended.version_ids[0])
        assert version is not None
        endpoint = self.endpoints.by_id(version.endpoint_id)
        assert endpoint is not None
        return endpoint, version
