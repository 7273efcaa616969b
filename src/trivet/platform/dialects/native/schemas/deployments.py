"""Documents of deployments and images."""

from __future__ import annotations

from typing import Literal

import msgspec

from trivet.platform.dialects.native.schemas.document import Document


class BuildStep(Document):
    """One line of a deployment's story."""

    at: str
    text: str


class DeploymentError(Document):
    """Why a deployment failed."""

    code: str
    message: str
    hint: str = ""


class PublishedEndpoint(Document):
    """An endpoint that a deployment published; `url` is where to send a call."""

    id: str
    name: str
    version: str
    model_id: int | None
    state: str
    url: str


class PublishedImage(Document):
    """The image that a deployment published; it may have moved to another build since."""

    id: str
    name: str


class Deployment(Document):
    """An upload and what became of it: `endpoints` that it published, or an `image`."""

    id: str
    state: Literal["building", "ready", "failed"]
    detail: str
    steps: list[BuildStep] = msgspec.field(default_factory=list)
    log: str = ""
    error: DeploymentError | None = None
    endpoints: list[PublishedEndpoint] = msgspec.field(default_factory=list)
    image: PublishedImage | None = None


class Image(Document):
    """A build under a name, that endpoints can be made of. `hash` is the SHA-256 of what was uploaded; `host` is the kind of
    program, such as `decorated`, `runpod` or `runpod_linked`. `updated_at` is when the name came to stand for this build.
    """

    id: str
    name: str
    owner: str
    hash: str
    host: str
    kind: str
    created_at: str
    updated_at: str
    description: str = ""
