"""The account of the key, and what it keeps: its public key, registry credentials, secrets."""

from __future__ import annotations

from typing import Any

from trivet.platform.core.registries import RegistryCredential
from trivet.platform.dialects.runpod.graph.call import Arguments, GraphCall, given, required


async def myself(call: GraphCall, _arguments: Arguments) -> dict[str, Any]:
    """Resolves ``myself``. It is never null: who has no account has been refused before."""
    account = (await call.services.accounts.me(call.principal)).account
    return _user(account.id, account.name, account.public_key)


async def update_settings(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``updateUserSettings``: the public key is all that can be set."""
    text = given(arguments, "input").get("pubKey")
    if text is None:
        return await myself(call, {})
    account = await call.services.accounts.set_public_key(call.principal, text)
    return _user(account.id, account.name, account.public_key)


# -- registry credentials -----------------------------------------------------------------------------------------------


async def credentials(call: GraphCall, _arguments: Arguments) -> list[dict[str, Any]]:
    """Resolves the account's ``containerRegistryCreds``."""
    return [_credential(credential) for credential in await call.services.registries.list(call.principal)]


async def save_credential(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``saveRegistryAuth``."""
    asked = given(arguments, "input")
    name, username, password = (required(asked, word) for word in ("name", "username", "password"))
    return _credential(await call.services.registries.add(call.principal, name, username, password))


async def change_credential(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``updateRegistryAuth``."""
    asked = given(arguments, "input")
    credential_id, username, password = (required(asked, word) for word in ("id", "username", "password"))
    return _credential(await call.services.registries.change(call.principal, credential_id, username, password))


async def delete_credential(call: GraphCall, arguments: Arguments) -> None:
    """Resolves ``deleteRegistryAuth``."""
    await call.services.registries.remove(call.principal, required(arguments, "registryAuthId"))


# -- secrets ------------------------------------------------------------------------------------------------------------


async def secrets(call: GraphCall, _arguments: Arguments) -> list[dict[str, Any]]:
    """Resolves the account's ``secrets``: their names, never their values."""
    return [_secret(name) for name in await call.services.secrets.names(call.principal)]


async def create_secret(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``secretCreate``: a new one only."""
    asked = given(arguments, "input")
    name, value = required(asked, "name"), required(asked, "value")
    await call.services.secrets.put(call.principal, name, value, fresh=True)
    return _secret(name)


async def delete_secret(call: GraphCall, arguments: Arguments) -> None:
    """Resolves ``secretDelete``; a secret's id is its name."""
    await call.services.secrets.remove(call.principal, required(arguments, "id"))


# -- in RunPod's words --------------------------------------------------------------------------------------------------


def _user(account_id: str, name: str, public_key: str) -> dict[str, Any]:
    return {
        "id": account_id,
        "name": name,
        "pubKey": public_key,
        "networkVolumes": [],
        "pods": [],
        "underBalance": False,
    }


def _credential(credential: RegistryCredential) -> dict[str, Any]:
    return {"id": credential.id, "name": credential.name, "username": credential.username}


def _secret(name: str) -> dict[str, Any]:
    return {"id": name, "name": name}
