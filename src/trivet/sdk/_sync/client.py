# Generated from ../_async/client.py by scripts/unasync.py: change that file, then run the script.
"""The client: where everything begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from trivet._version import __version__
from trivet.sdk import _answers
from trivet.sdk._config import Settings, resolve
from trivet.sdk._requests import server
from trivet.sdk._requests.parts import Reference
from trivet.sdk._retry import Backoff
from trivet.sdk._sync.endpoint import Endpoint
from trivet.sdk._sync.jobs import Job, Jobs
from trivet.sdk._sync.session import Session
from trivet.sdk._sync.transport import HttpTransport, Transport

if TYPE_CHECKING:
    from trivet.sdk._sync.accounts import Accounts
    from trivet.sdk._sync.deployments import Deployments
    from trivet.sdk._sync.endpoints import Endpoints
    from trivet.sdk._sync.files import Files
    from trivet.sdk._sync.images import Images
    from trivet.sdk._sync.keys import Keys
    from trivet.sdk._sync.models import Models
    from trivet.sdk._sync.orgs import Organizations
    from trivet.sdk._sync.secrets import Secrets
    from trivet.sdk._sync.webhooks import Webhooks
    from trivet.sdk.models import BuildStep, DeployedEndpoint, Me, Readiness


class Client:
    """The way to one Trivet server. Connections are made when they are needed and used again; close it at the end.

    May be used by several threads and tasks at once.

    Args:
        url: the server's URL; None takes ``TRIVET_URL``, else the profile's, else ``http://127.0.0.1:8300``.
        api_key: the key; None takes ``TRIVET_API_KEY``, else the profile's where ``url`` is the profile's server.
        timeout: seconds for the answer to a request, on top of what it asks the server to wait. It does not limit
            how long a job may take: `Endpoint.run` has a ``timeout`` of its own for that.
        retries: how often a request is repeated that may safely be. Questions about a job that is known already go on
            through a restart of the server: up to their ``timeout``, or for half a minute. 0 repeats nothing.
        verify: a file of certificates (PEM) to trust besides the system's.
        profile: the profile's file, in place of the usual one.
        max_answer: how many bytes of an answer are read whole, and how large one event of a stream may be; None takes
            ``TRIVET_MAX_ANSWER``, else 256 MiB. Files, and streams as a whole, have no such bound.
        transport: the way to the server, in place of HTTP; for tests.

    Attributes:
        endpoints: look at endpoints and look after them.
        jobs: the jobs of the server.
        deployments: uploads that are built and published; `deploy` makes one.
        images: builds under a name, that endpoints can be made of.
        models: predictive models: published from an estimator, downloaded for use without a server.
        files: hosted data: files in collections, by their ``data://`` URIs.
        accounts: accounts, for administrators.
        keys: API keys.
        orgs: organizations and their members.
        secrets: secrets for workers.
        webhooks: what became of the messages that tell of jobs' ends.

    All of these raise `NotFoundError` for what is not there or is not to be seen with this key, `PermissionDeniedError` for what
    may not be done with it, and `ServiceUnavailableError` where no answer comes.

    Raises:
        ConfigurationError: a setting can't be used.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 3,
        verify: bool | str | os.PathLike[str] = True,
        profile: str | os.PathLike[str] | None = None,
        max_answer: int | None = None,
        transport: Transport | None = None,
    ) -> None:
        settings = resolve(url, api_key, profile)
        if transport is None:
            transport = HttpTransport(settings.url, _headers(settings), verify=verify, largest=max_answer)
        backoff = Backoff(retries=retries)
        self._session = Session(transport, settings, timeout=timeout, backoff=backoff, largest=max_answer)

    # Most programs need few of these: each is imported when it is first asked for.

    @cached_property
    def endpoints(self) -> Endpoints:
        """Look at endpoints and look after them."""
        from trivet.sdk._sync.endpoints import Endpoints

        return Endpoints(self._session)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs of the server."""
        return Jobs(self._session)

    @cached_property
    def deployments(self) -> Deployments:
        """Uploads that are built and published; `deploy` makes one."""
        from trivet.sdk._sync.deployments import Deployments

        return Deployments(self._session)

    @cached_property
    def images(self) -> Images:
        """Builds under a name, that endpoints can be made of."""
        from trivet.sdk._sync.images import Images

        return Images(self._session, self.deployments)

    @cached_property
    def models(self) -> Models:
        """Predictive models: published from an estimator, downloaded for use without a server."""
        from trivet.sdk._sync.models import Models

        return Models(self._session, self.deployments)

    @cached_property
    def files(self) -> Files:
        """Hosted data: files in collections, by their ``data://`` URIs."""
        from trivet.sdk._sync.files import Files

        return Files(self._session)

    @cached_property
    def accounts(self) -> Accounts:
        """Accounts, for administrators."""
        from trivet.sdk._sync.accounts import Accounts

        return Accounts(self._session)

    @cached_property
    def keys(self) -> Keys:
        """API keys."""
        from trivet.sdk._sync.keys import Keys

        return Keys(self._session)

    @cached_property
    def orgs(self) -> Organizations:
        """Organizations and their members."""
        from trivet.sdk._sync.orgs import Organizations

        return Organizations(self._session)

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets for workers."""
        from trivet.sdk._sync.secrets import Secrets

        return Secrets(self._session)

    @cached_property
    def webhooks(self) -> Webhooks:
        """What became of the messages that tell of jobs' ends."""
        from trivet.sdk._sync.webhooks import Webhooks

        return Webhooks(self._session)

    @property
    def url(self) -> str:
        """The server's base URL."""
        return self._session.settings.url

    def endpoint(self, reference: Reference, version: str | None = None, *, affinity: str | None = None) -> Endpoint:
        """A handle to call an endpoint by; makes no request.

        Args:
            reference: ``owner/name``, the opaque id, or the integer id.
            version: which version to call, or an alias; None calls the one that serves.
            affinity: calls with the same text get the same version while they are split between several.

        Raises:
            InvalidRequestError: ``reference`` can't name an endpoint.
        """
        return Endpoint(self._session, reference, version, affinity)

    def job(self, job_id: str) -> Job:
        """Any job again; makes no request.

        Args:
            job_id: its id, such as ``job_01a2…``.
        """
        return Job(self._session, job_id)

    def deploy(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        *,
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
            path: a file or a folder; a ``.trivetignore`` in it lists what is not needed.
            name: ``owner/name``; None takes the handler's own name, under the key's account.
            version: a semantic version; None counts on from the last.
            id: the opaque id that existing code has written into it.
            model_id: the integer id that existing code has written into it.
            workers: how many at least and at most.
            canary: percent of the calls that the new version gets, beside the one that serves; None lets it serve all.
            held: whether it gets no calls but those that name it, by its number or its hash, until it is released.
            env: variables that the workers find in their environment, by name: all of them. They are kept encrypted and can't be
                read back. Where neither these nor ``secrets`` are given, the new version keeps what the one that serves was
                given; ``{}`` gives it none.
            secrets: names of stored secrets of the endpoint's owner (`secrets.set`) that the workers find likewise: all of them,
                beside those that the code names itself.
            on_event: called with each step of the build.
            timeout: seconds to wait at most; None waits as long as it takes.

        Returns:
            What was published: one entry per endpoint.

        Raises:
            DeploymentError: it was refused or does not build; ``log`` has the build's own words.
            TooLargeError: it packs to more than an upload may have.
            TimedOutError: the wait ended first; the build goes on.
        """
        return self.deployments.create(
            path,
            name=name,
            version=version,
            id=id,
            model_id=model_id,
            workers=workers,
            canary=canary,
            held=held,
            env=env,
            secrets=secrets,
            on_event=on_event,
            timeout=timeout,
        )

    def me(self) -> Me:
        """Who the key belongs to, and what it may do."""
        from trivet.sdk._requests import people
        from trivet.sdk.models import Me

        return self._session.value(Me, people.me())

    def ready(self) -> Readiness:
        """Whether the server takes calls; true in a condition if so. Needs no key and is asked once.

        Raises:
            ServiceUnavailableError: nothing answers there.
        """
        return _answers.readiness(self._session.probe(server.readiness()))

    def close(self) -> None:
        """End all connections. May be called again; any other call fails afterwards."""
        self._session.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


def _headers(settings: Settings) -> dict[str, str]:
    headers = {"User-Agent": f"trivet/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"}
    if settings.api_key is not None:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    return headers
