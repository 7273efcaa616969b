"""What can go wrong between an author's code and its callers."""

from __future__ import annotations


class AuthoringError(Exception):
    """The base of this package's errors. ``code`` is stable and travels to the caller."""

    code = "handler_error"


class InvalidInput(AuthoringError, ValueError):
    """The input does not fit the handler.

    Args:
        message: what is wrong at ``path``, without naming the path.
        path: a JSON pointer into the input; empty for the input as a whole.
    """

    code = "invalid_input"

    def __init__(self, message: str, path: str = "", *, others: tuple[tuple[str, str], ...] = ()) -> None:
        self.errors: tuple[tuple[str, str], ...] = ((path, message), *others)
        """Every fault that was found: pairs of a JSON pointer and what is wrong there."""
        super().__init__("; ".join(f"{at or 'the input'} {what}" for at, what in self.errors))

    def inside(self, key: str | int) -> InvalidInput:
        """The same error seen from one level further out, where the faulty value lies under ``key``."""
        (path, message), *others = ((pointer(key) + at, what) for at, what in self.errors)
        return InvalidInput(message, path, others=tuple(others))


class UnserializableOutput(AuthoringError, TypeError):
    """The handler returned something that has no place in JSON.

    Args:
        message: what lies at ``path`` and what to return in its place.
        path: a JSON pointer into the output; empty for the output as a whole.
    """

    code = "unserializable_output"

    def __init__(self, message: str, path: str = "") -> None:
        self.path = path
        super().__init__(f"The output can't be written as JSON: {path or 'the output itself'} {message}")


class BatchMismatch(AuthoringError, TypeError):
    """A batching handler returned something that can't be shared out among its inputs.

    Args:
        count: how many inputs it was given.
        what: what it returned, as the end of a sentence.
    """

    code = "batch_mismatch"

    def __init__(self, count: int, what: str) -> None:
        inputs = "1 input" if count == 1 else f"{count} inputs"
        super().__init__(
            f"The handler was given a batch of {inputs}, and {what}. It must return a list with one output for each input,"
            " in their order; an exception in a place of the list fails that input alone."
        )


class LoadFailed(AuthoringError, LookupError):
    """There is no endpoint to load at a path; the message names what was looked at and what to do."""

    code = "not_loadable"


def pointer(key: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return "/" + str(key).replace("~", "~0").replace("/", "~1")
