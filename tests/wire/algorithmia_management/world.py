"""The management API over real services, asked as Algorithmia's clients ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from tests.unit.services.town import built
from tests.wire.fakes import Answer, Client, World
from trivet.platform.core.errors import BuildFailed
from trivet.platform.core.keys import Token
from trivet.platform.dialects.algorithmia.management import ManagementApi, ManagementServices, ManagementSettings
from trivet.platform.dialects.algorithmia.paths import place_of
from trivet.platform.services.identities import Identities
from trivet.platform.services.releases import Releases


class Desk:
    """The world with its management API, and builds that end at once."""

    def __init__(self, uploads: Path) -> None:
        self.world = World(uploads)
        world = self.world
        self.releases = Releases(world.store, world.clock, world.entropy, world.endpoints, world.deployments)
        self.services = ManagementServices(
            accounts=world.accounts,
            organizations=world.organizations,
            secrets=world.secrets,
            endpoints=world.endpoints,
            releases=self.releases,
            jobs=world.jobs,
            identities=Identities(world.accounts, world.dispatcher, world.endpoints, world.workers.register, 24),
            clock=world.clock,
        )
        self.uploads = uploads
        self.api = ManagementApi(self.services, ManagementSettings(uploads))
        self.client = Client(self._app)
        self.token: Token = world.admin_token
        self.will_build("Hello")

    def will_build(self, name: str) -> None:
        """Has builds find an algorithm of that name."""
        self.world.builder.result = built(name)

    def will_fail(self, reason: str) -> None:
        """Has builds fail."""
        self.world.builder.result = BuildFailed(reason)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs ``work``, and every build that it begins."""
        world = self.world
        world.deployments.on_submit = lambda deployment_id: world.tasks.run(self._build(deployment_id))
        try:
            return world.run(work)
        finally:
            world.deployments.on_submit = world.to_build.append

    async def _build(self, deployment_id: str) -> None:
        self.world.now += 1.0
        await self.world.deployments.build(deployment_id)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = place_of(scope["path"], scope["raw_path"])
        assert place is not None
        await self.api(place, scope, receive, send)

    def ask(self, method: str, path: str, *, token: Token | str | None = "mine", **request: Any) -> Answer:
        """One request below ``/v1``, with the administrator's key, bare, where nothing else is said."""
        self.world.now += 1.0
        headers = dict(request.pop("headers", {}))
        key = self.token if token == "mine" else token
        if key is not None:
            headers.setdefault("authorization", str(key))
        found: Answer = self._run(self.client.ask(method, f"/algorithmia/v1{path}", headers=headers, **request))
        return found

    def together(self, *asked: Callable[[], Coroutine[Any, Any, Answer]]) -> list[Answer]:
        """Several requests at a time."""

        async def all_of_them() -> list[Answer]:
            return list(await asyncio.gather(*(each() for each in asked)))

        found: list[Answer] = self._run(all_of_them())
        return found

    def create(self, path: str = "admin", name: str = "Hello", **settings: Any) -> dict[str, Any]:
        """Makes an algorithm."""
        self.will_build(name)
        made = self.ask(
            "POST",
            f"/algorithms/{path}",
            json_body={"name": name, "details": {"label": name}, "settings": settings},
        )
        assert made.status == 200, made.body
        return dict(made.json)

    def compile(self, full_name: str = "admin/Hello") -> dict[str, Any]:
        """Compiles an algorithm's source."""
        compiled = self.ask("POST", f"/algorithms/{full_name}/compile", json_body={})
        assert compiled.status == 200, compiled.body
        return dict(compiled.json)

    def publish(self, full_name: str = "admin/Hello", version_type: str | None = None, **settings: Any) -> Answer:
        """Publishes the newest build as the newer client does: with all five keys."""
        version = {} if version_type is None else {"version_type": version_type}
        body = {"details": {}, "settings": settings, "version_info": version, "source": {}, "scmsCredentials": {}}
        return self.ask("POST", f"/algorithms/{full_name}/versions", json_body=body)


def refused(answer: Answer) -> tuple[int, int, str]:
    """The status, the code and the message of an error in Algorithmia's shape; asserts that it is one."""
    assert set(answer.json) == {"error"}
    error = answer.json["error"]
    assert isinstance(error["message"], str)
    assert error["message"]
    return answer.status, error["code"], error["message"]
