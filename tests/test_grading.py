"""A class is graded whole: whoever stops a run goes on, and a regrade asks what it must alone."""

import csv
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from homework import ROOT, released, solved
from pupils import A2, POINTS, after, with_answers

from vaecourse.classroom import grading, keys
from vaecourse.classroom.folder import Folder
from vaecourse.classroom.grading import Settings, grade_class
from vaecourse.classroom.jail import Isolation, isolation
from vaecourse.classroom.judged import Judged
from vaecourse.cli import main

LEVEL, WHY = isolation()
needs_jail = pytest.mark.skipif(LEVEL == "none", reason=f"no jail on this machine: {WHY}")
NUM_STUDENTS = 6


@pytest.fixture(scope="module")
def key() -> keys.Key:
    return keys.make_key(ROOT / "solutions" / f"{A2}.ipynb", [1_000_001])


@pytest.fixture
def handed(tmp_path: Path) -> Path:
    """Students whose first answer ends the kernel, so that each takes a while, and one stub."""
    folder = tmp_path / "handed"
    for number in range(NUM_STUDENTS):
        place = folder / f"student-{number}" / f"{A2}.ipynb"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(solved(A2)) + " " * number)
    place.write_text(json.dumps(released(A2)))
    return folder


@pytest.fixture
def out(tmp_path: Path, key: keys.Key) -> Path:
    """A folder of results that has its key already."""
    results = tmp_path / "out"
    results.mkdir()
    seeds = list(key.seeds)
    (results / "run.json").write_text(json.dumps({"seed": 1, "seeds": seeds}))
    Folder(results).keep_key(key)
    return results


def totals(out: Path) -> dict[str, str]:
    text = (out / "gradebook.csv").read_text("utf-8-sig")
    return {row["student"]: row["total"] for row in csv.DictReader(io.StringIO(text))}


EXPECTED = {f"student-{i}": str(sum(POINTS.values())) for i in range(NUM_STUDENTS - 1)} | {
    f"student-{NUM_STUDENTS - 1}": "0"
}


@needs_jail
def test_a_grader_that_is_killed_at_any_moment_goes_on_and_counts_everybody_once(
    handed: Path, out: Path
) -> None:
    command = [sys.executable, "-m", "vaecourse", "grade", str(handed), "--out", str(out)]
    chance = random.Random(0)
    for _ in range(2):
        process = subprocess.Popen([*command, "--resume"], stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(2, 20))
        kill(process)
        assert len(Folder(out).grades()) <= NUM_STUDENTS  # and each can be read
    ended = CliRunner().invoke(main, ["grade", str(handed), "--out", str(out), "--resume"])
    assert ended.exit_code == 0, ended.output
    assert totals(out) == EXPECTED


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process, and see that all that it has started ends."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(map(is_running, family)), 30)


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@needs_jail
def test_a_regrade_asks_the_questions_of_a_mended_check_alone_and_shows_what_changed(
    tmp_path: Path, out: Path, key: keys.Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = tmp_path / "handed"
    for name, content in {
        "ada": json.dumps(solved(A2)),
        "bob": with_answers(a2_4=after("1 / 0")),
    }.items():
        (handed / name).mkdir(parents=True)
        (handed / name / f"{A2}.ipynb").write_text(content)
    mended = replace(
        key,
        questions=tuple(
            replace(q, points=q.points - 2, lines=(*q.lines[:-1], "[]")) if q.name == "a2.4" else q
            for q in key.questions
        ),
    )
    first = grade_class(handed, out, Settings(resume=True))
    assert (first.num_judged, first.changes) == (2, ())
    manual = "student,assignment,question,points,comment\nada,a2-vae-by-hand,a2.9,11,good\n"
    (out / "manual.csv").write_text(manual)
    kept = {g.student: g for g in Folder(out).grades()}
    monkeypatch.setattr(keys, "make_key", lambda *_: key)
    again = grade_class(handed, out, Settings(regrade=True))
    assert again.num_judged == 0
    monkeypatch.setattr(keys, "make_key", lambda *_: mended)
    done = grade_class(handed, out, Settings(regrade=True))
    assert [(c.student, c.question, c.before, c.after) for c in done.changes] == [
        ("ada", "a2.4", 10.0, 0.0),
        ("bob", "a2.4", 10.0, 0.0),
    ]
    for grade in Folder(out).grades():
        others = [q for q in grade.questions if q.name != "a2.4"]
        assert others == [q for q in kept[grade.student].questions if q.name != "a2.4"]
        paper = json.loads((out / "graded" / grade.student / f"{A2}.ipynb").read_text())
        checks = [c for c in paper["cells"] if c["id"].endswith("-check")]
        asked = [c["id"] for c in checks]
        assert asked == [f"{name.replace('.', '-')}-check" for name in POINTS]
        outputs = {c["id"]: "".join(c["outputs"][0]["text"]) for c in checks}
        assert outputs["a2-4-check"].endswith("\n[]\n")  # of the mended key
        assert not outputs["a2-3-check"].endswith("\n[]\n")
    assert (out / "manual.csv").read_text() == manual


def test_what_was_earned_stays_where_a_question_cannot_be_asked_again(
    tmp_path: Path, out: Path, key: keys.Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "handed" / "ada" / f"{A2}.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(solved(A2)))
    settings = Settings(regrade=True, sandbox=False, at_once=1)
    monkeypatch.setattr(keys, "make_key", lambda *_: key)
    grade_class(place.parent.parent, out, settings)
    (before,) = Folder(out).grades()
    mended = replace(key, questions=(replace(key.questions[0], points=1), *key.questions[1:]))
    monkeypatch.setattr(keys, "make_key", lambda *_: mended)
    died = Judged("its judge died")
    monkeypatch.setattr(grading.workers, "answers", lambda _, jobs: [(j[0], died) for j in jobs])
    grade_class(place.parent.parent, out, settings)
    (after,) = Folder(out).grades()
    assert (after.questions, after.status) == (before.questions, "needs review")
    assert "its judge died" in after.review[-1]


def test_a_folder_whose_seeds_are_damaged_is_refused_in_words(handed: Path, out: Path) -> None:
    for damage in ("", "[]", '{"seed": 1}', '{"seed": 1, "seeds": ["x"]}'):
        (out / "run.json").write_text(damage)
        assert "seeds of a run" in refused(handed, "--out", out, "--no-sandbox")


@needs_jail
def test_a_cluster_gives_the_same_grades_though_a_worker_is_killed(handed: Path, out: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        command = [sys.executable, "-m", "vaecourse", "grade", str(handed), "--out", str(out)]
        process = subprocess.Popen(
            [*command, "--resume", "--cluster", address],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wait_for(lambda: any(judges_of(pid) for pid in workers(cluster)), 120)
        victim = next(pid for pid in workers(cluster) if judges_of(pid))
        psutil.Process(victim).kill()
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert totals(out) == EXPECTED


def workers(cluster: object) -> list[int]:
    return [w.pid for w in cluster.workers.values() if w.pid]  # type: ignore[attr-defined]


def judges_of(pid: int) -> bool:
    try:
        children = psutil.Process(pid).children(recursive=True)
        return any("vaecourse.classroom.judges" in c.cmdline() for c in children)
    except psutil.NoSuchProcess:
        return False


# -- what is refused ---------------------------------------------------------------------------


def refused(*arguments: object) -> str:
    ended = CliRunner().invoke(main, ["grade", *map(str, arguments)])
    assert ended.exit_code == 1, ended.output
    assert "Traceback" not in ended.output
    return ended.output


def test_without_a_jail_nobody_is_graded_unless_that_is_asked_for(
    handed: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading.jail, "isolation", lambda: Isolation("none", "bwrap not found"))
    said = refused(handed, "--out", out)
    assert "bwrap not found" in said
    assert "--no-sandbox" in said
    assert Folder(out).grades() == []


def test_without_a_jail_a_grade_says_so(tmp_path: Path, out: Path) -> None:
    place = tmp_path / "one" / "ada" / f"{A2}.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(solved(A2)))
    ended = CliRunner().invoke(
        main, ["grade", str(tmp_path / "one"), "--out", str(out), "--no-sandbox", "--jobs", "1"]
    )
    assert ended.exit_code == 0, ended.output
    assert {g.isolation for g in Folder(out).grades()} == {"none"}
    assert totals(out) == {"ada": str(sum(POINTS.values()))}
    again = refused(tmp_path / "one", "--out", out, "--no-sandbox")
    assert "--resume" in again
    assert "--regrade" in again


def test_a_folder_without_notebooks_one_without_solutions_and_other_seeds_are_refused(
    tmp_path: Path, handed: Path, out: Path
) -> None:
    (tmp_path / "empty").mkdir()
    plain = ("--no-sandbox", "--out")
    assert "holds no notebook" in refused(tmp_path / "empty", *plain, out)
    assert "cannot read" in refused(tmp_path / "nowhere", *plain, out)
    shutil.rmtree(out / "keys")
    said = refused(handed, *plain, out, "--solutions", tmp_path / "empty")
    assert f"holds no solution of {A2}" in said
    assert "expected the seed 1" in refused(handed, *plain, out, "--seed", 2)
