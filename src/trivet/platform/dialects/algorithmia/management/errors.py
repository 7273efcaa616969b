"""Refusals of the management API: Algorithmia's numbers, and statuses that say the same."""

from __future__ import annotations

from typing import NamedTuple

from trivet.platform.core.errors import Conflict, CoreError, NotFound
from trivet.platform.dialects.algorithmia import errors
from trivet.platform.dialects.algorithmia.errors import NOT_IMPLEMENTED
from trivet.platform.services.releases import NothingToRelease
from trivet.platform.wire.hot import Answer
from trivet.platform.wire.problems import sentence_of

NO_ALGORITHM = 1001
NAME_TAKEN = 1002
ALREADY_PUBLISHED = 1007
NO_BUILD = 1010
NO_BUILD_LOGS = 1011
NO_VERSION = 1014
INVALID_REQUEST = 2015
NO_USER = 3000
USER_TAKEN = 3003
MISSING_FIELDS = 3005
NO_ORGANIZATION = 3100
ORGANIZATION_TAKEN = 3101
LAST_OWNER = 3102
NO_ORGANIZATION_TYPE = 3108
UNKNOWN_LANGUAGE = 4001
BAD_MARKER = 5002
BAD_LIMIT = 5003
INVALID_VALUE = 6001
NO_SECRET_PROVIDER = 8006
NO_SECRET = 8008


class Refused(Exception):
    """A request is refused for a reason that is Algorithmia's own.

    Args:
        status: the HTTP status.
        code: Algorithmia's number.
        message: what is wrong and what to do, for people.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Numbers(NamedTuple):
    """Algorithmia's numbers for what may go wrong with one kind of thing: it is not there, or its name is taken."""

    missing: int
    taken: int


ALGORITHMS = Numbers(NO_ALGORITHM, NAME_TAKEN)
USERS = Numbers(NO_USER, USER_TAKEN)
ORGANIZATIONS = Numbers(NO_ORGANIZATION, ORGANIZATION_TAKEN)
SECRETS = Numbers(NO_SECRET, INVALID_VALUE)


def not_implemented(what: str) -> Refused:
    """The refusal of what Algorithmia had and this platform has not."""
    return Refused(501, NOT_IMPLEMENTED, f"not implemented: {what}")


def answer_to(error: Exception, numbers: Numbers, method: str, path: str) -> Answer:
    """The answer to whatever was raised.

    Args:
        error: what was raised.
        numbers: those of what the path is about.
        method: the request's.
        path: the request's, for the log.
    """
    if isinstance(error, Refused):
        return errors.fault(error.status, str(error), error.code)
    if isinstance(error, NothingToRelease):
        return errors.fault(400, sentence_of(error), ALREADY_PUBLISHED)
    if isinstance(error, NotFound):
        # clients look for these very words to tell whether an algorithm is there
        said = "No such algorithm. " if numbers is ALGORITHMS else ""
        return errors.fault(404, f"{said}{sentence_of(error)}", numbers.missing)
    if isinstance(error, Conflict):
        return errors.fault(400, sentence_of(error), numbers.taken)
    found = errors.refusal(error, method, path)
    code = INVALID_VALUE if isinstance(error, CoreError) and error.code == "bad_request" else found.code
    return errors.fault(found.status, found.message, code, found.headers)
