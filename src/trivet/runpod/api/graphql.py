"""GraphQL by hand, for what no function is there for."""

from __future__ import annotations

from typing import Any

from trivet.runpod import _settings
from trivet.runpod._sync.calls import connected


def run_graphql_query(query: str, api_key: str | None = None) -> dict[str, Any]:
    """The whole answer to a query.

    Args:
        query: its text.
        api_key: the key; the module's ``api_key`` where it is not given.

    Raises:
        AuthenticationError: there is no key, or it does not count.
        QueryError: the server refuses it.
        RunPodError: no good answer came.
    """
    key = _settings.current_key(api_key)
    return {"data": connected(_settings.graphql_url(), key).graphql(query)}
