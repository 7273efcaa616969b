"""Tidying up after a job."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

USUAL = ("input_objects", "output_objects", "job_files")
"""Folders in the working directory that jobs fill by custom."""
ARCHIVE = "output.zip"


def clean(folder_list: Iterable[str] | str | None = None) -> None:
    """Removes what a job has left in the working directory: the usual folders, the usual archive, and what is named besides.

    Args:
        folder_list: more folders; or one.
    """
    # The letters of a text are no folders, least of all a slash.
    more = [folder_list] if isinstance(folder_list, str) else folder_list or ()
    for folder in (*USUAL, *more):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        Path(ARCHIVE).unlink()
