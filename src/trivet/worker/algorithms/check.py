"""The check of an algorithm that is deployed: its module is imported once, up to where it would load its models and serve."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from trivet.authoring.errors import LoadFailed
from trivet.worker import inspection
from trivet.worker.algorithms.private_tmp import make_private
from trivet.worker.algorithms.runner import NothingToCall, function_of, interpreter, module_name, prepare
from trivet.worker.programs import furnish

NOWHERE = "http://127.0.0.1:9"
"""The address of the platform while an algorithm is checked: there is no caller yet whose data it might read."""
_MANIFEST = "model_manifest.json"
_OURS = "trivet.algorithmia"
"""The module that stands in for both packages that algorithms are made with."""
_ASKING = ("Algorithmia.", f"{_OURS}.")
_SERVING = ("Algorithmia.handler", f"{_OURS}.handler")


def rehearse(bundle: str, program: str, answers: int) -> int:
    """Imports an algorithm's module as a child would, in a copy of its folder below the working folder.

    Where it calls ``ADK(…).init`` or ``Algorithmia.handler(…).serve``, that ends the check: what is loaded then may need a
    caller's data.

    Args:
        bundle: the folder with the code.
        program: the file in it that is the algorithm.
        answers: where the answer is written to, a descriptor.

    Returns:
        The exit status: 0, or 1 where the module can't be imported, or has nothing to call.
    """
    room = Path.cwd()
    code = furnish(bundle, str(room))
    with suppress(OSError):  # then it is not private; what is written there while it is checked is not many's
        own = room / "tmp"
        own.mkdir()
        make_private(own, [room, Path(bundle), *interpreter()])
    os.environ["ALGORITHMIA_API"] = NOWHERE
    os.chdir(code)
    prepare(code, program)

    def found(function: Callable[..., Any] | None, *warnings: str) -> NoReturn:
        description = inspect.getdoc(function) or "" if inspect.isroutine(function) else ""
        # An original call ends after five minutes where it doesn't say otherwise.
        endpoint = {"kind": "sync", "description": description, "settings": {"timeout": 300.0}}
        inspection.tell(answers, {"endpoints": [endpoint], "warnings": [*warnings, *_warnings(Path(code))]})
        sys.stderr.flush()
        os._exit(0)  # what the module still runs, threads and all, is not waited for

    _stop_where_it_serves(found)
    try:
        found(function_of(import_module(module_name(program)), program))
    except NothingToCall as error:
        answer = inspection.failure(LoadFailed(str(error)), code)
    except BaseException as error:  # noqa: BLE001 - the author's module can raise anything, SystemExit included
        if reason := _needs_more(error):
            found(None, f"Not tried out: {reason} Whether it loads is seen with its first worker.")
        answer = inspection.failure(error, code)
    inspection.tell(answers, _as_authors(answer, code, str(room)))
    return 1


def _as_authors(answer: dict[str, Any], code: str, room: str) -> dict[str, Any]:
    """A failure with paths as the author knows them: the folder that this was tried in is nobody's, and gone when it is read."""
    told = {}
    for name, text in answer["error"].items():
        told[name] = text.replace(f"{code}/", "").replace(f"{room}/", "~/").replace(f"{sys.prefix}/", "")
    return {"error": told}


def _stop_where_it_serves(found: Callable[[Callable[..., Any] | None], NoReturn]) -> None:
    """Replaces what serves in the packages that algorithms are made with, where they are installed."""
    for package in ("Algorithmia", _OURS):
        with suppress(ImportError, AttributeError):
            handler = import_module(package).Handler
            handler.serve = lambda self: found(self.apply_func)
    for package in ("adk", _OURS):
        with suppress(ImportError, AttributeError):
            kit = import_module(package).ADK
            kit.init = lambda self, *_, **__: found(self.apply_func)


def _needs_more(error: BaseException) -> str:
    """What a module asks for when it is imported that is not there before it has a worker; empty where it is none of that."""
    frames = [frame.f_globals.get("__name__") or "" for frame in _frames(error.__traceback__)]
    if isinstance(error, KeyError) and frames and frames[-1] == "os":
        return f"the module needs the environment variable {error.args[0]} when it is imported."
    if any(name.startswith(_ASKING) and name not in _SERVING for name in frames):
        return "the module asks the platform for something when it is imported."
    return ""


def _frames(trace: TracebackType | None) -> Iterator[Any]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _warnings(code: Path) -> list[str]:
    """What is amiss with a model manifest, where there is one."""
    if (code / f"{_MANIFEST}.freeze").is_file():
        return []
    with suppress(OSError, ValueError, AttributeError, TypeError):
        files = json.loads((code / _MANIFEST).read_text("utf-8")).get("required_files") or ()
        if guarded := [str(each.get("name")) for each in files if each.get("fail_on_tamper")]:
            names = ", ".join(guarded[:5])
            told = f"{_MANIFEST} is not frozen, so what it guards against tampering can't be loaded: {names}."
            return [f"{told} Run `algo freeze` in the folder and deploy again."]
    return []
