import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from conftest import LittleBook, outputs
from nbformat.v4 import new_code_cell, new_notebook, new_output

from vaecourse import browsing, notebooks
from vaecourse.errors import CourseError
from vaecourse.notebooks import rendering
from vaecourse.notebooks.book import PACKAGE
from vaecourse.notebooks.source import essence

# -- finding chapters --------------------------------------------------------------------------


def test_chapters_come_in_the_order_of_the_table_of_contents(book: LittleBook) -> None:
    paths = [book.add(name, "k = 1") for name in ("04_later", "02_first")]
    assert notebooks.chapters() == paths


def test_chapters_in_parts_and_sections_are_found(book: LittleBook) -> None:
    first, second = book.add("01_a", "k = 1"), book.add("02_b", "k = 1")
    (book.folder / "_toc.yml").write_text(
        "root: intro\nparts:\n- chapters:\n  - file: 02_b.ipynb\n    sections:\n    - file: 01_a\n"
    )
    assert notebooks.chapters() == [second, first]


@pytest.mark.parametrize("name", ["4", "04", "04_v", "04_variational", "book/04_variational.ipynb"])
def test_a_chapter_is_named_by_number_prefix_or_path(book: LittleBook, name: str) -> None:
    book.add("02_autoencoders", "k = 1")
    path = book.add("04_variational", "k = 1")
    assert notebooks.find_chapter(name) == path


def test_the_number_1_is_chapter_1_and_not_chapter_10(book: LittleBook) -> None:
    book.add("10_arithmetic", "k = 1")
    path = book.add("01_spaces", "k = 1")
    assert notebooks.find_chapter("1") == path


def test_an_unknown_chapter_is_answered_with_the_nearest(book: LittleBook) -> None:
    book.add("02_autoencoders", "k = 1")
    with pytest.raises(CourseError, match="did you mean '02_autoencoders'"):
        notebooks.find_chapter("02_autoencodrs")


def test_an_ambiguous_chapter_is_answered_with_its_meanings(book: LittleBook) -> None:
    book.add("12_vae", "k = 1")
    book.add("12_variants", "k = 1")
    with pytest.raises(CourseError, match="12_vae or 12_variants"):
        notebooks.find_chapter("12_va")


def test_the_book_is_found_from_a_folder_inside_it(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    (book.folder / "results").mkdir()
    monkeypatch.chdir(book.folder / "results")
    assert notebooks.book_folder() == book.folder


def test_outside_a_clone_an_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="inside a clone"):
        notebooks.book_folder(package=tmp_path / "site-packages" / "vaecourse")


def test_a_book_without_its_chapters_is_an_error(book: LittleBook) -> None:
    with pytest.raises(CourseError, match="no chapter"):
        notebooks.chapters()


# -- fingerprints ------------------------------------------------------------------------------


def mark_fresh(path: Path, package: Path = PACKAGE) -> None:
    """Store a notebook as if it had just been run."""
    nb = notebooks.read(path)
    for cell in notebooks.code_cells(nb):
        cell.execution_count = 1
    nb.metadata["vaecourse"]["fingerprint"] = notebooks.fingerprint(nb, package)
    notebooks.write(notebooks.normalise(nb), path)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


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


# -- normal form -------------------------------------------------------------------------------


def notebook_with(
    *cell_outputs: nbformat.NotebookNode, **cell_metadata: object
) -> nbformat.NotebookNode:
    cell = new_code_cell("f()", id="a", execution_count=7, outputs=list(cell_outputs))
    cell.metadata.update(nbformat.from_dict(cell_metadata))
    return new_notebook(cells=[cell])


def stream(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


def image(**about: object) -> nbformat.NotebookNode:
    return new_output("display_data", data={"image/png": "AAAA"}, metadata={"image/png": about})


def messy() -> nbformat.NotebookNode:
    nb = notebook_with(
        stream("a\n"),
        stream("b\n"),
        stream("\r 50%|█████     | 1/2 [00:00<00:00]", "stderr"),
        image(alt="Two curves fall."),
        new_output("execute_result", data={"text/plain": "3"}, execution_count=7),
        papermill={"duration": 1.5},
        execution={"iopub.status.busy": "2020"},
        tags=[],
    )
    nb.cells.insert(0, new_code_cell("k = 2", metadata={"tags": ["injected-parameters"]}))
    nb.cells.append(new_code_cell("g()", id="b", execution_count=9))
    nb.metadata = nbformat.from_dict(
        {
            "papermill": {"version": "1"},
            "widgets": {},
            "kernelspec": {"name": "my-kernel", "display_name": "Mine", "language": "python"},
            "language_info": {"name": "python", "version": "3.12.1"},
        }
    )
    return nb


def test_the_normal_form_has_nothing_that_changes_from_run_to_run() -> None:
    nb = notebooks.normalise(messy())
    assert [cell.execution_count for cell in nb.cells] == [1, 2]
    assert [cell.id for cell in nb.cells] == ["a", "b"]
    assert nb.cells[0].metadata == {"mystnb": {"image": {"alt": "Two curves fall."}}}
    assert [o.output_type for o in nb.cells[0].outputs] == [
        "stream",
        "display_data",
        "execute_result",
    ]
    assert nb.cells[0].outputs[0].text == "a\nb\n"
    assert nb.cells[0].outputs[2].execution_count == 1
    assert nb.metadata.kernelspec.name == "python3"
    assert nb.metadata.language_info == {"name": "python"}
    assert "papermill" not in nb.metadata
    assert "widgets" not in nb.metadata


def test_the_normal_form_of_a_normal_form_is_itself_and_the_original_is_left_alone() -> None:
    nb = messy()
    once = notebooks.normalise(nb)
    assert notebooks.normalise(once) == once
    assert nb == {**messy(), "cells": nb.cells}
    assert nb.cells[1].execution_count == 7


def test_progress_bars_go_and_warnings_stay() -> None:
    text = "  0%|    | 0/2 [00:00<?]\rUserWarning: careful\n100%|████| 2/2 [00:01]\n12it [00:01]\n"
    (cell,) = notebooks.normalise(notebook_with(stream(text, "stderr"))).cells
    assert [o.text for o in cell.outputs] == ["UserWarning: careful\n"]


def test_a_percentage_that_was_printed_stays() -> None:
    (cell,) = notebooks.normalise(notebook_with(stream("50%| of it\n"))).cells
    assert cell.outputs[0].text == "50%| of it\n"


def test_widgets_are_dropped_because_nothing_could_draw_them() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "interactive()"}
    nb = notebook_with(new_output("display_data", data=view))
    assert notebooks.normalise(nb).cells[0].outputs == []


def test_alt_text_that_no_output_has_any_more_is_removed() -> None:
    nb = notebook_with(image(), mystnb={"image": {"alt": "old", "width": "50%"}})
    assert notebooks.normalise(nb).cells[0].metadata == {"mystnb": {"image": {"width": "50%"}}}
    nb = notebook_with(stream("x"), mystnb={"image": {"alt": "old"}})
    assert notebooks.normalise(nb).cells[0].metadata == {}


def test_two_figures_in_a_cell_share_both_alt_texts() -> None:
    nb = notebook_with(image(alt="One."), image(alt="Two."), image(alt="One."))
    assert notebooks.normalise(nb).cells[0].metadata.mystnb.image.alt == "One. Two."


# -- running -----------------------------------------------------------------------------------


def test_running_twice_leaves_a_saved_chapter_byte_for_byte_the_same(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "import sys\nprint(k, file=sys.stderr)\nprint(k)", "k")
    notebooks.run(save=True)
    first = path.read_bytes()
    assert not notebooks.is_stale(path)
    notebooks.run(["1"], save=True)
    assert path.read_bytes() == first
    assert first.endswith(b"}\n")
    assert outputs(path)[1] == "1\n1\n"


def test_saving_a_chapter_stores_its_goal_picture_beside_it(book: LittleBook) -> None:
    draw = (
        "import base64\nfrom IPython.display import Image\nImage(base64.b64decode('iVBORw0KGgo='))"
    )
    path = book.add("01_a", "k = 1", draw, "print(k)")
    nb = notebooks.read(path)
    nb.cells[2].metadata["tags"] = ["goal-picture"]
    notebooks.write(nb, path)
    notebooks.run(["1"])
    assert not (book.folder / "images").exists()
    notebooks.run(["1"], save=True)
    assert (book.folder / "images" / "01_a.png").read_bytes() == b"\x89PNG\r\n\x1a\n"


def test_a_run_without_save_leaves_the_chapter_and_keeps_a_copy(
    book: LittleBook, capsys: pytest.CaptureFixture[str]
) -> None:
    path = book.add("01_a", "k = 1\nname: str = 'x'", "print(k, name)", scales={"full": {"k": 60}})
    before = path.read_bytes()
    (copy,) = notebooks.run(["1"], scale="full", parameters={"name": "y"})
    assert path.read_bytes() == before
    assert copy == book.folder / "_runs" / "01_a-full.ipynb"
    assert str(copy) in capsys.readouterr().out
    assert outputs(copy)[-1] == "60 y\n"


def test_the_kernel_works_in_the_chapters_folder_with_this_python_and_no_bars(
    book: LittleBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = tmp_path / "jupyter" / "kernels" / "python3"
    decoy.mkdir(parents=True)
    spec = {"argv": ["no-such-python", "{connection_file}"], "display_name": "x", "language": "x"}
    (decoy / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    code = "import os, sys\nprint(os.getcwd(), sys.executable, os.environ['TQDM_DISABLE'])"
    path = book.add("01_a", "k = 1", code)
    notebooks.run(save=True)
    assert outputs(path)[1] == f"{book.folder} {sys.executable} 1\n"
    assert notebooks.verify([path]) == 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"parameters": {"num_epoch": 1}}, "did you mean 'num_epochs'"),
        ({"device": "cuda"}, "no parameter of 01_a 'device'"),
        ({"scale": "ful"}, "did you mean 'full'"),
        ({"save": True, "parameters": {"num_epochs": 1}}, "stored outputs are course scale"),
        ({"save": True, "scale": "full"}, "stored outputs are course scale"),
        ({"cluster": "tcp://127.0.0.1:1"}, "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(
    book: LittleBook, asked: dict[str, object], message: str
) -> None:
    book.add("01_a", "num_epochs = 1", scales={"full": {"num_epochs": 60}})
    with pytest.raises(CourseError, match=message):
        notebooks.run(**asked)
    assert not (book.folder / "_runs").exists()


def test_a_chapter_without_parameters_cell_takes_none(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    edit(path, '"parameters"', '"setup"')
    with pytest.raises(CourseError, match="no parameters cell"):
        notebooks.run(parameters={"k": 2})


def test_a_failing_chapter_is_reported_left_alone_and_does_not_stop_the_others(
    book: LittleBook,
) -> None:
    bad = book.add("01_bad", "k = 1", "print('came here')", "k / 0  # too small\nprint()")
    good = book.add("02_good", "k = 1", "print(k)")
    before = bad.read_bytes()
    with pytest.raises(CourseError) as failure:
        notebooks.run(save=True)
    partial = book.folder / "_runs" / "01_bad-partial.ipynb"
    reason = "cell 3 (k / 0  # too small): ZeroDivisionError: division by zero"
    assert str(failure.value) == f"01_bad, {reason}; the run as far as it came: {partial}"
    assert bad.read_bytes() == before
    assert outputs(partial)[1] == "came here\n"
    assert outputs(good)[1] == "1\n"


def test_an_exception_that_a_cell_announces_is_no_failure(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "1 / 0", "print('on')")
    nb = notebooks.read(path)
    nb.cells[2].metadata["tags"] = ["raises-exception"]
    notebooks.write(nb, path)
    notebooks.run(save=True)
    assert outputs(path)[2] == "on\n"
    assert len(notebooks.read(path).cells) == 4


def test_a_kernel_that_dies_is_reported_with_its_cell(book: LittleBook) -> None:
    book.add("01_a", "k = 1", "import os", "os._exit(1)", "print(k)")
    with pytest.raises(CourseError, match=r"cell 3 \(os._exit\(1\)\): DeadKernelError"):
        notebooks.run()


def test_a_chapter_that_was_edited_while_it_ran_keeps_the_edit(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "open('01_a.ipynb', 'a').write('  ')")
    edited = path.read_bytes() + b"  "
    with pytest.raises(CourseError, match="edited while it ran"):
        notebooks.run(save=True)
    assert path.read_bytes() == edited


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
def test_ctrl_c_keeps_what_has_run_and_leaves_the_chapter(book: LittleBook) -> None:
    code = "open('started', 'w').close()\nimport time\ntime.sleep(60)"
    path = book.add("01_a", "k = 1", "print('came here')", code)
    before = path.read_bytes()
    # what runs the tests in the background may have told its children to ignore Ctrl-C
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    script += "from vaecourse.cli import main; main()"
    command = [sys.executable, "-c", script, "run", "--save"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (book.folder / "started").exists():
            time.sleep(0.1)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "01_a-partial.ipynb" in errors
    assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors
    assert path.read_bytes() == before
    assert outputs(book.folder / "_runs" / "01_a-partial.ipynb")[1] == "came here\n"


def test_a_notebook_that_cannot_be_written_is_left_whole(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book.add("01_a", "k = 1")
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match="No space left on device; nothing was changed"):
        notebooks.write(notebooks.read(path), path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in book.folder.glob("*01_a*")) == [path.name]
    assert not list(book.folder.glob(".*"))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"cells": 3, "nbformat": 4}', "\xff"])
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CourseError, match=r"x\.ipynb"):
        notebooks.read(path)


def test_a_dask_cluster_gives_the_same_chapter_as_this_machine(book: LittleBook) -> None:
    from distributed import LocalCluster

    path = book.add("01_a", "k = 1", "import os\nprint(k, os.getcwd())")
    notebooks.run(save=True)
    here = path.read_bytes()
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        notebooks.run(save=True, cluster=cluster.scheduler_address)
        assert path.read_bytes() == here
        edit(path, "k = 1", "k = 0")
        edit(path, "os.getcwd()", "1 / k")
        with pytest.raises(CourseError, match=r"cell 2 \(import os\): ZeroDivisionError"):
            notebooks.run(save=True, cluster=cluster.scheduler_address)


# -- verifying ---------------------------------------------------------------------------------


def test_verify_passes_until_one_checked_output_is_changed_by_hand(
    book: LittleBook, capfd: pytest.CaptureFixture[str]
) -> None:
    path = book.add("01_a", "k = 1", "print('not checked', id(k))", "print('KL falls:', k > 0)")
    notebooks.run(save=True)
    solutions = book.folder.parent / "solutions"
    solutions.mkdir()
    shutil.copy(path, solutions / "s1.ipynb")
    assert notebooks.verify() == 0
    assert "s1.ipynb" in capfd.readouterr().out
    edit(path, "KL falls: True", "KL falls: False")
    assert notebooks.verify([book.folder]) == 1
    report = capfd.readouterr().out
    assert "KL falls: False" in report
    assert "Cell outputs differ" in report


def test_verify_refuses_what_it_could_not_compare(book: LittleBook) -> None:
    path = book.add("01_a", "print(1)", checked=False)
    with pytest.raises(CourseError, match="has no outputs; run it first"):
        notebooks.verify()
    notebooks.run(save=True)
    with pytest.raises(CourseError, match="no output to compare"):
        notebooks.verify([path])
    with pytest.raises(CourseError, match=r"expected a notebook .* got book/x\.ipynb"):
        notebooks.verify([Path("book/x.ipynb")])
    with pytest.raises(CourseError, match="expected a notebook"):
        notebooks.verify([book.folder / "_toc.yml"])


# -- rendering ---------------------------------------------------------------------------------


@pytest.fixture
def real_book(book: LittleBook) -> LittleBook:
    """A little book with the settings of the real one."""
    project = Path(__file__).parents[1] / "book"
    shutil.copy(project / "_config.yml", book.folder)
    shutil.copy(project / "references.bib", book.folder)
    return book


def test_build_runs_stale_chapters_only_and_no_warning_is_forgotten(real_book: LittleBook) -> None:
    book = real_book
    stored = book.add("01_stored", "print('new')")
    stale = book.add("02_stale", "print('from a run')", "k = 1")
    mark_fresh(stored)
    edit(stored, '"outputs": []', f'"outputs": [{json.dumps(stream("what is stored"))}]')
    edit(stored, "# 01_stored", "# 01_stored\\n[broken](nowhere.md)")
    with pytest.raises(CourseError, match=r"did not build:\n.*nowhere\.md"):
        notebooks.build()
    assert not notebooks.is_stale(stale)
    edit(stored, "[broken](nowhere.md)", "[whole](02_stale.ipynb)")
    html = notebooks.build().parent
    assert "what is stored" in (html / "01_stored.html").read_text(encoding="utf-8")
    assert "from a run" in (html / "02_stale.html").read_text(encoding="utf-8")


def test_what_cannot_be_rendered_leaves_the_old_pages(real_book: LittleBook) -> None:
    old = real_book.folder / "_build" / "html" / "index.html"
    old.parent.mkdir(parents=True)
    old.write_text("the old page")
    (real_book.folder / "_config.yml").write_text("title: [")
    with pytest.raises(CourseError, match="did not build"):
        rendering.render(real_book.folder, real_book.folder)
    assert old.read_text() == "the old page"
    assert [path.name for path in old.parents[1].iterdir()] == ["html"]


def test_refreshing_runs_stale_chapters_or_everything(book: LittleBook) -> None:
    path = book.add("01_a", "print(1)", "k = 1")
    notebooks.run(save=True)
    fresh = path.read_bytes()
    edit(path, '"1\\n"', '"2\\n"')
    rendering.refresh()
    assert path.read_bytes() != fresh
    rendering.refresh(execute=True)
    assert path.read_bytes() == fresh


@pytest.mark.skipif(not browsing.find_browser(), reason="there is no Chromium")
def test_an_outside_request_is_found_and_named_with_its_page(tmp_path: Path) -> None:
    (tmp_path / "here.html").write_text("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>")
    (tmp_path / "there.html").write_text("<script src='https://example.org/x.js'></script>")
    assert browsing.outside_requests(tmp_path) == ["there.html: https://example.org/x.js"]
    with pytest.raises(CourseError, match=r"not in the book:\nthere\.html: https://example"):
        rendering.check_offline(tmp_path)


def test_without_a_browser_an_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "BROWSERS", ("no-such-browser",))
    with pytest.raises(CourseError, match="apt: chromium"):
        browsing.outside_requests(tmp_path)


def test_a_chapter_saved_with_a_live_widget_is_stale(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "print(k)")
    notebooks.run(save=True)
    nb = notebooks.read(path)
    live = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}}
    nb.cells[1].outputs = [nbformat.v4.new_output("display_data", data=live)]
    assert not notebooks.is_stale(path)
    notebooks.write(nb, path)
    assert notebooks.is_stale(path)


def test_a_folder_without_notebooks_is_nothing_to_verify(book: LittleBook) -> None:
    (book.folder.parent / "empty").mkdir()
    with pytest.raises(CourseError, match="expected notebooks in empty, found none"):
        notebooks.verify([Path("empty")])


def test_verify_knows_a_chapter_by_its_number(book: LittleBook) -> None:
    book.add("01_a", "k = 1", "print(k)")
    with pytest.raises(CourseError, match="has no outputs; run it first: vaecourse run 01_a"):
        notebooks.verify([Path("1")])
