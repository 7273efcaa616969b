"""Users: accounts, with what Algorithmia keeps of a person beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivet.platform.core.accounts import Account
from trivet.platform.core.errors import Forbidden, NotFound
from trivet.platform.dialects.algorithmia.management.context import FORMAT, Call, nothing, reply
from trivet.platform.dialects.algorithmia.management.errors import MISSING_FIELDS, Refused
from trivet.platform.dialects.algorithmia.management.identifiers import is_uuid, uuid_of
from trivet.platform.dialects.algorithmia.management.paging import page_of
from trivet.platform.dialects.algorithmia.management.words import check_name, text_in
from trivet.platform.wire.hot import Answer

LONGEST_NAME = 30
_PROFILE = ("email", "fullname", "company_name", "company_role")


async def create(call: Call) -> Answer:
    """Makes an account; for administrators. It has no key yet, and a password means nothing here."""
    document = call.document()
    if not document.get("username"):
        raise Refused(400, MISSING_FIELDS, "A user needs a 'username'.")
    name = check_name("a user", document["username"], LONGEST_NAME)
    made = await call.services.accounts.create(call.principal, name, {FORMAT: _profile(document)})
    return reply(_document(call, made))


async def users(call: Call) -> Answer:
    """All accounts, by name; for administrators."""
    found = await call.services.accounts.all(call.principal)
    return reply(page_of(call, found, lambda each: each.id, lambda each: _document(call, each), "/v1/users"))


async def show(call: Call) -> Answer:
    """An account: one's own, or anybody's for administrators."""
    return reply(_document(call, await call.services.accounts.get(call.principal, await _name(call))))


async def update(call: Call) -> Answer:
    """Changes what is said of a person."""
    name = await _name(call)
    before = await call.services.accounts.get(call.principal, name)
    profile = {**before.extras.get(FORMAT, {}), **_profile(call.document())}
    return reply(_document(call, await call.services.accounts.keep(call.principal, name, {FORMAT: profile})))


async def remove(call: Call) -> Answer:
    """Removes an account; for administrators."""
    await call.services.accounts.remove(call.principal, await _name(call))
    return nothing(204)


async def algorithms(call: Call) -> Answer:
    """The algorithms of an owner that the one who asks may see, by name."""
    owner = call.parts["owner"].lower()
    return reply(
        [
            {"id": uuid_of(endpoint.id), "username": endpoint.owner_name, "algoname": endpoint.name}
            for endpoint in call.services.endpoints.visible(call.principal)
            if endpoint.owner_name.lower() == owner
        ]
    )


async def _name(call: Call) -> str:
    """The name of the account that the path names, perhaps by its id."""
    text = call.parts["user"]
    if not is_uuid(text):
        return text
    if text.lower() == uuid_of(call.principal.account_id):
        return call.principal.account_name
    try:
        found = await call.services.accounts.all(call.principal)
    except Forbidden:  # the same answer as to an id that is nobody's
        found = []
    for account in found:
        if uuid_of(account.id) == text.lower():
            return account.name
    raise NotFound.of("account", text)


def _profile(document: Mapping[str, Any]) -> dict[str, str]:
    return {word: text_in(document, word) for word in _PROFILE if document.get(word) is not None}


def _document(call: Call, account: Account) -> dict[str, Any]:
    profile = account.extras.get(FORMAT, {})
    return {
        "id": uuid_of(account.id),
        "username": account.name,
        **{word: profile.get(word, "") for word in _PROFILE},
        "self_link": f"{call.address}/v1/users/{account.name}",
        "resource_type": "user",
    }
