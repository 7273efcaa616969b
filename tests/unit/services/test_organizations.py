"""Organizations: who sees them, who changes their members, and that they never lose their last owner."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.services.town import Town, check_hidden, ref, refusal, run, words
from trivet.platform.core.accounts import Principal, Role, Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound


class Office(Town):
    """An organization ``mi6`` with an owner, an admin and a member; and a stranger to it."""

    def __init__(self) -> None:
        super().__init__()
        owner, admin, member = self.account("m"), self.account("moneypenny"), self.account("bond")
        run(self.organizations.create(owner, "mi6"))
        owner = self.again(owner)
        run(self.organizations.put_member(owner, "mi6", "moneypenny", "admin"))
        run(self.organizations.put_member(owner, "mi6", "bond", "member"))
        self.owner, self.manager, self.member = owner, self.again(admin), self.again(member)
        self.stranger = self.account("blofeld")
        self.account("felix")

    def roles(self) -> dict[str, Role]:
        view = run(self.organizations.get(self.admin, "mi6"))
        return {account.name: role for account, role in view.members}


def test_who_makes_an_organization_owns_it() -> None:
    office = Office()
    assert office.roles() == {"m": Role.OWNER, "moneypenny": Role.ADMIN, "bond": Role.MEMBER}
    assert [(o.name, role) for o, role in run(office.organizations.all(office.owner))] == [("mi6", Role.OWNER)]
    assert run(office.organizations.all(office.stranger)) == []


def test_an_administrator_sees_all_organizations_and_may_be_in_none() -> None:
    office = Office()
    assert [(o.name, role) for o, role in run(office.organizations.all(office.admin))] == [("mi6", None)]


def test_an_organization_looks_to_strangers_like_one_that_does_not_exist() -> None:
    office = Office()
    work: list[Callable[[str], object]] = [
        lambda name: run(office.organizations.get(office.stranger, name)),
        lambda name: run(office.organizations.put_member(office.stranger, name, "blofeld", "owner")),
        lambda name: run(office.organizations.remove_member(office.stranger, name, "bond")),
        lambda name: run(office.organizations.remove_member(office.stranger, name, "blofeld")),
        lambda name: run(office.organizations.remove(office.stranger, name)),
    ]
    for attempt in work:
        check_hidden(attempt, "mi6", "kgb")


def test_a_member_sees_the_organization_and_changes_nothing() -> None:
    office = Office()
    assert run(office.organizations.get(office.member, "MI6")).organization.name == "mi6"
    for work in (
        lambda: run(office.organizations.put_member(office.member, "mi6", "felix", "member")),
        lambda: run(office.organizations.put_member(office.member, "mi6", "bond", "owner")),
        lambda: run(office.organizations.remove_member(office.member, "mi6", "moneypenny")),
        lambda: run(office.organizations.remove(office.member, "mi6")),
    ):
        assert isinstance(refusal(work), Forbidden)


def test_a_member_can_not_find_out_which_accounts_there_are() -> None:
    office = Office()
    there = refusal(lambda: run(office.organizations.put_member(office.member, "mi6", "felix", "member")))
    missing = refusal(lambda: run(office.organizations.put_member(office.member, "mi6", "nobody", "member")))
    assert words(there) == words(missing)


def test_an_admin_adds_and_removes_plain_members_only() -> None:
    office = Office()
    run(office.organizations.put_member(office.manager, "mi6", "felix", "member"))
    run(office.organizations.remove_member(office.manager, "mi6", "bond"))
    assert office.roles() == {"m": Role.OWNER, "moneypenny": Role.ADMIN, "felix": Role.MEMBER}
    for work in (
        lambda: run(office.organizations.put_member(office.manager, "mi6", "felix", "admin")),
        lambda: run(office.organizations.put_member(office.manager, "mi6", "moneypenny", "owner")),
        lambda: run(office.organizations.put_member(office.manager, "mi6", "m", "member")),
        lambda: run(office.organizations.remove_member(office.manager, "mi6", "m")),
        lambda: run(office.organizations.remove(office.manager, "mi6")),
    ):
        assert isinstance(refusal(work), Forbidden)


def test_an_owner_gives_any_role() -> None:
    office = Office()
    run(office.organizations.put_member(office.owner, "mi6", "bond", "owner"))
    run(office.organizations.put_member(office.owner, "mi6", "m", "member"))
    assert office.roles()["m"] is Role.MEMBER


def test_an_administrator_may_mend_any_organization() -> None:
    office = Office()
    run(office.organizations.put_member(office.admin, "mi6", "felix", "owner"))
    assert office.roles()["felix"] is Role.OWNER


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_the_last_owner_stays(who: str) -> None:
    office = Office()
    principal: Principal = getattr(office, who)
    with pytest.raises(Conflict, match="last owner"):
        run(office.organizations.remove_member(principal, "mi6", "m"))
    with pytest.raises(Conflict, match="last owner"):
        run(office.organizations.put_member(principal, "mi6", "m", "admin"))
    run(office.organizations.put_member(principal, "mi6", "m", "owner"))
    assert office.roles()["m"] is Role.OWNER


def test_everybody_may_leave() -> None:
    office = Office()
    run(office.organizations.remove_member(office.member, "mi6", "Bond"))
    run(office.organizations.remove_member(office.manager, "mi6", "moneypenny"))
    assert office.roles() == {"m": Role.OWNER}
    with pytest.raises(NotFound):
        run(office.organizations.get(office.member, "mi6"))


def test_taking_out_who_is_not_in_says_so() -> None:
    office = Office()
    with pytest.raises(NotFound, match="no member"):
        run(office.organizations.remove_member(office.owner, "mi6", "felix"))
    with pytest.raises(NotFound, match="account"):
        run(office.organizations.remove_member(office.owner, "mi6", "nobody"))


def test_an_unknown_role_is_refused_with_those_there_are() -> None:
    office = Office()
    refused = refusal(lambda: run(office.organizations.put_member(office.owner, "mi6", "bond", "king")))
    assert isinstance(refused, BadRequest)
    assert "owner, admin, member" in refused.hint


def test_a_change_of_role_counts_from_that_moment_though_the_key_is_cached() -> None:
    office = Office()
    token = office.token("bond")
    text = str(token)
    organization = run(office.organizations.get(office.owner, "mi6")).organization
    assert office.principal(token).roles == {organization.id: Role.MEMBER}
    run(office.organizations.put_member(office.owner, "mi6", "bond", "admin"))
    assert office.accounts.authenticate(text) is None
    assert office.principal(token).roles == {organization.id: Role.ADMIN}
    run(office.organizations.remove_member(office.owner, "mi6", "bond"))
    assert office.accounts.authenticate(text) is None
    assert office.principal(token).roles == {}


def test_a_principal_with_roles_of_yesterday_gets_the_decision_of_today() -> None:
    office = Office()
    yesterday = office.manager
    run(office.organizations.remove_member(office.owner, "mi6", "moneypenny"))
    with pytest.raises(NotFound):
        run(office.organizations.put_member(yesterday, "mi6", "felix", "member"))


@pytest.mark.parametrize("scope", ["call", "read", "data"])
def test_changes_take_the_scope_deploy(scope: str) -> None:
    office = Office()
    weak = office.with_scopes(office.owner, scope)
    for work in (
        lambda: run(office.organizations.create(weak, "new")),
        lambda: run(office.organizations.put_member(weak, "mi6", "felix", "member")),
        lambda: run(office.organizations.remove_member(weak, "mi6", "m")),
        lambda: run(office.organizations.remove(weak, "mi6")),
    ):
        assert isinstance(refusal(work), Forbidden)


def test_looking_takes_the_scope_read() -> None:
    office = Office()
    weak = office.with_scopes(office.owner, "deploy")
    with pytest.raises(Forbidden):
        run(office.organizations.all(weak))
    with pytest.raises(Forbidden):
        run(office.organizations.get(weak, "mi6"))


def test_an_organization_that_owns_endpoints_can_not_be_removed() -> None:
    office = Office()
    office.publish(office.owner, "mi6/hello")
    with pytest.raises(Conflict, match="mi6/hello"):
        run(office.organizations.remove(office.owner, "mi6"))
    run(office.endpoints.remove(office.owner, ref("mi6/hello")))
    run(office.organizations.remove(office.owner, "mi6"))
    with pytest.raises(NotFound):
        run(office.organizations.get(office.owner, "mi6"))


def test_what_was_shared_with_a_removed_organization_is_so_no_longer() -> None:
    office = Office()
    endpoint, _ = office.publish(office.owner, "m/hello")
    run(office.endpoints.update(office.owner, ref("m/hello"), EndpointChange(shared_with=("mi6",))))
    assert office.endpoints.shared_names(endpoint) == ()
    shared = office.endpoints.find(office.member, ref("m/hello"), Scope.CALL)
    assert office.endpoints.shared_names(shared) == ("mi6",)
    run(office.organizations.remove(office.owner, "mi6"))
    current = office.endpoints.by_id(endpoint.id)
    assert current is not None
    assert (current.shared_with, current.visibility) == (frozenset(), Visibility.SHARED)
    run(office.endpoints.load())
    assert office.endpoints.by_id(endpoint.id) == current
    run(office.endpoints.update(office.owner, ref("m/hello"), EndpointChange(workers=(0, 2))))
