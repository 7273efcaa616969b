"""The native API's hot paths past ASGI: what a head asks for is worked out once, and each body then goes straight to the service.

Whatever is refused before a job is made goes the ordinary way too, where the words for it are: only `CoreError`s of the service
itself are told from here, in the same shape.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import CoreError
from trivet.platform.dialects.native import errors
from trivet.platform.dialects.native.context import PREFIX, NativeServices, NativeSettings
from trivet.platform.dialects.native.hot import CALL_QUERIES, RUN_QUERIES, HotPaths, read_call, read_wait
from trivet.platform.wire.answers import Header
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath, PassOn
from trivet.platform.wire.problems import headers_of, problem_of

logger = logging.getLogger(__name__)

Work = Callable[[Principal, bytes], Coroutine[Any, Any, Answer]]


class NativeFront:
    """The `HotRoutes` of the native API.

    Args:
        services: the services.
        settings: limits.
        paths: the hot paths as the ordinary way takes them.
        common: headers that every answer carries.
    """

    def __init__(
        self, services: NativeServices, settings: NativeSettings, paths: HotPaths, common: tuple[Header, ...]
    ) -> None:
        self._authenticate = services.accounts.authenticate
        self._limit = settings.max_input
        self._paths = paths
        self._common = common
        self._kinds = {
            paths.run: self._run,
            paths.submit: self._submit,
            paths.job: self._job,
            paths.result: self._result,
        }

    def __call__(self, head: Head) -> HotPath | None:
        """The hot path for a head; None where the ordinary way is to look, or to say what is wrong."""
        if head.method == "HEAD":
            return None
        path = path_below(head.path, head.raw_path)
        found = self._paths.find(head.method, path) if path is not None else None
        if found is None:
            return None
        handler, name = found
        kind = self._kinds.get(handler)
        try:
            heads = read_heads(head.headers)
            if kind is None or heads.token is None or (heads.content_length or 0) > self._limit:
                return None
            return self._path(heads.token, head, kind(name, head.query, heads))
        except CoreError:
            return None

    def _path(self, token: str, head: Head, work: Work) -> HotPath:
        def path(body: bytes, exchange: Exchange) -> None:
            principal = self._authenticate(token)
            if principal is None:
                raise PassOn
            exchange.begin(self._answer(head, work(principal, body)))

        return path

    async def _answer(self, head: Head, work: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            return await work
        except CoreError as error:
            return errors.answer_to(problem_of(error), [*headers_of(error), *self._common])
        except Exception as error:  # noqa: BLE001 - the outermost border: no traceback may reach a caller
            return errors.answer_to(errors.incident(error, head.method, head.path), self._common)

    def _run(self, name: str, query: bytes, heads: Heads) -> Work:
        call, answer = read_call(name, query, RUN_QUERIES, heads), self._paths.answer_run
        return lambda principal, body: answer(principal, call, call.payload(body))

    def _submit(self, name: str, query: bytes, heads: Heads) -> Work:
        call, answer = read_call(name, query, CALL_QUERIES, heads), self._paths.answer_submit
        return lambda principal, body: answer(principal, call, call.payload(body))

    def _job(self, name: str, query: bytes, heads: Heads) -> Work:
        wait, answer = read_wait(query), self._paths.answer_job
        return lambda principal, _: answer(principal, name, wait)

    def _result(self, name: str, query: bytes, heads: Heads) -> Work:
        wait, answer = read_wait(query), self._paths.answer_result
        return lambda principal, _: answer(principal, name, wait)


def path_below(path: str, raw_path: bytes, root: str = "") -> str | None:
    """The path below the API's prefix, without slashes at its end; None where it can be nobody's.

    A slash that was sent percent-encoded belongs to a name, and no name has one; once decoded it would look like a path's.

    Args:
        path: decoded.
        raw_path: as it was sent.
        root: what a proxy in front has put before all paths.
    """
    if root and path.startswith(root):
        path = path[len(root) :]
    if not path.startswith(PREFIX) or b"%2f" in raw_path.lower():
        return None
    below = path[len(PREFIX) :].rstrip("/")
    return below if not below or below[0] == "/" else None
