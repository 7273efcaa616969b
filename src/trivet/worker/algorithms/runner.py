"""The runner: what a child runs. It makes the place that algorithms know, imports the author's module, and answers in its stead
where that does not serve by itself.
"""

from __future__ import annotations

import base64
import builtins
import faulthandler
import io
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, NamedTuple, TextIO, cast

from trivet.worker.algorithms import shims
from trivet.worker.algorithms.private_tmp import TMP, make_private
from trivet.worker.limits import die_with_parent

READY = "PIPE_INIT_COMPLETE"
"""The line that says that an algorithm is loaded."""
OWN = "trivet"
"""The key of documents on the pipe that are the runner's own."""
ANSWERS = str(TMP / "algoout")
"""The pipe, as it is found from inside."""


class NothingToCall(Exception):
    """A module neither serves nor has a function ``apply``."""


class Plan(NamedTuple):
    """What a child is told by its supervisor.

    Attributes:
        parent: the supervisor's pid.
        bundle: where large files of the code really lie.
        code: the folder with the code.
        program: the file in it that is the algorithm.
        tmp: the folder to be ``/tmp``.
        largest: bytes that a file may have which it writes; 0: any number.
    """

    parent: int
    bundle: str
    code: str
    program: str
    tmp: str
    largest: int = 0


def main(plan: Plan) -> None:
    """Serves an algorithm until the standard input ends.

    Raises:
        SystemExit: its module could not be loaded, or has ended with an error.
    """
    die_with_parent(plan.parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable()
    if plan.largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (plan.largest, plan.largest))
    pipe = _PipeUse(_settle(plan))
    os.chdir(plan.code)
    prepare(plan.code, plan.program)
    sys.addaudithook(pipe.note)
    try:
        module = import_module(module_name(plan.program))
        if not pipe.used and not _has_ended(sys.stdin):
            apply = function_of(module, plan.program)
            print(READY, flush=True)  # noqa: T201 - it is the protocol
            _serve(apply, pipe.path)
    except Exception as error:  # noqa: BLE001 - the author's module can raise anything
        _confess(error, plan, pipe.path)


def prepare(code: str, program: str) -> None:
    """Makes this process one that the author's module can be imported in.

    Args:
        code: the folder with the code, which comes first on the module path.
        program: the file in it that is the algorithm.
    """
    shims.install()
    sys.path.insert(0, code)
    if PurePosixPath(program).stem == "Algorithm":  # its template runs it as a program, beside which its modules lie
        sys.path.append(str(Path(code, program).parent))
    sys.argv = [program]


def interpreter() -> list[Path]:
    """The folders that this interpreter and its packages lie in."""
    return [Path(folder) for folder in (sys.prefix, sys.base_prefix, *sys.path) if folder]


def module_name(program: str) -> str:
    """The module that a file is: ``src/Hello.py`` is ``src.Hello``."""
    return ".".join(PurePosixPath(program).with_suffix("").parts)


def function_of(module: ModuleType, program: str) -> Callable[[Any], Any]:
    """The function that answers, of a module that does not serve by itself.

    Raises:
        NothingToCall: there is none.
    """
    apply = getattr(module, "apply", None)
    if not callable(apply):
        raise NothingToCall(f"{program} has no function `apply`, and does not end by calling ADK(…).init() either.")
    return apply  # type: ignore[no-any-return]  # whatever it is, it can be called


class _PipeUse:
    """Whether the author's module has spoken on the pipe: then it serves, or tried to, and needs nobody to answer for it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.used = False

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open" and arguments[0] == self.path:
            self.used = True


def _settle(plan: Plan) -> str:
    """Makes ``/tmp`` private, and says how; returns where the pipe is then."""
    own = Path(plan.tmp)
    try:
        way = make_private(own, [own.parent, Path(plan.bundle), *interpreter()])
        pipe, told = ANSWERS, f"It has a /tmp of its own, in a {way}."
        os.environ["TMPDIR"] = str(TMP)
    except OSError as error:
        pipe, told = str(own / Path(ANSWERS).name), f"It shares /tmp, as it can have none of its own here ({error})."
        _redirect(pipe)
    _say(pipe, {OWN: {"tmp": told}})
    return pipe


def _redirect(pipe: str) -> None:
    """Has what looks for the pipe in ``/tmp`` find it elsewhere."""
    open_file, exists = builtins.open, os.path.exists

    def open_redirected(file: Any, *args: Any, **keywords: Any) -> Any:
        return open_file(pipe if file == ANSWERS else file, *args, **keywords)

    def exists_redirected(path: Any) -> bool:
        return path == ANSWERS or exists(path)

    builtins.open = open_redirected
    os.path.exists = exists_redirected


def _confess(error: Exception, plan: Plan, pipe: str) -> None:
    """Says why the module could not be loaded, or why it has ended: to the supervisor, and where the author looks."""
    from trivet.worker.failures import message_of, traceback_of, type_of

    trace = traceback_of(error, plan.code)
    kind, message = type_of(error), message_of(error)
    told = message if isinstance(error, NothingToCall) else f"{kind}: {message}" if message else ""
    _say(pipe, {OWN: {"failed": {"message": told, "stacktrace": trace}}})
    sys.stderr.write(trace)
    sys.exit(1)


def _serve(apply: Callable[[Any], Any], pipe: str) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        data = request["data"]
        if request["content_type"] == "binary":
            data = base64.b64decode(data)
        document = _answered(apply, data)
        sys.stdout.flush()
        sys.stderr.flush()
        _say(pipe, document)


def _answered(apply: Callable[[Any], Any], data: Any) -> str:
    """The document that answers one request."""
    try:
        value = apply(data)
        kind = "json"
        if isinstance(value, bytes | bytearray):
            value, kind = base64.b64encode(value).decode(), "binary"
        elif isinstance(value, str):
            kind = "text"
        return json.dumps({"result": value, "metadata": {"content_type": kind}})
    except Exception as error:  # noqa: BLE001 - the author's code can raise anything
        return json.dumps({"error": _described(error)})


def _described(error: Exception) -> dict[str, Any]:
    from trivet.worker.failures import message_of, traceback_of

    return {
        "message": message_of(error),
        "stacktrace": traceback_of(error),
        "error_type": getattr(error, "error_type", "AlgorithmError"),
    }


def _has_ended(stream: TextIO) -> bool:
    """Whether a stream has been read to its end, which a module that serves has done when its import returns."""
    if stream.closed:
        return True
    waits = not select.select([stream], [], [], 0)[0]
    return not waits and not cast(io.BufferedReader, stream.buffer).peek(1)


def _say(pipe: str, document: str | dict[str, Any]) -> None:
    with open(pipe, "w", encoding="utf-8") as file:  # noqa: PTH123 - the very name that authors' code uses
        file.write(f"{document if isinstance(document, str) else json.dumps(document)}\n")


def run(arguments: Iterable[str]) -> None:
    """Serves by a plan written as JSON: what a child is started with."""
    (plan,) = arguments
    main(Plan(**json.loads(plan)))
