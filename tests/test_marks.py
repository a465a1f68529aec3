"""Points come of a pass by nbval alone; hints name the mistake, and tell nothing that is hidden."""

import json
from dataclasses import replace
from typing import Any

import pytest
from homework import ROOT, asked
from hypothesis import given
from hypothesis import strategies as st

from vaecourse.classroom import emitting, sheets
from vaecourse.classroom.grades import QuestionGrade
from vaecourse.classroom.judged import Outcome
from vaecourse.classroom.keymaking import key_of
from vaecourse.classroom.keys import Key, KeyQuestion
from vaecourse.classroom.marks import ELSEWHERE, ENDED, mark, to_read
from vaecourse.classroom.records import CHANGES_HINT
from vaecourse.classroom.sheets import Read

A2 = "a2-vae-by-hand"
SHEET = sheets.load(A2)


@pytest.fixture(scope="module")
def key() -> Key:
    return key_of(ROOT / "solutions" / f"{A2}.ipynb", [1_000_001, 1_000_002])


def question(key: Key, name: str) -> KeyQuestion:
    return next(q for q in key.questions if q.name == name)


def marked(q: KeyQuestion, *lines: str, status: str = "ok", passes: bool = False) -> QuestionGrade:
    printed = "".join(f"{line}\n" for line in lines)
    cell = f"{q.name.replace('.', '-')}-check"
    error = "ValueError" if status == "error" else ""
    return mark(q, SHEET, "", {cell: Outcome(passes, status, error, printed)})


def test_a_pass_earns_all_points_and_the_same_text_without_one_none(key: Key) -> None:
    for q in key.questions:
        assert marked(q, *q.lines, passes=True).points == q.points
        for status in ("ok", "error", "late", "loud", "dead"):
            assert marked(q, *q.lines, status=status).points == 0


def test_what_was_not_answered_earns_nothing_whatever_passes(key: Key) -> None:
    for q in key.questions:
        cell = f"{q.name.replace('.', '-')}-check"
        outcomes = {cell: Outcome(True, "ok", "", "\n".join(q.lines))}
        for why in ("not answered", "missing", "too long"):
            grade = mark(q, SHEET, why, outcomes)
            assert (grade.points, grade.status) == (0, "not answered")


def test_each_named_mistake_is_told_by_its_name(key: Key) -> None:
    for q in key.questions:
        assert q.mistakes
        for mistake in q.mistakes:
            grade = marked(q, *mistake.lines)
            assert (grade.points, grade.mistake, grade.hint) == (0, mistake.name, mistake.hint)


@pytest.mark.parametrize(
    ("factor", "word"), [(2.0, "twice"), (0.5, "half"), (-1.0, "the negative of")]
)
def test_a_factor_everywhere_is_named(key: Key, factor: float, word: str) -> None:
    q = replace(question(key, "a2.4"), mistakes=())
    (right,) = [one.solution for one in asked(A2) if one.name == q.name]
    lines = [emitting.outcome(lambda *x: factor * right(*x), case) for case in q.cases]
    assert marked(q, *lines).hint == f"This is {word} what was expected, everywhere."


def test_an_answer_that_is_right_for_the_visible_inputs_alone_is_told_so(key: Key) -> None:
    q = replace(next(q for q in key.questions if len(q.lines) > q.num_open), mistakes=())
    wrong = json.loads(q.lines[-1])
    wrong[0][2][0] += 1
    grade = marked(q, *q.lines[:-1], json.dumps(wrong))
    assert (grade.points, grade.hint) == (0, ELSEWHERE)


def test_values_are_counted_and_forms_compared(key: Key) -> None:
    q = replace(question(key, "a2.3"), mistakes=())
    lines = [json.loads(line) for line in q.lines]
    total = sum(len(part[2]) for line in lines for part in line)
    lines[0][0][2][0] += 5
    said = marked(q, *map(json.dumps, lines)).hint
    assert said.startswith(f"{total - 1} of {total} values are right")
    lines[0][0][1] = [1, *lines[0][0][1]]
    assert "form" in marked(q, *map(json.dumps, lines)).hint


def test_changed_inputs_crashes_and_lacking_answers_have_their_own_hints(key: Key) -> None:
    q = question(key, "a2.6")
    assert marked(q, *q.lines, '[["changes its inputs", null, [""]]]').hint == CHANGES_HINT
    assert marked(q, '[["waits", null, ["gaussian_kl"]]]').hint.startswith("It uses gaussian_kl")
    assert "gaussian" not in marked(q, '[["waits", null, ["hidden_gaussian"]]]').hint
    assert marked(q, '[["raises KeyError", null, ["x"]]]').hint == "It ends in KeyError."
    for status, hint in ENDED.items():
        grade = marked(q, status=status)
        assert (grade.status, grade.hint) == (status, hint)


SECRET = "the hidden source"
json_like: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_whatever_is_printed_earns_nothing_and_is_repeated_to_nobody(
    key: Key, data: st.DataObject
) -> None:
    q = question(key, data.draw(st.sampled_from(["a2.1", "a2.6", "a2.8"])))
    part = st.tuples(
        st.sampled_from([SECRET, f"raises {SECRET}", "waits", "changes its inputs", ""]),
        json_like,
        st.lists(st.integers() | st.just(SECRET) | st.integers(10**400, 10**401), max_size=3),
    )
    lines = data.draw(
        st.lists(
            st.lists(part, max_size=3).map(json.dumps)
            | json_like.map(json.dumps)
            | st.text()
            | st.sampled_from(q.lines)
            | st.just("[" * 100_000)
            | st.just("[[" + "9" * 5000 + "]]"),
            max_size=len(q.lines) + 2,
        )
    )
    grade = marked(q, *lines)
    assert grade.points == 0
    assert SECRET not in grade.hint


@given(st.text(min_size=1))
def test_an_exceptions_own_name_is_repeated_to_nobody(name: str) -> None:
    q = KeyQuestion("a2.1", 5, "f", 0, (), (), ())
    failed = Outcome(False, "error", f"Secret{name}Error")
    grade = mark(q, SHEET, "", {"a2-1": failed, "a2-1-check": failed})
    assert (grade.points, grade.status) == (0, "error")
    assert grade.hint == "The answer cell cannot be run: it ends in an exception."


def test_a_person_reads_what_was_written_and_nobody_what_was_not() -> None:
    read = Read("a2.9", 18)
    assert (to_read(read, "").points, to_read(read, "").status) == (None, "to read")
    assert (to_read(read, "not answered").points, to_read(read, "missing").points) == (0, 0)
