"""A paper takes answers alone from a student, and holds no right value where code could see it."""

import json
from typing import Any

import pytest
from homework import NAMES, ROOT, cell, released, solved

from vaecourse.classroom import sheets, tampering
from vaecourse.classroom.keymaking import key_of
from vaecourse.classroom.keys import Key, decode, encode
from vaecourse.classroom.papers import Paper, paper
from vaecourse.classroom.submissions import submitted

A2 = "a2-vae-by-hand"
SEEDS = (1_000_001, 1_000_002)


@pytest.fixture(scope="module")
def key() -> Key:
    return key_of(ROOT / "solutions" / f"{A2}.ipynb", SEEDS)


def paper_of(raw: dict[str, Any], key: Key) -> Paper:
    return paper(submitted(json.dumps(raw), "mine.ipynb"), key)


def test_a_key_survives_being_written_and_read(key: Key) -> None:
    assert decode(encode(key)) == key
    assert decode(encode(key)).fingerprint == key.fingerprint


def test_other_seeds_give_other_inputs_and_other_values(key: Key) -> None:
    other = key_of(ROOT / "solutions" / f"{A2}.ipynb", [7])
    for one, two in zip(key.questions, other.questions, strict=True):
        assert one.lines[: len(two.lines)] != two.lines, one.name


def test_the_cells_are_the_releases_and_the_answers_the_students(key: Key) -> None:
    mine = solved(A2)
    cells = {c.id: c.source for c in paper_of(mine, key).notebook.cells}
    for one in sheets.load(A2).cells:
        if one.role == "check":
            assert 'check("' not in cells[one.id]
        elif one.role == "text" or one.kind == "markdown":
            answered = cell(mine, one.id) if one.role == "read" else None
            assert cells[one.id] == ("".join(answered["source"]) if answered else one.source)
        elif one.role == "answer":
            assert cells[one.id] == "".join(cell(mine, one.id)["source"])
        else:
            assert one.id not in cells  # experiments, and the score


def test_nothing_of_what_right_answers_print_is_in_a_source(key: Key) -> None:
    sources = "\n".join(c.source for c in paper_of(solved(A2), key).notebook.cells)
    lines = [line for question in key.questions for line in question.lines]
    assert len(lines) > 20
    assert not [line for line in lines if line in sources]


@pytest.mark.parametrize("name", NAMES)
def test_a_stub_with_other_comments_blanks_and_docstrings_is_no_answer(name: str, key: Key) -> None:
    raw = released(name)
    answers = [c for c in raw["cells"] if c["id"] in {s.id for s in _code_answers(name)}]
    for one in answers:
        source = "".join(one["source"])
        one["source"] = "# I tried\n" + source.replace('"""', '"""Mine: ', 1) + "\n\n# really\n"
    empty = Key(name, "", SEEDS, ())
    missing = paper_of(raw, empty).why_not
    assert missing == {
        c.question: "not answered" for c in sheets.load(name).cells if c.role in ("answer", "read")
    }


def _code_answers(name: str) -> list[sheets.SheetCell]:
    return [c for c in sheets.load(name).cells if c.role == "answer"]


def test_a_question_without_an_answer_does_not_run_one(key: Key) -> None:
    made = paper_of(released(A2), key)
    checks = [c for c in made.notebook.cells if c.id.endswith("-check")]
    assert {c.source for c in checks} == {"print('not answered')"}
    assert made.answers == {}


MARKERS = ("# NBVAL_SKIP", "#NBVAL_IGNORE_OUTPUT", "  ##  NBVAL_RAISES_EXCEPTION", "#\tNBVAL_SKIP")


@pytest.mark.parametrize("marker", MARKERS)
def test_no_comment_of_a_student_is_one_that_nbval_obeys(marker: str, key: Key) -> None:
    from nbval.plugin import find_comment_markers

    mine = solved(A2)
    one = cell(mine, "a2-3")
    one["source"] = f"{marker}\n" + "".join(one["source"])
    assert dict(find_comment_markers(one["source"]))
    one["metadata"]["tags"] = ["raises-exception", "nbval-skip"]
    handed = submitted(json.dumps(mine), "mine.ipynb")
    made = paper(handed, key).notebook
    found = next(c for c in made.cells if c.id == "a2-3")
    assert not dict(find_comment_markers(found.source))
    assert "tags" not in found.metadata
    said = " ".join(tampering.findings(handed))
    assert "not to be compared" in said
    assert "raises-exception, nbval-skip" in said


HOOKS = {
    "get_ipython().ast_transformers.append(1)": "changes how cells are run",
    "import sys; sys.displayhook = print": "changes how values are shown",
    "import inspect; inspect.currentframe()": "looks into who calls it",
    "import vaecourse.classroom.emitting": "reaches for the check itself",
    "import os; os._exit(0)": "ends or splits its process",
    "!ls /": "starts other programs",
    "import socket": "uses the network",
}


@pytest.mark.parametrize(("code", "what"), HOOKS.items())
def test_a_hook_is_named_with_its_question(code: str, what: str) -> None:
    mine = solved(A2)
    one = cell(mine, "a2-1")
    one["source"] = "".join(one["source"]) + f"\n{code}\n"
    found = tampering.findings(submitted(json.dumps(mine), "mine.ipynb"))
    assert any(line.startswith(f"a2.1: {what}") for line in found)


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_solution_has_no_finding(name: str) -> None:
    assert tampering.findings(submitted(json.dumps(solved(name)), "mine.ipynb")) == ()
