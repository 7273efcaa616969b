"""The Jaqpot dialect with people in it: an organization's owner, its admin, a member, and strangers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.fakes import Answer
from tests.wire.jaqpot.world import JaqpotWorld
from trivet.platform.core.keys import Token
from trivet.platform.dialects.jaqpot.people import PeopleApi, PeopleServices, Summaries

PEOPLE = ("owner", "manager", "member", "stranger")


class Village(JaqpotWorld):
    """The world with the organization `lab`: `owner` has made it, `manager` is an admin, `member` a member."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name in PEOPLE:
            self.account(name)
        self.tokens: dict[str, Token] = {name: self.token(name) for name in PEOPLE} | {"admin": self.admin_token}

    def people(self, summaries: Summaries) -> PeopleApi:
        """What answers about people."""
        services = PeopleServices(
            self.accounts, self.keys, self.organizations, self.invitations, self.profiles, self.endpoints
        )
        return PeopleApi(services, summaries)

    def asks(self, who: str | None, method: str, path: str, **request: Any) -> Answer:
        """One request of somebody; None: of nobody who has a key."""
        return self.call(method, path, token=None if who is None else self.tokens[who], **request)

    def said(self, who: str | None, method: str, path: str, status: int = 200, **request: Any) -> Any:
        """The document of an answer that has to have this status; what is refused has the one shape of errors."""
        answer = self.asks(who, method, path, **request)
        assert answer.status == status, (answer.status, answer.body)
        if status == 204:
            assert answer.body == b""
            return None
        if status >= 400:
            assert list(answer.json) == ["status", "message", "code"]
            assert answer.json["status"] == status
            return answer.json["message"]
        return answer.json

    def lab(self, **fields: Any) -> dict[str, Any]:
        """Makes the organization; its document as its owner sees it."""
        wanted = {"name": "lab", "contactEmail": "lab@uni.example", "visibility": "PRIVATE", **fields}
        assert self.asks("owner", "POST", "/organizations", json_body=wanted).status == 201
        for name, role in (("manager", "admin"), ("member", "member")):
            owner = self.principal(self.tokens["owner"])
            self.run(self.organizations.put_member(owner, wanted["name"], name, role))
        found: dict[str, Any] = self.said("owner", "GET", f"/organizations/{wanted['name']}")
        return found
