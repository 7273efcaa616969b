"""The native API's hot paths past ASGI: what a head asks for is worked out once, and each body goes straight to the service.

What can be refused by the head alone, and keys that have to be looked up, go the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import CoreError
from trivet.platform.core.views import JobView
from trivet.platform.dialects.native import errors
from trivet.platform.dialects.native.context import PREFIX, NativeServices, NativeSettings
from trivet.platform.dialects.native.hot import CALL_QUERIES, RUN_QUERIES, HotPaths, read_call, read_wait
from trivet.platform.wire.answers import Header
from trivet.platform.wire.fronts import Front, Hot
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath
from trivet.platform.wire.problems import headers_of, problem_of


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
        self._front = Front(services.accounts, services.calls, self._refusal)
        self._limit = settings.max_input
        self._paths = paths
        self._common = common
        self._kinds: dict[str, Callable[[Head, str, Heads], Hot]] = {
            "run": self._run,
            "submit": self._submit,
            "job": self._job,
            "result": self._result,
        }

    def __call__(self, head: Head) -> HotPath | None:
        """The hot path for a head; None where the ordinary way is to look, or to say what is wrong."""
        path = path_below(head.path, head.raw_path)
        found = self._paths.find(head.method, path) if path is not None and head.method != "HEAD" else None
        if found is None:
            return None
        verb, name = found
        kind = self._kinds.get(verb)
        try:
            heads = read_heads(head.headers)
            if kind is None or heads.token is None or (heads.content_length or 0) > self._limit:
                return None
            return self._front.path(head, heads.token, kind(head, name, heads))
        except CoreError:
            return None

    def _run(self, head: Head, name: str, heads: Heads) -> Hot:
        call = read_call(name, head.query, RUN_QUERIES, heads)
        if call.options.idempotency_key is not None:
            return self._front.later(
                head, lambda principal, body: self._paths.answer_run(principal, call, call.payload(body))
            )
        paths, hold = self._paths, self._front.hold

        def run(principal: Principal, body: bytes, exchange: Exchange) -> None:
            def at_once(view: JobView) -> Answer | None:
                output = view.job.output
                if output is not None and output.data is None:
                    return None
                return paths.told(principal, paths.outcome_with(view, (output and output.data) or b""))

            async def outcome(view: JobView) -> Answer:
                return paths.told(principal, await paths.outcome(view))

            payload = call.payload(body)
            hold(head, principal, call.reference, payload, call.options, call.wait, exchange, at_once, outcome)

        return run

    def _submit(self, head: Head, name: str, heads: Heads) -> Hot:
        call = read_call(name, head.query, CALL_QUERIES, heads)
        return self._front.later(
            head, lambda principal, body: self._paths.answer_submit(principal, call, call.payload(body))
        )

    def _job(self, head: Head, name: str, _: Heads) -> Hot:
        wait = read_wait(head.query)
        return self._front.later(head, lambda principal, _: self._paths.answer_job(principal, name, wait))

    def _result(self, head: Head, name: str, _: Heads) -> Hot:
        wait = read_wait(head.query)
        return self._front.later(head, lambda principal, _: self._paths.answer_result(principal, name, wait))

    def _refusal(self, error: Exception, head: Head) -> Answer:
        if isinstance(error, CoreError):
            return errors.answer_to(problem_of(error), [*headers_of(error), *self._common])
        return errors.answer_to(errors.incident(error, head.method, head.path), self._common)


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
