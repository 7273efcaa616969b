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
    fields: int = 0
    depth: int = 0
    aliases: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(self.fields + other.fields, max(self.depth, other.depth), self.aliases + other.aliases)

    def below(self, field: FieldNode) -> _Size:
        return _Size(self.fields + 1, self.depth + 1, self.aliases + (field.alias is not None))


def check_cost(document: DocumentNode) -> None:
    """Refuses a query that asks for too much: too deep, too wide, too often.

    Fragments count as often as they are used; what they cost is worked out once each.

    Raises:
        BadRequest: with the limit and its name.
    """
    if len(document.definitions) > MAX_DEFINITIONS:
        raise _over("operations and fragments", MAX_DEFINITIONS)
    scale = _Scale(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            continue  # a definition of types: validation says that it is not to be run
        size = scale.weigh(definition.selection_set)
        if size.depth > MAX_DEPTH:
            raise BadRequest(f"The query is deeper than {MAX_DEPTH} fields.", hint="Ask for less at once.")
        if size.fields > MAX_FIELDS:
            raise _over("fields", MAX_FIELDS)
        if size.aliases > MAX_ALIASES:
            raise _over("aliases", MAX_ALIASES)
        if isinstance(definition, OperationDefinitionNode) and scale.roots(definition) > MAX_ROOT_FIELDS:
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
            size = size.beside(self._of(node, level))
        return size

    def roots(self, operation: OperationDefinitionNode) -> int:
        """How many fields an operation asks for at its top level, fragments written out."""
        return self._wide(operation.selection_set, frozenset())

    def _of(self, node: SelectionNode, level: int) -> _Size:
        if isinstance(node, FieldNode):
            return self.weigh(node.selection_set, level + 1).below(node)
        if isinstance(node, InlineFragmentNode):
            return self.weigh(node.selection_set, level + 1)
        return self._fragment(node, level) if isinstance(node, FragmentSpreadNode) else _Size()

    def _fragment(self, spread: FragmentSpreadNode, level: int) -> _Size:
        name = spread.name.value
        if name not in self._known:
            self._known[name] = _Size()  # one that contains itself ends here; validation refuses it
            fragment = self._fragments.get(name)
            self._known[name] = self.weigh(fragment.selection_set, level + 1) if fragment is not None else _Size()
        return self._known[name]

    def _wide(self, selected: SelectionSetNode, inside: frozenset[str]) -> int:
        count = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                count += 1
            elif isinstance(node, InlineFragmentNode):
                count += self._wide(node.selection_set, inside)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in inside:
                fragment = self._fragments.get(node.name.value)
                if fragment is not None:
                    count += self._wide(fragment.selection_set, inside | {node.name.value})
        return count
