"""Rows that are trained, kept, resumed and refused; tiny ones, on a tiny data set."""

import copy
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import safe_open, save_file

from vaecourse import files, pretrained, results
from vaecourse.data import Images
from vaecourse.errors import CourseError
from vaecourse.studies import checkpoints, drawings, scoring, training
from vaecourse.studies.drawings import draw
from vaecourse.studies.record import half_width, record
from vaecourse.studies.rows import STUDIES, Row, choose
from vaecourse.studies.run import Settings, reproduce
from vaecourse.studies.table import table
from vaecourse.training import History, evaluate

ROW = replace(STUDIES["S3"][1], num_epochs=1, batch_size=16)
HONEST = replace(STUDIES["S1"][5], num_epochs=1, batch_size=16)
WHOLE = replace(STUDIES["S1"][0], num_epochs=1, batch_size=16)


def load(name: str, split: str = "train") -> Images:
    """48 pictures in place of MNIST's training images, 16 of its test images, 5 digits."""
    count, seed = (48, 0) if split == "train" else (16, 1)
    x = torch.randint(0, 256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(seed))
    if (name, split) == ("digits", "test"):
        return Images(load("mnist").x[:5], torch.zeros(5))
    return Images(x / 255, torch.arange(count) % 2)


@pytest.fixture(autouse=True)
def _small_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "load", load)
    monkeypatch.setattr(scoring, "load", load)
    monkeypatch.setattr(drawings, "load", load)


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """Folders that vanish, and few draws."""
    return Settings(
        results=tmp_path / "results",
        checkpoints=tmp_path / "checkpoints",
        weights=tmp_path / "weights",
        num_draws=2,
        num_importance_samples=5,
    )


@pytest.fixture
def untrainable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever trains, fails."""
    monkeypatch.setattr(training, "fit", None)


def figures(settings: Settings, row: Row = ROW) -> list[dict[str, float]]:
    kept = results.read(row.study, settings.results)["rows"][row.name]
    return [made["figures"] for made in kept["runs"]]


# -- a run -------------------------------------------------------------------------------------


def test_a_run_is_kept_with_figures_that_add_up(small: Settings) -> None:
    row = replace(ROW, beta=2.0)
    reproduce([row], small, num_seeds=2)
    for found in figures(small, row):
        total = found["recon_nll"] + 2 * found["kl"]
        assert found["loss"] == pytest.approx(total, abs=1e-3)
        assert found["log_likelihood"] < 0
    kept = results.read("S3", small.results)["rows"][row.name]
    low, high = sorted(made["figures"]["loss"] for made in kept["runs"])
    assert low < high
    assert kept["mean"]["loss"] == pytest.approx((low + high) / 2, abs=1e-3)
    assert kept["by"] == "report"
    made = kept["runs"][0]
    assert {"commit", "versions", "device", "seconds", "seed"} <= made.keys()
    assert len(made["curves"]["train_loss"]) == 1
    assert len(made["curves"]["test_loss"]) == 2


def test_the_interval_is_students() -> None:
    # one degree of freedom: 12.706 times two values' standard error, half their gap
    assert half_width([1.0, 3.0]) == pytest.approx(12.706, abs=1e-3)
    # two degrees: 4.303 · 1 / √3
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.3027 / 3**0.5, abs=1e-4)


def test_the_same_seed_gives_the_same_figures(small: Settings, tmp_path: Path) -> None:
    again = replace(small, results=tmp_path / "again")
    reproduce([ROW], small)
    reproduce([ROW], again)
    assert figures(small) == figures(again)


def test_a_row_on_all_images_has_no_test_figures_and_an_honest_one_has(small: Settings) -> None:
    reproduce([WHOLE, HONEST], small)
    assert figures(small, WHOLE)[0].keys() == {"train_loss", "active_units"}
    assert {"recon_nll", "kl", "loss"} <= figures(small, HONEST)[0].keys()


def test_squared_error_is_trained_where_the_row_says_so(small: Settings) -> None:
    rows = [choose(["S1"], [name])[0] for name in ("mse", "mse-honest")]
    mse, honest = (replace(row, num_epochs=1, batch_size=16) for row in rows)
    reproduce([mse, honest, WHOLE], small)
    # uniform noise against grey: a pixel's squared error is about 1/12, its cross-entropy log 2
    assert figures(small, mse)[0]["train_loss"] < 0.3 * figures(small, WHOLE)[0]["train_loss"]
    found = figures(small, honest)[0]
    assert found["loss"] == pytest.approx(found["squared_error"] + found["kl"], abs=1e-3)
    assert "recon_nll" not in found


def test_mnist_is_loaded_once_to_train_and_score_a_row(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def counted(name: str, split: str = "train") -> Images:
        loaded.append((name, split))
        return load(name, split)

    monkeypatch.setattr(training, "load", counted)
    monkeypatch.setattr(scoring, "load", counted)
    reproduce([ROW], small)
    assert sorted(loaded) == [("mnist", "test"), ("mnist", "train")]


@pytest.mark.parametrize(
    "name", ["mnist-autoencoder-2d", "mnist-mlp-2d", "mnist-vq", "mnist-10d-denoiser"]
)
def test_trained_models_never_see_the_held_out_digits_and_load_as_they_scored(
    small: Settings, name: str
) -> None:
    row = replace(choose(only=[name])[0], num_epochs=1, batch_size=16)
    seen, held_out = training.pictures(row), load("digits", "test").x
    assert len(seen.train) == 48 - len(held_out)
    assert not (seen.train[:, None] == held_out[None]).flatten(2).all(2).any()
    reproduce([row], small)
    kept = pretrained.card(name, small.weights)["figures"]
    model = pretrained.load(name, small.weights)
    again = evaluate(model, held_out, training.objective(row))
    terms = {name for name in again if name != "loss"}
    assert {f"digits_{name}" for name in terms} == {key for key in kept if key[:7] == "digits_"}
    for term in terms:
        assert again[term] == pytest.approx(kept[f"digits_{term}"], abs=1e-3)


# -- what goes wrong, and going on -------------------------------------------------------------


def test_resume_passes_over_what_is_finished(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduce([ROW], small)
    before = (small.results / "S3.json").read_bytes()
    monkeypatch.setattr(training, "fit", None)  # nothing may be trained
    said: list[str] = []
    reproduce([ROW], replace(small, resume=True), say=said.append)
    assert (small.results / "S3.json").read_bytes() == before
    assert "kept" in said[0]


def test_resume_brings_up_to_date_what_a_row_says_of_itself(small: Settings) -> None:
    reproduce([ROW], small)
    corrected = replace(ROW, by="course", published={"loss": 1.0})
    measured = figures(small)
    reproduce([corrected], replace(small, resume=True))
    kept = results.read("S3", small.results)["rows"][ROW.name]
    assert (kept["by"], kept["published"]) == ("course", {"loss": 1.0})
    assert figures(small) == measured


def test_resume_scores_what_was_trained_and_not_scored(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "log_likelihood", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            reproduce([ROW], small)
    assert not (small.results / "S3.json").exists()
    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", None)
        reproduce([ROW], replace(small, resume=True))
    resumed = figures(small)
    reproduce([ROW], small)
    assert figures(small) == resumed


@pytest.mark.parametrize("kept", ["results", "checkpoint"])
def test_resume_refuses_a_run_of_another_configuration(small: Settings, kept: str) -> None:
    reproduce([ROW], small)
    before = (small.results / "S3.json").read_bytes()
    if kept == "checkpoint":
        (small.results / "S3.json").unlink()
    with pytest.raises(CourseError, match=r"lr 0\.0001 and not 0\.01.*without --resume"):
        reproduce([replace(ROW, lr=0.01)], replace(small, resume=True))
    if kept == "results":
        assert (small.results / "S3.json").read_bytes() == before


def test_resume_refuses_another_configuration_before_it_trains_the_rows_in_front(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduce([ROW], small)
    monkeypatch.setattr(training, "fit", None)
    with pytest.raises(CourseError, match="without --resume"):
        reproduce([WHOLE, replace(ROW, lr=0.01)], replace(small, resume=True))


BROKEN_RUNS: dict[str, Any] = {
    "a list": lambda made: [made],
    "no JSON": lambda made: "{",
    "without curves": lambda made: {key: made[key] for key in made if key != "curves"},
    "without a protocol": lambda made: made | {"protocol": None},
    "NaN": lambda made: made | {"seconds": float("nan")},
}


@pytest.mark.parametrize("broken", [*BROKEN_RUNS, "cut short", "other weights"])
def test_a_damaged_checkpoint_is_refused_in_a_sentence(small: Settings, broken: str) -> None:
    reproduce([ROW], small)
    (small.results / "S3.json").unlink()
    path = checkpoints.checkpoint(ROW, 0, small.checkpoints)
    if broken == "cut short":
        path.write_bytes(path.read_bytes()[:100])
    else:
        with safe_open(path, "pt") as file:
            made = json.loads(file.metadata()["run"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if broken == "other weights":
            weights = {"a": torch.zeros(1)}
        else:
            made = BROKEN_RUNS[broken](made)
        save_file(weights, path, {"run": made if isinstance(made, str) else json.dumps(made)})
    with pytest.raises(CourseError, match="deleting"):
        reproduce([ROW], replace(small, resume=True))


@pytest.mark.usefixtures("untrainable")
def test_damaged_results_are_refused_before_anything_is_trained(small: Settings) -> None:
    small.results.mkdir()
    (small.results / "S3.json").write_text("{")
    with pytest.raises(CourseError, match=r"S3\.json.*delete it"):
        reproduce([WHOLE, ROW], small)
    assert (small.results / "S3.json").read_text() == "{"


@pytest.mark.usefixtures("untrainable")
@pytest.mark.parametrize("place", ["results", "checkpoints", "weights"])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(
    small: Settings, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    row = choose(only=["mnist-mlp-2d"])[0]
    with pytest.raises(CourseError, match="expected a folder that can be written"):
        reproduce([row], replace(small, **{place: tmp_path / "file" / "folder"}))


@pytest.mark.usefixtures("untrainable")
def test_a_read_only_data_folder_is_refused_before_anything_is_trained(small: Settings) -> None:
    small.checkpoints.mkdir(mode=0o555)
    if os.access(small.checkpoints, os.W_OK):
        pytest.skip("root may write anywhere")
    with pytest.raises(CourseError, match="Permission denied"):
        reproduce([ROW], small)


def test_a_result_is_recorded_though_its_checkpoint_cannot_be_written(small: Settings) -> None:
    checkpoints.checkpoint(ROW, 0, small.checkpoints).mkdir(parents=True)
    with pytest.warns(UserWarning, match="cannot write .*its figures are kept all the same"):
        reproduce([ROW], small)
    assert figures(small)[0]["loss"] > 0


def test_a_row_no_longer_among_the_studies_stays_and_stops_nothing(small: Settings) -> None:
    reproduce([replace(ROW, name="renamed-since")], small)
    kept = figures(small, replace(ROW, name="renamed-since"))
    reproduce([ROW], small)
    assert list(results.read("S3", small.results)["rows"]) == [ROW.name, "renamed-since"]
    assert figures(small, replace(ROW, name="renamed-since")) == kept
    reproduce([replace(ROW, name="another")], small)
    assert "renamed-since" not in table([ROW], small.results)


def test_runs_with_and_without_a_figure_are_summed_up_by_those_that_both_have(
    small: Settings,
) -> None:
    reproduce([ROW], small)
    made = results.read("S3", small.results)["rows"][ROW.name]["runs"][0]
    older = copy.deepcopy(made) | {"seed": 7}
    older["figures"]["recon_nll_of_old"] = older["figures"].pop("recon_nll")
    record(ROW, older, small.results)
    mean = results.read("S3", small.results)["rows"][ROW.name]["mean"]
    assert "loss" in mean
    assert not {"recon_nll", "recon_nll_of_old"} & mean.keys()


def test_an_interrupted_run_keeps_the_rows_before_it(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduce([ROW], small)
    before = (small.results / "S3.json").read_bytes()
    monkeypatch.setattr(training, "fit", lambda *_, **__: History(interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        reproduce([replace(ROW, name="n1-beta1")], small)
    assert (small.results / "S3.json").read_bytes() == before


def test_a_gpu_without_memory_is_an_error_that_says_what_to_do(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(training, "fit", full)
    with pytest.raises(CourseError, match=r"memory is full.*--resume"):
        reproduce([ROW], small)


def test_a_write_that_fails_leaves_the_old_results(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduce([ROW], small)
    made = results.read("S3", small.results)["rows"][ROW.name]["runs"][0]
    before = (small.results / "S3.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CourseError, match="No space left"):
        record(ROW, made | {"seed": 5}, small.results)
    assert {path.name for path in small.results.iterdir()} <= {"S3.json", "S3.lock"}
    assert (small.results / "S3.json").read_bytes() == before


class Refusal(NamedTuple):
    settings: dict[str, str]
    sentence: str


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal({"device": "cuda:7"}, "finds only cpu"),
        Refusal({"device": ""}, "finds only cpu"),
        Refusal({"precision": "float16"}, "no precision"),
    ],
)
def test_what_no_row_can_be_trained_with_is_refused_before_anything_starts(
    small: Settings, refusal: Refusal
) -> None:
    said: list[str] = []
    with pytest.raises(CourseError, match=refusal.sentence):
        reproduce([ROW], replace(small, **refusal.settings), say=said.append)
    assert not said
    assert not small.results.exists()


# -- the table --------------------------------------------------------------


def test_the_table_says_when_the_test_loss_was_first_as_published(small: Settings) -> None:
    reproduce([ROW], small, num_seeds=2)
    path = small.results / "S3.json"
    kept = json.loads(path.read_text())
    for made, losses in zip(
        kept["rows"][ROW.name]["runs"],
        ([200, 150, 144.49, 130], [200, 100, 100, 100]),
        strict=True,
    ):
        made["curves"]["test_loss"], made["seconds"] = losses, 6.0
    path.write_text(json.dumps(kept))
    # after two epochs and after one, of three that took six seconds
    assert "2 epochs, 3 s" in table([replace(ROW, num_epochs=3)], small.results)
    never = replace(ROW, num_epochs=3, published={"loss": 50.0})
    assert " epochs, " not in table([never], small.results)


def test_results_are_json_that_a_line_diff_can_read(small: Settings) -> None:
    reproduce([ROW], small)
    text = (small.results / "S3.json").read_text()
    assert json.loads(text) == results.read("S3", small.results)
    assert max(map(len, text.splitlines())) < 4000
    assert text.count("\n") > 30


# -- what trained rows draw ------------------------------------------------------------------------

BY_BETA = [replace(ROW, name=f"n2-beta{beta:g}", beta=beta) for beta in (0.5, 1.0)]


def test_drawings_are_those_of_the_kept_weights(small: Settings) -> None:
    reproduce(BY_BETA, small, num_seeds=2)
    first = checkpoints.checkpoint(BY_BETA[0], 0, small.checkpoints)
    first.unlink()  # so that only seed 1 is there for both
    draw(BY_BETA, small, num_samples=4)
    drawn = results.read_drawings("S3", small.results)
    assert drawn.about["rows"] == [row.name for row in BY_BETA]
    assert drawn.about["seed"] == 1
    assert drawn.samples.shape == (2, 4, 1, 28, 28)
    torch.testing.assert_close(drawn.x, load("mnist", "test").x[:2])  # one of each class
    for row, images in zip(BY_BETA, drawn.reconstructions, strict=True):
        path = checkpoints.checkpoint(row, 1, small.checkpoints)
        model, _ = checkpoints.load(path, row, 1, small.precision)
        with torch.no_grad():
            expected = model.reconstruct(drawn.x)
        torch.testing.assert_close(images, expected, atol=1 / 255, rtol=0)


def test_without_weights_of_one_seed_for_all_nothing_is_drawn(small: Settings) -> None:
    reproduce(BY_BETA[:1], small)
    with pytest.raises(CourseError, match=r"found none for n2-beta1;"):
        draw(BY_BETA, small)
    assert not (small.results / "S3.safetensors").exists()
    with pytest.raises(CourseError, match="expected the drawings of 'S3'"):
        results.read_drawings("S3", small.results)


@pytest.mark.parametrize("damage", ["cut", "rows", "about"])
def test_damaged_drawings_are_an_error(small: Settings, damage: str) -> None:
    reproduce(BY_BETA, small)
    draw(BY_BETA, small)
    path = small.results / "S3.safetensors"
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["about"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    else:
        wrong = {"rows": about | {"rows": ["one"]}, "about": {"rows": []}}[damage]
        save_file(tensors, path, {"about": json.dumps(wrong)})
    with pytest.raises(CourseError, match="S3"):
        results.read_drawings("S3", small.results)
