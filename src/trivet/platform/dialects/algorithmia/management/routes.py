"""The routes of the management API: each with its handler, and with Algorithmia's numbers for what it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from trivet.platform.dialects.algorithmia.management import (
    algorithms,
    builds,
    environments,
    failures,
    organizations,
    secrets,
    users,
)
from trivet.platform.dialects.algorithmia.management.context import Call
from trivet.platform.dialects.algorithmia.management.errors import (
    ALGORITHMS,
    NAME_TAKEN,
    NO_USER,
    ORGANIZATIONS,
    SECRETS,
    USERS,
    Numbers,
    not_implemented,
)
from trivet.platform.wire.hot import Answer

Handler = Callable[[Call], Awaitable[Answer]]


class Route(NamedTuple):
    """One method of one path below ``/v1``. ``is_open``: no key is needed.

    ``{algorithm}`` stands for an algorithm, by ``OWNER/NAME`` or by its id; any other name in braces for one part.
    """

    method: str
    path: str
    handler: Handler
    numbers: Numbers = ALGORITHMS
    is_open: bool = False


def missing(what: str) -> Handler:
    """The handler of a path that Algorithmia had and this platform has not."""

    async def refuse(_: Call) -> Answer:
        raise not_implemented(what)

    return refuse


_ALGORITHM = "algorithms/{algorithm}"
_EDGE = "algorithm-environments/edge"
_ORGANIZATION = "organizations/{organization}"
_KEYS = "keys are made with `trivet keys create`, in the console or by POST /api/v1/keys."
_LISTENERS = "event listeners are not there; an endpoint's jobs can have webhooks."
_ADMIN = "this part of the administration is not there; `trivet` and /api/v1 look after the platform."

ROUTES: Sequence[Route] = (
    Route("POST", "algorithms/{owner}", algorithms.create, Numbers(NO_USER, NAME_TAKEN)),
    Route("GET", _ALGORITHM, algorithms.show),
    Route("PUT", _ALGORITHM, algorithms.update),
    Route("DELETE", _ALGORITHM, algorithms.remove),
    Route("POST", f"{_ALGORITHM}/compile", algorithms.compile_head),
    Route("POST", f"{_ALGORITHM}/versions", algorithms.publish),
    Route("POST", f"{_ALGORITHM}/version", algorithms.publish),
    Route("GET", f"{_ALGORITHM}/versions", algorithms.versions),
    Route("GET", f"{_ALGORITHM}/versions/{{version}}", algorithms.version),
    Route("GET", f"{_ALGORITHM}/builds", builds.builds),
    Route("GET", f"{_ALGORITHM}/builds/{{build}}", builds.build),
    Route("GET", f"{_ALGORITHM}/builds/{{build}}/logs", builds.logs),
    Route("GET", f"{_ALGORITHM}/scm/status", algorithms.source_status),
    Route("GET", f"{_ALGORITHM}/log", missing("sources have no log of commits here; the builds are at …/builds.")),
    Route("GET", f"{_ALGORITHM}/errors", failures.of_algorithm),
    Route("GET", f"{_ALGORITHM}/secrets", secrets.secrets),
    Route("POST", f"{_ALGORITHM}/secrets", secrets.add),
    Route("PUT", f"{_ALGORITHM}/secrets/{{secret}}", secrets.change, SECRETS),
    Route("DELETE", f"{_ALGORITHM}/secrets/{{secret}}", secrets.remove, SECRETS),
    Route("GET", "scms", algorithms.sources),
    Route("GET", "secret-provider", secrets.providers),
    Route("GET", f"{_EDGE}/languages", environments.languages),
    Route("GET", f"{_EDGE}/languages/{{language}}/environments", environments.environments),
    Route("GET", f"{_EDGE}/environment-specifications/{{specification}}/template", environments.archive, is_open=True),
    Route("POST", "users", users.create, USERS),
    Route("GET", "users", users.users, USERS),
    Route("GET", "users/{user}", users.show, USERS),
    Route("PUT", "users/{user}", users.update, USERS),
    Route("DELETE", "users/{user}", users.remove, USERS),
    Route("GET", "users/{owner}/algorithms", users.algorithms, USERS),
    Route("GET", "users/{owner}/errors", failures.of_owner, USERS),
    Route("GET", "users/{user}/keys", missing(_KEYS), USERS),
    Route("POST", "users/{user}/keys", missing(_KEYS), USERS),
    Route("GET", "users/{user}/event-listeners", missing(_LISTENERS), USERS),
    Route("POST", "users/{user}/event-listeners", missing(_LISTENERS), USERS),
    Route("GET", "organization/types", organizations.types, ORGANIZATIONS),
    Route("POST", "organizations", organizations.create, ORGANIZATIONS),
    Route("GET", "organizations", organizations.organizations, ORGANIZATIONS),
    Route("GET", "organizations/externalId/{external}", organizations.by_external_id, ORGANIZATIONS),
    Route("GET", _ORGANIZATION, organizations.show, ORGANIZATIONS),
    Route("PUT", _ORGANIZATION, organizations.update, ORGANIZATIONS),
    Route("DELETE", _ORGANIZATION, organizations.remove, ORGANIZATIONS),
    Route("GET", f"{_ORGANIZATION}/members", organizations.members, ORGANIZATIONS),
    Route("PUT", f"{_ORGANIZATION}/members/{{user}}", organizations.invite, USERS),
    Route("DELETE", f"{_ORGANIZATION}/members/{{user}}", organizations.dismiss, USERS),
    Route("GET", "organizations/{owner}/utility-algorithms", users.algorithms, ORGANIZATIONS),
    Route("GET", "organizations/{owner}/errors", failures.of_owner, ORGANIZATIONS),
    *(
        Route(method, f"admin/{area}", missing(_ADMIN), USERS)
        for area in ("scms", "secret-provider", "reservations", "usage", "usage/algorithms", "usage/users")
        for method in ("GET", "POST")
    ),
)
"""All of them. Where two fit a path, the first one counts."""
AREAS = frozenset(route.path.partition("/")[0] for route in ROUTES)
"""The first names of their paths."""
