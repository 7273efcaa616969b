"""The HTTP library, loaded by a thread that stays.

Its allocator counts the thread that loads it as the main one, and tears itself down when that thread ends. Whoever uses the
library afterwards crashes the whole process (pyreqwest 0.15 with mimalloc). A web application that makes its first call in a
thread of a pool would, so a thread that may end never loads it.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from importlib import import_module

_NAME = "pyreqwest.client"
BODIES_AT_ONCE = 32
"""Bodies that may be made piece by piece at the same time before one holds up another."""
_lock = threading.Lock()


def load() -> None:
    """Sees to it that the library is loaded, or being loaded, by a thread that lives as long as the process.

    Import it behind this as usual: that waits for the loading, and says what may be wrong with it.
    """
    if _NAME in sys.modules or threading.current_thread() is threading.main_thread():
        return
    with _lock:
        if _NAME not in sys.modules:
            begun = threading.Event()
            threading.Thread(target=_load_and_stay, args=(begun,), name="trivet-library", daemon=True).start()
            begun.wait()


def let_bodies_block() -> None:
    """Has the library drive the connections of its multithreaded clients with many threads, before the first is made.

    A body that is made piece by piece holds its thread while the next piece is not there. As many of them as there are threads,
    by default one per core, would hold up all others, and for ever where one waits for another.
    """
    from pyreqwest.runtime import runtime_worker_threads

    with suppress(RuntimeError):  # it has begun: by us, or by somebody else in this process
        runtime_worker_threads(BODIES_AT_ONCE)


def _load_and_stay(begun: threading.Event) -> None:
    try:
        import_module(_NAME)
    except ImportError:
        return  # the caller's own import raises it again, where it is understood
    finally:
        begun.set()
    threading.Event().wait()
