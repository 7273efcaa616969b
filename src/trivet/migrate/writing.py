"""Imports of Python changed to the drop-in modules, with all formatting and comments as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trivet.migrate.support import Support

if TYPE_CHECKING:
    import libcst as cst


class NotReadable(Exception):
    """A file can't be changed, as it can't be read as Python."""


def changed(source: bytes, supports: Sequence[Support]) -> bytes:
    """A program with the imports of the packages in ``supports`` changed.

    An import that nothing takes the place of stays as it is. Whoever calls this has seen to it that all uses are supported.

    Args:
        source: the program, in whatever encoding it says that it has.
        supports: the drop-in modules that are to take their originals' places.

    Raises:
        NotReadable: it is no Python.
        ImportError: ``libcst`` is not installed.
    """
    import libcst as cst

    try:
        tree = cst.parse_module(source)
    except (cst.ParserSyntaxError, UnicodeDecodeError) as error:
        raise NotReadable(str(error)) from error
    return tree.visit(_changer(supports)).bytes


def _changer(supports: Sequence[Support]) -> cst.CSTTransformer:
    import libcst as cst

    modules = {name: ours for support in supports for name, ours in support.modules.items()}

    class Changer(cst.CSTTransformer):
        """Changes import statements, and looks at nothing else."""

        def on_visit(self, node: cst.CSTNode) -> bool:
            # No import stands in an expression, and a program is mostly expressions.
            return not isinstance(node, (cst.BaseExpression, cst.TrailingWhitespace, cst.EmptyLine))

        def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import:  # noqa: N802 — libcst's
            return updated_node.with_changes(names=[self._alias(alias) for alias in updated_node.names])

        def leave_ImportFrom(  # noqa: N802 — libcst's
            self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
        ) -> cst.ImportFrom:
            ours = (
                None
                if updated_node.relative or updated_node.module is None
                else modules.get(_dotted(updated_node.module))
            )
            return updated_node if ours is None else updated_node.with_changes(module=_node(ours))

        def _alias(self, alias: cst.ImportAlias) -> cst.ImportAlias:
            name = _dotted(alias.name)
            if name not in modules:
                return alias
            if alias.asname is not None:
                return alias.with_changes(name=_node(modules[name]))
            root = name.partition(".")[0]  # what `import a.b` binds
            asname = cst.AsName(
                name=cst.Name(root),
                whitespace_before_as=cst.SimpleWhitespace(" "),
                whitespace_after_as=cst.SimpleWhitespace(" "),
            )
            return alias.with_changes(name=_node(modules[root]), asname=asname)

    return Changer()


def _dotted(node: cst.BaseExpression) -> str:
    import libcst as cst

    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def _node(dotted: str) -> cst.Attribute | cst.Name:
    import libcst as cst

    above, _, last = dotted.rpartition(".")
    return cst.Attribute(_node(above), cst.Name(last)) if above else cst.Name(last)
