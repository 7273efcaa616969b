"""Signing secrets: what the messages to an account's receivers are signed with, as Standard Webhooks describes."""

from __future__ import annotations

from dataclasses import dataclass

from trivet.platform.core import webhooks as rules
from trivet.platform.core.webhooks import SigningSecret
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class SecretView:
    """An account's signing secret in clear, and until when the one before counts beside it."""

    secret: str
    created_at: float
    previous_until: float | None

    def __repr__(self) -> str:
        return f"SecretView(created_at={self.created_at!r}, previous_until={self.previous_until!r})"


class SigningSecrets:
    """Keeps one secret for each account, sealed, and signs with it. Who may see it is for others to say.

    Args:
        store: where secrets are kept.
        vault: seals them.
        clock: the time of day; overlaps outlast restarts.
        entropy: what secrets are made of.
    """

    def __init__(self, store: Store, vault: Vault, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._entropy = entropy

    async def get(self, account_id: str) -> SigningSecret:
        """The account's secret, made where there is none yet.

        Raises:
            Conflict: there is no such account any more.
        """
        sealed, now = self._sealed(), self._clock()

        def unit(tx: Transaction) -> SigningSecret:
            known = tx.webhooks.secret(account_id)
            if known is None:
                known = SigningSecret(account_id, sealed, now)
                tx.webhooks.put_secret(known)
            return known

        return await self._store.write(unit)

    async def rotate(self, account_id: str) -> SigningSecret:
        """Gives the account a new secret; for `OVERLAP` seconds messages carry a signature by the old one too.

        Raises:
            Conflict: there is no such account any more.
        """
        sealed, now = self._sealed(), self._clock()

        def unit(tx: Transaction) -> SigningSecret:
            known = tx.webhooks.secret(account_id)
            after = SigningSecret(account_id, sealed, now) if known is None else known.rotated(sealed, now)
            tx.webhooks.put_secret(after)
            return after

        return await self._store.write(unit)

    def view(self, secret: SigningSecret) -> SecretView:
        """The secret in clear, for its account."""
        until = secret.previous_until
        still = until if until is not None and until > self._clock() else None
        return SecretView(self._vault.unseal(secret.sealed), secret.created_at, still)

    def headers(self, secret: SigningSecret, message_id: str, body: bytes) -> list[tuple[str, str]]:
        """The headers that prove a message to its receiver, as one that is sent now."""
        now = self._clock()
        signatures = [
            rules.sign(self._vault.unseal(sealed), message_id, int(now), body) for sealed in secret.counting(now)
        ]
        return [
            ("webhook-id", message_id),
            ("webhook-timestamp", str(int(now))),
            ("webhook-signature", " ".join(signatures)),
        ]

    def _sealed(self) -> bytes:
        return self._vault.seal(rules.new_secret(self._entropy(rules.SECRET_BYTES)))
