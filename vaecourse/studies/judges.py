"""Small networks that read a face: whether it smiles, or the factors of a drawn one.

Neither has seen a face of the VAEs that it judges, nor a test face: the smile judge learns from the
two fifths of the training faces that are not the VAE's, the factor reader from faces drawn anew.
"""

import time
from datetime import UTC, datetime
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaecourse import pretrained
from vaecourse.data import FACE_FACTORS, draw_faces, load, random_factors
from vaecourse.data.faces import RANGES
from vaecourse.device import evaluating, seeded, set_threads
from vaecourse.likelihoods import optimal_std_elbo
from vaecourse.networks import build
from vaecourse.provenance import commit, processor, versions
from vaecourse.training import fit, one_cycle
from vaecourse.vae import VAE

NUM_DRAWN = 12_000  # faces for the factor reader
SEED_DRAWN = 3  # the data set's own are 1 and 2


def scaled(factors: Tensor) -> Tensor:
    """Factors (n, num_factors) with each range as 0 to 1: what the reader gives."""
    low, high = torch.tensor([RANGES[name] for name in FACE_FACTORS]).T
    return (factors - low) / (high - low)


def judge_of_smiles(num_epochs: int = 14, seed: int = 0) -> tuple[nn.Module, dict[str, Any]]:
    """A network (n, 1, 64, 64) -> (n, 1): the logit of "this face smiles"; and its card."""
    x, y = load("smiles", "train")
    mine = torch.arange(len(x)) % 5 >= 3  # rows.DATA: the VAE has the others
    x, y = x[mine], y[mine, None].float()
    x, y = torch.cat([x, x.flip(-1)]), torch.cat([y, y])
    judge, known = train("grey-judge", x, y, num_epochs, seed)
    known["data"] = f"smiles: two of every five training faces, and their mirror images: {len(x):,}"
    x_test, y_test = load("smiles", "test")
    right = (read(judge, x_test)[:, 0] > 0) == (y_test == 1)
    known["figures"] = {
        "accuracy": round(right.float().mean().item(), 4),
        "accuracy_always_no": round(1 - y_test.float().mean().item(), 4),
    }
    return judge, known


def reader_of_factors(num_epochs: int = 10, seed: int = 0) -> tuple[nn.Module, dict[str, Any]]:
    """A network (n, 3, 64, 64) -> (n, num_factors): each factor, its range scaled to 0 … 1."""
    factors = random_factors(NUM_DRAWN, SEED_DRAWN)
    reader, known = train("colour-judge", draw_faces(factors), scaled(factors), num_epochs, seed)
    known["data"] = f"faces drawn from data.random_factors({NUM_DRAWN:_}, seed={SEED_DRAWN})"
    x_test, y_test = load("faces", "test")
    off = (read(reader, x_test) - scaled(y_test)).abs().mean(dim=0)
    known["figures"] = {
        f"error_{name}": round(value, 4)
        for name, value in zip(FACE_FACTORS, off.tolist(), strict=True)
    }
    return reader, known


def trained_on(name: str, count: int, num_epochs: int = 14) -> tuple[VAE, nn.Module]:
    """A VAE and a judge for other labelled colour faces (n, 3, 64, 64), such as CelebA.

    Of the first `count` training faces the one learns from the first half, the other from the rest.
    Raises CourseError as `data.load` does.
    """
    x, y = load(name, "train", count=count)
    half = len(x) // 2
    with seeded(0):
        vae = build("colour-faces", 32)
    fit(
        vae,
        x[:half],
        objective=optimal_std_elbo,
        num_epochs=num_epochs,
        batch_size=64,
        lr=2e-3,
        schedule=one_cycle,
    )
    return vae, train("colour-judge", x[half:], y[half:], num_epochs)[0]


def read(judge: nn.Module, x: Tensor) -> Tensor:
    """What a judge says of pictures, a thousand at a time."""
    with evaluating(judge):
        return torch.cat([judge(images) for images in x.split(1000)]).clone()


def train(
    network: str, x: Tensor, y: Tensor, num_epochs: int = 14, seed: int = 0
) -> tuple[nn.Module, dict[str, Any]]:
    """A judge that gives y (n, size) of x, and what is known of its training.

    "grey-judge" learns logits of y, 0 or 1, by cross-entropy; "colour-judge" the numbers y
    themselves, by squared error.
    """
    set_threads()
    y = y.float()
    start, batch_size, lr = time.perf_counter(), 64, 2e-3
    loss = F.binary_cross_entropy_with_logits if network == "grey-judge" else F.mse_loss
    with seeded(seed):
        judge = build(network, y.shape[1]).to(memory_format=torch.channels_last)
        optimiser = torch.optim.AdamW(judge.parameters(), lr, weight_decay=0.01, fused=True)
        num_steps = len(x) // batch_size * num_epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: one_cycle(i / num_steps))
        for _ in range(num_epochs):
            for index in torch.randperm(len(x)).split(batch_size)[: len(x) // batch_size]:
                with torch.autocast("cpu", torch.bfloat16):
                    found = judge(_varied(x[index])).float()
                optimiser.zero_grad()
                loss(found, y[index]).backward()
                optimiser.step()
                schedule.step()
    pretrained.halve(judge)
    protocol = {"network": network, "latent_dim": y.shape[1], "objective": loss.__name__}
    protocol |= {"num_epochs": num_epochs, "batch_size": batch_size, "lr": lr}
    known = {
        "seed": seed,
        "protocol": protocol | {"data": "smiles" if network == "grey-judge" else "faces"},
        "precision": "bfloat16",
        "device": f"cpu: {processor()}",
        "seconds": round(time.perf_counter() - start, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
    }
    return judge.eval(), known


def _varied(x: Tensor) -> Tensor:
    """Shifted by up to two pixels, and half of them blurred, as what a VAE draws is."""
    shift = torch.randint(-2, 3, (2,)).tolist()
    x = x.roll(shift, dims=(2, 3))
    blurred = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, blurred, x)
