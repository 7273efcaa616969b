"""Secrets."""

from __future__ import annotations

from trivet.platform.dialects.native import people
from trivet.platform.dialects.native.routes.route import PAGING, Access, Query, Route
from trivet.platform.dialects.native.schemas import people as schemas
from trivet.platform.dialects.native.schemas.document import Page

_OWNER = Query("owner", "An account or organization that one manages; one's own account where nothing is said.")

SECRETS: tuple[Route, ...] = (
    Route(
        name="list_secrets",
        method="GET",
        path="/secrets",
        tag="People",
        summary="List the names of secrets",
        access=Access.DEPLOY,
        handler=people.secrets,
        response=Page[schemas.Secret],
        queries=(_OWNER, *PAGING),
    ),
    Route(
        name="put_secret",
        method="PUT",
        path="/secrets/{secret}",
        tag="People",
        summary="Set a secret",
        access=Access.DEPLOY,
        handler=people.put_secret,
        request=schemas.SecretRequest,
        status=204,
        queries=(_OWNER,),
        detail="Kept encrypted; given to workers of endpoints whose settings name it.",
    ),
    Route(
        name="delete_secret",
        method="DELETE",
        path="/secrets/{secret}",
        tag="People",
        summary="Delete a secret",
        access=Access.DEPLOY,
        handler=people.delete_secret,
        status=204,
        queries=(_OWNER,),
    ),
)
