"""What a handler of the management API is given: the services, and one request."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference
from trivet.platform.core.errors import Forbidden, Unauthenticated
from trivet.platform.dialects.algorithmia.management.errors import INVALID_REQUEST, Refused
from trivet.platform.dialects.algorithmia.management.identifiers import meant_by
from trivet.platform.ports.clock import Clock
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.identities import Identities
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.organizations import Organizations
from trivet.platform.services.releases import Releases
from trivet.platform.services.secrets import Secrets
from trivet.platform.wire import documents
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, NO_STORING
from trivet.platform.wire.hot import Answer, lines

FORMAT = "algorithmia"
"""Under which this dialect keeps its own words with what is everybody's."""

_FORM = b"application/x-www-form-urlencoded"
_encode = msgspec.json.Encoder().encode
_HEADERS = lines([JSON_TYPE, NO_SNIFFING, NO_STORING])


@dataclass(frozen=True, slots=True)
class ManagementServices:
    """The services that the management API speaks for."""

    accounts: Accounts
    organizations: Organizations
    secrets: Secrets
    endpoints: Endpoints
    releases: Releases
    jobs: Jobs
    identities: Identities
    clock: Clock = time.time


@dataclass(frozen=True, slots=True)
class ManagementSettings:
    """What an operator has set. ``uploads`` is the folder that archives are packed in."""

    uploads: Path


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    ``parts`` are what the route's path leaves open, ``query`` the last value of each name. ``asker`` is None where nobody has
    shown a key. ``address`` is the API's, as the caller reached it.
    """

    services: ManagementServices
    settings: ManagementSettings
    asker: Principal | None
    address: str
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    content_type: bytes = b""
    reference: EndpointReference | None = None
    """The algorithm that the path names."""

    @property
    def principal(self) -> Principal:
        """Who asks.

        Raises:
            Unauthenticated: nobody who has shown a key.
        """
        if self.asker is None:
            raise Unauthenticated
        return self.asker

    @property
    def is_form(self) -> bool:
        """Whether the body is a form: what newer clients make of an update, by mistake."""
        return self.content_type.partition(b";")[0].strip().lower() == _FORM

    @property
    def algorithm(self) -> EndpointReference:
        """The algorithm that the path names."""
        found = self.reference
        if found is None:
            raise AssertionError("only paths below an algorithm have this")
        if found.id is None:
            return found
        return EndpointReference(found.text, id=meant_by(found.id, (each.id for each in self.services.endpoints.all())))

    def endpoint(self, scope: Scope) -> Endpoint:
        """The algorithm that the path names, where the one who asks may use ``scope`` on it.

        Raises:
            NotFound, Forbidden: by the one rule of access.
        """
        return self.services.endpoints.find(self.principal, self.algorithm, scope)

    def managed(self) -> Endpoint:
        """The algorithm that the path names, to look at what only those see who manage it.

        Raises:
            NotFound, Forbidden: the one who asks may not.
        """
        endpoint = self.endpoint(Scope.READ)
        if not self.services.endpoints.manages(self.principal, endpoint):
            raise Forbidden(f"Only those who manage {endpoint.full_name} may see that.")
        return endpoint

    def document(self) -> dict[str, Any]:
        """The JSON object in the body; an empty body is an empty one.

        Raises:
            InvalidJson: it is no JSON.
            Refused: it is no object.
        """
        if not self.body.strip():
            return {}
        found = documents.decode(self.body)
        if not isinstance(found, dict):
            raise Refused(400, INVALID_REQUEST, "The body of this request has to be a JSON object.")
        return found


def reply(document: object, status: int = 200) -> Answer:
    """An answer with a document."""
    return Answer(status, _HEADERS, _encode(document))


def nothing(status: int) -> Answer:
    """An answer without a body."""
    return Answer(status, b"", b"")
