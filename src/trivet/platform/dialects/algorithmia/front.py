"""Calls past ASGI. What the head alone refuses, calls of workers and keys that have to be looked up go the ordinary way."""

from __future__ import annotations

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import CoreError
from trivet.platform.core.views import JobView
from trivet.platform.dialects.algorithmia.context import AlgorithmiaServices, AlgorithmiaSettings
from trivet.platform.dialects.algorithmia.errors import Output
from trivet.platform.dialects.algorithmia.invoke import Call, Invoke, read_call
from trivet.platform.dialects.algorithmia.paths import place_of
from trivet.platform.wire.fronts import Front, Hot
from trivet.platform.wire.heads import read_heads
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath


class AlgorithmiaFront:
    """The `HotRoutes` of this dialect.

    Args:
        services: the services.
        settings: limits.
        invoke: what the answers are made by.
    """

    def __init__(self, services: AlgorithmiaServices, settings: AlgorithmiaSettings, invoke: Invoke) -> None:
        self._accounts = services.accounts
        self._limit = settings.max_input
        self._invoke = invoke
        self._front = Front(services.accounts, services.calls, self._refusal)

    def __call__(self, head: Head) -> HotPath | None:
        """The hot path for a head; None where the ordinary way is to look, or to say what is wrong."""
        place = place_of(head.path, head.raw_path)
        if place is None or place.area != "algo" or place.worker is not None or head.method != "POST":
            return None
        try:
            heads = read_heads(head.headers, bare=True)
            if heads.token is None or (heads.content_length or 0) > self._limit:
                return None
            call = read_call(place.parts, head.query, heads.content_type)
        except CoreError:
            return None
        return self._front.path(head, heads.token, self._hot(head, call))

    def _hot(self, head: Head, call: Call) -> Hot:
        invoke, hold = self._invoke, self._front.hold
        if call.output is Output.VOID or call.stdout:
            return self._front.later(head, lambda principal, body: invoke.call(principal, call, body))

        def run(principal: Principal, body: bytes, exchange: Exchange) -> None:
            def at_once(view: JobView) -> Answer | None:
                return invoke.outcome_now(principal, call, view)

            async def outcome(view: JobView) -> Answer:
                return await invoke.outcome(principal, call, view)

            payload, caller, aimed = call.payload(body), invoke.limited(principal), invoke.aimed(call)
            invoke.check(caller, aimed)
            hold(head, caller, aimed.reference, payload, call.options, call.wait, exchange, at_once, outcome)

        return run

    def _refusal(self, error: Exception, head: Head) -> Answer:
        place = place_of(head.path, head.raw_path)
        call = principal = None
        try:
            heads = read_heads(head.headers, bare=True)
            principal = self._accounts.authenticate(heads.token or "")
            call = read_call(place.parts if place is not None else [], head.query, heads.content_type)
        except CoreError:
            pass  # it was read once, so this can't be; the answer is good without it
        return self._invoke.refused(error, call, head.query, principal, head.path)
