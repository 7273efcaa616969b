"""Tells what a package brings along: how many packages are installed where it is, itself among them, and their bytes.

python installed.py DISTRIBUTION

Followed is what each package requires of others, with the extras that are asked for. Counted are the files that were installed,
without what Python compiles of them; of a package that is worked on where it lies, the files that would be. Printed is JSON.
"""

import importlib.metadata
import importlib.util
import json
import re
import sys
from pathlib import Path

_REQUIRED = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def needed(name, extras, found):
    """Adds a package that is installed, and all that it requires, to those that were found; by name, with their extras."""
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name in found and set(extras) <= found[name]:
        return
    try:
        requires = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:  # its marker says that it is not for here
        return
    found.setdefault(name, set()).update(extras)
    for line in requires:
        requirement, _, marker = line.partition(";")
        asked = _EXTRA.findall(marker)
        if not asked or found[name] & set(asked):
            match = _REQUIRED.match(requirement.strip())
            needed(match[1], {each.strip() for each in (match[2] or "").split(",") if each.strip()}, found)


def files(name):
    """The files of an installed package."""
    distribution = importlib.metadata.distribution(name)
    installed = [Path(distribution.locate_file(file)) for file in distribution.files or ()]
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        (folder,) = importlib.util.find_spec(name).submodule_search_locations
        installed += Path(folder).rglob("*")
    return {file for file in installed if file.is_file() and "__pycache__" not in file.parts}


def main():
    (name,) = sys.argv[1:]
    found = {}
    needed(name, set(), found)
    size = sum(file.stat().st_size for each in found for file in files(each))
    print(json.dumps({"packages": len(found), "bytes": size, "names": sorted(found)}))


if __name__ == "__main__":
    main()
