"""The pages on contributing can be followed: their files, changes and commands are of this course.

What they add was run in a clone; here it is written, and checked without running it.
"""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chapter_rules import BOOK, COUNTS, ENDING
from click.testing import CliRunner
from following import Block, blocks, changed, commands, follow

from vaecourse.cli import main

ROOT = BOOK.parent
PAGES = {path.stem: path for path in sorted((BOOK / "contributing").glob("*.md"))}
pages = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())


@pages
def test_what_a_page_writes_and_changes_fits_the_files_that_are_there(
    page: Path, tmp_path: Path
) -> None:
    for block in blocks(page):
        if block.language == "diff":
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / block.file, tmp_path / block.file)
    follow(page, tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ours = "lint.isort.known-first-party = ['vaecourse']"
    for step in (["check", "--config", ours], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *step, "--no-cache"]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pages
def test_every_block_of_python_on_a_page_is_python(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)


@pages
def test_every_command_on_a_page_is_one(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in commands(page):
        program, *rest = line.split()
        name = rest[0] if rest else ""
        if program == "make":
            assert f"\n{name}:" in makefile, line
        elif program.endswith("/vaecourse"):
            told = CliRunner().invoke(main, [name, "--help"])
            assert told.exit_code == 0, line
        elif program.endswith("/python"):
            assert (ROOT / name).is_file(), line
        else:
            assert program in (".venv/bin/pytest", "git", "sed", "mkdir", "cp"), line


def test_the_page_on_chapters_names_every_tag_and_every_id_that_is_asked_for() -> None:
    text = PAGES["chapter"].read_text(encoding="utf-8")
    names = [*COUNTS, "hide-input", "setup", *(name for name, *_ in ENDING)]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_contributing_leads_to_every_page() -> None:
    for text in (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        PAGES["overview"].read_text(encoding="utf-8"),
    ):
        linked = {Path(link).stem for link in re.findall(r"\]\(([\w/]+\.md)\)", text)}
        assert PAGES.keys() - {"overview"} <= linked


def test_a_change_that_no_longer_fits_is_told() -> None:
    block = Block("diff", " one\n-two\n+three\n", "x.py", False)
    assert changed("one\ntwo\nfour\n", block) == "one\nthree\nfour\n"
    with pytest.raises(ValueError, match=r"x\.py has 0 times"):
        changed("one\n2\n", block)
