"""Pending models: those whose description has come, and whose graph has not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import FIRST_MODEL_ID
from trivet.platform.core.errors import Conflict, LimitExceeded, NotFound
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services.access import require

LIFETIME = 3600.0
"""Seconds that an upload may take from its beginning to its confirmation."""
MOST_PENDING = 10
"""Uploads that an account may have begun at a time."""
_ID_BYTES = 16


@dataclass(slots=True, eq=False)
class PendingModel:
    """One upload. ``number`` is the integer id that the model will have, ``key`` a secret name of the upload: who has it may
    bring the graph, until ``expires_at``. ``confirmed``: its owner has said that all is there.
    """

    number: int
    account_id: str
    key: str
    expires_at: float
    confirmed: bool = False


class PendingModels:
    """The uploads that have begun and are not models yet. They live in memory: who is interrupted by a restart begins again.

    Args:
        store: where the integer ids come from.
        clock: tells the time.
        entropy: gives secret names.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._pending: dict[int, PendingModel] = {}
        self.on_forgotten: Callable[[PendingModel], None] = lambda _: None
        """Told of an upload that ended, was given up or took too long: what was kept for it is not needed any more."""

    async def begin(self, principal: Principal) -> PendingModel:
        """Begins an upload. Takes the scope ``deploy``.

        Raises:
            LimitExceeded: the account has begun as many as it may.
        """
        require(principal, Scope.DEPLOY)
        self.tick()
        if sum(each.account_id == principal.account_id for each in self._pending.values()) >= MOST_PENDING:
            raise LimitExceeded(
                f"{principal.account_name!r} has begun {MOST_PENDING} uploads and confirmed none of them.",
                retry_after=LIFETIME,
                hint="Confirm or delete them; what is not confirmed within an hour is forgotten.",
            )
        number = await self._store.write(_free_number)
        found = PendingModel(
            number, principal.account_id, self._entropy(_ID_BYTES).hex(), expires_at=self._clock() + LIFETIME
        )
        self._pending[number] = found
        return found

    def get(self, principal: Principal, number: int) -> PendingModel:
        """An upload of one's own; anybody's for administrators.

        Raises:
            NotFound: there is none, or no longer.
        """
        found = self._own(principal, number)
        if found is None:
            raise NotFound(
                f"There is no upload {number} that waits for you.",
                hint="Begin again: what was not confirmed is forgotten.",
            )
        require(principal, Scope.DEPLOY)
        return found

    def with_key(self, key: str) -> PendingModel:
        """The upload whose secret name somebody knows, and which waits for its graph.

        Raises:
            NotFound: there is none, or it was confirmed.
        """
        self.tick()
        found = next((each for each in self._pending.values() if each.key == key and not each.confirmed), None)
        if found is None:
            raise NotFound(
                "This address for an upload is not good any more.", hint="Begin again: POST /v1/large-models."
            )
        return found

    def confirm(self, principal: Principal, number: int) -> PendingModel:
        """Ends an upload's waiting for its graph.

        Raises:
            NotFound: there is none.
            Conflict: it was confirmed before.
        """
        found = self.get(principal, number)
        if found.confirmed:
            raise Conflict(f"The upload of model {number} is confirmed already.")
        found.confirmed = True
        return found

    def give_up(self, principal: Principal, number: int) -> bool:
        """Forgets an upload of one's own that waits for its graph. False where there is none.

        Raises:
            Conflict: it was confirmed, and is on its way to be a model.
        """
        found = self._own(principal, number)
        if found is None:
            return False
        require(principal, Scope.DEPLOY)
        if found.confirmed:
            raise Conflict(f"The model {number} is being built.", hint="Delete it when it is there.")
        self.forget(found)
        return True

    def forget(self, found: PendingModel) -> None:
        """Forgets an upload, whatever became of it."""
        if self._pending.pop(found.number, None) is not None:
            self.on_forgotten(found)

    def tick(self) -> None:
        """Forgets the uploads that took too long."""
        now = self._clock()
        for each in [each for each in self._pending.values() if each.expires_at <= now and not each.confirmed]:
            self.forget(each)

    def _own(self, principal: Principal, number: int) -> PendingModel | None:
        self.tick()
        found = self._pending.get(number)
        is_own = found is not None and (found.account_id == principal.account_id or principal.administers())
        return found if is_own else None


def _free_number(tx: Transaction) -> int:
    while True:
        number = tx.counters.take("model", first=FIRST_MODEL_ID)
        if tx.endpoints.model(number) is None:  # somebody may have chosen it
            return number
