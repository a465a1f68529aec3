"""A row trained: its pictures, its model before training, and the run that `fit` makes of them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaecourse import pretrained
from vaecourse.data import augmented, load
from vaecourse.device import seeded
from vaecourse.likelihoods import optimal_std_elbo
from vaecourse.networks import glorot_init
from vaecourse.objectives import Terms, reconstruction_loss, squared_error
from vaecourse.provenance import commit, processor, versions
from vaecourse.studies.rows import DATA, DIGITS, TURNED_DOGS, Row
from vaecourse.training import History, Objective, Schedule, cosine, fit, one_cycle
from vaecourse.vae import negative_elbo
from vaecourse.variants import building
from vaecourse.variants.diffusion import DenoisingLoss
from vaecourse.variants.sharper import SharperLoss
from vaecourse.variants.vq import CodeLoss, vq_loss

OBJECTIVES: dict[str, Callable[..., Terms]] = {
    "negative_elbo": negative_elbo,
    "squared_error": squared_error,
    "reconstruction_loss": reconstruction_loss,
    "optimal_std_elbo": optimal_std_elbo,
    "vq_loss": vq_loss,
}
# objectives of a row with `of`: each is made from that trained model, whose weights it leaves alone
OBJECTIVES_OF: dict[str, Callable[[Any], Objective]] = {
    "code_loss": CodeLoss,
    "denoising": DenoisingLoss,
    "plain_on": partial(SharperLoss, features=0, adversarial=0),
    "features": partial(SharperLoss, features=0.5, adversarial=0),
    "adversarial": partial(SharperLoss, features=0.5, adversarial=0.5),
}
MNIST = ("train", "all", DIGITS)  # data that are parts of it


class Pictures(NamedTuple):
    """What a row trains on, and the test images of its set, which may be among them."""

    train: Tensor
    test: Tensor
    held_out: bool  # whether the test images are


def pictures(row: Row) -> Pictures:
    """The row's pictures: of MNIST, or of the data set that it names."""
    if row.data == TURNED_DOGS:
        train, test = load("stanford-dogs", "train").x, load("stanford-dogs", "test").x
        turned = [augmented(train, seed) for seed in range(16)]
        return Pictures(torch.cat(turned), test, held_out=True)
    if row.data not in MNIST:
        train, test = load(row.data, "train").x, load(row.data, "test").x
        if row.data == "smiles":  # the other two fifths are its judge's, see studies.judges
            train = train[torch.arange(len(train)) % 5 < 3]
            train = torch.cat([train, train.flip(-1)])
        return Pictures(train, test, held_out=True)
    train, test = load("mnist", "train").x, load("mnist", "test").x
    if row.data == "all":
        return Pictures(torch.cat([train, test]), test, held_out=False)
    if row.data == DIGITS:
        digits = {picture.numpy().tobytes() for picture in load("digits", "test").x}
        kept = [picture.numpy().tobytes() not in digits for picture in train]
        train = train[torch.tensor(kept)]
    return Pictures(train, test, held_out=True)


def build(row: Row, seed: int) -> Any:
    """The row's model before training."""
    with seeded(seed):
        model = building.build(row.network, row.latent_dim)
        if row.init == "glorot":
            glorot_init(model)
        if row.init == "of":
            model.load_state_dict(pretrained.load(row.of).decoder.state_dict())
        return model


def objective(row: Row) -> Objective:
    """What the row minimises."""
    if row.of:
        return OBJECTIVES_OF[row.objective](pretrained.load(row.of))
    chosen = OBJECTIVES[row.objective]
    return partial(chosen, beta=row.beta) if row.beta != 1 else chosen


def schedule(row: Row) -> Schedule | None:
    """How the row's learning rate changes."""
    if row.lr_floor is not None:
        return partial(cosine, floor=row.lr_floor / row.lr)
    return one_cycle if row.one_cycle else None


def _watched(row: Row, seen: Pictures) -> Tensor | None:
    """The test images measured after each epoch: all of MNIST's, the first thousand of others."""
    if not seen.held_out:
        return None
    return seen.test if row.data in MNIST else seen.test[:1000]


def train(
    row: Row, seed: int, seen: Pictures, precision: str, device: str
) -> tuple[Any, dict[str, Any]]:
    """The trained model, and what is known of the run: a run of `results.read` without figures.

    Raises KeyboardInterrupt where it was stopped by hand, and CourseError as `fit` does.
    """
    model = build(row, seed)
    start = time.perf_counter()
    history = fit(
        model,
        seen.train,
        _watched(row, seen),
        objective=objective(row),
        num_epochs=row.num_epochs,
        batch_size=row.batch_size,
        lr=row.lr,
        schedule=schedule(row),
        weight_decay=row.weight_decay,
        clip_norm=row.clip_norm,
        precision=precision,
        seed=seed,
        device=device,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    seconds = time.perf_counter() - start
    chip = torch.cuda.get_device_name(device) if device.startswith("cuda") else processor()
    run = {
        "seed": seed,
        "protocol": row.protocol(),
        "data": f"{DATA[row.data]}: {len(seen.train):,}",
        "num_test": len(seen.test) if seen.held_out else 0,
        "precision": precision,
        "device": f"{device}: {chip}",
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "curves": _curves(history),
    }
    return model, run


def _curves(history: History) -> dict[str, list[float]]:
    """Loss and KL by epoch, in nats an image: while training, and on the test images from before
    the first epoch on."""
    parts = {"train": history.train, "test": history.validation}
    return {
        f"{part}_{name}": [round(value, 3) for value in curves[name]]
        for part, curves in parts.items()
        for name in ("loss", "kl")
        if name in curves
    }
