"""The tables beside the drop-in modules: every name in them is there, and what is said of it is true."""

from __future__ import annotations

import dis
from importlib import import_module
from types import FunctionType
from typing import Any

import pytest

from trivet.migrate.support import Support, Verdict, parse, supports

NAMES = [(support, name) for support in supports() for name in support.names]


def found(support: Support, name: str) -> bool:
    """Whether a drop-in module has a name: an attribute, what is in one of its modules, or what its objects are given."""
    parts = name.split(".")
    for depth in range(len(parts) - 1, -1, -1):
        try:
            at: Any = import_module(".".join([support.module, *parts[:depth]]))
        except ImportError:
            continue
        if all((at := _member(at, part)) is not None for part in parts[depth:]):
            return True
    return False


def _member(owner: Any, name: str) -> Any:
    if hasattr(owner, name):
        value = getattr(owner, name)
        return "there" if value is None else value
    given = {
        step.argval
        for kind in getattr(owner, "__mro__", ())
        for function in vars(kind).values()
        if isinstance(function, FunctionType)
        for step in dis.get_instructions(function)
        if step.opname == "STORE_ATTR"
    }
    return "an attribute of its objects" if name in given else None


@pytest.mark.parametrize(("support", "name"), NAMES, ids=[f"{support.package}:{name}" for support, name in NAMES])
def test_a_name_is_in_the_module_where_the_table_says_so_and_only_there(support: Support, name: str) -> None:
    is_refused_here = support.package == "runpod" and name.endswith("_pod")  # they serve the original's service alone
    assert found(support, name) == (support.names[name].verdict.is_good or is_refused_here)


@pytest.mark.parametrize("support", supports(), ids=lambda support: support.package)
def test_a_table_is_of_one_piece(support: Support) -> None:
    for original, ours in support.modules.items():
        assert import_module(ours).__name__ == ours, original
        assert ours == support.module or ours.startswith(f"{support.module}.")
        parent, _, _ = original.rpartition(".")
        assert not parent or parent in support.modules, original
    for name, entry in support.names.items():
        for kind in (entry.returns, entry.items):
            assert kind is None or kind in support.names, name
        assert bool(entry.instead) == (not entry.verdict.is_good), name
        assert bool(entry.why) == (entry.verdict is not Verdict.SUPPORTED), name


@pytest.mark.parametrize("support", supports(), ids=lambda support: support.package)
def test_a_module_is_reached_as_an_attribute_where_it_was_in_the_original(support: Support) -> None:
    """`import a.b` becomes an import of the package alone."""
    for original, ours in support.modules.items():
        parent, _, last = original.rpartition(".")
        if parent and ours == f"{support.modules[parent]}.{last}":
            assert hasattr(import_module(support.modules[parent]), last), original


def test_a_name_is_known_by_what_it_belongs_to() -> None:
    (support,) = [each for each in supports() if each.package == "jaqpot"]
    assert support.entry("Dataset.anything").verdict is Verdict.SUPPORTED
    assert support.entry("models.ModelApi.get_models").verdict is Verdict.UNSUPPORTED
    assert support.entry("JaqpotApiClient.fly").verdict is Verdict.UNCLEAR
    assert support.refusal("jaqpotpy.models.sklearn").verdict is Verdict.UNSUPPORTED
    assert support.refusal("jaqpot_python_sdk.secret").verdict is Verdict.UNCLEAR


@pytest.mark.parametrize("entry", ['{ better = "a", not = "b" }', "{ nonsense = true }"])
def test_a_table_that_says_what_nobody_understands_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="f: "):
        parse(f'package = "x"\nmodule = "m"\n[distributions]\n[modules]\n[names]\nf = {entry}\n')


def test_what_a_name_needs_is_said() -> None:
    table = parse(
        'package = "x"\nmodule = "m"\n[distributions]\n[modules]\nm = "m"\n[names]\n'
        'f = { needs = "a queue" }\ng = { requires = "boto3" }\n'
    )
    assert table.entry("f").needs == "a queue"
    assert (table.entry("g").requires, table.entry("g").verdict) == ("boto3", Verdict.SUPPORTED)
    assert table.entry("g").needs == "boto3, which came along with the original"


def test_what_is_to_come_is_no_support() -> None:
    table = parse('package = "x"\nmodule = "m"\n[distributions]\n[modules]\nm = "m"\n[names]\nf = { later = "soon" }\n')
    assert table.entry("f").verdict is Verdict.LATER
    assert not table.entry("f").verdict.is_good
