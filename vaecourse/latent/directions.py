"""Directions of the latent space along which an attribute comes and goes."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.shapes import check_codes, shape_or_type
from vaecourse.vae import Code


def mean_direction(z: Code, has: Bool[Tensor, " n"]) -> Float[Tensor, " latent_dim"]:
    """The mean code with the attribute minus the mean code without it.

    z + α · direction is an edited code; α = 1 is the step from the one mean to the other (Larsen
    and others, "Autoencoding beyond pixels", arXiv:1512.09300, section 4.1). Whatever else differs
    between the two groups comes along. Raises CourseError for codes that are not finite, and for
    an attribute that is not one bool a code, that nobody has, or everybody.
    """
    _check(z, has)
    has = has.to(z.device)
    return z[has].mean(dim=0) - z[~has].mean(dim=0)


def logistic_direction(z: Code, has: Bool[Tensor, " n"]) -> Float[Tensor, " latent_dim"]:
    """The normal w of the plane by which logistic regression tells the codes with it from those
    without, by scikit-learn.

    Scaled so that α = 1 changes the regression's logit by as much as `mean_direction` does: its
    length is the distance of the two means along w. Every other difference between the groups is
    discounted as far as the codes show it apart from the attribute. Errors as `mean_direction`.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    between = mean_direction(z, has)
    scale = z.std(dim=0).square().mean().sqrt()  # the penalty on w must not depend on z's unit
    if not scale > 0:
        raise CourseError(
            "expected codes that differ, got the same code for all; try other images, or a model "
            "whose posterior has not collapsed"
        )
    codes = (z.detach() / scale).cpu().double().numpy()
    found = LogisticRegression(max_iter=1000).fit(codes, has.cpu().numpy())
    w = torch.from_numpy(found.coef_[0]).to(z)
    w = w / w.norm()
    return (between @ w) * w


def _check(z: Code, has: Tensor) -> None:
    check_codes("codes", z)
    if not isinstance(has, Tensor) or has.shape != (len(z),):
        raise CourseError(
            f"expected one bool a code, ({len(z)},), got {shape_or_type(has)}; try y == 1"
        )
    if has.dtype != torch.bool:
        raise CourseError(
            f"expected bools that tell who has the attribute, got {has.dtype}; try y == 1"
        )
    if has.all() or not has.any():
        who = "everybody" if has.all() else "nobody"
        raise CourseError(
            f"expected some codes with the attribute and some without, got one that {who} of "
            f"{len(z)} has; try more images, or another attribute"
        )
