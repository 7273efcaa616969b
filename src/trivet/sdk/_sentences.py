"""What all drop-in modules say of answers that are no good ones, and of none: the same words for each; no network.

Each adds what is its own: which exception it is, and what its caller may set to mend it.
"""

from __future__ import annotations

from trivet.sdk._http import Response, TransportError

LONGEST_REASON = 2000
"""Characters of a server's own words that are handed on."""
LARGER_ANSWERS = "If it is meant to be as large, allow for that where this program runs: TRIVET_MAX_ANSWER=1GiB."
"""What to do about an answer that is larger than those that are read whole."""


def redirected(answer: Response) -> str:
    """Of an answer that sends us elsewhere."""
    place = answer.headers.get("location", "elsewhere")[:200]
    return f"{answer.status}: the server sends us to {place}, and a key is not taken anywhere by itself."


def unexpected(answer: Response, why: str = "") -> str:
    """Of an answer that is none of the API.

    Args:
        answer: what came.
        why: what is wrong with it; empty where its beginning says that.
    """
    kind = answer.content_type or "no content type"
    return f"The answer ({answer.status}, {kind}) is none of this API: {why or beginning(answer)}"


def unanswered(failure: TransportError, url: str, *, is_known: bool = False) -> str:
    """Of no answer.

    Args:
        failure: what the transport said.
        url: the server.
        is_known: whether it was only asked about what goes on without it.
    """
    if failure.timed_out:
        return f"{url} did not answer in time."
    is_open = failure.sent and not is_known and failure.limit is None
    return f"{url}: {failure.detail}.{' Whether the request was carried out is not known.' if is_open else ''}"


def beginning(answer: Response, empty: str = "it is empty") -> str:
    """The first words of a body, in one line.

    Args:
        answer: whose body.
        empty: what is said where there are none.
    """
    text = " ".join(answer.body[:400].decode("utf-8", "replace").split())
    return text[:200] or empty


def seconds_asked(answer: Response) -> int | None:
    """The seconds that a refusal asks to wait (``Retry-After``); None where it asks for nothing of the kind."""
    said = answer.headers.get("retry-after", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else None


def too_much(answer: Response) -> str:
    """What to do about 429."""
    asked = seconds_asked(answer)
    return f"Too much at once. Try again {'later' if asked is None else f'in {asked} s'}."
