"""Changes of endpoints: what whoever manages one may set, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trivet.platform.core.endpoints import Endpoint, Visibility
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.scaling import ScalingRule

MAX_DESCRIPTION = 10_000
"""Characters of a description, at most."""


def check_description(text: str) -> str:
    """The description itself.

    Raises:
        BadRequest: it is too long.
    """
    if len(text) > MAX_DESCRIPTION:
        raise BadRequest(f"A description has at most {MAX_DESCRIPTION} characters.")
    return text


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What to change about an endpoint; None leaves a thing as it is.

    Args:
        visibility: who may see and call it. ``private`` ends all sharing.
        shared_with: names of organizations. Naming some makes a private endpoint shared, naming none a shared one private.
        workers: minimum and maximum.
        idle_timeout: seconds that a worker above the minimum may sit idle.
        rule: what makes the number of workers grow.
        target: what the rule aims at.
        description: for people.
    """

    visibility: Visibility | None = None
    shared_with: tuple[str, ...] | None = None
    workers: tuple[int, int] | None = None
    idle_timeout: float | None = None
    rule: ScalingRule | None = None
    target: float | None = None
    description: str | None = None

    def apply(self, endpoint: Endpoint, shared_with: frozenset[str] | None, now: float) -> Endpoint:
        """The changed endpoint.

        Args:
            endpoint: as it is.
            shared_with: the ids of the organizations that `shared_with` names.
            now: seconds since the epoch.

        Raises:
            BadRequest: the change contradicts itself, or the numbers can't be.
        """
        visibility, shared = self._sharing(endpoint, shared_with)
        before = endpoint.scaling
        minimum, maximum = self.workers or (before.minimum, before.maximum)
        scaling = replace(
            before,
            minimum=minimum,
            maximum=maximum,
            idle_timeout=before.idle_timeout if self.idle_timeout is None else self.idle_timeout,
            rule=before.rule if self.rule is None else self.rule,
            target=before.target if self.target is None else self.target,
        )
        return replace(
            endpoint,
            visibility=visibility,
            shared_with=shared,
            scaling=scaling.check(),
            description=endpoint.description if self.description is None else check_description(self.description),
            updated_at=now,
        )

    def _sharing(self, endpoint: Endpoint, wanted: frozenset[str] | None) -> tuple[Visibility, frozenset[str]]:
        if self.visibility is None and wanted is None:
            return endpoint.visibility, endpoint.shared_with
        shared = endpoint.shared_with if wanted is None else wanted
        visibility = endpoint.visibility if self.visibility is None else self.visibility
        if self.visibility is None and wanted is not None and visibility is not Visibility.PUBLIC:
            visibility = Visibility.SHARED if wanted else Visibility.PRIVATE
        if visibility is Visibility.PRIVATE:
            if wanted:
                raise BadRequest("An endpoint that is private is shared with nobody; both were asked for.")
            shared = frozenset()
        if visibility is Visibility.SHARED and not shared:
            raise BadRequest(
                f"{endpoint.full_name} can't be shared with nobody.", hint="Name organizations to share it with."
            )
        return visibility, shared
