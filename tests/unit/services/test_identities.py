"""What a running job may do on behalf of the account that called it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import refusal, run
from trivet.platform.core.accounts import ALL_SCOPES, Principal, Scope, Within
from trivet.platform.core.data import Collection, ReadAcl, may_read, may_write
from trivet.platform.core.data_paths import Space
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import EndpointReference, Visibility
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, TooManyOpenJobs, Unauthenticated
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.keys import JobToken
from trivet.platform.services.identities import Identities
from trivet.platform.services.intake import MOST_DEPTH
from trivet.protocol.addresses import UNCLAIMED, address_secret

HELLO, OTHER = EndpointReference.parse("ada/hello"), EndpointReference.parse("ada/other")


class Stage(Plant):
    """Ada's public ``ada/hello`` and private ``ada/other``; Sam, who calls the first with a key of his own."""

    def __init__(self) -> None:
        super().__init__()
        self.identities = Identities(self.accounts, self.dispatcher, self.endpoints, self.workers.register, 2)
        self.accounts.resolve_job = self.identities.of_token
        self.ada, self.sam = self.account("ada"), self.account("sam")
        self.hello, self.version = self.offer(self.ada, "ada/hello")
        self.offer(self.ada, "ada/other")
        run(self.endpoints.update(self.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC)))
        key, self.token = run(self.keys.create(self.sam, label="calls"))
        self.key_id = key.id

    async def called(self) -> tuple[Hand, str]:
        """A worker that has Sam's job in hand, and what that job can show."""
        sam = await self.accounts.resolve(str(self.token))
        hand = await self.hand(self.version)
        await self.calls.submit(sam, HELLO, payload())
        order = hand.orders[-1]
        return hand, str(JobToken(order.job_id, order.token))

    async def refused(self, act: Callable[[], Coroutine[Any, Any, object]]) -> type[BaseException]:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller looks at what it was
            await act()
        return caught.type


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_job_acts_for_its_caller_and_says_which_job_it_is(stage: Stage) -> None:
    async def scene() -> None:
        hand, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        assert (job.account_id, job.account_name) == (stage.sam.account_id, "sam")
        assert job.scopes == {Scope.CALL, Scope.DATA}
        assert job.within is not None
        assert (job.within.job_id, job.within.root_id) == (hand.orders[-1].job_id,) * 2
        assert (job.within.owner_name, job.within.endpoint_name) == ("ada", "hello")
        assert stage.accounts.authenticate(shown) is None  # it is asked each time: the job may have ended

    stage.play(scene())


def test_what_a_job_calls_belongs_to_its_tree(stage: Stage) -> None:
    async def scene() -> None:
        hand, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        view = await stage.calls.submit(job, HELLO, payload())
        first = hand.orders[0].job_id
        assert (view.job.parent_id, view.job.root_id, view.job.account_id) == (first, first, stage.sam.account_id)
        assert (await stage.jobs.get(job, view.job.id)).job.id == view.job.id
        other = await stage.calls.submit(await stage.accounts.resolve(str(stage.token)), HELLO, payload())
        for look in (stage.jobs.get, stage.jobs.cancel, stage.jobs.explain):
            assert await stage.refused(lambda look=look: look(job, other.job.id)) is NotFound

    stage.play(scene())


def test_a_job_does_not_get_what_its_endpoints_owner_may(stage: Stage) -> None:
    async def scene() -> None:
        _, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        assert await stage.refused(lambda: stage.calls.submit(job, OTHER, payload())) is NotFound

    stage.play(scene())


def test_a_job_looks_after_nothing_of_its_callers(stage: Stage) -> None:
    async def scene() -> None:
        _, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        acts: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: stage.accounts.me(job),
            lambda: stage.keys.create(job),
            lambda: stage.keys.of_account(job),
            lambda: stage.jobs.page(job),
            lambda: stage.secrets.put(job, "NAME", "value"),
        ]
        for act in acts:
            assert issubclass(await stage.refused(act), Forbidden)

    stage.play(scene())


def test_the_token_of_a_job_is_good_only_while_that_attempt_runs(stage: Stage) -> None:
    async def scene() -> None:
        hand, shown = await stage.called()
        hand.succeed()
        await stage.settle()
        assert await stage.refused(lambda: stage.accounts.resolve(shown)) is Unauthenticated

    stage.play(scene())


def test_a_job_whose_callers_key_was_revoked_is_nobody(stage: Stage) -> None:
    async def scene() -> None:
        _, shown = await stage.called()
        await stage.keys.revoke(stage.sam, stage.key_id)
        assert await stage.refused(lambda: stage.accounts.resolve(shown)) is Unauthenticated

    stage.play(scene())


@pytest.mark.parametrize("text", ["trj_", "trj__", "trj_1_2_3", "trj_1_ü", "trj_unknown_0011223344556677", "trj_a_"])
def test_what_is_no_token_of_a_job_is_nobody(stage: Stage, text: str) -> None:
    assert isinstance(refusal(lambda: run(stage.accounts.resolve(text))), Unauthenticated)


def test_an_administrators_job_administers_nothing() -> None:
    principal = Principal("acc", "admin", "key", ALL_SCOPES, administrator=True)
    job = principal.as_job(Within("j", "j", "e", "hello", "acc", "admin"), 24)
    assert not job.administers()
    assert job.scopes == {Scope.CALL, Scope.DATA}


def test_the_states_of_a_tree_are_those_of_its_jobs(stage: Stage) -> None:
    async def scene() -> None:
        hand, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        view = await stage.calls.submit(job, HELLO, payload())
        hand.succeed(order=hand.orders[0])
        await stage.settle()
        sam = await stage.accounts.resolve(str(stage.token))
        assert (await stage.jobs.get(sam, hand.orders[0].job_id)).job.status is JobStatus.SUCCEEDED
        assert (await stage.jobs.get(sam, view.job.id)).job.tree_id == hand.orders[0].job_id

    stage.play(scene())


def test_a_worker_is_the_job_that_it_works_on_and_while_it_loads_it_reads_what_the_owner_shares(stage: Stage) -> None:
    async def scene() -> None:
        loading = await stage.hand(stage.version, ready=False)
        first = address_secret(stage.runtime.started[loading.id].token, UNCLAIMED)
        owner = await stage.identities.of_worker(loading.id, first)
        assert (owner.account_id, owner.scopes) == ("", {Scope.DATA})
        assert owner.within is not None
        assert owner.within.owner_name == "ada"
        collection = Collection(
            "c", stage.ada.account_id, "ada", "models", Space.HOSTED, ReadAcl.OWNERS_ENDPOINTS, 0.0, 0.0
        )
        assert may_read(owner, collection)
        assert not may_write(owner, collection)
        assert not may_read(owner, replace(collection, acl=ReadAcl.PRIVATE))
        stage.workers.kill(loading.id)
        hand, _ = await stage.called()
        token = stage.runtime.started[hand.id].token
        sams, first = address_secret(token, stage.sam.account_id), address_secret(token, UNCLAIMED)
        for secret in (sams, first):
            assert (await stage.identities.of_worker(hand.id, secret)).account_id == stage.sam.account_id
        hand.succeed()
        await stage.settle()
        for worker_id, shown in ((hand.id, sams), (hand.id, first), (hand.id, token), ("wrk_other", sams)):
            act = partial(stage.identities.of_worker, worker_id, shown)
            assert await stage.refused(act) is Unauthenticated

    stage.play(scene())


def test_an_address_that_one_caller_got_to_know_is_no_good_while_another_is_served(stage: Stage) -> None:
    async def scene() -> None:
        hand, _ = await stage.called()
        token = stage.runtime.started[hand.id].token
        hand.succeed()
        await stage.settle()
        await stage.calls.submit(stage.ada, HELLO, payload())
        adas = await stage.identities.of_worker(hand.id, address_secret(token, stage.ada.account_id))
        assert adas.account_id == stage.ada.account_id
        for stolen in (address_secret(token, stage.sam.account_id), address_secret(token, UNCLAIMED), token):
            act = partial(stage.identities.of_worker, hand.id, stolen)
            assert await stage.refused(act) is Unauthenticated

    stage.play(scene())


def test_what_a_job_has_called_is_cancelled_with_it_and_goes_on_after_its_success(stage: Stage) -> None:
    async def scene() -> None:
        hand, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        child = await stage.calls.submit(job, HELLO, payload())
        sam = await stage.accounts.resolve(str(stage.token))
        await stage.until(lambda: stage.dispatcher.stops.cancel(hand.orders[0].job_id))
        hand.stopped(hand.orders[0])
        await stage.settle()
        hand.stopped()  # it had begun in the place that had become free, and was asked to stop at once
        await stage.settle()
        assert (await stage.jobs.get(sam, child.job.id)).job.status is JobStatus.CANCELLED

    stage.play(scene())


def test_a_handler_that_calls_itself_without_end_is_stopped(stage: Stage) -> None:
    async def scene() -> None:
        _, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        assert job.within is not None
        deep = replace(job, within=replace(job.within, depth=MOST_DEPTH))
        assert await stage.refused(lambda: stage.calls.submit(deep, HELLO, payload())) is BadRequest
        below = await stage.calls.submit(job, HELLO, payload())
        assert below.job.depth == 1

    stage.play(scene())


def test_who_may_deploy_may_let_others_work_and_who_may_only_call_may_not(stage: Stage) -> None:
    key, _ = run(stage.keys.create(stage.ada, scopes=["work"]))
    assert key.scopes == {Scope.WORK}
    caller = Principal(stage.sam.account_id, "sam", "key", frozenset({Scope.CALL}))
    assert isinstance(refusal(lambda: run(stage.keys.create(caller, scopes=["work"]))), Forbidden)


def test_a_tree_of_calls_may_have_so_many_jobs_open_and_no_more(stage: Stage) -> None:
    async def scene() -> None:
        hand, shown = await stage.called()
        job = await stage.accounts.resolve(shown)
        first = await stage.calls.submit(job, HELLO, payload())
        second = await stage.calls.submit(await stage.accounts.resolve(shown), HELLO, payload())
        assert await stage.refused(lambda: stage.calls.submit(job, HELLO, payload())) is TooManyOpenJobs
        await stage.jobs.cancel(job, second.job.id)
        await stage.calls.submit(job, HELLO, payload())
        sam = await stage.accounts.resolve(str(stage.token))
        await stage.calls.submit(sam, HELLO, payload())  # who is no job of the tree is not held to its limit
        assert first.job.root_id == hand.orders[0].job_id

    stage.play(scene())
