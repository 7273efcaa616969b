"""The repository that a new algorithm begins with: a few files, and how they are packed."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping

USER = "__USER__"
ALGORITHM = "__ALGO__"

FILES: Mapping[str, str] = {
    "algorithmia.conf": f'{{\n  "username": "{USER}",\n  "algoname": "{ALGORITHM}",\n  "language": "python3"\n}}\n',
    "requirements.txt": "algorithmia>=1.0.0,<2.0\n",
    "src/__init__.py": "",
    f"src/{ALGORITHM}.py": '''\
"""What callers of this algorithm get is what `apply` returns."""


def apply(input):
    """Greets. ``input`` is a text, anything that JSON can say, or bytes: whatever the caller has sent."""
    return "hello {}".format(input)
''',
}
"""The files, by path; `USER` and `ALGORITHM` stand for names, in paths as well."""


def files_for(owner: str, name: str) -> dict[str, str]:
    """The files of a new algorithm."""

    def named(text: str) -> str:
        return text.replace(USER, owner).replace(ALGORITHM, name)

    return {named(path): named(text) for path, text in FILES.items()}


def pack(files: Mapping[str, str]) -> bytes:
    """A ``.tar.gz`` of some files: the same bytes for the same files, wherever and whenever it is made."""
    packed = io.BytesIO()
    # not compressed: what a compressor makes of bytes differs from one release of it to the next
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=0, mtime=0, filename="") as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, text in sorted(files.items()):
            data = text.encode()
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def digest_of(archive: bytes) -> str:
    """The SHA-256 of a packed repository, in hex."""
    return hashlib.sha256(archive).hexdigest()
