"""A submission is judged in a jail, and plain nbval sees in its paper what the grader saw."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from homework import ROOT, cell, released, solved

from vaecourse.classroom import judged, judges, keys, sheets, verdicts
from vaecourse.classroom.examining import examine
from vaecourse.classroom.grades import Grade, Handed
from vaecourse.classroom.jail import isolation
from vaecourse.classroom.judged import Job, Judged
from vaecourse.classroom.keymaking import key_of
from vaecourse.classroom.warm import WarmJail

A2 = "a2-vae-by-hand"
LEVEL, WHY = isolation()
pytestmark = pytest.mark.skipif(LEVEL == "none", reason=f"no jail on this machine: {WHY}")
HALF = "return -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1) / 2"


@pytest.fixture(scope="module")
def key() -> keys.Key:
    return key_of(ROOT / "solutions" / f"{A2}.ipynb", [1_000_001, 1_000_002])


def job(raw: Any, key: keys.Key, **changed: Any) -> Job:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return Job(**{"name": "mine.ipynb", "text": text, "keys": {A2: keys.encode(key)},
                  "isolation": LEVEL, **changed})  # fmt: skip


def grade(found: Judged, key: keys.Key) -> Grade:
    return verdicts.grade_of(Handed("ada", "mine.ipynb", b""), found, key, LEVEL, {}, {})


@pytest.fixture(scope="module")
def mixed() -> dict[str, Any]:
    """Right but for: a2.2 unanswered, a2.3 half, a2.5 ends its kernel, and a2.8 in an exception."""
    mine, stub = solved(A2), released(A2)
    cell(mine, "a2-2")["source"] = cell(stub, "a2-2")["source"]
    kl = cell(mine, "a2-3")
    kl["source"] = "".join(kl["source"]).partition("\n    ### BEGIN")[0] + f"\n    {HALF}\n"
    vae = cell(mine, "a2-5")
    vae["source"] = "".join(vae["source"]) + "\nimport os\nos._exit(3)\n"
    draw = cell(mine, "a2-8")
    draw["source"] = "def draw(model, num_images):\n    return model.no_such_part\n"
    return mine


@pytest.fixture(scope="module")
def found(mixed: dict[str, Any], key: keys.Key, warm_jail: WarmJail) -> Judged:
    return examine(job(mixed, key), warm_jail)


def test_each_question_is_judged_on_its_own_and_a_crash_is_for_a_person(
    found: Judged, key: keys.Key
) -> None:
    mark = grade(found, key)
    statuses = {q.name: q.status for q in mark.questions}
    assert statuses == {
        "a2.1": "right",
        "a2.2": "not answered",
        "a2.3": "wrong",
        "a2.4": "right",
        "a2.5": "dead",
        "a2.6": "wrong",  # uses a2.3
        "a2.7": "wrong",
        "a2.8": "error",
        "a2.9": "to read",
    }
    assert mark.status == "needs review"
    assert any("a2.5" in reason for reason in mark.review)
    assert found.num_kernels == 2
    points = {q.name: q.points for q in sheets.load(A2).questions}
    assert mark.total == points["a2.1"] + points["a2.4"]


def test_plain_nbval_shows_the_same_passes_on_the_paper(
    mixed: dict[str, Any], key: keys.Key, warm_jail: WarmJail, tmp_path: Path
) -> None:
    vae = cell(mixed, "a2-5")
    vae["source"] = "".join(vae["source"]).replace("os._exit(3)", "1 / 0")  # nbval would wait
    found = examine(job(mixed, key), warm_jail)
    paper = tmp_path / "paper.ipynb"
    paper.write_text(found.paper)
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-rA", "-p", "no:cacheprovider"]
    ran = subprocess.run([*command, str(paper)], capture_output=True, text=True, cwd=tmp_path)
    code = [c for c in json.loads(found.paper)["cells"] if c["cell_type"] == "code"]
    checks = {c["id"]: i for i, c in enumerate(code) if c["id"].endswith("-check")}
    plain = {
        name: f"PASSED {paper.name}::Cell {number}\n" in ran.stdout + "\n"
        for name, number in checks.items()
    }
    assert plain == {name: outcome.is_passed for name, outcome in found.outcomes.items()}
    assert {True, False} == set(plain.values())


def test_only_the_questions_that_are_asked_run(
    mixed: dict[str, Any], key: keys.Key, warm_jail: WarmJail
) -> None:
    for name in ("a2-5", "a2-8"):
        cell(mixed, name)["source"] = "import os\nos._exit(3)\n"
    found = examine(job(mixed, key, only=("a2.1",)), warm_jail)
    assert {name: o.is_passed for name, o in found.outcomes.items()} == {"a2-1-check": True}


@pytest.mark.parametrize("text", ["", "{}", "[" * 10_000, "\ud800", '{"cells": 3}', "\0"])
def test_what_is_no_notebook_says_so_and_runs_nothing(text: str, key: keys.Key) -> None:
    found = examine(job(text, key))
    assert found.num_kernels == 0
    assert "is no notebook" in found.error


def test_a_judge_examines_and_one_that_dies_is_followed_by_another(key: keys.Key) -> None:
    judge = judges.Judge()
    line = judged.encode(job("{}", key, isolation="none"))
    try:
        assert "is no notebook" in judged.judged(judge.ask(line)).error
        assert "no answer after" in judged.judged(judge.ask(line, seconds=0)).error
        assert "died" in judged.judged(judge.ask("{}")).error
        assert "is no notebook" in judged.judged(judge.ask(line)).error
    finally:
        judge.end()
