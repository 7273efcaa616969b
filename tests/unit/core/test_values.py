"""Values: equal by what they hold, hashable, replaceable, and what a job is made of when something about it changes."""

from __future__ import annotations

from dataclasses import field, fields, replace

from trivet.platform.core import jobs as rules
from trivet.platform.core import transitions
from trivet.platform.core.jobs import Job, JobPolicy
from trivet.platform.core.payloads import Payload
from trivet.platform.core.values import value


@value
class Point:
    x: int
    y: int = 0
    secret: str = field(default="", repr=False)


def test_a_value_is_equal_to_its_like_and_hashes_alike() -> None:
    assert Point(1, 2) == Point(1, 2) != Point(2, 1)
    assert len({Point(1, 2), Point(1, 2), Point(1)}) == 2


def test_a_value_is_replaced_by_another_and_hides_what_is_to_be_hidden() -> None:
    before = Point(1, 2, "s")
    assert replace(before, y=3) == Point(1, 3, "s")
    assert before.y == 2
    assert "s'" not in repr(before)


def test_a_value_has_no_room_for_more() -> None:
    assert not hasattr(Point(1), "__dict__")


def test_a_transition_changes_what_it_names_and_keeps_all_else() -> None:
    given = {one.name: object() for one in fields(Job)}
    given |= {
        "status": rules.JobStatus.RUNNING,
        "token": "t",
        "pieces": 0,
        "policy": JobPolicy(),
        "input": Payload.inline(b"1"),
    }
    job = Job(**given)  # type: ignore[arg-type]  # whatever they are, they must come out again
    after = transitions.report_progress(job, "t", rules.Progress(0.5))
    assert after is not None
    changed = {one.name for one in fields(Job) if getattr(after, one.name) is not getattr(job, one.name)}
    assert changed == {"progress"}
    assert job.progress is given["progress"]
