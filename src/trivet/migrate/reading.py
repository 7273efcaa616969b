"""Python read by its syntax: which names of the originals it uses, directly, by alias, and on objects that came from them.

A name is followed where that is certain: imports, assignments of what a call is known to return, collections of it, ``with``,
annotations, functions and classes of the program itself. What is assembled while the program runs is reported as unclear.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from trivet.migrate import values
from trivet.migrate.bindings import Bindings
from trivet.migrate.findings import Findings
from trivet.migrate.origins import Origin, Own, Scope, Starred, Value, module_of
from trivet.migrate.support import Entry, Support, Verdict
from trivet.migrate.uses import Use
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
    return sorted(set(reader.findings.uses), key=lambda use: (use.line, use.column, use.name))


def names_one(source: str, supports: Iterable[Support]) -> bool:
    """Whether a text has a word in it that is the name of an original package."""
    return _words(frozenset(root for support in supports for root in support.roots)).search(source) is not None


def _words(roots: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(roots)))})\b")


class _Reader(Walker, ast.NodeVisitor):
    """Walks over one module. Bodies of functions are read last, as they run when the module's names are all there."""

    def __init__(self, file: str, supports: Sequence[Support]) -> None:
        self._roots = {root: support for support in supports for root in support.roots}
        self.findings = Findings(file, self._roots)
        self._names = Bindings(self._roots)
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
            self.findings.name(node, origin.support, f"{origin.original}.*", Entry(
                Verdict.UNCLEAR, "which names come by the star can't be told", f"from {origin.target} import {names}"
            ))  # fmt: skip

    # -- imports ------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            support = self._roots.get(root)
            if support is None:
                self._names.bind(alias.asname or root, None)
                continue
            imported = module_of(support, alias.name)
            self.findings.origin(node, imported)
            self._names.bind(alias.asname or root, imported if alias.asname else module_of(support, root))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        support = self._roots.get(module.partition(".")[0]) if not node.level else None
        for alias in node.names:
            if support is None:
                self._names.bind(alias.asname or alias.name, None)
            elif alias.name == "*":
                self._star(node, module_of(support, module))
            else:
                origin = module_of(support, module).member(alias.name)
                if origin is not None:
                    self.findings.origin(node, origin)
                self._names.bind(alias.asname or alias.name, origin)

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
                self._names.bind(name, Starred(origin, used))

    # -- what binds names ---------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._read_all(self._names.assign(target, node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_annotation(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        value = self._names.origin(node.value) if node.value is not None else None
        self._read_all(self._names.store(node.target, value or values.annotated(node.annotation, self._names)))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._read_all(self._names.assign(node.target, node.value))

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self._read_all(self._names.assign(node.optional_vars, node.context_expr))

    def _visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._read_all(self._names.store_items(node.target, node.iter))
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
            self._names.forget(node.name)
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        self._visit_branch((node.pattern, *([node.guard] if node.guard else ()), *node.body))

    def _visit_branch(self, nodes: Iterable[ast.AST]) -> None:
        with self._names.branch():
            self._read_all(nodes)

    def _read_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        self._read_all(self._names.store_items(node.target, node.iter))
        for condition in node.ifs:
            self.visit(condition)

    def _visit_generators(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        with self._names.within():
            self._read_all(node.generators)
            self._read_all((node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,))

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_generators  # noqa: N815 — as above

    def visit_Global(self, node: ast.Global) -> None:
        self._names.declare_global(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self._names.declare_nonlocal(node.names)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._read_all((*node.decorator_list, *node.bases, *node.keywords))
        with self._names.within_class(node):
            waiting = len(self._first)
            self._read_all(node.body)
            for body in self._first[waiting:]:
                self._quietly(body)  # what its objects hold is known to what follows

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
            scope.names[argument.arg] = values.annotated(argument.annotation, self._names)
        if isinstance(node, ast.Lambda):
            self._later.append(self._body([node.body], scope))
            return
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._visit_annotation(node.returns)
        body = self._body(node.body, scope)
        self._names.bind(node.name, self._own(node, body, values.annotated(node.returns, self._names)))
        is_first = node.name in _FIRST or any(isinstance(statement, ast.Global) for statement in node.body)
        (self._first if is_first else self._later).append(body)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815 — as above

    def _body(self, body: Sequence[ast.AST], scope: Scope) -> _Body:
        """What reads the body of a function, and gives what it returns."""
        names = self._names.of_body(scope)

        def within() -> list[Value]:
            kept = self._names, self._returned
            self._names, self._returned = names, []
            self._read_all(body)
            returned = self._returned
            self._names, self._returned = kept
            return returned

        return within

    def _quietly(self, body: _Body) -> list[Value]:
        """What a function returns, and its names; what it uses is reported when its turn comes."""
        uses = self.findings.uses
        kept = len(uses), len(self._first), len(self._later)
        returned = body()
        del uses[kept[0] :], self._first[kept[1] :], self._later[kept[2] :]
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
            value = self._names.origin(node.value)
            if value is not None:
                self._returned.append(value)

    visit_Yield = visit_Return  # noqa: N815 — as above; of what is made for `with`

    # -- what uses them -----------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        origin = self._names.name(node.id) if isinstance(node.ctx, ast.Load) else None
        if isinstance(origin, Origin) and origin.kind == "name":
            self.findings.origin(node, origin)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        above = self._names.origin(node.value)
        origin = self._names.origin(node)
        if isinstance(origin, Origin) and origin.kind == "name" and isinstance(above, Origin):
            is_set = above.kind == "module" and not isinstance(node.ctx, ast.Load)
            self.findings.origin(node, origin, is_set=is_set)
        if not isinstance(above, Origin) or above.kind in ("instance", "items"):  # else what was reported says it all
            self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.findings.texts(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.findings.texts(node)
        called = values.called(node)
        origin = values.attribute(node, self._names) if called in _OF_OBJECT else None
        if origin is not None:
            self.findings.origin(node, origin, is_set=called == "setattr" and isinstance(node.func, ast.Name))
        self.generic_visit(node)

    def _visit_annotation(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self.visit(values.unquoted(annotation))
