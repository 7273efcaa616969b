"""nginx as a store of files: one process, `sendfile` down, its WebDAV module up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from benchmarks.load import Target, fetch
from benchmarks.network import free_port
from benchmarks.processes import Contender
from benchmarks.venvs import NotInstalledError

NAME = "nginx"
_PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"))
"""Where it lies where it is not on a plain user's path."""
_CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr error;
events {{}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    client_body_temp_path unfinished;
    proxy_temp_path unused;
    fastcgi_temp_path unused;
    uwsgi_temp_path unused;
    scgi_temp_path unused;
    server {{
        listen 127.0.0.1:{port};
        location = /ready {{ return 200; }}
        location /files/ {{ root .; dav_methods PUT; }}
    }}
}}
"""
"""Where a body is written until it is whole lies beside its place, so that it only has to be renamed."""


class RunningNginx:
    """An nginx that takes files and gives them. Leave the `with` block to end it.

    Args:
        folder: an empty one for it alone, on the disk that is to be measured.

    Attributes:
        title: with its version.
        process: the one that it is.
        files: where its files lie.

    Raises:
        NotInstalledError: it is not there.
        StartError: it does not start.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path=_PLACES)
        if program is None:
            raise NotInstalledError("not installed; on Debian it is the package nginx-light")
        version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
        self.title = f"nginx {version.strip().rpartition('/')[2].partition(' ')[0]}"
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        port = free_port()
        (folder / "nginx.conf").write_text(_CONFIGURATION.format(port=port))
        command = [program, "-p", f"{folder}{os.sep}", "-c", "nginx.conf", "-e", "stderr"]
        self.process = Contender(NAME, command, folder)
        self._root = Target(port, "/")
        try:
            self.process.wait_for(lambda: fetch(self._root.to("/ready")) == b"")
        except BaseException:
            self.process.stop()
            raise

    def file(self, name: str) -> Target:
        """One of its files."""
        return self._root.to(f"/files/{name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()
