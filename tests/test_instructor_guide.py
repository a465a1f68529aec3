"""What the instructors' guide says is what the commands, the book and the assignments say."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import nbformat
import pytest
from homework import NAMES, ROOT

from vaecourse.classroom import sheets
from vaecourse.cli import main

GUIDE = (ROOT / "book" / "instructor_guide.md").read_text()
WORDS_A_MINUTE = 150
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("vaecourse ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_guide_is_one_that_there_is(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = main.commands[name]
    context = command.make_context(name, arguments)
    assert isinstance(context, click.Context)


def test_the_plan_of_a_term_has_every_chapter_and_assignment_with_its_minutes() -> None:
    pattern = r"^\| (\d+) \| (.*?) \| (\d+) \| (?:A(\d): (\d+))? ?\|"
    rows = re.findall(pattern, GUIDE, re.MULTILINE)
    assert [int(week) for week, *_ in rows] == list(range(1, len(rows) + 1))
    words = {}
    for path in (ROOT / "book").glob("[0-9]*.ipynb"):
        nb = nbformat.read(path, as_version=4)
        number = re.match(r"0?(\d+[a-z]?)_", path.name)
        assert number
        cells = [c.source for c in nb.cells if c.cell_type == "markdown"]
        words[number[1]] = sum(len(source.split()) for source in cells)
    seen = []
    for _, chapters, minutes, *_ in rows:
        numbers = re.findall(r"(?:^|, )(\d+[a-z]?) ", chapters)
        seen += numbers
        assert abs(int(minutes) - sum(words[n] for n in numbers) / WORDS_A_MINUTE) <= 5, chapters
    assert sorted(seen) == sorted(words)
    given = {f"a{number}": int(m) for *_, number, m in rows if number}
    assert given == {name.partition("-")[0]: sheets.load(name).minutes for name in NAMES}


def test_what_students_get_holds_no_solution(tmp_path: Path) -> None:
    (line,) = re.findall(r"^git archive .*$", GUIDE, re.MULTILINE)
    command = [part.replace("course.zip", str(tmp_path / "c.zip")) for part in shlex.split(line)]
    subprocess.run(command, cwd=ROOT, check=True)
    listed = subprocess.run(
        ["python3", "-m", "zipfile", "-l", str(tmp_path / "c.zip")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "course/assignments/a2-vae-by-hand.ipynb" in listed
    assert "course/vaecourse/classroom/released/a2-vae-by-hand.json" in listed
    assert "solutions/" not in listed
    assert "tests/" not in listed
