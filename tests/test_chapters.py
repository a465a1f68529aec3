"""What holds for every chapter's text and code, and for its "your turn" cells.

A "your turn" is a cell tagged `your-turn` that runs as stored, then a check cell, then a folded
solution. The check prints one line: `right`, `not yet` or `wrong: …`. To run one here, the cells
that it depends on are found by the names that they use; what would take a training is stood in for.
"""

import ast
import builtins
import contextlib
import io
import re
import statistics
import symtable
from functools import cache
from pathlib import Path

import pytest
from chapter_rules import BOOK, CHAPTER, lacks
from chapter_rules import number_of as number
from mistakes import MISTAKES, STAND_INS
from nbformat import NotebookNode

from vaecourse import notebooks

PATHS = sorted(BOOK.glob(CHAPTER))
MAX_WIDTH, MAX_LINES, MEDIAN_LINES = 72, 14, 7  # of a chapter's code

read = cache(notebooks.read)
chapters = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@chapters
def test_a_chapter_has_all_of_the_skeleton(path: Path) -> None:
    """Each line names what is missing, and says what to write where."""
    missing = lacks(path)
    assert not missing, f"{path.name} has\n" + "\n".join(missing)


# -- the form of the code and of the text ----------------------------------------------------------


@chapters
def test_no_line_of_code_is_wider_than_a_page(path: Path) -> None:
    lines = [line for cell in code(path) for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > MAX_WIDTH] == []


@chapters
def test_cells_are_short(path: Path) -> None:
    lengths = {cell.id: len(cell.source.splitlines()) for cell in code(path)}
    long = [cell for cell, length in lengths.items() if length > MAX_LINES]
    assert not long, f"longer than {MAX_LINES} lines: {long}"
    assert statistics.median(lengths.values()) <= MEDIAN_LINES


def numbered(path: Path, cell_id: str) -> list[str]:
    """The text after each **1. in the cell of that id, if there is one."""
    text = "".join(cell.source for cell in read(path).cells if cell.id == cell_id)
    return re.split(r"^\*\*\d+\. ", text, flags=re.MULTILINE)[1:]


@chapters
def test_each_question_of_the_quiz_has_choices_of_which_one_is_right(path: Path) -> None:
    questions = numbered(path, "quiz")
    assert len(questions) >= 3, "three questions **1. …** in the cell of the id `quiz`"
    for question in questions:
        answers = [body.strip() for _, body in folded(question)]
        assert len(answers) >= 3, question
        assert all(re.match(r"(Right|Wrong)\b", answer) for answer in answers), question
        assert sum(answer.startswith("Right") for answer in answers) == 1, question


@chapters
def test_each_exercise_has_a_folded_solution(path: Path) -> None:
    exercises = numbered(path, "exercises")
    assert len(exercises) >= 3, "three of **1. …** in the cell of the id `exercises`"
    for exercise in exercises:
        assert [summary for summary, _ in folded(exercise)] == ["Solution"], exercise


@chapters
def test_what_is_folded_reads_everywhere(path: Path) -> None:
    """Maths in a summary is not rendered, and text inside needs blank lines around it."""
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            assert cell.source.count("<details>") == len(folded(cell.source)), cell.id
            for summary, _ in folded(cell.source):
                assert "$" not in summary, cell.id


# -- your turn -------------------------------------------------------------------------------------


def code(path: Path) -> list[NotebookNode]:
    """What computes: without the cell that installs the course, which is no plain Python."""
    cells = notebooks.code_cells(read(path))
    return [cell for cell in cells if "install" not in cell.metadata.get("tags", [])]


def folded(text: str) -> list[tuple[str, str]]:
    """Summary and inside of each <details>, those with blank lines around the inside only."""
    form = r"<details><summary>([^\n]+)</summary>\n\n(.*?)\n\n</details>"
    return re.findall(form, text, flags=re.DOTALL)


# A cell's top level, as Python itself sees it: what it binds, and what it takes from elsewhere.


def defined(source: str) -> set[str]:
    table = symtable.symtable(source, "cell", "exec")
    return {name.get_name() for name in table.get_symbols() if is_bound(name)}


def is_bound(name: symtable.Symbol) -> bool:
    return name.is_assigned() or name.is_imported()


def needed(source: str) -> set[str]:
    """The names that a cell uses and does not bind; those of Python itself left out."""
    names, waiting = set(), [symtable.symtable(source, "cell", "exec")]
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        names |= {
            name.get_name()
            for name in table.get_symbols()
            if name.is_referenced() and (name.is_global() or table.get_type() == "module")
        }
    return names - defined(source) - set(dir(builtins))


def needed_cells(cells: list[str], names: set[str]) -> list[str]:
    """Those of the cells, in order, that bind the names, and what these need, and so on."""
    kept: list[str] = []
    for cell in reversed(cells):
        if defined(cell) & names:
            names = (names - defined(cell)) | needed(cell)
            kept.insert(0, cell)
    assert not names, f"no cell above binds {names}"
    return kept


def turns() -> list[str]:
    """Chapter and cell of each "your turn", as 04:turn-kl."""
    return [
        f"{number(path)}:{cell.id}"
        for path in PATHS
        for cell in code(path)
        if "your-turn" in cell.metadata.get("tags", [])
    ]


class Turn:
    """A "your turn" of a chapter: its cell, its check, its solution."""

    def __init__(self, name: str) -> None:
        self.name, (chapter, cell_id) = name, name.split(":")
        (path,) = (path for path in PATHS if number(path) == chapter)
        cells = read(path).cells
        (start,) = (i for i, cell in enumerate(cells) if cell.id == cell_id)
        check = next(i for i in range(start, len(cells)) if notebooks.is_checked(cells[i]))
        texts = [cell.source for cell in cells[:start] if cell.cell_type == "markdown"]
        self.prompt, self.stored = texts[-1], cells[start].source
        self.check, self.check_metadata = cells[check].source, cells[check].metadata
        self.after = cells[check + 1].source
        computing = {cell.id for cell in code(path)}
        self.before = [cell.source for cell in cells[:check] if cell.id in computing]
        self.before.remove(self.stored)

    def solution(self) -> str:
        (inside,) = (inside for summary, inside in folded(self.after) if summary == "Solution")
        (block,) = re.findall(r"```python\n(.*?)```", inside, flags=re.DOTALL)
        return block

    def hints(self) -> list[str]:
        """The texts in the check's table that are given for a mistake."""
        tables = [node for node in ast.walk(ast.parse(self.check)) if isinstance(node, ast.Dict)]
        entries = [each for table in tables for each in (*table.keys, *table.values)]
        texts = [each.value for each in entries if isinstance(each, ast.Constant)]
        return [text for text in texts if isinstance(text, str) and not text.startswith("right")]

    def said(self, answer: str) -> str:
        """What the check prints when `answer` stands in the cell."""
        space: dict = {}
        exec(STAND_INS.get(self.name, ""), space)
        wanted = needed(answer) | (needed(self.check) - defined(answer))
        parts = [*needed_cells(self.before, wanted - space.keys()), answer, self.check]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            for part in parts:
                exec(compile(part, self.name, "exec"), space)
        return out.getvalue().splitlines()[-1]


each_turn = pytest.mark.parametrize("name", turns())


@chapters
def test_a_chapter_lets_its_reader_write_code(path: Path) -> None:
    assert sum(name.startswith(f"{number(path)}:") for name in turns()) >= 2


@each_turn
def test_a_turn_says_what_to_do_and_waits_for_it(name: str) -> None:
    turn = Turn(name)
    assert re.search(r"^### Your turn: ", turn.prompt, flags=re.MULTILINE)
    assert turn.said(turn.stored).startswith("not yet")


@each_turn
def test_the_check_of_a_turn_is_folded_on_the_page_and_in_jupyterlab(name: str) -> None:
    """It holds the right answer."""
    metadata = Turn(name).check_metadata
    assert "hide-input" in metadata["tags"]
    assert metadata["jupyter"]["source_hidden"]


@each_turn
def test_the_solution_of_a_turn_passes_its_check(name: str) -> None:
    turn = Turn(name)
    assert turn.said(turn.solution()).startswith("right")


@each_turn
def test_a_mistake_in_a_turn_is_named_and_no_hint_is_idle(name: str) -> None:
    turn = Turn(name)
    said = [turn.said(mistake) for mistake in MISTAKES[name]]
    assert all(line.startswith("wrong") for line in said), said
    idle = [hint for hint in turn.hints() if not any(hint in line for line in said)]
    assert idle == []
    assert len(set(said)) == len(said), "two mistakes with one hint"


def test_every_list_of_mistakes_belongs_to_a_turn() -> None:
    assert MISTAKES.keys() | STAND_INS.keys() <= set(turns())
