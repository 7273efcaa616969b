"""Rollouts: which versions of an endpoint get calls, under which names, and how they do."""

from __future__ import annotations

from collections.abc import Sequence

from trivet.platform.core import rollouts as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.aliases import Alias, Share
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.views import AliasView, ShareView, VersionHealth, VersionView
from trivet.platform.services.board import Board
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.tallies import Tallies


class Rollouts:
    """The use cases around aliases and the canary.

    Every method raises `NotFound` or `Forbidden` by the one rule of access. Changes are for those who manage the endpoint;
    looking takes the scope ``read``.
    """

    def __init__(self, endpoints: Endpoints, board: Board, tallies: Tallies) -> None:
        self._endpoints = endpoints
        self._board = board
        self._tallies = tallies

    # -- aliases ------------------------------------------------------------------------------------------------------

    def aliases(self, principal: Principal, reference: EndpointReference) -> list[AliasView]:
        """The aliases of an endpoint, by name."""
        return self.views(self._endpoints.find(principal, reference, Scope.READ))

    def alias(self, principal: Principal, reference: EndpointReference, name: str) -> AliasView:
        """One alias of an endpoint.

        Raises:
            NotFound: besides the rule of access, where the endpoint has none of that name.
        """
        return self._alias(self._endpoints.find(principal, reference, Scope.READ), name)

    async def set_alias(
        self, principal: Principal, reference: EndpointReference, name: str, versions: Sequence[tuple[str, int | None]]
    ) -> AliasView:
        """Lets an alias stand for one version or several, from the next call on.

        Args:
            principal: who asks.
            reference: the endpoint.
            name: the alias; made where it is not there.
            versions: references with weights in percent; one weight may be None, and is what the others leave.

        Raises:
            BadRequest: the name, the weights or the versions can't be, said in a sentence.
            NotFound: there is no such version that is ready.
        """
        found = self._endpoints.find(principal, reference, Scope.DEPLOY)
        chosen = [(self._endpoints.ready_version(found, version), weight) for version, weight in versions]
        changed = await self._endpoints.change(
            principal, reference, lambda endpoint, now: rules.set_alias(endpoint, name, chosen, now)
        )
        return self._alias(changed, name)

    async def remove_alias(self, principal: Principal, reference: EndpointReference, name: str) -> None:
        """Ends an alias; calls by it are refused from then on.

        Raises:
            NotFound: there is none of that name.
        """
        await self._endpoints.change(
            principal, reference, lambda endpoint, now: rules.remove_alias(endpoint, name, now)
        )

    # -- the canary ---------------------------------------------------------------------------------------------------

    async def set_canary(
        self, principal: Principal, reference: EndpointReference, version: str, weight: int
    ) -> Endpoint:
        """Sends ``weight`` percent of the unpinned calls to a version beside the current one, from the next call on.

        Raises:
            BadRequest: the version is the current one, or the weight can't be.
            NotFound: there is no such version that is ready.
        """
        found = self._endpoints.find(principal, reference, Scope.DEPLOY)
        chosen = self._endpoints.ready_version(found, version)
        return await self._endpoints.change(
            principal, reference, lambda endpoint, now: rules.set_canary(endpoint, chosen, weight, now)
        )

    async def end_canary(self, principal: Principal, reference: EndpointReference) -> Endpoint:
        """Sends all unpinned calls to the current version again; nothing happens where they go there already."""
        return await self._endpoints.change(principal, reference, rules.end_canary)

    async def promote(self, principal: Principal, reference: EndpointReference, version: str | None = None) -> Endpoint:
        """Makes a version current, and ends the canary.

        Args:
            principal: who asks.
            reference: the endpoint.
            version: which; None: the canary.

        Raises:
            BadRequest: none is named, and there is no canary.
            NotFound: there is no such version that is ready.
        """
        found = self._endpoints.find(principal, reference, Scope.DEPLOY)
        version_id = None if version is None else self._endpoints.ready_version(found, version).id
        return await self._endpoints.change(
            principal, reference, lambda endpoint, now: rules.promote(endpoint, version_id, now)
        )

    # -- looking ------------------------------------------------------------------------------------------------------

    def health(self, principal: Principal, reference: EndpointReference, version: str) -> VersionHealth:
        """How the jobs of one version do."""
        endpoint, found = self._endpoints.version_of(principal, reference, version)
        tally = self._tallies.of(found.id)
        waiting = {
            JobStatus.QUEUED: self._board.queued(found.id),
            JobStatus.RUNNING: self._board.running(found.id),
        }
        return VersionHealth(endpoint.full_name, found.number, {**tally.ended, **waiting}, tally)

    def views(self, endpoint: Endpoint) -> list[AliasView]:
        """The aliases of an endpoint as people know them."""
        return [AliasView(alias.name, self._shares(alias.shares)) for alias in endpoint.aliases]

    def canary(self, endpoint: Endpoint) -> ShareView | None:
        """The canary of an endpoint, where it has one."""
        return None if endpoint.canary is None else self._shares((endpoint.canary,))[0]

    def version(self, endpoint: Endpoint, version: Version) -> VersionView:
        """A version with what calls it gets."""
        weight = sum(share.weight for share in endpoint.split if share.version_id == version.id)
        return VersionView(version, weight, tuple(a.name for a in endpoint.aliases if _stands_for(a, version)))

    def _alias(self, endpoint: Endpoint, name: str) -> AliasView:
        alias = endpoint.alias(name)
        if alias is None:
            raise rules.no_alias(endpoint, name)
        return AliasView(name, self._shares(alias.shares))

    def _shares(self, shares: tuple[Share, ...]) -> tuple[ShareView, ...]:
        found = ((self._endpoints.version(share.version_id), share.weight) for share in shares)
        return tuple(ShareView(version.number, weight) for version, weight in found if version is not None)


def _stands_for(alias: Alias, version: Version) -> bool:
    return any(share.version_id == version.id for share in alias.shares)
