"""The helpers for handlers, and the mark by which a Trivet is known."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trivet import runpod
from trivet.platform.dialects.runpod.hot import document
from trivet.runpod.serverless.devserver import bound
from trivet.runpod.serverless.program import Program
from trivet.runpod.serverless.utils.rp_cleanup import clean
from trivet.runpod.serverless.utils.rp_cuda import is_available
from trivet.runpod.serverless.utils.rp_model_cache import resolve_model_cache_path_from_hugginface_repository
from trivet.runpod.serverless.utils.rp_validator import validate
from trivet.sdk._http import Response

SCHEMA: dict[str, dict[str, Any]] = {
    "steps": {"type": int},
    "style": {"type": str, "required": False, "default": "plain", "constraints": lambda text: text != "bad"},
    "names": {"type": list, "required": False, "default": None},
    "scale": {"type": float, "required": False, "default": 1},
    "seed": {"type": int, "required": False, "default": -1, "constraints": lambda number: number > 0},
}
FILLED = {"steps": 1, "style": "plain", "names": None, "scale": 1.0, "seed": -1}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"steps": 1}, FILLED),
        ({"steps": 1, "scale": 3}, {**FILLED, "scale": 3.0}),
        ({"steps": 1, "names": None}, FILLED),
        ({"steps": 1, "seed": -1}, FILLED),
        ({"steps": 1, "seed": 7}, {**FILLED, "seed": 7}),
    ],
)
def test_an_input_that_fits_gets_its_defaults(given: Any, found: Any) -> None:
    assert validate(given, SCHEMA) == {"validated_input": found}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, ["steps is a required input."]),
        ({"steps": "1"}, ["steps should be <class 'int'> type, not <class 'str'>."]),
        ({"steps": None}, ["steps should be <class 'int'> type, not <class 'NoneType'>."]),
        ({"steps": 1, "style": "bad"}, ["style does not meet the constraints."]),
        ({"steps": 1, "seed": -2}, ["seed does not meet the constraints."]),
        ({"steps": 1, "seed": "7"}, ["seed should be <class 'int'> type, not <class 'str'>."]),
        ({"steps": 1, "z": 2}, ["Unexpected input. z is not a valid input option."]),
    ],
)
def test_an_input_that_does_not_fit_is_told_why(given: Any, faults: list[str]) -> None:
    assert validate(given, SCHEMA) == {"errors": faults}


def test_a_default_list_is_each_jobs_own() -> None:
    schema = {"names": {"type": list, "required": False, "default": []}}
    validate({}, schema)["validated_input"]["names"].append("of another job")
    assert validate({}, schema) == {"validated_input": {"names": []}}


def test_what_a_job_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("input_objects", "output_objects", "job_files", "mine", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / "output.zip").write_text("")
    clean(["mine"])
    assert [left.name for left in tmp_path.iterdir()] == ["kept"]


def test_one_folder_is_not_taken_for_its_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("jobs", "j", "s"):
        (tmp_path / name).mkdir()
    clean("jobs")
    assert sorted(left.name for left in tmp_path.iterdir()) == ["j", "s"]


def test_every_helper_is_where_programs_look_for_it() -> None:
    utils = runpod.serverless.utils
    for name in (
        "cleanup",
        "cuda",
        "debugger",
        "download",
        "model_cache",
        "ssrf",
        "upload",
        "validator",
        "volume_cache",
    ):
        assert getattr(utils, f"rp_{name}").__doc__
    for name in utils.__all__:
        assert name.startswith("rp_") or callable(getattr(utils, name))
    with pytest.raises(AttributeError, match="rp_nothing"):
        utils.rp_nothing  # noqa: B018 - looking is the test


@pytest.mark.parametrize(
    ("repository", "path"),
    [
        ("runwayml/stable-diffusion-v1-5:experimental", "/runpod/cache/runwayml/stable-diffusion-v1-5/experimental"),
        ("owner/model", "/runpod/cache/owner/model/main"),
        ("a/b:c:d", "/runpod/cache/a/b:c/d"),
        (":experimental", None),
        ("", None),
    ],
)
def test_a_model_has_its_path(repository: str, path: str | None) -> None:
    assert resolve_model_cache_path_from_hugginface_repository(repository) == path
    if path:
        assert resolve_model_cache_path_from_hugginface_repository(repository, path_template="{revision}!") in {
            "main!", "experimental!", "d!",
        }  # fmt: skip


def test_parts_are_where_programs_look_for_them_and_inner_ones_are_not() -> None:
    from trivet.runpod.serverless.modules import rp_fitness, rp_logger, rp_progress

    assert rp_logger.RunPodLogger is runpod.RunPodLogger
    assert rp_logger.LOG_LEVELS[0] == "NOTSET"
    assert rp_progress.progress_update is runpod.serverless.progress_update
    assert rp_fitness.register_fitness_check is runpod.serverless.register_fitness_check
    with pytest.raises(AttributeError, match="has no rp_http"):
        getattr(runpod.serverless.modules, "rp_" + "http")


@pytest.mark.parametrize(
    ("tool", "found"),
    [("echo 'NVIDIA-SMI 550'", True), ("echo 'no driver'", False), ("echo NVIDIA-SMI; exit 9", False), (None, False)],
)
def test_a_gpu_is_there_where_its_driver_answers(
    tool: str | None, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{tool}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert is_available() is found


def test_the_platform_marks_its_answers_so_that_the_module_knows_it() -> None:
    class Anything(msgspec.Struct):
        id: str

    lines = document(Anything("j")).headers.decode().lower().splitlines()
    assert Response(200, dict(line.split(": ", 1) for line in lines)).is_trivet
    assert not Response(200, {"content-type": "application/json"}).is_trivet


def test_the_development_server_answers_over_http() -> None:
    with bound(Program({"handler": lambda job: job["input"]}), "127.0.0.1", 0, 1) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}/runsync"
            with urllib.request.urlopen(url, b'{"input": {"a": 1}}', timeout=30) as answer:
                assert json.load(answer)["output"] == {"a": 1}
        finally:
            server.shutdown()
            thread.join(10)
