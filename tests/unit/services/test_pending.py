"""Pending models: uploads that have begun, each its owner's, for an hour."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, refusal, run
from trivet.platform.core.endpoints import FIRST_MODEL_ID
from trivet.platform.core.errors import Conflict, Forbidden, LimitExceeded, NotFound
from trivet.platform.services.pending import LIFETIME, MOST_PENDING, PendingModel, PendingModels


class Uploads(Town):
    def __init__(self) -> None:
        super().__init__()
        self.pending = PendingModels(self.store, self.clock, self.entropy)
        self.gone: list[PendingModel] = []
        self.pending.on_forgotten = self.gone.append
        self.ann, self.ben = self.account("ann"), self.account("ben")


@pytest.fixture
def town() -> Uploads:
    return Uploads()


def test_each_upload_has_a_number_and_a_secret_name_of_its_own(town: Uploads) -> None:
    first, second = run(town.pending.begin(town.ann)), run(town.pending.begin(town.ben))
    assert (first.number, second.number) == (FIRST_MODEL_ID, FIRST_MODEL_ID + 1)
    assert len({first.key, second.key}) == 2
    assert town.pending.with_key(first.key) is town.pending.get(town.ann, first.number) is first
    assert town.pending.get(town.admin, first.number) is first


def test_a_number_that_somebody_chose_is_left_out(town: Uploads) -> None:
    town.publish(town.ann, "ann/chosen", model_id=FIRST_MODEL_ID)
    assert run(town.pending.begin(town.ann)).number == FIRST_MODEL_ID + 1


def test_it_is_confirmed_once(town: Uploads) -> None:
    found = run(town.pending.begin(town.ann))
    assert town.pending.confirm(town.ann, found.number).confirmed
    assert isinstance(refusal(lambda: town.pending.confirm(town.ann, found.number)), Conflict)
    assert isinstance(refusal(lambda: town.pending.with_key(found.key)), NotFound)


def test_others_do_not_learn_of_it(town: Uploads) -> None:
    found = run(town.pending.begin(town.ann))
    for ask in (town.pending.get, town.pending.confirm):
        assert isinstance(refusal(lambda ask=ask: ask(town.ben, found.number)), NotFound)  # type: ignore[misc]  # both alike
    weak = town.with_scopes(town.ann, "call", "read")
    assert isinstance(refusal(lambda: town.pending.get(weak, found.number)), Forbidden)
    assert isinstance(refusal(lambda: run(town.pending.begin(weak))), Forbidden)


def test_it_is_forgotten_after_an_hour_unless_it_is_being_built(town: Uploads) -> None:
    waiting, building = run(town.pending.begin(town.ann)), run(town.pending.begin(town.ann))
    town.pending.confirm(town.ann, building.number)
    town.now += LIFETIME
    town.pending.tick()
    assert town.gone == [waiting]
    assert town.pending.get(town.ann, building.number) is building
    town.pending.forget(building)
    town.pending.forget(building)
    assert town.gone == [waiting, building]


def test_an_account_begins_so_many_and_no_more(town: Uploads) -> None:
    for _ in range(MOST_PENDING):
        run(town.pending.begin(town.ann))
    assert isinstance(refusal(lambda: run(town.pending.begin(town.ann))), LimitExceeded)
    run(town.pending.begin(town.ben))
    town.now += LIFETIME
    run(town.pending.begin(town.ann))


def test_it_can_be_given_up_by_its_owner_until_it_is_confirmed(town: Uploads) -> None:
    waiting, building = run(town.pending.begin(town.ann)), run(town.pending.begin(town.ann))
    town.pending.confirm(town.ann, building.number)
    assert not town.pending.give_up(town.ben, waiting.number)
    assert town.gone == []
    assert town.pending.give_up(town.ann, waiting.number)
    assert not town.pending.give_up(town.ann, waiting.number)
    assert town.gone == [waiting]
    assert isinstance(refusal(lambda: town.pending.give_up(town.ann, building.number)), Conflict)
    assert town.pending.get(town.ann, building.number) is building
