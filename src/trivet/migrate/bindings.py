"""The names that a program has where it is being read, and what they stand for."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from trivet.migrate import values
from trivet.migrate.origins import Origin, OwnClass, Scope, Starred, Value
from trivet.migrate.support import Support


class Bindings:
    """Scopes, classes and branches around the place that is being read; `values.Names` for the expressions there.

    Args:
        roots: whose modules are whose, by the first part of their name.
    """

    def __init__(self, roots: Mapping[str, Support]) -> None:
        self._roots = roots
        self._scopes: list[Scope] = [Scope()]
        self._classes: list[OwnClass] = [OwnClass({})]  # the class around
        self._branches = 0  # how many ifs, loops and tries are around

    # -- what names stand for -----------------------------------------------------------------------------------------

    def origin(self, node: ast.AST) -> Value:
        """Where the value of an expression comes from."""
        return values.value(node, self)

    def name(self, name: str) -> Value:
        """What a name stands for."""
        found = next((scope.names[name] for scope in reversed(self._scopes) if name in scope.names), None)
        if isinstance(found, Starred):
            found.used.add(name)
            return found.origin
        return found

    def own(self, name: str) -> Value:
        """What an attribute of ``self`` stands for."""
        return self._classes[-1].attributes.get(name)

    def root(self, name: str) -> Support | None:
        """Whose module a name is, as an import would find it."""
        return self._roots.get(name)

    # -- what gives them a meaning ------------------------------------------------------------------------------------

    def bind(self, name: str, value: Value) -> None:
        """A name stands for something from here on; for nothing that is known, where ``value`` is None."""
        scope = self._scopes[-1].elsewhere.get(name, self._scopes[-1])
        if value is None and self._branches and scope.names.get(name) is not None:
            return  # it may still be what it was
        scope.names[name] = value

    def forget(self, name: str) -> None:
        """A name stands for nothing that is known, whatever it was."""
        self._scopes[-1].names[name] = None

    def assign(self, target: ast.AST, value: ast.AST) -> Iterator[ast.AST]:
        """``target = value``; gives the targets that are no names, and are to be read as expressions."""
        if isinstance(value, ast.Constant) and value.value is None and isinstance(target, ast.Name):
            return  # as after `except ImportError:`
        if (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(value, (ast.Tuple, ast.List))
            and len(target.elts) == len(value.elts)
        ):
            for part, item in zip(target.elts, value.elts, strict=True):
                yield from self.assign(part, item)
            return
        yield from self.store(target, self.origin(value))

    def store_items(self, target: ast.AST, iterated: ast.AST) -> Iterator[ast.AST]:
        """``for target in iterated``; gives what `assign` does."""
        item = values.item(iterated, self)
        if (
            isinstance(target, ast.Tuple)
            and values.called(iterated) in ("enumerate", "items")
            and len(target.elts) == 2
        ):
            yield from self.store(target.elts[0], None)
            yield from self.store(target.elts[1], item)
        else:
            yield from self.store(target, item)

    def store(self, target: ast.AST, value: Value) -> Iterator[ast.AST]:
        """A target is given what is known of a value; gives what `assign` does."""
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        elif (
            isinstance(target, ast.Attribute)
            and isinstance(target.value, ast.Name)
            and target.value.id in ("self", "cls")
        ):
            if value is not None:
                self._classes[-1].attributes[target.attr] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.item() if isinstance(value, Origin) else None
            for part in target.elts:
                yield from self.store(part, items)
        elif isinstance(target, ast.Starred):
            yield from self.store(target.value, value)
        else:
            yield target

    # -- what is around -----------------------------------------------------------------------------------------------

    def declare_global(self, names: list[str]) -> None:
        """``global``"""
        self._scopes[-1].elsewhere.update(dict.fromkeys(names, self._scopes[0]))

    def declare_nonlocal(self, names: list[str]) -> None:
        """``nonlocal``"""
        self._scopes[-1].elsewhere.update(dict.fromkeys(names, self._scopes[-2]))

    @contextmanager
    def branch(self) -> Generator[None, None, None]:
        """Within an if, a loop or a try: what is bound there may not be."""
        self._branches += 1
        yield
        self._branches -= 1

    @contextmanager
    def within(self) -> Generator[None, None, None]:
        """Within a comprehension."""
        self._scopes.append(Scope())
        yield
        self._scopes.pop()

    @contextmanager
    def within_class(self, node: ast.ClassDef) -> Generator[None, None, None]:
        """Within a class, whose name is bound."""
        above = [base.attributes for base in map(self.origin, node.bases) if isinstance(base, OwnClass)]
        own = OwnClass(ChainMap({}, *above))
        self.bind(node.name, own)
        self._scopes.append(Scope())
        self._classes.append(own)
        yield
        for name, value in self._scopes.pop().names.items():
            own.attributes.setdefault(name, value)
        self._classes.pop()

    def of_body(self, scope: Scope) -> Bindings:
        """Those within a function that stands here.

        Args:
            scope: its parameters.
        """
        inner = Bindings(self._roots)
        inner._scopes = [*self._scopes, scope]
        inner._classes = [*self._classes]
        return inner
