"""What an expression gives, as far as that is certain from the names around it."""

from __future__ import annotations

import ast
from typing import Protocol

from trivet.migrate.origins import Origin, Own, OwnClass, Value, module_of, shown
from trivet.migrate.support import Support

_IMPORTERS = frozenset({"import_module", "__import__", "importorskip"})
_PASSED = frozenset(
    {"list", "tuple", "set", "sorted", "reversed", "iter", "gather", "as_completed", "tqdm", "cycle", "deque"}
)
"""Functions that give what they are given, or a collection of it."""
_THE_SAME = frozenset(
    {"closing", "aclosing", "enter_context", "enter_async_context", "copy", "deepcopy", "wait_for", "run"}
)
"""Functions that give the object that they are given."""

_PERHAPS = frozenset({"Optional", "Union", "Annotated", "Final", "ClassVar", "Awaitable"})
_BY_KEY = frozenset({"dict", "mapping", "defaultdict"})
_COLLECTIONS = frozenset(
    {"list", "tuple", "set", "frozenset", "sequence", "iterable", "iterator", "collection", "dict", "mapping",
     "defaultdict", "deque", "generator", "asyncgenerator", "asynciterator"}
)  # fmt: skip


class Names(Protocol):
    """The names that an expression can see."""

    def name(self, name: str, /) -> Value:
        """What a name stands for."""

    def own(self, name: str, /) -> Value:
        """What an attribute of ``self`` stands for."""

    def root(self, name: str, /) -> Support | None:
        """Whose module a name is, as an import would find it."""


def value(node: ast.AST, names: Names) -> Value:
    """Where the value of an expression comes from."""
    if isinstance(node, ast.Name):
        return names.name(node.id)
    if isinstance(node, ast.Attribute):
        return _attribute(node, names)
    if isinstance(node, (ast.Await, ast.NamedExpr)):
        return value(node.value, names)
    if isinstance(node, ast.IfExp):
        return value(node.body, names) or value(node.orelse, names)
    if isinstance(node, ast.BoolOp):
        return next((found for found in (value(part, names) for part in node.values) if found is not None), None)
    if isinstance(node, ast.Subscript):
        within = value(node.value, names)
        if isinstance(within, Origin) and within.kind == "items":
            return within if isinstance(node.slice, ast.Slice) else within.item()
        return None
    if isinstance(node, ast.Call):
        return _call(node, names)
    return _collection(node, names)


def item(node: ast.AST, names: Names) -> Value:
    """Where what an iteration over an expression gives comes from."""
    if called(node) in ("enumerate", "values", "items", "pop") and isinstance(node, ast.Call):
        inner: ast.AST | None = node.args[0] if node.args else getattr(node.func, "value", None)
        found = None if inner is None else value(inner, names)
    else:
        found = value(node, names)
    return found.item() if isinstance(found, Origin) else None


def annotated(annotation: ast.AST | None, names: Names) -> Value:
    """An instance of the class that an annotation names, alone or beside None, or a collection of them."""
    if annotation is None:
        return None
    annotation = unquoted(annotation)
    if isinstance(annotation, ast.BinOp):
        return annotated(annotation.left, names) or annotated(annotation.right, names)
    if isinstance(annotation, ast.Subscript):
        return _of_several(annotation, names)
    origin = value(annotation, names)
    if isinstance(origin, OwnClass):
        return origin
    if not isinstance(origin, Origin) or origin.kind != "name" or not shown(origin.path)[:1].isupper():
        return None
    return origin.called()


def _of_several(annotation: ast.Subscript, names: Names) -> Value:
    """What an annotation with others in brackets says."""
    kind = str(getattr(annotation.value, "id", getattr(annotation.value, "attr", "")))
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if kind in _PERHAPS:
        return next((found for found in (annotated(part, names) for part in parts) if found is not None), None)
    if kind.lower() not in _COLLECTIONS or not parts:
        return None
    found = annotated(parts[-1] if kind.lower() in _BY_KEY else parts[0], names)
    return found.gathered() if isinstance(found, Origin) else None


def unquoted(annotation: ast.AST) -> ast.AST:
    """An annotation that stands in quotes, as what it says; its places are those of the text."""
    if not isinstance(annotation, ast.Constant) or not isinstance(annotation.value, str):
        return annotation
    try:
        inner = ast.parse(annotation.value, mode="eval").body
    except (SyntaxError, ValueError):
        return annotation
    for node in ast.walk(inner):
        ast.copy_location(node, annotation)
    return inner


def called(node: ast.AST) -> str:
    """The last name of what is called, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def attribute(node: ast.Call, names: Names) -> Origin | None:
    """What is named by an object and a text, as for `getattr`."""
    if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant) or not isinstance(node.args[1].value, str):
        return None
    above = value(node.args[0], names)
    return above.member(node.args[1].value) if isinstance(above, Origin) else None


def _attribute(node: ast.Attribute, names: Names) -> Value:
    if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
        found = names.own(node.attr)
        return found.returned() if isinstance(found, Own) and found.is_property else found
    above = value(node.value, names)
    if isinstance(above, OwnClass):
        found = above.attributes.get(node.attr)
        return found.returned() if isinstance(found, Own) and found.is_property else found
    return above.member(node.attr) if isinstance(above, Origin) else None


def _call(node: ast.Call, names: Names) -> Value:
    name = called(node)
    if name in _IMPORTERS and node.args and isinstance(node.args[0], ast.Constant):
        module = str(node.args[0].value)
        support = names.root(module.partition(".")[0])
        return None if support is None else module_of(support, module)
    if name == "getattr":
        return attribute(node, names)
    function = value(node.func, names)
    if isinstance(function, Own):
        return function.returned()
    if isinstance(function, OwnClass):
        return function
    if isinstance(function, Origin):
        return function.called()
    if name in _PASSED | _THE_SAME and node.args:
        first = node.args[0].value if isinstance(node.args[0], ast.Starred) else node.args[0]
        found = value(first, names)
        is_origin = isinstance(found, Origin) and (found.kind == "items" or name in _THE_SAME)
        return found if is_origin else None
    if name in ("pop", "get", "popleft") and isinstance(node.func, ast.Attribute):
        within = value(node.func.value, names)
        return within.item() if isinstance(within, Origin) else None
    if name == "values" and isinstance(node.func, ast.Attribute):
        return value(node.func.value, names)
    return None


def _collection(node: ast.AST, names: Names) -> Value:
    parts: list[ast.AST] = []
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        parts = list(node.elts[:1])
    elif isinstance(node, ast.Dict):
        parts = list(node.values[:1])
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return _gathered(value(node.elt, _Within(node, names)))
    elif isinstance(node, ast.DictComp):
        return _gathered(value(node.value, _Within(node, names)))
    return _gathered(value(parts[0], names)) if parts else None


def _gathered(found: Value) -> Value:
    return found.gathered() if isinstance(found, Origin) else None


class _Within:
    """The names in a comprehension: those around it, and its own."""

    def __init__(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, names: Names) -> None:
        self._names = names
        self._own: dict[str, Value] = {}
        for generator in node.generators:
            if isinstance(generator.target, ast.Name):
                self._own[generator.target.id] = item(generator.iter, self)

    def name(self, name: str, /) -> Value:
        return self._own[name] if name in self._own else self._names.name(name)

    def own(self, name: str, /) -> Value:
        return self._names.own(name)

    def root(self, name: str, /) -> Support | None:
        return self._names.root(name)
