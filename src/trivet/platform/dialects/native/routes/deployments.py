"""Deployments, and the images that some of them make."""

from __future__ import annotations

from trivet.platform.dialects.native import deployments
from trivet.platform.dialects.native.routes.route import PAGING, Access, Body, Query, Route
from trivet.platform.dialects.native.schemas import deployments as schemas
from trivet.platform.dialects.native.schemas.document import Page

DEPLOYMENTS: tuple[Route, ...] = (
    Route(
        name="deploy",
        method="POST",
        path="/deployments",
        tag="Deployments",
        summary="Upload code to be built and published",
        access=Access.DEPLOY,
        handler=deployments.deploy,
        request=Body.ARCHIVE,
        response=schemas.Deployment,
        status=202,
        queries=(
            Query("filename", "The plain name of the folder or file, with its suffix."),
            Query("name", "`owner/name`, `name`, or `owner/` to publish under."),
            Query("version", "The semantic version; counted up where nothing is said."),
            Query("id", "The opaque id that the endpoint shall have."),
            Query("model_id", "The integer id that the endpoint shall have.", "integer"),
            Query("workers", "Minimum and maximum: `0,3`."),
            Query(
                "canary",
                "Percent of the unpinned calls that the version gets beside the current one, 0 to 99.",
                "integer",
            ),
            Query(
                "held",
                "Build a version that gets no calls: its number and its hash lead to it, for those who manage the endpoint.",
                "boolean",
            ),
            Query(
                "env_bytes",
                "How many bytes at the beginning of the body are no part of the upload, but a JSON object with the variables "
                'that the workers find in their environment, such as `{"MODEL_NAME": "tiny"}`. They are kept encrypted, and '
                "never shown.",
                "integer",
            ),
            Query(
                "secrets",
                "Names of the owner's secrets that the workers find in their environment, with commas between. Where neither "
                "this nor `env_bytes` is given, the new version keeps what the one that serves was given; else this is all.",
            ),
            Query(
                "image", "Publish the build as an image of this name, for endpoints to be made of, not as an endpoint."
            ),
        ),
        detail="An upload that can't be taken is refused before anything is stored. Building goes on behind the answer.",
    ),
    Route(
        name="get_deployment",
        method="GET",
        path="/deployments/{deployment}",
        tag="Deployments",
        summary="Look at a deployment",
        access=Access.DEPLOY,
        handler=deployments.deployment,
        response=schemas.Deployment,
        queries=(
            Query("wait", "Seconds to hold the answer until it is ready or failed, up to 60.", "number"),
            Query("seen_steps", "With `wait`: answer as soon as there are more steps than these.", "integer"),
        ),
    ),
    Route(
        name="list_images",
        method="GET",
        path="/images",
        tag="Deployments",
        summary="List the images that one can use",
        access=Access.READ,
        handler=deployments.images,
        response=Page[schemas.Image],
        queries=(*PAGING, Query("name", "Only those of exactly this name.")),
        detail=(
            "One's own, those of one's organizations, and those of the platform's first administrator. Where a name stands "
            "for several, the first one counts."
        ),
    ),
    Route(
        name="get_image",
        method="GET",
        path="/images/{image}",
        tag="Deployments",
        summary="Look at an image",
        access=Access.READ,
        handler=deployments.image,
        response=schemas.Image,
    ),
    Route(
        name="delete_image",
        method="DELETE",
        path="/images/{image}",
        tag="Deployments",
        summary="Delete an image",
        access=Access.DEPLOY,
        handler=deployments.delete_image,
        status=204,
        detail="Endpoints that were made of it keep what they have.",
    ),
)
