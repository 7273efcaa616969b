"""Loading a bundle's handlers once, in their own environment, before anything is published."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from trivet.models.folders import DESCRIPTION
from trivet.platform.builders import model, tool
from trivet.platform.core.errors import BuildFailed

_MOST_ANSWER = 16 * 1024**2
_QUOTED_LINES = 20
_LACKS_VARIABLE = re.compile(
    r'File "(?:<frozen os>|[^"\n]*[/\\]os\.py)", line \d+, in __getitem__\n(?: .*\n)*KeyError: \'(.+)\'$'
)
"""How a traceback ends where code has asked ``os.environ`` for what is not in it."""


UNKNOWN: Mapping[str, Any] = {"endpoints": [{"kind": "sync"}]}
"""What stands for the answer of a program that nobody could run up to its start: of one handler, of the plainest kind."""
_LONGEST_NAME = 200
_LONGER = "Who runs the platform may allow more: `TRIVET_LOAD_TIMEOUT`."


class VariableMissing(BuildFailed):
    """A program asks for an environment variable that is not set, before it starts its worker.

    Args:
        detail: as of any failure.
        variable: its name.
        hint: as of any failure.
    """

    def __init__(self, detail: str, variable: str, *, hint: str) -> None:
        super().__init__(detail, hint=hint)
        self.variable = variable

    @property
    def warning(self) -> str:
        """The sentence for where that may be so."""
        return (
            f"Not tried out: the program needs the environment variable {self.variable}, which a template has to set. "
            "Whether it starts is seen with its first worker."
        )


async def load(
    python: Path,
    bundle: Path,
    program: str | None = None,
    host: str = "",
    *,
    timeout: float,
    on_output: Callable[[str], None],
    env: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    """What the worker runtime says of the endpoints in a bundle.

    The code runs as it will in a worker, in a folder of its own and with an environment that holds nothing of the server's, but
    what its workers will be given.

    Args:
        python: the interpreter of the environment.
        bundle: the folder with the code.
        program: the file in it that is run to learn of its endpoint; None: they are imported.
        host: the kind of program that it is.
        timeout: seconds that loading may take.
        on_output: told what the code prints meanwhile.
        env: what its workers find in their environment besides.

    Returns:
        ``{"endpoints": [description, …]}``, perhaps with ``warnings``, unchecked.

    Raises:
        VariableMissing: a program does not come to its start, as a variable is not set.
        BuildFailed: it does not load, with the author's own traceback; or not in time.
    """
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="trivet-load-")
    try:
        finished = await tool.run(
            (str(python), "-I", "-m", *_command(bundle, program, host)),
            cwd=Path(folder),
            env={
                "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
                "LANG": "C.UTF-8",
                **(env or {}),
                "HOME": folder,
                "TMPDIR": folder,
            },
            timeout=timeout,
            on_line=on_output,
            keep_stdout=_MOST_ANSWER,
        )
    except OSError as error:
        raise BuildFailed(f"The interpreter of the environment can't be started: {error.strerror}.") from error
    finally:
        await asyncio.to_thread(_remove, folder)
    answer = _answer(finished.stdout)
    if host == model.HOST and answer is not None and "ok" in answer:
        return model.answer_of(answer)
    if finished.status == 0 and answer is not None and "endpoints" in answer:
        return answer
    if finished.status is None:
        raise _too_slow(program, timeout)
    if answer is not None and isinstance(answer.get("error"), dict):
        _raise_authors(answer["error"], bundle, program)
    ending = f"status {finished.status}" if finished.status >= 0 else f"signal {-finished.status}"
    said = "\n".join(finished.last_lines[-_QUOTED_LINES:])
    what = "Checking the model" if host == model.HOST else "Loading the handlers"
    raise BuildFailed(f"{what} ended the process with {ending}.\n{said}".rstrip())


def _command(bundle: Path, program: str | None, host: str) -> tuple[str, ...]:
    """The module that is run in the environment, and its arguments."""
    if host == model.HOST:
        return "trivet.models.check", str(bundle)
    return "trivet.worker", "inspect", str(bundle), *((program, host) if program else ())


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _answer(stdout: bytes) -> dict[str, Any] | None:
    """The last line that is an answer: code that writes past Python may have printed before it."""
    for line in reversed(stdout.splitlines()):
        try:
            answer = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            continue
        if isinstance(answer, dict) and not answer.keys().isdisjoint(("endpoints", "error", "ok")):
            return answer
    return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _too_slow(program: str | None, timeout: float) -> BuildFailed:
    if program == DESCRIPTION:
        return BuildFailed(f"The model was not checked within {timeout:g} s.", hint="Is it as large as it should be?")
    if program is None:
        return BuildFailed(
            f"The handlers were not loaded within {timeout:g} s.",
            hint=f"What takes long belongs into a class with `setup`, which runs in the worker. {_LONGER}",
        )
    return BuildFailed(
        f"{program} did not start its worker within {timeout:g} s.",
        hint="What it does before that call every new worker does again: fetch large files at the first job, or deploy them too. "
        + _LONGER,
    )


def _raise_authors(error: dict[str, Any], bundle: Path, program: str | None) -> NoReturn:
    kind, message = str(error.get("type") or "Error"), str(error.get("message") or "")
    trace = str(error.get("traceback") or "").replace(f"{bundle}/", "").strip()
    said = message if kind == "LoadFailed" or message.startswith(f"{kind}:") else f"{kind}: {message}"
    hint = str(error.get("hint") or "")
    if kind == "ModuleNotFoundError":
        elsewhere = ", or in the decorator: requirements=[…]" if program is None else ""
        hint = f"Name the package that has it in requirements.txt{elsewhere}."
        if program is not None and (bundle / "Dockerfile").is_file():
            hint += " What the RUN of a Dockerfile installs is not installed here."
    detail = f"The handlers can't be loaded: {said}\n{trace}".rstrip()
    lacking = _LACKS_VARIABLE.search(trace)
    if lacking is None:
        raise BuildFailed(detail, hint=hint)
    name = lacking[1][:_LONGEST_NAME]
    hint = (
        f"The code needs the environment variable {name} when it is loaded. Give it with the deployment: `--env {name}=VALUE`, "
        f"`--env-file FILE`, or `--secret {name}` once `trivet secrets set {name}` has stored it. Or give it a default."
    )
    if program is not None:
        raise VariableMissing(detail, name, hint=hint)
    raise BuildFailed(detail, hint=hint)
