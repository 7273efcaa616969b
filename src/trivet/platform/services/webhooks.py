"""Webhooks: tells the URLs that callers named of the ends of their jobs.

A delivery is planned by `put_job`, in the transaction that records the job's end, so that no crash can part the two. What is
planned lies in the store; this service reads what is due, sends it, and records each attempt. After a restart it begins
where the store stands: a message may come twice, but none is forgotten.

Sending never touches the path of a job. It has bounds of its own: over all, for each host and for each account, so that a
receiver which is slow holds up its own messages and nobody else's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from trivet.platform.core import webhooks as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.chance import RANDOM_BYTES, fraction
from trivet.platform.core.errors import CoreError, NotFound
from trivet.platform.core.jobs import Job
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.core.webhooks import Delivery, DeliveryStatus, DeliveryView, WebhookAnswer
from trivet.platform.ports.background import Background, Sleep
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.egress import Egress
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.vault import Vault
from trivet.platform.services.access import require
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.lanes import Lane, Lanes, Turn
from trivet.platform.services.signing import SecretView, SigningSecrets

logger = logging.getLogger(__name__)

_RETRY_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """How the message of a job's end is written.

    ``body`` writes it, for the account whose job it is. ``signed``: with the headers of Standard Webhooks; a dialect whose
    own receivers know none of these leaves them out. ``whole``: the message has the output in it, however large it is.
    """

    body: Callable[[JobView], bytes]
    content_type: str = "application/json"
    signed: bool = True
    whole: bool = False


class Webhooks:
    """The use cases around webhooks, and the sending.

    Args:
        store: where deliveries are planned and recorded.
        egress: the way out.
        vault: seals signing secrets.
        jobs: who may see a job may see its delivery.
        endpoints: the names in a message.
        formats: how messages are written, by the name that a delivery carries.
        clock: the time of day; schedules outlast restarts.
        entropy: chance.
        background: what sending runs on.
        sleep: waits, where the disk is full.
    """

    def __init__(
        self,
        *,
        store: Store,
        egress: Egress,
        vault: Vault,
        jobs: Jobs,
        endpoints: Endpoints,
        formats: Mapping[str, MessageFormat],
        clock: Clock,
        entropy: Entropy,
        background: Background,
        sleep: Sleep,
    ) -> None:
        self._store = store
        self._egress = egress
        self._jobs = jobs
        self._endpoints = endpoints
        self._formats = formats
        self._clock = clock
        self._entropy = entropy
        self._background = background
        self._sleep = sleep
        self._secrets = SigningSecrets(store, vault, clock, entropy)
        self._lanes = Lanes()
        self._under_way: set[str] = set()
        """Deliveries that are being sent, or whose attempt is not on disk yet."""
        self._has_looked_back = False
        self._looks = False
        self._look_again = False

    def check(self, url: str) -> None:
        """Looks at the URL of a call before there is a job.

        Raises:
            BadRequest: no message can ever be sent there, with the reason.
        """
        self._egress.check(url)

    # -- sending ------------------------------------------------------------------------------------------------------

    def planned(self, job: Job) -> None:
        """The end of a job is on disk, and with it the delivery of its webhook."""
        if job.webhook is not None and job.finished_at is not None:
            self._lanes.note(Lane(rules.host_of(job.webhook), job.account_id), job.finished_at)
            self._wake()

    def tick(self) -> None:
        """Looks what is due, where something may be by now; the first time, in the store."""
        at = self._lanes.next_at()
        if not self._has_looked_back or (at is not None and at <= self._clock()):
            self._wake()

    def _wake(self) -> None:
        if self._looks:
            self._look_again = True
        else:
            self._looks = True
            self._background(self._look())

    async def _look(self) -> None:
        try:
            if not self._has_looked_back:
                await self._look_back()
            self._look_again = True
            while self._look_again:
                self._look_again = False
                while (turn := self._lanes.turn(self._clock())) is not None:
                    await self._serve(turn)
        except CoreError as error:  # the store can't be read now; the next tick tries again
            logger.warning("webhooks can't be read now, trying again: %s", error.detail)
        finally:
            self._looks = False

    async def _look_back(self) -> None:
        """Finds what a server before this one has left to be sent."""
        for host, account_id, at in await self._store.read(lambda tx: tx.webhooks.lanes()):
            self._lanes.note(Lane(host, account_id), at)
        self._has_looked_back = True

    async def _serve(self, turn: Turn) -> None:
        lane, now = turn.lane, self._clock()
        # what is under way is still due in the store; also what was when this look began and has ended since
        under_way = frozenset(self._under_way)
        limit = len(under_way) + turn.most + 1

        def unit(tx: Transaction) -> tuple[list[Delivery], float | None]:
            return tx.webhooks.due(*lane, now, limit), tx.webhooks.next_at(*lane, now)

        try:
            due, next_at = await self._store.read(unit)
        except CoreError:
            self._lanes.note(lane, now)
            raise
        free = [delivery for delivery in due if delivery.id not in under_way]
        if len(free) > turn.most:
            self._lanes.note(lane, now)
        elif next_at is not None:
            self._lanes.note(lane, next_at)
        for delivery in free[: turn.most]:
            self._under_way.add(delivery.id)
            self._lanes.began(lane)
            self._background(self._deliver(delivery, lane))
        self._lanes.offer(lane)

    async def _deliver(self, delivery: Delivery, lane: Lane) -> None:
        began = self._clock()
        try:
            answer = await self._send(delivery)
        except Exception:
            # recorded as a try that failed, or it would be due again at once and for ever
            logger.exception("the message %s can't be written", delivery.id)
            answer = WebhookAnswer(None, "Nothing was sent: the message can't be written; the platform's log says why.")
        self._lanes.ended(lane)
        self._wake()
        next_at = await self._record(delivery, answer, began) if answer is not None else None
        # only now: an attempt that can't be recorded at all must not be made again and again
        self._under_way.discard(delivery.id)
        if next_at is not None:
            self._lanes.note(lane, next_at)

    async def _send(self, delivery: Delivery) -> WebhookAnswer | None:
        """Sends one message; None where its job is gone, and there is nothing to tell any more."""
        try:
            job, secret = await self._store.read(
                lambda tx: (tx.jobs.get(delivery.job_id), tx.webhooks.secret(delivery.account_id))
            )
            if job is None:
                return None
            known = self._formats.get(delivery.format)
            if known is None:
                return WebhookAnswer(None, f"This platform writes no messages of the format {delivery.format!r}.")
            endpoint, version = self._endpoints.by_id(job.endpoint_id), self._endpoints.version(job.version_id)
            if known.whole and job.output is not None:
                output = await self._jobs.read(job.output)
                job = replace(job, output=Payload.inline(output, job.output.content_type))
            body = known.body(JobView.of(job, endpoint, version, manages=False))  # its reader may be anybody
            headers = [("content-type", known.content_type)]
            if known.signed:
                signing = secret or await self._secrets.get(delivery.account_id)
                headers += self._secrets.headers(signing, delivery.id, body)
        except CoreError as error:
            return WebhookAnswer(None, f"Nothing was sent: {error.detail}")
        return await self._egress.post(delivery.url, headers, body)

    async def _record(self, delivery: Delivery, answer: WebhookAnswer, began: float) -> float | None:
        """Brings an attempt to disk; when the next try is due."""
        ended = self._clock()
        chance = fraction(self._entropy(RANDOM_BYTES))

        def unit(tx: Transaction) -> float | None:
            current = tx.webhooks.of_job(delivery.job_id)
            if current is None:  # its job was removed meanwhile
                return None
            after, attempt = rules.settle(current, answer, began=began, ended=ended, chance=chance)
            tx.webhooks.save(after)
            tx.webhooks.add_attempt(attempt)
            return after.next_at

        if not answer.accepted:
            logger.info("webhook %s to %s failed: %s", delivery.id, delivery.host, answer.error or answer.status)
        while True:
            try:
                return await self._store.write(unit)
            except CoreError as error:
                logger.warning("an attempt of a webhook can't be recorded now, trying again: %s", error.detail)
                await self._sleep(_RETRY_PAUSE)

    # -- looking ------------------------------------------------------------------------------------------------------

    async def get(self, principal: Principal, job_id: str) -> DeliveryView:
        """The delivery of a job that the principal may see, with its attempts.

        Raises:
            NotFound: there is no such job, or nobody is told of its end, or it has not ended.
        """
        view = await self._jobs.get(principal, job_id)

        def unit(tx: Transaction) -> DeliveryView | None:
            found = tx.webhooks.of_job(job_id)
            return None if found is None else DeliveryView(found, tuple(tx.webhooks.attempts(found.id)))

        found = await self._store.read(unit)
        if found is None:
            raise _nothing_to_tell(view.job)
        return DeliveryView(_seen_by(principal, found.delivery), found.attempts)

    async def page(
        self,
        principal: Principal,
        *,
        statuses: Iterable[DeliveryStatus] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """The deliveries of the principal's account, everybody's for an administrator; newest first."""
        require(principal, Scope.READ)
        account_id = None if principal.administers() else principal.account_id
        wanted = tuple(statuses)
        return await self._store.read(
            lambda tx: tx.webhooks.page(account_id=account_id, statuses=wanted, before=before, limit=limit)
        )

    async def redeliver(self, principal: Principal, job_id: str) -> DeliveryView:
        """Sends the message of a job again, now, whatever became of it before; its id stays the same.

        Raises:
            NotFound: there is no such job, or nothing to tell.
        """
        view = await self._jobs.get(principal, job_id)
        require(principal, Scope.CALL)
        now = self._clock()

        def unit(tx: Transaction) -> DeliveryView | None:
            found = tx.webhooks.of_job(job_id)
            if found is None:
                return None
            after = rules.redeliver(found, now)
            tx.webhooks.save(after)
            return DeliveryView(after, tuple(tx.webhooks.attempts(found.id)))

        after = await self._store.write(unit)
        if after is None:
            raise _nothing_to_tell(view.job)
        self._lanes.note(Lane(after.delivery.host, after.delivery.account_id), now)
        self._wake()
        return DeliveryView(_seen_by(principal, after.delivery), after.attempts)

    # -- secrets ------------------------------------------------------------------------------------------------------

    async def secret(self, principal: Principal) -> SecretView:
        """The signing secret of the principal's account, made where there is none yet. Takes the scope ``deploy``."""
        require(principal, Scope.DEPLOY)
        return self._secrets.view(await self._secrets.get(principal.account_id))

    async def rotate_secret(self, principal: Principal) -> SecretView:
        """A new signing secret; for a day messages carry a signature by the old one too. Takes the scope ``deploy``."""
        require(principal, Scope.DEPLOY)
        return self._secrets.view(await self._secrets.rotate(principal.account_id))


def _seen_by(principal: Principal, delivery: Delivery) -> Delivery:
    """The delivery as the principal may see it: a URL often holds a token, which is its caller's."""
    if delivery.account_id == principal.account_id or principal.administers():
        return delivery
    return replace(delivery, url=f"{delivery.url.partition('://')[0]}://{delivery.host}/…")


def _nothing_to_tell(job: Job) -> NotFound:
    if job.webhook is None:
        return NotFound(
            f"The job {job.id} was submitted without a webhook.", hint="Name one with the call: `webhook=`."
        )
    return NotFound(
        f"The job {job.id} is {job.status.value}: its webhook is told when it has ended.",
        hint="Look again then; `trivet jobs show` tells when that is.",
    )
