from __future__ import annotations

import json
from pathlib import Path

import pytest

import trivet as package
from tests.unit.cli.conftest import Trivet
from tests.unit.cli.test_manage import ENDPOINT
from tests.unit.sdk.server import Server

MODEL = {
    "task": "REGRESSION",
    "independentFeatures": [{"key": "SMILES"}, {"key": "X1"}],
    "dependentFeatures": [{"key": "logP"}],
}


def test_models_are_listed_with_what_they_take_and_give(trivet: Trivet, logged_in: Server) -> None:
    row = {**ENDPOINT, "name": "admin/wine", "model_id": 7, "model": MODEL}
    logged_in.on("GET", "/endpoints", lambda it: it.json({"items": [row, {**row, "model": {}}], "next": None}))
    _, first, second = trivet("models", "ls").stdout.splitlines()
    assert first.split() == ["7", "admin/wine", "1.0.0", "REGRESSION", "SMILES,", "X1", "logP", "private"]
    assert second.split() == ["7", "admin/wine", "1.0.0", "-", "-", "-", "private"]
    assert json.loads(trivet("models", "ls", "--json").stdout)[0]["model"] == MODEL


def test_a_package_that_is_missing_for_predictions_is_named(
    trivet: Trivet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: object) -> None:
        raise ImportError("Wine needs numpy")

    monkeypatch.setattr(package, "load", load)
    for name in ("wine.trivet", "rows.csv"):
        (tmp_path / name).write_text("")
    result = trivet("models", "predict", str(tmp_path / "wine.trivet"), str(tmp_path / "rows.csv"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Wine needs numpy" in result.stderr
    assert "`onnx`" in result.stderr
