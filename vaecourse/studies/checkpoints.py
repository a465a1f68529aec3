"""What is trained but not yet scored: a row's weights and its run, in one file."""

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from safetensors import SafetensorError
from torch import nn

from vaecourse import files
from vaecourse.errors import CourseError
from vaecourse.results import TRAINED, mismatch
from vaecourse.studies.rows import Row
from vaecourse.studies.training import build


def checkpoint(row: Row, seed: int, folder: Path) -> Path:
    """The file of a row's run in the folder of all checkpoints."""
    return folder / row.study / f"{row.name}-seed{seed}.safetensors"


def save(path: Path, model: nn.Module, run: dict[str, Any]) -> None:
    """Keep a trained model and its run; CourseError where that fails."""
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    files.write(path, safetensors.torch.save(weights, {"run": json.dumps(run)}))


def load(path: Path, row: Row, seed: int, precision: str) -> tuple[Any, dict[str, Any]]:
    """The model, in evaluation mode, and the run that a checkpoint holds.

    Raises CourseError for a file that is damaged, or made in another way than the row says.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            run = json.loads((file.metadata() or {})["run"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as problem:
        raise _damaged(path, row, seed, str(problem)) from problem
    difference = mismatch(run, TRAINED)
    if difference:
        raise _damaged(path, row, seed, difference)
    require_same(path, run, row, precision)
    model = build(row, seed)
    try:
        model.load_state_dict(weights)
    except RuntimeError as problem:
        raise _damaged(path, row, seed, " ".join(str(problem).split())[:200]) from problem
    return model.eval(), run


def require_same(path: Path, run: dict[str, Any], row: Row, precision: str) -> None:
    """Refuse to go on from a run that was made in another way."""
    wanted = row.protocol() | {"precision": precision}
    came = run["protocol"] | {"precision": run["precision"]}
    differ = [
        f"{key} {came.get(key)!r} and not {wanted[key]!r}"
        for key in wanted
        if wanted[key] != came.get(key)
    ]
    if differ:
        raise CourseError(
            f"{path} holds a run of {row.name} made with {', '.join(differ)}; try without "
            "--resume, which trains it anew"
        )


def _damaged(path: Path, row: Row, seed: int, what: str) -> CourseError:
    return CourseError(
        f"expected the weights of {row.name}, seed {seed}, in {path}, got a file that cannot be "
        f"read as such ({what}); try deleting it"
    )
