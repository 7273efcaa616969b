"""One file from a URL of a job: looked at before, bounded while it comes, and whole or not there at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from trivet.runpod.error import ConnectionFailed, HTTPError, RunPodError, TimedOutError
from trivet.runpod.serverless.utils._names import disposition_name, plain_name, suffix
from trivet.runpod.serverless.utils.rp_ssrf import (
    ALLOW_ALL,
    LARGEST,
    UNKNOWN_HOST,
    SSRFError,
    all_is_allowed,
    max_download_bytes,
    resolve_and_validate,
)
from trivet.runpod.version import __version__
from trivet.sdk import _library
from trivet.sdk._http import Request, TransportError
from trivet.sdk._sync.transport import HttpTransport, Streamed

if TYPE_CHECKING:
    from pyreqwest.http import Url

_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_PARTIAL = 206
_DIGITS = 18
"""Of a size that may be one: Python makes no number of five thousand digits."""
_PAUSES = (0.5, 1.5)
"""Seconds before a file is asked for again, where the network or the server failed."""
_GRACE = 60.0
_SLOWEST = 10_000.0
"""Bytes a second. A server that gives less than that for longer than `_GRACE` seconds keeps the worker for nothing."""
_AGENT = f"trivet-runpod (RunPod-Python-SDK/{__version__})"


class Download(NamedTuple):
    """A file that was fetched: where it is, and what it is called where it came from."""

    path: Path
    name: str


class _Target(NamedTuple):
    url: Url
    origin: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str, base: Url | None = None) -> _Target:
        """Where a URL leads, as read by the very parser of the HTTP library: another might see another host in it.

        Args:
            url: the URL.
            base: what it begins with, where it is only the rest of one.

        Raises:
            SSRFError: nothing can be fetched there.
        """
        _library.load()
        from pyreqwest.http import Url as Parsed

        try:
            parsed = Parsed(url) if base is None else base.join(url)
        except (TypeError, ValueError):
            shown = str(url).partition("?")[0].rpartition("@")[2][:200]  # the rest may be secret
            raise SSRFError(f"{shown!r} is no URL.", hint="Give one that begins with https://.") from None
        host, port = parsed.host_str, parsed.port_or_known_default
        if parsed.scheme not in {"http", "https"} or not host or not port:
            raise SSRFError(f"Files come by https and http, not by {parsed.scheme}.", hint="Give such a URL.")
        return cls(parsed, f"{parsed.scheme}://{host}:{port}", host.strip("[]"), port)

    @property
    def request(self) -> Request:
        query = self.url.query_string
        return Request("GET", self.url.path + ("" if query is None else f"?{query}"), self._authorization)

    @property
    def _authorization(self) -> tuple[tuple[str, str], ...]:
        if not self.url.username:
            return ()
        from base64 import b64encode

        said = f"{unquote(self.url.username)}:{unquote(self.url.password or '')}"
        return (("Authorization", f"Basic {b64encode(said.encode()).decode()}"),)

    def __repr__(self) -> str:
        return f"_Target({str(self)!r})"

    def __str__(self) -> str:
        return f"{self.origin}{self.url.path}"[:300]  # what stands behind the path may be a signature


def fetch(url: str, folder: Path) -> Download:
    """Fetches a file; what fails by chance is tried again, twice.

    Args:
        url: where it is; up to five redirects are followed.
        folder: where it goes, under a name of its own with the ending that it has there.

    Raises:
        SSRFError: the URL leads where it may not lead, or to more bytes than RUNPOD_MAX_DOWNLOAD_BYTES.
        HTTPError: a server refused it.
        ConnectionFailed: a server could not be reached, or the connection broke.
        TimedOutError: nothing came for long, or next to nothing.
        OSError: it can't be written.
    """
    for pause in _PAUSES:
        try:
            return _attempt(url, folder)
        except (ConnectionFailed, TimedOutError):
            pass
        except SSRFError as error:
            if error.code != UNKNOWN_HOST:  # resolvers fail by chance, too
                raise
        except HTTPError as error:
            if error.status is None or (error.status < 500 and error.status != 429):
                raise
        time.sleep(pause)
    return _attempt(url, folder)


def _attempt(url: str, folder: Path) -> Download:
    target = first = _Target.of(url)
    for _ in range(_REDIRECTS + 1):
        transport, answer = _asked(target)
        try:
            location = answer.headers.get("location")
            if answer.status in _MOVED and location:
                target = _Target.of(location, target.url)
                continue
            if not 200 <= answer.status < 300 or answer.status == _PARTIAL:
                raise HTTPError(f"{answer.status}: {target} was refused.", hint="Check the URL.", status=answer.status)
            name = disposition_name(answer.headers.get("content-disposition", "")) or plain_name(
                unquote(first.url.path)
            )
            return Download(_kept(target, answer, folder, suffix(name)), name)
        except TransportError as failure:
            raise _broken(target, failure) from None
        finally:
            answer.close()
            transport.close()
    raise HTTPError(f"{first} leads from one place to the next.", code="redirected", hint="Give the URL where it ends.")


def _asked(target: _Target) -> tuple[HttpTransport, Streamed]:
    """The beginning of an answer, and what is to be closed behind it.

    It is connected to an address that was looked at: a name that changes its address in between gains nothing.
    """
    failure = TransportError("it has no address", sent=False)
    for address in _addresses(target):
        transport = HttpTransport(target.origin, {"User-Agent": _AGENT}, address=address)
        try:
            return transport, transport.open(target.request)
        except TransportError as error:
            transport.close()
            failure = error
            if error.sent:
                break  # it is there; another address of it would say the same
    raise _broken(target, failure) from None


def _addresses(target: _Target) -> Sequence[str | None]:
    """The addresses to connect to, one after another; None leaves it to the HTTP library, which knows of proxies."""
    if all_is_allowed():
        return [None]
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    if (proxies.get(target.url.scheme) or proxies.get("all")) and not proxy_bypass(target.host):
        raise SSRFError(
            f"{target.host} would be reached through a proxy, and what a proxy connects to can't be checked.",
            hint=f"Add the host to NO_PROXY, or set {ALLOW_ALL}=1 where jobs may reach whatever the proxy does.",
        )
    return resolve_and_validate(target.host, target.port)


def _kept(target: _Target, answer: Streamed, folder: Path, ending: str) -> Path:
    import uuid

    most = max_download_bytes()
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > _DIGITS or int(announced) > most):
        raise _too_large(target, most)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4()}{ending}"
    unfinished = path.with_name(f".{path.name}.part")
    begun, size = time.monotonic(), 0
    try:
        with unfinished.open("xb") as file:
            while piece := answer.read():
                size += len(piece)
                if size > most:
                    raise _too_large(target, most)
                if time.monotonic() - begun > _GRACE + size / _SLOWEST:
                    raise TimedOutError(f"{target} comes too slowly.", hint="Fetch it from somewhere nearer.")
                file.write(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _too_large(target: _Target, most: int) -> SSRFError:
    return SSRFError(
        f"{target} has more than {most} bytes.", code="too_large", hint=f"{LARGEST} says how many a file may have."
    )


def _broken(target: _Target, failure: TransportError) -> RunPodError:
    """What a failure is told as. It is told without its cause, whose text has the whole URL, with signature and password."""
    if failure.timed_out:
        return TimedOutError(f"{target} did not answer in time.", hint="Try again later.")
    return ConnectionFailed(f"{target}: {failure.detail}.", hint="Check the URL, and whether its server is there.")
