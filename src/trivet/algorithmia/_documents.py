"""JSON documents whose fields are read in the manner of either generation: ``found["id"]`` and ``found.id``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivet.sdk._json import JsonValue


class Document(dict[str, Any]):
    """An object of JSON. Its fields are keys, as version 2 of the original has them, and attributes, as version 1 had them."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the answer has no {name!r}; it has {', '.join(self) or 'nothing'}") from None

    def to_dict(self) -> dict[str, Any]:
        """The same, as a plain dictionary all through."""
        plain: dict[str, Any] = json.loads(json.dumps(self))
        return plain


def parse(body: bytes) -> JsonValue:
    """What JSON says, with each object as a `Document`.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        found: JsonValue = json.loads(body, object_hook=Document)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found
