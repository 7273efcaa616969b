"""The services that the people of this dialect speak for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.invitations import Invitations
from trivet.platform.services.keys import Keys
from trivet.platform.services.organizations import Organizations
from trivet.platform.services.profiles import Profiles

Summaries = Callable[[Principal, list[Endpoint], str], Awaitable[list[dict[str, Any]]]]
"""Models as they stand in pages: for whom, which, and the API's address."""


@dataclass(frozen=True, slots=True)
class PeopleServices:
    """The services that people and keys take."""

    accounts: Accounts
    keys: Keys
    organizations: Organizations
    invitations: Invitations
    profiles: Profiles
    endpoints: Endpoints
