import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import LittleBook, outputs

from vaecourse import __version__, cli, notebooks
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
    assert seen == [(path,)]


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
        ("cuda:0", "cuda:0"),
    ],
)
def test_parameters_are_typed_as_papermill_types_them(text: str, value: object) -> None:
    from papermill.cli import _resolve_type

    assert cli.typed(text) == value
    assert repr(cli.typed(text)) == repr(_resolve_type(text))


def test_data_reports_what_it_fetched_and_refuses_an_unknown_name() -> None:
    assert "ellipses" in vaecourse("data", "ellipses").output
    result = vaecourse("data", "elipses")
    assert result.exit_code == 1
    assert "did you mean 'ellipses'" in result.stderr


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
    assert {"Python", "torch", *cli.NEEDED, "free", "jail", "browser"} <= lines.keys()


def test_a_missing_need_is_said_and_the_rest_is_still_examined(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "NEEDED", ("no-such-package",))
    monkeypatch.setattr(cli, "_torch", raising(OSError("libcudart.so is broken")))
    result = vaecourse("doctor")
    assert result.exit_code == 1
    assert "torch          MISSING: libcudart.so is broken\n" in result.output
    assert "no-such-package MISSING: not installed\n" in result.output
    assert "browser" in result.output
    wanted = "error: the course needs torch, no-such-package; try pip install -e '.[all]'\n"
    assert result.stderr == wanted


def test_data_that_cannot_be_written_are_a_missing_need(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.os, "access", lambda path, mode: False)
    result = vaecourse("doctor")
    assert result.exit_code == 1
    assert "setting VAECOURSE_DATA" in result.stderr


def test_what_is_needed_only_for_some_may_be_missing(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.shutil, "which", lambda name: None)
    result = vaecourse("doctor")
    assert result.exit_code == 0
    assert "bubblewrap not found: needed only for grading" in result.output
    assert "no Chromium found" in result.output


@pytest.mark.parametrize(
    ("stand_in", "finding"), [("true", "works"), ("false", "does not start"), ("x", "not start")]
)
@pytest.mark.skipif(sys.platform == "win32", reason="bubblewrap is for Linux")
def test_a_jail_that_does_not_start_is_told_from_one_that_works(
    monkeypatch: pytest.MonkeyPatch, stand_in: str, finding: str
) -> None:
    monkeypatch.setattr(cli.shutil, "which", lambda name: stand_in)
    assert finding in cli._jail()


def test_where_memory_is_not_told_the_disk_still_is(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(cli.os, "sysconf", raising=False)
    assert cli._free().endswith("GiB of disk for data")


def test_an_error_of_a_command_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "build", raising(CourseError("what came; what to try")))
    assert vaecourse("book").stderr == "error: what came; what to try\n"
