"""The experiments of the source reports, as data, with their published figures; how to run them.

A study is a report; a row is one model in it. `reproduce` trains rows with the course's own code
and keeps what it measures in `book/results/<study>.json`, which the chapters read.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from filelock import FileLock
from safetensors import SafetensorError
from scipy import stats
from torch import Tensor, nn

from vaecourse import pretrained
from vaecourse.data import data_root, load
from vaecourse.device import check_device
from vaecourse.errors import CourseError, unknown_name
from vaecourse.metrics import active_units, log_likelihood
from vaecourse.networks import Autoencoder, glorot_init
from vaecourse.objectives import Terms, reconstruction_loss, squared_error
from vaecourse.training import History, Objective, check_precision, evaluate, fit, one_cycle
from vaecourse.vae import VAE, negative_elbo

NUM_DRAWS = 20  # samples of z an image behind a final figure
NUM_IMPORTANCE_SAMPLES = 500
PRETRAINED = "pretrained"


@dataclass(frozen=True)
class Row:
    """One model of a report: what is trained, how, on what, and what was published.

    `published` is nats an image ("recon_nll", "kl", "loss"), from the place that `source` names.
    The loss is recon_nll + beta · kl.
    """

    study: str
    name: str
    source: str
    network: str  # as `pretrained.build` names them
    latent_dim: int
    num_epochs: int
    batch_size: int
    lr: float
    beta: float = 1.0
    objective: str = "negative_elbo"  # a key of OBJECTIVES
    init: str = "pytorch"  # the layers' first weights: PyTorch's own, or "glorot", Keras's
    one_cycle: bool = False
    data: str = "train"  # a key of DATA
    published: dict[str, float] = field(default_factory=dict)

    def protocol(self) -> dict[str, Any]:
        """What the trained weights depend on, beside the seed and the precision."""
        told = {"study", "name", "source", "published"}
        return {key: value for key, value in asdict(self).items() if key not in told}


DATA = {
    "train": "MNIST's 60,000 training images",
    "all": "MNIST's 60,000 training and 10,000 test images",
    "without-digits": "MNIST's training images without the 1,000 of the test split of 'digits'",
}
OBJECTIVES: dict[str, Callable[..., Terms]] = {
    "negative_elbo": negative_elbo,
    "squared_error": squared_error,
    "reconstruction_loss": reconstruction_loss,
}


def objective(row: "Row") -> Objective:
    """What the row minimises."""
    chosen = OBJECTIVES[row.objective]
    return partial(chosen, beta=row.beta) if row.beta != 1 else chosen


def _s3(latent_dim: int, beta: float, recon_nll: float, kl: float, loss: float) -> Row:
    return Row(
        study="S3",
        name=f"n{latent_dim}-beta{beta:g}",
        source=f"S3.3, n = {latent_dim}, β = {beta:g}",
        network="mlp",
        latent_dim=latent_dim,
        beta=beta,
        num_epochs=300,
        batch_size=256,
        lr=1e-4,
        published={"recon_nll": recon_nll, "kl": kl, "loss": loss},
    )


def _s1(name: str, source: str, loss: float, **changes: Any) -> list[Row]:
    """A model by the report's protocol and by an honest one."""
    base = Row(
        study="S1",
        name=name,
        source=source,
        network="conv",
        latent_dim=2,
        num_epochs=30,
        batch_size=128,
        lr=1e-3,
        init="glorot",  # the report's models are Keras's
        data="all",
        published={"loss": loss},
    )
    report = replace(base, **changes)
    honest = replace(report, name=f"{name}-honest", data="train", published={})
    return [report, honest]


_S3 = [
    _s3(1, 1.0, 156.82, 4.22, 161.04),
    _s3(2, 1.0, 137.70, 6.80, 144.49),
    _s3(64, 1.0, 76.23, 23.80, 100.03),
    _s3(64, 0.1, 59.18, 77.68, 66.94),
    _s3(64, 0.5, 69.50, 34.30, 86.65),
    _s3(64, 2.0, 87.29, 15.46, 118.20),
    _s3(64, 10.0, 143.37, 3.69, 180.22),
]
# the same network and data by a schedule of our own: soon at the published loss, and far below it
_OURS = replace(_S3[2], batch_size=128, lr=3e-3, one_cycle=True)
_FAST = replace(_OURS, name="n64-beta1-fast", num_epochs=22)
_BEST = replace(_OURS, name="n64-beta1-best", num_epochs=300)
_S1 = [
    _s1("base", "S1.1, 2-D", 151.5002),
    _s1("third-convolution", "S1.2, 128 filters more", 141.4165, network="conv-3"),
    _s1("1d", "S1.3, 1-D", 163.2497, latent_dim=1),
    _s1("10d", "S1.4, 10-D", 124.3071, latent_dim=10),
    _s1("mse", "S1.5, squared error", 37.5024, objective="squared_error"),
]

# the same model and protocol, but for what its layers start from
_PYTORCH_INIT = replace(_S1[0][0], name="base-pytorch-init", init="pytorch")


def _pretrained(name: str, network: str, latent_dim: int, num_epochs: int) -> Row:
    return Row(
        study=PRETRAINED,
        name=name,
        source="",
        network=network,
        latent_dim=latent_dim,
        num_epochs=num_epochs,
        batch_size=128,
        lr=2e-3,
        objective="reconstruction_loss" if network == "mlp-autoencoder" else "negative_elbo",
        init="glorot" if network.startswith("conv") else "pytorch",
        one_cycle=True,
        data="without-digits",
    )


STUDIES: dict[str, list[Row]] = {
    "S1": [*(pair[i] for i in (0, 1) for pair in _S1), _PYTORCH_INIT],
    "S3": [*_S3, _FAST, _BEST],
    PRETRAINED: [
        _pretrained("mnist-autoencoder-2d", "mlp-autoencoder", 2, 40),
        _pretrained("mnist-mlp-2d", "mlp", 2, 40),
        _pretrained("mnist-mlp-10d", "mlp", 10, 40),
        _pretrained("mnist-mlp-64d", "mlp", 64, 40),
        _pretrained("mnist-conv-2d", "conv", 2, 8),
        _pretrained("mnist-conv3-2d", "conv-3", 2, 8),
    ],
}


# -- one run -----------------------------------------------------------------------------------


def build(row: Row, seed: int) -> VAE | Autoencoder:
    """The row's model before training."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = pretrained.build(row.network, row.latent_dim)
        if row.init == "glorot":
            glorot_init(model)
        return model


def _images(row: Row) -> tuple[Tensor, Tensor | None]:
    """What the row trains on, and the test images it is scored on, if any are left."""
    train, test = load("mnist", "train").x, load("mnist", "test").x
    if row.data == "all":
        return torch.cat([train, test]), None
    if row.data == "without-digits":
        held_out = {picture.numpy().tobytes() for picture in load("digits", "test").x}
        kept = [picture.numpy().tobytes() not in held_out for picture in train]
        train = train[torch.tensor(kept)]
    return train, test


def _train(row: Row, seed: int, precision: str, device: str) -> tuple[nn.Module, dict[str, Any]]:
    model = build(row, seed)
    x, x_test = _images(row)
    start = time.perf_counter()
    history = fit(
        model,
        x,
        x_test,
        objective=objective(row),
        num_epochs=row.num_epochs,
        batch_size=row.batch_size,
        lr=row.lr,
        schedule=one_cycle if row.one_cycle else None,
        precision=precision,
        seed=seed,
        device=device,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    seconds = time.perf_counter() - start
    where = torch.cuda.get_device_name() if device.startswith("cuda") else processor()
    run = {
        "seed": seed,
        "protocol": row.protocol(),
        "data": f"{DATA[row.data]}: {len(x):,}",
        "precision": precision,
        "device": f"{device}: {where}",
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "curves": _curves(history),
    }
    return model, run


def _curves(history: History) -> dict[str, list[float]]:
    """Loss by epoch, in nats an image: while training, and on the test images from before it on."""
    curves = {}
    for part, known in (("train", history.train), ("test", history.validation)):
        for name in ("loss", "kl"):
            if name in known:
                curves[f"{part}_{name}"] = [round(value, 3) for value in known[name]]
    return curves


def _score(row: Row, model: nn.Module, run: dict[str, Any], device: str) -> dict[str, float]:
    """The row's figures: losses in nats an image, and how many latent dimensions it uses."""
    pictures = load("mnist", "test").x.to(device)
    figures = {"train_loss": run["curves"]["train_loss"][-1]}
    if isinstance(model, VAE):
        figures["active_units"] = float(active_units(model, pictures))
    _, x_test = _images(row)
    if x_test is None:
        return figures
    x_test = x_test.to(device)
    draws = [evaluate(model, x_test, objective(row), seed) for seed in range(NUM_DRAWS)]
    figures |= {name: fmean(draw[name] for draw in draws) for name in draws[0]}
    if row.data == "without-digits":
        digits = load("digits", "test").x.to(device)
        known = evaluate(model, digits, objective(row))
        figures |= {f"digits_{name}": value for name, value in known.items() if name != "loss"}
    if row.network == "mlp":  # the others' 500 decodings an image take too long
        estimate = log_likelihood(model, x_test, NUM_IMPORTANCE_SAMPLES)
        figures["log_likelihood"] = estimate.mean().item()
    return {name: round(value, 4) for name, value in figures.items()}


# -- checkpoints: what is trained but not yet scored -------------------------------------------


def _checkpoint(row: Row, seed: int) -> Path:
    return data_root() / "studies" / row.study / f"{row.name}-seed{seed}.safetensors"


def _save(path: Path, model: nn.Module, run: dict[str, Any]) -> None:
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    _write(path, safetensors.torch.save(weights, {"run": json.dumps(run)}))


def _resumed(
    path: Path, row: Row, seed: int, precision: str
) -> tuple[nn.Module, dict[str, Any]] | None:
    """The model and run that a checkpoint holds; None where there is none."""
    if not path.exists():
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            run = json.loads((file.metadata() or {})["run"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        _require_same(path, run, row, precision)
        model = build(row, seed)
        model.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError, RuntimeError) as problem:
        raise CourseError(
            f"expected the weights of {row.name}, seed {seed}, in {path}, got a file that cannot "
            f"be read as such ({problem}); try deleting it"
        ) from problem
    return model.eval(), run


def _require_same(path: Path, run: dict[str, Any], row: Row, precision: str) -> None:
    """Refuse to go on from a run that was made in another way."""
    wanted = row.protocol() | {"precision": precision}
    came = run["protocol"] | {"precision": run["precision"]}
    differ = [key for key in wanted if wanted[key] != came.get(key)]
    if differ:
        told = ", ".join(f"{key} {came.get(key)!r} and not {wanted[key]!r}" for key in differ)
        raise CourseError(
            f"{path} holds a run of {row.name} made with {told}; try without --resume, which "
            "trains it anew"
        )


# -- results -----------------------------------------------------------------------------------


def results(study: str, folder: Path | str = "results") -> dict[str, Any]:
    """What was measured for a study: by row its runs, means and 95 % intervals, in nats an image.

    Raises CourseError for a study that is unknown, or has no readable results in `folder`.
    """
    if study not in STUDIES:
        raise unknown_name("study", study, STUDIES)
    path = Path(folder) / f"{study}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as problem:
        raise CourseError(
            f"expected the results of {study} in {path}, found none that can be read ({problem}); "
            f"try: vaecourse reproduce {study}"
        ) from problem


def _known(study: str, folder: Path) -> dict[str, Any]:
    """The results so far; no rows where there is no file yet."""
    if (folder / f"{study}.json").exists():
        return results(study, folder)
    return {"study": study, "unit": "nats an image", "rows": {}}


def _record(row: Row, run: dict[str, Any], folder: Path) -> None:
    """Put a finished run into the study's results, in place of an earlier one of its seed."""
    path = folder / f"{row.study}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        known = _known(row.study, folder)
        old = known["rows"].get(row.name, {"runs": []})["runs"]
        same = [other for other in old if other["protocol"] == run["protocol"]]
        runs = [other for other in same if other["seed"] != run["seed"]] + [run]
        runs.sort(key=lambda other: other["seed"])
        known["rows"][row.name] = {
            "source": row.source,
            "published": row.published,
            "mean": _summary(runs, fmean),
            "interval": _summary(runs, _half_width) if len(runs) > 1 else {},
            "runs": runs,
        }
        order = [known.name for known in STUDIES[row.study]]
        by_order = sorted(known["rows"].items(), key=lambda item: order.index(item[0]))
        known["rows"] = dict(by_order)
        text = json.dumps(known, indent=1, ensure_ascii=False)
        _write(path, (re.sub(r"\[[^\[\]{}]*\]", _on_one_line, text) + "\n").encode())


def _summary(runs: list[dict[str, Any]], of: Callable[[list[float]], float]) -> dict[str, float]:
    names = runs[0]["figures"]
    return {name: round(of([run["figures"][name] for run in runs]), 4) for name in names}


def _half_width(values: list[float]) -> float:
    """Half the width of the mean's 95 % confidence interval, by Student's t."""
    spread = np.std(values, ddof=1) / len(values) ** 0.5
    return float(stats.t.ppf(0.975, len(values) - 1) * spread)


def _on_one_line(numbers: re.Match[str]) -> str:
    return re.sub(r"\s+", " ", numbers[0]).replace("[ ", "[").replace(" ]", "]")


def _write(path: Path, content: bytes) -> None:
    """The whole file or nothing: a reader, or a run after a power cut, never finds a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as problem:
        raise CourseError(
            f"could not write {path} ({problem.strerror}); try freeing some space"
        ) from problem
    finally:
        part.unlink(missing_ok=True)


def commit() -> str:
    """The commit of this code, with a plus if the package has been changed since; "" outside a
    clone. Results and weights that a run has just written are no change of code."""
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", "*.py")
    return head + ("+" if changes else "")


def _git(*arguments: str) -> str:
    """What git prints in the package's folder; "" where there is no git or no clone."""
    try:
        found = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# -- the command -------------------------------------------------------------------------------


def choose(studies: Sequence[str] = (), only: Sequence[str] = ()) -> list[Row]:
    """The rows of these studies (all, where none is named) with these names (all, likewise).

    Raises CourseError for a study or a row that does not exist.
    """
    for study in studies:
        if study not in STUDIES:
            raise unknown_name("study", study, STUDIES)
    rows = [row for study in studies or STUDIES for row in STUDIES[study]]
    for name in only:
        if name not in [row.name for row in rows]:
            raise unknown_name("row", name, [row.name for row in rows])
    return [row for row in rows if not only or row.name in only]


def reproduce(
    rows: Iterable[Row],
    folder: Path,
    *,
    num_seeds: int = 1,
    precision: str = "float32",
    device: str = "cpu",
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Train and score each row with seeds 0, 1, …, and keep each run in `folder` once it is done.

    With `resume`, runs that `folder` already holds are passed over, and one that was trained but
    not scored is only scored. Raises CourseError for data or a device that is not here, a kept run
    of another configuration, and a GPU without enough memory; what was finished is kept.
    """
    check_device(device)
    check_precision(precision)
    for row, seed in [(row, seed) for row in rows for seed in range(num_seeds)]:
        title = f"{row.study} {row.name}, seed {seed}"
        kept = _known(row.study, folder)["rows"].get(row.name, {"runs": []})["runs"]
        mine = [run for run in kept if run["seed"] == seed]
        if resume and mine:
            _require_same(folder / f"{row.study}.json", mine[0], row, precision)
            say(f"{title}: kept from an earlier run")
            continue
        try:
            _run(row, seed, title, folder, precision, device, resume, say)
        except torch.cuda.OutOfMemoryError as problem:
            raise CourseError(
                f"{title}: the GPU's memory is full ({str(problem).partition('.')[0]}); what was "
                "finished is kept; try again with --resume when the GPU is free, or --device cpu"
            ) from problem


def _run(
    row: Row,
    seed: int,
    title: str,
    folder: Path,
    precision: str,
    device: str,
    resume: bool,
    say: Callable[[str], None],
) -> None:
    checkpoint = _checkpoint(row, seed)
    trained = _resumed(checkpoint, row, seed, precision) if resume else None
    if trained is None:
        say(f"{title}: {row.num_epochs} epochs")
        trained = _train(row, seed, precision, device)
        _save(checkpoint, *trained)
    model, run = trained
    if row.study == PRETRAINED:
        pretrained.halve(model)
    run["figures"] = _score(row, model.to(device), run, device)
    if row.study == PRETRAINED and seed == 0:
        told = {key: value for key, value in run.items() if key != "curves"}
        pretrained.store(row.name, model, told)
    _record(row, run, folder)
    figures = ", ".join(f"{name} {value:.2f}" for name, value in run["figures"].items())
    say(f"{title}: {figures} ({run['seconds']:.0f} s)")


def table(rows: Iterable[Row], folder: Path) -> str:
    """Measured beside published, a line a figure; a dash where there is no such number.

    The last three columns stand where a training's own loss does: its epochs, its seconds, and
    after how many of either the test loss was first at the published one or below (means of seeds).
    """
    head = ("row", "figure", "measured", "± 95 %", "seeds", "published", "ratio")
    lines = [(*head, "epochs", "seconds", "as published after")]
    for row in rows:
        known = _known(row.study, folder)["rows"].get(row.name)
        if known is None:
            lines.append((f"{row.study} {row.name}", "–", "–", "–", "0", "–", "–", "", "", ""))
            continue
        for name, mean in known["mean"].items():
            is_published = row.data == "all" and name == "train_loss"
            said = row.published.get("loss" if is_published else name)
            last = ("", "", "")
            if name == "train_loss":
                seconds = fmean(run["seconds"] for run in known["runs"])
                last = (str(row.num_epochs), f"{seconds:.0f}", _as_published(row, known["runs"]))
            lines.append(
                (
                    f"{row.study} {row.name}",
                    name,
                    f"{mean:.2f}",
                    f"{known['interval'][name]:.2f}" if known["interval"] else "–",
                    str(len(known["runs"])),
                    "–" if said is None else f"{said:.2f}",
                    "–" if said is None else f"{mean / said:.3f}",
                    *last,
                )
            )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _as_published(row: Row, runs: list[dict[str, Any]]) -> str:
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
