"""The tables of ``trivet migrate`` know every public name that the installed originals have."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.jaqpot_sdk import JAQPOT_LATEST
from tests.e2e.originals import ALGORITHMIA_LATEST, LATEST, original_python
from trivet.migrate import reading
from trivet.migrate.support import Support, Verdict, supports

LISTED = """
import importlib, inspect, json, sys
found = {}
for module in json.loads(sys.argv[1]):
    whole = importlib.import_module(module)
    names = list(getattr(whole, "__all__", ()))
    for name, value in vars(whole).items():
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module and name[0] != "_":
            names.append(name)
    found[module] = {}
    for name in dict.fromkeys(names):
        value = getattr(whole, name, None)
        is_plain = inspect.isclass(value) and not issubclass(value, BaseException)
        found[module][name] = [each for each in vars(value) if each[0] != "_"] if is_plain else []
print(json.dumps(found))
"""
PUBLISHED = {
    "runpod": (LATEST, "runpod"),
    "algorithmia": (ALGORITHMIA_LATEST, "algorithmia"),
    "jaqpot": (JAQPOT_LATEST, "jaqpot-python-sdk"),
}


@pytest.mark.parametrize("support", supports(), ids=lambda support: support.package)
def test_every_public_name_of_the_original_is_in_the_table(support: Support) -> None:
    python = original_python(*PUBLISHED[support.package])
    done = subprocess.run(
        [str(python), "-c", LISTED, json.dumps(list(support.modules))],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    unknown = []
    for module, names in json.loads(done.stdout.splitlines()[-1]).items():
        for name, members in names.items():
            lines = [f"from {module} import {name}", f"it: {name}", *(f"it.{member}" for member in members)]
            uses = reading.read("\n".join(lines), "program.py", [support])
            unknown += [use.name for use in uses if use.verdict is Verdict.UNCLEAR]
    assert unknown == []
