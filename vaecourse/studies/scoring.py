"""A trained row's figures."""

from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from vaecourse import pretrained
from vaecourse.data import load
from vaecourse.device import evaluating
from vaecourse.likelihoods import optimal_std
from vaecourse.metrics import active_units, detail_explained, log_likelihood, sharpness
from vaecourse.studies.rows import DIGITS, NOTHING_RANDOM, SHARPENED, Row
from vaecourse.studies.training import Pictures, objective
from vaecourse.training import evaluate
from vaecourse.vae import normal_nll
from vaecourse.variants.building import VARIANTS


def score(
    row: Row,
    model: nn.Module,
    run: dict[str, Any],
    seen: Pictures,
    *,
    device: str,
    num_draws: int,
    num_importance_samples: int,
) -> dict[str, float]:
    """The row's figures: losses in nats an image, and how many latent dimensions it uses, where
    it is no variant.

    `num_draws` samples of z an image stand behind a loss on the test images. There are none for a
    row that was trained on these; its "train_loss" is the last epoch's, as in `run`.
    """
    model.to(device)
    x_test = seen.test.to(device)
    figures = {"train_loss": run["curves"]["train_loss"][-1]}
    if row.network not in VARIANTS:
        figures["active_units"] = float(active_units(model, x_test))
    if seen.held_out:
        num_draws = 1 if row.objective in NOTHING_RANDOM else num_draws
        draws = [evaluate(model, x_test, objective(row), seed) for seed in range(num_draws)]
        figures |= {name: fmean(draw[name] for draw in draws) for name in draws[0]}
        if row.data == DIGITS:
            digits = evaluate(model, load("digits", "test").x.to(device), objective(row))
            figures |= {f"digits_{name}": digits[name] for name in digits if name != "loss"}
        if row.network == "mlp":  # the others' 500 decodings an image take too long
            estimates = log_likelihood(model, x_test, num_importance_samples)
            figures["log_likelihood"] = estimates.mean().item()
        if row.objective in ("optimal_std_elbo", *SHARPENED):
            figures |= colour_figures(row, model, seen, x_test[:1000])
    return {name: round(value, 4) for name, value in figures.items()}


def colour_figures(row: Row, model: nn.Module, seen: Pictures, x: Tensor) -> dict[str, float]:
    """How sharp the reconstructions of test images x are, their best std, and what the average
    training image costs, in nats: a rival without any code."""
    coder: Any = pretrained.load(row.of).to(x.device) if row.of else model
    decoder: Any = model if row.of else coder.decoder
    with evaluating(coder), evaluating(decoder):
        x_recon = torch.cat([decoder(coder.encode(part)[0]).sigmoid() for part in x.split(500)])
    average = seen.train.mean(dim=0, keepdim=True).to(x.device)
    std = seen.train.var(dim=0, correction=0).mean().sqrt()
    return {
        "sharpness": sharpness(x_recon, x),
        "detail_explained": detail_explained(x_recon, x),
        "std": optimal_std(x_recon, x).item(),
        "average_nll": normal_nll(average.expand_as(x), x, std.item()).mean().item(),
    }
