"""Every request that the client makes, as a value. The one place that knows the API's URLs; no I/O.

What comes back is read by `trivet.sdk._answers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from trivet.sdk import _calls
from trivet.sdk._calls import CallOptions
from trivet.sdk._http import Request
from trivet.sdk.errors import InvalidRequestError

if TYPE_CHECKING:
    from trivet.sdk._archive import Archive
    from trivet.sdk._payloads import Body
    from trivet.sdk._uris import DataUri

API = "/api/v1"
LONGEST_RUN_WAIT = 50.0
"""Seconds for which one `run` or one request for a result is held; proxies commonly cut at 60."""
LONGEST_JOB_WAIT = 50.0
PAGE = 100
FILES_PAGE = 500
_SSE = ("Accept", "text/event-stream")

Reference = str | int
"""An endpoint as the caller names it: ``owner/name``, its opaque id, or its integer id."""


# -- calling


def run(reference: Reference, body: Body, options: CallOptions, *, wait: float) -> Request:
    """Call and wait up to ``wait`` seconds."""
    return _call(reference, "run", body, options, wait=wait)


def submit(reference: Reference, body: Body, options: CallOptions) -> Request:
    """Queue a job."""
    return _call(reference, "submit", body, options)


def stream(reference: Reference, body: Body, options: CallOptions) -> Request:
    """Call and listen to the events."""
    return _call(reference, "stream", body, options, headers=(_SSE,))


def _call(
    reference: Reference,
    verb: str,
    body: Body,
    options: CallOptions,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    wait: float | None = None,
) -> Request:
    query = _calls.query(options)
    if wait is not None:
        query["wait"] = wait
    return Request(
        "POST",
        _url(f"{_endpoint(reference)}/{verb}", query),
        (("Content-Type", body.content_type), *_calls.headers(options), *headers),
        body.data,
        wait or 0.0,
        once=options.get("idempotency_key") is not None,
    )


# -- jobs


def job(job_id: str, *, wait: float = 0.0) -> Request:
    """A job's document; with ``wait``, when it is final or after so many seconds."""
    return Request("GET", _url(_job(job_id), {"wait": wait or None}), held=wait, job_id=job_id)


def job_lookup(job_id: str) -> Request:
    """A job's document, for somebody who looks it up and waits for nothing: fails as quickly as any other look-up."""
    return Request("GET", _job(job_id))


def job_result(job_id: str, *, wait: float) -> Request:
    """A job's output, waited for up to ``wait`` seconds."""
    return Request("GET", _url(f"{_job(job_id)}/result", {"wait": wait}), held=wait, job_id=job_id)


def job_input(job_id: str) -> Request:
    """What a job was given."""
    return Request("GET", f"{_job(job_id)}/input")


def job_events(job_id: str, *, after: str | None = None) -> Request:
    """A job's events, from the start or from behind the event ``after``."""
    resume = (("Last-Event-ID", after),) if after else ()
    return Request("GET", f"{_job(job_id)}/events", (_SSE, *resume), job_id=job_id)


def job_cancel(job_id: str) -> Request:
    """Cancel a job; the server waits a few seconds for the worker's confirmation."""
    return Request("POST", f"{_job(job_id)}/cancel", held=5.0)


def job_logs(job_id: str, *, after: str | int | None = None) -> Request:
    """A page of what a job wrote."""
    return Request("GET", _url(f"{_job(job_id)}/logs", {"after": after}))


def job_explain(job_id: str) -> Request:
    """Why a job stands where it stands."""
    return Request("GET", f"{_job(job_id)}/explain")


def job_replay(job_id: str, body: Body | None, *, key: str, version: str | None = None) -> Request:
    """A new job like an earlier one; ``body`` takes the place of its input."""
    content_type = (("Content-Type", body.content_type),) if body is not None else ()
    return Request(
        "POST",
        _url(f"{_job(job_id)}/replay", {"version": version}),
        (("Idempotency-Key", key), *content_type),
        body.data if body is not None else None,
        once=True,
    )


def jobs(
    *,
    endpoint: Reference | None = None,
    status: Iterable[str] = (),
    dead_letters: bool = False,
    limit: int = PAGE,
    cursor: str | None = None,
) -> Request:
    """A page of jobs, newest first."""
    wanted = [status] if isinstance(status, str) else status
    query = {
        "endpoint": endpoint,
        "status": ",".join(wanted) or None,
        "dead_letters": "true" if dead_letters else None,
        "limit": limit,
        "cursor": cursor,
    }
    return Request("GET", _url(f"{API}/jobs", query))


# -- endpoints


def endpoints(*, limit: int = PAGE, cursor: str | None = None, models: bool = False) -> Request:
    """A page of endpoints; with ``models`` of those alone that are predictive models."""
    query = {"limit": limit, "cursor": cursor, "models": "true" if models else None}
    return Request("GET", _url(f"{API}/endpoints", query))


def endpoint(reference: Reference) -> Request:
    """An endpoint's document."""
    return Request("GET", _endpoint(reference))


def bundle(reference: Reference, version: str | None = None, *, start: int = 0, if_match: str | None = None) -> Request:
    """The bundle of a model from byte ``start`` on; with ``if_match`` (an ``ETag``, as it came) only that very one."""
    url = _url(f"{_endpoint(reference)}/bundle", {"version": version})
    return Request("GET", url, _going_on(start, if_match))


def endpoint_update(reference: Reference, changes: Mapping[str, Any]) -> Request:
    """Change what ``changes`` names."""
    return _json("PATCH", _endpoint(reference), changes)


def endpoint_delete(reference: Reference) -> Request:
    """Delete an endpoint: queued jobs are cancelled, running ones stopped."""
    return Request("DELETE", _endpoint(reference))


def endpoint_versions(reference: Reference, *, cursor: str | None = None) -> Request:
    """A page of an endpoint's versions."""
    return Request("GET", _url(f"{_endpoint(reference)}/versions", {"cursor": cursor}))


def endpoint_version(reference: Reference, version: str) -> Request:
    """One version."""
    return Request("GET", f"{_endpoint(reference)}/versions/{_segment(version, 'version')}")


def build_log(reference: Reference, version: str) -> Request:
    """The build log of a version, as text."""
    return Request("GET", f"{_endpoint(reference)}/versions/{_segment(version, 'version')}/log")


def endpoint_rollback(reference: Reference, to: str | None) -> Request:
    """Make ``to``, or the version before, the one that serves."""
    return _json("POST", f"{_endpoint(reference)}/rollback", {"to": to})


def endpoint_promote(reference: Reference, version: str | None) -> Request:
    """Make the canary, or ``version``, the one that serves."""
    return _json("POST", f"{_endpoint(reference)}/promote", {"version": version})


def canary(reference: Reference, version: str, weight: int) -> Request:
    """Give ``version`` so many percent of the calls that name none."""
    return _json("PUT", f"{_endpoint(reference)}/canary", {"version": version, "weight": weight})


def canary_end(reference: Reference) -> Request:
    """Give all calls that name no version to the one that serves."""
    return Request("DELETE", f"{_endpoint(reference)}/canary")


def aliases(reference: Reference, *, cursor: str | None = None) -> Request:
    """A page of an endpoint's aliases."""
    return Request("GET", _url(f"{_endpoint(reference)}/aliases", {"cursor": cursor}))


def alias(reference: Reference, name: str) -> Request:
    """One alias."""
    return Request("GET", _alias(reference, name))


def alias_set(reference: Reference, name: str, versions: Mapping[str, int | None]) -> Request:
    """Let an alias stand for ``versions``."""
    shares = [{"version": version, "weight": weight} for version, weight in versions.items()]
    return _json("PUT", _alias(reference, name), {"versions": shares})


def alias_delete(reference: Reference, name: str) -> Request:
    """End an alias."""
    return Request("DELETE", _alias(reference, name))


def version_health(reference: Reference, version: str) -> Request:
    """Counts of a version's jobs, and how long they took."""
    return Request("GET", f"{_endpoint(reference)}/versions/{_segment(version, 'version')}/health")


def endpoint_purge(reference: Reference) -> Request:
    """Cancel what is queued."""
    return Request("POST", f"{_endpoint(reference)}/purge")


def endpoint_health(reference: Reference) -> Request:
    """Counts of jobs and workers."""
    return Request("GET", f"{_endpoint(reference)}/health")


def workers(reference: Reference | None, *, cursor: str | None = None) -> Request:
    """The workers of an endpoint, or all that the key may see."""
    path = f"{API}/workers" if reference is None else f"{_endpoint(reference)}/workers"
    return Request("GET", _url(path, {"cursor": cursor}))


def endpoint_logs(reference: Reference, *, follow: bool = False) -> Request:
    """Recent lines of an endpoint's workers and jobs; with ``follow``, as events that go on."""
    path = f"{_endpoint(reference)}/logs"
    return Request("GET", _url(path, {"follow": "true"}), (_SSE,)) if follow else Request("GET", path)


# -- deployments


def deploy(
    archive: Archive,
    *,
    name: str | None = None,
    version: str | None = None,
    endpoint_id: str | None = None,
    model_id: int | None = None,
    workers: tuple[int, int] | None = None,
    canary: int | None = None,
    held: bool = False,
    image: str | None = None,
) -> Request:
    """Upload an archive to be built and published."""
    query = {
        "filename": archive.filename,
        "name": name,
        "version": version,
        "id": endpoint_id,
        "model_id": model_id,
        "workers": ",".join(map(str, workers)) if workers is not None else None,
        "canary": canary,
        "held": "true" if held else None,
        "image": image,
    }
    headers = (("Content-Type", "application/gzip"),)
    return Request("POST", _url(f"{API}/deployments", query), headers, archive.data)


def deployment(deployment_id: str, *, wait: float = 0.0) -> Request:
    """A deployment's document; with ``wait``, when it is final or after so many seconds."""
    path = f"{API}/deployments/{_segment(deployment_id, 'deployment')}"
    return Request("GET", _url(path, {"wait": wait or None}), held=wait)


def images(*, name: str | None = None, cursor: str | None = None) -> Request:
    """A page of the images that the asker can use."""
    return Request("GET", _url(f"{API}/images", {"name": name, "cursor": cursor}))


def image_delete(image_id: str) -> Request:
    """Delete an image."""
    return Request("DELETE", f"{API}/images/{_segment(image_id, 'image')}")


# -- hosted data


def files(place: DataUri, *, cursor: str | None = None) -> Request:
    """A page of what lies at a place."""
    return Request("GET", _url(_data(place), {"limit": FILES_PAGE, "cursor": cursor}))


def data_info(place: DataUri) -> Request:
    """What is known of a file or a collection."""
    return Request("GET", _url(_data(place), {"info": "true"}))


def file_read(place: DataUri, *, start: int = 0, if_match: str | None = None) -> Request:
    """A file from byte ``start`` on; with ``if_match`` (an ``ETag``, as it came) only that version of it."""
    if not place.is_file:
        raise InvalidRequestError(f"{place} is no file.", hint="Write `data://OWNER/COLLECTION/FILE`.")
    return Request("GET", _data(place), _going_on(start, if_match))


def _going_on(start: int, if_match: str | None) -> tuple[tuple[str, str], ...]:
    """What asks for the rest of something, from a byte on and of one version."""
    headers = [("Accept-Encoding", "identity")]  # what is packed on the way has no places to go on from
    if start:
        headers.append(("Range", f"bytes={start}-"))
    if if_match is not None:
        headers.append(("If-Match", if_match))
    return tuple(headers)


def file_write(
    place: DataUri,
    *,
    body: bytes | None = None,
    chunks: Any = None,
    size: int | None = None,
    content_type: str | None = None,
    if_absent: bool = False,
    if_match: str | None = None,
) -> Request:
    """Write a file: ``body``, or ``chunks`` of together ``size`` bytes."""
    if not place.is_file:
        raise InvalidRequestError(f"{place} is no file.", hint="Write `data://OWNER/COLLECTION/FILE`.")
    headers = [("Content-Type", content_type or "application/octet-stream")]
    if chunks is not None and size is not None:
        headers.append(("Content-Length", str(size)))
    if if_absent:
        headers.append(("If-None-Match", "*"))
    if if_match is not None:
        headers.append(("If-Match", f'"{if_match}"'))
    conditional = if_absent or if_match is not None
    return Request("PUT", _data(place), tuple(headers), body, chunks=chunks, size=size, conditional=conditional)


def data_delete(place: DataUri, *, force: bool = False) -> Request:
    """Delete a file, or a collection; with ``force`` one that is not empty."""
    return Request("DELETE", _url(_data(place), {"force": "true" if force else None}))


def collection_create(place: DataUri, acl: str | None = None) -> Request:
    """Make a collection."""
    if not place.is_collection:
        raise InvalidRequestError(f"{place} can't be a collection.", hint="Write `data://OWNER/COLLECTION`.")
    wanted = {"name": place.name} | ({} if acl is None else {"acl": acl})
    return _json("POST", _data(place.parent), wanted)


def collection_update(place: DataUri, acl: str) -> Request:
    """Change who may read a collection."""
    return _json("PATCH", _data(place), {"acl": acl})


def _data(place: DataUri) -> str:
    return place.path(f"{API}/files")


# -- people


def me() -> Request:
    """Who asks."""
    return Request("GET", f"{API}/me")


def accounts(*, cursor: str | None = None) -> Request:
    """A page of accounts."""
    return Request("GET", _url(f"{API}/accounts", {"cursor": cursor}))


def account_create(name: str, *, email: str = "") -> Request:
    """Make an account."""
    return _json("POST", f"{API}/accounts", {"name": name} | ({"email": email} if email else {}))


def account(name: str) -> Request:
    """One account."""
    return Request("GET", f"{API}/accounts/{_segment(name, 'account')}")


def account_update(
    name: str,
    *,
    disabled: bool | None = None,
    rate: str | None = None,
    concurrent: int | Literal["none"] | None = None,
    email: str | None = None,
) -> Request:
    """Disable or enable an account, or change its limits or its address."""
    said = {"disabled": disabled, "email": email}
    changes = {name: value for name, value in said.items() if value is not None} | _limits(rate, concurrent)
    return _json("PATCH", f"{API}/accounts/{_segment(name, 'account')}", changes)


def account_delete(name: str) -> Request:
    """Delete an account."""
    return Request("DELETE", f"{API}/accounts/{_segment(name, 'account')}")


def keys(*, account: str | None = None, cursor: str | None = None) -> Request:
    """A page of keys: the asker's own, or those of ``account``."""
    return Request("GET", _url(f"{API}/keys", {"account": account, "cursor": cursor}))


def key_create(
    *,
    label: str = "",
    scopes: Iterable[str] | None = None,
    expires_days: float | None = None,
    never_expires: bool = False,
    account: str | None = None,
    rate: str | None = None,
    concurrent: int | None = None,
) -> Request:
    """Make a key; what is not given is the server's to choose."""
    fields = {
        "label": label,
        "scopes": list(scopes) if scopes is not None else None,
        "expires_days": expires_days,
        "never_expires": True if never_expires else None,
        "account": account,
        "rate": rate,
        "concurrent": concurrent,
    }
    return _json("POST", f"{API}/keys", {name: value for name, value in fields.items() if value is not None})


def key_limit(key_id: str, *, rate: str | None = None, concurrent: int | Literal["none"] | None = None) -> Request:
    """Change a key's limits."""
    return _json("PATCH", f"{API}/keys/{_segment(key_id, 'key')}", _limits(rate, concurrent))


def key_switch(key_id: str, *, disabled: bool) -> Request:
    """Disable a key, or enable it again."""
    return _json("PATCH", f"{API}/keys/{_segment(key_id, 'key')}", {"disabled": disabled})


def key_rotate(key_id: str, *, overlap_hours: float) -> Request:
    """A new secret for a key; the old one counts for the overlap."""
    return _json("POST", f"{API}/keys/{_segment(key_id, 'key')}/rotate", {"overlap_hours": overlap_hours})


def key_revoke(key_id: str) -> Request:
    """End a key."""
    return Request("DELETE", f"{API}/keys/{_segment(key_id, 'key')}")


def organizations(*, cursor: str | None = None) -> Request:
    """A page of organizations."""
    return Request("GET", _url(f"{API}/orgs", {"cursor": cursor}))


def organization_create(name: str, *, public: bool = False) -> Request:
    """Make an organization."""
    return _json("POST", f"{API}/orgs", {"name": name} | ({"public": True} if public else {}))


def organization(name: str) -> Request:
    """One organization with its members."""
    return Request("GET", f"{API}/orgs/{_segment(name, 'organization')}")


def organization_delete(name: str) -> Request:
    """Delete an organization."""
    return Request("DELETE", f"{API}/orgs/{_segment(name, 'organization')}")


def member_put(organization: str, account: str, role: str) -> Request:
    """Give an account a role in an organization."""
    return _json("PUT", _member(organization, account), {"role": role})


def member_delete(organization: str, account: str) -> Request:
    """Take an account out of an organization."""
    return Request("DELETE", _member(organization, account))


def secrets(*, cursor: str | None = None) -> Request:
    """A page of the names of secrets."""
    return Request("GET", _url(f"{API}/secrets", {"cursor": cursor}))


def secret_put(name: str, value: str) -> Request:
    """Store a secret."""
    return _json("PUT", f"{API}/secrets/{_segment(name, 'secret')}", {"value": value})


def secret_delete(name: str) -> Request:
    """Delete a secret."""
    return Request("DELETE", f"{API}/secrets/{_segment(name, 'secret')}")


def webhooks(*, status: Iterable[str] = (), limit: int = PAGE, cursor: str | None = None) -> Request:
    """A page of webhook deliveries, newest first."""
    return Request(
        "GET", _url(f"{API}/webhooks", {"status": ",".join(status) or None, "limit": limit, "cursor": cursor})
    )


def webhook(job_id: str) -> Request:
    """What became of a job's webhook."""
    return Request("GET", f"{_job(job_id)}/webhook")


def webhook_redeliver(job_id: str) -> Request:
    """Send a job's message again."""
    return Request("POST", f"{_job(job_id)}/webhook/redeliver")


def webhook_secret() -> Request:
    """The secret that messages are signed with."""
    return Request("GET", f"{API}/webhooks/secret")


def webhook_secret_rotate() -> Request:
    """A new signing secret."""
    return Request("POST", f"{API}/webhooks/secret/rotate")


def readiness() -> Request:
    """Whether the server takes calls; needs no key."""
    return Request("GET", "/readyz", anonymous=True)


# -- parts


def check_reference(reference: Reference) -> Reference:
    """``reference`` itself, if it can name an endpoint.

    Raises:
        InvalidRequestError: it can't.
    """
    _endpoint(reference)
    return reference


@lru_cache(maxsize=256)
def _endpoint(reference: Reference) -> str:
    parts = [str(reference)] if isinstance(reference, int) else reference.split("/")
    if len(parts) > 2:
        raise InvalidRequestError(
            f"{reference!r} does not name an endpoint.", hint="Write `owner/name`, or one of the endpoint's ids."
        )
    return "/".join([API, "endpoints", *(_segment(part, "endpoint") for part in parts)])


def _alias(reference: Reference, name: str) -> str:
    return f"{_endpoint(reference)}/aliases/{_segment(name, 'alias')}"


def _job(job_id: str) -> str:
    return f"{API}/jobs/{_segment(job_id, 'job')}"


def _member(organization: str, account: str) -> str:
    return f"{API}/orgs/{_segment(organization, 'organization')}/members/{_segment(account, 'account')}"


def _limits(rate: str | None, concurrent: int | Literal["none"] | None) -> dict[str, Any]:
    """The change of limits: ``none`` takes one away, None leaves it as it is."""
    wanted = {"rate": rate, "concurrent": concurrent}
    return {name: None if value == "none" else value for name, value in wanted.items() if value is not None}


def _segment(text: str, noun: str) -> str:
    # Dots alone would be resolved away on the path, and the request would reach something else.
    if not text or text in {".", ".."}:
        raise InvalidRequestError(f"{text!r} names no {noun}.")
    return quote(text, safe="")


def _url(path: str, query: Mapping[str, Any]) -> str:
    pairs = [f"{name}={_text(value)}" for name, value in query.items() if value is not None]
    return f"{path}?{'&'.join(pairs)}" if pairs else path


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.3f}"
    return quote(str(value), safe="")


def _json(method: str, path: str, document: Mapping[str, Any]) -> Request:
    return Request(method, path, (("Content-Type", "application/json"),), json.dumps(document).encode())
