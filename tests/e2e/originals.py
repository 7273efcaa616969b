"""Environments with the published `runpod` package, unmodified, in the versions that people have: made once per checkout.

A test gets an interpreter by `original_python("1.12.0")`, or by the fixture ``originals``, and runs programs with it by
`run_original` or `answer_of`. The packages never enter the environment of the tests themselves.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LATEST = "1.12.0"
VERSIONS = ("1.7.9", "1.9.1", LATEST)
"""The versions of `runpod` that programs must go on working with."""
_FOLDER = Path(__file__).resolve().parents[2] / ".pytest_cache" / "originals"
_COMPLETE = ".complete"
_INSTALL_TIMEOUT = 600.0
_PASSED_ON = ("LANG", "PATH", "TMPDIR", "SSL_CERT_DIR", "SSL_CERT_FILE")


@cache
def original_python(version: str = LATEST) -> Path:
    """The interpreter of an environment that holds the published `runpod` of one version.

    The first call in a checkout installs it; later runs, and other processes at the same time, share it.
    """
    made_for = hashlib.sha256(f"{version} {sys.version} {sys.prefix}".encode()).hexdigest()[:12]
    folder = _FOLDER / f"runpod-{version}-{made_for}"
    python = folder / "bin" / "python"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
            _uv("venv", "--python", sys.executable, str(folder))
            _uv("pip", "install", "--python", str(python), f"runpod=={version}")
            (folder / _COMPLETE).touch()
    return python


def _uv(*words: str) -> None:
    environ = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    if "PIP_INDEX_URL" in environ:
        environ.setdefault("UV_DEFAULT_INDEX", environ["PIP_INDEX_URL"])
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--no-config", "--quiet", *words],
        env=environ, cwd=_FOLDER, check=False, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"uv {' '.join(words)}\n{done.stdout}{done.stderr}"


def pointing(url: str, key: str) -> dict[str, str]:
    """The variables that point the original package at a platform, as ``trivet env runpod`` prints them."""
    return {
        "RUNPOD_API_KEY": key,
        "RUNPOD_ENDPOINT_BASE_URL": f"{url}/runpod/v2",
        "RUNPOD_API_BASE_URL": f"{url}/runpod",
    }


def run_original(
    python: Path, script: str, env: Mapping[str, str], timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Runs a program with an original package: in an empty folder that is also its home, and in nobody's environment.

    Args:
        python: the interpreter, from `original_python`.
        script: the program's text.
        env: what it is given beside PATH and the like.
        timeout: seconds that it may take.

    Returns:
        Its end, with its output as text. Its exit status is not judged.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="trivet-original-") as folder:
        program = Path(folder) / "main.py"
        program.write_text(script, encoding="utf-8")
        return subprocess.run(
            [str(python), "-u", str(program)],
            env={**kept, "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1", **env},
            cwd=folder, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip


def answer_of(python: Path, script: str, env: Mapping[str, str], timeout: float = 60.0) -> Any:
    """What a program with an original package printed last, as JSON; it must have ended well.

    Args:
        python: the interpreter, from `original_python`.
        script: the program's text; its last line of output is the answer.
        env: what it is given beside PATH and the like.
        timeout: seconds that it may take.
    """
    done = run_original(python, script, env, timeout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    lines = done.stdout.strip().splitlines()
    assert lines, f"it printed nothing\n{done.stderr}"
    return json.loads(lines[-1])
