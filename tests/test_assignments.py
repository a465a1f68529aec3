"""Each assignment scores its solution in full, its stubs with nothing, and gives nothing away."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from homework import NAMES, ROOT, Asked, asked, released, run, solution_sources, solved, write

from vaecourse import classroom
from vaecourse.classroom import cells, sheets
from vaecourse.classroom.checking import check_notebook
from vaecourse.classroom.questions import judge
from vaecourse.classroom.records import Question
from vaecourse.classroom.release import release

COMMONPLACE = {
    "nn.Flatten(),",
    "return {",
    "}",
    ")",
    "]",
    "super().__init__()",
    "with torch.no_grad():",
    "else:",
    "try:",
}
FRESH = (31, 32, 33, 34, 35)
each_assignment = pytest.mark.parametrize("name", NAMES)


def questions(name: str) -> list[tuple[Question, Asked]]:
    """Each question as released, beside what its author wrote."""
    return list(zip(sheets.load(name).questions, asked(name), strict=True))


def test_there_are_six() -> None:
    assert [name.partition("-")[0] for name in NAMES] == ["a1", "a2", "a3", "a4", "a5", "a6"]


@each_assignment
def test_a_hundred_points_six_questions_and_one_that_a_person_reads(name: str) -> None:
    sheet = sheets.load(name)
    assert sum(q.points for q in [*sheet.questions, *sheet.read]) == 100
    assert len(sheet.questions) >= 6
    assert len(sheet.read) >= 1
    assert 60 <= sheet.minutes <= 120


@each_assignment
def test_the_solution_and_every_other_right_answer_earn_all_points(name: str) -> None:
    for question, author in questions(name):
        assert len(author.right) >= 1
        for answer in [author.solution, *author.right]:
            verdict = judge(question, answer)
            assert (verdict.status, verdict.points) == ("right", question.points), verdict
            assert classroom.points(question.name, answer, seeds=FRESH) == question.points


@each_assignment
def test_every_named_mistake_is_caught_and_called_by_its_name(name: str) -> None:
    for question, author in questions(name):
        assert len(author.wrong) >= 2
        for answer, mistake in zip(author.wrong, question.mistakes, strict=True):
            verdict = judge(question, answer)
            assert (verdict.points, verdict.mistake) == (0, mistake.name), verdict
            assert verdict.hint == mistake.hint
            assert classroom.points(question.name, answer, seeds=FRESH) == 0


@each_assignment
def test_stubs_are_not_answered_yet_and_earn_nothing(name: str) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    checked = []
    for raw in released(name)["cells"]:
        cell = nbformat.from_dict(raw | {"source": "".join(raw["source"])})
        role = cells.role(cell)
        if cell.cell_type == "code" and role in ("text", "answer"):
            run(cell.source, space, f"<stubs {name} {cell.id}>")
        elif role == "check":
            answer = re.fullmatch(r'check\("([\w.]+)", (.+)\)', cell.source.strip())
            assert answer, cell.source
            checked.append((answer[1], eval(answer[2], space)))
    for question, (called, stub) in zip(sheets.load(name).questions, checked, strict=True):
        verdict = judge(question, stub)
        assert (called, verdict.status, verdict.points) == (question.name, "not yet", 0)


@each_assignment
def test_a_student_with_the_right_answers_is_told_so(name: str, tmp_path: Path) -> None:
    report = check_notebook(write(solved(name), tmp_path / "mine.ipynb"))
    assert [v.status for v in report.verdicts] == ["right"] * len(report.verdicts), report
    assert all(report.read.values())
    assert report.findings == ()


# -- what is handed out ------------------------------------------------------------------------


def texts(value: Any) -> list[str]:
    """All texts in a piece of JSON, the lines of a source as one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return ["".join(value), *value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in texts(part)]


def handed_out(name: str) -> str:
    """All that students get of an assignment, as one text."""
    files = [ROOT / "assignments" / f"{name}.ipynb", sheets.FOLDER / f"{name}.json"]
    found = [(ROOT / "assignments" / "README.md").read_text()]
    for file in files:
        found += [file.read_text(), *texts(json.loads(file.read_text()))]
    return "\n".join(found)


def regions(source: str, what: str) -> list[str]:
    """The lines between the markers of `what`."""
    found = re.findall(rf"### BEGIN {what}\n(.*?)\n *### END {what}", source, re.DOTALL)
    return [line for region in found for line in region.splitlines()]


@each_assignment
def test_no_line_of_a_solution_is_handed_out(name: str) -> None:
    text = handed_out(name)
    for source in solution_sources(name).values():
        lines = set(filter(None, map(str.strip, regions(source, "SOLUTION"))))
        assert lines
        for line in lines - COMMONPLACE:
            assert line not in text, line


@each_assignment
def test_no_hidden_line_and_no_hidden_seed_is_handed_out(name: str) -> None:
    text = handed_out(name)
    known = {line.strip() for line in text.splitlines()}
    public = {line.strip() for q in sheets.load(name).questions for line in q.asked.splitlines()}
    nb = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    for source in (cell.source for cell in nb.cells if cells.role(cell) == "check"):
        hidden = set(code_lines("\n".join(regions(source, "HIDDEN TESTS"))))
        for line in hidden - public - COMMONPLACE:
            assert len(line) < 8 or line not in known, line
        for seed in re.findall(r"seeds=\(([\d, _]+)\)", source)[-1].replace(",", " ").split():
            assert int(seed) >= 100  # not one that is tried first
            assert not re.search(rf"(?<!\d){seed}(?!\d)", text), seed


def code_lines(code: str) -> list[str]:
    """The lines of code without imports and docstrings, which may stand elsewhere too."""
    tree = ast.parse(code)
    left_out = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(code.splitlines(), 1)
    found = (line.partition("#")[0].strip() for number, line in lines if number not in left_out)
    return [line for line in found if line]


@each_assignment
def test_no_expected_value_is_handed_out(name: str) -> None:
    text = handed_out(name)
    for question, author in questions(name):
        for seed in question.seeds:
            for leaf in classroom.questions.give(question.asked, author.solution, seed):
                for number in leaf.numbers:
                    value = f"{number:.6g}" if isinstance(number, float) else str(number)
                    if len(value) > 5:  # a 4 or a 0.25 stands anywhere
                        assert value not in text


def test_a_release_changes_nothing_that_is_committed(tmp_path: Path) -> None:
    (tmp_path / "solutions").symlink_to(ROOT / "solutions")
    written = release(tmp_path, tmp_path / "sheets")
    assert len(written) == 2 * len(NAMES)
    for path in written:
        kept = (sheets.FOLDER if path.suffix == ".json" else ROOT / "assignments") / path.name
        assert path.read_text() == kept.read_text(), f"{path.name}: vaecourse release"
