"""The log of a client, and the files that it is written to where that is wanted."""

from __future__ import annotations

import logging

NAME = "trivet.jaqpot"
_FILES = {"app.log": logging.DEBUG, "app.warning.log": logging.WARNING, "app.error.log": logging.ERROR}
_FORM = "%(asctime)s - %(levelname)s - %(message)s"


def logger(*, files: bool) -> logging.Logger:
    """The log.

    Args:
        files: also write it to ``app.log``, ``app.warning.log`` and ``app.error.log`` in the working folder.
    """
    log = logging.getLogger(NAME)
    log.setLevel(logging.INFO)
    if files and not any(handler.get_name() in _FILES for handler in log.handlers):
        for name, level in _FILES.items():
            handler = logging.FileHandler(name, delay=True, encoding="utf-8")
            handler.set_name(name)
            handler.setLevel(level)
            handler.setFormatter(logging.Formatter(_FORM))
            log.addHandler(handler)
    return log
