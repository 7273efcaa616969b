"""Python read by its syntax: which names of the originals it uses, directly, by alias, and on objects that came from them.

A name is followed where that is certain: imports, assignments of what a call is known to return, ``with … as``, annotations of
parameters, attributes of ``self``. What is assembled while the program runs is reported as unclear, and never guessed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from trivet.migrate.support import Entry, Support, Verdict
from trivet.migrate.uses import Use, use_of

Kind = Literal["module", "name", "instance"]
_IMPORTERS = frozenset({"import_module", "__import__", "find_spec", "importorskip", "reload"})
_BY_NAME = frozenset({"patch", "setattr", "delattr", "getLogger", "import_string", "locate", "resolve_name"})
"""Functions that commonly take the name of something as a text."""
_STAR = Entry(Verdict.UNCLEAR, "which names come by the star can't be told", "import what is used by name")
_DYNAMIC = Entry(Verdict.UNCLEAR, "it is imported by a text", "change the text by hand")
_TEXT = Entry(Verdict.UNCLEAR, "it stands in a text, as for `patch`", "change the text by hand")
_ELSEWHERE = Entry(
    Verdict.UNCLEAR, "the drop-in module has these names in another place", "import them by name: from … import …"
)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a value comes from.

    Attributes:
        kind: a module, a name in one, or an instance of a class.
        support: whose.
        path: its place below the drop-in module.
        original: what the original calls it.
        known: what is known of it and of all in it, whatever the table says of its place.
    """

    kind: Kind
    support: Support
    path: str
    original: str
    known: Entry | None = None

    @property
    def entry(self) -> Entry:
        """What is known of it."""
        return self.known or self.support.entry(self.path)


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


def mentions(source: str, supports: Iterable[Support]) -> bool:
    """Whether a text has a word in it that is the name of an original package."""
    return _words(frozenset(root for support in supports for root in support.roots)).search(source) is not None


def _words(roots: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(roots)))})\b")


class _Reader(ast.NodeVisitor):
    """Walks over one module. Bodies of functions are read last, as they run when the module's names are all there."""

    def __init__(self, file: str, supports: Sequence[Support]) -> None:
        self.uses: list[Use] = []
        self._file = file
        self._supports = supports
        self._roots = {root: support for support in supports for root in support.roots}
        self._scopes: list[dict[str, _Origin | None]] = [{}]
        self._own: list[dict[str, _Origin]] = [{}]  # attributes of `self`, of the class around
        self._later: list[Callable[[], None]] = []

    def read(self, module: ast.Module) -> None:
        self.visit(module)
        while self._later:
            self._later.pop(0)()

    # -- imports ------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            support = self._roots.get(alias.name.partition(".")[0])
            if support is None:
                self._bind(alias.asname or alias.name.partition(".")[0], None)
                continue
            imported = self._module(support, alias.name)
            self._report_origin(node, imported)
            root = alias.name.partition(".")[0]
            self._bind(alias.asname or root, imported if alias.asname else self._module(support, root))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        support = self._roots.get(module.partition(".")[0]) if not node.level else None
        for alias in node.names:
            if support is None:
                self._bind(alias.asname or alias.name, None)
            elif alias.name == "*":
                self._report(node, support, f"{module}.*", _STAR)
            else:
                origin = self._member(self._module(support, module), alias.name)
                self._report_origin(node, origin)
                self._bind(alias.asname or alias.name, origin)

    # -- what binds names ---------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self._assign(node.target, node.value)
        else:
            self._store(node.target, self._annotated(node.annotation))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._assign(node.target, node.value)

    def visit_withitem(self, node: ast.withitem) -> None:
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self._assign(node.optional_vars, node.context_expr)

    def _visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._store(node.target, self._item(node.iter))
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    visit_For = visit_AsyncFor = _visit_for  # noqa: N815 — the base class looks for these

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        self._store(node.target, self._item(node.iter))
        for condition in node.ifs:
            self.visit(condition)

    def _visit_generators(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self._scopes.append({})
        for generator in node.generators:
            self.visit(generator)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(part)
        self._scopes.pop()

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_generators  # noqa: N815 — as above

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._bind(node.name, None)
        self._scopes.append({})
        self._own.append({})
        for statement in node.body:
            self.visit(statement)
        self._scopes.pop()
        self._own.pop()

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        parameters = node.args
        for default in (*parameters.defaults, *parameters.kw_defaults):
            if default is not None:
                self.visit(default)
        arguments = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
        scope: dict[str, _Origin | None] = {}
        for argument in arguments:
            if argument.annotation is not None:
                self.visit(argument.annotation)
            scope[argument.arg] = self._annotated(argument.annotation)
        body: Sequence[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else node.body
        if not isinstance(node, ast.Lambda):
            for part in (*node.decorator_list, *([node.returns] if node.returns else ())):
                self.visit(part)
            self._bind(node.name, None)
        scopes, own = [*self._scopes, scope], list(self._own)

        def within() -> None:
            kept = self._scopes, self._own
            self._scopes, self._own = scopes, own
            for statement in body:
                self.visit(statement)
            self._scopes, self._own = kept

        self._later.append(within)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815 — as above

    # -- what uses them -----------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        origin = self._lookup(node.id) if isinstance(node.ctx, ast.Load) else None
        if origin is not None and origin.kind == "name":
            self._report_origin(node, origin)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        origin = self._origin(node)
        if origin is not None and origin.kind == "name":
            self._report_origin(node, origin)
        above = self._origin(node.value)
        if above is None or above.kind == "instance":  # else the name that was reported says it all
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                self._text(argument, argument.value, called)
        self.generic_visit(node)

    def _text(self, node: ast.Constant, text: str, called: str) -> None:
        support = self._roots.get(text.partition(".")[0])
        if support is None or not all(part.isidentifier() for part in text.split(".")):
            return
        if called in _IMPORTERS:
            self._report(node, support, text, _DYNAMIC)
        elif called in _BY_NAME:
            self._report(node, support, text, _TEXT)

    # -- where values come from ---------------------------------------------------------------------------------------

    def _origin(self, node: ast.AST) -> _Origin | None:
        if isinstance(node, ast.Name):
            return self._lookup(node.id)
        if isinstance(node, ast.Attribute):
            own = self._own_attribute(node)
            if own is not None:
                return own
            above = self._origin(node.value)
            return None if above is None else self._member(above, node.attr)
        if isinstance(node, ast.Await):
            return self._origin(node.value)
        if isinstance(node, ast.Call):
            return self._called(node)
        return None

    def _called(self, node: ast.Call) -> _Origin | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _IMPORTERS and node.args and isinstance(node.args[0], ast.Constant):
            support = self._roots.get(str(node.args[0].value).partition(".")[0])
            return None if support is None else self._module(support, str(node.args[0].value))
        called = self._origin(node.func)
        if called is None or called.kind == "module":
            return None
        returns = called.entry.returns
        return None if returns is None else _Origin("instance", called.support, returns, _shown(returns))

    def _item(self, node: ast.AST) -> _Origin | None:
        """Where the items of an iteration come from."""
        called = self._origin(node.func) if isinstance(node, ast.Call) else None
        items = None if called is None or called.kind == "module" else called.entry.items
        return None if called is None or items is None else _Origin("instance", called.support, items, _shown(items))

    def _annotated(self, annotation: ast.AST | None) -> _Origin | None:
        """An instance of the class that an annotation names, alone or beside None."""
        if isinstance(annotation, ast.BinOp):
            return self._annotated(annotation.left) or self._annotated(annotation.right)
        if isinstance(annotation, ast.Subscript):
            return self._annotated(annotation.slice)
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                return self._annotated(ast.parse(annotation.value, mode="eval").body)
            except SyntaxError:
                return None
        origin = None if annotation is None else self._origin(annotation)
        if origin is None or origin.kind != "name" or not _shown(origin.path)[:1].isupper():
            return None
        returns = origin.entry.returns
        return None if returns is None else _Origin("instance", origin.support, returns, _shown(returns))

    def _module(self, support: Support, name: str) -> _Origin:
        place = support.place(name)
        return _Origin("module", support, place or "", name, support.refusal(name) if place is None else None)

    def _member(self, above: _Origin, attribute: str) -> _Origin:
        support, original = above.support, f"{above.original}.{attribute}"
        path = f"{above.path}.{attribute}".lstrip(".")
        if above.known is not None:
            return replace(above, kind="name", path=path, original=original)
        if above.kind == "module" and path not in support.names and original in (*support.modules, *support.refused):
            found = self._module(support, original)
            return found if found.path == path or found.known else replace(found, known=_ELSEWHERE)
        return _Origin("name", support, path, original)

    def _own_attribute(self, node: ast.Attribute) -> _Origin | None:
        is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        return self._own[-1].get(node.attr) if is_own else None

    def _lookup(self, name: str) -> _Origin | None:
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)

    def _assign(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(value, ast.Constant) and value.value is None:
            return  # as after `except ImportError:`
        origin = self._origin(value)
        self._store(target, origin)

    def _store(self, target: ast.AST, origin: _Origin | None) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, origin)
        elif isinstance(target, ast.Attribute):
            if isinstance(target.value, ast.Name) and target.value.id in ("self", "cls"):
                if origin is not None:
                    self._own[-1][target.attr] = origin
            else:
                self.visit(target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._store(part, None)
        else:
            self.visit(target)

    def _bind(self, name: str, origin: _Origin | None) -> None:
        self._scopes[-1][name] = origin

    # -- the report ---------------------------------------------------------------------------------------------------

    def _report_origin(self, node: ast.AST, origin: _Origin) -> None:
        if origin.kind == "module":
            self._report(node, origin.support, origin.original, origin.known or Entry())
            return
        owner = origin.support.names.get(origin.path.rpartition(".")[0])
        if owner is None or not owner.is_open:  # what is data has no end of names
            self._report(node, origin.support, origin.original, origin.entry)

    def _report(self, node: ast.AST, support: Support, name: str, entry: Entry) -> None:
        at = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.uses.append(use_of(self._file, at, support.package, name, entry))


def _shown(path: str) -> str:
    """What an instance of a class is called in a report: by the class alone."""
    return path.rpartition(".")[2]
