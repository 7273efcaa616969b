"""The store: units of work over repositories, one per noun.

A unit of work is a plain function that takes a `Transaction`; it is applied whole or not at all, and it may run on another
thread, so it takes values in and gives values back and touches nothing else. Units are applied in the order in which they
were handed over; many of them may share one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol, TypeVar

from trivet.platform.core.accounts import Account, Membership, Organization
from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.core.deployments import Deployment, Secret
from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.images import Image
from trivet.platform.core.invitations import Invitation
from trivet.platform.core.jobs import EventKind, Job, JobEvent, JobStatus
from trivet.platform.core.keys import ApiKey
from trivet.platform.core.pictures import Picture
from trivet.platform.core.registries import RegistryCredential
from trivet.platform.core.templates import Template
from trivet.platform.core.webhooks import Delivery, DeliveryAttempt, DeliveryStatus, SigningSecret

T = TypeVar("T")


class AccountRepository(Protocol):
    """Accounts, organizations and memberships. Names are unique among both together, whatever their case."""

    def add(self, account: Account) -> None:
        """Raises `Conflict` where the name is taken."""

    def save(self, account: Account) -> None: ...
    def get(self, account_id: str) -> Account | None: ...
    def named(self, name: str) -> Account | None: ...
    def all(self) -> list[Account]: ...
    def remove(self, account_id: str) -> None: ...
    def put_picture(self, account_id: str, picture: Picture) -> None:
        """Raises `Conflict` where the account is not there."""

    def picture(self, account_id: str) -> Picture | None: ...
    def remove_picture(self, account_id: str) -> None: ...
    def add_organization(self, organization: Organization) -> None:
        """Raises `Conflict` where the name or the number is taken; 0 is no number."""

    def organization(self, organization_id: str) -> Organization | None: ...
    def organization_named(self, name: str) -> Organization | None: ...
    def organization_numbered(self, number: int) -> Organization | None: ...
    def organizations(self) -> list[Organization]: ...
    def save_organization(self, organization: Organization) -> None:
        """Takes its name, its extras and whether it is public; nothing happens where it is not there.

        Raises `Conflict` where the name is taken.
        """

    def remove_organization(self, organization_id: str) -> None:
        """With its memberships."""

    def put_membership(self, membership: Membership) -> None: ...
    def remove_membership(self, organization_id: str, account_id: str) -> None: ...
    def memberships_of(self, account_id: str) -> list[Membership]: ...
    def members_of(self, organization_id: str) -> list[Membership]: ...


class KeyRepository(Protocol):
    """API keys, by their public id."""

    def add(self, key: ApiKey) -> None: ...
    def save(self, key: ApiKey) -> None: ...
    def get(self, key_id: str) -> ApiKey | None: ...
    def of_account(self, account_id: str) -> list[ApiKey]: ...
    def all(self) -> list[ApiKey]: ...
    def touch(self, key_id: str, at: float) -> None:
        """Notes when the key was last used."""


class InvitationRepository(Protocol):
    """Invitations to organizations, with which they go."""

    def put(self, invitation: Invitation) -> None:
        """Adds it, or takes the place of the one with its id. Raises `Conflict` where its organization is not there."""

    def get(self, invitation_id: str) -> Invitation | None: ...
    def of_organization(self, organization_id: str) -> list[Invitation]:
        """Oldest first."""

    def pending(self, address: str) -> list[Invitation]:
        """Those without an answer that are for an address (as `Invitation` has it), oldest first."""

    def remove(self, invitation_id: str) -> None: ...


class EndpointRepository(Protocol):
    """Endpoints. Opaque ids, integer ids and (owner, name) are each unique."""

    def add(self, endpoint: Endpoint) -> None:
        """Raises `Conflict` saying which of the three is taken."""

    def save(self, endpoint: Endpoint) -> None: ...
    def get(self, endpoint_id: str) -> Endpoint | None: ...
    def named(self, owner_name: str, name: str) -> Endpoint | None:
        """Whatever the case of the letters."""

    def model(self, model_id: int) -> Endpoint | None: ...
    def of_template(self, template_id: str) -> list[Endpoint]:
        """Those that were made from a template, by full name."""

    def all(self) -> list[Endpoint]:
        """By full name."""

    def remove(self, endpoint_id: str) -> None:
        """With its versions. Its jobs stay."""


class VersionRepository(Protocol):
    """Versions. (endpoint, number) is unique among those that have not failed."""

    def add(self, version: Version) -> None:
        """Raises `Conflict` where the number is taken."""

    def save(self, version: Version) -> None: ...
    def get(self, version_id: str) -> Version | None: ...
    def of_endpoint(self, endpoint_id: str) -> list[Version]:
        """Oldest first."""

    def all(self) -> list[Version]: ...


class DeploymentRepository(Protocol):
    """Deployments and secrets."""

    def put(self, deployment: Deployment) -> None: ...
    def get(self, deployment_id: str) -> Deployment | None: ...
    def unfinished(self) -> list[Deployment]: ...
    def of_endpoint(self, endpoint_id: str, limit: int) -> list[Deployment]:
        """Those that asked for the endpoint by its id, newest first."""

    def put_secret(self, secret: Secret) -> None: ...
    def remove_secret(self, owner_id: str, name: str) -> bool: ...
    def secrets_of(self, owner_id: str) -> list[Secret]: ...


class TemplateRepository(Protocol):
    """Images, templates and registry credentials. Each name is unique among an owner's own of that kind, and case counts.

    What is put takes the place of what has its id; `Conflict` is raised where the owner has another of that name.
    """

    def put_image(self, image: Image) -> None: ...
    def image(self, image_id: str) -> Image | None: ...
    def image_named(self, owner_id: str, name: str) -> Image | None: ...
    def images_of(self, owner_id: str) -> list[Image]:
        """By name."""

    def images(self) -> list[Image]:
        """All of them, in no order."""

    def remove_image(self, image_id: str) -> bool: ...
    def put(self, template: Template) -> None: ...
    def get(self, template_id: str) -> Template | None: ...
    def of_owner(self, owner_id: str) -> list[Template]:
        """By name."""

    def remove(self, template_id: str) -> bool: ...
    def put_credential(self, credential: RegistryCredential) -> None: ...
    def credential(self, credential_id: str) -> RegistryCredential | None: ...
    def credentials_of(self, owner_id: str) -> list[RegistryCredential]:
        """By name."""

    def remove_credential(self, credential_id: str) -> bool: ...


class DataRepository(Protocol):
    """Hosted data: collections, their files, and the blobs that are to be deleted. A collection's name is unique among its
    owner's in its space, a file's in its collection; the case of letters counts in both. Names sort by code point.
    """

    def add(self, collection: Collection) -> None:
        """Raises `Conflict` where there is one of that name."""

    def save(self, collection: Collection) -> None:
        """Takes its ACL and its time of change; nothing happens where it is not there."""

    def get(self, space: Space, owner_id: str, name: str) -> Collection | None: ...
    def of_owner(
        self, owner_id: str, acls: AbstractSet[ReadAcl], *, after: str = "", limit: int = 1000
    ) -> list[Collection]:
        """An owner's hosted collections with one of ``acls``, by name, those behind the name ``after``."""

    def sessions(self) -> list[Collection]:
        """All collections of the space `Space.SESSION`, in no order."""

    def set_aside(self, collection_id: str) -> int:
        """Takes a collection away from its owner, so that nobody finds it; returns how many files it has. It is `lost` then."""

    def lost(self, limit: int) -> list[Collection]:
        """Collections that nobody can find any more: set aside, or of an owner or an endpoint that is not there."""

    def remove(self, collection_id: str) -> None:
        """Removes a collection that has no files; nothing happens where it has some."""

    def put_file(self, file: File) -> None:
        """Adds the file, or takes the place of the one of its name. The unit of work raises `Conflict` where there is no such
        collection.
        """

    def file(self, collection_id: str, name: str) -> File | None: ...
    def files(self, collection_id: str, *, after: str = "", limit: int = 1000) -> list[File]:
        """By name, those behind the name ``after``."""

    def remove_file(self, collection_id: str, name: str) -> bool: ...
    def expired(self, now: float, limit: int) -> list[File]:
        """Files that are to be forgotten by ``now``, longest overdue first."""

    def blobs(self) -> set[str]:
        """The names of all blobs that files refer to."""

    def drop_blobs(self, blobs: Iterable[str], at: float) -> None:
        """Notes that blobs are to be deleted; those that a file refers to are left out."""

    def dropped_blobs(self, before: float, limit: int) -> list[str]:
        """Those noted by the moment ``before``, oldest first."""

    def forget_dropped(self, blobs: Iterable[str]) -> None:
        """They are deleted."""


class JobRepository(Protocol):
    """Jobs and their events."""

    def put(self, job: Job) -> None:
        """Records the job as it stands now. A job that is recorded as final never changes: such a put does nothing.

        The unit of work raises `Conflict` where another job of the endpoint and account has the idempotency key, or is the same
        retry of the same job.
        """

    def get(self, job_id: str) -> Job | None: ...
    def keyed(self, endpoint_id: str, account_id: str, idempotency_key: str) -> Job | None: ...
    def numbered(self, number: int) -> Job | None:
        """The job that has this integer."""

    def numbered_page(
        self,
        account_id: str,
        *,
        endpoint_id: str | None = None,
        newest_first: bool = True,
        offset: int = 0,
        limit: int = 20,
    ) -> tuple[list[Job], int]:
        """An account's jobs that have an integer, in the order of these; and how many there are in all."""

    def newest_retry(self, first_id: str) -> Job | None:
        """The newest job that tries the job with this id again, whether that one is still kept or not; None: nobody has."""

    def open(self) -> list[Job]:
        """All jobs that are not final, oldest first."""

    def page(
        self,
        *,
        endpoint_ids: Sequence[str] | None = None,
        account_id: str | None = None,
        statuses: Iterable[JobStatus] = (),
        dead_letters: bool = False,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Newest first. A job is listed if it belongs to one of ``endpoint_ids`` or to ``account_id`` (both None: all);
        ``dead_letters``: only those. ``before`` is the id of the last job of the page before (ids sort by time).
        """

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]: ...
    def retried(self, endpoint_id: str) -> int:
        """How many jobs of the endpoint were tried more than once."""

    def add_events(self, events: Sequence[JobEvent]) -> None: ...
    def events(
        self, job_id: str, *, after: int = 0, limit: int = 1000, size: int = 2**62, kinds: Iterable[EventKind] = ()
    ) -> list[JobEvent]:
        """In order, those with ``seq`` above ``after``; ``kinds`` empty: all.

        Not more than ``limit`` of them, nor than ``size`` bytes of data, but always one where there is one.
        """

    def last_event(self, job_id: str) -> int:
        """The highest ``seq`` of a job's events; 0 where there are none."""

    def blobs(self) -> set[str]:
        """The names of all blobs that jobs refer to."""

    def outdated(self, moment: float, limit: int = 500) -> list[Job]:
        """Final jobs that are to be forgotten by ``moment``, longest overdue first."""

    def remove_events(self, job_id: str, limit: int) -> int:
        """Removes the oldest events of a job, ``limit`` of them at most; returns how many."""

    def remove(self, job_ids: Sequence[str]) -> None:
        """With their events."""


class CounterRepository(Protocol):
    """Counters that never give a number twice."""

    def take(self, name: str, count: int = 1, *, first: int = 1) -> int:
        """Takes the next ``count`` numbers of a counter, which begins with ``first``; returns the lowest of them."""


class WebhookRepository(Protocol):
    """Webhook deliveries, one per job, which go with their job; and signing secrets, which go with their account."""

    def plan(self, delivery: Delivery) -> None:
        """Adds a delivery whose job is recorded; nothing happens where the job has one."""

    def save(self, delivery: Delivery) -> None: ...
    def of_job(self, job_id: str) -> Delivery | None: ...
    def lanes(self) -> list[tuple[str, str, float]]:
        """Hosts and accounts between which something is pending, and when the first of it is due."""

    def due(self, host: str, account_id: str, now: float, limit: int) -> list[Delivery]:
        """What an account is to send to a host by ``now``, longest due first."""

    def next_at(self, host: str, account_id: str, after: float) -> float | None:
        """When the first of what an account is to send to a host behind the moment ``after`` is due; None: nothing."""

    def page(
        self,
        *,
        account_id: str | None = None,
        statuses: Iterable[DeliveryStatus] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Newest first: an account's, or everybody's; ``before`` is the id of the last one of the page before."""

    def add_attempt(self, attempt: DeliveryAttempt) -> None:
        """Adds an attempt of a delivery that is there; only the newest hundred are kept."""

    def attempts(self, delivery_id: str) -> list[DeliveryAttempt]:
        """Oldest first."""

    def secret(self, account_id: str) -> SigningSecret | None: ...
    def put_secret(self, secret: SigningSecret) -> None:
        """Adds the secret, or takes the place of the account's. Raises `Conflict` where the account is not there."""


class Transaction(Protocol):
    """What a unit of work works with."""

    @property
    def accounts(self) -> AccountRepository: ...
    @property
    def keys(self) -> KeyRepository: ...
    @property
    def invitations(self) -> InvitationRepository: ...
    @property
    def endpoints(self) -> EndpointRepository: ...
    @property
    def versions(self) -> VersionRepository: ...
    @property
    def deployments(self) -> DeploymentRepository: ...
    @property
    def templates(self) -> TemplateRepository: ...
    @property
    def data(self) -> DataRepository: ...
    @property
    def jobs(self) -> JobRepository: ...
    @property
    def counters(self) -> CounterRepository: ...
    @property
    def webhooks(self) -> WebhookRepository: ...


class Store(Protocol):
    """A store of one platform."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Applies a unit of work; returns what it returned once that is on disk, and re-raises what it raised, having
        changed nothing.

        Raises:
            StorageFull: the disk is full; nothing was changed.
            Unavailable: the store can't be written now.
        """

    def write_behind(self, work: Callable[[Transaction], None]) -> None:
        """Applies a unit of work soon, in its turn, without anybody waiting. On a full disk it is tried again until it holds."""

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Reads a consistent state that includes every finished `write`."""

    async def flush(self) -> None:
        """Returns when everything handed over so far is on disk."""

    async def close(self) -> None:
        """Flushes and lets go."""
