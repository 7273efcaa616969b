"""What the fronts of all dialects share: from a head to a hot path, a call that is held, and the border for errors."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.calls import Calls
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath, PassOn

Hot = Callable[[Principal, bytes, Exchange], None]
"""Sees to the answer of one request; may raise what the services raise."""
Refusal = Callable[[Exception, Head], Answer]
"""The answer to whatever was raised, in the dialect's own shape."""


class Front:
    """Makes hot paths that answer for one dialect.

    Args:
        accounts: whose keys count.
        calls: where calls go.
        refusal: the dialect's answer to an error.
    """

    def __init__(self, accounts: Accounts, calls: Calls, refusal: Refusal) -> None:
        self._authenticate = accounts.authenticate
        self._calls = calls
        self._refusal = refusal

    def path(self, head: Head, token: str, hot: Hot) -> HotPath:
        """The hot path for requests with a head and a token. One whose key has to be looked up goes the ordinary way."""
        authenticate, refusal = self._authenticate, self._refusal

        def path(body: bytes, exchange: Exchange) -> None:
            principal = authenticate(token)
            if principal is None:
                raise PassOn
            try:
                hot(principal, body, exchange)
            except Exception as error:  # noqa: BLE001 - the outermost border: no traceback may reach a caller
                exchange.answer(refusal(error, head))

        return path

    def later(self, head: Head, work: Callable[[Principal, bytes], Coroutine[Any, Any, Answer]]) -> Hot:
        """Answers with what ``work`` returns."""

        def hot(principal: Principal, body: bytes, exchange: Exchange) -> None:
            exchange.begin(self._guarded(work(principal, body), head))

        return hot

    def hold(  # noqa: PLR0917 - a call in all its parts, once for each request of the busiest path
        self,
        head: Head,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions,
        wait: float,
        exchange: Exchange,
        at_once: Callable[[JobView], Answer | None],
        outcome: Callable[[JobView], Coroutine[Any, Any, Answer]],
    ) -> None:
        """Calls, and answers when the job has ended or its caller has waited long enough.

        Args:
            head: the request's.
            principal: who calls.
            reference: the endpoint.
            payload: the input.
            options: what the caller says about the call.
            wait: seconds that it waits.
            exchange: the request.
            at_once: the answer for a job that has ended; None where that takes waiting.
            outcome: the answer for any job.
        """
        refusal = self._refusal

        def told(view: JobView | None) -> None:
            if view is None:
                leave()
                return
            try:
                answer = at_once(view)
            except Exception as error:  # noqa: BLE001 - the outermost border: a caller who is told nothing would wait on
                answer = refusal(error, head)
            if answer is not None:
                exchange.answer(answer)
            else:
                exchange.begin(self._guarded(outcome(view), head))

        def leave() -> None:
            exchange.begin(self._guarded(left(), head))

        async def left() -> Answer:
            return await outcome(await self._calls.leave(principal, held))

        held = self._calls.hold(principal, reference, payload, options, told)
        exchange.after(wait, leave)

    async def _guarded(self, work: Coroutine[Any, Any, Answer], head: Head) -> Answer:
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - the outermost border: no traceback may reach a caller
            return self._refusal(error, head)
