"""A query from its text to its answer: read, bounded, checked against the schema, executed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, execute, parse, validate

from trivet.platform.core.errors import CoreError
from trivet.platform.dialects.runpod.graph import text
from trivet.platform.dialects.runpod.graph.answers import Refused, incident, of_core, said
from trivet.platform.dialects.runpod.graph.call import GraphCall
from trivet.platform.dialects.runpod.graph.limits import check_cost
from trivet.platform.dialects.runpod.graph.schema import make_schema

_MOST_ERRORS = 10
_ECHO = re.compile(r" Found: .*|(?<=non string value): .*", re.DOTALL)
"""How the grammar repeats a text or a whole input. Either may hold a password, and callers write such messages to their logs."""


class Engine:
    """Answers queries by the schema. Making one takes some tens of milliseconds."""

    def __init__(self) -> None:
        self._schema = make_schema()

    def read(self, query: str) -> DocumentNode:
        """The query as a syntax tree that fits the schema. It touches nothing, so that any thread will do.

        Raises:
            Refused: it is no GraphQL, asks for too much, or for what there is not.
        """
        try:
            text.check_size(query)
            document = _parse(query)
            check_cost(document)
        except CoreError as error:
            raise Refused([of_core(error)]) from None
        except GraphQLError as error:
            raise Refused([_formatted(error)]) from None
        found = validate(self._schema, document, max_errors=_MOST_ERRORS)
        if found:
            raise Refused([_formatted(error) for error in found])
        return document

    async def answer(
        self, document: DocumentNode, call: GraphCall, variables: Mapping[str, Any], operation: str | None
    ) -> dict[str, Any]:
        """Executes a query that `read` gave.

        Args:
            document: what to do.
            call: who asks, and the services.
            variables: values for the query's variables.
            operation: which of its operations; None where it has one.

        Returns:
            The answer's document: ``data``, and ``errors`` only where there are some.
        """
        found = execute(
            self._schema, document, context_value=call, variable_values=dict(variables), operation_name=operation
        )
        return _document(await found if inspect.isawaitable(found) else found)


def _parse(query: str) -> DocumentNode:
    try:
        return parse(query)
    except GraphQLError:
        mended = text.mended(query)
        if mended != query:
            try:
                return parse(mended)
            except GraphQLError:
                pass
        raise  # what is wrong with the text as it came


def _document(result: ExecutionResult) -> dict[str, Any]:
    # the key `errors` alone makes RunPod's package raise, even where it is empty or null
    if not result.errors:
        return {"data": result.data}
    return {"errors": [_formatted(error) for error in result.errors[:_MOST_ERRORS]], "data": result.data}


def _formatted(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    if isinstance(original, CoreError):
        document = of_core(original)
    elif original is None or isinstance(original, GraphQLError):
        document = said(_ECHO.sub("", error.message), "bad_request")
    else:
        document = incident(original)
    if error.locations:
        document["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        document["path"] = list(error.path)
    return document
