import json
from pathlib import Path

import nbformat
import pytest
from conftest import LittleBook, edit, mark_fresh
from nbformat.v4 import new_code_cell, new_notebook

from vaecourse import notebooks
from vaecourse.notebooks.source import essence


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A stand-in for the package, in which `outer` uses `inner`, and nothing uses `other`."""
    folder = tmp_path / "vaecourse"
    folder.mkdir()
    (folder / "outer.py").write_text("def f():\n    from .inner import g\n    return g()\n")
    (folder / "inner.py").write_text("def g(): return 1\n")
    (folder / "other.py").write_text("h = 1\n")
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").write_text("from . import piece\n")
    (folder / "parts" / "piece.py").write_text("p = 1\n")
    return folder


def test_a_new_chapter_is_stale_and_a_run_one_is_not(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    assert notebooks.is_stale(path)
    mark_fresh(path)
    assert not notebooks.is_stale(path)


def test_editing_words_leaves_a_chapter_fresh_and_editing_code_does_not(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    mark_fresh(path)
    edit(path, "# 01_a", "# A better title")
    assert not notebooks.is_stale(path)
    edit(path, "k = 1", "k = 2")
    assert notebooks.is_stale(path)


def test_clearing_the_outputs_makes_a_chapter_stale(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    mark_fresh(path)
    edit(path, '"execution_count": 1', '"execution_count": null')
    assert notebooks.is_stale(path)


def test_the_kind_of_newline_does_not_matter() -> None:
    unix, dos = (
        new_notebook(cells=[new_code_cell(source, id="a")]) for source in ("a = 1\nb", "a = 1\r\nb")
    )
    assert notebooks.fingerprint(unix) == notebooks.fingerprint(dos)


def test_moving_code_from_one_cell_to_the_next_changes_the_fingerprint() -> None:
    def of(*sources: str) -> str:
        return notebooks.fingerprint(new_notebook(cells=[new_code_cell(s) for s in sources]))

    assert of("ab", "c") != of("a", "bc")


@pytest.mark.parametrize(
    "code",
    [
        "from vaecourse import outer",
        "import vaecourse.outer as o",
        "from vaecourse.outer import f",
        "def later():\n    import vaecourse.outer",
        "%matplotlib inline\nfrom vaecourse import outer",
        "%%time\nif True:\n    !ls\nfrom vaecourse.outer import f",
    ],
)
def test_editing_a_module_that_is_used_makes_a_chapter_stale(
    book: LittleBook, package: Path, code: str
) -> None:
    path = book.add("01_a", "k = 1", code)
    mark_fresh(path, package)
    edit(package / "other.py", "h = 1", "h = 2")
    assert not notebooks.is_stale(path, package)
    edit(package / "inner.py", "return 1", "return 2")
    assert notebooks.is_stale(path, package)


def test_a_subpackage_brings_its_own_modules(book: LittleBook, package: Path) -> None:
    path = book.add("01_a", "from vaecourse.parts import *")
    mark_fresh(path, package)
    edit(package / "parts" / "piece.py", "p = 1", "p = 2")
    assert notebooks.is_stale(path, package)


def test_a_line_that_only_looks_like_a_magic_hides_no_import(
    book: LittleBook, package: Path
) -> None:
    path = book.add("01_a", "x = ('%d'\n  % 1)\nfrom vaecourse import outer")
    mark_fresh(path, package)
    edit(package / "outer.py", "return g()", "return g() + 1")
    assert notebooks.is_stale(path, package)


def test_a_cell_that_is_not_python_is_no_obstacle(book: LittleBook) -> None:
    path = book.add("01_a", "%%bash\nfor f in *; do echo $f; done")
    mark_fresh(path)
    assert not notebooks.is_stale(path)


def test_other_data_make_a_chapter_that_names_them_stale(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaecourse import data

    path = book.add("01_a", "dataset = 'digits'", "from vaecourse.data import load\nload(dataset)")
    mark_fresh(path)
    monkeypatch.setattr(data, "identity", lambda name: "new" if name == "ellipses" else name)
    other = notebooks.fingerprint(notebooks.read(path))
    monkeypatch.setattr(data, "identity", lambda name: "new" if name == "digits" else name)
    assert notebooks.fingerprint(notebooks.read(path)) != other
    assert notebooks.is_stale(path)


def test_other_results_make_a_chapter_that_names_their_study_stale(book: LittleBook) -> None:
    path = book.add("01_a", "from vaecourse import studies\nkept = studies.results('S3')")
    results = path.parent / "results"
    results.mkdir()
    (results / "S3.json").write_bytes(b'{"rows":\n1}')
    mark_fresh(path)
    (results / "S1.json").write_text("{}")
    (results / "S3.json").write_bytes(b'{"rows":\r\n1}')  # as a clone on Windows has it
    assert not notebooks.is_stale(path)
    (results / "S3.json").write_bytes(b'{"rows":\n2}')
    assert notebooks.is_stale(path)


def test_other_weights_make_a_chapter_that_names_their_model_stale(
    book: LittleBook, package: Path
) -> None:
    path = book.add("01_a", "from vaecourse import pretrained\npretrained.load('small')")
    (package / "pretrained").mkdir()
    weights = package / "pretrained" / "small.safetensors"
    weights.write_bytes(b"one")
    (package / "pretrained" / "__init__.py").touch()
    mark_fresh(path, package)
    (package / "pretrained" / "large.safetensors").write_bytes(b"one")
    assert not notebooks.is_stale(path, package)
    weights.write_bytes(b"two")
    assert notebooks.is_stale(path, package)


@pytest.mark.parametrize("name", ["explorer.css", "js/kinds/plane.js"])
def test_another_script_or_style_makes_a_chapter_with_an_explorer_stale(
    book: LittleBook, package: Path, name: str
) -> None:
    path = book.add("01_a", "from vaecourse import explorer")
    file = package / "explorer" / name
    file.parent.mkdir(parents=True)
    (package / "explorer" / "__init__.py").touch()
    file.write_text("one")
    mark_fresh(path, package)
    assert not notebooks.is_stale(path, package)
    file.write_text("two")
    assert notebooks.is_stale(path, package)


def test_a_chapter_that_only_reads_results_stays_fresh_when_training_changes(
    book: LittleBook, package: Path
) -> None:
    path = book.add("01_a", "from vaecourse import results\nresults.read('S3')")
    (package / "__init__.py").touch()
    (package / "results.py").write_text("from vaecourse.other import h\n")
    (package / "training.py").write_text("lr = 1\n")
    (path.parent / "results").mkdir()
    kept = path.parent / "results" / "S3.json"
    kept.write_text("1")
    mark_fresh(path, package)
    edit(package / "training.py", "1", "2")
    assert not notebooks.is_stale(path, package)
    kept.write_text("2")
    assert notebooks.is_stale(path, package)


def test_with_a_module_come_the_packages_around_it(book: LittleBook, package: Path) -> None:
    path = book.add("01_a", "import vaecourse.parts.piece")
    mark_fresh(path, package)
    edit(package / "parts" / "__init__.py", "from . import piece", "from . import piece as q")
    assert notebooks.is_stale(path, package)


def test_what_only_a_type_checker_imports_is_not_used(book: LittleBook, package: Path) -> None:
    text = "import typing\nif typing.TYPE_CHECKING:\n    from vaecourse import other\n"
    (package / "outer.py").write_text(text)
    path = book.add("01_a", "from vaecourse import outer")
    mark_fresh(path, package)
    edit(package / "other.py", "h = 1", "h = 2")
    assert not notebooks.is_stale(path, package)


CODE = 'def f(x):\n    y = f"{x!r:>9} is"  \n    return y + " 1"\n'
SAME = [
    "# a word\n\n" + CODE,
    CODE.replace("\n    y", '\n    """Says it.\n\n    # twice"""\n    # first\n    y'),
    CODE.replace("\n    return", "\n\n\n    return") + "\n\n",
    CODE.replace("    ", "  ").replace("y + ", "y  +  \\\n"),
]
OTHER = [
    CODE.replace("9", "8"),
    CODE.replace('" 1"', '" # 1"'),
    CODE.replace("    return", "return"),
    CODE.replace(" is", "  is"),
    CODE.replace("return y + ", "return y\n"),
    CODE.replace("y + ", "y +\\\n -"),
]


@pytest.mark.parametrize("text", SAME)
def test_a_comment_a_docstring_or_a_blank_line_changes_nothing(
    book: LittleBook, package: Path, text: str
) -> None:
    (package / "outer.py").write_text(CODE)
    path = book.add("01_a", "from vaecourse import outer", CODE)
    mark_fresh(path, package)
    (package / "outer.py").write_text(f'"""A module."""\n{text}')
    edit(path, json.dumps(CODE.splitlines(True)[0]), json.dumps(f"# a word\n{CODE[:10]}\n"))
    assert not notebooks.is_stale(path, package)


@pytest.mark.parametrize("text", OTHER)
def test_whatever_python_computes_with_changes_the_fingerprint(text: str) -> None:
    assert essence(text) != essence(CODE)


def test_a_text_that_a_cell_shows_is_no_docstring() -> None:
    assert essence("'a'", is_cell=True) != essence("'b'", is_cell=True)
    assert essence("'a'") == essence("'b'")


def test_a_chapter_that_shows_source_is_stale_when_a_comment_changes(
    book: LittleBook, package: Path
) -> None:
    code = "import inspect\nfrom vaecourse import other\nprint(inspect.getsource(other))"
    path = book.add("01_a", code)
    mark_fresh(path, package)
    edit(package / "other.py", "h = 1", "h = 1  # one")
    assert notebooks.is_stale(path, package)


def test_every_python_gives_the_same_fingerprint() -> None:
    kept = essence('f"α {f\'{a}\' if b else 1:>{w}} {{}} é" f"" "c"; é = {1: rf"\\d{a}"}')
    tokens = ["f\"α {f'{a}' if b else 1:>{w}} {{}} é\"", 'f""', '"c"', ";", "é", "=", "{", "1"]
    tokens += [":", 'rf"\\d{a}"', "}", "\n"]
    assert kept.split("\0") == tokens


def test_a_chapter_saved_with_a_live_widget_is_stale(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "print(k)")
    notebooks.run(save=True)
    nb = notebooks.read(path)
    live = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}}
    nb.cells[1].outputs = [nbformat.v4.new_output("display_data", data=live)]
    assert not notebooks.is_stale(path)
    notebooks.write(nb, path)
    assert notebooks.is_stale(path)
