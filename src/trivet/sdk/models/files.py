"""Hosted data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trivet.sdk.models.base import Model


@dataclass(frozen=True, slots=True)
class DataEntry(Model):
    """What lies somewhere in the hosted data. ``type`` is ``owner``, ``collection`` or ``file``.

    A collection has an ``acl``: who may read it. A file has a ``size`` in bytes, and ``md5`` and ``sha256`` in hex.
    """

    type: str
    uri: str
    name: str
    acl: str | None = None
    size: int | None = None
    content_type: str | None = None
    md5: str | None = None
    sha256: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deleted(Model):
    """How many files were deleted."""

    deleted: int
