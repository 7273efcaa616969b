"""Algorithms: made, looked at, changed, compiled, published, removed."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trivet.platform.core.accounts import Scope
from trivet.platform.core.deployments import Deployment
from trivet.platform.core.endpoints import Endpoint, Version, VersionState, Visibility
from trivet.platform.core.errors import NotFound
from trivet.platform.dialects.algorithmia.management import environments, shapes, template
from trivet.platform.dialects.algorithmia.management.context import FORMAT, Call, nothing, reply
from trivet.platform.dialects.algorithmia.management.errors import (
    INVALID_VALUE,
    NO_BUILD,
    NO_VERSION,
    Refused,
    not_implemented,
)
from trivet.platform.dialects.algorithmia.management.paging import page_of
from trivet.platform.dialects.algorithmia.management.words import Wish, check_name, words_of
from trivet.platform.services.releases import NewEndpoint
from trivet.platform.wire.hot import Answer

RESERVED = frozenset({"errors", "secrets", "builds", "compile", "versions", "version"})
"""What can't be the name of an algorithm, as a path below an algorithm's id is spelled like that."""


async def create(call: Call) -> Answer:
    """Makes an algorithm, whose source is the template of its environment."""
    document = call.document()
    name, wish = check_name("an algorithm", document.get("name")), Wish.read(document)
    if name.lower() in RESERVED:
        raise Refused(
            400, INVALID_VALUE, f"{name!r} can't be the name of an algorithm: the API has a path of that name."
        )
    _check_source(document.get("source"))
    environments.check_environment(dict(wish.settings))
    owner = call.parts["owner"]
    draft = wish.apply(Endpoint("", "", owner, name, 0.0, 0.0))
    words = {**draft.extras[FORMAT], "files": template.files_for(owner, name)}
    made = await call.services.releases.create(
        call.principal,
        NewEndpoint(
            owner,
            name,
            str(uuid.uuid4()),
            visibility=wish.visibility(Visibility.PRIVATE),
            description=draft.description,
            extras={FORMAT: words},
        ),
    )
    return reply(shapes.algorithm(made, address=call.address))


async def show(call: Call) -> Answer:
    """An algorithm, with its newest version; for those who do not manage it, with the newest that is published."""
    endpoint = call.endpoint(Scope.READ)
    if not call.services.endpoints.manages(call.principal, endpoint):
        version = call.services.endpoints.current(endpoint, call.principal)
        return reply(shapes.algorithm(endpoint, version, address=call.address))
    versions = shapes.distinct(call.services.endpoints.versions_of(endpoint.id))
    return reply(await _shown(call, endpoint, versions[0] if versions else None))


async def update(call: Call) -> Answer:
    """Changes what is said about an algorithm. A form changes nothing: its clients have lost what they were told."""
    if call.is_form or not call.body.strip():
        call.endpoint(Scope.DEPLOY)
        return await show(call)
    wish = Wish.read(call.document())
    await call.services.endpoints.change(
        call.principal, call.algorithm, lambda endpoint, now: replace(wish.apply(endpoint), updated_at=now)
    )
    return await show(call)


async def remove(call: Call) -> Answer:
    """Removes an algorithm."""
    await call.services.endpoints.remove(call.principal, call.algorithm)
    return nothing(204)


async def compile_head(call: Call) -> Answer:
    """Builds an algorithm's source, and answers when that has ended. What was built before is not built again."""
    endpoint = call.endpoint(Scope.DEPLOY)
    commit = call.document().get("commitSha")
    newest = _newest(call, endpoint)
    files: Mapping[str, str] | None = words_of(endpoint).get("files")
    archive = None if files is None else template.pack(files)
    digest = None if archive is None else template.digest_of(archive)
    if newest is not None and newest.hash != digest:
        archive, digest = None, newest.hash  # deployed since then: that is the newest source, and built
    if digest is None:
        raise Refused(
            404,
            NO_BUILD,
            f"{endpoint.full_name} has no source yet. Deploy one: `trivet deploy DIR --name {endpoint.full_name}`.",
        )
    if commit and not (isinstance(commit, str) and digest.startswith(commit.lower())):
        raise Refused(
            404, NO_VERSION, f"The newest source is {shapes.git_hash(digest)}, and only that can be compiled."
        )
    if archive is None:
        return reply(await _shown(call, endpoint, newest))
    return reply(await _built(call, endpoint, archive, digest))


async def publish(call: Call) -> Answer:
    """Gives the newest build the next number, and lets calls without a version go to it."""
    wish = Wish.read(call.document())
    endpoint, version = await call.services.releases.release(
        call.principal, call.algorithm, wish.part, description=wish.release_notes, decide=wish.apply
    )
    return reply(await _shown(call, endpoint, version))


async def versions(call: Call) -> Answer:
    """The versions, newest first; others than the owner and its members are told of those that are published."""
    endpoint = call.endpoint(Scope.READ)
    found = shapes.distinct(call.services.endpoints.versions_seen(call.principal, endpoint))
    manages = call.services.endpoints.manages(call.principal, endpoint)
    published, callable_ = call.query.get("published", "").lower(), call.query.get("callable", "").lower()
    if published in ("true", "false"):
        found = [version for version in found if version.is_held == (published == "false")]
    if callable_ in ("true", "public", "false", "private"):
        public = endpoint.visibility is Visibility.PUBLIC
        wanted = callable_ in ("true", "public")
        found = [version for version in found if (public and not version.is_held) == wanted]
    builds = await _builds(call) if manages else {}
    numbers = shapes.release_numbers(found)

    def document(version: Version) -> dict[str, Any]:
        build = builds.get(version.deployment_id or "")
        return shapes.algorithm(endpoint, version, build, address=call.address, numbers=numbers)

    path = f"/v1/algorithms/{endpoint.full_name}/versions"
    return reply(page_of(call, found, lambda version: version.id, document, path))


async def version(call: Call) -> Answer:
    """One version, by its hash or its number."""
    endpoint = call.endpoint(Scope.READ)
    wanted = call.parts["version"]
    try:
        _, found = call.services.endpoints.version_of(call.principal, call.algorithm, wanted.lower())
    except NotFound as error:
        raise Refused(404, NO_VERSION, f"{error.detail} {error.hint}".rstrip()) from None
    if not call.services.endpoints.manages(call.principal, endpoint):
        return reply(shapes.algorithm(endpoint, found, address=call.address))
    return reply(await _shown(call, endpoint, found))


async def source_status(call: Call) -> Answer:
    """Whether the place that the source lies in can be reached: it is the platform itself."""
    call.managed()
    return reply({"scm_connection_status": "active"})


async def sources(_: Call) -> Answer:
    """The places that sources can lie in."""
    return reply({"results": [shapes.INTERNAL]})


def _check_source(source: object) -> None:
    if source is None:
        return
    if not isinstance(source, dict):
        raise Refused(400, INVALID_VALUE, "'source' has to be a JSON object.")
    scm = source.get("scm")
    place = scm.get("id") if isinstance(scm, dict) else scm
    if place not in (None, "", "internal"):
        raise not_implemented("sources lie on the platform itself; repositories elsewhere are not connected.")


def _newest(call: Call, endpoint: Endpoint) -> Version | None:
    found = call.services.endpoints.versions_of(endpoint.id)
    return next((version for version in reversed(found) if version.state is VersionState.READY), None)


async def _built(call: Call, endpoint: Endpoint, archive: bytes, digest: str) -> dict[str, Any]:
    path = call.settings.uploads / secrets.token_hex(16)
    await asyncio.to_thread(path.write_bytes, archive)
    try:
        build = await call.services.releases.build(
            call.principal, call.algorithm, path, f"{endpoint.name}.tar.gz", digest
        )
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    now = call.services.endpoints.by_id(endpoint.id) or endpoint
    numbers = shapes.release_numbers(call.services.endpoints.versions_of(endpoint.id))
    return shapes.algorithm(now, build.version, build.deployment, address=call.address, numbers=numbers, with_log=True)


async def _shown(call: Call, endpoint: Endpoint, version: Version | None) -> dict[str, Any]:
    """An algorithm for those who manage it, with the build of one version."""
    build = (await _builds(call)).get(version.deployment_id or "") if version is not None else None
    numbers = shapes.release_numbers(call.services.endpoints.versions_of(endpoint.id))
    return shapes.algorithm(endpoint, version, build, address=call.address, numbers=numbers, with_log=True)


async def _builds(call: Call) -> dict[str, Deployment]:
    if not call.principal.has(Scope.READ):
        return {}  # who may deploy but not read is told the result, and nothing of the build
    return {build.id: build for build in await call.services.releases.builds(call.principal, call.algorithm)}
