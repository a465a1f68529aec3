"""Results are read without torch, and whatever a results file holds, an answer is a sentence."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vaecourse import results
from vaecourse.errors import CourseError
from vaecourse.studies.rows import FIGURES

STORED = Path(__file__).parents[1] / "book" / "results"


def small_study() -> dict[str, Any]:
    """Two rows of the stored results, their curves cut short."""
    study = results.read("S3", STORED)
    study["rows"] = {name: study["rows"][name] for name in ("n2-beta1", "n64-beta1-fast")}
    for row in study["rows"].values():
        for run in row["runs"]:
            run["curves"] = {name: values[:3] for name, values in run["curves"].items()}
    return study


GOOD = small_study()


def test_reading_results_needs_no_torch() -> None:
    code = (
        "import sys; from vaecourse import results; results.read('S3', sys.argv[1]);"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(STORED)]).returncode == 0


def test_every_stored_study_can_be_read_and_each_row_has_its_figures() -> None:
    studies = sorted(path.stem for path in STORED.glob("*.json"))
    assert {"S1", "S3", "pretrained"} <= set(studies)
    for study in studies:
        if study in FIGURES:
            assert results.measured(study, STORED)["measured"]
            continue
        for row in results.read(study, STORED)["rows"].values():
            assert "train_loss" in row["mean"]  # densities may be below 0 nats
            assert len({run["seed"] for run in row["runs"]}) == len(row["runs"])
            assert bool(row["interval"]) == (len(row["runs"]) > 1)


def test_a_study_without_results_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"'S9'.*S1, S3.*pretrained.*reproduce S9"):
        results.read("S9", STORED)
    with pytest.raises(CourseError, match="no study"):
        results.read("S3", tmp_path / "nowhere")


def test_a_damaged_file_advises_what_does_not_fail_on_it(tmp_path: Path) -> None:
    (tmp_path / "S3.json").write_text("{")
    with pytest.raises(CourseError, match=r"S3\.json.*git checkout.*delete it and then.*S3"):
        results.read("S3", tmp_path)


def run_of(study: dict[str, Any]) -> dict[str, Any]:
    return study["rows"]["n2-beta1"]["runs"][0]


WRONG: dict[str, Any] = {
    "a list": lambda study: [study],
    "rows a list": lambda study: study.update(rows=[1]),
    "no rows": lambda study: study.pop("rows"),
    "a row a list": lambda study: study["rows"].update(x=[]),
    "runs none": lambda study: study["rows"]["n2-beta1"].update(runs=[]),
    "a run a list": lambda study: study["rows"]["n2-beta1"].update(runs=[[]]),
    "a run without figures": lambda study: run_of(study).pop("figures"),
    "a run without a seed": lambda study: run_of(study).pop("seed"),
    "a seed a truth value": lambda study: run_of(study).update(seed=True),
    "a mean as text": lambda study: study["rows"]["n2-beta1"]["mean"].update(loss="144.5"),
    "NaN": lambda study: run_of(study)["figures"].update(loss=float("nan")),
    "too large a number": lambda study: run_of(study).update(seconds=10**400),
    "a curve of texts": lambda study: run_of(study)["curves"].update(test_loss=["1"]),
    "text that is none": lambda study: study.update(note="\ud800"),
}


@pytest.mark.parametrize("name", WRONG)
def test_results_of_the_wrong_shape_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    study = copy.deepcopy(GOOD)
    made = WRONG[name](study)
    (tmp_path / "S3.json").write_text(json.dumps(made if isinstance(made, list) else study))
    with pytest.raises(CourseError, match=r"S3\.json.*(expected|cannot be read)") as refused:
        results.read("S3", tmp_path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"null"])
def test_a_file_that_is_no_study_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "S3.json").write_bytes(content)
    with pytest.raises(CourseError, match=r"S3\.json"):
        results.read("S3", tmp_path)


# -- a fuzz ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


def mutate(study: Any, data: st.DataObject) -> None:
    """Replace, remove or add something somewhere in a study, in place."""
    place = study
    for _ in range(data.draw(st.integers(0, 6))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        if not inner:
            break
        place = place[data.draw(st.sampled_from(inner))]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    key = data.draw(st.sampled_from(keys))
    match data.draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            place[key] = data.draw(JSON)
        case "remove":
            del place[key]
        case _ if isinstance(place, dict):
            place[data.draw(st.text(max_size=5))] = data.draw(JSON)
        case _:
            place.append(data.draw(JSON))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_mutated_study_is_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    study = copy.deepcopy(GOOD)
    mutate(study, data)
    (tmp_path / "S3.json").write_text(json.dumps(study))
    try:
        found = results.read("S3", tmp_path)
    except CourseError:
        return
    for row in found["rows"].values():
        assert f"{row['mean'].get('loss', 0):.2f}"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_bytes_are_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    text = json.dumps(GOOD).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    content = text[:start] + data.draw(st.binary(max_size=5)) + text[end:]
    (tmp_path / "S3.json").write_bytes(content)
    try:
        results.read("S3", tmp_path)
    except CourseError:
        return


def test_beside_a_notebook_of_its_own_the_courses_results_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert results.read("S1") == results.read("S1", STORED)
    (tmp_path / "results").mkdir()  # own results are never mixed with those of the course
    with pytest.raises(CourseError, match="no study"):
        results.read("S1")
