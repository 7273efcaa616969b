"""Checking an input against an endpoint's schema, without changing a byte of it."""

from __future__ import annotations

from typing import Any, Protocol

from trivet.platform.core.payloads import Payload


class InputCheck(Protocol):
    """A compiled schema."""

    def __call__(self, payload: Payload) -> None:
        """Raises `InvalidInput` naming the fields, or `InvalidJson`."""


class SchemaCompiler(Protocol):
    """Compiles JSON Schemas (draft 2020-12)."""

    def __call__(self, schema: dict[str, Any] | None) -> InputCheck:
        """A check for ``schema``; None means that any input of sound JSON, or any bytes, will do.

        Raises:
            BuildFailed: it is no JSON Schema, said in a sentence.
        """
