"""The rows of the studies, what is stored of them, and the command that prints or trains them."""

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaecourse import pretrained, results
from vaecourse.cli import main
from vaecourse.errors import CourseError
from vaecourse.studies import run, training
from vaecourse.studies.record import record
from vaecourse.studies.rows import OBJECTIVES, STUDIES, Row, choose
from vaecourse.studies.table import table
from vaecourse.variants.building import VARIANTS

STORED = Path(__file__).parents[1] / "book" / "results"
ROW = STUDIES["S3"][1]


# -- the rows ----------------------------------------------------------------------------------


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
            model = training.build(row, 0)
            assert row.network in VARIANTS or model.decoder.latent_dim == row.latent_dim


def test_what_a_row_does_without_is_not_in_its_protocol() -> None:
    assert "of" not in ROW.protocol()
    assert replace(ROW, of="mnist-mlp-2d").protocol()["of"] == "mnist-mlp-2d"


def test_every_objective_and_owner_that_a_row_names_is_known() -> None:
    assert set(OBJECTIVES) == training.OBJECTIVES.keys() | training.OBJECTIVES_OF.keys()
    rows = choose()
    assert {row.objective for row in rows} <= set(OBJECTIVES)
    assert {row.of for row in rows} <= {"", *pretrained.names()}
    assert all(bool(row.of) == (row.objective in training.OBJECTIVES_OF) for row in rows)
    assert {row.by for row in rows} == {"report", "course"}


def test_the_reports_own_rows_are_those_with_its_schedule_data_and_first_weights() -> None:
    names = {study: [row.name for row in STUDIES[study] if row.by == "report"] for study in STUDIES}
    assert names == {
        "S1": ["base", "third-convolution", "1d", "10d", "mse"],
        "S3": [row.name for row in STUDIES["S3"] if not row.one_cycle],
        "pretrained": [],
        "sharper": [],
        "dogs": [],
    }
    assert all(row.published for row in choose() if row.by == "report")


def test_rows_are_read_without_torch() -> None:
    code = "import sys, vaecourse.studies.rows; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_study_or_row_named_twice_is_chosen_once() -> None:
    assert choose(["S3", "S3"]) == STUDIES["S3"]
    assert choose(["S3"], ["n1-beta1", "n1-beta1"]) == STUDIES["S3"][:1]


# -- what is stored of them ---------------------------------------------------------------------


def test_every_stored_row_is_one_of_the_studies_and_every_row_is_stored() -> None:
    for study, rows in STUDIES.items():
        assert list(results.read(study, STORED)["rows"]) == [row.name for row in rows]


@pytest.mark.parametrize("row", choose(), ids=lambda row: row.name)
def test_a_stored_row_was_trained_as_it_says_and_stands_beside_what_was_published(row: Row) -> None:
    kept = results.read(row.study, STORED)["rows"][row.name]
    assert (kept["by"], kept["published"]) == (row.by, row.published)
    for made in kept["runs"]:
        assert made["protocol"] == row.protocol()
    for name, mean in kept["mean"].items():
        values = [made["figures"][name] for made in kept["runs"]]
        assert mean == pytest.approx(sum(values) / len(values), abs=1e-3)
    assert f"{kept['mean']['train_loss']:.2f}" in table([row], STORED)


@pytest.mark.parametrize("row", [r for r in choose() if r.by == "report"], ids=lambda row: row.name)
def test_a_reports_own_row_comes_out_as_published_or_better(row: Row) -> None:
    mean = results.read(row.study, STORED)["rows"][row.name]["mean"]
    name = "train_loss" if row.data == "all" else "loss"
    assert 0.9 * row.published["loss"] < mean[name] <= 1.02 * row.published["loss"]


def test_a_stored_importance_weighted_estimate_is_better_than_its_elbo() -> None:
    means = [kept["mean"] for kept in results.read("S3", STORED)["rows"].values()]
    assert len(means) == len(STUDIES["S3"])
    for mean in means:
        assert mean["log_likelihood"] > -mean["recon_nll"] - mean["kl"]


# -- the table and the command ------------------------------------------------------------------


def test_a_row_without_results_is_a_line_of_dashes(tmp_path: Path) -> None:
    _, line = table([ROW], tmp_path).splitlines()
    assert line.split()[:5] == ["S3", ROW.name, "–", "–", "–"]


def test_the_command_prints_the_table_and_refuses_what_does_not_exist() -> None:
    printed = CliRunner().invoke(main, ["reproduce", "--dry-run", "S3"])
    assert printed.exit_code == 0
    assert "100.03" in printed.output
    for wrong in (["S9"], ["S3", "--only", "n3-beta1"]):
        refused = CliRunner().invoke(main, ["reproduce", "--dry-run", *wrong])
        assert refused.exit_code == 1
        assert "expected one of" in refused.output


def test_the_command_trains_as_its_options_say(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(run, "reproduce", lambda *given, **named: asked.append((given, named)))
    options = ["--seeds", "2", "--resume", "--precision", "bfloat16", "--only", ROW.name]
    assert CliRunner().invoke(main, ["reproduce", "S3", "S3", *options]).exit_code == 0
    (rows, chosen), named = asked[0]
    assert rows == [STUDIES["S3"][1]]
    assert (chosen.device, chosen.precision, chosen.resume) == ("cpu", "bfloat16", True)
    assert named["num_seeds"] == 2


# -- a fuzz: what is read can be printed and written -------------------------------------------

VALUES = st.sampled_from([None, True, -1, 0, 10**99, 1e308, "", "ü\ud800", [], {}, [1.5], {"a": 1}])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_mutated_study_is_printed_and_recorded_into_or_refused(
    data: st.DataObject, tmp_path: Path
) -> None:
    name = "n64-beta1-fast"
    row, study = choose(["S3"], [name])[0], results.read("S3", STORED)
    study["rows"] = {name: study["rows"][name]}
    made = copy.deepcopy(study["rows"][name]["runs"][0])
    place: Any = study
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.booleans()):
            place[key] = data.draw(VALUES)
            break
        place = place[key]
    (tmp_path / "S3.json").write_text(json.dumps(study))
    try:
        assert table([row], tmp_path)
        record(row, made, tmp_path)
    except CourseError:
        return
    assert results.read("S3", tmp_path)["rows"][name]["runs"]
