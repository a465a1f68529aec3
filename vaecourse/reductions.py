"""Sums and means: which β a loss really has.

A code that takes the mean over pixels, or sums over the batch, or weights a term, minimises
recon_nll + β · kl for a β that it does not write down. `effective_beta` computes it, and `RECIPES`
are known codes, each read at its source.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from vaecourse.errors import CourseError, check_number, check_whole, unknown_name

# How often the code's term counts the −log p(x|z) of one image that is meant: Bernoulli's for
# "bce"; that of N(x_recon, 1), half the squared error, for the two others.
LIKELIHOODS = {"bce": 1.0, "mse": 2.0, "half mse": 1.0}
REDUCTIONS = {
    "image sum": "the sum over an image's pixels or latents, the mean over the batch",
    "mean": "the mean over everything",
    "batch sum": "the sum over everything, the batch too",
}


def effective_beta(
    likelihood: str = "bce",
    recon: str = "image sum",
    kl: str = "image sum",
    *,
    recon_weight: float = 1.0,
    kl_weight: float = 1.0,
    image_shape: tuple[int, ...] = (1, 28, 28),
    latent_dim: int = 2,
    batch_size: int = 100,
) -> float:
    """The β of recon_nll + β · kl, summed over pixels and latents, that a code's loss stands for.

    The loss is recon_weight · reconstruction + kl_weight · KL, each reduced in one of three ways
    (`REDUCTIONS`). `likelihood` is "bce", "mse" (the plain squared error) or "half mse" (½ of it);
    the last two are measured against pixels N(x_recon, 1), so a β is there also the variance σ² of
    pixels N(x_recon, σ²) with β = 1. The KL is the usual one, with its ½. Only the ratio of the two
    terms counts: scaling both scales the gradient and moves no minimum.

    Raises CourseError for another name, a weight that is not a finite number (of the
    reconstruction: above 0), and sizes that are not whole numbers of 1 or more.
    """
    for kind, name, known in (
        ("likelihood", likelihood, LIKELIHOODS),
        ("reduction", recon, REDUCTIONS),
        ("reduction", kl, REDUCTIONS),
    ):
        if not isinstance(name, str) or name not in known:
            raise unknown_name(kind, str(name), known)
    check_number("kl_weight", kl_weight, "kl_weight=1")
    check_number("recon_weight", recon_weight, "recon_weight=1")
    if recon_weight == 0:
        raise CourseError("expected recon_weight above 0, got 0; try recon_weight=1")
    check_whole("latent_dim", latent_dim, "latent_dim=2")
    check_whole("batch_size", batch_size, "batch_size=100")
    pixels = _pixels(image_shape)
    of_recon = LIKELIHOODS[likelihood] * recon_weight * _share(recon, pixels, batch_size)
    return kl_weight * _share(kl, latent_dim, batch_size) / of_recon


def _pixels(image_shape: Any) -> int:
    if not isinstance(image_shape, tuple | list) or not image_shape:
        raise CourseError(
            f"expected an image_shape (channels, height, width), got {image_shape!r:.60}; "
            "try image_shape=(1, 28, 28)"
        )
    for size in image_shape:
        check_whole("each size of image_shape", size, "image_shape=(1, 28, 28)")
    return math.prod(image_shape)


def _share(reduction: str, size: int, batch_size: int) -> float:
    """How often the reduced term counts an image's sum over `size` numbers."""
    return {"image sum": 1.0, "mean": 1.0 / size, "batch sum": float(batch_size)}[reduction]


@dataclass(frozen=True)
class Recipe:
    """The loss of a known code, as read in the file that `source` names."""

    name: str
    loss: str  # as it stands there, in words
    source: str
    settings: dict[str, Any] = field(default_factory=dict)  # of effective_beta

    @property
    def beta(self) -> float:
        return effective_beta(**self.settings)


RECIPES = (
    Recipe(
        name="PyTorch's own example",
        loss="BCE summed over everything + KL summed over everything",
        source="https://github.com/pytorch/examples, vae/main.py at fcce71c",
        settings={"recon": "batch sum", "kl": "batch sum", "batch_size": 128, "latent_dim": 20},
    ),
    Recipe(
        name="Keras's example",
        loss="BCE and KL summed over an image, means over the batch",
        source="https://github.com/keras-team/keras-io, examples/generative/vae.py at 09e02e1",
        settings={"batch_size": 128},
    ),
    Recipe(
        name="PyTorch-VAE",
        loss="mean squared error + 0.00025 · KL (of 3 × 64 × 64 pixels)",
        source="https://github.com/AntixK/PyTorch-VAE, models/vanilla_vae.py at 8bf7be5 and "
        "configs/vae.yaml at a6896b9",
        settings={
            "likelihood": "mse",
            "recon": "mean",
            "kl_weight": 0.00025,
            "image_shape": (3, 64, 64),
            "latent_dim": 128,
            "batch_size": 64,
        },
    ),
    Recipe(
        name="Generative Deep Learning",
        loss="500 · mean BCE + KL (of 32 × 32 pixels); 500 is called BETA",
        source="https://github.com/davidADSP/Generative_Deep_Learning_2nd_Edition, "
        "notebooks/03_vae/02_vae_fashion/vae_fashion.ipynb at 3d28172",
        settings={"recon": "mean", "recon_weight": 500.0, "image_shape": (1, 32, 32)},
    ),
    Recipe(
        name="disentangling-vae, Gaussian",
        loss="squared error of pixels · 255, summed, / 255 + KL, means over the batch",
        source="https://github.com/YannDubs/disentangling-vae, disvae/models/losses.py at f8f64d8",
        settings={
            "likelihood": "mse",
            "recon_weight": 255.0,
            "image_shape": (1, 64, 64),
            "latent_dim": 10,
        },
    ),
)
