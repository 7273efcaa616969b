"""Single values: what a feature's type takes, from a JSON row or from a CSV cell."""

from __future__ import annotations

import base64
import binascii
import json
import math
import numbers
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from trivet.models.features import Feature, FeatureType

INT64_LEAST: Final = -(2**63)
INT64_MOST: Final = 2**63 - 1
EXACT: Final = 2**53
"""From here on, not every whole number is a float."""

TRUTHS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
"""Texts of a truth value, in lower case."""

_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")  # PNG, JPEG, TIFF


class Unfit(Exception):
    """A value that a feature cannot take; the message goes on where the value ends: `is not a number`."""


def reader(feature: Feature) -> Callable[[Any], Any]:
    """Gives the function that turns one value into what the feature's column holds.

    Args:
        feature: What the value is for.

    Returns:
        A function of a value that is not None. It raises `Unfit` for what the feature cannot take.
    """
    if feature.type is FeatureType.CATEGORICAL:
        return partial(category, categories(feature))
    return _READERS[feature.type]


def real(value: object) -> float:
    """A finite number, from a number or a numeric text."""
    if isinstance(value, bool):
        raise Unfit("is not a number")
    if isinstance(value, str):
        if "_" in value:  # Python reads `1_000`, nobody else does
            raise Unfit("is not a number")
        try:
            number = float(value)
        except ValueError:
            raise Unfit("is not a number") from None
    elif isinstance(value, numbers.Real):
        try:
            number = float(value)
        except OverflowError:
            raise Unfit("is too large a number") from None
    else:
        raise Unfit("is not a number")
    if not math.isfinite(number):
        raise Unfit("is not a finite number")
    return number


def integer(value: object) -> int:
    """A whole number of 64 bits; `2.0` is one, and so is `"2"`."""
    whole = _whole_text(value) if isinstance(value, str) else _whole_number(value)
    if not INT64_LEAST <= whole <= INT64_MOST:
        raise Unfit("is too large a number")
    return whole


def _whole_text(text: str) -> int:
    try:
        if "_" not in text:
            return int(text)
    except ValueError:
        pass  # such as `2.0`
    number = real(text)
    if not number.is_integer():
        raise Unfit("is not a whole number")
    if abs(number) >= EXACT:
        raise Unfit("is too large to be read exactly; write it without a fraction")
    return int(number)


def _whole_number(value: object) -> int:
    if isinstance(value, bool):
        raise Unfit("is not a number")
    if isinstance(value, numbers.Integral):
        return int(value)
    number = real(value)
    if not number.is_integer():
        raise Unfit("is not a whole number")
    return int(number)


def boolean(value: object) -> bool:
    """A truth value: true and false, their texts in any case, 0 and 1."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        truth = TRUTHS.get(value.strip().lower())
        if truth is not None:
            return truth
    elif isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise Unfit("is not true or false")


def categories(feature: Feature) -> dict[str, str]:
    """All texts that stand for a possible value of a feature: the values, and descriptions that name one value alone. A value
    with blanks around it has a second text without them, as cells of CSV have none.
    """
    named = Counter(item.description for item in feature.possible_values)
    bare = Counter(item.value.strip() for item in feature.possible_values)
    aliases = {item.value.strip(): item.value for item in feature.possible_values if bare[item.value.strip()] == 1}
    aliases |= {item.description: item.value for item in feature.possible_values if named[item.description] == 1}
    return aliases | {item.value: item.value for item in feature.possible_values}


def category(known: Mapping[str, str], value: object) -> str:
    """The possible value that a text or a number stands for."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= INT64_MOST
    text = str(value) if is_number else value
    if isinstance(text, str):
        for form in (text, text.strip()):
            if form in known:
                return known[form]
    values = list(dict.fromkeys(known.values()))
    names = ", ".join(values[:20]) + (f" and {len(values) - 20} more" if len(values) > 20 else "")
    raise Unfit(f"is not one of {names}")


def string(value: object) -> str:
    """A text as it is."""
    if isinstance(value, str):
        return value
    raise Unfit("is not text")


def smiles(value: object) -> str:
    """A molecule's text without the blanks around it. Whether it is a molecule is for the predictor to say."""
    return string(value).strip()


def empty_molecule(feature: Feature) -> str:
    """Says that a row has no molecule where it should have one."""
    return f"SMILES is empty: {feature.key} needs at least one atom"


def real_array(value: object) -> list[float]:
    """A list of finite numbers: a list, or its text as JSON or separated by `;`."""
    return [real(item) for item in _array(value, "numbers")]


def string_array(value: object) -> list[str]:
    """A list of texts: a list, or its text as JSON or separated by `;`."""
    return [string(item) for item in _array(value, "texts")]


def _array(value: object, kind: str) -> list[Any]:
    if isinstance(value, str):
        text = value.strip()
        if not text.startswith("["):
            return [item.strip() for item in text.split(";")] if text else []
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise Unfit(f"is not a list of {kind}") from None
    if not isinstance(value, list | tuple):
        raise Unfit(f"is not a list of {kind}")
    return list(value)


def image(value: object) -> bytes:
    """The bytes of a picture, from their base64 text with or without a `data:` prefix."""
    text = string(value).strip()
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        picture = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("is not base64") from None
    if not picture.startswith(_PICTURES):
        raise Unfit("is not a PNG, JPEG or TIFF picture in base64")
    return picture


_READERS: Final[Mapping[FeatureType, Callable[[Any], Any]]] = {
    FeatureType.INTEGER: integer,
    FeatureType.FLOAT: real,
    FeatureType.SMILES: smiles,
    FeatureType.STRING: string,
    FeatureType.TEXT: string,
    FeatureType.BOOLEAN: boolean,
    FeatureType.FLOAT_ARRAY: real_array,
    FeatureType.STRING_ARRAY: string_array,
    FeatureType.IMAGE: image,
}
