"""The services that callers ask, over those that hold jobs and workers, as the platform puts them together."""

from __future__ import annotations

from typing import NamedTuple

from tests.unit.services.town import Town
from trivet.platform.ports.background import Background
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.ports.validator import LargeCheck
from trivet.platform.ports.vault import Vault
from trivet.platform.services.calls import Calls
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.intake import Intake
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.limits import Limits
from trivet.platform.services.once import Once
from trivet.platform.services.replays import Replays
from trivet.platform.services.sight import Sight
from trivet.platform.services.trees import Trees
from trivet.platform.services.waits import Waits
from trivet.platform.services.workers import Workers
from trivet.platform.wire.schemas import compile_schema


class Calling(NamedTuple):
    sight: Sight
    trees: Trees
    intake: Intake
    jobs: Jobs
    calls: Calls
    replays: Replays


def calling(
    town: Town,
    *,
    blobs: BlobStore,
    dispatcher: Dispatcher,
    workers: Workers,
    limits: Limits,
    vault: Vault,
    background: Background,
    check_large: LargeCheck | None = None,
) -> Calling:
    """Puts them together for the endpoints and accounts of a town."""
    store, endpoints, notifier, clock = town.store, town.endpoints, town.notifier, town.clock
    sight = Sight(store, dispatcher.open_jobs, endpoints)
    waits = Waits(dispatcher.open_jobs, sight, notifier, clock)
    trees = Trees(dispatcher.stops, background)
    intake = Intake(
        store=store,
        blobs=blobs,
        endpoints=endpoints,
        dispatcher=dispatcher,
        limits=limits,
        trees=trees,
        compile_schema=compile_schema,
        vault=vault,
        clock=clock,
        entropy=town.entropy,
        retention=7 * 86_400.0,
        dead_letter_retention=30 * 86_400.0,
        check_large=check_large,
    )
    jobs = Jobs(
        store=store,
        blobs=blobs,
        endpoints=endpoints,
        dispatcher=dispatcher,
        workers=workers,
        sight=sight,
        waits=waits,
        notifier=notifier,
        clock=clock,
    )
    calls = Calls(
        endpoints=endpoints,
        intake=intake,
        once=Once(store, intake, sight, limits),
        jobs=jobs,
        sight=sight,
        waits=waits,
        open_jobs=dispatcher.open_jobs,
        notifier=notifier,
    )
    replays = Replays(
        endpoints=endpoints, calls=calls, jobs=jobs, intake=intake, sight=sight, limits=limits, vault=vault
    )
    return Calling(sight, trees, intake, jobs, calls, replays)
