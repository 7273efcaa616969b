"""API keys, as pairs of a client key and a secret."""

from __future__ import annotations

from collections.abc import Mapping

from trivet.platform.core.errors import Forbidden, NotFound
from trivet.platform.core.keys import TOKEN_PREFIX, KeyState, Token
from trivet.platform.core.limits import KEEP
from trivet.platform.dialects.jaqpot.context import Call, nothing, reply
from trivet.platform.dialects.jaqpot.people import schemas, shapes
from trivet.platform.dialects.jaqpot.people.context import PeopleServices
from trivet.platform.wire.hot import Answer

_MONTHS: Mapping[str, int] = {"THREE_MONTHS": 3, "SIX_MONTHS": 6}


class KeyRoutes:
    """The handlers. A key works until the end of its last day (UTC)."""

    def __init__(self, services: PeopleServices) -> None:
        self._keys = services.keys

    async def create(self, call: Call) -> Answer:
        """Makes a key. Its secret is in the answer, and nowhere else."""
        wanted = call.document(schemas.KeyRequest)
        _, token = await self._keys.create(
            call.principal, label=wanted.note or "", months=_MONTHS[wanted.expiration_time]
        )
        return reply({"clientKey": token.client_key, "clientSecret": token.secret}, 201)

    async def list(self, call: Call) -> Answer:
        """One's own keys, newest first; those that were deleted are not among them."""
        found = [key for key, _ in await self._keys.of_account(call.principal)]
        return reply([shapes.key(key) for key in found if key.state(0.0) is not KeyState.REVOKED])

    async def change(self, call: Call) -> Answer:
        """Changes what a key is called, disables or enables it."""
        wanted, key_id = call.document(schemas.KeyChange), _id(call)
        try:
            key, _ = await self._keys.change(
                call.principal,
                key_id,
                label=KEEP if wanted.note is None else wanted.note,
                disabled=KEEP if wanted.enabled is None else not wanted.enabled,
            )
        except NotFound:
            raise await self._refusal(call, key_id) from None
        return reply({"key": Token(key.id, "").client_key, "note": key.label, "enabled": not key.disabled})

    async def delete(self, call: Call) -> Answer:
        """Ends a key for ever."""
        key_id = _id(call)
        try:
            await self._keys.revoke(call.principal, key_id)
        except NotFound:
            raise await self._refusal(call, key_id) from None
        return nothing(204)

    async def _refusal(self, call: Call, key_id: str) -> Forbidden | NotFound:
        """Clients tell a key that is another's from one that there is not. Ids are random: who knows one has seen it."""
        if await self._keys.is_foreign(call.principal, key_id):
            return Forbidden(f"The key {call.parts['key']!r} is somebody else's.")
        return NotFound(f"There is no key {call.parts['key'][:80]!r}.", hint="GET /v1/user/api-keys lists your own.")


def _id(call: Call) -> str:
    return call.parts["key"].removeprefix(f"{TOKEN_PREFIX}_")
