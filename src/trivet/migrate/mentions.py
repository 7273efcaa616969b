"""Texts in a program that name something of an original, where it is known what they are for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from trivet.migrate.values import called

_BY_TEXT = {
    "it is imported by a text": {"import_module", "__import__", "find_spec", "importorskip", "reload", "run_module"},
    "it stands in a text, as for `patch`": {
        "patch", "setattr", "delattr", "getLogger", "import_string", "locate", "resolve_name", "setitem", "delitem",
    },
}  # fmt: skip
"""Functions that commonly take the name of something as a text, and what to say of it."""
_WHY = {function: why for why, functions in _BY_TEXT.items() for function in functions}
_MODULES = "it stands in a text, as for `sys.modules`"


def texts(node: ast.Call | ast.Subscript) -> Iterator[tuple[ast.AST, str, str]]:
    """The names in texts: each with its place and with what to say of it.

    Args:
        node: a call, as ``patch("a.b")``, or what is looked up, as ``sys.modules["a"]``.
    """
    if isinstance(node, ast.Subscript):
        if isinstance(node.value, ast.Attribute) and node.value.attr == "modules":
            yield from _named(node.slice, _MODULES)
        return
    function = called(node)
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        if function in _WHY:
            yield from _named(argument, _WHY[function])
        elif isinstance(argument, ast.Dict) and function == "dict":  # patch.dict("sys.modules", {…})
            for key in filter(None, argument.keys):
                yield from _named(key, _MODULES)


def _named(node: ast.AST, why: str) -> Iterator[tuple[ast.AST, str, str]]:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, str) and all(part.isidentifier() for part in value.split(".")):
        yield node, value, why
