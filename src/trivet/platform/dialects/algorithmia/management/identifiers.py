"""Ids as Algorithmia's clients know them: UUIDs, whatever ours look like."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from functools import lru_cache

_SPACE = uuid.UUID("6f0d6b0e-1c5b-5d0c-9a57-2f3c1f6f1a44")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(text: str) -> bool:
    """Whether ``text`` has the shape of a UUID."""
    return _UUID.fullmatch(text) is not None


def meant_by(uuid_: str, ids: Iterable[str]) -> str:
    """Which of our ``ids`` a UUID stands for; itself, where for none.

    One that was derived counts before one that somebody has chosen: nobody may take another's by choosing it.
    """
    return next((id_ for id_ in ids if not is_uuid(id_) and uuid_of(id_) == uuid_), uuid_)


@lru_cache(maxsize=65_536)
def uuid_of(id_: str) -> str:
    """The UUID that stands for one of our ids, always the same; an id that is one stands for itself."""
    return id_ if is_uuid(id_) else str(uuid.uuid5(_SPACE, id_))
