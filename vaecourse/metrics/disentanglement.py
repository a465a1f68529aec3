"""Whether each factor of the pictures has a latent dimension of its own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vaecourse.errors import CourseError, check_whole
from vaecourse.shapes import check_codes, shape_or_type
from vaecourse.vae import Code


def factor_information(
    z: Code, factors: Float[Tensor, "n num_factors"], num_bins: int = 20
) -> Float[Tensor, "latent_dim num_factors"]:
    """I(z_j; v_k) / H(v_k): the share of each factor that each latent dimension tells, 0 to 1.

    Codes and factors are put into `num_bins` bins of equal counts (a column of so few values keeps
    them as they are), so a stretched or bent axis tells as much. Counted from n pictures, the share
    comes out too high by about num_bins² / 2n nats over H: set it beside that of shuffled rows.

    Raises CourseError for codes or factors that are not finite, of different number, fewer than
    `num_bins`, and for a factor that is the same in all pictures.
    """
    check_codes("codes", z)
    check_whole("num_bins", num_bins, "num_bins=20", least=2)
    _check_factors(factors, z, num_bins)
    codes, labels = _binned(z.detach(), num_bins), _binned(factors.detach().to(z), num_bins)
    told = torch.stack([_information(code, labels, num_bins) for code in codes.T])
    entropy = torch.stack([_information(label, label[:, None], num_bins)[0] for label in labels.T])
    return (told / entropy).to(z)


def mutual_information_gap(
    z: Code, factors: Float[Tensor, "n num_factors"], num_bins: int = 20
) -> Float[Tensor, " num_factors"]:
    """By factor, how much more of it the best latent dimension tells than the second best, 0 to 1.

    Their mean is MIG (Chen and others, "Isolating sources of disentanglement", arXiv:1802.04942,
    equation 6): 1 where each factor has a dimension of its own that no other shares, 0 where two
    tell it equally well. Here z are posterior means, where the paper takes draws. Errors as
    `factor_information`, and for fewer than two latent dimensions.
    """
    told = factor_information(z, factors, num_bins)
    if len(told) < 2:
        raise CourseError("expected two latent dimensions or more, got 1; try latent_dim=10")
    best, second = told.topk(2, dim=0).values
    return best - second


def _check_factors(factors: Tensor, z: Code, num_bins: int) -> None:
    fits = isinstance(factors, Tensor) and factors.ndim == 2 and len(factors) == len(z)
    if not (fits and factors.numel()):
        raise CourseError(
            f"expected factors (n, num_factors) of the {len(z)} codes, got "
            f"{shape_or_type(factors)}; try x, y = data.load('faces', 'test')"
        )
    if not factors.isfinite().all():
        raise CourseError("expected finite factors, got NaN or infinity; try other pictures")
    if len(z) < num_bins:
        raise CourseError(
            f"expected {num_bins} pictures or more for {num_bins} bins, got {len(z)}; try more "
            "pictures, or fewer num_bins"
        )
    same = (factors == factors[0]).all(dim=0)
    if same.any():
        which = int(same.nonzero()[0])
        raise CourseError(
            f"expected factors that vary, got one value alone in column {which}; try other "
            "pictures, or factors without that column"
        )


def _binned(values: Tensor, num_bins: int) -> Int[Tensor, "n columns"]:
    """The number of each value's bin, column by column; equal values share a bin."""
    columns = []
    for column in values.T.contiguous():
        levels = column.unique()
        if len(levels) > num_bins:
            shares = torch.arange(1, num_bins, device=column.device) / num_bins
            order = column.sort().values
            levels = order[(shares * len(order)).long()].unique()
            columns.append(torch.searchsorted(levels, column, right=True))
        else:
            columns.append(torch.searchsorted(levels, column))
    return torch.stack(columns, dim=1)


def _information(code: Tensor, labels: Tensor, num_bins: int) -> Float[Tensor, " columns"]:
    """Mutual information in nats of one binned column with each of the others, in float64."""
    found = []
    for label in labels.T:
        counts = torch.bincount(code * num_bins + label, minlength=num_bins**2)
        joint = counts.double().view(num_bins, num_bins) / len(code)
        apart = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
        seen = joint > 0
        found.append((joint[seen] * (joint[seen] / apart[seen]).log()).sum())
    return torch.stack(found)
