# Generated from ../_async/deployments.py by scripts/unasync.py: change that file, then run the script.
"""From a folder to something that can be called."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trivet.sdk._deadline import Deadline
from trivet.sdk._http import Request
from trivet.sdk._requests import deployments as _requests
from trivet.sdk._sync.concurrency import offload
from trivet.sdk._sync.session import Session
from trivet.sdk.errors import DeploymentError, TimedOutError, UnexpectedAnswerError
from trivet.sdk.models import BuildStep, DeployedEndpoint, DeployedImage, DeploymentInfo

if TYPE_CHECKING:
    from trivet.sdk._archive import Archive

STEP_WAIT = 1.0
"""Seconds for which the server holds a question about a build: how late a step may be told."""


class Deployments:
    """Deployments: uploads that are built and published."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        version: str | None = None,
        id: str | None = None,
        model_id: int | None = None,
        workers: tuple[int, int] | None = None,
        canary: int | None = None,
        held: bool = False,
        env: Mapping[str, str] | None = None,
        secrets: Sequence[str] | None = None,
        on_event: Callable[[BuildStep], object] | None = None,
        timeout: float | None = None,
    ) -> list[DeployedEndpoint]:
        """Pack what lies at ``path``, upload it, and wait until it can be called.

        Args:
            path: a file or a folder. Left out of a folder: version control, caches, environments, and what its
                ``.trivetignore`` lists.
            name: ``owner/name``; None takes the handler's own name, under the key's account.
            version: a semantic version; None counts on from the last.
            id: the opaque id that existing code has written into it.
            model_id: the integer id that existing code has written into it.
            workers: how many at least and at most.
            canary: percent of the calls that name no version which the new one gets, beside the one that serves; 0: it is
                reached by its number alone. None lets it serve all.
            held: whether it gets no calls but those that name it, by its number or its hash, until it is released.
            env: variables that the workers find in their environment, by name: all of them. They are kept encrypted and can't be
                read back. Where neither these nor ``secrets`` are given, the new version keeps what the one that serves was
                given; ``{}`` gives it none.
            secrets: names of stored secrets of the endpoint's owner (`secrets.set`) that the workers find likewise: all of them,
                beside those that the code names itself.
            on_event: called with each step of the build.
            timeout: seconds to wait at most; None waits as long as it takes. The build goes on when the wait ends.

        Returns:
            What was published: one entry per endpoint.

        Raises:
            DeploymentError: it was refused or does not build; ``log`` has the build's own words.
            TooLargeError: it packs to more than an upload may have.
            TimedOutError: the wait ended first.
        """
        info = self._build(
            path,
            lambda archive: _requests.deploy(
                archive,
                name=name,
                version=version,
                endpoint_id=id,
                model_id=model_id,
                workers=workers,
                canary=canary,
                held=held,
                env=env,
                secrets=secrets,
            ),
            on_event=on_event,
            timeout=timeout,
        )
        return [*info.endpoints]

    def create_image(
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
        info = self._build(
            path,
            lambda archive: _requests.deploy(archive, name=None if owner is None else f"{owner}/", image=name),
            on_event=on_event,
            timeout=timeout,
        )
        if info.image is None:
            raise UnexpectedAnswerError(
                "The server has built the upload, but published no image.", hint="It may be an older one: upgrade it."
            )
        return info.image

    def _build(
        self,
        path: str | os.PathLike[str],
        request: Callable[[Archive], Request],
        *,
        on_event: Callable[[BuildStep], object] | None,
        timeout: float | None,
    ) -> DeploymentInfo:
        """Uploads, and waits for the end of the build; the deployment, which is ready."""
        from trivet.sdk._archive import pack

        deadline = Deadline(timeout)
        archive = offload(pack, Path(path))
        info = self._session.value(DeploymentInfo, request(archive))
        told = 0
        while True:
            for step in info.steps[told:]:
                told += 1
                if on_event is not None:
                    on_event(step)
            if info.state != "building":
                return _finished(info)
            if deadline.passed:
                raise TimedOutError(
                    f"The deployment {info.id} is still building; it goes on.", hint="Give a longer `timeout`."
                )
            info = self.get(info.id, wait=deadline.portion(STEP_WAIT))

    def get(self, deployment_id: str, *, wait: float = 0.0) -> DeploymentInfo:
        """How a deployment stands.

        Args:
            deployment_id: which deployment.
            wait: seconds that the server may wait for it to be final.
        """
        return self._session.value(DeploymentInfo, _requests.deployment(deployment_id, wait=wait))


def _finished(info: DeploymentInfo) -> DeploymentInfo:
    if info.state == "ready":
        return info
    fault = info.error
    raise DeploymentError(
        fault.message if fault is not None else info.detail or "The build failed.",
        code=fault.code if fault is not None else "build_failed",
        hint=(fault.hint if fault is not None else None) or "",
        log=info.log or "",
    )
