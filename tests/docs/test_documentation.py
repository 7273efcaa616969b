"""The documentation is whole: its links lead somewhere, its pages can be found, and it knows what the code knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from trivet.platform.server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SRC = ROOT / "src" / "trivet"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)?(#[\w-]+)?\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("*.md")], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{target} leads nowhere"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target}{anchor}: there is no such heading"


def test_every_page_stands_in_the_navigation() -> None:
    listed = set(re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {str(page.relative_to(DOCS)) for page in PAGES}


def test_every_decision_stands_in_the_list_of_decisions() -> None:
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    for page in (DOCS / "decisions").glob("0*.md"):
        assert f"]({page.name})" in index


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("0*.md")), ids=lambda page: page.stem)
def test_a_decision_says_what_was_given_up(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for part in ("**Context.**", "**Choice.**", "**Given up.**"):
        assert part in text


def test_every_setting_has_its_heading() -> None:
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    for setting in fields(Settings):
        assert f"\n## {setting.metadata['env']}\n" in page


def job_error_codes() -> Iterator[str]:
    """The codes that the platform itself gives to jobs that did not succeed."""
    for path in (SRC / "platform").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "JobError" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_every_code_of_a_failed_job_is_explained() -> None:
    page = (DOCS / "concepts" / "jobs.md").read_text(encoding="utf-8")
    codes = set(job_error_codes())
    assert codes, "no codes found: has the class a new name?"
    assert [code for code in sorted(codes) if f"| `{code}` |" not in page] == []


def test_every_explained_code_exists() -> None:
    page = (DOCS / "concepts" / "jobs.md").read_text(encoding="utf-8")
    table = page.partition("## Why it did not succeed")[2].partition("## ")[0]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in SRC.rglob("*.py"))
    explained = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert explained
    assert [code for code in explained if f'"{code}"' not in sources] == []
