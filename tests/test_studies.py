"""Rows that are trained, kept, resumed and refused; tiny ones, on a tiny data set."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from vaecourse import pretrained, studies
from vaecourse.cli import main
from vaecourse.data import Images
from vaecourse.errors import CourseError
from vaecourse.studies import STUDIES, Row

ROW = replace(STUDIES["S3"][1], num_epochs=1, batch_size=16)
HONEST = replace(STUDIES["S1"][5], num_epochs=1, batch_size=16)
WHOLE = replace(STUDIES["S1"][0], num_epochs=1, batch_size=16)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """48 pictures in place of MNIST, and folders that vanish; the folder of results."""

    def load(name: str, split: str = "train") -> Images:
        count, seed = (48, 0) if split == "train" else (16, 1)
        x = torch.randint(0, 256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(seed))
        if (name, split) == ("digits", "test"):
            return Images(load("mnist").x[:5], torch.zeros(5))
        return Images(x / 255, torch.zeros(count))

    monkeypatch.setattr(studies, "load", load)
    monkeypatch.setattr(studies, "NUM_IMPORTANCE_SAMPLES", 5)
    monkeypatch.setattr(studies, "NUM_DRAWS", 2)
    monkeypatch.setattr(studies, "data_root", lambda: tmp_path / "data")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    return tmp_path / "results"


def figures(folder: Path, row: Row = ROW) -> list[dict]:
    return [run["figures"] for run in studies.results(row.study, folder)["rows"][row.name]["runs"]]


def test_the_published_losses_are_recon_nll_plus_beta_times_kl() -> None:
    for row in STUDIES["S3"]:
        said = row.published
        assert said["loss"] == pytest.approx(
            said["recon_nll"] + row.beta * said["kl"], abs=0.011 + 0.005 * row.beta
        )


def test_every_row_has_its_own_name_and_a_network_that_can_be_built() -> None:
    for study, rows in STUDIES.items():
        assert len({row.name for row in rows}) == len(rows)
        for row in rows:
            assert row.study == study
            assert studies.build(row, 0).decoder.latent_dim == row.latent_dim


def test_a_run_is_kept_with_figures_that_add_up(small: Path) -> None:
    row = replace(ROW, beta=2.0)
    studies.reproduce([row], small, num_seeds=2)
    for found in figures(small, row):
        total = found["recon_nll"] + 2 * found["kl"]
        assert found["loss"] == pytest.approx(total, abs=1e-3)
        assert found["log_likelihood"] < 0
    kept = studies.results("S3", small)["rows"][row.name]
    low, high = sorted(run["figures"]["loss"] for run in kept["runs"])
    assert kept["mean"]["loss"] == pytest.approx((low + high) / 2, abs=1e-3)
    # Student's t with one degree of freedom: 12.706; two values' standard error: half their gap
    assert kept["interval"]["loss"] == pytest.approx(12.706 * (high - low) / 2, rel=1e-3, abs=2e-3)
    run = kept["runs"][0]
    assert {"commit", "versions", "device", "seconds", "seed"} <= run.keys()
    assert len(run["curves"]["train_loss"]) == 1
    assert len(run["curves"]["test_loss"]) == 2


def test_the_same_seed_gives_the_same_figures(small: Path, tmp_path: Path) -> None:
    studies.reproduce([ROW], small)
    studies.reproduce([ROW], tmp_path / "again")
    assert figures(small) == figures(tmp_path / "again")


def test_a_row_on_all_images_has_no_test_figures_and_an_honest_one_has(small: Path) -> None:
    studies.reproduce([WHOLE, HONEST], small)
    assert figures(small, WHOLE)[0].keys() == {"train_loss", "active_units"}
    assert {"recon_nll", "kl", "loss"} <= figures(small, HONEST)[0].keys()


def test_squared_error_is_trained_where_the_row_says_so(small: Path) -> None:
    row = replace(next(r for r in STUDIES["S1"] if r.name == "mse"), num_epochs=1, batch_size=16)
    studies.reproduce([row, WHOLE], small)
    # uniform noise against grey: a pixel's squared error is about 1/12, its cross-entropy log 2
    assert figures(small, row)[0]["train_loss"] < 0.3 * figures(small, WHOLE)[0]["train_loss"]


def test_resume_passes_over_what_is_finished(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies.reproduce([ROW], small)
    before = (small / "S3.json").read_bytes()
    monkeypatch.setattr(studies, "fit", None)  # nothing may be trained
    said: list[str] = []
    studies.reproduce([ROW], small, resume=True, say=said.append)
    assert (small / "S3.json").read_bytes() == before
    assert "kept" in said[0]


def test_resume_scores_what_was_trained_and_not_scored(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(studies, "log_likelihood", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            studies.reproduce([ROW], small)
    assert not (small / "S3.json").exists()
    with monkeypatch.context() as patch:
        patch.setattr(studies, "fit", None)
        studies.reproduce([ROW], small, resume=True)
    resumed = figures(small)
    studies.reproduce([ROW], small)
    assert figures(small) == resumed


@pytest.mark.parametrize("kept", ["results", "checkpoint"])
def test_resume_refuses_a_run_of_another_configuration(small: Path, kept: str) -> None:
    studies.reproduce([ROW], small)
    before = (small / "S3.json").read_bytes()
    if kept == "checkpoint":
        (small / "S3.json").unlink()
    with pytest.raises(CourseError, match=r"lr 0\.0001 and not 0\.01.*without --resume"):
        studies.reproduce([replace(ROW, lr=0.01)], small, resume=True)
    if kept == "results":
        assert (small / "S3.json").read_bytes() == before


def test_a_damaged_checkpoint_or_results_file_is_named(small: Path) -> None:
    studies.reproduce([ROW], small)
    (small / "S3.json").unlink()
    checkpoint = studies._checkpoint(ROW, 0)
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(CourseError, match="deleting"):
        studies.reproduce([ROW], small, resume=True)
    (small / "S3.json").write_text("{")
    with pytest.raises(CourseError, match=r"S3\.json"):
        studies.results("S3", small)


def test_an_interrupted_run_keeps_the_rows_before_it(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies.reproduce([ROW], small)
    before = (small / "S3.json").read_bytes()
    done = studies.History(interrupted=True)
    monkeypatch.setattr(studies, "fit", lambda *_, **__: done)
    with pytest.raises(KeyboardInterrupt):
        studies.reproduce([replace(ROW, name="n1-beta1")], small)
    assert (small / "S3.json").read_bytes() == before


def test_a_gpu_without_memory_is_an_error_that_says_what_to_do(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(studies, "fit", full)
    with pytest.raises(CourseError, match=r"memory is full.*--resume"):
        studies.reproduce([ROW], small)


def test_a_write_that_fails_leaves_the_old_file(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies.reproduce([ROW], small)
    before = (small / "S3.json").read_bytes()

    def full(self: Path, _: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CourseError, match="No space left"):
        studies.reproduce([ROW], small)
    assert [path.name for path in small.glob("S3.json*")] == ["S3.json"]
    assert (small / "S3.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "told"),
    [({"device": "cuda:7"}, "finds only cpu"), ({"precision": "float16"}, "no precision")],
)
def test_what_no_row_can_be_trained_with_is_refused_before_anything_starts(
    small: Path, options: dict[str, str], told: str
) -> None:
    said: list[str] = []
    with pytest.raises(CourseError, match=told):
        studies.reproduce([ROW], small, say=said.append, **options)  # type: ignore[arg-type]
    assert not said
    assert not small.exists()


@pytest.mark.parametrize("name", ["mnist-autoencoder-2d", "mnist-mlp-2d"])
def test_trained_models_never_see_the_held_out_digits_and_load_as_they_scored(
    small: Path, name: str
) -> None:
    row = replace(studies.choose(only=[name])[0], num_epochs=1, batch_size=16)
    x, _ = studies._images(row)
    held_out = studies.load("digits", "test").x  # type: ignore[attr-defined]
    assert len(x) == 48 - len(held_out)
    assert not (x[:, None] == held_out[None]).flatten(2).all(2).any()
    studies.reproduce([row], small)
    kept = pretrained.card(row.name)
    objective = studies.OBJECTIVES[row.objective]
    recon_nll, kl = studies.evaluate(pretrained.load(row.name), held_out, objective)  # type: ignore[attr-defined]
    assert recon_nll == pytest.approx(kept["figures"]["digits_recon_nll"], abs=1e-3)
    assert kl == pytest.approx(kept["figures"]["digits_kl"], abs=1e-3)


@pytest.mark.parametrize("study", ["S1", "S3"])
def test_the_stored_results_stand_beside_the_published_figures(study: str) -> None:
    folder = Path(__file__).parents[1] / "book" / "results"
    rows = studies.results(study, folder)["rows"]
    for row in STUDIES[study]:
        if row.name not in rows:
            continue
        kept = rows[row.name]
        assert kept["published"] == row.published
        for run in kept["runs"]:
            assert run["protocol"] == row.protocol()
        if row.published and row.init == ("glorot" if study == "S1" else "pytorch"):
            name = "loss" if study == "S3" else "train_loss"
            assert kept["mean"][name] <= 1.02 * row.published["loss"]
        if study == "S3":
            assert kept["mean"]["log_likelihood"] > -kept["mean"]["recon_nll"] - kept["mean"]["kl"]
        printed = studies.table([row], folder)
        assert f"{kept['mean']['train_loss']:.2f}" in printed


def test_the_table_says_when_the_test_loss_was_first_as_published(small: Path) -> None:
    studies.reproduce([ROW], small, num_seeds=2)
    path = small / "S3.json"
    kept = json.loads(path.read_text())
    for run, losses in zip(
        kept["rows"][ROW.name]["runs"],
        ([200, 150, 144.49, 130], [200, 100, 100, 100]),
        strict=True,
    ):
        run["curves"]["test_loss"], run["seconds"] = losses, 6.0
    path.write_text(json.dumps(kept))
    # after two epochs and after one, of three that took six seconds
    assert "2 epochs, 3 s" in studies.table([replace(ROW, num_epochs=3)], small)
    never = replace(ROW, num_epochs=3, published={"loss": 50.0})
    assert " epochs, " not in studies.table([never], small)


def test_only_changed_code_marks_the_commit_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=clone, capture_output=True, text=True).stdout.strip()

    clone = tmp_path / "clone"
    clone.mkdir()
    monkeypatch.setattr(studies, "__file__", str(clone / "studies.py"))
    for name in ("studies.py", "results.json"):
        (clone / name).write_text("1")
    assert studies.commit() == ""
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    head = git("rev-parse", "HEAD")
    (clone / "results.json").write_text("2")
    assert len(head) == 40
    assert studies.commit() == head
    (clone / "studies.py").write_text("2")
    assert studies.commit() == head + "+"


def test_the_command_prints_the_table_and_refuses_what_does_not_exist() -> None:
    printed = CliRunner().invoke(main, ["reproduce", "--dry-run", "S3"])
    assert printed.exit_code == 0
    assert "100.03" in printed.output
    for wrong in (["S9"], ["S3", "--only", "n3-beta1"]):
        refused = CliRunner().invoke(main, ["reproduce", "--dry-run", *wrong])
        assert refused.exit_code == 1
        assert "expected one of" in refused.output


def test_results_are_json_that_a_line_diff_can_read(small: Path) -> None:
    studies.reproduce([ROW], small)
    text = (small / "S3.json").read_text()
    assert json.loads(text) == studies.results("S3", small)
    assert max(map(len, text.splitlines())) < 4000
    with pytest.raises(CourseError, match="no study"):
        studies.results("S9", small)
