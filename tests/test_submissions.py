"""An answer is found whatever has become of the notebook, and what is wrong is told with its cure.

Each test damages a solved assignment in one way.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from homework import cell, released, solved, write

from vaecourse.classroom import sheets
from vaecourse.classroom.submissions import Submission, defined, submission
from vaecourse.errors import CourseError

A2 = "a2-vae-by-hand"
JUDGED = [q.name for q in sheets.load(A2).questions]
FIRST, SECOND, THIRD = (name.replace(".", "-") for name in JUDGED[:3])


@pytest.fixture
def mine() -> dict[str, Any]:
    return solved(A2)


@pytest.fixture
def handed_in(mine: dict[str, Any], tmp_path: Path) -> Any:
    """Give the submission that `mine` is now."""
    return lambda: submission(write(mine, tmp_path / "mine.ipynb"))


def sources(found: Submission) -> dict[str, str]:
    return {name: one.source for name, one in found.answers.items()}


def test_a_whole_notebook_has_all_answers_and_nothing_to_mend(
    mine: dict[str, Any], handed_in: Any
) -> None:
    found = handed_in()
    assert found.findings == ()
    assert set(found.answers) == {*JUDGED, *(r.name for r in sheets.load(A2).read)}
    for name, answer in found.answers.items():
        assert answer.source == "".join(cell(mine, name.replace(".", "-"))["source"])


@pytest.mark.parametrize("keys", [("id",), ("metadata",), ("id", "metadata")])
def test_answers_are_found_without_ids_and_without_metadata(
    mine: dict[str, Any], handed_in: Any, keys: tuple[str, ...]
) -> None:
    whole = sources(handed_in())
    for one in mine["cells"]:
        for key in keys:
            one.pop(key, None)
    found = handed_in()
    assert {name: sources(found)[name] for name in JUDGED} == {n: whole[n] for n in JUDGED}


def test_a_notebook_saved_by_colab_or_vs_code_is_as_good(
    mine: dict[str, Any], handed_in: Any
) -> None:
    whole = sources(handed_in())
    mine["nbformat_minor"] = 0
    mine["metadata"] |= {"colab": {"provenance": []}, "accelerator": "GPU"}
    for number, one in enumerate(mine["cells"]):
        one["metadata"] |= {"id": f"x{number}", "vscode": {"languageId": "python"}}
        one["source"] = "".join(one["source"]).splitlines(keepends=True)
        del one["id"]
    found = handed_in()
    assert sources(found) == whole
    assert found.findings == ()


def test_a_missing_answer_is_named_and_the_rest_is_found(
    mine: dict[str, Any], handed_in: Any
) -> None:
    mine["cells"].remove(cell(mine, SECOND))
    found = handed_in()
    assert JUDGED[1] not in found.answers
    assert JUDGED[0] in found.answers
    (said,) = found.findings
    assert f"{JUDGED[1]}: its answer cell is missing; copy it from the released notebook" in said


def test_of_two_answers_the_one_that_was_written_counts(
    mine: dict[str, Any], handed_in: Any
) -> None:
    stub = copy.deepcopy(cell(released(A2), FIRST)) | {"id": "copied"}
    at = mine["cells"].index(cell(mine, FIRST))
    for where in (at, at + 1):
        changed = copy.deepcopy(mine)
        changed["cells"].insert(where, stub)
        mine["cells"], kept = changed["cells"], mine["cells"]
        found = handed_in()
        mine["cells"] = kept
        assert "NotImplementedError" not in found.answers[JUDGED[0]].source
        (said,) = found.findings
        assert f"{JUDGED[0]}: cell" in said
        assert "delete the other" in said


def test_an_answer_that_became_text_is_named_with_the_key_that_turns_it_back(
    mine: dict[str, Any], handed_in: Any
) -> None:
    cell(mine, FIRST)["cell_type"] = "markdown"
    found = handed_in()
    assert JUDGED[0] not in found.answers
    assert "turn it back into a code cell (in Jupyter: Esc, then y)" in found.findings[0]


def test_an_answer_that_was_moved_is_named(mine: dict[str, Any], handed_in: Any) -> None:
    one = cell(mine, THIRD)
    mine["cells"].remove(one)
    mine["cells"].insert(mine["cells"].index(cell(mine, FIRST)), one)
    found = handed_in()
    assert THIRD.replace("-", ".") in found.answers
    assert any("has been moved; put it back below its question" in said for said in found.findings)


def test_an_answer_that_lost_all_its_names_is_known_by_what_it_defines(
    mine: dict[str, Any], handed_in: Any
) -> None:
    one = cell(mine, FIRST)
    source = "".join(one["source"]).partition("\n")[2]
    one |= {"id": "other", "metadata": {}, "source": source}
    assert handed_in().answers[JUDGED[0]].source == source


def test_a_given_cell_that_was_changed_is_named(mine: dict[str, Any], handed_in: Any) -> None:
    cell(mine, f"{FIRST}-check")["source"] = "print('full marks')"
    cell(mine, "setup")["source"] = "import this"
    said = " ".join(handed_in().findings)
    assert f"the check of {JUDGED[0]}, was changed; the released one is used" in said
    assert "a given cell, was changed" in said


def test_an_older_release_is_told_and_its_answers_are_taken(
    mine: dict[str, Any], handed_in: Any
) -> None:
    mine["metadata"]["vaecourse"]["release"] = "0ld"
    found = handed_in()
    assert set(JUDGED) <= set(found.answers)
    assert "this notebook is of release 0ld, the course has" in found.findings[0]


def test_the_file_name_says_nothing_of_which_assignment_it_is(tmp_path: Path) -> None:
    path = write(solved("a3-elbo"), tmp_path / f"{A2}.ipynb")
    assert submission(path).sheet.assignment == "a3-elbo"


BROKEN = {
    "empty": "",
    "half": '{"cells": [',
    "a list": "[]",
    "no cells": '{"nbformat": 4}',
    "cells of no kind": '{"cells": 3}',
    "deep": "[" * 200_000,
    "another course": json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]}),
    "no cell in cells": '{"cells": [1, null, "x", {}]}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_assignment_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    with pytest.raises(CourseError, match=r"is no notebook|is no assignment of this course"):
        submission(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_what_cannot_be_read_is_refused_in_a_sentence(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CourseError, match=r"not UTF-8 text|cannot read"):
        submission(path)


def test_cells_of_wrong_types_cost_no_other(mine: dict[str, Any], handed_in: Any) -> None:
    whole = sources(handed_in())
    odd = [7, None, {"cell_type": 3, "source": {"a": 1}, "metadata": []}, {"source": None}]
    mine["cells"][2:2] = odd
    assert sources(handed_in()) == whole


def test_what_a_cell_defines_is_what_stands_at_its_outermost_level() -> None:
    source = (
        "import a.b as c, d.e\nx, (y, z) = 1, (2, 3)\ndef f():\n    inner = 1\nclass G: w = 2\n"
    )
    assert defined(source) == {"c", "d", "x", "y", "z", "f", "G"}
    assert defined("%matplotlib inline\nfor i in range(3): t = i") == {"i", "t"}
    assert defined("def (") == set()
