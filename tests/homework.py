"""Assignments as a student has them, and the questions as their author wrote them, for tests."""

import json
import linecache
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from vaecourse.classroom import asking, cells
from vaecourse.classroom.keymaking import key_of
from vaecourse.classroom.keys import Key

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "solutions").glob("*.ipynb"))


class Asked(NamedTuple):
    """A question in its author's words: what the solution answers, and others do."""

    name: str
    solution: Any
    right: tuple[Any, ...]
    wrong: tuple[Callable[..., Any], ...]


def released(name: str) -> dict[str, Any]:
    """The JSON of an assignment as it is handed out."""
    return json.loads((ROOT / "assignments" / f"{name}.ipynb").read_text())


def solution_sources(name: str) -> dict[str, str]:
    """The answer cells of a solution by their id."""
    nb = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    return {c.id: c.source for c in nb.cells if cells.role(c) in ("answer", "read")}


def solved(name: str) -> dict[str, Any]:
    """An assignment with the answers of the solution written into it."""
    raw, sources = released(name), solution_sources(name)
    for cell in raw["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
    return raw


def cell(raw: dict[str, Any], identity: str) -> dict[str, Any]:
    return next(one for one in raw["cells"] if one["id"] == identity)


def write(raw: dict[str, Any], path: Path) -> Path:
    path.write_text(json.dumps(raw))
    return path


@cache
def key(name: str) -> Key:
    """The key of an assignment, for seeds that no check has."""
    return key_of(ROOT / "solutions" / f"{name}.ipynb", [1_000_001, 1_000_002])


@cache
def asked(name: str) -> tuple[Asked, ...]:
    """Every question of a solution, from a run of its quick cells in this process."""
    nb = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    found: list[Asked] = []
    space: dict[str, Any] = {"__name__": "__main__"}
    for one in nb.cells:
        if one.cell_type == "code" and cells.role(one) != "experiment":
            run(one.source, space, f"<{name} {one.id}>")
            if cells.role(one) == "check":
                answer = re.search(r'^check\("[\w.]+", (.+)\)$', one.source, re.MULTILINE)
                assert answer, one.source
                question = cells.question(one)
                key = asking._keys[question]
                found.append(Asked(question, eval(answer[1], space), key.right, key.wrong))
    return tuple(found)


def run(source: str, space: dict[str, Any], file: str) -> None:
    """Run a cell as a kernel would: its source can be looked up."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), space)
