"""`reproduce`: train and score rows, and keep what is measured."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from vaecourse import files, pretrained
from vaecourse.checks import check_precision
from vaecourse.data import data_root
from vaecourse.device import check_device
from vaecourse.errors import CourseError
from vaecourse.studies import checkpoints
from vaecourse.studies.record import record, runs_of
from vaecourse.studies.rows import PRETRAINED, Row
from vaecourse.studies.scoring import score
from vaecourse.studies.training import pictures, train


@dataclass(frozen=True)
class Settings:
    """How and where rows are run, whatever the row."""

    results: Path  # the folder of `<study>.json`
    precision: str = "float32"
    device: str = "cpu"
    resume: bool = False
    checkpoints: Path = field(default_factory=lambda: data_root() / "studies")
    weights: Path = pretrained.FOLDER  # of the trained models that come with the package
    num_draws: int = 20  # samples of z an image behind a figure
    num_importance_samples: int = 500


def reproduce(
    rows: Sequence[Row],
    settings: Settings,
    num_seeds: int = 1,
    say: Callable[[str], None] = print,
) -> None:
    """Train and score each row with seeds 0, 1, …, and keep each run once it is done.

    With `settings.resume`, runs that the results already hold are passed over, and one that was
    trained but not scored is only scored. Raises CourseError, before anything is trained, for a
    device that is not here, results that are damaged, a folder that cannot be written and a kept
    run of another configuration; later, for data that is not here and a GPU without enough memory:
    what was finished is kept.
    """
    check_device(settings.device)
    check_precision(settings.precision)
    jobs = [(row, seed) for row in rows for seed in range(num_seeds)]
    for row, seed in jobs:
        _is_finished(row, seed, settings)
    _check_folders(rows, settings)
    for row, seed in jobs:
        title = f"{row.study} {row.name}, seed {seed}"
        if _is_finished(row, seed, settings):
            record(row, None, settings.results)
            say(f"{title}: kept from an earlier run")
            continue
        try:
            _run(row, seed, title, settings, say)
        except torch.cuda.OutOfMemoryError as problem:
            raise CourseError(
                f"{title}: the GPU's memory is full ({str(problem).partition('.')[0]}); what was "
                "finished is kept; try again with --resume when the GPU is free, or --device cpu"
            ) from problem


def _is_finished(row: Row, seed: int, settings: Settings) -> bool:
    """Whether the results hold this run and it need not be made again."""
    mine = [run for run in runs_of(row, settings.results) if run["seed"] == seed]
    if not (settings.resume and mine):
        return False
    path = settings.results / f"{row.study}.json"
    checkpoints.require_same(path, mine[0], row, settings.precision)
    return True


def _check_folders(rows: Sequence[Row], settings: Settings) -> None:
    """CourseError unless all that will be written can be."""
    studies = {row.study for row in rows}
    for study in sorted(studies):
        files.check_writable(settings.checkpoints / study)
    files.check_writable(settings.results)
    if PRETRAINED in studies:
        files.check_writable(settings.weights)


def _run(row: Row, seed: int, title: str, settings: Settings, say: Callable[[str], None]) -> None:
    path = checkpoints.checkpoint(row, seed, settings.checkpoints)
    seen = pictures(row)
    if settings.resume and path.exists():
        model, run = checkpoints.load(path, row, seed, settings.precision)
    else:
        say(f"{title}: {row.num_epochs} epochs")
        model, run = train(row, seed, seen, settings.precision, settings.device)
        try:
            checkpoints.save(path, model, run)
        except CourseError as problem:  # the result is worth more than its weights
            warnings.warn(f"{problem}; its figures are kept all the same", stacklevel=2)
    if row.study == PRETRAINED:
        pretrained.halve(model)
    run["figures"] = score(
        row,
        model,
        run,
        seen,
        device=settings.device,
        num_draws=settings.num_draws,
        num_importance_samples=settings.num_importance_samples,
    )
    figures = ", ".join(f"{name} {value:.2f}" for name, value in run["figures"].items())
    say(f"{title}: {figures} ({run['seconds']:.0f} s)")
    if row.study == PRETRAINED and seed == 0:
        known = {key: value for key, value in run.items() if key != "curves"}
        pretrained.store(row.name, model, known, settings.weights)
    record(row, run, settings.results)
