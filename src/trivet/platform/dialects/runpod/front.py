"""RunPod's busy verbs past ASGI. What the head alone refuses, and keys that have to be looked up, go the ordinary way."""

from __future__ import annotations

from collections.abc import Callable

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import CoreError
from trivet.platform.core.views import JobView
from trivet.platform.dialects.runpod import errors
from trivet.platform.dialects.runpod.context import RunPodServices, RunPodSettings
from trivet.platform.dialects.runpod.hot import HotPaths, read_wait
from trivet.platform.dialects.runpod.paths import Target, endpoint_parts, parts_of, reference_to, target_of
from trivet.platform.wire.fronts import Front, Hot
from trivet.platform.wire.heads import read_heads
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath


class RunPodFront:
    """The `HotRoutes` of this dialect.

    Args:
        services: the services.
        settings: limits and holds.
        hot: what the answers are made by.
    """

    def __init__(self, services: RunPodServices, settings: RunPodSettings, hot: HotPaths) -> None:
        self._settings = settings
        self._hot = hot
        self._front = Front(services.accounts, services.calls, _refusal)
        self._kinds: dict[str, Callable[[Head, Target, EndpointReference], Hot]] = {
            "run": self._run,
            "runsync": self._runsync,
            "status": self._status,
        }

    def __call__(self, head: Head) -> HotPath | None:
        """The hot path for a head; None where the ordinary way is to look, or to say what is wrong."""
        parts = endpoint_parts(parts_of(head.path, head.raw_path))
        target = None if parts is None else target_of(parts)
        if target is None or head.method not in target.methods or head.method == "HEAD":
            return None
        kind = self._kinds.get(target.verb)
        try:
            heads = read_heads(head.headers, bare=True)
            limit = self._settings.max_runsync if target.verb == "runsync" else self._settings.max_run
            if kind is None or heads.token is None or (heads.content_length or 0) > limit:
                return None
            return self._front.path(head, heads.token, kind(head, target, reference_to(target.endpoint)))
        except CoreError:
            return None

    def _run(self, head: Head, _: Target, reference: EndpointReference) -> Hot:
        run = self._hot.run
        return self._front.later(head, lambda principal, body: run(principal, reference, body))

    def _runsync(self, head: Head, _: Target, reference: EndpointReference) -> Hot:
        hot, hold = self._hot, self._front.hold
        wait = read_wait(head.query, self._settings.hold)

        def runsync(principal: Principal, body: bytes, exchange: Exchange) -> None:
            payload, options = hot.read(body)

            def at_once(view: JobView) -> Answer | None:
                answer = hot.outcome_now(view)
                return None if answer is None else hot.told(principal, answer)

            async def outcome(view: JobView) -> Answer:
                return hot.told(principal, await hot.outcome(principal, view))

            hold(head, principal, reference, payload, options, wait, exchange, at_once, outcome)

        return runsync

    def _status(self, head: Head, target: Target, reference: EndpointReference) -> Hot:
        status = self._hot.status
        return self._front.later(head, lambda principal, _: status(principal, reference, target.job_id))


def _refusal(error: Exception, head: Head) -> Answer:
    return errors.answer_to(error, head.method, head.path)
