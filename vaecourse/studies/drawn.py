"""The VAE of drawn faces that comes with the package."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vaecourse import pretrained
from vaecourse.data import load
from vaecourse.device import seeded
from vaecourse.likelihoods import optimal_std, optimal_std_elbo
from vaecourse.metrics import active_units
from vaecourse.networks import build
from vaecourse.objectives import Terms
from vaecourse.provenance import commit, processor, versions
from vaecourse.training import evaluate, fit, one_cycle
from vaecourse.vae import VAE, Image, gaussian_kl, normal_nll

EPOCHS, EPOCHS_ON_FEATURES = 16, 4
FEATURES = (slice(22, 56), slice(12, 52))  # rows and columns of eyes, nose and mouth
SHARPER = 3.0  # how many times smaller σ is there


def features_elbo(model: nn.Module, x: Image) -> Terms:
    """−ELBO with the std that is best for this batch, `SHARPER` times smaller on the features.

    A mouth has one pixel in a hundred. Where each counts alike, a small VAE does without it.
    """
    logits, mu, logvar = model(x)
    mean = logits.sigmoid()
    weight = torch.ones_like(x[:1])
    weight[:, :, FEATURES[0], FEATURES[1]] = SHARPER
    std = optimal_std(mean * weight, x * weight)
    recon_nll, kl = normal_nll(mean, x, std / weight), gaussian_kl(mu, logvar)
    return recon_nll + kl, {"recon_nll": recon_nll, "kl": kl}


def keep_vae(folder: Path = pretrained.FOLDER, seed: int = 0) -> None:
    """Train "faces-32d" and keep it: first with one σ for all pixels, then with an eye to features.

    Its card tells the σ-VAE's own loss on the test faces, with one σ.
    """
    x, start = load("faces", "train").x, time.perf_counter()
    with seeded(seed):
        model = build("colour-faces", 32)
    first = fit(
        model, x, objective=optimal_std_elbo, num_epochs=EPOCHS, batch_size=64, lr=2e-3,
        schedule=one_cycle, precision="bfloat16", seed=seed,
    )  # fmt: skip
    if first.interrupted:
        raise KeyboardInterrupt
    train_on_features(model, seed)
    store(model, seed, time.perf_counter() - start, folder)


def train_on_features(model: VAE, seed: int) -> None:
    history = fit(
        model, load("faces", "train").x, objective=features_elbo, num_epochs=EPOCHS_ON_FEATURES,
        batch_size=64, lr=1e-3, schedule=one_cycle, precision="bfloat16", seed=seed,
    )  # fmt: skip
    if history.interrupted:
        raise KeyboardInterrupt


def store(model: VAE, seed: int, seconds: float, folder: Path) -> None:
    """Keep the model with its card."""
    pretrained.halve(model)
    x_test = load("faces", "test").x
    draws = [evaluate(model, x_test, optimal_std_elbo, seed=draw) for draw in range(3)]
    figures = {name: sum(draw[name] for draw in draws) / len(draws) for name in draws[0]}
    known: dict[str, Any] = {
        "seed": seed,
        "protocol": {
            "network": "colour-faces",
            "latent_dim": 32,
            "objective": "optimal_std_elbo",
            "num_epochs": EPOCHS,
            "then": {"objective": "features_elbo", "num_epochs": EPOCHS_ON_FEATURES, "lr": 1e-3},
            "batch_size": 64,
            "lr": 2e-3,
            "one_cycle": True,
            "data": "faces",
        },
        "data": "the 16,000 drawn faces of the train split",
        "precision": "bfloat16",
        "device": f"cpu: {processor()}",
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "figures": {name: round(value, 4) for name, value in figures.items()}
        | {"active_units": float(active_units(model, x_test))},
    }
    pretrained.store("faces-32d", model, known, folder)
