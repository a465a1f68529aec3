"""Measured beside published, as a table of text."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from vaecourse.studies.record import known
from vaecourse.studies.rows import Row

HEAD = (
    *("row", "figure", "measured", "± 95 %", "seeds", "published", "ratio"),
    *("epochs", "seconds", "as published after"),
)


def table(rows: Iterable[Row], folder: Path) -> str:
    """Measured beside published, a line a figure; a dash where there is no such number.

    The last three columns stand where a training's own loss does: its epochs, its seconds, and
    after how many of either the test loss was first at the published one or below (means of seeds).
    Raises CourseError for results that are damaged.
    """
    lines: list[tuple[str, ...]] = [HEAD]
    studies: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.study not in studies:
            studies[row.study] = known(row.study, folder)["rows"]
        lines += _lines(row, studies[row.study].get(row.name))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _lines(row: Row, measured: dict[str, Any] | None) -> list[tuple[str, ...]]:
    title = f"{row.study} {row.name}"
    if measured is None:
        return [(title, "–", "–", "–", "0", "–", "–", "", "", "")]
    lines = []
    for name, mean in measured["mean"].items():
        # a report that trained on all images published its training loss
        is_published = row.data == "all" and name == "train_loss"
        published = row.published.get("loss" if is_published else name)
        interval = measured["interval"].get(name)
        line = [title, name, f"{mean:.2f}", "–" if interval is None else f"{interval:.2f}"]
        line.append(str(len(measured["runs"])))
        line += ["–", "–"] if published is None else [f"{published:.2f}", f"{mean / published:.3f}"]
        if name == "train_loss":
            seconds = fmean(run["seconds"] for run in measured["runs"])
            line += [str(row.num_epochs), f"{seconds:.0f}", as_published(row, measured["runs"])]
        else:
            line += ["", "", ""]
        lines.append(tuple(line))
    return lines


def as_published(row: Row, runs: list[dict[str, Any]]) -> str:
    """Epochs and seconds until the test loss, once an epoch, was first at the published one."""
    epochs = []
    for run in runs:
        losses = run["curves"].get("test_loss", [])  # the first is from before training
        reached = [i for i, loss in enumerate(losses) if loss <= row.published.get("loss", 0)]
        if not reached:
            return "–"
        epochs.append(reached[0])
    seconds = fmean(
        run["seconds"] * epoch / row.num_epochs for run, epoch in zip(runs, epochs, strict=True)
    )
    return f"{fmean(epochs):.0f} epochs, {seconds:.0f} s"
