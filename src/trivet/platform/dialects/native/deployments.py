"""Handlers around deployments, and the images that some of them publish."""

from __future__ import annotations

import asyncio
import secrets

from starlette.types import Receive

from trivet.platform.core.accounts import Scope
from trivet.platform.core.deployments import Deployment, DeploymentRequest
from trivet.platform.core.errors import BadRequest, TooLarge
from trivet.platform.core.templates import MAX_ENV_SIZE
from trivet.platform.core.worker_envs import WorkerEnv
from trivet.platform.dialects.native import events
from trivet.platform.dialects.native.context import PREFIX, Call, Reply
from trivet.platform.dialects.native.schemas import deployments as schemas
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.dialects.native.translate import deployments as translate
from trivet.platform.services.access import require
from trivet.platform.wire import paging
from trivet.platform.wire.answers import JSON_TYPE
from trivet.platform.wire.bodies import save_body, split_body
from trivet.platform.wire.documents import decode_as

MAX_ENV_DOCUMENT = 6 * MAX_ENV_SIZE
"""Bytes of the document with a deployment's variables, at most: JSON may write one character as six."""
MAX_WAIT = 60.0
"""Seconds that a request for a deployment may be held."""


async def deploy(call: Call) -> Reply:
    """Takes an upload; it is built behind the caller's back."""
    require(call.principal, Scope.DEPLOY)  # before a large body is taken in for nothing
    request = _request(call)
    env, receive, before = await _env(call)
    archive, announced = call.settings.uploads / secrets.token_hex(16), call.heads.content_length
    left = None if announced is None else announced - before
    digest = await save_body(receive, archive, call.settings.max_upload, left)
    try:
        taken = await call.services.deployments.submit(call.principal, request, archive, digest, env)
    finally:
        await asyncio.to_thread(archive.unlink, missing_ok=True)
    where = f"{PREFIX}/deployments/{taken.id}".encode()
    return Reply(202, events.encode(_document(call, taken)), (JSON_TYPE, (b"location", where)))


async def deployment(call: Call) -> schemas.Deployment:
    """A deployment; with ``wait``, when it has ended or has taken a step beyond ``seen_steps``."""
    wait = call.number("wait", MAX_WAIT) or 0.0
    found = await call.services.deployments.wait(
        call.principal, call.part("deployment"), wait, seen_steps=call.whole("seen_steps")
    )
    return _document(call, found)


async def images(call: Call) -> Page[schemas.Image]:
    """A page of the images that the caller can use: its own first."""
    found = await call.services.images.list(call.principal, call.query.get("name") or None)
    places = {image.id: f"{place:06d}" for place, image in enumerate(found)}
    page, following = paging.cut(found, lambda image: places[image.id], call.cursor, call.limit)
    return Page(items=[translate.image(image) for image in page], next=following)


async def image(call: Call) -> schemas.Image:
    """One image."""
    return translate.image(await call.services.images.get(call.principal, call.part("image")))


async def delete_image(call: Call) -> None:
    """Forgets an image."""
    await call.services.images.remove(call.principal, call.part("image"))


def _request(call: Call) -> DeploymentRequest:
    query = call.query
    filename = query.get("filename", "")
    if not filename or len(filename) > 255 or not filename.isprintable() or "/" in filename:
        raise BadRequest(
            "The upload needs a file name: `?filename=…`.",
            hint="Give the plain name of the folder or file, with its suffix.",
        )
    return DeploymentRequest(
        filename,
        name=query.get("name") or None,
        number=query.get("version") or None,
        endpoint_id=query.get("id") or None,
        model_id=call.whole("model_id"),
        workers=_workers(query["workers"]) if query.get("workers") else None,
        canary=call.whole("canary"),
        image=query.get("image") or None,
        held=call.flag("held"),
    )


async def _env(call: Call) -> tuple[WorkerEnv | None, Receive, int]:
    """What workers shall find in their environment, None where nothing is said of it; where the upload comes from then; and
    how many bytes of the body are before it.

    The variables come in the body, in front of the upload: URLs are written into the logs of whatever stands in between.
    """
    size, names = call.whole("env_bytes"), call.query.get("secrets")
    if size is None and names is None:
        return None, call.receive, 0
    asked = tuple(name.strip() for name in (names or "").split(",") if name.strip())
    if size is None:
        return WorkerEnv(secrets=asked), call.receive, 0
    if size > MAX_ENV_DOCUMENT:
        raise TooLarge(f"The variables take {size:,} bytes of JSON, by `env_bytes`.", limit=MAX_ENV_DOCUMENT)
    document, rest = await split_body(call.receive, size)
    try:
        variables = decode_as(document, dict[str, str])
    except BadRequest as error:
        raise type(error)(
            f"{error.detail} That is about its first {size} bytes, which `env_bytes` says are the variables.",
            hint='Put a JSON object of texts in front of the upload, such as {"NAME": "value"}, and say its length in bytes.',
        ) from None
    return WorkerEnv(variables, asked), rest, size


def _workers(text: str) -> tuple[int, int]:
    least, comma, most = text.partition(",")
    try:
        return (int(least), int(most)) if comma else (0, int(least))
    except ValueError:
        raise BadRequest(f"workers={text[:40]!r} can't be read.", hint="Write minimum and maximum: `0,3`.") from None


def _document(call: Call, found: Deployment) -> schemas.Deployment:
    published = []
    for version_id in found.version_ids:
        version = call.services.endpoints.version(version_id)
        endpoint = call.services.endpoints.by_id(version.endpoint_id) if version is not None else None
        if version is not None and endpoint is not None:
            published.append((endpoint, version))
    return translate.deployment(found, published, call.base_url)
