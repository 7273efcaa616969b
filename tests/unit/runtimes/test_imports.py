"""What a bundle imports, read from its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet.platform.runtimes.imports import imports_of


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path


def write(bundle: Path, name: str, source: str) -> None:
    file = bundle / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)


def modules(bundle: Path, module: str = "main") -> list[str]:
    return [name for name, _ in imports_of(bundle, module).imports]


def test_modules_of_others_are_found_in_order_with_what_is_wanted_of_them(bundle: Path) -> None:
    write(bundle, "main.py", "import numpy as np, json\nfrom PIL import Image, ImageOps\nfrom torch.nn import *\n")
    found = imports_of(bundle, "main")
    assert found.imports == (("numpy", ()), ("json", ()), ("PIL", ("Image", "ImageOps")), ("torch.nn", ()))
    assert found.own == {"main"}


def test_own_modules_are_followed_and_never_listed(bundle: Path) -> None:
    write(bundle, "main.py", "import helpers\nfrom pack import inner\nfrom pack.deep.more import x\n")
    write(bundle, "helpers.py", "import first\n")
    write(bundle, "pack/__init__.py", "import second\n")
    write(bundle, "pack/inner.py", "from . import sibling\nfrom .deep import more\nimport third\n")
    write(bundle, "pack/sibling.py", "import fourth\nfrom ..outside import nothing\n")
    write(bundle, "pack/deep/__init__.py", "")
    write(bundle, "pack/deep/more.py", "from ..sibling import y\nimport fifth, main\n")
    found = imports_of(bundle, "main")
    assert {name for name, _ in found.imports} == {"first", "second", "third", "fourth", "fifth"}
    assert found.own == {"main", "helpers", "pack"}


def test_what_is_not_run_on_import_is_left_out(bundle: Path) -> None:
    source = """
        import typing
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import only_for_types
        else:
            import instead
        def handler():
            import late
        async def other():
            import later
        if __name__ == "__main__":
            import script
    """
    write(bundle, "main.py", "\n".join(line[8:] for line in source.splitlines()))
    assert modules(bundle) == ["typing", "typing", "instead"]


def test_what_may_fail_and_what_stands_in_a_class_is_taken(bundle: Path) -> None:
    write(bundle, "main.py", "try:\n import quick\nexcept ImportError:\n import slow\nclass A:\n import inside\n")
    assert modules(bundle) == ["quick", "slow", "inside"]


def test_ours_and_what_does_not_survive_a_fork_are_left_out(bundle: Path) -> None:
    write(
        bundle,
        "main.py",
        "from __future__ import annotations\nimport trivet, pyreqwest.client\nfrom trivet import Client\n",
    )
    assert modules(bundle) == []


@pytest.mark.parametrize("source", ["def broken(:", "\0", "x = " + "(" * 5000, ""])
def test_what_can_not_be_read_imports_nothing(bundle: Path, source: str) -> None:
    write(bundle, "main.py", source)
    assert modules(bundle) == []
    assert modules(bundle, "absent") == []
