import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import LittleBook, edit, mark_fresh, stream

from vaecourse import notebooks
from vaecourse.errors import CourseError
from vaecourse.notebooks import verifying


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


def test_a_folder_without_notebooks_is_nothing_to_verify(book: LittleBook) -> None:
    (book.folder.parent / "empty").mkdir()
    with pytest.raises(CourseError, match="expected notebooks in empty, found none"):
        notebooks.verify([Path("empty")])


def test_verify_knows_a_chapter_by_its_number(book: LittleBook) -> None:
    book.add("01_a", "k = 1", "print(k)")
    with pytest.raises(CourseError, match="has no outputs; run it first: vaecourse run 01_a"):
        notebooks.verify([Path("1")])


# -- attacks -----------------------------------------------------------------------------------


def add_run(book: LittleBook) -> Path:
    """A chapter as a run of it would store it."""
    path = book.add("01_a", "k = 1", "print(k)")
    mark_fresh(path)
    printed = json.dumps(stream("1\n"))
    edit(path, '"outputs": []', f'"outputs": [{printed}]')
    return path


def test_verify_fails_where_listed_chapters_are_gone(book: LittleBook) -> None:
    mark_fresh(book.add("01_a", "k = 1"))
    for name in ("02_b", "03_c", "04_d"):
        book.add(name, "k = 1").unlink()
    with pytest.raises(CourseError, match="names '02_b', '03_c', '04_d', which are missing"):
        notebooks.verify()


@pytest.mark.skipif(os.name == "nt", reason="Windows forbids such names")
@pytest.mark.parametrize(
    ("num_cores", "verdicts"),
    [(1, ["2 failed, 4 passed"]), (2, ["1 failed, 1 passed", "1 failed, 1 passed", "2 passed"])],
)
def test_verify_takes_names_that_pytest_would_misread_and_finds_dead_kernels_out(
    book: LittleBook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    num_cores: int,
    verdicts: list[str],
) -> None:
    monkeypatch.setattr(verifying, "cores", lambda: num_cores)
    path = add_run(book)
    folder = tmp_path / "-dir[1]"
    folder.mkdir()
    files = [folder / "x[1].ipynb", folder / "x::y.ipynb", folder / "-x.ipynb"]
    for file in files:
        shutil.copy(path, file)
    edit(files[1], "k = 1", "k = 2")
    edit(files[2], "print(k)", "import os; os._exit(1)")
    (folder / "test_not_meant.py").write_text("assert False")
    start = time.monotonic()
    assert notebooks.verify([Path("-dir[1]")]) == 1
    assert time.monotonic() - start < 120  # a cell may take 600 s
    report = capfd.readouterr().out
    assert sorted(re.findall(r"=+ (\d.*) in ", report)) == verdicts
    assert "the kernel died" in report
    if num_cores == 2:
        assert report.endswith(f"3 notebooks, not as stored: {files[2]}, {files[1]}\n")


def test_a_name_that_the_system_refuses_is_told(book: LittleBook) -> None:
    book.add("01_a", "k = 1")
    for name in ("n" * 300, "n" * 300 + ".ipynb", "n" * 300 + "/x"):
        with pytest.raises(CourseError):
            notebooks.verify([Path(name)])


def copies(path: Path, *names: str) -> list[Path]:
    """A notebook once more under each of these names."""
    return [Path(shutil.copy(path, path.with_name(f"{name}.ipynb"))) for name in names]


def test_two_notebooks_run_at_a_time_and_each_report_comes_whole(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each waits for the other; were they run in turn, the first would wait for ever."""
    monkeypatch.setattr(verifying, "cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    wait = "import os, time\\nopen('HERE', 'w').close()\\nend = time.monotonic() + 60\\n"
    wait += "while not os.path.exists('THERE'):\\n    assert time.monotonic() < end\\n"
    wait += "print(os.environ['OMP_NUM_THREADS'])"
    paths = copies(add_run(book), "a", "b", "c")
    for path, here, there in zip(paths, "abc", "bac", strict=True):
        edit(path, "print(k)", wait.replace("THERE", there).replace("HERE", here))
    assert notebooks.verify(paths) == 0
    report = capfd.readouterr().out
    assert sorted(re.findall(r"book/(\w)\.ipynb \.\. +\[100%\]", report)) == ["a", "b", "c"]
    assert report.endswith("3 notebooks, not as stored: none\n")


@pytest.mark.parametrize("differing", ["a", "b"])
def test_one_notebook_of_two_that_differs_is_enough_to_fail(
    book: LittleBook,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    differing: str,
) -> None:
    monkeypatch.setattr(verifying, "cores", lambda: 2)
    paths = copies(add_run(book), "a", "b")
    wrong = book.folder / f"{differing}.ipynb"
    edit(wrong, "k = 1", "k = 2")
    assert notebooks.verify([*paths, paths[0]]) == 1
    assert capfd.readouterr().out.endswith(f"2 notebooks, not as stored: {wrong}\n")


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
@pytest.mark.parametrize("at_once", [1, 2])
def test_verify_that_is_ended_leaves_no_process(
    book: LittleBook, tmp_path: Path, at_once: int
) -> None:
    path = add_run(book)
    spin = "import os, time\\nopen(f'kernel{os.getpid()}', 'w')\\nwhile True: pass\\n"
    edit(path, "print(k)", spin)
    paths = [path, *copies(path, "b", "c")][: at_once + 1]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    script = "from vaecourse.notebooks import verifying; "
    script += f"verifying.cores = lambda: {at_once}; from vaecourse.cli import main; main()"
    command = [sys.executable, "-c", script, "verify", *map(str, paths)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    env = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(command, env=env, **quiet) as process:
        while len(kernels := [*book.folder.glob("kernel*")]) < at_once:
            time.sleep(0.1)
            assert process.poll() is None
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors.endswith("interrupted\n")
    assert {int(kernel.name[6:]) for kernel in kernels} <= {member.pid for member in family}
    assert not [member for member in family if member.is_running()]
    assert not list(scratch.iterdir())
