"""Putting finished runs into `results/<study>.json`, which `vaecourse.results` reads."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from filelock import FileLock
from scipy.stats import t as student_t

from vaecourse import files, results
from vaecourse.errors import CourseError
from vaecourse.studies.rows import STUDIES, Row


def known(study: str, folder: Path) -> dict[str, Any]:
    """The results so far, as `results.read` gives them; no rows where there is no file yet."""
    if (folder / f"{study}.json").exists():
        return results.read(study, folder)
    return {"study": study, "unit": "nats an image", "rows": {}}


def runs_of(row: Row, folder: Path) -> list[dict[str, Any]]:
    """The row's finished runs, by seed; none where there is none yet."""
    return known(row.study, folder)["rows"].get(row.name, {"runs": []})["runs"]


def record(row: Row, run: dict[str, Any] | None, folder: Path) -> None:
    """Put a finished run into the study's results, in place of an earlier one of its seed.

    Runs by another protocol give way to it. Rows that are no longer among the studies stay, at the
    end. Without a run, only what the row says of itself is brought up to date. Raises CourseError
    for results that are damaged or cannot be written.
    """
    path = folder / f"{row.study}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            study = known(row.study, folder)
            runs = study["rows"].get(row.name, {"runs": []})["runs"]
            if run is not None:
                same = [other for other in runs if other["protocol"] == run["protocol"]]
                runs = [other for other in same if other["seed"] != run["seed"]] + [run]
                runs.sort(key=lambda other: other["seed"])
            before = study["rows"].get(row.name)
            study["rows"][row.name] = _entry(row, runs)
            if before != study["rows"][row.name]:
                files.write(path, _text(row.study, study))
    except OSError as problem:  # of the folder or the lock
        raise CourseError(
            f"cannot write {path}: {files.reason(problem)}; try freeing some space, or a folder "
            "that can be written"
        ) from problem


def _entry(row: Row, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "source": row.source,
        "by": row.by,
        "published": row.published,
        **summary(runs),
        "runs": runs,
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The "mean" and the "interval" of the runs' figures, as `results.read` tells of them."""
    return {
        "mean": _summary(runs, fmean),
        "interval": _summary(runs, half_width) if len(runs) > 1 else {},
    }


def _summary(runs: list[dict[str, Any]], of: Callable[[list[float]], float]) -> dict[str, float]:
    """By name, for each figure that all runs have."""
    names = [name for name in runs[0]["figures"] if all(name in run["figures"] for run in runs)]
    return {name: round(of([run["figures"][name] for run in runs]), 4) for name in names}


def half_width(values: list[float]) -> float:
    """Half the width of the mean's 95 % confidence interval, by Student's t."""
    count = len(values)
    return float(student_t.ppf(0.975, count - 1) * stdev(values) / count**0.5)


def _text(name: str, study: dict[str, Any]) -> str:
    """JSON that a line diff can read: rows in the order of the studies, a curve on one line."""
    order = {row.name: i for i, row in enumerate(STUDIES[name])}
    rows = sorted(study["rows"].items(), key=lambda item: order.get(item[0], len(order)))
    text = json.dumps(study | {"rows": dict(rows)}, indent=1, ensure_ascii=False)
    return re.sub(r"\[[^\[\]{}]*\]", _on_one_line, text) + "\n"


def _on_one_line(numbers: re.Match[str]) -> str:
    return re.sub(r"\s+", " ", numbers[0]).replace("[ ", "[").replace(" ]", "]")
