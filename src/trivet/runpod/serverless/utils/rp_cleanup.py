"""Tidying up after a job."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

USUAL = ("input_objects", "output_objects", "job_files")
"""Folders in the working directory that jobs fill by custom."""
ARCHIVE = "output.zip"


def clean(folder_list: Iterable[str] | None = None) -> None:
    """Removes what a job has left in the working directory: the usual folders, the usual archive, and what is named besides.

    Args:
        folder_list: more folders.
    """
    for folder in (*USUAL, *(folder_list or ())):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        Path(ARCHIVE).unlink()
