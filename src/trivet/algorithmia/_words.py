"""What is said in the log, where a program is given less than there is to tell."""

from __future__ import annotations


def absent(place: str, reason: str) -> None:
    """Says that something counts as not there, because this key may not see it."""
    _warn("%s counts as absent: %s", place, reason)


def error_handed_on(reason: str) -> None:
    """Says that an error's document was given to the program, which should look for ``error`` in it."""
    _warn("the answer is an error's document: %s", reason)


def _warn(text: str, *values: str) -> None:
    import logging  # not at the top: few programs come here, and all would pay for it

    logging.getLogger("trivet.algorithmia").warning(text, *values)
