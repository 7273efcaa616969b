"""What a request says about an algorithm, read and checked; and what an algorithm keeps of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trivet.platform.core.endpoints import Endpoint, Part, Visibility
from trivet.platform.core.templates import check_extras
from trivet.platform.dialects.algorithmia.management.context import FORMAT
from trivet.platform.dialects.algorithmia.management.errors import INVALID_VALUE, Refused

LONGEST_TEXT = 10_000
"""Characters of one text, at most."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_DETAILS = ("label", "tagline", "summary")
_SAMPLES = ("sample_input", "sample_output")
_TEXTS = ("package_set", "algorithm_environment", "language", "environment")
_SWITCHES = ("pipeline_enabled", "insights_enabled")
_CHOICES: Mapping[str, Collection[str]] = {
    "algorithm_callability": ("public", "private"),
    "source_visibility": ("open", "closed"),
    "license": ("apl", "apache2", "gpl3", "mit"),
    "network_access": ("full", "isolated"),
}
_PARTS: Mapping[str, Part] = {
    "major": Part.MAJOR,
    "minor": Part.MINOR,
    "default": Part.MINOR,
    "revision": Part.PATCH,
    "patch": Part.PATCH,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants an algorithm to be. What it does not name is not there."""

    details: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, str] = field(default_factory=dict)
    release_notes: str = ""
    part: Part = Part.MINOR

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Wish:
        """What a body wants. Names that are not known are passed over: scripts send many that have no meaning any more.

        Raises:
            Refused: a value is of the wrong type, or none of those that there are.
        """
        details = _section(document, "details")
        settings = _section(document, "settings")
        version = _section(document, "version_info")
        if "insights_enabled" in version:
            settings = {"insights_enabled": version["insights_enabled"], **settings}
        return cls(
            {word: _text(details, word) for word in _DETAILS if details.get(word) is not None},
            _settings(settings),
            {word: _text(version, word) for word in _SAMPLES if version.get(word) is not None},
            _text(version, "release_notes"),
            _part(version),
        )

    def apply(self, endpoint: Endpoint) -> Endpoint:
        """The algorithm as it is then.

        Raises:
            TooLarge: it keeps more than it may.
        """
        words = words_of(endpoint)
        words["details"] = {**words.get("details", {}), **self.details}
        kept = {name: value for name, value in self.settings.items() if name != "algorithm_callability"}
        words["settings"] = {**words.get("settings", {}), **kept}
        words["samples"] = {**words.get("samples", {}), **self.samples}
        summary = self.details.get("summary") or self.details.get("tagline")
        visibility = self.visibility(endpoint.visibility)
        changed = replace(
            endpoint,
            description=endpoint.description if summary is None else summary,
            visibility=visibility,
            shared_with=frozenset() if visibility is Visibility.PRIVATE else endpoint.shared_with,
        )
        return keep(changed, words)

    def visibility(self, before: Visibility) -> Visibility:
        """Who may call the algorithm then. One that is shared with organizations stays so where it is to be private."""
        callability = self.settings.get("algorithm_callability")
        if callability == "public":
            return Visibility.PUBLIC
        if callability == "private" and before is Visibility.PUBLIC:
            return Visibility.PRIVATE
        return before


def words_of(endpoint: Endpoint) -> dict[str, Any]:
    """What an algorithm keeps in this dialect's words; a copy."""
    return dict(endpoint.extras.get(FORMAT, {}))


def keep(endpoint: Endpoint, words: Mapping[str, Any]) -> Endpoint:
    """The algorithm with other words kept.

    Raises:
        TooLarge: they are more than may be.
    """
    return replace(endpoint, extras=check_extras({**endpoint.extras, FORMAT: dict(words)}))


def check_name(what: str, name: object, longest: int = 63) -> str:
    """The name itself.

    Raises:
        Refused: it can't be the name of an algorithm, a user or an organization.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or len(name) > longest:
        shown = repr(name)[:80] if isinstance(name, str) else "what was given"
        raise Refused(
            400,
            INVALID_VALUE,
            f"{shown} can't be the name of {what}: a letter first, then letters, digits and '_', {longest} at most.",
        )
    return name


def text_in(document: Mapping[str, Any], word: str) -> str:
    """A text in a document; empty where it is not there, or null.

    Raises:
        Refused: it is no text, or too long.
    """
    return _text(document, word)


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Refused(400, INVALID_VALUE, f"{name!r} has to be a JSON object.")
    return found


def _text(document: Mapping[str, Any], word: str) -> str:
    value = document.get(word)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(400, INVALID_VALUE, f"{word!r} has to be a text.")
    if len(value) > LONGEST_TEXT:
        raise Refused(400, INVALID_VALUE, f"{word!r} has {len(value)} characters; {LONGEST_TEXT} are the most.")
    return value


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {word: _text(given, word) for word in _TEXTS if given.get(word) is not None}
    for word, known in _CHOICES.items():
        value = given.get(word)
        if value is None:
            continue
        if not isinstance(value, str) or value not in known:
            raise Refused(400, INVALID_VALUE, f"{word!r} has to be one of {', '.join(known)}.")
        found[word] = value
    for word in _SWITCHES:
        value = given.get(word)
        if value is None:
            continue
        if not isinstance(value, bool):
            raise Refused(400, INVALID_VALUE, f"{word!r} has to be true or false.")
        found[word] = value
    royalty = given.get("royalty_microcredits")
    if royalty is not None:
        if isinstance(royalty, bool) or not isinstance(royalty, int):
            raise Refused(400, INVALID_VALUE, "'royalty_microcredits' has to be a whole number.")
        found["royalty_microcredits"] = royalty
    return found


def _part(version: Mapping[str, Any]) -> Part:
    wanted = version.get("version_type") or version.get("type") or "default"
    part = _PARTS.get(wanted) if isinstance(wanted, str) else None
    if part is None:
        raise Refused(400, INVALID_VALUE, f"'version_type' has to be one of {', '.join(_PARTS)}.")
    return part
