"""Endpoints: found in memory by the one rule of access, changed on disk first."""

from __future__ import annotations

import timeit
from collections.abc import Callable

import pytest

from tests.unit.services.town import Town, built, check_hidden, ref, refusal, run
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Endpoint, Version, VersionSettings, VersionState, Visibility
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound
from trivet.platform.core.scaling import ScalingRule
from trivet.platform.services.endpoints import Endpoints


class Square(Town):
    """An organization ``acme`` with owner, admin and member; ``guests`` with a guest; and strangers to both."""

    def __init__(self) -> None:
        super().__init__()
        owner, manager, member = self.account("olga"), self.account("adam"), self.account("mia")
        guest = self.account("gus")
        run(self.organizations.create(owner, "acme"))
        owner = self.again(owner)
        run(self.organizations.put_member(owner, "acme", "adam", "admin"))
        run(self.organizations.put_member(owner, "acme", "mia", "member"))
        run(self.organizations.create(guest, "guests"))
        run(self.organizations.put_member(self.again(guest), "guests", "olga", "member"))
        self.who: dict[str, Principal] = {
            "owner": self.again(owner),
            "admin": self.again(manager),
            "member": self.again(member),
            "guest": self.again(guest),
            "stranger": self.account("sam"),
            "administrator": self.admin,
        }
        self.publish(self.who["owner"], "acme/hello", endpoint_id="opaque-1", model_id=777)

    def outcome(self, who: str, scope: Scope, principal: Principal | None = None) -> str:
        try:
            self.endpoints.find(principal or self.who[who], ref("acme/hello"), scope)
        except NotFound:
            return "not found"
        except Forbidden:
            return "forbidden"
        return "yes"

    def change(self, change: EndpointChange) -> Endpoint:
        return run(self.endpoints.update(self.who["owner"], ref("acme/hello"), change))


SEES_AND_CHANGES = {"owner": ("yes", "yes"), "admin": ("yes", "yes"), "administrator": ("yes", "yes")}
SEES = ("yes", "forbidden")
HIDDEN = ("not found", "not found")


@pytest.mark.parametrize(
    ("change", "guest", "stranger"),
    [
        (EndpointChange(), HIDDEN, HIDDEN),
        (EndpointChange(shared_with=("guests",)), SEES, HIDDEN),
        (EndpointChange(visibility=Visibility.PUBLIC), SEES, SEES),
    ],
    ids=["private", "shared", "public"],
)
def test_who_sees_and_who_changes_an_endpoint(
    change: EndpointChange, guest: tuple[str, str], stranger: tuple[str, str]
) -> None:
    square = Square()
    square.change(change)
    expected = {**SEES_AND_CHANGES, "member": SEES, "guest": guest, "stranger": stranger}
    found = {who: (square.outcome(who, Scope.CALL), square.outcome(who, Scope.DEPLOY)) for who in square.who}
    assert found == expected


@pytest.mark.parametrize("scope", ["call", "read", "deploy"])
def test_a_key_without_the_scope_is_told_so_where_the_endpoint_may_be_seen_and_learns_nothing_else(scope: str) -> None:
    square = Square()
    others = sorted({"call", "read", "deploy"} - {scope})
    own = square.with_scopes(square.who["owner"], *others)
    assert square.outcome("", Scope(scope), own) == "forbidden"
    strange = square.with_scopes(square.who["stranger"], *others)
    assert square.outcome("", Scope(scope), strange) == "not found"


def test_a_hidden_endpoint_and_one_that_does_not_exist_get_the_same_words_on_every_way() -> None:
    square = Square()
    stranger = square.who["stranger"]
    square.publish(stranger, "sam/hello")
    ways: list[Callable[[str], object]] = [
        lambda name: square.endpoints.find(stranger, ref(name), Scope.READ),
        lambda name: square.endpoints.pick(stranger, ref(name)),
        lambda name: square.endpoints.pick(stranger, ref(f"{name}@1.0.0")),
        lambda name: square.endpoints.version_of(stranger, ref(name), "1.0.0"),
        lambda name: run(square.endpoints.update(stranger, ref(name), EndpointChange(description="x"))),
        lambda name: run(square.endpoints.rollback(stranger, ref(name))),
        lambda name: run(square.endpoints.remove(stranger, ref(name))),
        lambda name: run(square.deployments.log_of(stranger, ref(name), "1.0.0")),
    ]
    for way in ways:
        check_hidden(way, "acme/hello", "acme/nobody")
        check_hidden(way, "opaque-1", "opaque-9")
        check_hidden(way, "777", "999")


@pytest.mark.parametrize("text", ["acme/hello", "ACME/Hello", "opaque-1", "777", "acme/hello@1.0.0", "acme/hello/1"])
def test_an_endpoint_is_found_by_each_of_its_names(text: str) -> None:
    square = Square()
    endpoint, version = square.endpoints.pick(square.who["member"], ref(text))
    assert (endpoint.full_name, version.number) == ("acme/hello", "1.0.0")


def test_a_version_that_is_not_there_is_named_with_those_that_are() -> None:
    square = Square()
    refused = refusal(lambda: square.endpoints.pick(square.who["member"], ref("acme/hello@2")))
    assert isinstance(refused, NotFound)
    assert "'2'" in refused.detail
    assert "1.0.0" in refused.hint


def test_an_endpoint_without_a_version_that_is_ready_can_not_be_called() -> None:
    square = Square()
    owner = square.who["owner"]
    bare = Endpoint("bare-1", owner.account_id, "olga", "bare", square.now, square.now)
    broken = Version("ver_x", "bare-1", "1.0.0", "f" * 64, VersionState.FAILED, square.now, owner.account_id)

    def unit(tx):
        tx.endpoints.add(bare)
        tx.versions.add(broken)

    run(square.store.write(unit))
    run(square.endpoints.load())
    with pytest.raises(NotFound, match="no version that can be called"):
        square.endpoints.pick(owner, ref("olga/bare"))
    assert square.endpoints.version_of(owner, ref("olga/bare"), "1.0.0")[1] == broken


def test_listing_shows_what_may_be_seen_by_name_and_takes_the_scope_read() -> None:
    square = Square()
    square.publish(square.who["stranger"], "sam/Beta")
    square.publish(square.who["stranger"], "sam/alpha")
    listed = {who: [e.full_name for e in square.endpoints.visible(p)] for who, p in square.who.items()}
    assert listed["stranger"] == ["sam/alpha", "sam/Beta"]
    assert listed["guest"] == []
    assert listed["member"] == ["acme/hello"]
    assert listed["administrator"] == ["acme/hello", "sam/alpha", "sam/Beta"]
    with pytest.raises(Forbidden):
        square.endpoints.visible(square.with_scopes(square.who["owner"], "call"))


def test_those_who_do_not_manage_an_endpoint_learn_only_of_their_own_organizations() -> None:
    square = Square()
    endpoint = square.change(EndpointChange(visibility=Visibility.PUBLIC, shared_with=("guests", "acme")))
    assert square.endpoints.shared_names(endpoint) == ("acme", "guests")
    names = {who: square.endpoints.shared_names(endpoint, principal) for who, principal in square.who.items()}
    assert names == {
        "owner": ("acme", "guests"),
        "admin": ("acme", "guests"),
        "administrator": ("acme", "guests"),
        "member": ("acme",),
        "guest": ("guests",),
        "stranger": (),
    }


def test_the_names_of_a_versions_secrets_are_for_those_who_manage_its_endpoint() -> None:
    square = Square()
    square.builder.result = built("hello", settings=VersionSettings(timeout=5.0, secrets=("TOKEN",)))
    square.publish(square.who["owner"], "acme/hello")
    endpoint = square.change(EndpointChange(visibility=Visibility.PUBLIC))
    version = square.endpoints.version(endpoint.current_id or "")
    assert version is not None
    for who, principal in square.who.items():
        shown = square.endpoints.current(endpoint, principal)
        assert shown is not None
        if who in ("owner", "admin", "administrator"):
            assert shown == version
        else:
            assert shown.settings == VersionSettings(timeout=5.0)


# -- changes ------------------------------------------------------------------------------------------------------------


def test_naming_organizations_shares_an_endpoint_and_naming_none_ends_that() -> None:
    square = Square()
    assert square.change(EndpointChange(shared_with=("Guests",))).visibility is Visibility.SHARED
    ended = square.change(EndpointChange(shared_with=()))
    assert (ended.visibility, ended.shared_with) == (Visibility.PRIVATE, frozenset())


def test_going_private_ends_all_sharing() -> None:
    square = Square()
    square.change(EndpointChange(shared_with=("guests",)))
    assert square.change(EndpointChange(visibility=Visibility.PRIVATE)).shared_with == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        EndpointChange(visibility=Visibility.SHARED),
        EndpointChange(visibility=Visibility.SHARED, shared_with=()),
        EndpointChange(visibility=Visibility.PRIVATE, shared_with=("guests",)),
        EndpointChange(workers=(3, 1)),
        EndpointChange(workers=(-1, 1)),
        EndpointChange(workers=(0, -1)),
        EndpointChange(workers=(0, 1001)),
        EndpointChange(idle_timeout=-1),
        EndpointChange(idle_timeout=float("nan")),
        EndpointChange(target=0),
        EndpointChange(description="x" * 10_001),
    ],
)
def test_a_change_that_can_not_be_is_refused_and_changes_nothing(change: EndpointChange) -> None:
    square = Square()
    before = square.endpoints.by_id("opaque-1")
    with pytest.raises(BadRequest):
        square.change(change)
    assert square.endpoints.by_id("opaque-1") == before
    run(square.endpoints.load())
    assert square.endpoints.by_id("opaque-1") == before


def test_an_organization_that_one_is_not_in_can_not_be_shared_with_nor_found_out_that_way() -> None:
    square = Square()
    run(square.organizations.create(square.who["stranger"], "secret"))
    check_hidden(lambda name: square.change(EndpointChange(shared_with=(name,))), "secret", "nobody")
    endpoint = run(square.endpoints.update(square.admin, ref("777"), EndpointChange(shared_with=("secret",))))
    assert square.endpoints.shared_names(endpoint) == ("secret",)


def test_scaling_changes_part_by_part_and_is_kept() -> None:
    square = Square()
    square.now += 5
    square.change(EndpointChange(workers=(1, 4)))
    changed = square.change(EndpointChange(idle_timeout=5.0, rule=ScalingRule.REQUEST_COUNT, target=2.0))
    assert (changed.scaling.minimum, changed.scaling.maximum, changed.scaling.idle_timeout) == (1, 4, 5.0)
    assert (changed.scaling.rule, changed.scaling.target) == (ScalingRule.REQUEST_COUNT, 2.0)
    assert changed.updated_at == square.now
    run(square.endpoints.load())
    assert square.endpoints.by_id(changed.id) == changed


def test_versions_that_keep_workers_are_known() -> None:
    square = Square()
    assert square.endpoints.warm_versions() == []
    endpoint = square.change(EndpointChange(workers=(1, 4)))
    assert square.endpoints.warm_versions() == [endpoint.current_id]


def test_whoever_listens_hears_of_every_change_once_it_shows() -> None:
    square = Square()
    heard: list[tuple[str, Endpoint | None]] = []
    square.endpoints.on_change(lambda endpoint_id: heard.append((endpoint_id, square.endpoints.by_id(endpoint_id))))
    changed = square.change(EndpointChange(workers=(1, 4)))
    square.publish(square.who["owner"], "acme/hello")
    back = run(square.endpoints.rollback(square.who["owner"], ref("777")))
    run(square.endpoints.remove(square.who["owner"], ref("777")))
    assert [endpoint_id for endpoint_id, _ in heard] == ["opaque-1"] * 4
    assert (heard[0][1], heard[2][1], heard[3][1]) == (changed, back, None)


def test_a_listener_that_fails_does_not_undo_the_change(caplog: pytest.LogCaptureFixture) -> None:
    square = Square()

    def fail(endpoint_id: str) -> None:
        raise RuntimeError(endpoint_id)

    square.endpoints.on_change(fail)
    assert square.change(EndpointChange(workers=(1, 4))).scaling.maximum == 4
    assert "a listener failed" in caplog.text


# -- rollback and removal -----------------------------------------------------------------------------------------------


def test_a_rollback_goes_one_step_back_and_a_second_one_another() -> None:
    square = Square()
    owner = square.who["owner"]
    square.publish(owner, "acme/hello", digest="b" * 64)
    square.publish(owner, "acme/hello", digest="c" * 64)

    def current() -> str:
        return square.endpoints.pick(owner, ref("acme/hello"))[1].number

    assert current() == "1.2.0"
    run(square.endpoints.rollback(owner, ref("acme/hello")))
    assert current() == "1.1.0"
    run(square.endpoints.rollback(owner, ref("acme/hello")))
    assert current() == "1.0.0"
    with pytest.raises(BadRequest, match="no earlier version"):
        run(square.endpoints.rollback(owner, ref("acme/hello")))
    run(square.endpoints.rollback(owner, ref("acme/hello"), "1.2"))
    assert current() == "1.2.0"
    run(square.endpoints.rollback(owner, ref("acme/hello")))
    assert current() == "1.0.0"


def test_a_rollback_to_a_version_that_is_not_there_changes_nothing() -> None:
    square = Square()
    before = square.endpoints.by_id("opaque-1")
    with pytest.raises(NotFound, match="'9'"):
        run(square.endpoints.rollback(square.who["owner"], ref("acme/hello"), "9"))
    assert square.endpoints.by_id("opaque-1") == before


def test_a_removed_endpoint_is_found_by_none_of_its_names_and_these_are_free_again() -> None:
    square = Square()
    owner = square.who["owner"]
    _, version = square.endpoints.pick(owner, ref("acme/hello"))
    run(square.endpoints.remove(owner, ref("acme/hello")))
    for text in ("acme/hello", "opaque-1", "777"):
        with pytest.raises(NotFound):
            square.endpoints.find(owner, ref(text), Scope.READ)
    assert square.endpoints.version(version.id) is None
    assert square.endpoints.versions_of("opaque-1") == []
    endpoint, again = square.publish(owner, "acme/hello", endpoint_id="opaque-1", model_id=777)
    assert (endpoint.id, endpoint.model_id, again.number) == ("opaque-1", 777, "1.0.0")


def test_an_endpoint_that_was_removed_in_the_meantime_is_not_found() -> None:
    square = Square()
    run(square.store.write(lambda tx: tx.endpoints.remove("opaque-1")))
    with pytest.raises(NotFound):
        square.change(EndpointChange(workers=(1, 2)))


# -- in memory ----------------------------------------------------------------------------------------------------------


def test_a_restart_finds_everything_as_it_was() -> None:
    square = Square()
    square.now += 1
    square.publish(square.who["owner"], "acme/hello", digest="b" * 64)
    endpoint = square.change(EndpointChange(shared_with=("guests",), workers=(1, 2)))
    again = Endpoints(square.store, square.clock, square.entropy)
    run(again.load())
    assert again.all() == square.endpoints.all()
    assert again.versions_of("opaque-1") == square.endpoints.versions_of("opaque-1")
    assert again.shared_names(endpoint) == ("guests",)
    assert again.warm_versions() == square.endpoints.warm_versions()


def test_a_thousand_endpoints_are_as_quick_to_find_as_one() -> None:
    town = Town()
    town.builder.result = built(*(f"endpoint-{number}" for number in range(1000)))
    ended = town.deploy(town.admin)
    assert len(ended.version_ids) == 1000
    reference = ref("ADMIN/endpoint-777")
    rounds = 2000
    best = min(timeit.repeat(lambda: town.endpoints.pick(town.admin, reference), number=rounds, repeat=3)) / rounds
    assert best < 100e-6  # about two; the bound is wide because machines are shared
    assert len(town.endpoints.visible(town.admin)) == 1000


def test_an_endpoint_can_be_given_its_integer_id_later() -> None:
    square = Square()
    endpoint, _ = square.publish(square.who["owner"], "acme/other")
    assert endpoint.model_id is None
    square.publish(square.who["owner"], "acme/other", model_id=8)
    assert square.endpoints.find(square.admin, ref("8"), Scope.READ).id == endpoint.id
