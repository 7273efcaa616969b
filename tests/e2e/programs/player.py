"""Runs programs that use an original package, each in a fork of itself: importing the package takes seconds, a fork none.

Reads folders from standard input, one a line; in each lies ``main.py``. Answers with the process id of its run at once. The
program's output goes to ``stdout`` and ``stderr`` in its folder, and its exit status to ``status``, which comes into being whole.
"""

import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

import runpod  # noqa: F401 - imported once, for all that are forked


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    print("ready", flush=True)
    for line in sys.stdin:
        folder = line.rstrip("\n")
        reading, writing = os.pipe()
        if os.fork() == 0:
            keep(folder, writing)
        os.close(writing)
        with os.fdopen(reading) as told:
            print(told.read(), flush=True)


def keep(folder: str, told: int) -> None:
    """Starts the program, says its process id, waits for its end and writes down how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        play(folder)
    os.write(told, str(pid).encode())
    os.close(told)
    _, status = os.waitpid(pid, 0)
    draft = Path(folder, ".status")
    draft.write_text(str(os.waitstatus_to_exitcode(status)))
    draft.rename(Path(folder, "status"))
    os._exit(0)


def play(folder: str) -> None:
    """Becomes the program: its output, its folder, its end."""
    os.setsid()
    os.chdir(folder)
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    status = 0
    try:
        sys.argv = ["main.py"]
        runpy.run_path("main.py", run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - the program's end, told as an interpreter tells it
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


main()
