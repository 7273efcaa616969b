"""API keys."""

from __future__ import annotations

from trivet.platform.dialects.native import people
from trivet.platform.dialects.native.routes.route import PAGING, Access, Query, Route
from trivet.platform.dialects.native.schemas import people as schemas
from trivet.platform.dialects.native.schemas.document import Page

KEYS: tuple[Route, ...] = (
    Route(
        name="list_keys",
        method="GET",
        path="/keys",
        tag="People",
        summary="List keys, newest first",
        access=Access.READ,
        handler=people.keys,
        response=Page[schemas.Key],
        queries=(Query("account", "Whose, for administrators; one's own where nothing is said."), *PAGING),
    ),
    Route(
        name="create_key",
        method="POST",
        path="/keys",
        tag="People",
        summary="Make a key",
        access=Access.DEPLOY,
        handler=people.create_key,
        request=schemas.KeyRequest,
        response=schemas.NewKey,
        status=201,
        detail="The whole token stands in the answer and is never shown again.",
    ),
    Route(
        name="limit_key",
        method="PATCH",
        path="/keys/{key}",
        tag="People",
        summary="Limit the calls of a key, disable or enable it",
        access=Access.DEPLOY,
        handler=people.limit_key,
        request=schemas.KeyChange,
        response=schemas.Key,
        detail="A key that has limits of its own changes no limits, and enables none.",
    ),
    Route(
        name="rotate_key",
        method="POST",
        path="/keys/{key}/rotate",
        tag="People",
        summary="Give a key a new secret",
        access=Access.DEPLOY,
        handler=people.rotate_key,
        request=schemas.Rotation,
        response=schemas.NewKey,
        detail="The old secret counts for the overlap. A key may always rotate itself.",
    ),
    Route(
        name="revoke_key",
        method="DELETE",
        path="/keys/{key}",
        tag="People",
        summary="Revoke a key",
        access=Access.DEPLOY,
        handler=people.revoke_key,
        status=204,
        detail="A key may always revoke itself.",
    ),
)
