"""The way between two codes on which the decoded picture changes least."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vaecourse.device import evaluating, like_weights
from vaecourse.errors import CourseError, check_whole
from vaecourse.latent.points import lerp
from vaecourse.shapes import check_codes
from vaecourse.vae import Code, Image

Picture = Callable[[Image], Image]  # what the decoder gives -> what is seen


def decoded_steps(
    model: nn.Module, z: Code, picture: Picture = torch.sigmoid
) -> Float[Tensor, " steps"]:
    """How far the decoded picture moves from each point of a path z (n, latent_dim) to the next.

    n − 1 Euclidean distances between vectors of pixels. Their sum is the path's length, the sum of
    their squares its energy. `picture` makes a picture of what the decoder gives: of logits by
    `torch.sigmoid`, of a mean by `torch.nn.Identity()`. Raises CourseError for codes that are not
    finite and for a model that cannot decode them.
    """
    check_codes("codes", z)
    with evaluating(_with_decode(model)):
        found = _moves(model, like_weights(model, z), picture).norm(dim=1)
    return found.clone()  # no inference tensor


def shortest_path(
    model: nn.Module,
    z_a: Tensor,
    z_b: Tensor,
    num_steps: int = 20,
    picture: Picture = torch.sigmoid,
    max_iterations: int = 100,
) -> Tensor:
    """A path from z_a to z_b, ends included, on which the decoded picture changes least.

    (latent_dim,) twice -> (num_steps, latent_dim). Among paths of `num_steps` points it looks for
    the least energy Σ ‖x_{t+1} − x_t‖² of the decoded pictures x_t: where that is least, the
    pictures lie in nearly equal steps on a shortest line over the surface that the decoder draws
    (Arvanitidis, Hansen and Hauberg, "Latent space oddity", arXiv:1710.11379; Chen and others,
    "Metrics for deep generative models", arXiv:1711.01204). It starts at the straight line and
    descends (L-BFGS), so it finds a valley near the line, not always the deepest, and never more
    energy than the line's. What lies between two neighbours is not looked at: with few steps a
    path can jump over a thin wall.

    No random numbers, and no weight's gradient is touched. For `picture` see `decoded_steps`.
    Raises CourseError for ends that `lerp` refuses, for wrong settings, for a model that cannot
    decode them, and for pictures that are not finite.
    """
    check_whole("max_iterations", max_iterations, "max_iterations=100")
    line = lerp(z_a, z_b, num_steps).detach()
    with evaluating(_with_decode(model), gradients=True):
        start = like_weights(model, line).clone()

        def energy(path: Code) -> Tensor:
            return _moves(model, path, picture).square().sum()

        path = _descended(energy, start, max_iterations)
    path = path.to(line)
    path[0], path[-1] = line[0], line[-1]
    return path


def _with_decode(model: nn.Module) -> nn.Module:
    if not (isinstance(model, nn.Module) and hasattr(model, "decode")):
        raise CourseError(
            f"expected a model with `decode`, got {type(model).__name__}; try a VAE or an "
            "Autoencoder"
        )
    return model


def _moves(model: nn.Module, path: Code, picture: Picture) -> Tensor:
    """(steps, pixels): what each step of the path changes."""
    pictures = picture(model.decode(path))  # type: ignore[operator]
    if not pictures.isfinite().all():
        raise CourseError(
            "expected finite pictures on the way, got NaN or infinity; try ends nearer to the "
            "codes, or look for weights that are NaN"
        )
    return pictures.flatten(1).diff(dim=0)


def _descended(energy: Callable[[Code], Tensor], line: Code, max_iterations: int) -> Code:
    """The line plus Σ_k c_k sin(kπα)/k, with those c that need least energy.

    As many sines as inner points, so that every path can be had; so divided, each wave costs about
    the same, and a path bends as a whole before its single points move. Turned round, a wave only
    changes its sign: so the path does not depend on which end comes first.
    """
    steps = len(line)
    k = torch.arange(1, steps - 1, dtype=line.dtype, device=line.device)
    alpha = torch.linspace(0, 1, steps, dtype=line.dtype, device=line.device)
    waves = torch.sin(math.pi * alpha[:, None] * k) / k
    c = torch.zeros(len(k), line.shape[1], dtype=line.dtype, device=line.device)
    c.requires_grad_()
    with torch.no_grad():
        first = energy(line)
    if not len(k) or first == 0:
        return line
    search = torch.optim.LBFGS(
        [c], max_iter=max_iterations, tolerance_grad=1e-7, tolerance_change=1e-9,
        history_size=20, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        value = energy(line + waves @ c) / first  # in shares of the line's: of one scale for all
        (c.grad,) = torch.autograd.grad(value, c)
        return value

    search.step(closure)
    with torch.no_grad():
        path = line + waves @ c
        return path if energy(path) <= first else line
