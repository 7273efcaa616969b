"""Builds of an algorithm, and what they printed."""

from __future__ import annotations

from trivet.platform.core.deployments import Deployment
from trivet.platform.core.endpoints import VersionState
from trivet.platform.dialects.algorithmia.management import shapes
from trivet.platform.dialects.algorithmia.management.context import Call, reply
from trivet.platform.dialects.algorithmia.management.errors import NO_BUILD, NO_BUILD_LOGS, Refused
from trivet.platform.dialects.algorithmia.management.identifiers import uuid_of
from trivet.platform.dialects.algorithmia.management.paging import page_of
from trivet.platform.wire.hot import Answer


async def builds(call: Call) -> Answer:
    """The builds, newest first."""
    endpoint = call.managed()
    found = await call.services.releases.builds(call.principal, call.algorithm)
    numbers = _numbers(call, endpoint.id)
    return reply(
        page_of(
            call,
            found,
            lambda each: each.id,
            lambda each: shapes.build_document(each, numbers.get(each.id)),
            f"/v1/algorithms/{endpoint.full_name}/builds",
        )
    )


async def build(call: Call) -> Answer:
    """One build."""
    endpoint = call.managed()
    found = await _found(call)
    return reply(shapes.build_document(found, _numbers(call, endpoint.id).get(found.id)))


async def logs(call: Call) -> Answer:
    """What a build printed, once it has ended."""
    found = await _found(call)
    if found.state is VersionState.BUILDING:
        raise Refused(404, NO_BUILD_LOGS, "The build is in progress; its logs are there when it has ended.")
    return reply({"logs": shapes.log_of(found)})


async def _found(call: Call) -> Deployment:
    call.managed()
    wanted = call.parts["build"].lower()
    for each in await call.services.releases.builds(call.principal, call.algorithm):
        if wanted in (uuid_of(each.id), each.id):
            return each
    raise Refused(404, NO_BUILD, f"There is no build {wanted[:80]!r} of this algorithm.")


def _numbers(call: Call, endpoint_id: str) -> dict[str, str]:
    return shapes.release_numbers(call.services.endpoints.versions_of(endpoint_id))
