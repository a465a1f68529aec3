import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import chdir, redirect_stdout
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import LittleBook, edit, outputs, stream
from nbformat.v4 import new_output

from vaecourse import notebooks
from vaecourse.errors import CourseError
from vaecourse.notebooks import kernels, running


def test_running_twice_leaves_a_saved_chapter_byte_for_byte_the_same(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "import sys\nprint(k, file=sys.stderr)\nprint(k)", "k")
    notebooks.run(save=True)
    first = path.read_bytes()
    assert not notebooks.is_stale(path)
    notebooks.run(["1"], save=True)
    assert path.read_bytes() == first
    assert first.endswith(b"}\n")
    assert outputs(path)[1] == "1\n1\n"


@pytest.mark.usefixtures("no_kernel")
def test_saving_a_chapter_stores_its_goal_picture_beside_it(book: LittleBook) -> None:
    add_goal(book)
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


@pytest.mark.usefixtures("no_kernel")
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


@pytest.mark.usefixtures("no_kernel")
def test_a_chapter_that_was_edited_while_it_ran_keeps_the_edit(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "with open('01_a.ipynb', 'a') as file:\n    file.write('  ')")
    edited = path.read_bytes() + b"  "
    with pytest.raises(CourseError, match="edited while it ran"):
        notebooks.run(save=True)
    assert path.read_bytes() == edited


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_a_wish_to_end_keep_what_has_run_and_leave_the_chapter(
    book: LittleBook, tmp_path: Path, number: int, status: int
) -> None:
    code = "import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    path = book.add("01_a", "k = 1", "print('came here')", code)
    before = path.read_bytes()
    # what runs the tests in the background may have told its children to ignore Ctrl-C
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    script += "from vaecourse.cli import main; main()"
    command = [sys.executable, "-c", script, "run", "--save"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
        while not (book.folder / "started").exists() or not read_number(book.folder / "started"):
            time.sleep(0.1)
            assert process.poll() is None
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert "01_a-partial.ipynb" in errors
    assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors
    assert path.read_bytes() == before
    assert outputs(book.folder / "_runs" / "01_a-partial.ipynb")[1] == "came here\n"
    assert not psutil.pid_exists(read_number(book.folder / "started"))
    assert not list(scratch.iterdir())


def read_number(path: Path) -> int:
    return int(path.read_text() or 0)


@pytest.mark.usefixtures("no_kernel")
def test_a_cell_that_only_mentions_an_interrupt_is_a_failure_like_others(book: LittleBook) -> None:
    book.add("01_a", "k = 1", "k / 0  # KeyboardInterrupt")
    good = book.add("02_b", "k = 1", "print(k)")
    with pytest.raises(CourseError, match=r"cell 2 .*KeyboardInterrupt.*: ZeroDivisionError"):
        notebooks.run(save=True)
    assert outputs(good)[1] == "1\n"


def test_a_kernel_that_cannot_start_does_not_stop_the_other_chapters(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.add("01_a", "k = 1", "print(k)")
    good = book.add("02_b", "k = 1", "print(k)")
    starts = []

    def start(env: dict[str, str]) -> type:
        starts.append(env)
        if len(starts) == 1:
            raise OSError(11, "no more processes")
        return kernel_manager(env)

    kernel_manager = kernels._kernel_manager
    monkeypatch.setattr(kernels, "_kernel_manager", start)
    with pytest.raises(CourseError, match=r"^01_a: the kernel could not run: .* no more processes"):
        notebooks.run(save=True)
    assert outputs(good)[1] == "1\n"


# -- storing -----------------------------------------------------------------------------------


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells run in this very process, which takes no time."""

    def execute(text: str, parameters: dict[str, object], folder: str, **how: object) -> str:
        nb = nbformat.reads(text, as_version=4)
        names: dict[str, object] = {}
        for cell in notebooks.code_cells(nb):
            cell.execution_count = 1
            with redirect_stdout(io.StringIO()) as printed, chdir(folder):
                try:
                    exec(cell.source, names)
                except Exception as error:
                    about = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
                    cell.outputs = [new_output("error", **about)]
                    break
            cell.outputs = [stream(printed.getvalue())]
            if "goal-picture" in cell.metadata.get("tags", []):
                cell.outputs = [new_output("display_data", data={"image/png": "iVBORw0KGgo="})]
        return nbformat.writes(nb)

    monkeypatch.setattr(running, "execute", execute)


DRAW = "import base64\nfrom IPython.display import Image\nImage(base64.b64decode('iVBORw0KGgo='))"


def add_goal(book: LittleBook, name: str = "01_a") -> Path:
    """A chapter that draws its goal picture."""
    path = book.add(name, "k = 1", DRAW, "print(k)")
    nb = notebooks.read(path)
    nb.cells[2].metadata["tags"] = ["goal-picture"]
    notebooks.write(nb, path)
    return path


@pytest.mark.usefixtures("no_kernel")
def test_a_goal_picture_that_cannot_be_stored_leaves_the_chapter_stale(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add_goal(book)
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match=r"cannot write .*01_a\.png: No space left on device"):
        notebooks.run(save=True)
    assert path.read_bytes() == before
    assert not list((book.folder / "images").iterdir())


@pytest.mark.usefixtures("no_kernel")
def test_a_goal_picture_that_is_cut_or_gone_makes_its_chapter_stale(book: LittleBook) -> None:
    path = add_goal(book)
    notebooks.run(save=True)
    picture = book.folder / "images" / "01_a.png"
    assert not notebooks.is_stale(path)
    picture.write_bytes(picture.read_bytes()[:3])
    assert notebooks.is_stale(path)
    picture.unlink()
    assert notebooks.is_stale(path)


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(("name", "save"), [("_runs", False), ("images", True)])
def test_a_file_in_place_of_a_folder_is_told_before_anything_runs(
    book: LittleBook, name: str, save: bool
) -> None:
    add_goal(book)
    book.add("02_b", "open('ran', 'w').close()")
    (book.folder / name).touch()
    with pytest.raises(CourseError, match=f"expected a folder that can be written, got .*{name}"):
        notebooks.run(save=save)
    assert not (book.folder / "ran").exists()


@pytest.mark.usefixtures("no_kernel")
def test_a_failing_chapter_is_told_where_its_partial_run_cannot_be_kept(book: LittleBook) -> None:
    book.add("01_a", "1 / 0")
    (book.folder / "_runs").touch()
    with pytest.raises(CourseError, match=r"ZeroDivisionError.*; the run .* is lost: cannot write"):
        notebooks.run(save=True)


@pytest.mark.usefixtures("no_kernel")
def test_a_book_that_cannot_be_written_is_told_before_anything_runs(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.add("01_a", "open('ran', 'w').close()")

    def refuse(**how: object) -> object:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    for save in (True, False):
        with pytest.raises(CourseError, match=r"got .*book .*Read-only file system"):
            notebooks.run(save=save)
    assert not (book.folder / "ran").exists()


@pytest.mark.usefixtures("no_kernel")
def test_a_chapter_is_saved_through_a_link_and_keeps_its_permissions(book: LittleBook) -> None:
    link = book.add("01_a", "k = 1", "print(k)")
    real = book.folder.parent / "kept.ipynb"
    link.rename(real)
    link.symlink_to(real)
    real.chmod(0o600)
    notebooks.run(save=True)
    assert link.is_symlink()
    assert outputs(real)[1] == "1\n"
    assert real.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("no_kernel")
def test_notebooks_of_one_name_in_two_folders_keep_both_copies(book: LittleBook) -> None:
    paths = []
    for place in ("A", "B"):
        path = book.add(f"hw{place}", "k = 1", f"print('{place}')")
        folder = book.folder.parent / place
        folder.mkdir()
        paths.append(path.rename(folder / "hw.ipynb"))
    copies = notebooks.run([str(path) for path in paths])
    assert [outputs(copy)[1] for copy in copies] == ["A\n", "B\n"]
    assert copies[0] == book.folder / "_runs" / "A" / "hw.ipynb"


@pytest.mark.usefixtures("no_kernel")
def test_a_chapter_named_twice_runs_once(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "with open('runs', 'a') as file:\n    file.write('x')")
    assert notebooks.run(["1", str(path), "book/../book/01_a.ipynb"], save=True) == [path]
    assert (book.folder / "runs").read_text() == "x"


def test_the_cell_of_an_earlier_run_with_parameters_is_no_obstacle(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1", "print(k)")
    nb = notebooks.read(path)
    nb.metadata["papermill"] = nb.metadata["widgets"] = 3
    nb.cells[1].metadata["papermill"] = "x"
    notebooks.write(nb, path)
    notebooks.run(save=True)
    assert outputs(path)[1] == "1\n"


def test_an_output_that_is_half_a_character_is_told(book: LittleBook) -> None:
    code = "from IPython.display import display\n"
    code += "display({'text/plain': '\\ud800'}, raw=True)\nprint('\\ud800')"
    book.add("01_a", "k = 1", code)
    with pytest.raises(CourseError):
        notebooks.run(save=True)
