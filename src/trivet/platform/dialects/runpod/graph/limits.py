"""How much one query may ask for, decided from its syntax tree before anything is checked or done."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from trivet.platform.core.errors import BadRequest

MAX_DEPTH = 15
"""Fields inside fields, at most: as deep as the usual introspection query."""
MAX_FIELDS = 300
"""Fields of a whole query, fragments written out, at most."""
MAX_ROOT_FIELDS = 20
MAX_ALIASES = 40
MAX_DEFINITIONS = 30
"""Operations and fragments of one query, at most."""
_MAX_LEVELS = 64


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection asks for: all its fields, those at its own level, how deep they go, how many are renamed."""

    fields: int = 0
    width: int = 0
    depth: int = 0
    aliases: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(
            self.fields + other.fields,
            self.width + other.width,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
        )

    def below(self, field: FieldNode) -> _Size:
        return _Size(self.fields + 1, 1, self.depth + 1, self.aliases + (field.alias is not None))


def check_cost(document: DocumentNode) -> None:
    """Refuses a query that asks for too much: too deep, too wide, too often.

    Fragments count as often as they are used; what they ask for is worked out once each.

    Raises:
        BadRequest: with the limit and its name.
    """
    if len(document.definitions) > MAX_DEFINITIONS:
        raise _over("operations and fragments", MAX_DEFINITIONS)
    scale = _Scale(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            continue  # a definition of types: validation says that there is nothing to run in it
        size = scale.weigh(definition.selection_set)
        if size.depth > MAX_DEPTH:
            raise BadRequest(f"The query is deeper than {MAX_DEPTH} fields.", hint="Ask for less at once.")
        if size.fields > MAX_FIELDS:
            raise _over("fields", MAX_FIELDS)
        if size.aliases > MAX_ALIASES:
            raise _over("aliases", MAX_ALIASES)
        if size.width > MAX_ROOT_FIELDS and isinstance(definition, OperationDefinitionNode):
            raise _over("fields at its top level", MAX_ROOT_FIELDS)


def _over(what: str, most: int) -> BadRequest:
    return BadRequest(f"The query has more than {most} {what}.", hint="Send several smaller ones.")


class _Scale:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[str, _Size] = {}

    def weigh(self, selected: SelectionSetNode | None, level: int = 0) -> _Size:
        if level > _MAX_LEVELS:
            raise BadRequest(f"The query is nested deeper than {_MAX_LEVELS} levels.", hint="Send it flatter.")
        size = _Size()
        for node in selected.selections if selected is not None else ():
            size = size.beside(self._of(node, level + 1))
        return size

    def _of(self, node: SelectionNode, level: int) -> _Size:
        if isinstance(node, FieldNode):
            return self.weigh(node.selection_set, level).below(node)
        if isinstance(node, InlineFragmentNode):
            return self.weigh(node.selection_set, level)
        return self._fragment(node.name.value, level) if isinstance(node, FragmentSpreadNode) else _Size()

    def _fragment(self, name: str, level: int) -> _Size:
        if name not in self._known:
            self._known[name] = _Size()  # a fragment inside itself ends here; validation refuses it
            fragment = self._fragments.get(name)
            self._known[name] = self.weigh(fragment.selection_set, level) if fragment is not None else _Size()
        return self._known[name]
