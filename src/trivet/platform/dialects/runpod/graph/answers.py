"""Errors as GraphQL has them: a list with a message each, and our stable code beside it."""

from __future__ import annotations

from typing import Any

from trivet.platform.core.errors import CoreError
from trivet.platform.wire import incidents
from trivet.platform.wire.problems import sentence_of

_LONGEST_MESSAGE = 2000


class Refused(Exception):
    """The query is not executed; ``errors`` say why, at least one."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors


def refusal(error: CoreError) -> dict[str, Any]:
    """A whole answer that says why there is no other."""
    return {"errors": [of_core(error)]}


def of_core(error: CoreError) -> dict[str, Any]:
    """An error of the core: what happened, and what to do next."""
    return said(sentence_of(error), error.code)


def said(message: str, code: str) -> dict[str, Any]:
    """One error."""
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[:_LONGEST_MESSAGE]}…"
    return {"message": message, "extensions": {"code": code}}


def incident(error: BaseException) -> dict[str, Any]:
    """An exception that nobody foresaw. Its traceback goes to the log, and nowhere else."""
    return said(incidents.incident(error, "a GraphQL request").text, "internal")
