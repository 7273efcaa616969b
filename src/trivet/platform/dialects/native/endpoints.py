"""Handlers around endpoints, their versions and workers."""

from __future__ import annotations

from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Endpoint, Visibility
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.scaling import ScalingRule
from trivet.platform.core.views import EndpointView
from trivet.platform.dialects.native import events
from trivet.platform.dialects.native.context import Call, EventStream, Reply
from trivet.platform.dialects.native.schemas import endpoints as schemas
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.dialects.native.translate import endpoints as translate
from trivet.platform.services.roster import WorkerView
from trivet.platform.wire import paging
from trivet.platform.wire.answers import TEXT_TYPE


async def endpoints(call: Call) -> Page[schemas.Endpoint]:
    """A page of the endpoints that one may see, by name."""
    visible = call.services.endpoints.visible(call.principal)
    if call.flag("models"):
        visible = [endpoint for endpoint in visible if _is_model(call, endpoint)]
    page, following = paging.cut(visible, lambda e: e.full_name.lower(), call.cursor, call.limit)
    return Page(items=[_document(call, endpoint) for endpoint in page], next=following)


async def endpoint(call: Call) -> schemas.Endpoint:
    """One endpoint."""
    return _document(call, call.services.endpoints.find(call.principal, call.endpoint, Scope.READ))


async def change_endpoint(call: Call) -> schemas.Endpoint:
    """Changes who may see an endpoint, how it scales, or its description."""
    wanted = await call.document(schemas.EndpointChange)
    change = EndpointChange(
        visibility=None if wanted.visibility is None else Visibility(wanted.visibility),
        shared_with=None if wanted.shared_with is None else tuple(wanted.shared_with),
        workers=wanted.workers,
        idle_timeout=wanted.idle_timeout,
        rule=None if wanted.policy is None else ScalingRule(wanted.policy),
        target=wanted.target,
        description=wanted.description,
    )
    return _document(call, await call.services.endpoints.update(call.principal, call.endpoint, change))


async def delete_endpoint(call: Call) -> None:
    """Removes an endpoint."""
    await call.services.endpoints.remove(call.principal, call.endpoint)


async def versions(call: Call) -> Page[schemas.Version]:
    """A page of an endpoint's versions, newest first."""
    found = call.services.endpoints.find(call.principal, call.endpoint, Scope.READ)
    oldest_first = call.services.endpoints.versions_seen(call.principal, found)
    # counted down from far away, so that a cursor keeps its meaning while newer ones come
    places = {version.id: f"{10**9 - place:010d}" for place, version in enumerate(oldest_first)}
    page, following = paging.cut(oldest_first, lambda version: places[version.id], call.cursor, call.limit)
    items = [translate.version(call.services.rollouts.version(found, version)) for version in page]
    return Page(items=items, next=following)


async def version(call: Call) -> schemas.Version:
    """One version."""
    owner, found = call.services.endpoints.version_of(call.principal, call.endpoint, call.part("version"))
    return translate.version(call.services.rollouts.version(owner, found))


async def version_health(call: Call) -> schemas.VersionHealth:
    """How the jobs of one version do."""
    return translate.version_health(call.services.rollouts.health(call.principal, call.endpoint, call.part("version")))


async def build_log(call: Call) -> Reply:
    """What the build of a version printed."""
    log = await call.services.deployments.log_of(call.principal, call.endpoint, call.part("version"))
    return Reply(200, log.encode(), (TEXT_TYPE,))


async def rollback(call: Call) -> schemas.Endpoint:
    """Goes one step back, or makes a certain version current."""
    wanted = await call.document(schemas.Rollback, default=schemas.Rollback())
    return _document(call, await call.services.endpoints.rollback(call.principal, call.endpoint, wanted.to))


async def promote(call: Call) -> schemas.Endpoint:
    """Makes the canary, or a certain version, current."""
    wanted = await call.document(schemas.Promotion, default=schemas.Promotion())
    return _document(call, await call.services.rollouts.promote(call.principal, call.endpoint, wanted.version))


async def set_canary(call: Call) -> schemas.Endpoint:
    """Gives a version a share of the unpinned calls."""
    wanted = await call.document(schemas.CanaryRequest)
    changed = await call.services.rollouts.set_canary(call.principal, call.endpoint, wanted.version, wanted.weight)
    return _document(call, changed)


async def end_canary(call: Call) -> schemas.Endpoint:
    """Gives all unpinned calls to the current version again."""
    return _document(call, await call.services.rollouts.end_canary(call.principal, call.endpoint))


async def aliases(call: Call) -> Page[schemas.Alias]:
    """A page of an endpoint's aliases, by name."""
    found = call.services.rollouts.aliases(call.principal, call.endpoint)
    page, following = paging.cut(found, lambda alias: alias.name, call.cursor, call.limit)
    return Page(items=[translate.alias(alias) for alias in page], next=following)


async def alias(call: Call) -> schemas.Alias:
    """One alias."""
    return translate.alias(call.services.rollouts.alias(call.principal, call.endpoint, call.part("alias")))


async def set_alias(call: Call) -> schemas.Alias:
    """Lets an alias stand for a version, or for several."""
    wanted = await call.document(schemas.AliasRequest)
    versions = [(share.version, share.weight) for share in wanted.versions]
    changed = await call.services.rollouts.set_alias(call.principal, call.endpoint, call.part("alias"), versions)
    return translate.alias(changed)


async def delete_alias(call: Call) -> None:
    """Ends an alias."""
    await call.services.rollouts.remove_alias(call.principal, call.endpoint, call.part("alias"))


async def purge(call: Call) -> schemas.Purged:
    """Cancels all jobs that wait in an endpoint's queue."""
    return schemas.Purged(cancelled=await call.services.jobs.purge(call.principal, call.endpoint))


async def health(call: Call) -> schemas.Health:
    """How an endpoint does."""
    return translate.health(await call.services.jobs.health(call.principal, call.endpoint))


async def workers(call: Call) -> Page[schemas.Worker]:
    """A page of an endpoint's workers."""
    return _workers(call, call.services.workers.roster.views(call.principal, call.endpoint))


async def all_workers(call: Call) -> Page[schemas.Worker]:
    """A page of the workers of all endpoints that one manages."""
    return _workers(call, call.services.workers.roster.views(call.principal))


async def logs(call: Call) -> schemas.Log | EventStream:
    """The newest lines of an endpoint's workers and jobs; with ``follow``, as events that go on."""
    lines = call.services.workers.logs.lines(call.principal, call.endpoint)
    if call.flag("follow"):
        return EventStream(events.of_log(call.services, call.principal, call.endpoint))
    return schemas.Log(items=[translate.log_line(line) for line in lines])


def _is_model(call: Call, endpoint: Endpoint) -> bool:
    current = call.services.endpoints.current(endpoint, call.principal)
    return current is not None and current.model is not None


def _document(call: Call, found: Endpoint) -> schemas.Endpoint:
    services = call.services
    current = services.endpoints.current(found, call.principal)
    manages = services.endpoints.manages(call.principal, found)
    view = EndpointView(
        found,
        current,
        len(services.endpoints.versions_seen(call.principal, found)),
        services.workers.roster.counts(found.id),
        services.jobs.counts(found.id).get(JobStatus.QUEUED, 0),
        services.endpoints.shared_names(found, call.principal),
        services.rollouts.canary(found),
        services.rollouts.views(found),
        services.secrets.env_names(current) if current is not None and manages else (),
    )
    return translate.endpoint(view)


def _workers(call: Call, views: list[WorkerView]) -> Page[schemas.Worker]:
    page, following = paging.cut(views, lambda view: view.worker.id, call.cursor, call.limit)
    return Page(items=[translate.worker(view) for view in page], next=following)
