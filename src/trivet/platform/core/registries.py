"""Credentials for registries of container images elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RegistryCredential:
    """A user name and a password for a registry of container images. ``sealed_password`` is encrypted."""

    id: str
    owner_id: str
    name: str
    username: str
    sealed_password: bytes = field(repr=False)
    created_at: float = 0.0
