import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import LittleBook, edit, outputs

from vaecourse import notebooks
from vaecourse.errors import CourseError


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
