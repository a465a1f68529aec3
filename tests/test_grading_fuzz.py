"""Whatever is handed in, reading it and judging what it prints raises CourseError at most, soon."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import homework
import nbformat
import pytest
from homework import cell, solved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaecourse.classroom import judging, keys, papers, sheets, tampering, verdicts
from vaecourse.classroom.examining import examine
from vaecourse.classroom.grades import Handed, encode
from vaecourse.classroom.judged import Job, Judged, Outcome
from vaecourse.classroom.kernel import Run
from vaecourse.classroom.submissions import submitted
from vaecourse.errors import CourseError

A2 = "a2-vae-by-hand"
SOON = 15  # seconds, on a busy machine, for what takes one or two


@cache
def real() -> str:
    return json.dumps(solved(A2))


def graded(text: str) -> str:
    """The record of a text, as the batch keeps it; what the kernel would say is given."""
    try:
        handed = submitted(text, "mine.ipynb")
    except CourseError:
        return ""
    paper = papers.paper(handed, homework.key(A2))
    found = tampering.findings(handed)
    assert len("".join(found)) < 100_000
    source = nbformat.writes(paper.notebook)
    source.encode()
    nbformat.validate(nbformat.reads(source, as_version=4))
    return recorded(Judged("", A2, paper.why_not, paper.answers, found, source))


def recorded(came: Judged) -> str:
    """The record of what came, which earns nothing."""
    handed = Handed("ada", "mine.ipynb", b"")
    grade = verdicts.grade_of(handed, came, homework.key(A2), "none", {}, {})
    assert not grade.total
    record = encode(grade)
    record.encode()
    return record


# -- notebooks that were cut, spliced and mixed up -----------------------------------------------

words = st.text(max_size=8) | st.sampled_from(
    ["\ud800", "\0", "\u2028", "\r", "\ufeff", "a2-3", "# Answer to a2.3", "code", "markdown", A2]
)
junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def _places(thing: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(thing, list):
        thing = dict(enumerate(thing))
    for name, part in thing.items() if isinstance(thing, dict) else ():
        yield from _places(part, (*place, name))


@cache
def places() -> tuple[tuple[Any, ...], ...]:
    return tuple(place for place in _places(solved(A2)) if place)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_notebook_with_strange_things_in_it_is_read_or_refused(data: st.DataObject) -> None:
    raw = copy.deepcopy(solved_once())
    for place in data.draw(st.lists(st.sampled_from(places()), min_size=1, max_size=5)):
        at: Any = raw
        try:
            for name in place[:-1]:
                at = at[name]
            at[place[-1]] = data.draw(junk)
        except (KeyError, IndexError, TypeError):
            continue  # another change has taken it away
    if data.draw(st.booleans()) and isinstance(raw.get("cells"), list):
        data.draw(st.randoms(use_true_random=False)).shuffle(raw["cells"])
        raw["cells"] += raw["cells"][: data.draw(st.integers(0, 9))]
    graded(json.dumps(raw))


@cache
def solved_once() -> Any:
    return json.loads(real())


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 60_000), st.integers(0, 60_000), st.integers(0, 60_000), st.text(max_size=9))
def test_a_notebook_that_was_cut_and_spliced_is_read_or_refused(
    start: int, end: int, source: int, more: str
) -> None:
    text = real()
    graded(text[:start] + more + text[source : source + abs(end - start)] + text[end:])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | junk.map(json.dumps) | junk.map(lambda j: json.dumps({"cells": j})))
def test_what_is_no_notebook_is_refused(text: str) -> None:
    assert graded(text) == ""


# -- large and deep ones -------------------------------------------------------------------------


def with_answer(source: str) -> str:
    raw = solved(A2)
    cell(raw, "a2-3")["source"] = "".join(cell(raw, "a2-3")["source"]) + source
    return json.dumps(raw)


def with_cells(count: int, source: str = "y = 1\n", **more: Any) -> str:
    raw = solved(A2)
    raw["cells"].remove(cell(raw, "a2-3"))
    one = {"cell_type": "code", "metadata": {}, **more}
    raw["cells"] += [{**one, "source": f"{source}# {i}"} for i in range(count)]
    return json.dumps(raw)


LARGE: dict[str, Callable[[], str]] = {
    "blank lines": lambda: with_answer("\n" * 90_000),
    "lines of blanks": lambda: with_answer(" \n" * 45_000),
    "blanks": lambda: with_answer("\n" + " " * 90_000),
    "hashes": lambda: with_answer("\n" + "#" * 90_000),
    "hashes apart": lambda: with_answer("\n" + "# " * 45_000),
    "imports": lambda: with_answer("\n#" + "vaecourse import " * 5_500),
    "parentheses": lambda: with_answer("\nx = " + "(" * 45_000 + ")" * 45_000),
    "signs": lambda: with_answer("\nx = " + "-" * 90_000 + "1"),
    "sums": lambda: with_answer("\nx = 1" + "+1" * 45_000),
    **{f"{n} parts": lambda n=n: with_answer("\nx" + ".a" * n) for n in (300, 700, 900, 990)},
    "strings in strings": lambda: with_answer("\nx = " + "f'{" * 100 + "1" + "}'" * 100),
    "an answer of 50 MB": lambda: with_answer("\n#" + "x" * 50_000_000),
    "many cells": lambda: with_cells(20_000),
    "50 MB of cells": lambda: with_cells(700, "gaussian_kl = 1\n" * 4_400),
    "answers in every cell": lambda: with_cells(20_000, id="a2-4", tags=["nbval-skip"]),
    "a kind of 5 MB": lambda: with_cells(1, "", id="a2-3", cell_type="x" * 5_000_000),
    "deep lists": lambda: '{"cells":' + "[" * 900 + "]" * 900 + "}",
    "lists too deep": lambda: '{"cells":' + "[" * 90_000 + "]" * 90_000 + "}",
    "a deep source": lambda: real().replace(
        '"source": [', '"source": [' + "[" * 900 + "]" * 900 + ",", 1
    ),
    "a long number": lambda: '{"cells":[' + "9" * 5_000 + "]}",
    "format 3": lambda: json.dumps(
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x"}] * 20_000}]}
    ),
    "format 5": lambda: real().replace('"nbformat": 4', '"nbformat": 5'),
    "a mark of byte order": lambda: "\ufeff" + real(),
    "UTF-16 read as Latin": lambda: real().encode("utf-16").decode("latin-1"),
    "half characters": lambda: real().replace("# Answer to", r"#\ud800\u0000 Answer to"),
}


@pytest.mark.parametrize("name", LARGE)
def test_the_large_and_the_deep_take_seconds(name: str) -> None:
    text = LARGE[name]()
    began = time.process_time()
    graded(text)
    assert time.process_time() - began < SOON


# -- what nbval obeys ----------------------------------------------------------------------------

BEFORE = ("\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\n\xa0", "\n\u3000", "\n\t ")
AFTER = ("", " ", "\xa0", "\x1f", "\u2003\t")
NAMES = ("NBVAL_SKIP", "NBVAL_CHECK_OUTPUT", "NBVAL_IGNORE_OUTPUT", "PYTEST_VALIDATE_IGNORE_OUTPUT")


@given(st.lists(st.tuples(*map(st.sampled_from, (BEFORE, ("#", "###"), AFTER, NAMES, BEFORE)))))
def test_no_spelling_of_a_marker_reaches_nbval(parts: list[tuple[str, ...]]) -> None:
    from nbval.plugin import find_comment_markers

    source = papers.without_markers("x = 1" + "".join(map("".join, parts)))
    assert dict(find_comment_markers(source)) == {}


# -- what kernels say ----------------------------------------------------------------------------


class Told:
    """A kernel that says what it is told to."""

    is_alive = True

    def __init__(self, runs: Iterator[Run]) -> None:
        self.runs = runs

    def __enter__(self) -> "Told":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def computed(self) -> float:
        return 0.0

    def run(self, code: str, *_: object, **__: object) -> Run:
        return next(self.runs) if "emit(" in code else Run("ok")


def told(folder: Path, *runs: Run) -> judging.Ran:
    place = folder / "paper.ipynb"
    place.write_text(
        nbformat.writes(papers.paper(submitted(real(), "x"), homework.key(A2)).notebook)
    )
    num_checks = len(homework.key(A2).questions)
    some = iter([runs[i % len(runs)] for i in range(num_checks)])
    return judging.run_paper(place, lambda: Told(some))  # type: ignore[arg-type,return-value]


def out(text: Any, **more: Any) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text, **more}


def test_the_expected_lines_pass_and_nothing_beside_them(tmp_path: Path) -> None:
    right = [
        Run("ok", outputs=(out("\n".join(q.lines) + "\n"),)) for q in homework.key(A2).questions
    ]
    assert all(o.is_passed for o in told(tmp_path, *right).outcomes.values())
    more: list[Any] = [
        out("\n"),
        out("x", name="stderr"),
        {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}},
        {"output_type": "error", "ename": "x", "evalue": "", "traceback": []},
        out(3),
        out("\ud800"),
    ]
    runs = [Run("ok", outputs=(*r.outputs, m)) for r, m in zip(right, more, strict=False)]
    for other in ("error", "late"):
        runs.append(Run(other, outputs=right[len(runs)].outputs))
    assert not [o for o in told(tmp_path, *runs).outcomes.values() if o.is_passed]


STRANGE: tuple[tuple[Any, ...], ...] = (
    (out("\r" * 900_000), out("a\b" * 450_000), out("\x1b[2J" * 200_000), out("\b" * 900_000)),
    tuple(out("\n".join(f"[[{'1, ' * 90}{i}" for i in range(2_500))) for _ in "1"),
    ({"output_type": "stream"}, out(["a", 3]), out({"a": 3}), out("x", name=["a"])),
    (
        {"output_type": "display_data", "data": [1]},
        {"output_type": "display_data", "data": {"a": {}}},
    ),
    tuple({"output_type": "display_data", "data": {f"k{i}": "x"}} for i in range(9_000)),
    (out("x"),) * 50_000,
    ({"output_type": "error", "ename": [1], "evalue": {}, "traceback": "x" * 900_000},),
    (out("A" * 900_000), out("\ud800\0")),
)


def test_strange_outputs_pass_nothing_and_cost_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")  # where pytest shows differences in full length
    began = time.process_time()
    ran = told(tmp_path, *(Run("ok", outputs=one) for one in STRANGE))
    assert time.process_time() - began < SOON
    assert not ran.problem
    assert len(ran.outcomes) == len(homework.key(A2).questions)
    assert not [o for o in ran.outcomes.values() if o.is_passed]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_came_of_cells_makes_a_grade_without_points(data: st.DataObject) -> None:
    line = st.text(max_size=40) | junk.map(json.dumps)
    printed = st.lists(line, max_size=8).map("\n".join)
    statuses = st.sampled_from(["ok", "error", "late", "loud", "dead", "<b>"])
    outcome = st.builds(Outcome, st.just(False), statuses, st.text(max_size=9), printed)
    ids = [c.id for c in sheets.load(A2).cells]
    some = st.dictionaries(st.sampled_from(ids), outcome)
    record = recorded(Judged(outcomes=data.draw(some), failed=data.draw(some)))
    assert len(record) < 100_000


def test_no_text_brings_examining_down() -> None:
    for text in ("", "\ud800", "[" * 90_000, '{"cells": [[]]}', LARGE["UTF-16 read as Latin"]()):
        found = examine(Job("x", text, {A2: keys.encode(homework.key(A2))}, "bubblewrap"))
        assert found.error
        assert found.num_kernels == 0
