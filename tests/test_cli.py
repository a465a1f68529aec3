import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import LittleBook, outputs

from vaecourse import __version__, cli, doctor, notebooks
from vaecourse.classroom.jail import isolation
from vaecourse.data.table import SETS
from vaecourse.errors import CourseError


def vaecourse(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_help_names_every_command_and_the_version_is_the_packages() -> None:
    text = vaecourse("--help").output
    assert all(f"  {name} " in text for name in ("book", "run", "verify", "data", "doctor"))
    assert vaecourse("--version").output == f"vaecourse, version {__version__}\n"


def test_help_imports_neither_torch_nor_anything_of_jupyter() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from vaecourse.cli import main\n"
        "print(CliRunner().invoke(main, ['run', '--help']).exit_code)\n"
        "print([m for m in sys.modules if m.partition('.')[0] in "
        "('torch', 'numpy', 'nbformat', 'papermill', 'sphinx')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n[]\n"


def test_a_mistake_of_the_user_is_one_line_and_status_1(book: LittleBook) -> None:
    book.add("02_autoencoders", "num_epochs = 1")
    result = vaecourse("run", "02", "-p", "num_epoch", "3")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: there is no parameter of 02_autoencoders 'num_epoch'")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "near"), [(["bok"], "book"), (["run", "--sale"], "--scale"), (["dat"], "data")]
)
def test_a_misspelt_command_or_option_is_answered_with_the_nearest(
    arguments: list[str], near: str
) -> None:
    result = vaecourse(*arguments)
    assert result.exit_code == 2
    assert near in result.stderr.splitlines()[-1]


def raising(error: BaseException) -> object:
    def stand_in(*args: object, **kwargs: object) -> None:
        raise error

    return stand_in


def test_ctrl_c_is_said_in_a_word_with_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "build", raising(KeyboardInterrupt()))
    result = vaecourse("book")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "build", raising(ModuleNotFoundError("no", name="papermill")))
    result = vaecourse("book")
    assert result.exit_code == 1
    assert "papermill" in result.stderr
    assert "pip install" in result.stderr


def test_a_run_stores_outputs_and_verify_passes_on_its_exit_status(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book.add("01_a", "k = 1", "print(k)")
    assert vaecourse("run", "1", "--save").exit_code == 0
    assert outputs(path)[1] == "1\n"
    seen = []
    monkeypatch.setattr(notebooks, "verify", lambda paths: seen.append(paths) or 5)
    assert vaecourse("verify", str(path)).exit_code == 5
    assert seen == [[path]]


def test_run_hands_on_scale_device_and_typed_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    monkeypatch.setattr(notebooks, "run", lambda names, **how: seen.update(how, names=names))
    line = "run 4 9 --scale full --device cuda -p beta 0.5 -p name x --cluster tcp://h:1"
    assert vaecourse(*line.split()).exit_code == 0
    assert seen == {
        "names": ("4", "9"),
        "scale": "full",
        "device": "cuda",
        "parameters": {"beta": 0.5, "name": "x"},
        "save": False,
        "cluster": "tcp://h:1",
    }


def test_book_prints_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "build", lambda **how: Path("book", str(how["execute"])))
    result = vaecourse("book", "--execute")
    assert result.output == f"{Path('book', 'True')}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("1e-3", 1e-3),
        ("True", True),
        ("None", None),
        ("[1, 'a']", [1, "a"]),
        ("'3'", "3"),
        ("cuda:0", "cuda:0"),
        ("{1}", "{1}"),
        ("2j", "2j"),
        ("", ""),
        ("9" * 5000, "9" * 5000),
        ("[" * 5000, "[" * 5000),
        ("\\d", "\\d"),
    ],
)
def test_a_parameter_is_what_python_reads_and_papermill_can_record_else_the_text(
    text: str, value: object
) -> None:
    assert cli.literal(text) == value
    assert type(cli.literal(text)) is type(value)


@pytest.mark.parametrize(
    "line",
    [
        ["run", "--device", ""],
        ["run", "--cluster", ""],
        ["run", "--scale", ""],
        ["run", ""],
        ["verify", ""],
        ["data", ""],
        ["reproduce", "--device", ""],
        ["reproduce", "--only", " "],
        ["reproduce", ""],
    ],
)
def test_an_empty_text_never_stands_for_a_default(line: list[str]) -> None:
    result = vaecourse(*line)
    assert result.exit_code == 2
    assert "got an empty text" in result.stderr


@pytest.mark.parametrize("module", ["vaecourse", "vaecourse.cli"])
def test_python_dash_m_works_as_the_command_does(module: str) -> None:
    command = [sys.executable, "-m", module, "bok"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: vaecourse [OPTIONS]")
    assert "book" in done.stderr


def test_a_name_that_no_terminal_can_show_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notebooks, "build", raising(CourseError("no chapter \udcff")))
    assert vaecourse("book").stderr == "error: no chapter \\udcff\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_wish_to_end_is_treated_as_ctrl_c_is(
    monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    put_away = []

    def build(**how: bool) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        finally:
            os.kill(os.getpid(), number)  # what comes again does not disturb the putting away
            put_away.append(True)

    monkeypatch.setattr(notebooks, "build", build)
    result = vaecourse("book")
    assert (result.exit_code, result.stderr, put_away) == (status, "interrupted\n", [True])
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_whoever_ignores_hanging_up_is_not_stopped_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "build", lambda **how: os.kill(os.getpid(), signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert vaecourse("book").exit_code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_data_reports_what_it_fetched_and_refuses_an_unknown_name() -> None:
    assert "ellipses" in vaecourse("data", "ellipses").output
    result = vaecourse("data", "elipses")
    assert result.exit_code == 1
    assert "did you mean 'ellipses'" in result.stderr


def test_data_without_a_name_lists_every_set_with_its_licence() -> None:
    lines = vaecourse("data").output.splitlines()
    for entry in SETS.values():
        (line,) = (line for line in lines if line.startswith(f"{entry.name} "))
        assert entry.licence in line
        assert entry.source in line


def test_the_folder_of_a_user_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAECOURSE_DATA", "~no-such-user/data")
    result = vaecourse("data", "digits")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "data           MISSING" in vaecourse("doctor").output


# -- doctor ------------------------------------------------------------------------------------


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAECOURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_healthy_machine_passes_and_each_part_has_its_line(data_root: Path) -> None:
    (data_root / "prepared").mkdir(parents=True)
    (data_root / "prepared" / "mnist-v1-train.safetensors").touch()
    result = vaecourse("doctor")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert f"{data_root}, can be written, keeps: mnist" in lines["data"]
    assert {"Python", "torch", *doctor.NEEDED, "free", "jail", "browser"} <= lines.keys()


def test_a_missing_need_is_found_and_the_rest_is_still_examined() -> None:
    def broken() -> str:
        raise OSError("libcudart.so is broken")

    checks = [("torch", broken), ("x", partial(version, "no-such-package")), ("y", lambda: "here")]
    assert list(doctor.examine(checks)) == [
        ("torch", "libcudart.so is broken", True),
        ("x", "not installed", True),
        ("y", "here", False),
    ]


def test_what_is_missing_is_told_in_a_line_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "checks", lambda: [("x", partial(version, "no-such-package"))])
    result = vaecourse("doctor")
    assert result.exit_code == 1
    assert result.output.startswith("x              MISSING: not installed\n")
    assert result.stderr == "error: the course needs x; try pip install -e '.[all]'\n"


def test_who_installed_a_wheel_is_told_how_to_complete_it(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "vaecourse"
    assert doctor.install_hint(package) == "pip install 'vaecourse[all]'"


def test_a_folder_for_data_that_cannot_be_written_is_missing_unless_it_keeps_some(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CourseError, match="cannot be written and keeps nothing"):
        doctor.find_data()
    assert "setting VAECOURSE_DATA" in str(doctor.remedy(["data"]))
    (data_root / "prepared").mkdir(parents=True)
    (data_root / "prepared" / "mnist-v1-train.safetensors").touch()
    assert doctor.find_data() == f"{data_root}, can be read only, keeps: mnist"


def test_what_is_needed_only_for_some_may_be_missing(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor, "isolation", isolation.__wrapped__)
    result = vaecourse("doctor")
    assert result.exit_code == 0
    assert "none, needed only for grading: " in result.output
    assert "no Chromium found" in result.output


def test_where_memory_is_not_told_the_disk_still_is(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert doctor.free_space().endswith("GiB of disk for data")


def test_an_error_of_a_command_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "build", raising(CourseError("what came; what to try")))
    assert vaecourse("book").stderr == "error: what came; what to try\n"
