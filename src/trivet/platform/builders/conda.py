"""``environment.yml``, as the conda layout of algorithms has it: what of it can be installed where there is no conda."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trivet.platform.core.errors import DeploymentRefused

FILE = "environment.yml"
_LARGEST = 256 * 1024
_MOST_NAMED = 8
_LONGEST_NAMED = 200

_RENAMED = {
    "dask-core": "dask",
    "keras-gpu": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ruamel_yaml": "ruamel.yaml",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
}
"""Python packages that have another name where pip finds them."""
_NO_PYTHON = re.compile(
    r"_.*|blas|bzip2|boost-cpp|c-ares|ca-certificates|conda|cuda.*|cudnn|dbus|eigen|expat|ffmpeg|fontconfig|freetype|g\+\+|gcc.*|"
    r"gdal|geos|gfortran.*|git|glib|gmp|gstreamer|gxx.*|hdf5|icu|jpeg|krb5|lame|lcms2|ld_impl.*|libblas|libcblas|libcurl|"
    r"libedit|libev|libevent|libffi|libgcc.*|libgfortran.*|libgomp|libiconv|liblapack.*|libnsl|libopenblas|libopencv|libpng|"
    r"libprotobuf|libsndfile|libsodium|libssh2|libstdcxx.*|libtiff|libuuid|libuv|libwebp.*|libxcb|libxml2|libxslt|libzlib|"
    r"lz4-c|make|mpfr|mpich|nccl|ncurses|nodejs|nomkl|openblas|openh264|openjdk|openmpi|openssl|pcre.*|perl|proj|"
    r"python_abi|pytorch-(?:cuda|mutex)|qt|r-.*|readline|spacy-model-.*|sqlite|tk|x264|xz|yaml|zlib|zstd"
)
"""What conda has beside Python packages."""
_NEEDLESS = frozenset({"pip"})
_PYTHON = re.compile(r"python(?![\w.-])")
_SPEC = re.compile(
    r"(?:[\w./+-]+::)?(?P<name>[A-Za-z0-9_][\w.+-]*?)\s*(?P<version>(?:[=<>!~]=?|\s)\s*[\w.*+!,<>=~-]+(?:\s+\S+)?)?"
)
_EXACT = re.compile(r"(?P<operator>==?)?\s*(?P<number>[\w.+!]+(?:\.\*|\*)?)(?:(?:=|\s+)(?P<build>[\w.*]+))?")
_RANGE = re.compile(r"(?:(?:[<>]=?|!=|~=|==)[\w.*+!]+)(?:,(?:[<>]=?|!=|~=|==)[\w.*+!]+)*")


@dataclass(frozen=True, slots=True)
class Conda:
    """What ``environment.yml`` asks for.

    Args:
        requirements: what pip can install of conda's packages, one requirement each.
        pip: what its section ``pip:`` says, as a requirements file has it.
        warnings: sentences on what is not installed.
    """

    requirements: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_conda(folder: Path) -> Conda:
    """What the ``environment.yml`` of a bundle asks for; nothing where there is none.

    Raises:
        DeploymentRefused: it can't be read, or is too long.
    """
    if not (folder / FILE).is_file():
        return Conda()
    with (folder / FILE).open(encoding="utf-8-sig", errors="replace") as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise DeploymentRefused(f"{FILE} is longer than {_LARGEST:,} letters.")
    packages, pip = _dependencies(text)
    requirements, left_out, warnings = [], [], []
    for spec in packages:
        requirement = _requirement(spec)
        if _PYTHON.match(spec):
            warnings += _python(spec)
        elif requirement is None:
            left_out.append(spec)
        elif requirement:
            requirements.append(requirement)
    if left_out:
        named = ", ".join(spec[:_LONGEST_NAMED] for spec in left_out[:_MOST_NAMED])
        more = f" and {len(left_out) - _MOST_NAMED} more" if len(left_out) > _MOST_NAMED else ""
        warnings.append(
            f"{FILE}: not installed, as there is no conda here and pip has no such package: {named}{more}. "
            "What the code needs of that has to be on the machine, or in requirements.txt under its name there."
        )
    return Conda(tuple(requirements), tuple(pip), tuple(warnings))


def _requirement(spec: str) -> str | None:
    """What pip calls a conda package; "" where nothing has to be installed, None where it can't be."""
    match = _SPEC.fullmatch(" ".join(spec.split()))  # many blanks in a row would take it very long
    if match is None or _NO_PYTHON.fullmatch(match["name"].lower()):
        return None
    name, version = match["name"].lower(), (match["version"] or "").strip()
    if name in _NEEDLESS:
        return ""
    name = _RENAMED.get(name, name)
    if not version.strip("=* "):
        return name
    if _RANGE.fullmatch(version) and not version.startswith("=="):
        return f"{name}{version}"
    exact = _EXACT.fullmatch(version)
    if exact is None:
        return None
    number = exact["number"].removesuffix("*").removesuffix(".")
    # `=1.2` means any 1.2; a build is one of a very version.
    is_whole = exact["operator"] == "==" or exact["build"] is not None
    return f"{name}=={number}" if is_whole and not exact["number"].endswith("*") else f"{name}=={number}.*"


def _python(spec: str) -> list[str]:
    asked = re.search(r"\d+(?:\.\d+)?", spec)
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if asked is None or ours == asked[0] or ours.startswith(f"{asked[0]}.") or re.search("[<>!]", spec):
        return []
    return [f"{FILE} asks for Python {asked[0]}; it runs on {ours}, as there is no conda here."]


def _dependencies(text: str) -> tuple[list[str], list[str]]:
    """The packages of conda and those of pip, as far as a list of words goes, which is all that these files have.

    Raises:
        DeploymentRefused: it is more than that.
    """
    packages: list[str] = []
    pip: list[str] = []
    pip_indent: int | None = None
    for number, indent, line in _section(text, "dependencies"):
        if not line.startswith("-"):
            raise _unreadable(number, line)
        item = _unquoted(line[1:].strip())
        if pip_indent is not None and indent <= pip_indent:
            pip_indent = None
        if item == "pip:":
            pip_indent = indent
        elif not item or item.endswith(":") or item[0] in "{[&*|>":
            raise _unreadable(number, line)
        else:
            (packages if pip_indent is None else pip).append(item)
    return packages, pip


def _section(text: str, key: str) -> Iterator[tuple[int, int, str]]:
    """The lines below a key at the top: their number, how far they are indented, and what they say."""
    inside = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        words = line.strip()
        if not words or words == "---":
            continue
        indent = len(line) - len(line.lstrip())
        if indent == 0 and not words.startswith("-"):
            found, colon, rest = words.partition(":")
            inside = bool(colon) and _unquoted(found.strip()) == key
            if inside and rest.strip():
                listed = rest.strip()
                if not (listed.startswith("[") and listed.endswith("]")):
                    raise _unreadable(number, words)
                for item in filter(None, map(str.strip, listed[1:-1].split(","))):
                    yield number, 1, f"- {item}"
        elif inside:
            yield number, indent, words


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _unreadable(number: int, line: str) -> DeploymentRefused:
    return DeploymentRefused(
        f"{FILE}: line {number} can't be read: {line[:200]!r}.",
        hint="Below `dependencies:` write one package on each line, as `- numpy=1.26`, and `- pip:` with requirements below it. "
        "Or write requirements.txt instead.",
    )
