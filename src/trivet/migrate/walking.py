"""Walking over a syntax tree, quickly: most of its nodes are of no interest to anybody."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import ClassVar

_EMPTY = frozenset({ast.Constant, ast.Load, ast.Store, ast.Del, ast.Pass, ast.Break, ast.Continue})


class Walker(ast.NodeVisitor):
    """Visits each node by the method for its kind, which is looked for once and not for each node."""

    _methods: ClassVar[dict[type[ast.AST], Callable[..., None]]]
    """Of each kind of node, what visits it; found once for each class of walkers."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._methods = {}

    def visit(self, node: ast.AST) -> None:
        """Visits a node: by the method for its kind, else what is in it."""
        kind = type(node)
        if kind in _EMPTY:
            return
        method = self._methods.get(kind)
        if method is None:
            method = self._methods[kind] = getattr(type(self), f"visit_{kind.__name__}", Walker.generic_visit)
        method(self, node)

    def generic_visit(self, node: ast.AST) -> None:
        """Visits what is in a node."""
        for name in node._fields:
            within: ast.AST | list[ast.AST | str | None] | str | int | None = getattr(node, name, None)
            if isinstance(within, list):
                for each in within:
                    if isinstance(each, ast.AST):
                        self.visit(each)
            elif isinstance(within, ast.AST):
                self.visit(within)
