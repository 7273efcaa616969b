"""A rehearsal: a RunPod worker is run up to the moment when it would start, to learn what its handler is."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from trivet.authoring.errors import LoadFailed
from trivet.worker import inspection
from trivet.worker.programs import furnish

START = "runpod.serverless.start"
OURS = "trivet.runpod"
PACKAGES = ("runpod", OURS)
"""The original, where the environment has it, and our own module in its place."""


def rehearse(bundle: str, program: str, answers: int) -> int:
    """Runs a program as in a worker, with ``runpod.serverless.start`` replaced: it tells what it is given and ends the process.

    Args:
        bundle: the folder with the code. The program runs in a copy of it, below the working folder.
        program: the file to run, as a path in the bundle.
        answers: where the answer is written to, a descriptor.

    Returns:
        1, where the program does not come to that call, or not with a handler; else this does not return.
    """
    folder = furnish(bundle, os.getcwd())  # noqa: PTH109 - as the other parts of the worker
    os.chdir(folder)
    path = os.path.join(folder, program)  # noqa: PTH118 - as above

    def begun(package: str, config: Any) -> NoReturn:
        try:
            endpoint = _endpoint(config, program)
            # how many jobs at a time is the program's own business where it says so, and what has a link is sent them one by one
            endpoint["linked"] = package == OURS and config.get("concurrency_modifier") is None
            answer, status = {"endpoints": [endpoint]}, 0
        except LoadFailed as error:
            answer, status = inspection.failure(error, folder), 1
        inspection.tell(answers, answer)
        sys.stderr.flush()
        os._exit(status)  # what the program still runs, threads and all, is not waited for

    try:
        _run(path, begun)
        raise LoadFailed(f"{program} has ended without calling {START}. Call it when the file is run as a program.")
    except BaseException as error:  # noqa: BLE001 - the author's code can raise anything, SystemExit included
        inspection.tell(answers, inspection.failure(error, folder))
    return 1


def _run(path: str, begun: Callable[[str, Any], NoReturn]) -> None:
    """Runs a file as the main program of this process; ``begun`` is called with the package that it starts with, and how."""
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120 - as above
    for name in PACKAGES:
        try:
            vars(import_module(f"{name}.serverless"))["start"] = _start(name, begun)
        except ModuleNotFoundError as error:
            if error.name != name:  # it is there, and lacks something itself
                raise
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - the author's program, in the author's own environment


def _start(package: str, begun: Callable[[str, Any], NoReturn]) -> Callable[..., NoReturn]:
    """What stands for a package's function."""

    def start(config: Any = None, *_: Any, **__: Any) -> NoReturn:
        begun(package, config)

    return start


def _endpoint(config: Any, program: str) -> dict[str, Any]:
    """The description of the one endpoint.

    Raises:
        LoadFailed: there is no handler that can be called.
    """
    if not isinstance(config, dict):
        raise LoadFailed(f'{program} calls {START} without a configuration. Give it one: {{"handler": your_function}}.')
    if "handler" not in config:
        raise LoadFailed(f'{program} calls {START} without a handler. Name your function in it: {{"handler": …}}.')
    handler = config["handler"]
    if not callable(handler):
        raise LoadFailed(
            f"The handler that {program} gives to {START} can't be called: it is {type(handler).__name__}."
            " Give it the function itself, without calling it."
        )
    return {"kind": _kind(handler), "description": _first_lines(handler)}


def _kind(handler: Callable[..., Any]) -> str:
    if inspect.isasyncgenfunction(handler):
        return "async_generator"
    if inspect.isgeneratorfunction(handler):
        return "generator"
    call = getattr(handler, "__call__", None)  # noqa: B004 - of an object that is no function: which kind of method it is
    return "async" if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call) else "sync"


def _first_lines(handler: Callable[..., Any]) -> str:
    return inspect.getdoc(handler) or "" if inspect.isroutine(handler) else ""
