"""Organizations that everybody may know of: who sees them, who shares with them, and who gains by that."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, check_hidden, ref, refusal, run
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound
from trivet.platform.services.access import may_share_with


class Yard(Town):
    """`m` owns the public organization `open` and the private one `shut`; `q` is a member of both; `bond` owns an endpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.m, self.q, self.bond, self.alec = map(self.account, ("m", "q", "bond", "alec"))
        for name in ("open", "shut"):
            run(self.organizations.create(self.m, name, public=name == "open"))
            run(self.organizations.put_member(self.m, name, "q", "member"))
        self.m, self.q = self.again(self.m), self.again(self.q)
        self.endpoint, _ = self.publish(self.bond, "bond/model")

    def share(self, *names: str, by: Principal | None = None) -> None:
        change = EndpointChange(visibility=Visibility.SHARED, shared_with=names)
        run(self.endpoints.update(by or self.bond, ref("bond/model"), change))

    def sees(self, principal: Principal, scope: Scope = Scope.CALL) -> bool:
        try:
            self.endpoints.find(self.again(principal), ref("bond/model"), scope)
        except NotFound:
            return False
        return True

    def names(self, principal: Principal | None) -> list[str]:
        return [each.name for each in run(self.organizations.seen(principal))]


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_public_organizations_are_seen_by_everybody_and_private_ones_by_their_members(yard: Yard) -> None:
    assert yard.names(None) == yard.names(yard.bond) == ["open"]
    assert yard.names(yard.q) == yard.names(yard.m) == yard.names(yard.admin) == ["open", "shut"]


def test_members_are_for_members(yard: Yard) -> None:
    assert run(yard.organizations.look(None, "open")).members == ()
    assert run(yard.organizations.look(yard.bond, "OPEN")).members == ()
    for member in (yard.q, yard.m, yard.admin):
        assert [account.name for account, _ in run(yard.organizations.look(member, "open")).members] == ["m", "q"]
    check_hidden(lambda name: run(yard.organizations.look(yard.bond, name)), "shut", "none")
    check_hidden(lambda name: run(yard.organizations.look(None, name)), "shut", "none")


def test_each_organization_has_an_integer_of_its_own(yard: Yard) -> None:
    numbers = {each.name: each.number for each in run(yard.organizations.seen(yard.admin))}
    assert numbers == {"open": 1, "shut": 2}
    run(yard.organizations.remove(yard.m, "shut"))
    assert run(yard.organizations.create(yard.m, "third")).number == 3
    assert [each.name for each in run(yard.organizations.numbered(yard.m, [3, 1, 3]))] == ["third", "open"]
    assert [each.name for each in run(yard.organizations.numbered(yard.bond, [1]))] == ["open"]
    hidden = refusal(lambda: run(yard.organizations.numbered(yard.bond, [1, 3])))
    missing = refusal(lambda: run(yard.organizations.numbered(yard.bond, [1, 7])))
    assert isinstance(hidden, Forbidden)
    assert hidden.detail == missing.detail.replace("7", "3")


def test_with_whom_an_endpoint_is_shared_is_told_to_those_whom_it_concerns(yard: Yard) -> None:
    yard.share("open", "shut", by=yard.admin)
    run(yard.organizations.remove_member(yard.m, "shut", "q"))

    def told(principal: Principal | None) -> list[str]:
        endpoint = yard.endpoints.by_id(yard.endpoint.id)
        assert endpoint is not None
        found = run(yard.organizations.shared_by(principal, [endpoint]))
        return [each.name for each in found.get(endpoint.id, [])]

    assert told(yard.bond) == told(yard.admin) == ["open", "shut"]
    assert told(yard.again(yard.q)) == ["open"]
    assert told(yard.alec) == told(None) == []


def test_an_endpoint_is_shared_with_public_organizations_without_belonging_to_them(yard: Yard) -> None:
    yard.share("open")
    assert yard.sees(yard.q)
    assert yard.sees(yard.m)
    assert yard.sees(yard.bond)
    assert yard.sees(yard.admin)
    assert not yard.sees(yard.alec)  # that everybody knows the organization makes nobody a member
    check_hidden(lambda name: yard.share(name), "shut", "none")


def test_what_is_private_is_its_owners_and_what_is_public_everybodys(yard: Yard) -> None:
    assert yard.sees(yard.bond)
    assert [yard.sees(who) for who in (yard.q, yard.m, yard.alec)] == [False, False, False]
    change = EndpointChange(visibility=Visibility.PUBLIC)
    run(yard.endpoints.update(yard.bond, ref("bond/model"), change))
    assert [yard.sees(who) for who in (yard.q, yard.m, yard.alec)] == [True, True, True]


def test_only_the_owner_and_administrators_change_what_is_shared(yard: Yard) -> None:
    yard.share("open")
    for other in (yard.q, yard.m):
        with pytest.raises(Forbidden):
            yard.share("open", by=other)
    yard.share("open", "shut", by=yard.admin)
    run(yard.organizations.remove_member(yard.m, "open", "q"))
    assert yard.sees(yard.q)
    run(yard.organizations.remove_member(yard.m, "shut", "q"))
    assert not yard.sees(yard.q)


def test_an_organization_is_changed_by_those_who_manage_it(yard: Yard) -> None:
    changed = run(yard.organizations.change(yard.m, "open", new_name="opened", public=False, extras={"x": {"y": 1}}))
    assert (changed.name, changed.public, changed.extras, changed.number) == ("opened", False, {"x": {"y": 1}}, 1)
    assert yard.names(yard.bond) == []
    assert isinstance(refusal(lambda: run(yard.organizations.change(yard.q, "opened", public=True))), Forbidden)
    check_hidden(lambda name: run(yard.organizations.change(yard.bond, name, public=True)), "opened", "none")
    with pytest.raises(Conflict, match="taken"):
        run(yard.organizations.change(yard.m, "opened", new_name="SHUT"))
    with pytest.raises(BadRequest):
        run(yard.organizations.change(yard.m, "opened", new_name="two words"))


def test_of_a_public_organization_it_may_be_told_that_others_manage_it(yard: Yard) -> None:
    for work in (
        lambda: run(yard.organizations.change(yard.bond, "open", public=False)),
        lambda: run(yard.organizations.remove(yard.bond, "open")),
        lambda: run(yard.organizations.put_member(yard.bond, "open", "bond", "owner")),
        lambda: run(yard.invitations.invite(yard.bond, "open", ["bond"])),
    ):
        assert isinstance(refusal(work), Forbidden)


def test_an_organization_with_endpoints_keeps_its_name_and_one_without_takes_its_new_one_everywhere(yard: Yard) -> None:
    yard.share("open")
    run(yard.organizations.change(yard.m, "open", new_name="opened"))
    endpoint = yard.endpoints.find(yard.bond, ref("bond/model"), Scope.READ)
    assert yard.endpoints.shared_names(endpoint) == ("opened",)
    yard.publish(yard.m, "opened/theirs")
    with pytest.raises(Conflict, match="still owns opened/theirs, so it can't be renamed"):
        run(yard.organizations.change(yard.m, "opened", new_name="other"))
    assert run(yard.organizations.change(yard.m, "opened", public=False)).name == "opened"


def test_the_rule_of_sharing_is_for_members_administrators_and_what_is_public(yard: Yard) -> None:
    public, private = run(yard.organizations.seen(yard.admin))
    assert [may_share_with(who, public) for who in (yard.bond, yard.q, yard.admin)] == [True, True, True]
    assert [may_share_with(who, private) for who in (yard.bond, yard.q, yard.admin)] == [False, True, True]
