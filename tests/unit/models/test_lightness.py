"""What a description, rows and bundles need to be read: the standard library."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numpy", "onnx", "onnxruntime", "rdkit", "sklearn", "trivet.platform", "trivet.sdk", "pyreqwest")


def loaded(program: str) -> set[str]:
    """Which heavy modules are there after a program has run in an interpreter of its own."""
    program += f"\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_the_pure_modules_import_nothing_heavy() -> None:
    names = ("features", "description", "documents", "rows", "tables", "schema", "bundle")
    assert loaded("import " + ", ".join(f"trivet.models.{name}" for name in names)) == set()


def test_the_window_gives_its_names_one_by_one() -> None:
    assert loaded("from trivet.models import ModelDescription, ModelInvalid, RowsInvalid") == set()


def test_load_is_in_the_shop_window() -> None:
    import trivet
    from trivet.models.model import load

    assert trivet.load is load
