"""Keys: what an account shows to prove itself, how each stands, and the texts that are shown."""

from __future__ import annotations

import hashlib
import hmac
from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from trivet.platform.core import ids
from trivet.platform.core.accounts import Account, Scope
from trivet.platform.core.limits import NO_LIMITS, CallLimits

DEFAULT_KEY_DAYS = 182
"""Six months."""
DAY = 86_400.0
TOKEN_PREFIX = "trv"
JOB_TOKEN_PREFIX = "trj"
TOKEN_BYTES = 31
"""Random bytes that a token is made from."""


class KeyState(StrEnum):
    """Whether a key counts now."""

    ACTIVE = "active"
    ROTATING = "rotating"
    DISABLED = "disabled"
    EXPIRED = "expired"
    REVOKED = "revoked"

    @property
    def counts(self) -> bool:
        """Whether a key in this state opens anything."""
        return self in (KeyState.ACTIVE, KeyState.ROTATING)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential. Only the hash of its secret is kept.

    ``secret_hash`` is the SHA-256 of the secret in hex: the secret carries 200 random bits, so that a slow hash adds
    nothing. While a rotation overlaps, ``previous_hash`` counts as well, until ``previous_until``. One that is ``disabled``
    does not count until it is enabled again; one that is revoked never does.
    """

    id: str
    account_id: str
    label: str
    scopes: frozenset[Scope]
    secret_hash: str = field(repr=False)
    created_at: float
    expires_at: float | None = None
    last_used_at: float | None = None
    revoked_at: float | None = None
    previous_hash: str | None = field(default=None, repr=False)
    previous_until: float | None = None
    limits: CallLimits = NO_LIMITS
    disabled: bool = False

    def state(self, now: float) -> KeyState:
        """Whether the key counts at ``now``."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.disabled:
            return KeyState.DISABLED
        if self.expires_at is not None and now >= self.expires_at:
            return KeyState.EXPIRED
        if self.previous_until is not None and now < self.previous_until:
            return KeyState.ROTATING
        return KeyState.ACTIVE

    def accepts(self, secret: str, now: float) -> bool:
        """Whether ``secret`` opens this key at ``now``; compares in constant time."""
        return self.is_proved(secret, now) and self.state(now).counts

    def is_proved(self, secret: str, now: float) -> bool:
        """Whether ``secret`` is this key's at ``now``, be it that the key counts or not; compares in constant time."""
        digest = hash_secret(secret)
        if hmac.compare_digest(digest, self.secret_hash):
            return True
        return (
            self.previous_hash is not None
            and self.previous_until is not None
            and now < self.previous_until
            and hmac.compare_digest(digest, self.previous_hash)
        )

    def valid_until(self, now: float) -> float | None:
        """The next moment, in seconds since the epoch, at which the answer of `accepts` may change by itself."""
        moments = [m for m in (self.expires_at, self.previous_until) if m is not None and m > now]
        return min(moments) if moments else None


@dataclass(frozen=True, slots=True)
class Token:
    """A key's id and secret as the caller holds them: ``trv_<id>_<secret>``. Hidden in reprs."""

    key_id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.client_key}_{self.secret}"

    @property
    def client_key(self) -> str:
        """The half that is no secret, for dialects that send a pair."""
        return f"{TOKEN_PREFIX}_{self.key_id}"

    @classmethod
    def parse(cls, text: str) -> Token | None:
        """The token in ``text``, or None where it has not the shape of one."""
        parts = text.split("_")
        if len(parts) != 3 or parts[0] != TOKEN_PREFIX or not parts[1] or not parts[2] or not text.isascii():
            return None
        return cls(parts[1], parts[2])

    @classmethod
    def make(cls, entropy: bytes) -> Token:
        """A new token from 31 random bytes: six name the key, 25 are the secret."""
        return cls(entropy[:6].hex(), ids.make_secret(entropy[6:31]))


@dataclass(frozen=True, slots=True)
class JobToken:
    """What a job shows to ask for something itself: ``trj_<job>_<token of its attempt>``. It is good while the attempt runs."""

    job_id: str
    token: str = field(repr=False)

    def __str__(self) -> str:
        return f"{JOB_TOKEN_PREFIX}_{self.job_id.removeprefix('job_')}_{self.token}"

    @classmethod
    def parse(cls, text: str) -> JobToken | None:
        """The token in ``text``, or None where it has not the shape of one."""
        parts = text.split("_")
        if len(parts) != 3 or parts[0] != JOB_TOKEN_PREFIX or not parts[1] or not parts[2] or not text.isascii():
            return None
        return cls(f"job_{parts[1]}", parts[2])


def hash_secret(secret: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_key(
    account_id: str, label: str, scopes: frozenset[Scope], lifetime: float | None, *, now: float, entropy: bytes
) -> tuple[ApiKey, Token]:
    """A key and the token that proves it.

    Args:
        account_id: whose it is.
        label: what it is for.
        scopes: what it may be used for.
        lifetime: seconds that it counts; None: for ever.
        now: seconds since the epoch.
        entropy: `TOKEN_BYTES` random bytes.
    """
    token = Token.make(entropy)
    expires_at = None if lifetime is None else now + lifetime
    return ApiKey(token.key_id, account_id, label, scopes, hash_secret(token.secret), now, expires_at), token


def why_shut(key: ApiKey, account: Account, now: float) -> str:
    """Why a key opens nothing, in a sentence for who has shown its secret; empty where it does open.

    Args:
        key: the key.
        account: whose it is.
        now: seconds since the epoch.
    """
    state = key.state(now)
    if state is KeyState.REVOKED:
        return f"API key revoked on {_day(key.revoked_at)}."
    if state is KeyState.DISABLED:
        return "API key disabled."
    if state is KeyState.EXPIRED:
        return f"API key expired on {_day(key.expires_at)}."
    return "The account of this API key is disabled." if account.disabled else ""


def end_of_day_in(months: int, now: float) -> float:
    """The last moment, in seconds since the epoch, of the day (UTC) that lies so many calendar months after ``now``."""
    today = datetime.fromtimestamp(now, UTC)
    years, month = divmod(today.month - 1 + months, 12)
    year, month = today.year + years, month + 1
    day = min(today.day, monthrange(year, month)[1])
    return datetime(year, month, day, 23, 59, 59, 999_000, tzinfo=UTC).timestamp()


def _day(moment: float | None) -> str:
    return "an unknown day" if moment is None else datetime.fromtimestamp(moment, UTC).date().isoformat()


def rotate(key: ApiKey, new_hash: str, now: float, overlap: float, lifetime: float | None) -> ApiKey:
    """The key with a new secret; the old one counts for ``overlap`` seconds more. ``lifetime`` in seconds, None: for ever."""
    return replace(
        key,
        secret_hash=new_hash,
        previous_hash=key.secret_hash,
        previous_until=now + overlap,
        expires_at=None if lifetime is None else now + lifetime,
    )
