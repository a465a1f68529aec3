"""What grading a class costs, beside nbgrader's autograde: `python -m benchmarks.grading`.

Both grade the same submissions of a2: right ones, unanswered ones, and the named mistakes. The long
experiments are cut out of what nbgrader runs, unless `--experiments`: it has no way to skip them.
Ours runs in its jail, nbgrader without one. Seconds of computing are those of the whole machine, so
nothing else may run on it.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import nbformat
import psutil

from vaecourse.classroom import cells
from vaecourse.classroom.folder import Folder
from vaecourse.provenance import commit, processor

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))  # the made class lives there
from homework import released, solved  # noqa: E402
from pupils import A2, mistaken  # noqa: E402

CLASS = 10_000
CLUSTER_CORES = 50
BIN = Path(sys.executable).parent


def submissions(number: int) -> dict[str, str]:
    """So many notebooks: a third right, a sixth unanswered, the others mistaken."""
    kinds = [json.dumps(solved(A2)), mistaken(0)[0], json.dumps(solved(A2)), mistaken(1)[0]]
    kinds += [json.dumps(released(A2)), mistaken(2)[0]]
    return {f"student-{i:03}": kinds[i % len(kinds)] for i in range(number)}


def timed(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Seconds of the clock, and of computing by this machine, that a command takes."""
    before, began = _busy(), time.monotonic()
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise click.ClickException(f"{' '.join(command)}: {ran.stderr[-2000:]}")
    return time.monotonic() - began, _busy() - before


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system)


def ours(handed: dict[str, str], folder: Path) -> tuple[float, float, dict[str, float]]:
    for student, text in handed.items():
        place = folder / "handed" / student / f"{A2}.ipynb"
        place.parent.mkdir(parents=True)
        place.write_text(text)
    command = [str(BIN / "vaecourse"), "grade", "handed", "--out", "out"]
    seconds, computed = timed([*command, "--solutions", str(ROOT / "solutions")], folder)
    points = {g.student: g.total or 0.0 for g in Folder(folder / "out").grades()}
    return seconds, computed, points


def theirs(
    handed: dict[str, str], folder: Path, experiments: bool
) -> tuple[float, float, dict[str, float]]:
    """nbgrader's autograde, in a course of its own."""
    from nbgrader.api import Gradebook

    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    source = nbformat.read(ROOT / "solutions" / f"{A2}.ipynb", as_version=4)
    _place(source, folder / "source" / A2, experiments)
    for student, text in handed.items():
        mine = nbformat.reads(text, as_version=4)
        _place(mine, folder / "submitted" / student / A2, experiments)
    timed([str(BIN / "nbgrader"), "generate_assignment", A2, "--force"], folder)
    seconds, computed = timed([str(BIN / "nbgrader"), "autograde", A2], folder)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        points = {s.student.id: s.score for s in book.assignment_submissions(A2)}
    return seconds, computed, points


def _place(notebook: nbformat.NotebookNode, folder: Path, experiments: bool) -> None:
    if not experiments:
        kept = [cell for cell in notebook.cells if cells.role(cell) != "experiment"]
        notebook.cells = kept
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{A2}.ipynb")


@click.command()
@click.option("--number", default=30, show_default=True, help="Submissions.")
@click.option("--experiments", is_flag=True, help="Let nbgrader run the long cells too.")
@click.option("--save", is_flag=True, help="Write benchmarks/results/grading.json.")
def main(number: int, experiments: bool, save: bool) -> None:
    """Grade the same submissions with both, and say what a large class would cost."""
    handed = submissions(number)
    with TemporaryDirectory(prefix="grading-") as name:
        places = Path(name, "ours"), Path(name, "theirs")
        for place in places:
            place.mkdir()
        mine, other = ours(handed, places[0]), theirs(handed, places[1], experiments)
        records = [g.record for g in Folder(places[0] / "out").grades()]
        shutil.rmtree(places[1], ignore_errors=True)
    single = sum(r["cpu_seconds"] for r in records) / len(records)
    cores = os.cpu_count() or 1
    found = {
        "submissions": number,
        "experiments": experiments,
        "ours": _figures(mine, number),
        "nbgrader": _figures(other, number),
        "throughput_ratio": round(other[0] / mine[0], 2),
        "same_points": sum(abs(mine[2][s] - other[2].get(s, -1)) < 1e-9 for s in handed),
        "single_cpu_seconds": round(single, 2),
        "class_of_10000_hours_here": round(CLASS * single / cores / 3600, 2),
        "class_of_10000_minutes_on_50_cores": round(CLASS * single / CLUSTER_CORES / 60, 1),
        "cores": cores,
        "processor": processor(),
        "commit": commit(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    click.echo(json.dumps(found, indent=1))
    if save:
        place = Path(__file__).parent / "results" / "grading.json"
        place.write_text(json.dumps(found, indent=1) + "\n")


def _figures(found: tuple[float, float, dict[str, float]], number: int) -> dict[str, float]:
    seconds, computed, _ = found
    return {
        "seconds": round(seconds, 1),
        "submissions_a_minute": round(60 * number / seconds, 2),
        "cpu_seconds_each": round(computed / number, 2),
    }


if __name__ == "__main__":
    main()
