"""Who asks, and the accounts."""

from __future__ import annotations

from trivet.platform.dialects.native import people
from trivet.platform.dialects.native.routes.route import PAGING, Access, Route
from trivet.platform.dialects.native.schemas import people as schemas
from trivet.platform.dialects.native.schemas.document import Page

ACCOUNTS: tuple[Route, ...] = (
    Route(
        name="get_me",
        method="GET",
        path="/me",
        tag="People",
        summary="Ask who one is, and what the key may do",
        access=Access.KEY,
        handler=people.me,
        response=schemas.Me,
    ),
    Route(
        name="list_accounts",
        method="GET",
        path="/accounts",
        tag="People",
        summary="List accounts",
        access=Access.ADMIN,
        handler=people.accounts,
        response=Page[schemas.Account],
        queries=PAGING,
    ),
    Route(
        name="create_account",
        method="POST",
        path="/accounts",
        tag="People",
        summary="Make an account",
        access=Access.ADMIN,
        handler=people.create_account,
        request=schemas.AccountRequest,
        response=schemas.Account,
        status=201,
    ),
    Route(
        name="get_account",
        method="GET",
        path="/accounts/{account}",
        tag="People",
        summary="Look at an account",
        access=Access.READ,
        handler=people.account,
        response=schemas.Account,
        detail="One's own; anybody's for administrators.",
    ),
    Route(
        name="change_account",
        method="PATCH",
        path="/accounts/{account}",
        tag="People",
        summary="Disable or enable an account, or limit its calls",
        access=Access.ADMIN,
        handler=people.change_account,
        request=schemas.AccountChange,
        response=schemas.Account,
    ),
    Route(
        name="delete_account",
        method="DELETE",
        path="/accounts/{account}",
        tag="People",
        summary="Delete an account",
        access=Access.ADMIN,
        handler=people.delete_account,
        status=204,
    ),
)
