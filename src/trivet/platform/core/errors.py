"""Errors that teach: each says what happened and why, and what to do next, under a stable code.

Every edge (a dialect, the command line) renders these in its own shape; nothing else crosses a service's border::

    CoreError
     ├─ BadRequest            bad_request           the request can't be understood
     │   └─ InvalidJson       invalid_json
     ├─ Unauthenticated       unauthenticated       no key, or one that does not count
     ├─ Forbidden             forbidden             you may see it, you may not do this
     ├─ NotFound              not_found             it does not exist, or you may not know that it does
     ├─ Conflict              conflict              it contradicts what is there
     │   └─ IdempotencyKeyReused  idempotency_key_reused  that key belongs to another input
     ├─ PreconditionFailed    precondition_failed   it is no longer what the caller took it for
     ├─ TooLarge              too_large
     ├─ RequestStalled        request_stalled       its sender went silent amid it
     ├─ UnsupportedMediaType  unsupported_media_type
     ├─ InvalidInput          invalid_input         the input misses the endpoint's schema
     ├─ DeploymentRefused     deployment_refused    the upload can't be taken
     ├─ BuildFailed           build_failed          taken, but it does not build or load
     ├─ LimitExceeded         limit_exceeded
     │   ├─ RateLimited       rate_limited          the key or its account calls too often
     │   └─ TooManyOpenJobs   too_many_open_jobs    it has as many jobs open as it may
     ├─ Unavailable           unavailable           try again later
     └─ StorageFull           storage_full
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from trivet.platform.core.limits import LimitState


class CoreError(Exception):
    """Base of every error that a service raises on purpose.

    Args:
        detail: what happened and why, a sentence for people.
        hint: what to do next, a sentence; empty where there is nothing to advise.
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong inside the platform"
    default_detail: ClassVar[str] = ""
    default_hint: ClassVar[str] = ""

    def __init__(self, detail: str = "", *, hint: str = "") -> None:
        self.detail = detail or self.default_detail or self.title
        super().__init__(self.detail)
        self.hint = hint or self.default_hint


class BadRequest(CoreError):
    """The request can't be understood."""

    code = "bad_request"
    title = "The request can't be understood"


class InvalidJson(BadRequest):
    """The body is not JSON, or nested too deeply."""

    code = "invalid_json"
    title = "The body is not valid JSON"


class Unauthenticated(CoreError):
    """No key, or a key that does not count. One answer for none, an unknown one and a wrong secret; who has shown the right
    secret of a key that is expired, disabled or revoked may be told so.
    """

    code = "unauthenticated"
    title = "A valid API key is needed"
    default_detail = "No API key came with the request, or one that does not count: unknown, or with another secret."
    default_hint = (
        "Send `Authorization: Bearer <key>`. `trivet keys create` makes a key; `trivet keys ls` shows expiry."
    )


class Forbidden(CoreError):
    """The principal may know that it exists, but may not do this."""

    code = "forbidden"
    title = "This key may not do that"

    @classmethod
    def without(cls, scope: str) -> Forbidden:
        """The one sentence used wherever a key lacks a scope."""
        hint = f"Use a key made with `trivet keys create --scopes {scope},…`."
        return cls(f"This key lacks the scope {scope!r}.", hint=hint)


_WHERE = {
    "endpoint": "Names have the form owner/name. `trivet endpoints ls` lists those that this key may see.",
    "job": "Check the id. `trivet jobs ls` lists the jobs that this key may see; an old one may have been cleared away.",
    "key": "Check the id. `trivet keys ls` lists the keys that this key may see.",
    "secret": "Check the name. `trivet secrets ls` lists the names of your secrets.",
}
"""What to do about a thing that is missing or hidden, by what it is; the same for both."""


class NotFound(CoreError):
    """It does not exist, or the principal may not know that it does: the same words for both."""

    code = "not_found"
    title = "Not found"

    @classmethod
    def of(cls, noun: str, reference: str) -> NotFound:
        """The one sentence used whether a thing is missing or hidden."""
        return cls(
            f"There is no {noun} {reference!r} that this key may see.",
            hint=_WHERE.get(noun, f"Check the spelling, and that the {noun} is shared with the account of this key."),
        )


class Conflict(CoreError):
    """It contradicts what is already there."""

    code = "conflict"
    title = "This contradicts what is already there"


class IdempotencyKeyReused(Conflict):
    """The idempotency key belongs to a call with another input; nothing was queued."""

    code = "idempotency_key_reused"
    title = "This idempotency key belongs to another call"


class PreconditionFailed(CoreError):
    """A condition of the request does not hold: what is there is not what the caller took it for. Nothing was changed."""

    code = "precondition_failed"
    title = "A condition of the request does not hold"


class TooLarge(CoreError):
    """A body or a value is over its limit, in bytes."""

    code = "too_large"
    title = "Too large"

    def __init__(self, detail: str = "", *, limit: int, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.limit = limit


class RequestStalled(CoreError):
    """The sender of a request went silent amid its body; nothing was changed."""

    code = "request_stalled"
    title = "The rest of the request did not come"
    default_hint = "Send it again, over a connection that does not pause for so long."


class UnsupportedMediaType(CoreError):
    """The content type is not one that this route takes."""

    code = "unsupported_media_type"
    title = "This content type is not taken here"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of an input: where (a JSON pointer) and what."""

    path: str
    message: str


class InvalidInput(CoreError):
    """The input misses the endpoint's schema; nothing was queued."""

    code = "invalid_input"
    title = "The input does not fit the endpoint's schema"

    def __init__(self, detail: str = "", *, errors: tuple[FieldError, ...] = (), hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.errors = errors


class DeploymentRefused(CoreError):
    """The upload can't be taken: nothing of it was kept."""

    code = "deployment_refused"
    title = "The deployment was refused"


class BuildFailed(CoreError):
    """The upload was taken but does not build or load; the running version keeps serving."""

    code = "build_failed"
    title = "The build failed"


class LimitExceeded(CoreError):
    """Too much at once; ``retry_after`` in seconds. ``limits`` is how the caller's limits stand, where it has some."""

    code = "limit_exceeded"
    title = "Over a limit"

    def __init__(self, detail: str = "", *, retry_after: float = 1.0, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.retry_after = retry_after
        self.limits: tuple[LimitState, ...] = ()


class RateLimited(LimitExceeded):
    """The key or its account has called as often as it may for now; nothing was queued."""

    code = "rate_limited"
    title = "Called too often"


class TooManyOpenJobs(LimitExceeded):
    """The key or its account has as many jobs queued and running as it may; nothing was queued."""

    code = "too_many_open_jobs"
    title = "Too many open jobs"


class Unavailable(CoreError):
    """Not now; ``retry_after`` in seconds."""

    code = "unavailable"
    title = "Not available now"

    def __init__(self, detail: str = "", *, retry_after: float = 1.0, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.retry_after = retry_after


class StorageFull(CoreError):
    """The disk is full: what was asked is not done, and nothing is half-written."""

    code = "storage_full"
    title = "The platform's disk is full"
    default_hint = "Free space on the disk that holds the data folder; the platform goes on by itself then."
