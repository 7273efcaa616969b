"""Deployments and images as documents."""

from __future__ import annotations

from trivet.platform.core import deployments, endpoints, images
from trivet.platform.dialects.native.schemas import deployments as schemas
from trivet.platform.wire.times import rfc3339

_DETAIL = {
    endpoints.VersionState.BUILDING: "The upload was taken and is being built; what serves now goes on serving.",
    endpoints.VersionState.READY: "The build succeeded, and its endpoints can be called.",
    endpoints.VersionState.FAILED: "The build failed; what served before goes on serving.",
}

_IMAGE_DETAIL = "The build succeeded, and endpoints can be made of the image."


def deployment(
    value: deployments.Deployment, published: list[tuple[endpoints.Endpoint, endpoints.Version]], base_url: str
) -> schemas.Deployment:
    """A deployment's document. ``base_url`` is the API's, as the caller reached it."""
    return schemas.Deployment(
        id=value.id,
        state=value.state.value,
        detail=_DETAIL[value.state] if value.image_id is None else _IMAGE_DETAIL,
        steps=[schemas.BuildStep(at=rfc3339(step.at), text=step.text) for step in value.steps],
        log=value.log,
        error=None if value.error is None else _deployment_error(*value.error),
        endpoints=[
            schemas.PublishedEndpoint(
                id=target.id,
                name=target.full_name,
                version=build.number,
                model_id=target.model_id,
                state=build.state.value,
                url=f"{base_url}/endpoints/{target.full_name}/run",
            )
            for target, build in published
        ],
        image=(
            None
            if value.image_id is None
            else schemas.PublishedImage(id=value.image_id, name=value.request.image or "")
        ),
    )


def image(value: images.Image) -> schemas.Image:
    """An image's document."""
    return schemas.Image(
        id=value.id,
        name=value.name,
        owner=value.owner_name,
        hash=value.hash,
        host=value.host,
        kind=value.kind.value,
        created_at=rfc3339(value.created_at),
        updated_at=rfc3339(value.updated_at),
        description=value.description,
    )


def _deployment_error(code: str, message: str, hint: str) -> schemas.DeploymentError:
    return schemas.DeploymentError(code=code, message=message, hint=hint)
