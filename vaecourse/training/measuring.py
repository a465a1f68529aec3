"""What a training tells: losses by epoch, and a measurement without training."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn

from vaecourse.checks import check_calls, named_terms
from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import check_whole
from vaecourse.objectives import Terms
from vaecourse.vae import Image, negative_elbo

Objective = Callable[[nn.Module, Tensor], Terms]
Means = dict[str, float]  # "loss" and the objective's terms by name, in nats an image


@dataclass
class History:
    """What `fit` saw, an entry an epoch: mean nats an image, by name.

    The names are "loss" and those of the objective's terms: "recon_nll" and "kl" for a VAE.
    `train` is the mean over the epoch's steps, while the weights still moved; `validation` is
    measured at the epoch's end and has one entry more, the first, from before training.
    """

    train: dict[str, list[float]] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False


def evaluate(
    model: nn.Module,
    x: Image,
    objective: Objective = negative_elbo,
    seed: int = 0,
    batch_size: int = 1000,
) -> Means:
    """The loss and its terms by name: means over the images x, in nats an image.

    The same seed draws the same eps, whatever was drawn before, and the caller's random state is
    left alone. Raises CourseError for images and objectives as `fit` does.
    """
    check_images(x)
    check_calls(objective)
    check_whole("batch_size", batch_size, "batch_size=1000")
    totals: dict[str, Tensor] = {}
    with evaluating(model), seeded(seed):
        for images in x.split(int(batch_size)):
            given = objective(model, like_weights(model, images))
            for name, values in named_terms(given, len(images), totals).items():
                totals[name] = totals.get(name, 0) + values.sum()
    return {name: (total / len(x)).item() for name, total in totals.items()}
