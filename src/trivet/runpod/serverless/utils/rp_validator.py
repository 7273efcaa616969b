"""Checking a job's input against a schema of types, defaults and constraints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

Schema = Mapping[str, Mapping[str, Any]]


def validate(raw_input: Mapping[str, Any], schema: Schema | str) -> dict[str, Any]:
    """Checks an input. A default is taken as it is, and not checked: ``-1`` may stand for none where values are to be positive.

    Args:
        raw_input: the input.
        schema: for each name its ``type``, whether it is ``required`` (it is, unless that is said), its ``default``, and
            ``constraints``, a function that says whether a value will do. Or the same as JSON.

    Returns:
        ``{"errors": […]}`` with a sentence for each fault; without any, ``{"validated_input": {…}}`` with all defaults.

    Raises:
        KeyError: a name of the schema has no type.
    """
    rules: Schema = json.loads(schema) if isinstance(schema, str) else schema
    errors = [f"Unexpected input. {name} is not a valid input option." for name in raw_input if name not in rules]
    found = dict(raw_input)
    for name, rule in rules.items():
        if name not in found:
            if rule.get("required", True):
                errors.append(f"{name} is a required input.")
            else:
                found[name] = deepcopy(rule.get("default"))  # what a job adds to it is no other job's
    checked: dict[str, Any] = {}
    for name, value in found.items():
        if name in rules:
            checked[name], fault = _checked(name, value, rules[name])
            errors += [fault] if fault else []
    return {"errors": errors} if errors else {"validated_input": checked}


def _checked(name: str, value: Any, rule: Mapping[str, Any]) -> tuple[Any, str]:
    """A value as it is used, and what is wrong with it."""
    wanted = rule["type"]
    if wanted is float and type(value) is int:
        value = float(value)
    if ("default" in rule or not rule.get("required", True)) and value == rule.get("default"):
        return value, ""
    if not isinstance(value, wanted):
        return value, f"{name} should be {wanted} type, not {type(value)}."
    will_do = rule.get("constraints")
    if will_do is not None and not will_do(value):
        return value, f"{name} does not meet the constraints."
    return value, ""
