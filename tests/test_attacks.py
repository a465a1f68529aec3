"""No attack of `attacks.py` earns a point, reads a file, leaves a process or stops the grader."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import homework
import psutil
import pytest
from attacks import CANARY, NAMES, NOTEBOOKS, Attack
from homework import ROOT, cell, solved

from vaecourse.classroom import judging, keys, sheets, verdicts
from vaecourse.classroom.examining import examine
from vaecourse.classroom.grades import CRASHES, Grade, Handed
from vaecourse.classroom.jail import isolation
from vaecourse.classroom.judged import Job, Judged
from vaecourse.classroom.warm import WarmJail

A2 = "a2-vae-by-hand"
LEVEL, WHY = isolation()
pytestmark = pytest.mark.skipif(LEVEL == "none", reason=f"no jail on this machine: {WHY}")
POINTS = {q.name: q.points for q in sheets.load(A2).questions}
WHOLE_SECONDS = 90.0  # of the clock, for a notebook here
HANGS_SECONDS = 12.0  # for that one in which every answer hangs
SLACK_SECONDS = 40  # to start, to stop, and for a busy machine
MOST_BYTES = 1 << 30  # of memory that a hostile notebook may cost its grader


class Outside(NamedTuple):
    """What is outside the jail: files that hold the canary, and a server that counts its guests."""

    files: list[Path]
    server: socket.socket
    guests: list[object]


class Came(NamedTuple):
    """What came of a notebook of attacks."""

    found: Judged
    grade: Grade
    seconds: float
    bytes: int  # that the grader's memory has grown by, at most
    left: set[int]  # processes that were not there before


@pytest.fixture(scope="module")
def key() -> keys.Key:
    return homework.key(A2)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("outside")
    places = [folder / "canary.txt", Path("/tmp", f"canary-{os.getpid()}.txt")]
    places.append(Path("/dev/shm", f"canary-{os.getpid()}.txt"))
    for place in places:
        place.write_text(CANARY)
    guests: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_welcome, args=(server, guests), daemon=True).start()
        yield Outside(places, server, guests)
    for place in places:
        place.unlink()


def _welcome(server: socket.socket, guests: list[object]) -> None:
    try:
        while True:
            guests.append(server.accept())
    except OSError:
        return


@pytest.fixture(scope="module")
def came(key: keys.Key, outside: Outside) -> Iterator[Callable[[str], Came]]:
    """What came of a notebook; each is graded once, one after the other, in one warm jail."""
    known: dict[str, Came] = {}
    jails = [WarmJail()]

    def grade(name: str) -> Came:
        if name not in known:
            if not jails[-1].is_idle():
                jails[-1].end()
                jails.append(WarmJail())
            whole = HANGS_SECONDS if name == "hangs" else WHOLE_SECONDS
            patch.setattr(judging, "SESSION_SECONDS", whole)
            known[name] = _graded(name, key, outside, jails[-1])
        return known[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "JUDGED_SECONDS", 4)
        patch.setattr(judging, "WAITED_SECONDS", 8)
        yield grade
    jails[-1].end()


def _graded(name: str, key: keys.Key, outside: Outside, warm: WarmJail) -> Came:
    raw = solved(A2)
    for attack in NOTEBOOKS[name]:
        one = cell(raw, attack.cell)
        honest = "".join(one["source"]) if attack.is_honest else f"# Answer to {_name(attack)}"
        one["source"] = f"{honest}\n{_source(attack, outside)}"
    job = Job("mine.ipynb", json.dumps(raw), {A2: keys.encode(key)}, LEVEL)
    before, peak, me = _children(), [0], psutil.Process()
    start, began, done = me.memory_info().rss, time.monotonic(), threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], me.memory_info().rss - start)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        found = examine(job, warm)
    finally:
        done.set()
        watcher.join()
    seconds = time.monotonic() - began
    warm.is_idle()  # answers when it is as new
    handed = Handed("eve", "mine.ipynb", job.text.encode())
    grade = verdicts.grade_of(handed, found, key, LEVEL, {}, {})
    return Came(found, grade, seconds, peak[0], _children() - before)


def _source(attack: Attack, outside: Outside) -> str:
    files = ", ".join(repr(str(path)) for path in outside.files)
    port = str(outside.server.getsockname()[1])
    words = {"FILES": files, "PORT": port, "SOLUTIONS": repr(str(ROOT / "solutions" / "*"))}
    source = attack.source.replace("NAME", NAMES[attack.cell])
    for word, text in words.items():
        source = source.replace(word, text)
    return source


def _name(attack: Attack) -> str:
    return attack.cell.replace("-", ".")


def _children() -> set[int]:
    return {one.pid for one in psutil.Process().children(recursive=True)}


each = pytest.mark.parametrize("name", NOTEBOOKS)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.xfail(
                name == "guesses",
                reason="a check's own yes or no is made where the answer runs, and can be guessed",
                strict=True,
            ),
        )
        for name in NOTEBOOKS
    ],
)
def test_no_attack_earns_more_than_its_honest_part(name: str, came: Callable[[str], Came]) -> None:
    earned = {q.name: q.points for q in came(name).grade.questions}
    attacks = {_name(attack): attack for attack in NOTEBOOKS[name]}
    hit = {question for attack in NOTEBOOKS[name] for question in attack.hits}
    for question, points in POINTS.items():
        attack = attacks.get(question)
        if attack is None and question not in hit:
            assert earned[question] == points, question
        elif attack is not None and not attack.is_honest:
            assert earned[question] == 0, attack.tries
        elif attack is not None and attack.ends == ("ok",):
            assert earned[question] == points, attack.tries
        else:
            assert earned[question] in (0, points)


@each
def test_each_attack_ran(name: str, came: Callable[[str], Came]) -> None:
    failed = came(name).found.failed
    for attack in NOTEBOOKS[name]:
        ended = failed[attack.cell].status if attack.cell in failed else "ok"
        what = (attack.tries, failed.get(attack.cell))
        assert ended in attack.ends or name == "hangs", what


@each
def test_an_attack_is_named_in_the_tamper_report(name: str, came: Callable[[str], Came]) -> None:
    for attack in NOTEBOOKS[name]:
        line = f"{_name(attack)}: {attack.found}"
        assert not attack.found or any(f.startswith(line) for f in came(name).grade.tampering), line


@each
def test_a_crash_is_for_a_person_and_no_silent_nought(
    name: str, came: Callable[[str], Came]
) -> None:
    grade, found = came(name).grade, came(name).found
    assert not found.error
    crashed = {q.name for q in grade.questions if q.status in CRASHES}
    stopped = any(one.status in CRASHES for one in found.failed.values())
    for_a_person = bool(crashed or stopped or found.hooks)
    assert for_a_person == (grade.status == "needs review")
    assert crashed <= {reason.partition(":")[0] for reason in grade.review}


@each
def test_a_notebook_ends_in_time_and_leaves_nothing(name: str, came: Callable[[str], Came]) -> None:
    assert came(name).seconds < WHOLE_SECONDS + SLACK_SECONDS
    assert came(name).bytes < MOST_BYTES
    assert came(name).left == set()


@each
def test_nothing_outside_is_reached_and_nothing_hidden_told(
    name: str, came: Callable[[str], Came], outside: Outside, key: keys.Key
) -> None:
    found, grade = came(name).found, came(name).grade
    assert outside.guests == []
    assert all(path.read_text() == CANARY for path in outside.files)
    assert CANARY not in json.dumps(asdict(found))
    told = " ".join((*(f"{q.hint} {q.mistake}" for q in grade.questions), *grade.review))
    assert len(told) < 10_000
    assert "Secret" not in told
    hidden = {line.strip() for q in key.questions for c in q.cases for line in c.asked.split("\n")}
    assert not [line for line in hidden if len(line) > 12 and line in told]
    assert len(json.dumps(asdict(grade))) < 1_000_000


def test_points_of_an_answer_that_reaches_for_the_check_wait_for_a_person(
    came: Callable[[str], Came],
) -> None:
    grade = came("guesses").grade
    assert grade.status == "needs review"
    assert any("a2.2: reaches for the check" in reason for reason in grade.review)
