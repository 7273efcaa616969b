"""Images: builds that were published under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trivet.platform.core.endpoints import Endpoint, HandlerKind, Version, VersionSettings, VersionState
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.scaling import ScalingPolicy

MAX_IMAGE_NAME = 255
"""Characters of an image's name, at most."""


@dataclass(frozen=True, slots=True)
class Image:
    """A build under a name, that endpoints can be made of; all but the names is what a version of such an endpoint becomes.

    A name stands for one build at a time. Publishing under it again moves it to the new build; ``id`` and ``created_at`` stay.
    ``hash`` is the SHA-256 of the upload, in hex.
    """

    id: str
    owner_id: str
    owner_name: str
    name: str
    hash: str
    kind: HandlerKind
    host: str
    handler: str
    bundle: str
    environment: str
    settings: VersionSettings
    created_at: float
    updated_at: float
    scaling: ScalingPolicy | None = None
    description: str = ""
    input_schema: dict[str, Any] | None = field(default=None, repr=False)
    output_schema: dict[str, Any] | None = field(default=None, repr=False)
    deployment_id: str | None = None

    def version(
        self, endpoint: Endpoint, installed: Mapping[str, int], *, fresh_id: str, number: str, now: float, by: str
    ) -> Version:
        """What the image makes of an endpoint.

        Args:
            endpoint: whose version it will be.
            installed: kinds of GPU that the platform has, and how many.
            fresh_id: the version's id.
            number: its number.
            now: seconds since the epoch.
            by: the id of the account that asks for it.
        """
        return Version(
            fresh_id,
            endpoint.id,
            number,
            self.hash,
            VersionState.READY,
            created_at=now,
            created_by=by,
            kind=self.kind,
            host=self.host,
            handler=self.handler,
            bundle=self.bundle,
            environment=self.environment,
            settings=endpoint.overrides.apply(self.settings, installed),
            description=self.description,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
            # the log of a build shows the inside of somebody's code
            deployment_id=self.deployment_id if self.owner_id == endpoint.owner_id else None,
        )


def check_image_name(name: str) -> str:
    """The name itself.

    Raises:
        BadRequest: it can't name an image.
    """
    if not 1 <= len(name) <= MAX_IMAGE_NAME or not name.isprintable() or " " in name:
        raise BadRequest(
            f"{name[:80]!r} can't be the name of an image.",
            hint=f"A name has 1 to {MAX_IMAGE_NAME} visible characters without spaces, such as `team/worker:1.0`.",
        )
    return name
