"""Broken files of every kind work or give a CourseError, in a sentence: no other exception."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import LittleBook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaecourse import cli, notebooks
from vaecourse.errors import CourseError
from vaecourse.notebooks import running

fuzz = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    # the book is made once: each example writes over what the one before has left
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# characters from all of Unicode, halves of some (surrogates) among them
texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["n" * 300, "..", "/", "\0", "9" * 5000]
)
numbers = st.integers() | st.floats() | st.just(10**400)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON tree."""
    if isinstance(tree, dict):
        children = list(tree.items())
    elif isinstance(tree, list):
        children = list(enumerate(tree))
    else:
        children = []
    return [p for key, child in children for p in [(*path, key), *places(child, (*path, key))]]


@st.composite
def mutated(draw: Callable[[Any], Any], tree: Any) -> Any:
    """A JSON tree in which up to three values are another's, anything, or gone."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        there = places(tree)
        if not there:
            break
        *above, last = draw(st.sampled_from(there))
        parent = tree
        for key in above:
            parent = parent[key]
        if draw(st.booleans()):
            parent[last] = draw(values)
        elif draw(st.booleans()):
            del parent[last]
        else:
            parent[last] = copy.deepcopy(parent)
    return tree


def cut(draw: Callable[[Any], Any], content: bytes) -> bytes:
    """The bytes of a file of which a piece is replaced."""
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, len(content)))
    return content[:start] + draw(st.binary(max_size=6)) + content[end:]


def in_a_sentence(action: Callable[..., object], *arguments: Any) -> None:
    """The action works, or says in a line why it does not."""
    told = "well"
    try:
        action(*arguments)
    except CourseError as error:
        told = str(error)
    assert told
    assert "\n" not in told


NOTEBOOK: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title"]},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {
                "tags": ["parameters", "goal-picture"],
                "mystnb": {"image": {"alt": "A curve.", "width": "50%"}},
                "papermill": {"start_time": "1"},
                "execution": {"iopub.status.busy": "1"},
            },
            "execution_count": 1,
            "source": ["from vaecourse import browsing\n", "k: int = 1"],
            "outputs": [
                {"output_type": "stream", "name": "stderr", "text": [" 50%|##", "| 1/2\n"]},
                {
                    "output_type": "display_data",
                    "data": {"image/png": "iVBORw0KGgo=", "text/plain": ["x"]},
                    "metadata": {"image/png": {"alt": "A curve."}},
                },
                {
                    "output_type": "execute_result",
                    "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}},
                    "metadata": {},
                    "execution_count": 1,
                },
                {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["x"]},
            ],
        },
    ],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.11.0"},
        "papermill": {"version": "1"},
        "widgets": {},
        "vaecourse": {"fingerprint": "0", "scales": {"full": {"k": 60}}},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


def go_through(path: Path) -> None:
    """All that is done with a notebook but for the kernel's part."""
    nb = notebooks.read(path)
    stored = notebooks.normalise(nb)
    assert notebooks.normalise(stored) == stored
    notebooks.goal_picture(nb)
    notebooks.is_stale(path)
    for scale in ("course", "full"):
        in_a_sentence(running._job, path, scale, {})
    running._failure(nb)
    notebooks.write(stored, path)
    assert notebooks.normalise(notebooks.read(path)) == stored


@fuzz
@given(tree=mutated(NOTEBOOK))
def test_a_notebook_with_wrong_values(book: LittleBook, tree: Any) -> None:
    path = book.folder / "01_a.ipynb"
    path.write_text(json.dumps(tree))
    in_a_sentence(go_through, path)


@fuzz
@given(data=st.data())
def test_a_notebook_with_wrong_bytes(book: LittleBook, data: st.DataObject) -> None:
    path = book.folder / "01_a.ipynb"
    path.write_bytes(cut(data.draw, json.dumps(NOTEBOOK, indent=1).encode()))
    in_a_sentence(go_through, path)


@fuzz
@given(ours=values, cells=values, tags=values, alt=values)
def test_a_notebook_with_any_metadata(
    book: LittleBook, ours: Any, cells: Any, tags: Any, alt: Any
) -> None:
    nb = copy.deepcopy(NOTEBOOK)
    nb["metadata"]["vaecourse"] = ours
    nb["cells"][1]["metadata"] = {"mystnb": cells, "tags": tags}
    nb["cells"][1]["outputs"][1]["metadata"] = {"image/png": {"alt": alt}}
    path = book.folder / "01_a.ipynb"
    path.write_text(json.dumps(nb))
    in_a_sentence(go_through, path)


code = [*"x=1é(#%!;$\\'\n\r\f", '"""', "f'{", "}'", "    ", "..", "def f():", "import "]
code += ["from vaecourse import ", "data", "results", "pretrained", "S1", "getsource"]
pieces = st.sampled_from(code)


@fuzz
@given(source=st.lists(pieces, max_size=12).map("".join) | texts)
def test_a_cell_with_any_code(book: LittleBook, source: str) -> None:
    nb = copy.deepcopy(NOTEBOOK)
    nb["cells"][1]["source"] = source
    path = book.folder / "01_a.ipynb"
    path.write_text(json.dumps(nb))
    in_a_sentence(go_through, path)


TOC: dict[str, Any] = {
    "format": "jb-book",
    "root": "intro",
    "parts": [{"caption": "One", "chapters": [{"file": "01_a", "title": "A"}]}],
    "chapters": [{"file": "02_b.ipynb", "sections": [{"file": "03_c"}]}, {"url": "x"}],
}


@fuzz
@given(tree=mutated(TOC) | values)
def test_a_table_of_contents_with_wrong_values(book: LittleBook, tree: Any) -> None:
    (book.folder / "_toc.yml").write_bytes(yaml.dump(tree).encode(errors="surrogatepass"))
    in_a_sentence(notebooks.chapters)
    in_a_sentence(notebooks.find_chapter, "1")


@fuzz
@given(data=st.data())
def test_a_table_of_contents_with_wrong_bytes(book: LittleBook, data: st.DataObject) -> None:
    (book.folder / "_toc.yml").write_bytes(cut(data.draw, yaml.dump(TOC).encode()))
    in_a_sentence(notebooks.chapters)
    in_a_sentence(notebooks.find_chapter, "1")


@fuzz
@given(name=texts.map(lambda text: text.replace("\n", "")))
def test_a_chapter_by_any_name(book: LittleBook, name: str) -> None:
    if not (book.folder / "04_a.ipynb").exists():
        book.add("04_a", "k = 1")
    in_a_sentence(notebooks.find_chapter, name)
    in_a_sentence(notebooks.find_chapter, f"{name}.ipynb")


@fuzz
@given(text=texts | st.lists(pieces, max_size=12).map("".join))
def test_a_parameter_of_any_text(text: str) -> None:
    json.dumps(cli.literal(text))


RESULTS = json.loads((Path(__file__).parents[1] / "book" / "results" / "S1.json").read_text())


@fuzz
@given(tree=mutated(RESULTS) | values)
def test_results_with_wrong_values(tmp_path: Path, tree: Any) -> None:
    results = pytest.importorskip("vaecourse.results")
    (tmp_path / "S1.json").write_text(json.dumps(tree))
    in_a_sentence(results.read, "S1", tmp_path)
