"""Folders that outlast a worker: mirrored on a volume, so that the next worker need not download them again.

::

    with VolumeCache(["/root/.cache/huggingface"]):
        model = load_model()  # what it downloads is there for the next worker
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from trivet.runpod.error import InputError
from trivet.runpod.logger import RunPodLogger

if TYPE_CHECKING:
    from trivet.runpod.serverless.utils._mirror import Mirror

__all__ = ["VolumeCache"]

_MOST_THREADS = 32


class VolumeCache:
    """Keeps a mirror of folders in ``<volume_path>/.cache/<namespace>``; see the module.

    `hydrate` brings what is missing or older from the mirror to this machine, `sync` from here to the mirror; as a context
    manager it does the one at the beginning, and the other, in the background, at the end. Where there is no volume, or no
    namespace, all of it does nothing. Links within the folders are kept, as Hugging Face's caches are full of them.

    Several workers may use one mirror: what a worker has never seen of it stays when that worker syncs. Of two that sync in
    the same moment, the later one's list counts, and the next sync mends it.

    Args:
        dirs: the folders; or one.
        namespace: whose mirror it is, a plain name; RUNPOD_ENDPOINT_ID where it is not given.
        volume_path: where the volume is.
        best_effort: whether what goes wrong is told in the log alone.
        max_workers: how many large files are copied at a time.

    Raises:
        InputError: the namespace is no plain name.
    """

    def __init__(
        self,
        dirs: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
        *,
        namespace: str | None = None,
        volume_path: str | os.PathLike[str] = "/runpod-volume",
        best_effort: bool = True,
        max_workers: int | None = None,
    ) -> None:
        given: Sequence[str | os.PathLike[str]] = [dirs] if isinstance(dirs, str | os.PathLike) else dirs
        self._folders = [str(Path(folder).expanduser().absolute()) for folder in given]
        self._namespace = os.environ.get("RUNPOD_ENDPOINT_ID", "") if namespace is None else namespace
        if self._namespace in {".", ".."} or any(letter in self._namespace for letter in "/\\\0"):
            raise InputError(
                f"namespace must be a plain name, and is {self._namespace!r}.", hint="Leave out slashes and dots."
            )
        self._volume = Path(volume_path).absolute()
        self._best_effort = best_effort
        self._threads = max(1, max_workers or min(_MOST_THREADS, (os.cpu_count() or 4) * 4))
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @property
    def available(self) -> bool:
        """Whether there are a volume and a namespace."""
        return bool(self._namespace) and self._volume.is_dir()

    def hydrate(self) -> int:
        """Brings to this machine what is missing or older here.

        Returns:
            How many files that were.

        Raises:
            OSError: a file can't be read or written, and ``best_effort`` is off.
        """
        return self._careful("hydrate", self._hydrate)

    def sync(self, *, background: bool = True) -> None:
        """Brings to the mirror what is missing or older there.

        Args:
            background: whether a thread does it, for which the end of the process waits. What goes wrong there is told in the
                log alone.

        Raises:
            OSError: a file can't be read or written, and neither ``background`` nor ``best_effort`` is on.
        """
        if not background:
            self._careful("sync", self._sync)
        elif self.available:
            threading.Thread(target=self._sync_behind, name="trivet-volume-cache", daemon=False).start()

    def __enter__(self) -> Self:
        """As `hydrate`."""
        self.hydrate()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `sync`; also where the lines have raised, as what they had downloaded is worth keeping."""
        self.sync()

    def _careful(self, what: str, act: Callable[[], int]) -> int:
        import tarfile

        if not self.available:
            return 0
        try:
            with self._lock:
                return act()
        except (OSError, tarfile.TarError) as error:
            RunPodLogger().warn(f"VolumeCache: {what} has failed: {type(error).__name__}: {error}")
            if self._best_effort:
                return 0
            raise

    def _sync_behind(self) -> None:
        import tarfile
        from contextlib import suppress

        with suppress(OSError, tarfile.TarError):  # told in the log already
            self._careful("sync", self._sync)

    def _hydrate(self) -> int:
        from trivet.runpod.serverless.utils._listing import Bounds

        mirror, bounds = self._mirror(), Bounds(self._folders)
        held = mirror.listing()
        if held is None:
            return 0
        try:
            restored = mirror.restore(held, bounds)
        finally:  # what did not come here, as the disk is full or it is another cache's, is nothing that we may remove there
            self._seen.update(path for path in (*held.files, *held.links) if path in bounds and os.path.lexists(path))
        if restored:
            RunPodLogger().info(f"VolumeCache: {len(restored)} files came from {mirror.root}")
        return len(restored)

    def _sync(self) -> int:
        from trivet.runpod.serverless.utils._listing import Bounds, Listing

        mirror = self._mirror()
        here = Bounds(self._folders).listing(mirror.root)
        held = mirror.listing()
        known = held or Listing({}, {})
        kept = Listing(
            {path: entry for path, entry in known.files.items() if path not in here.files and path not in self._seen},
            {path: target for path, target in known.links.items() if path not in here.links and path not in self._seen},
        )
        stored = mirror.store(here, held, kept)
        self._seen.update(here.files, here.links)
        if stored:
            RunPodLogger().info(f"VolumeCache: {stored} files went to {mirror.root}")
        return stored

    def _mirror(self) -> Mirror:
        from trivet.runpod.serverless.utils._mirror import Mirror

        return Mirror(self._volume / ".cache" / self._namespace, self._threads)
