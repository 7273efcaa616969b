"""Files, whatever is asked in whichever order: what is listed is what was written, and no blob is kept or lost by mistake."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.services.cabinet import Cabinet
from trivet.platform.core.accounts import Principal
from trivet.platform.core.data import TEMP_LIFE, ReadAcl
from trivet.platform.core.errors import Conflict, CoreError, Forbidden, NotFound, PreconditionFailed
from trivet.platform.services.sweeper import DROP_GRACE

WHO = st.sampled_from(["bond", "penny"])
PLACES = st.sampled_from(["bond/c", "penny/c", ".algo/admin/hello/temp", ".algo/admin/hello/perm"])
NAMES = st.sampled_from(["f", "g", "\u00fc"])
DATA = st.binary(max_size=20)
OPEN = frozenset({ReadAcl.PUBLIC})

Key = tuple[str, str]
"""A collection: its path, and for whom it is kept where each account has its own."""


class FilesAndAModel(RuleBasedStateMachine):
    """Two accounts, each of which asks now by its own hand and now through an endpoint, and what must have come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Cabinet()
        self.people = {name: self.town.account(name) for name in ("bond", "penny")}
        self.endpoint = self.town.public("admin/hello")
        self.acls: dict[str, ReadAcl] = {}
        self.model: dict[Key, dict[str, tuple[bytes, float]]] = {}
        self.make("bond", "bond/c", ReadAcl.PUBLIC)
        self.make("penny", "penny/c", ReadAcl.PRIVATE)

    # -- what may happen ----------------------------------------------------------------------------------------------

    @rule(who=WHO, place=PLACES, acl=st.sampled_from(ReadAcl))
    def make(self, who: str, place: str, acl: ReadAcl) -> None:
        if place.startswith(".algo"):
            return
        wanted = None if self.is_own(who, place) and place not in self.acls else CoreError
        if self.outcome(lambda: self.town.make(self.people[who], place, acl), wanted):
            self.acls[place] = acl
            self.model[place, ""] = {}

    @rule(who=WHO, place=PLACES, acl=st.sampled_from(ReadAcl))
    def change(self, who: str, place: str, acl: ReadAcl) -> None:
        if place.startswith(".algo"):
            return
        wanted = None if self.is_own(who, place) and place in self.acls else self.hidden(place)
        if self.outcome(lambda: self.town.set_acl(self.people[who], place, acl), wanted):
            self.acls[place] = acl

    @rule(
        who=WHO, place=PLACES, name=NAMES, data=DATA, inside=st.booleans(), condition=st.sampled_from(["", "new", "is"])
    )
    def write(self, who: str, place: str, name: str, data: bytes, *, inside: bool, condition: str) -> None:
        there = name in self.model.get(self.key(who, place), {})
        wanted = self.may_write(who, place, inside=inside)
        if wanted is None and ((condition == "new" and there) or (condition == "is" and not there)):
            wanted = PreconditionFailed
        if self.outcome(
            lambda: self.town.put(
                self.principal(who, inside=inside),
                f"{place}/{name}",
                data,
                if_none_match=condition == "new",
                if_match="*" if condition == "is" else None,
            ),
            wanted,
        ):
            self.model.setdefault(self.key(who, place), {})[name] = (data, self.town.now)

    @rule(who=WHO, place=st.sampled_from(["c", "temp", "perm"]), name=NAMES, data=DATA)
    def write_ones_own(self, who: str, place: str, name: str, data: bytes) -> None:
        whole = f"{who}/c" if place == "c" else f".algo/admin/hello/{place}"
        self.write(who, whole, name, data, inside=True, condition="")

    @rule(who=WHO, name=NAMES)
    def replace(self, who: str, name: str) -> None:
        for data in (b"one", b"two"):
            self.write_ones_own(who, "perm", name, data)

    @rule(who=WHO, place=PLACES, name=NAMES)
    def delete(self, who: str, place: str, name: str) -> None:
        wanted = self.may_write(who, place, inside=False, deleting=True)
        if wanted is None and name not in self.model.get(self.key(who, place), {}):
            wanted = NotFound
        if self.outcome(lambda: self.town.delete(self.people[who], f"{place}/{name}"), wanted):
            del self.model[self.key(who, place)][name]

    @rule(who=WHO, place=PLACES, force=st.booleans())
    def remove(self, who: str, place: str, *, force: bool) -> None:
        wanted = self.may_write(who, place, inside=False, deleting=True)
        files = self.model.get(self.key(who, place), {})
        if wanted is None and files and not force:
            wanted = Conflict
        if self.outcome(lambda: self.town.remove(self.people[who], place, force=force) == len(files), wanted):
            self.model.pop(self.key(who, place), None)
            self.acls.pop(place, None)

    @rule(seconds=st.sampled_from([0.0, 1.0, TEMP_LIFE / 2, TEMP_LIFE]))
    def wait(self, seconds: float) -> None:
        self.town.tick(seconds)
        for (place, _), files in self.model.items():
            if place.endswith("temp"):
                for name in [name for name, (_, at) in files.items() if at + TEMP_LIFE <= self.town.now]:
                    del files[name]

    @rule()
    def start_again(self) -> None:
        self.town.files = self.town.start()

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def what_is_listed_is_what_was_written(self) -> None:
        for (place, whom), files in self.model.items():
            reader = self.people[whom or place.split("/")[0]]
            assert self.town.names(reader, place) == sorted(files)
            for name, (data, _) in files.items():
                assert self.town.read(reader, f"{place}/{name}") == data

    @invariant()
    def everybody_sees_what_is_shared_and_nothing_else(self) -> None:
        for who, principal in self.people.items():
            for other in self.people:
                visible = sorted(
                    place.split("/")[1]
                    for place, acl in self.acls.items()
                    if place.startswith(other) and (who == other or acl in OPEN)
                )
                if who == other or visible:
                    assert self.town.names(principal, other) == visible

    def teardown(self) -> None:
        """When the dust has settled no blob is left but those of the files."""
        self.wait(0.0)
        self.wait(DROP_GRACE + 1)
        assert self.town.kept() == sorted(data for files in self.model.values() for data, _ in files.values())

    # -- inner --------------------------------------------------------------------------------------------------------

    def key(self, who: str, place: str) -> Key:
        return place, who if place.startswith(".algo") else ""

    def is_own(self, who: str, place: str) -> bool:
        return place.startswith((f"{who}/", ".algo"))

    def principal(self, who: str, *, inside: bool) -> Principal:
        return self.town.inside(self.people[who], self.endpoint) if inside else self.people[who]

    def hidden(self, place: str) -> type[CoreError]:
        """What one is refused with who may not."""
        return Forbidden if place in self.acls and self.acls[place] in OPEN else NotFound

    def may_write(self, who: str, place: str, *, inside: bool, deleting: bool = False) -> type[CoreError] | None:
        if place.startswith(".algo"):
            return None if inside or deleting else Forbidden
        if self.is_own(who, place) and place in self.acls:
            return None
        return self.hidden(place)

    def outcome(self, work, wanted: type[CoreError] | None) -> bool:  # type: ignore[no-untyped-def] # a lambda of a rule
        if wanted is not None:
            with pytest.raises(wanted):
                work()
            return False
        found = work()
        assert found is None or found
        return True


TestFiles = FilesAndAModel.TestCase
TestFiles.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
