"""Endpoints and their versions: names, references, and which version a reference means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.aliases import WHOLE, Alias, Share
from trivet.platform.core.errors import CoreError, Forbidden, NotFound
from trivet.platform.core.jobs import WORKER_LOST
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.workers import ANY_GPU


class Visibility(StrEnum):
    """Who may see and call an endpoint."""

    PRIVATE = "private"
    SHARED = "shared"
    PUBLIC = "public"


class VersionState(StrEnum):
    """Whether a version can be called."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class HandlerKind(StrEnum):
    """How a handler gives its output."""

    SYNC = "sync"
    ASYNC = "async"
    GENERATOR = "generator"
    ASYNC_GENERATOR = "async_generator"

    @property
    def streams(self) -> bool:
        """Whether it gives its output piece by piece."""
        return self in (HandlerKind.GENERATOR, HandlerKind.ASYNC_GENERATOR)


@dataclass(frozen=True, slots=True)
class VersionSettings:
    """What the author set beside the handler. Seconds and bytes throughout.

    ``retry_on`` says which ends of an attempt are followed by another one, while ``max_attempts`` allows: ``worker_lost``,
    ``handler_error``, ``execution_timeout``, or the name of an exception's type. ``backoff`` is the time before the second
    attempt; it doubles from there. ``retention`` is how long a job is kept after its end; None: as long as the platform says.
    ``max_batch_size`` above 1 means that the handler takes a list of that many inputs at most; its first waits up to
    ``batch_wait`` for company. ``asked_secrets`` are those of ``secrets`` that who deployed it asked for.
    """

    concurrency: int = 1
    timeout: float = 600.0
    ttl: float = 86_400.0
    max_attempts: int = 3
    memory: int | None = None
    gpu: str | None = None
    requirements: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    retry_on: tuple[str, ...] = (WORKER_LOST,)
    backoff: float = 0.0
    retention: float | None = None
    max_batch_size: int = 1
    batch_wait: float = 0.005
    asked_secrets: tuple[str, ...] = ()

    @property
    def slots(self) -> int:
        """How many jobs one worker works on at a time."""
        return self.concurrency * self.max_batch_size


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable build of an endpoint.

    ``hash`` is the SHA-256 of what was uploaded, in hex; ``bundle`` names the code in the bundle store, ``environment`` the
    environment it runs in, ``host`` the kind of program (``decorated``), ``handler`` what to load in it. ``sealed_env`` is what
    its workers get in their environment besides, encrypted. ``model`` is what a predictive model says of itself (features, task,
    domain of applicability, …), a JSON object in the words of ``model.json``; None where the version is none.
    """

    id: str
    endpoint_id: str
    number: str
    hash: str
    state: VersionState
    created_at: float
    created_by: str
    kind: HandlerKind = HandlerKind.SYNC
    host: str = "decorated"
    handler: str = ""
    bundle: str = ""
    environment: str = ""
    settings: VersionSettings = VersionSettings()
    description: str = ""
    input_schema: dict[str, Any] | None = field(default=None, repr=False)
    output_schema: dict[str, Any] | None = field(default=None, repr=False)
    deployment_id: str | None = None
    sealed_env: bytes | None = field(default=None, repr=False)
    model: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def is_held(self) -> bool:
        """Whether it is a build that was not released: only its number and its hash lead to it."""
        return is_held_number(self.number)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the maker of an endpoint asked for over what an image's author set; None: the author's word counts.

    ``timeout`` in seconds. ``gpus`` are kinds of GPU by their whole names, the one that is liked best first: a version gets the
    first of them that the platform has when it is made, else any other GPU; never one of ``gpus_left_out``. Where there is none,
    it runs on the CPU.
    """

    timeout: float | None = None
    gpus: tuple[str, ...] = ()
    gpus_left_out: tuple[str, ...] = ()

    def gpu(self, installed: Mapping[str, int]) -> str | None:
        """What a version that is made now would have; None: nothing was asked for, or nothing of it is here.

        Args:
            installed: kinds of GPU that the platform has, and how many.
        """
        here = [kind for kind in installed if kind not in self.gpus_left_out] if self.gpus else []
        return next((kind for kind in self.gpus if kind in here), ANY_GPU if here else None)

    def apply(self, settings: VersionSettings, installed: Mapping[str, int]) -> VersionSettings:
        """The settings of a version that is made now.

        Args:
            settings: the author's.
            installed: kinds of GPU that the platform has, and how many.
        """
        timeout = settings.timeout if self.timeout is None else self.timeout
        return replace(settings, timeout=timeout, gpu=self.gpu(installed) or settings.gpu)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named thing to call. ``owner_id`` is an account's or an organization's.

    ``history`` are the ids of versions that were current, newest last: the last one is current, the one before it is where a
    rollback goes. ``model_id`` is the integer id, where it has one. ``canary`` is the share of unpinned calls that goes to a
    version beside the current one. ``template_id`` names the template that it was made from, ``overrides`` what was asked for
    besides. ``extras`` is what dialects keep in their own words, each under its own name: a JSON object.
    """

    id: str
    owner_id: str
    owner_name: str
    name: str
    created_at: float
    updated_at: float
    model_id: int | None = None
    visibility: Visibility = Visibility.PRIVATE
    shared_with: frozenset[str] = frozenset()
    scaling: ScalingPolicy = ScalingPolicy()
    description: str = ""
    history: tuple[str, ...] = ()
    canary: Share | None = None
    aliases: tuple[Alias, ...] = ()
    template_id: str | None = None
    overrides: Overrides = Overrides()
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner_name}/{self.name}"

    @property
    def current_id(self) -> str | None:
        """The id of the version that unpinned calls get, but for the canary's; None before the first build has succeeded."""
        return self.history[-1] if self.history else None

    @property
    def split(self) -> tuple[Share, ...]:
        """Which versions unpinned calls go to. The canary comes first: as it grows, chance only moves calls to it."""
        current, canary = self.current_id, self.canary
        if current is None:
            return ()
        return (Share(current, WHOLE),) if canary is None else (canary, Share(current, WHOLE - canary.weight))

    def alias(self, name: str) -> Alias | None:
        """The alias of that name."""
        return next((alias for alias in self.aliases if alias.name == name), None)

    @property
    def serving(self) -> frozenset[str]:
        """The ids of versions that calls get without naming them: the current one, the canary, those behind aliases."""
        return frozenset(
            share.version_id for shares in (self.split, *(a.shares for a in self.aliases)) for share in shares
        )

    def serves(self, version_id: str) -> bool:
        """Whether a version is one of `serving`."""
        if version_id == self.current_id:
            return True
        return (self.canary is not None or bool(self.aliases)) and version_id in self.serving


# -- who may ------------------------------------------------------------------------------------------------------------


def may_see(principal: Principal, endpoint: Endpoint) -> bool:
    """Whether the principal may know that the endpoint exists."""
    if endpoint.visibility is Visibility.PUBLIC or principal.administers() or principal.owns(endpoint.owner_id):
        return True
    return endpoint.visibility is Visibility.SHARED and any(org in endpoint.shared_with for org in principal.roles)


def refusal(principal: Principal, endpoint: Endpoint | None, scope: Scope, reference: str) -> CoreError | None:
    """The one rule of access: None where the principal may, else the error to raise.

    Who may not see it learns nothing (`NotFound`, the same as where it does not exist); who sees it but lacks the scope, or
    the role that a change takes (scope ``deploy``), is told so (`Forbidden`).
    """
    if endpoint is None or not may_see(principal, endpoint):
        return NotFound.of("endpoint", reference)
    if not principal.has(scope):
        return Forbidden.without(scope.value)
    if scope is Scope.DEPLOY and not principal.manages(endpoint.owner_id):
        return Forbidden(
            f"Only {endpoint.owner_name!r}, or an owner or admin of that organization, may change {endpoint.full_name}."
        )
    return None


# -- versions and references --------------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    r"(?:-(?=.{1,64}$)((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?",
    re.ASCII,
)
_PARTIAL = re.compile(r"(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?(?:\.[x*])*", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{7,64}")
_HELD = "0.0.0-build."

FIRST_MODEL_ID = 10_000
"""The first integer id that a model is given; those below are for code that brings its own."""
RESERVED_MODEL_IDS = frozenset({6, 1837, 1842})
"""Ids that a published client has written into it for calculators of the QSAR Toolbox; no model may answer in their place."""


@dataclass(frozen=True, slots=True, order=True)
class SemVer:
    """A semantic version (semver.org 2.0.0). A pre-release sorts before its release."""

    major: int
    minor: int
    patch: int
    is_release: bool = True
    pre: tuple[tuple[int, int, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> SemVer | None:
        """The version in ``text``, or None."""
        match = _SEMVER.fullmatch(text)
        if match is None:
            return None
        major, minor, patch, pre = match.groups()
        if not pre:
            return cls(int(major), int(minor), int(patch))
        # semver.org §11: numeric identifiers compare as numbers and come before the others
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split("."))
        return cls(int(major), int(minor), int(patch), False, parts)


class Part(StrEnum):
    """The part of a number that a release counts up."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


def next_number(numbers: Sequence[str]) -> str:
    """The version after the highest of ``numbers``: its minor part counted up; ``1.0.0`` for the first."""
    if not any(SemVer.parse(number) for number in _released(numbers)):
        return "1.0.0"
    return number_after(numbers, Part.MINOR)


def number_after(numbers: Sequence[str], part: Part) -> str:
    """The number of a release: one part of the highest of ``numbers`` counted up, from ``0.0.0`` for the first."""
    known = [v for v in (SemVer.parse(number) for number in _released(numbers)) if v is not None]
    top = max(known, default=SemVer(0, 0, 0))
    if part is Part.MAJOR:
        return f"{top.major + 1}.0.0"
    if part is Part.MINOR:
        return f"{top.major}.{top.minor + 1}.0"
    return f"{top.major}.{top.minor}.{top.patch + 1}"


def held_number(digest: str) -> str:
    """The number of a build that is not released, from the digest of its source in hex."""
    return f"{_HELD}g{digest[:12]}"  # the letter, as digits alone may not begin with a zero there


def is_held_number(number: str) -> bool:
    """Whether a number is one that `held_number` gives."""
    return number.startswith(_HELD)


def _released(numbers: Sequence[str]) -> list[str]:
    return [number for number in numbers if not is_held_number(number)]


@dataclass(frozen=True, slots=True)
class EndpointReference:
    """What a caller wrote: an opaque id, an integer id, or ``owner/name``; perhaps with ``@version``."""

    text: str
    owner: str | None = None
    name: str | None = None
    id: str | None = None
    model_id: int | None = None
    version: str | None = None

    @classmethod
    def parse(cls, text: str, version: str | None = None) -> EndpointReference:
        """Reads ``owner/name``, ``owner/name@1.2``, ``owner/name/1.2``, an opaque id or an integer id.

        Raises:
            NotFound: the text can name no endpoint at all.
        """
        plain, _, pinned = text.partition("@")
        pinned = pinned or version or ""
        parts = plain.split("/")
        if not all(parts):
            raise NotFound.of("endpoint", text)
        if len(parts) == 3 and not pinned:
            parts, pinned = parts[:2], parts[2]
        if len(parts) > 2:
            raise NotFound.of("endpoint", text)
        if len(parts) == 2:
            return cls(text, owner=parts[0], name=parts[1], version=pinned or None)
        if plain.isascii() and plain.isdigit() and len(plain) < 19:
            return cls(text, model_id=int(plain), version=pinned or None)
        return cls(text, id=plain, version=pinned or None)


def choose_version(versions: Sequence[Version], current_id: str | None, reference: str | None) -> Version | None:
    """The ready version that a reference means, or None.

    Args:
        versions: all versions of the endpoint.
        current_id: the one that is current.
        reference: None or ``latest`` (the current one), exact (``1.2.0``), a range (``1``, ``1.2``, ``1.x``, ``^1.2``,
            ``~1.2.0``: the highest release within), a content hash (7 or more of its first digits), or a version id.
    """
    ready = [v for v in versions if v.state is VersionState.READY]
    if reference is None or reference in ("latest", "current", "*"):
        return next((v for v in ready if v.id == current_id), None)
    exact = next((v for v in ready if reference in (v.number, v.id)), None)
    if exact is not None:
        return exact
    numbered = [(n, v) for n, v in ((SemVer.parse(v.number), v) for v in ready) if n is not None and n.is_release]
    within = [pair for pair in numbered if _matches(pair[0], reference)]
    if within:
        return max(within, key=lambda pair: pair[0])[1]
    if _HASH.fullmatch(reference):
        hashed = [v for v in ready if v.hash.startswith(reference)]
        if len({v.hash for v in hashed}) == 1:
            return max(hashed, key=lambda v: v.created_at)
    return None


def _matches(number: SemVer, reference: str) -> bool:
    if reference[:1] in ("^", "~"):
        short = _PARTIAL.fullmatch(reference[1:])
        if short is not None and (reference[0] == "~" or short[2] is None or short.groups() == ("0", "0")):
            return _matches(number, reference[1:])  # `~1`, `~1.2`, `^1`, `^0` and `^0.0` leave the rest open
        base = SemVer.parse(f"{short[1]}.{short[2]}.0" if short is not None else reference[1:])
        if base is None or number < base:
            return False
        if reference[0] == "~":
            return (number.major, number.minor) == (base.major, base.minor)
        if base.major:
            return number.major == base.major
        return (number.major, number.minor) == (0, base.minor) and (base.minor > 0 or number.patch == base.patch)
    match = _PARTIAL.fullmatch(reference)
    if match is None:
        return False
    major, minor = match.groups()
    return number.major == int(major) and (minor is None or number.minor == int(minor))
