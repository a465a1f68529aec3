"""The command: time every contestant in alternation, print medians and ratios, write JSON."""

import json
import platform
import statistics
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click
import torch

from benchmarks import to_target, where
from benchmarks.contestants import CONTESTANTS
from benchmarks.worker import Worker
from benchmarks.workloads import WORKLOADS
from vaecourse.provenance import commit, processor


def time_all(workload: str, num_images: int, rounds: int, chosen: list[str]) -> dict[str, dict]:
    """By contestant: its seconds and its loss, round by round, after one round not counted."""
    workers: dict[str, Worker] = {}
    found: dict[str, dict] = {}
    try:
        for name in chosen:
            contestant = CONTESTANTS[name]
            if workload not in contestant.workloads:
                continue
            if contestant.needs and not find_spec(contestant.needs):
                click.echo(f"{contestant.title}: left out, {contestant.needs} is not installed")
                continue
            click.echo(f"starting: {contestant.title}")
            workers[name] = Worker(name, workload, num_images)
            workers[name].run()
            found[name] = {"title": contestant.title, "seconds": [], "losses": []}
        for number in range(rounds):
            for name, worker in workers.items():
                seconds, answer = worker.run()
                is_floor = name.startswith("floor")
                found[name]["seconds"].append(round(answer if is_floor else seconds, 3))
                found[name]["losses"] += [] if is_floor else [round(answer, 2)]
            click.echo(f"round {number + 1} of {rounds} done")
    finally:
        for worker in workers.values():
            worker.stop()
    return found


def table(found: dict[str, dict]) -> str:
    """Medians of the rounds, and the medians of the ratios within each round."""

    def ratio(above: list[float], below: list[float]) -> str:
        return f"{statistics.median(a / b for a, b in zip(above, below, strict=True)):8.2f}"

    lines = [f"{'':26}{'s/epoch':>9}{'x floor32':>10}{'usual/it':>9}{'pythae/it':>10}{'loss':>9}"]
    for result in found.values():
        line = f"{result['title']:26}{statistics.median(result['seconds']):9.2f}"
        line += f"  {ratio(result['seconds'], found['floor32']['seconds'])}"
        for peer in ("usual", "pythae"):
            known = peer in found
            line += f" {ratio(found[peer]['seconds'], result['seconds']) if known else '       –'}"
        line += f"{result['losses'][-1]:10.2f}" if result["losses"] else ""
        lines.append(line)
    return "\n".join(lines)


def check_losses(found: dict[str, dict], tolerance: float = 0.03) -> str:
    """Whether all end at the same loss: they begin with different random weights."""
    losses = {r["title"]: r["losses"][-1] for r in found.values() if r["losses"]}
    middle = statistics.median(losses.values())
    far = {title: loss for title, loss in losses.items() if abs(loss / middle - 1) > tolerance}
    if far:
        names = ", ".join(f"{title} {loss}" for title, loss in far.items())
        return f"losses DIFFER by more than {tolerance:.0%} from the median {middle:.2f}: {names}"
    return f"losses agree: all within {tolerance:.0%} of {middle:.2f} nats"


@click.command()
@click.argument("workloads", nargs=-1, type=click.Choice(list(WORKLOADS)))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option(
    "--images", type=click.IntRange(1000), help="Fewer images an epoch, for a quick look."
)
@click.option("--only", multiple=True, type=click.Choice(list(CONTESTANTS)), help="A contestant.")
@click.option("--out", type=click.Path(path_type=Path), help="A JSON file for all figures.")
def main(
    workloads: tuple[str, ...],
    rounds: int,
    images: int | None,
    only: tuple[str, ...],
    out: Path | None,
) -> None:
    """Seconds an epoch of `fit`, its peers and the floor, in alternation; ratios within a round."""
    everything = {
        "commit": commit(),
        "device": processor(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "workloads": {},
    }
    # the floor is what the others are set against
    chosen = ["floor32", *(name for name in only or CONTESTANTS if name != "floor32")]
    for workload in workloads or WORKLOADS:
        num_images = images or WORKLOADS[workload].num_images
        click.echo(f"{WORKLOADS[workload].title}, {num_images:,} images an epoch")
        found = time_all(workload, num_images, rounds, chosen)
        click.echo(table(found))
        click.echo(check_losses(found))
        everything["workloads"][workload] = {"images": num_images, "contestants": found}
        if not only:
            work = replace(WORKLOADS[workload], num_images=num_images)
            spent = where.measure(work)
            click.echo(where.lines(spent, statistics.median(found["floor32"]["seconds"])))
            everything["workloads"][workload]["where"] = spent
        if workload == "S3" and not images and not only:
            target = to_target.measure()
            click.echo(to_target.sentence(target, statistics.median(found["usual"]["seconds"])))
            everything["workloads"][workload]["to_target"] = target
    if out:
        out.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
