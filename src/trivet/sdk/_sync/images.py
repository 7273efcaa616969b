# Generated from ../_async/images.py by scripts/unasync.py: change that file, then run the script.
"""Images: builds under a name, that endpoints can be made of."""

from __future__ import annotations

import os
from collections.abc import Callable

from trivet.sdk._requests import deployments as _requests
from trivet.sdk._sync.deployments import Deployments
from trivet.sdk._sync.session import Session
from trivet.sdk.models import BuildStep, DeployedImage, ImageInfo


class Images:
    """The images that the key can use: its account's, its organizations', and the first administrator's."""

    def __init__(self, session: Session, deployments: Deployments) -> None:
        self._session = session
        self._deployments = deployments

    def list(self, name: str | None = None) -> list[ImageInfo]:
        """All images, one's own first. Where a name stands for several, the first one counts.

        Args:
            name: only those of exactly this name.
        """
        return self._session.everything(ImageInfo, lambda cursor: _requests.images(name=name, cursor=cursor))

    def publish(
        self,
        path: str | os.PathLike[str],
        name: str,
        *,
        owner: str | None = None,
        on_event: Callable[[BuildStep], object] | None = None,
        timeout: float | None = None,
    ) -> DeployedImage:
        """Pack what lies at ``path``, upload it, and wait until endpoints can be made of it. No endpoint is published.

        Args:
            path: a file or a folder that holds one handler.
            name: what templates call it, such as ``team/worker:1.0``. The same name again moves it to the new build; what
                was made of it before stays as it is until it is saved again.
            owner: an account or organization that the key manages; None takes the key's account.
            on_event: called with each step of the build.
            timeout: seconds to wait at most; None waits as long as it takes. The build goes on when the wait ends.

        Raises:
            DeploymentError: it was refused or does not build; ``log`` has the build's own words.
            TooLargeError: it packs to more than an upload may have.
            TimedOutError: the wait ended first.
        """
        return self._deployments.create_image(path, name, owner=owner, on_event=on_event, timeout=timeout)

    def delete(self, image_id: str) -> None:
        """Delete an image. Endpoints that were made of it keep what they have.

        Args:
            image_id: its id, as `list` and `publish` give it.
        """
        self._session.send(_requests.image_delete(image_id))
