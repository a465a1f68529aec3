"""Chapter 11's longer measurements: strangers found by ten pairs of models, and drawn digits as
extra training data, holes filled from 59,000 digits. `vaecourse reproduce applications --seeds 3`.
"""

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image as Picture
from torch import Tensor

from vaecourse import inference, metrics, pretrained
from vaecourse.data import check_images, load
from vaecourse.device import seeded
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import reconstruction_loss
from vaecourse.studies.record import summary
from vaecourse.studies.rows import choose
from vaecourse.studies.run import Settings
from vaecourse.studies.training import pictures
from vaecourse.training import fit
from vaecourse.vae import VAE, Image, Nats, bernoulli_nll, negative_elbo
from vaecourse.variants.conditional import ConditionalVAE, conditional_elbo, labelled

LATENT_DIM, NUM_EPOCHS, LR = 10, 25, 2e-3
FEW_EPOCHS = 12  # of the pairs that look for strangers
LABELS = (10, 30, 100, 300, 1000)
LEFT_OUT = range(10)
NUM_HOLES = 500
STEPS = 800  # of the conditional VAE, however few digits it has
Figures = dict[str, float]


# -- strangers ---------------------------------------------------------------------------------


def other_pictures(count: int, seed: int = 0) -> dict[str, Image]:
    """Black and white pictures (count, 1, 28, 28) that are no digits, by name; none is in a file.

    "noise" is white in half of its pixels, "squares" are 5 pixels wide, "faces" are drawn.
    """
    rng = torch.Generator().manual_seed(seed)
    squares = torch.zeros(count, 1, 28, 28)
    for square, (top, left) in zip(
        squares, torch.randint(3, 21, (count, 2), generator=rng).tolist(), strict=True
    ):
        square[:, top : top + 5, left : left + 5] = 1
    faces = load("faces", "test", count=count).x.mean(dim=1, keepdim=True)
    return {
        "noise": torch.rand(count, 1, 28, 28, generator=rng).round(),
        "ellipses": load("ellipses", "test").x[:count].round(),
        "faces": F.interpolate(faces, (28, 28), mode="area").round(),
        "squares": squares,
    }


def png_nats(x: Image) -> Nats:
    """The size of each black and white picture as a PNG file, in nats: 8 ln 2 a byte.

    How much there is to tell of it for one who knows nothing of digits (Serrà and others,
    arXiv:1909.11480). The file's head, the same for all, is counted too.
    """
    check_images(x)
    sizes = []
    for image in (x[:, 0] > 0.5).cpu().numpy():
        content = io.BytesIO()
        Picture.fromarray(image).save(content, "PNG", optimize=True)
        sizes.append(8 * len(content.getvalue()))
    return torch.tensor(sizes, dtype=x.dtype) * torch.tensor(2.0).log()


def pair(x: Image, seed: int = 0, num_epochs: int = NUM_EPOCHS) -> tuple[Autoencoder, VAE]:
    """An autoencoder and a VAE of one size, trained alike on the images x."""
    with seeded(seed):
        plain = Autoencoder(MLPEncoder(LATENT_DIM), MLPDecoder(LATENT_DIM))
    with seeded(seed):
        model = VAE(MLPEncoder(2 * LATENT_DIM), MLPDecoder(LATENT_DIM))
    for each, objective in ((plain, reconstruction_loss), (model, negative_elbo)):
        fit(each, x, objective=objective, num_epochs=num_epochs, lr=LR,
                      precision="bfloat16", seed=seed)  # fmt: skip
        each.requires_grad_(False)
    return plain, model


def scores(plain: Autoencoder, model: VAE, x: Image, known: Image) -> dict[str, Nats]:
    """How strange each black and white picture x is: the larger, the stranger; `known` trained."""
    with seeded(0):
        elbo = torch.stack([negative_elbo(model, x)[0] for _ in range(8)]).mean(dim=0)
    nll = -metrics.log_likelihood(model, x, 100)
    return {
        "AE error": bernoulli_nll(plain(x), x),
        "−ELBO": elbo,
        "−log p": nll,
        "nearest": torch.cdist(x.flatten(1), known.flatten(1)).amin(dim=1),
        "−log p − PNG": nll - png_nats(x),
        "−PNG": -png_nats(x),
    }


def strangers(left_out: int, seed: int) -> Figures:
    """AUC by kind of stranger and score: a class that was left out of the training, and others."""
    (x, y), (x_test, y_test) = load("digits", "train"), load("digits", "test")
    x, x_test = x.round(), x_test.round()
    known = x[y != left_out]
    plain, model = pair(known, seed, FEW_EPOCHS)
    kinds = {"left out": x_test[y_test == left_out], **other_pictures(200)}
    found = {name: scores(plain, model, each, known) for name, each in kinds.items()}
    usual = scores(plain, model, x_test[y_test != left_out], known)
    figures = {}
    for kind, by_score in found.items():
        for name, values in by_score.items():
            figures[f"{kind}: {name}"] = metrics.auc(usual[name], values)
    return figures


# -- drawn digits as training data -------------------------------------------------------------


def accuracy(x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor) -> float:
    """The share of test images that a support vector machine reads, trained on x and y."""
    from sklearn.svm import SVC

    judge = SVC(C=10).fit(x.flatten(1).numpy(), y.numpy())
    return float(judge.score(x_test.flatten(1).numpy(), y_test.numpy()))


def some_of_each(x: Image, y: Tensor, count: int, seed: int) -> tuple[Image, Tensor]:
    """`count` images, as many of each of ten classes, by chance."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    chosen = torch.cat([order[y[order] == label][: count // 10] for label in range(10)])
    return x[chosen], y[chosen]


def shifted(x: Image, y: Tensor) -> tuple[Image, Tensor]:
    """The images, and each moved by a pixel up, down, left and right."""
    moves = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    return torch.cat([x.roll(move, (2, 3)) for move in moves]), y.repeat(len(moves))


def conditional(x: Image, y: Tensor, seed: int = 0) -> ConditionalVAE:
    """A conditional VAE of these digits alone, trained for STEPS steps or 25 epochs."""
    with seeded(seed):
        model = ConditionalVAE(
            MLPEncoder(2 * LATENT_DIM, shape=(1, 1, 784 + 10)), MLPDecoder(LATENT_DIM + 10), 10
        )
    batch_size = min(100, len(x))
    fit(model, labelled(x, y), objective=conditional_elbo, lr=LR, batch_size=batch_size,
                  num_epochs=max(NUM_EPOCHS, STEPS * batch_size // len(x)),
                  precision="bfloat16", seed=seed)  # fmt: skip
    model.requires_grad_(False)
    return model


@cache
def without_labels(seed: int) -> VAE:
    """A VAE of all 4,000 training digits, which saw no label."""
    return pair(load("digits", "train").x, seed)[1]


def mixed(model: VAE, x: Image, y: Tensor, count: int, seed: int = 0) -> tuple[Image, Tensor]:
    """New pictures: between codes, drawn from q, of two images of a class."""
    with seeded(seed):
        first = torch.randint(len(x), (count,))
        second = torch.stack([_any_of(y == label) for label in y[first]])
        a, b = (model.reparameterize(*model.encode(x[each])) for each in (first, second))
        z = a + torch.rand(count, 1) * (b - a)
        return model.decode(z).sigmoid(), y[first]


def _any_of(these: Tensor) -> Tensor:
    places = these.nonzero()[:, 0]
    return places[torch.randint(len(places), ())]


def extra_data(num_labels: int, seed: int, num_drawn: int = 1000) -> Figures:
    """The share of held-out digits read from `num_labels` labels, with and without extra data."""
    (x, y), test = load("digits", "train"), load("digits", "test")
    x, y = some_of_each(x, y, num_labels, seed)
    model = conditional(x, y, seed)
    unlabelled = without_labels(seed)
    with seeded(seed):
        y_drawn = torch.arange(num_drawn) % 10
        drawn = model.sample(y_drawn)
    between, y_between = mixed(unlabelled, x, y, num_drawn, seed)
    codes, test_codes = (unlabelled.encode(each)[0] for each in (x, test.x))
    return {
        "plain": accuracy(x, y, *test),
        "shifts": accuracy(*shifted(x, y), *test),
        "drawn": accuracy(torch.cat([x, drawn]), torch.cat([y, y_drawn]), *test),
        "mixed, unlabelled": accuracy(torch.cat([x, between]), torch.cat([y, y_between]), *test),
        "codes, unlabelled": accuracy(codes, y, test_codes, test.y),
    }


# -- holes -------------------------------------------------------------------------------------


def fillings(num_images: int) -> dict[str, Figures]:
    """Error in a hole of 10 × 10 pixels, and the share read right, by way of filling it.

    The trained model's rivals search the same 59,000 digits that it was trained on.
    """
    from sklearn.svm import SVC

    (known, known_y), (x, y) = load("digits", "train"), load("digits", "test")
    x, y = x[:num_images], y[:num_images]
    judge = SVC(C=10).fit(known.flatten(1).numpy(), known_y.numpy())
    model = pretrained.load("mnist-mlp-10d").requires_grad_(False)
    (row,) = choose(["pretrained"], ["mnist-mlp-10d"])
    trained = pictures(row).train
    mask = torch.ones(28, 28, dtype=torch.bool)
    mask[10:20, 10:20] = False
    holed = torch.where(mask, x, 0)
    distances = torch.cdist(holed[..., mask].flatten(1), trained[..., mask].flatten(1))
    near = torch.where(mask, holed[:, None], trained[distances.topk(10, largest=False).indices])
    draws = inference.complete_by_sampling(model, holed, mask)
    filled = {
        "original": x,
        "hole": holed,
        "encode, decode": torch.where(mask, holed, model.reconstruct(holed)),
        "best code": inference.complete(model, holed, mask),
        "a draw": draws[0],
        "mean of draws": draws.mean(dim=0),
        "nearest digit": near[:, 0],
        "mean of ten": near.mean(dim=1),
    }
    return {
        name: {
            "error": (images - x)[..., ~mask].square().mean().item(),
            "read": float(judge.score(images.flatten(1).numpy(), y.numpy())),
        }
        for name, images in filled.items()
    }


# -- all of it ---------------------------------------------------------------------------------


def measure(
    settings: Settings, num_seeds: int, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Fillings by way; strangers by the class that was left out; extra data by the labels.

    The last two have their figures' "mean", their "interval" as `results.read` tells of it (where
    there are several seeds), and each seed's own. A class is left out once: ten classes are ten
    trainings.
    """
    found: dict[str, Any] = {"fillings": fillings(NUM_HOLES)}
    say(f"fillings: {found['fillings']}")
    jobs: list[tuple[str, Callable[[int, int], Figures], int, int]] = [
        *((f"extra-{count}", extra_data, count, num_seeds) for count in LABELS),
        *((f"without-{digit}", strangers, digit, 1) for digit in LEFT_OUT),
    ]
    for name, job, what, count in jobs:
        seeds = [{"figures": job(what, seed)} for seed in range(count)]
        found[name] = {**summary(seeds), "seeds": [each["figures"] for each in seeds]}
        say(f"{name}: {found[name]['mean']}")
    return found
