"""HTTP as values: a request to be made, an answer that came, and the one error of a transport.

Builders make `Request`, parsers read `Response`; neither touches a network. A transport carries one to the other, so that
a test, or another set of builders for another API, can use any transport and any transport can serve them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from trivet.sdk.errors import ConfigurationError, InvalidRequestError

_UNITS = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
SLOWEST_UPLOAD = 100_000.0
"""Bytes a second: a body is given the time that it needs at this speed, on top of the timeout."""
LONGEST_UPLOAD = 86_400.0
"""Seconds that a body of unknown size is given."""
CONNECT_TIMEOUT = 10.0
"""Seconds for reaching the server at all."""
LARGEST_ANSWER = 256 << 20
"""Bytes of an answer that is read whole: five times the largest output that a server takes unless it is told otherwise."""
_LONGEST_NUMBER = 18
"""Digits of a size that may be one; Python refuses to make a number of some thousands."""
MARGIN = 5.0
"""Seconds beyond the caller's own timeout in which the server may still answer that the wait has ended."""


class Request(NamedTuple):  # not a dataclass: those bring `inspect` along, which costs more than all of this
    """A request below a base URL.

    Attributes:
        method: the verb, upper case.
        path: the path with its query; begins with a slash.
        headers: names and values besides those of every request.
        body: the bytes to send, or None.
        held: seconds that the server may hold the answer on purpose (a long poll).
        anonymous: whether it is made without a key.
        once: whether it carries a key by which the server knows it again, so that it is done once however often it is made.
        job_id: the job that it asks about and changes nothing of; such a question outlasts a restart of the server.
        chunks: the body piece by piece, in place of ``body``; used up by the first attempt.
        size: how many bytes ``chunks`` have together; None where nobody knows.
        conditional: whether it is carried out only where a condition holds that it may itself have ended, so that a second
            attempt would be refused for what the first has done.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    held: float = 0.0
    anonymous: bool = False
    once: bool = False
    job_id: str | None = None
    chunks: Any = None
    size: int | None = None
    conditional: bool = False

    def __repr__(self) -> str:
        return f"Request({self.method!r}, {self.path!r})"  # headers and body may hold what is nobody's business

    @property
    def repeatable(self) -> bool:
        """Whether making it twice does what making it once does."""
        return self.once or (self.method in SAFE_TO_REPEAT and not self.conditional)

    def patience(self, timeout: float, left: float | None = None) -> float:
        """Seconds to wait for the whole answer.

        Args:
            timeout: seconds that an ordinary request is given.
            left: seconds that the caller still wants to wait, or None; the server is given a moment more than that, so
                that it can say itself that the wait has ended.
        """
        held, margin = (self.held, timeout) if left is None else (min(self.held, left), min(timeout, MARGIN))
        if self.chunks is not None and self.size is None:
            return held + LONGEST_UPLOAD
        size = len(self.body) if self.body else self.size or 0
        return held + margin + size / SLOWEST_UPLOAD


class Response(NamedTuple):
    """An answer, read to its end. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"

    @property
    def content_type(self) -> str:
        """The media type, lower case, without parameters; empty where the answer has none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_trivet(self) -> bool:
        """Whether a Trivet has answered, in whatever dialect. It holds a question until there is an answer."""
        return "trivet-version" in self.headers


class TransportError(Exception):
    """No whole answer came.

    Args:
        detail: what the network said.
        sent: whether (part of) the request may have reached the server.
        timed_out: whether it was the caller's patience that ended.
        limit: how many bytes of an answer are read whole, where this one has more; else None.
    """

    def __init__(self, detail: str, *, sent: bool, timed_out: bool = False, limit: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sent = sent
        self.timed_out = timed_out
        self.limit = limit


def check_headers(request: Request) -> None:
    """Refuses what would end a header early, or begin another one.

    Raises:
        InvalidRequestError: a value has a line break or another control character in it.
    """
    for name, value in request.headers:
        if not value.isprintable():
            raise InvalidRequestError(
                f"The header {name} can't carry {value!r}.", hint="Leave out line breaks and other control characters."
            )


def base_url(text: str) -> str:
    """``text`` as the base URL of a Trivet; see `server_url`.

    Raises:
        ConfigurationError: it is none.
    """
    hint = "Give a URL such as http://127.0.0.1:8300 (argument `url`, TRIVET_URL, or `url` in the profile)."
    return server_url(text, hint).removesuffix("/api/v1")


def server_url(text: str, hint: str) -> str:
    """``text`` as the URL that requests are made below: scheme, host, perhaps a path, no slash at the end.

    Args:
        text: what was set.
        hint: what to set, for the error.

    Raises:
        ConfigurationError: it is no http(s) URL, or carries a password, a query or a fragment.
    """
    try:
        parts = urlsplit(text.strip())
        port_is_a_number = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_a_number = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_a_number:
        raise ConfigurationError(f"{text!r} is not the URL of a server.", hint=hint)
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("The server's URL carries a user name, a query or a fragment.", hint=hint)
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; all names of this machine's loopback count as one."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host in {"localhost", "::1"} or host.startswith("127."):
        host = "localhost"
    return parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80)


def largest_answer(environ: Mapping[str, str] = os.environ) -> int:
    """How many bytes of an answer are read whole: ``TRIVET_MAX_ANSWER``, else `LARGEST_ANSWER`.

    Raises:
        ConfigurationError: what is set there is no size.
    """
    said = environ.get("TRIVET_MAX_ANSWER")
    if not said:
        return LARGEST_ANSWER
    number, unit = said.strip().lower(), 1
    for name, bytes_of_it in _UNITS.items():
        if number.endswith(name):
            number, unit = number.removesuffix(name).rstrip(), bytes_of_it
    if not (number.isascii() and number.isdecimal() and int(number) > 0):
        raise ConfigurationError(
            f"TRIVET_MAX_ANSWER is {said!r}, and no size.", hint="Give a number of bytes, or a size such as 512MiB."
        )
    return int(number) * unit


def too_large(size: int | None, limit: int) -> TransportError:
    """The failure where an answer has more bytes than are read whole.

    Args:
        size: how many it has; None where it does not say.
        limit: how many are read.
    """
    has = f"{size} bytes" if size is not None else f"more than {limit} bytes"
    return TransportError(f"the answer has {has}, and at most {limit} are read whole", sent=True, limit=limit)


def told_length(headers: Mapping[str, str]) -> int | None:
    """How many bytes an answer says that its body has; None where it does not say."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= _LONGEST_NUMBER else None


def failure(error: Exception) -> TransportError:
    """What an error of the HTTP library means for us.

    The library has one class for "could not connect" and "the connection broke before an answer"; only the chain of causes
    tells them apart. Anything that is not known to have failed while connecting counts as sent, which is the safe side.
    """
    details: Any = getattr(error, "details", None) or {}
    causes = [str(cause["message"]) for cause in details.get("causes") or ()]
    connecting = "client error (Connect)" in causes
    return TransportError(
        causes[-1] if causes else str(error),
        sent=not connecting,
        timed_out=isinstance(error, TimeoutError),
    )
