"""Python read by its syntax: which names of the originals it uses, directly, by alias, and on objects that came from them.

A name is followed where that is certain: imports, assignments of what a call is known to return, collections of it, ``with``,
annotations, functions and classes of the program itself. What is assembled while the program runs is reported as unclear.
"""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from trivet.migrate import mentions, values
from trivet.migrate.origins import Origin, Own, OwnClass, Scope, Starred, Value, module_of, named
from trivet.migrate.support import Entry, Support, Verdict
from trivet.migrate.uses import Use, use_of
from trivet.migrate.walking import Walker

_OF_OBJECT = frozenset({"getattr", "hasattr", "setattr", "delattr", "object"})
"""Functions that take an object and the name of what is in it; the last is ``patch.object``."""
_FIRST = frozenset({"__init__", "__new__", "__post_init__", "__enter__", "__aenter__", "setUp", "setup_method"})
"""Methods that commonly give an object what its other methods use."""

_Body: TypeAlias = Callable[[], list[Value]]


def read(source: str, file: str, supports: Sequence[Support]) -> list[Use]:
    """The uses in a program's text, in the order of its lines.

    Args:
        source: the text.
        file: its name, for the report.
        supports: the tables of the drop-in modules.

    Raises:
        SyntaxError: it is no Python of this release.
    """
    reader = _Reader(file, supports)
    reader.read(ast.parse(source))
    return sorted(set(reader.uses), key=lambda use: (use.line, use.column, use.name))


def names_one(source: str, supports: Iterable[Support]) -> bool:
    """Whether a text has a word in it that is the name of an original package."""
    return _words(frozenset(root for support in supports for root in support.roots)).search(source) is not None


def _words(roots: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(roots)))})\b")


class _Reader(Walker, ast.NodeVisitor):
    """Walks over one module. Bodies of functions are read last, as they run when the module's names are all there."""

    def __init__(self, file: str, supports: Sequence[Support]) -> None:
        self.uses: list[Use] = []
        self._file = file
        self._roots = {root: support for support in supports for root in support.roots}
        self._scopes: list[Scope] = [Scope()]
        self._classes: list[OwnClass] = [OwnClass({})]  # the class around
        self._branches = 0  # how many ifs, loops and tries are around
        self._returned: list[Value] = []
        self._first: list[_Body] = []
        self._later: list[_Body] = []
        self._starred: list[tuple[ast.ImportFrom, Origin, set[str]]] = []

    def read(self, module: ast.Module) -> None:
        self.visit(module)
        while self._first or self._later:
            (self._first or self._later).pop(0)()
        for node, origin, used in self._starred:
            names = ", ".join(sorted(used)) or "…"
            self._report(node, origin.support, f"{origin.original}.*", Entry(
                Verdict.UNCLEAR, "which names come by the star can't be told", f"from {origin.target} import {names}"
            ))  # fmt: skip

    # -- imports ------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            support = self._roots.get(root)
            if support is None:
                self._bind(alias.asname or root, None)
                continue
            imported = module_of(support, alias.name)
            self._report_origin(node, imported)
            self._bind(alias.asname or root, imported if alias.asname else module_of(support, root))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        support = self._roots.get(module.partition(".")[0]) if not node.level else None
        for alias in node.names:
            if support is None:
                self._bind(alias.asname or alias.name, None)
            elif alias.name == "*":
                self._star(node, module_of(support, module))
            else:
                origin = module_of(support, module).member(alias.name)
                if origin is not None:
                    self._report_origin(node, origin)
                self._bind(alias.asname or alias.name, origin)

    def _star(self, node: ast.ImportFrom, module: Origin) -> None:
        used: set[str] = set()
        self._starred.append((node, module, used))
        within = f"{module.path}." if module.path else ""
        names = {name.removeprefix(within) for name in module.support.names if name.startswith(within)}
        below = f"{module.original}."
        names |= {name.removeprefix(below) for name in module.support.modules if name.startswith(below)}
        for name in names:
            origin = None if "." in name or name.startswith("_") else module.member(name)
            if origin is not None:
                self._bind(name, Starred(origin, used))

    # -- what binds names ---------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_annotation(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        value = self.origin(node.value) if node.value is not None else None
        self._store(node.target, value or values.annotated(node.annotation, self))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._assign(node.target, node.value)

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self._assign(node.optional_vars, node.context_expr)

    def _visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._store_items(node.target, node.iter)
        self._visit_branch((*node.body, *node.orelse))

    visit_For = visit_AsyncFor = _visit_for  # noqa: N815 — the base class looks for these

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        self._visit_branch((*node.body, *node.orelse))

    visit_While = visit_If  # noqa: N815 — as above

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self._visit_branch((*node.body, *node.handlers, *node.orelse, *node.finalbody))

    visit_TryStar = visit_Try  # noqa: N815 — as above

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._scopes[-1].names[node.name] = None
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        self._visit_branch((node.pattern, *([node.guard] if node.guard else ()), *node.body))

    def _visit_branch(self, nodes: Iterable[ast.AST]) -> None:
        self._branches += 1
        for node in nodes:
            self.visit(node)
        self._branches -= 1

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        self._store_items(node.target, node.iter)
        for condition in node.ifs:
            self.visit(condition)

    def _visit_generators(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self._scopes.append(Scope())
        for generator in node.generators:
            self.visit(generator)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(part)
        self._scopes.pop()

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_generators  # noqa: N815 — as above

    def visit_Global(self, node: ast.Global) -> None:
        self._scopes[-1].elsewhere.update(dict.fromkeys(node.names, self._scopes[0]))

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self._scopes[-1].elsewhere.update(dict.fromkeys(node.names, self._scopes[-2]))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        above = [base.attributes for base in map(self.origin, node.bases) if isinstance(base, OwnClass)]
        own = OwnClass(ChainMap({}, *above))
        self._bind(node.name, own)
        self._scopes.append(Scope())
        self._classes.append(own)
        waiting = len(self._first)
        for statement in node.body:
            self.visit(statement)
        for body in self._first[waiting:]:
            self._quietly(body)  # what its objects hold is known to what follows
        for name, value in self._scopes.pop().names.items():
            own.attributes.setdefault(name, value)
        self._classes.pop()

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        parameters = node.args
        for default in (*parameters.defaults, *parameters.kw_defaults):
            if default is not None:
                self.visit(default)
        scope = Scope()
        for argument in filter(None, (parameters.vararg, parameters.kwarg)):
            scope.names[argument.arg] = None
        for argument in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs):
            self._visit_annotation(argument.annotation)
            scope.names[argument.arg] = values.annotated(argument.annotation, self)
        if isinstance(node, ast.Lambda):
            self._later.append(self._body([node.body], scope))
            return
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._visit_annotation(node.returns)
        body = self._body(node.body, scope)
        self._bind(node.name, self._own(node, body, values.annotated(node.returns, self)))
        is_first = node.name in _FIRST or any(isinstance(statement, ast.Global) for statement in node.body)
        (self._first if is_first else self._later).append(body)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815 — as above

    def _body(self, body: Sequence[ast.AST], scope: Scope) -> _Body:
        """What reads the body of a function, and gives what it returns."""
        scopes, classes = [*self._scopes, scope], list(self._classes)

        def within() -> list[Value]:
            kept = self._scopes, self._classes, self._branches, self._returned
            self._scopes, self._classes, self._branches, self._returned = scopes, classes, 0, []
            for statement in body:
                self.visit(statement)
            returned = self._returned
            self._scopes, self._classes, self._branches, self._returned = kept
            return returned

        return within

    def _quietly(self, body: _Body) -> list[Value]:
        """What a function returns, and its names; what it uses is reported when its turn comes."""
        kept = len(self.uses), len(self._first), len(self._later)
        returned = body()
        del self.uses[kept[0] :], self._first[kept[1] :], self._later[kept[2] :]
        return returned

    def _own(self, node: ast.FunctionDef | ast.AsyncFunctionDef, body: _Body, annotated: Value) -> Own:
        known: list[Value] = [annotated] if annotated is not None else []
        asked: list[bool] = []

        def returned() -> Value:
            if not known and len(asked) < 2:  # once while the module is read, and once when all its names are there
                asked.append(True)
                known.extend(self._quietly(body)[:1])
            return known[0] if known else None

        marks = {getattr(each, "attr", getattr(each, "id", "")) for each in node.decorator_list}
        return Own(returned, bool(marks & {"property", "cached_property"}))

    def visit_Return(self, node: ast.Return | ast.Yield) -> None:
        if node.value is not None:
            self.visit(node.value)
            value = self.origin(node.value)
            if value is not None:
                self._returned.append(value)

    visit_Yield = visit_Return  # noqa: N815 — as above; of what is made for `with`

    # -- what uses them -----------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        origin = self._lookup(node.id) if isinstance(node.ctx, ast.Load) else None
        if isinstance(origin, Origin) and origin.kind == "name":
            self._report_origin(node, origin)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        above = self.origin(node.value)
        origin = self.origin(node)
        if isinstance(origin, Origin) and origin.kind == "name" and isinstance(above, Origin):
            is_set = above.kind == "module" and not isinstance(node.ctx, ast.Load)
            self._report_origin(node, origin, is_set=is_set)
        if not isinstance(above, Origin) or above.kind in ("instance", "items"):  # else what was reported says it all
            self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._report_texts(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._report_texts(node)
        called = values.called(node)
        origin = values.attribute(node, self) if called in _OF_OBJECT else None
        if origin is not None:
            self._report_origin(node, origin, is_set=called == "setattr" and isinstance(node.func, ast.Name))
        self.generic_visit(node)

    def _report_texts(self, node: ast.Call | ast.Subscript) -> None:
        for place, name, why in mentions.texts(node):
            support = self._roots.get(name.partition(".")[0])
            if support is not None:
                origin = named(support, name)
                known = origin.known or (Entry() if origin.kind == "module" else origin.entry)
                if known.verdict.is_good:
                    known = Entry(Verdict.UNCLEAR, why, f'write "{origin.target}" there')
                self._report(place, support, name, known)

    def _visit_annotation(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self.visit(values.unquoted(annotation))

    # -- where values come from ---------------------------------------------------------------------------------------

    def origin(self, node: ast.AST) -> Value:
        """Where the value of an expression comes from."""
        return values.value(node, self)

    def name(self, name: str) -> Value:
        """What a name stands for."""
        return self._lookup(name)

    def own(self, name: str) -> Value:
        """What an attribute of ``self`` stands for."""
        return self._classes[-1].attributes.get(name)

    def root(self, name: str) -> Support | None:
        """Whose module a name is, as an import would find it."""
        return self._roots.get(name)

    def _lookup(self, name: str) -> Value:
        found = next((scope.names[name] for scope in reversed(self._scopes) if name in scope.names), None)
        if isinstance(found, Starred):
            found.used.add(name)
            return found.origin
        return found

    def _assign(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(value, ast.Constant) and value.value is None and isinstance(target, ast.Name):
            return  # as after `except ImportError:`
        if (
            isinstance(target, (ast.Tuple, ast.List))
            and isinstance(value, (ast.Tuple, ast.List))
            and len(target.elts) == len(value.elts)
        ):
            for part, item in zip(target.elts, value.elts, strict=True):
                self._assign(part, item)
            return
        self._store(target, self.origin(value))

    def _store_items(self, target: ast.AST, iterated: ast.AST) -> None:
        item = values.item(iterated, self)
        if (
            isinstance(target, ast.Tuple)
            and values.called(iterated) in ("enumerate", "items")
            and len(target.elts) == 2
        ):
            self._store(target.elts[0], None)
            self._store(target.elts[1], item)
        else:
            self._store(target, item)

    def _store(self, target: ast.AST, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        elif isinstance(target, ast.Attribute):
            if isinstance(target.value, ast.Name) and target.value.id in ("self", "cls"):
                if value is not None:
                    self._classes[-1].attributes[target.attr] = value
            else:
                self.visit(target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.item() if isinstance(value, Origin) else None
            for part in target.elts:
                self._store(part, items)
        elif isinstance(target, ast.Starred):
            self._store(target.value, value)
        else:
            self.visit(target)

    def _bind(self, name: str, value: Value) -> None:
        scope = self._scopes[-1].elsewhere.get(name, self._scopes[-1])
        if value is None and self._branches and scope.names.get(name) is not None:
            return  # it may still be what it was
        scope.names[name] = value

    # -- the report ---------------------------------------------------------------------------------------------------

    def _report_origin(self, node: ast.AST, origin: Origin, *, is_set: bool = False) -> None:
        if origin.kind == "module":
            self._report(node, origin.support, origin.original, origin.known or Entry())
            return
        owner = origin.support.names.get(origin.path.rpartition(".")[0])
        if owner is None or not owner.is_open:  # what is data has no end of names
            self._report(node, origin.support, origin.original, origin.entry, is_set=is_set)

    def _report(self, node: ast.AST, support: Support, name: str, entry: Entry, *, is_set: bool = False) -> None:
        at = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.uses.append(use_of(self._file, at, support.package, name, entry, is_set=is_set))
