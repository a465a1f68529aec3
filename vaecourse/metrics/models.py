"""How good a trained model is, and how much of its latent space it uses."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Categorical

from vaecourse.data import check_images
from vaecourse.device import evaluating, like_weights, seeded
from vaecourse.errors import CourseError, check_number, check_whole
from vaecourse.objectives import Likelihood, importance_weighted_bound
from vaecourse.shapes import check_codes, check_posterior, check_width, shape_or_type
from vaecourse.vae import Code, Image, Nats, bernoulli_nll, check_vae, gaussian_kl_by_dimension


def log_likelihood(
    model: nn.Module,
    x: Image,
    num_samples: int = 500,
    seed: int = 0,
    max_rows: int = 20_000,
    nll: Likelihood = bernoulli_nll,
) -> Nats:
    """The importance-weighted estimate of log p(x), in nats an image.

    Minus `importance_weighted_bound` with k = `num_samples`: never above log p(x) on average, and
    closer to it the larger k is. With k = 1 it is the ELBO's one-sample estimate. Where q(z|x) is
    much narrower than the true posterior it may lie far below even for a large k. For grey pixels
    p(x|z) is not normalised, see `bernoulli_nll`. At most `max_rows` pictures are decoded at once.
    The caller's random state is left alone. Raises CourseError for fewer than one sample or more
    than `max_rows`, a model that is no VAE, images
    that are none (for a likelihood other than Bernoulli's they may leave [0, 1]), an autoencoder,
    and an estimate that is not finite.
    """
    check_images(x, shades=nll is bernoulli_nll)
    check_whole("num_samples", num_samples, "500")
    check_whole("max_rows", max_rows, "max_rows=20_000")
    check_vae(model)
    if num_samples > max_rows:
        raise CourseError(
            f"expected num_samples up to max_rows={max_rows}, got {num_samples}; try "
            f"max_rows={num_samples}, if so many pictures fit into memory"
        )
    at_once = int(max_rows // num_samples)  # images
    with evaluating(model), seeded(seed):
        bounds = torch.cat(
            [
                importance_weighted_bound(model, like_weights(model, images), num_samples, nll)[0]
                for images in x.split(at_once)
            ]
        )
    if not bounds.isfinite().all():
        first = int((~bounds.isfinite()).nonzero()[0])
        raise CourseError(
            f"expected a finite estimate, got {-bounds[first].item()} for x[{first}]; try an "
            "encoder that gives the logarithm of the variance, or look for weights that are NaN"
        )
    return -bounds


def effective_sample_size(
    log_weights: Float[Tensor, "num_samples batch"],
) -> Float[Tensor, " batch"]:
    """(Σ w)² / Σ w² of each image's weights: as how many equal ones they count, from 1 to k.

    Of `objectives.log_weights`, whose logarithms are given. Near 1 a single draw decides alone, and
    the estimate that they make is not to be trusted; but from draws that all miss the posterior it
    may look well (Kong, Liu and Wong, "Sequential imputations and Bayesian missing data problems",
    1994). Raises CourseError for anything but (num_samples, batch) without NaN and +∞, and for an
    image whose weights are all 0.
    """
    right = isinstance(log_weights, Tensor) and log_weights.ndim == 2 and len(log_weights) > 0
    if not (right and log_weights.is_floating_point()):
        raise CourseError(
            "expected the logarithms of weights as a floating tensor (num_samples, batch), got "
            f"{shape_or_type(log_weights)}; try objectives.log_weights(model, x, 500)"
        )
    log_weights = log_weights.detach().to(torch.promote_types(log_weights.dtype, torch.float32))
    largest = log_weights.amax(dim=0)
    if not largest.isfinite().all():
        raise CourseError(
            "expected weights of which one is above 0 and none NaN or infinite, got a largest "
            f"logarithm of {largest[~largest.isfinite()][0].item()}; try weights without exp, and "
            "look for NaN in the model"
        )
    w = (log_weights - largest).exp()
    return (w.sum(dim=0).square() / w.square().sum(dim=0)).clamp(1, len(w))


def kl_by_dimension(model: nn.Module, x: Image) -> Float[Tensor, " latent_dim"]:
    """How far q(z|x) is from the prior in each latent dimension: nats an image, the mean over x."""
    mu, logvar = _codes(model, x)
    if logvar is None:
        raise CourseError(
            f"expected a VAE, got {type(model).__name__}, whose encoder gives no logvar; "
            "try active_units"
        )
    return gaussian_kl_by_dimension(mu, logvar).mean(dim=0)


def active_units(model: nn.Module, x: Image, threshold: float = 0.01) -> int:
    """How many latent dimensions say anything about the images x.

    A dimension is active if its posterior mean (an autoencoder's code) varies from image to image
    by more than `threshold`, as a variance (Burda, Grosse and Salakhutdinov, arXiv:1509.00519,
    section 5).
    """
    check_number("threshold", threshold, "threshold=0.01")
    return int((_codes(model, x)[0].var(dim=0, correction=0) > threshold).sum())


def agreement(
    images: Image, x: Image, y: Int[Tensor, " n"], num_neighbours: int = 10
) -> tuple[Float[Tensor, " batch"], float]:
    """How well each image passes for one of the real images x, and how many classes there are.

    The first is the share of the commonest class y among the image's `num_neighbours` nearest real
    ones: 1 where they are of one mind. The second is the effective number of classes among all
    images, exp(−Σ q ln q) of the shares q in which they fall into them, each by its neighbours'
    vote: from 1 to the number of classes. The score sees neither sharpness nor variety within a
    class (a class's mean image gets nearly 1), so set it beside real held-out images and controls.

    Raises CourseError for images of other sizes, labels that are not one a real image, and more
    neighbours than real images.
    """
    from sklearn.neighbors import KNeighborsClassifier  # takes a second to import

    check_images(images)
    check_images(x)
    check_whole("num_neighbours", num_neighbours, "num_neighbours=10")
    if images.shape[1:] != x.shape[1:]:
        raise CourseError(
            f"expected images of the real ones' shape {tuple(x.shape[1:])}, got "
            f"{tuple(images.shape[1:])}; try real images of the same data set"
        )
    if not isinstance(y, Tensor) or y.shape != (len(x),) or y.is_floating_point():
        raise CourseError(
            f"expected a whole-numbered label for each of the {len(x)} real images, got "
            f"{shape_or_type(y)}; try x, y = load('digits', 'train')"
        )
    if num_neighbours > len(x):
        raise CourseError(
            f"expected num_neighbours up to the {len(x)} real images, got {num_neighbours}; "
            f"try num_neighbours={min(10, len(x))}"
        )
    real, drawn = (each.detach().cpu().float().flatten(1).numpy() for each in (x, images))
    judge = KNeighborsClassifier(num_neighbours).fit(real, y.cpu().numpy())
    shares = torch.from_numpy(judge.predict_proba(drawn))
    votes = torch.bincount(shares.argmax(dim=1), minlength=shares.shape[1])
    classes = Categorical(votes / len(images)).entropy().exp().item()
    return shares.amax(dim=1).to(images), classes


def _codes(model: nn.Module, x: Image) -> tuple[Code, Code | None]:
    """mu and logvar of all images; the codes of an autoencoder, and None."""
    check_images(x)
    encode = getattr(model, "encode", None)
    if encode is None or not isinstance(model, nn.Module):
        raise CourseError(
            f"expected a model with `encode`, got {type(model).__name__}; "
            "try a VAE or an Autoencoder"
        )
    with evaluating(model):
        codes = [encode(like_weights(model, images)) for images in x.split(1000)]
    if isinstance(codes[0], Tensor):
        mu, logvar = torch.cat(codes), None
    else:
        mu, logvar = (torch.cat(each) for each in zip(*codes, strict=True))
        check_posterior(mu, logvar)
        check_codes("the encoder's logvar", logvar)
        check_width(logvar)
    check_codes("the encoder's codes", mu)
    if len(mu) != len(x):
        raise CourseError(
            f"expected a code for each of {len(x)} images, got {len(mu)}; try an encoder without "
            "a mean over the batch"
        )
    return mu, logvar
