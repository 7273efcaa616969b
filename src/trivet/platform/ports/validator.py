"""Checking an input against an endpoint's schema, without changing a byte of it."""

from __future__ import annotations

from typing import Any, Protocol

from trivet.platform.core.payloads import Payload


class InputCheck(Protocol):
    """A compiled schema."""

    def __call__(self, payload: Payload) -> None:
        """Raises `InvalidInput` naming the fields, or `InvalidJson`."""


class LargeCheck(Protocol):
    """Checks inputs that take long to decode, while others go on."""

    async def __call__(self, schema: dict[str, Any] | None, payload: Payload, /) -> None:
        """The check that `SchemaCompiler` gives for ``schema``, of one input.

        Raises:
            InvalidInput, InvalidJson: as that check does, or it takes more time or memory than there is.
            Unavailable: the platform is shutting down.
        """


class SchemaCompiler(Protocol):
    """Compiles JSON Schemas (draft 2020-12)."""

    def __call__(self, schema: dict[str, Any] | None) -> InputCheck:
        """A check for ``schema``; None means that any input of sound JSON, or any bytes, will do.

        Raises:
            BuildFailed: it is no JSON Schema, said in a sentence.
        """
