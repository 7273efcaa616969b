"""Profiles: what everybody may see of an account, and what is its own to change."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, refusal, run, words
from trivet.platform.core.accounts import Within
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, TooLarge

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def test_a_picture_is_kept_shown_and_forgotten() -> None:
    town = Town()
    bond = town.account("bond")
    with pytest.raises(NotFound):
        run(town.profiles.picture("bond"))
    account = run(town.profiles.set_picture(bond, PNG))
    assert account.picture == run(town.profiles.of("BOND")).picture != ""
    assert run(town.profiles.picture("bond")).data == PNG
    assert run(town.profiles.set_picture(bond, PNG + b"x")).picture != account.picture
    run(town.profiles.remove_picture(bond))
    assert run(town.profiles.of("bond")).picture == ""
    with pytest.raises(NotFound):
        run(town.profiles.remove_picture(bond))
    with pytest.raises(BadRequest):
        run(town.profiles.set_picture(bond, b"<svg>"))


def test_with_an_account_goes_its_picture() -> None:
    town = Town()
    run(town.profiles.set_picture(town.account("bond"), PNG))
    run(town.accounts.remove(town.admin, "bond"))
    town.account("bond")
    with pytest.raises(NotFound):
        run(town.profiles.picture("bond"))


def test_a_disabled_account_shows_nothing() -> None:
    town = Town()
    run(town.profiles.set_picture(town.account("bond"), PNG))
    run(town.accounts.change(town.admin, "bond", disabled=True))
    missing = words(refusal(lambda: run(town.profiles.of("none"))))
    assert words(refusal(lambda: run(town.profiles.of("bond")))) == (
        missing[0],
        missing[1].replace("none", "bond"),
        missing[2],
    )
    with pytest.raises(NotFound):
        run(town.profiles.picture("bond"))


def test_what_a_dialect_keeps_is_changed_beside_what_others_keep() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.accounts.keep(bond, "bond", {"other": {"x": 1}}))
    run(town.profiles.amend(bond, "mine", lambda kept: {**kept, "a": 1}))
    account = run(town.profiles.amend(bond, "mine", lambda kept: {**kept, "b": 2}))
    assert account.extras == {"other": {"x": 1}, "mine": {"a": 1, "b": 2}}
    with pytest.raises(TooLarge):
        run(town.profiles.amend(bond, "mine", lambda _: {"a": "x" * 70_000}))


def test_a_profile_is_changed_by_a_key_that_may_and_by_no_job() -> None:
    town = Town()
    bond = town.account("bond")
    reader = town.with_scopes(bond, "read")
    job = bond.as_job(Within("job_1", "job_1", "e", "e", bond.account_id, "bond"), 1)
    assert run(town.profiles.own(reader)).name == "bond"
    for asker in (reader, job):
        with pytest.raises(Forbidden):
            run(town.profiles.set_picture(asker, PNG))
        with pytest.raises(Forbidden):
            run(town.profiles.amend(asker, "mine", lambda kept: kept))
