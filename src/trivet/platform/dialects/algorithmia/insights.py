"""Insights: what an algorithm's code posts from inside its worker. The answer comes at once, whatever it is."""

from __future__ import annotations

import msgspec
from starlette.types import Receive

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, Forbidden
from trivet.platform.core.insights import MOST_BYTES
from trivet.platform.dialects.algorithmia import schemas
from trivet.platform.services.insights import Insights
from trivet.platform.wire import documents
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.heads import Heads
from trivet.platform.wire.hot import Answer, lines

METHODS = frozenset({"POST"})
_HEAD = lines([JSON_TYPE, NO_SNIFFING])
_encode = msgspec.json.Encoder().encode


class InsightsApi:
    """Answers ``/v1/insights``.

    Args:
        insights: the use cases.
    """

    def __init__(self, insights: Insights) -> None:
        self._insights = insights

    async def __call__(self, principal: Principal | None, heads: Heads, receive: Receive) -> Answer:
        """Keeps what a job reports.

        Args:
            principal: the job whose worker posts; None where no worker does.
            heads: those of the request.
            receive: where its body comes from.

        Raises:
            Forbidden: nobody's job is at this address.
            BadRequest, TooLarge: it can't be kept. Nothing of it was.
        """
        if principal is None:
            raise Forbidden(
                "Insights are taken at a worker's own address.",
                hint="Algorithms that run here find it in ALGORITHMIA_API; elsewhere there is nobody to report about.",
            )
        body = await read_body(receive, MOST_BYTES, heads.content_length)
        found = documents.decode_as(body, list[schemas.Insight])
        if not found:
            raise BadRequest("Nothing was reported.")
        count = self._insights.report(principal, [(each.insight_key, each.insight_value) for each in found])
        return Answer(200, _HEAD, _encode(schemas.Noted(count)))
