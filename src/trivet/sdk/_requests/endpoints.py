"""Endpoints, their versions, and the workers that run them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivet.sdk._http import Request
from trivet.sdk._requests.parts import (
    API,
    PAGE,
    SSE,
    Reference,
    endpoint_path,
    going_on,
    segment,
    with_json,
    with_query,
)


def endpoints(*, limit: int = PAGE, cursor: str | None = None, models: bool = False) -> Request:
    """A page of endpoints; with ``models`` of those alone that are predictive models."""
    query = {"limit": limit, "cursor": cursor, "models": "true" if models else None}
    return Request("GET", with_query(f"{API}/endpoints", query))


def endpoint(reference: Reference) -> Request:
    """An endpoint's document."""
    return Request("GET", endpoint_path(reference))


def bundle(reference: Reference, version: str | None = None, *, start: int = 0, if_match: str | None = None) -> Request:
    """The bundle of a model from byte ``start`` on; with ``if_match`` (an ``ETag``, as it came) only that very one."""
    url = with_query(f"{endpoint_path(reference)}/bundle", {"version": version})
    return Request("GET", url, going_on(start, if_match))


def endpoint_update(reference: Reference, changes: Mapping[str, Any]) -> Request:
    """Change what ``changes`` names."""
    return with_json("PATCH", endpoint_path(reference), changes)


def endpoint_delete(reference: Reference) -> Request:
    """Delete an endpoint: queued jobs are cancelled, running ones stopped."""
    return Request("DELETE", endpoint_path(reference))


def endpoint_versions(reference: Reference, *, cursor: str | None = None) -> Request:
    """A page of an endpoint's versions."""
    return Request("GET", with_query(f"{endpoint_path(reference)}/versions", {"cursor": cursor}))


def endpoint_version(reference: Reference, version: str) -> Request:
    """One version."""
    return Request("GET", f"{endpoint_path(reference)}/versions/{segment(version, 'version')}")


def build_log(reference: Reference, version: str) -> Request:
    """The build log of a version, as text."""
    return Request("GET", f"{endpoint_path(reference)}/versions/{segment(version, 'version')}/log")


def endpoint_rollback(reference: Reference, to: str | None) -> Request:
    """Make ``to``, or the version before, the one that serves."""
    return with_json("POST", f"{endpoint_path(reference)}/rollback", {"to": to})


def endpoint_promote(reference: Reference, version: str | None) -> Request:
    """Make the canary, or ``version``, the one that serves."""
    return with_json("POST", f"{endpoint_path(reference)}/promote", {"version": version})


def canary(reference: Reference, version: str, weight: int) -> Request:
    """Give ``version`` so many percent of the calls that name none."""
    return with_json("PUT", f"{endpoint_path(reference)}/canary", {"version": version, "weight": weight})


def canary_end(reference: Reference) -> Request:
    """Give all calls that name no version to the one that serves."""
    return Request("DELETE", f"{endpoint_path(reference)}/canary")


def aliases(reference: Reference, *, cursor: str | None = None) -> Request:
    """A page of an endpoint's aliases."""
    return Request("GET", with_query(f"{endpoint_path(reference)}/aliases", {"cursor": cursor}))


def alias(reference: Reference, name: str) -> Request:
    """One alias."""
    return Request("GET", _alias(reference, name))


def alias_set(reference: Reference, name: str, versions: Mapping[str, int | None]) -> Request:
    """Let an alias stand for ``versions``."""
    shares = [{"version": version, "weight": weight} for version, weight in versions.items()]
    return with_json("PUT", _alias(reference, name), {"versions": shares})


def alias_delete(reference: Reference, name: str) -> Request:
    """End an alias."""
    return Request("DELETE", _alias(reference, name))


def version_health(reference: Reference, version: str) -> Request:
    """Counts of a version's jobs, and how long they took."""
    return Request("GET", f"{endpoint_path(reference)}/versions/{segment(version, 'version')}/health")


def endpoint_purge(reference: Reference) -> Request:
    """Cancel what is queued."""
    return Request("POST", f"{endpoint_path(reference)}/purge")


def endpoint_health(reference: Reference) -> Request:
    """Counts of jobs and workers."""
    return Request("GET", f"{endpoint_path(reference)}/health")


def workers(reference: Reference | None, *, cursor: str | None = None) -> Request:
    """The workers of an endpoint, or all that the key may see."""
    path = f"{API}/workers" if reference is None else f"{endpoint_path(reference)}/workers"
    return Request("GET", with_query(path, {"cursor": cursor}))


def endpoint_logs(reference: Reference, *, follow: bool = False) -> Request:
    """Recent lines of an endpoint's workers and jobs; with ``follow``, as events that go on."""
    path = f"{endpoint_path(reference)}/logs"
    return Request("GET", with_query(path, {"follow": "true"}), (SSE,)) if follow else Request("GET", path)


def _alias(reference: Reference, name: str) -> str:
    return f"{endpoint_path(reference)}/aliases/{segment(name, 'alias')}"
