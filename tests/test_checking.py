"""`vaecourse check` gets through whatever an answer does, and names the cell and the cure."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from homework import cell, released, solved, write

from vaecourse.classroom import checking, kernel, sheets
from vaecourse.classroom.checking import Report, check_notebook
from vaecourse.classroom.kernel import Kernel
from vaecourse.cli import main

A2 = "a2-vae-by-hand"
QUESTIONS = sheets.load(A2).questions
NAMES = [q.name for q in QUESTIONS]


def body(raw: dict[str, Any], name: str, *lines: str) -> None:
    """Let the answer to a question do this before what it did."""
    one = cell(raw, name.replace(".", "-"))
    source = "".join(one["source"])
    begin = source.index("### BEGIN SOLUTION")
    indent = " " * (begin - source.rindex("\n", 0, begin) - 1)
    one["source"] = source[:begin] + "\n".join(indent * (i > 0) + x for i, x in enumerate(lines))
    one["source"] += "\n" + indent + source[begin:]


def hints(report: Report) -> dict[str, str]:
    return {v.name: v.hint for v in report.verdicts if v.status != "right"}


def test_a_check_gets_through_whatever_the_answers_do(tmp_path: Path) -> None:
    mine = solved(A2)
    first, second, third, fourth, fifth = NAMES[:5]
    body(mine, first, "while True:", "    pass")
    body(mine, second, "import os", "os._exit(3)")
    cell(mine, third.replace(".", "-"))["source"] += "\nprint('x' * 2_000_000)"
    cell(mine, fourth.replace(".", "-"))["source"] = "import no_such_package"
    body(mine, fifth, "return temperature")
    report = check_notebook(write(mine, tmp_path / "mine.ipynb"))
    said = hints(report)
    assert {first, second, third, fourth, fifth} <= set(said)
    assert NAMES[-1] not in said  # whatever came before it
    for name in set(said) - {first, second, third, fourth, fifth}:
        assert re.search(r"uses \w+, the answer to a2\.[1-5]; mend that first", said[name])
    assert "does a loop never end?" in said[first]
    assert "the kernel died" in said[second]
    assert "prints more than a million characters" in said[third]
    assert "No module named 'no_such_package'; the course does without it" in said[fourth]
    assert f"{fifth} uses a variable no cell defines: temperature" in said[fifth]
    assert f"cell {1 + mine['cells'].index(cell(mine, third.replace('.', '-')))}" in said[third]


def test_names_that_only_other_cells_define_are_found_there(tmp_path: Path) -> None:
    mine = solved(A2)
    first, second, third, *_ = NAMES
    body(mine, first, "helped_by(1)")
    own = {"cell_type": "code", "id": "own", "metadata": {}, "source": "helped_by = print"}
    mine["cells"].append(own | {"outputs": [], "execution_count": None})
    renamed = cell(mine, second.replace(".", "-"))
    (name,) = checking.defined(renamed["source"])
    renamed["source"] = renamed["source"].replace(name, "my_own_name")
    cell(mine, third.replace(".", "-"))["source"] = "def broken(:\n"
    said = hints(check_notebook(write(mine, tmp_path / "mine.ipynb")))
    assert f"{first} uses helped_by, which cell {len(mine['cells'])} defines" in said[first]
    assert f"no answer cell defines {name}; it defines my_own_name" in said[second]
    assert "SyntaxError" in said[third]


def test_the_command_prints_a_table_of_questions_points_and_hints(tmp_path: Path) -> None:
    path = write(released(A2), tmp_path / "mine.ipynb")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 0, done.output
    for question in QUESTIONS:
        assert f"{question.name:6}  0 of {question.points:>3}  not answered yet" in done.output
    visible = sum(q.points for q in QUESTIONS)
    assert f"0 of {visible} points by the visible checks" in done.output
    assert "not answered yet; read by a person" in done.output


def test_the_command_refuses_what_is_no_notebook_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text("no")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 1
    assert done.output.startswith("error: ")
    assert done.output.count("\n") == 1


# -- the kernel --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def patient() -> Any:
    with Kernel(Path.cwd()) as one:
        yield one


def test_a_kernel_says_how_a_piece_of_code_ended_and_goes_on(
    patient: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert patient.run("x = 1", 20).status == "ok"
    failed = patient.run("1 / 0", 20)
    assert (failed.status, failed.error, failed.text) == (
        "error",
        "ZeroDivisionError",
        "division by zero",
    )
    assert patient.run("import time\ntime.sleep(60)", 0.5).status == "late"
    monkeypatch.setattr(kernel, "MOST_OUTPUT", 10_000)
    assert patient.run("while True: print('x' * 1000)", 20).status == "loud"
    assert patient.is_alive
    shown = patient.run("display({'text/plain': ''}, raw=True, metadata={'x': {'y': x}})", 20)
    assert (shown.status, shown.outputs[0]["metadata"]) == ("ok", {"x": {"y": 1}})
    assert patient.run("input()", 20).error == "StdinNotImplementedError"


def test_a_kernel_that_died_or_does_not_heed_an_interrupt_is_given_up() -> None:
    for code in (
        "import os; os._exit(0)",
        "import signal, time; signal.signal(2, signal.SIG_IGN)\nwhile True: time.sleep(1)",
    ):
        with Kernel(Path.cwd()) as one:
            assert one.run(code, 2).status in ("dead", "late")
            assert not one.is_alive
            assert one.run("x = 1", 2).status == "dead"
