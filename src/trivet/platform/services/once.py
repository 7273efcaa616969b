"""Once: calls under an idempotency key, of which there is one job however often they come."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from trivet.platform.core import calls
from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.errors import Conflict, IdempotencyKeyReused
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.ports.stores import Store
from trivet.platform.services.intake import Intake, digest_of
from trivet.platform.services.limits import Limits
from trivet.platform.services.sight import Sight

_KEYS_IN_MEMORY = 10_000


class Once:
    """Submits a call, or finds the job that an earlier one under the same key has made.

    Args:
        store: says which job a key belongs to.
        intake: makes jobs.
        sight: finds them.
        limits: whose counts a repetition does not touch.
    """

    def __init__(self, store: Store, intake: Intake, sight: Sight, limits: Limits) -> None:
        self._store = store
        self._intake = intake
        self._sight = sight
        self._limits = limits
        self._jobs: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        """The ids of jobs that were submitted lately, by endpoint, account and idempotency key."""

    async def submit(
        self, principal: Principal, endpoint: Endpoint, version: Version, payload: Payload, options: CallOptions
    ) -> JobView:
        """The job of a call under an idempotency key, on disk; ``replayed`` where there was one already.

        Raises:
            IdempotencyKeyReused: it has another input.
            CoreError: as `Intake.make` and `Intake.record`.
        """
        name = (endpoint.id, principal.account_id, calls.check_idempotency_key(options.idempotency_key or ""))
        while True:
            known = self._jobs.get(name)
            earlier = await self._sight.find(known) if known is not None else None
            if earlier is None and principal.limits:  # a repetition costs nothing, whenever it comes
                earlier = await self._store.read(lambda tx: tx.jobs.keyed(*name))
            if earlier is None:
                job = await self._intake.make(principal, version, payload, options)
                try:
                    await self._intake.record(job)
                except Conflict:
                    self._limits.give_back(principal)  # beside another under the same key
                    earlier = await self._store.read(lambda tx: tx.jobs.keyed(*name))
                    if earlier is None:  # it was forgotten between the two looks: the key is free
                        continue
                else:
                    self._remember(name, job.id)
                    self._intake.admit(job, recorded=True)
                    return JobView(job, endpoint.full_name, version.number)
            if earlier.input_digest != digest_of(payload):
                raise IdempotencyKeyReused(
                    f"The idempotency key {name[2]!r} belongs to job {earlier.id}, which has another input.",
                    hint="Use a new key for a new input.",
                )
            self._remember(name, earlier.id)
            return replace(self._sight.view(principal, self._sight.now(earlier)), replayed=True)

    def _remember(self, name: tuple[str, str, str], job_id: str) -> None:
        """Most repetitions come soon: they need not try to write first."""
        self._jobs[name] = job_id
        if len(self._jobs) > _KEYS_IN_MEMORY:
            self._jobs.popitem(last=False)
