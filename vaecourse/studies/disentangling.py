"""Does β give each factor of a drawn face a latent dimension of its own?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vaecourse import pretrained
from vaecourse.data import FACE_FACTORS, draw_faces, random_factors
from vaecourse.device import seeded
from vaecourse.metrics import active_units, factor_information, mutual_information_gap
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.studies.drawn import keep_vae
from vaecourse.studies.judges import reader_of_factors
from vaecourse.studies.run import Settings
from vaecourse.studies.smiles import codes
from vaecourse.training import evaluate, fit, one_cycle
from vaecourse.vae import VAE, gaussian_nll, negative_elbo

BETAS = (1, 8, 64)
VARIED = ("smile", "turn", "skin", "hair_colour", "background")  # the others stay as they are
FIXED = {"eye_size": 0.5, "hair_style": 2.0, "brows": 0.5, "nose": 0.5, "face_width": 0.5}
SHAPE, HIDDEN, LATENT_DIM = (3, 32, 32), (256, 256), 10
LIKELIHOOD = partial(gaussian_nll, std=0.1)
NUM_TRAIN, NUM_TEST, NUM_EPOCHS = 4000, 2000, 15


def few_factors(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Faces (n, 3, 32, 32) in which VARIED alone differs, and those factors (n, 5)."""
    varied = [FACE_FACTORS.index(name) for name in VARIED]
    factors, drawn = torch.zeros(n, len(FACE_FACTORS)), random_factors(n, seed)
    for name, value in FIXED.items():
        factors[:, FACE_FACTORS.index(name)] = value
    factors[:, varied] = drawn[:, varied]
    return F.avg_pool2d(draw_faces(factors), 2), factors[:, varied]


def measure(settings: Settings, num_seeds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """By β and seed: MIG and what the best dimension tells of each factor, on test faces.

    Trains and keeps the networks of chapter 10 too.
    """
    keep_networks(settings)
    x, _ = few_factors(NUM_TRAIN, seed=4)
    x_test, y_test = few_factors(NUM_TEST, seed=5)
    found: dict[str, Any] = {"factors": {"names": list(VARIED)}}
    for beta in BETAS:
        for seed in range(num_seeds):
            model = _trained(x, beta, seed)
            z = codes(model, x_test)
            gap = mutual_information_gap(z, y_test)
            means = evaluate(model, x_test, partial(negative_elbo, nll=LIKELIHOOD))
            found[f"beta {beta}, seed {seed}"] = {
                "mig": gap.mean().item(),
                "gap": gap.tolist(),
                "told": factor_information(z, y_test).amax(dim=0).tolist(),
                "active_units": active_units(model, x_test),
                "recon_nll": means["recon_nll"],
                "kl": means["kl"],
            }
            say(f"faces: beta {beta}, seed {seed}: MIG {gap.mean().item():.3f}")
    return found


def keep_networks(settings: Settings) -> None:
    """Train the VAE of drawn faces and the reader of factors, unless `resume` finds them."""
    if settings.resume and {"faces-32d", "faces-factors"} <= set(
        pretrained.names(settings.weights)
    ):
        return
    keep_vae(settings.weights)
    pretrained.store("faces-factors", *reader_of_factors(), settings.weights)


def _trained(x: Tensor, beta: float, seed: int) -> VAE:
    with seeded(seed):
        encoder = MLPEncoder(2 * LATENT_DIM, HIDDEN, SHAPE)
        model = VAE(encoder, MLPDecoder(LATENT_DIM, HIDDEN, SHAPE))
    history = fit(
        model,
        x,
        objective=partial(negative_elbo, beta=beta, nll=LIKELIHOOD),
        num_epochs=NUM_EPOCHS,
        batch_size=64,
        lr=2e-3,
        schedule=one_cycle,
        precision="bfloat16",
        seed=seed,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    return model
