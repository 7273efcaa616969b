"""Who is who, where it is tried who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.services.town import built
from tests.wire.access import USUAL
from tests.wire.algorithmia.fakes import PROOF, AlgorithmiaWorld, hold
from tests.wire.fakes import Answer, Client
from trivet.platform.core.accounts import Scope
from trivet.platform.dialects.algorithmia.app import AlgorithmiaSettings, create_app
from trivet.platform.dialects.algorithmia.management import ManagementApi, ManagementServices, ManagementSettings
from trivet.platform.services.releases import Releases


class Square(AlgorithmiaWorld):
    """The whole of Algorithmia's API, where refusals have the status that says why.

    `ann` owns the organization `acme`, of which `mia` and `max` are plain members; `ben` and `zoe` have nothing to do with them.
    """

    def __init__(self, uploads: Path) -> None:
        super().__init__(strict=True)
        self.releases = Releases(self.store, self.clock, self.entropy, self.endpoints, self.deployments)
        services = ManagementServices(
            accounts=self.accounts,
            organizations=self.organizations,
            secrets=self.secrets,
            endpoints=self.endpoints,
            releases=self.releases,
            jobs=self.jobs,
            identities=self.doors,
            clock=self.clock,
        )
        self.algorithmia = create_app(
            self.spoken_for, AlgorithmiaSettings(strict=True), ManagementApi(services, ManagementSettings(uploads))
        )
        self.caller = Client(self.algorithmia)
        for name in ("ann", "mia", "max", "ben", "zoe"):
            self.account(name)
        self.ann = self.token("ann")
        types = self.good("GET", "/organization/types").json
        for name in ("acme", "bare"):
            body = {"org_name": name, "type_id": types[0]["id"], "external_id": f"x-{name}"}
            self.good("POST", "/organizations", json_body=body)
            for member in ("mia", "max"):
                self.good("PUT", f"/organizations/{name}/members/{member}")
        self.type_id: str = types[0]["id"]
        self.parts: dict[str, dict[str, str]] = {}
        """What stands in paths for the algorithm of each owner and what belongs to it."""
        self.mia, self.ben = self.token("mia"), self.token("ben")
        self.weak = {
            (name, scope): self.token(name, *(USUAL - {scope})) for name in ("ann", "ben", "admin") for scope in Scope
        }
        """Keys that may do all that is usual except for one thing, by account and by what is missing."""
        self.reader = {name: self.token(name, Scope.READ) for name in ("ann", "ben")}
        """Keys that may look and no more."""

    def good(self, method: str, path: str, **request: Any) -> Answer:
        """A request of ann's that has to succeed."""
        request.setdefault("token", self.ann)
        answer = self.call(method, path, **request)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer

    def call(self, method: str, path: str, **request: Any) -> Answer:
        """One request, and the builds that it begins."""
        self.now += 1.0
        self.deployments.on_submit = lambda deployment_id: self.tasks.run(self.deployments.build(deployment_id))
        try:
            return super().call(method, path, **request)
        finally:
            self.deployments.on_submit = self.to_build.append

    def make(self, owner: str, name: str) -> dict[str, str]:
        """An algorithm that is compiled and not yet published, with a secret; its parts of paths."""
        self.builder.result = built(name)
        made = self.good("POST", f"/algorithms/{owner}", json_body={"name": name, "details": {}, "settings": {}}).json
        compiled = self.good("POST", f"/algorithms/{owner}/{name}/compile", json_body={}).json
        document = {"secret_key": "VOICE", "secret_value": "alto"}
        secret = self.good("POST", f"/algorithms/{owner}/{name}/secrets", json_body=document).json
        return {
            "algorithm": f"{owner}/{name}",
            "id": made["id"],
            "version": compiled["version_info"]["git_hash"],
            "build": compiled["build"]["build_id"],
            "secret": secret["id"],
        }

    def begin(self, algorithm: str) -> None:
        """Has a worker work for ann, who has called an algorithm; its door is that of `PROOF`."""
        self.handler = hold
        begun = self.good("POST", f"/algo/{algorithm}?output=void", body=b"x", headers={"content-type": "text/plain"})
        self.doors.job_id = begun.json["request_id"]

    def keep_a_file(self, algorithm: str) -> None:
        """Has an algorithm that works for ann keep a file in its ``temp`` and its ``perm``."""
        self.begin(algorithm)
        for kind in ("temp", "perm"):
            assert self.at(f"/w/{PROOF}", "PUT", f"/data/.algo/{kind}/f", body=b"kept").status == 200
        self.finish()
