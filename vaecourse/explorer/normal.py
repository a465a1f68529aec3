"""`normal`: the bell curve, and z = μ + σ ε."""

import torch

from vaecourse import plotting
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import rounded
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure


def normal() -> Live | OnPage | Figure:
    """The normal distribution's 68–95–99.7, and z = μ + σ ε with the ε held fast."""
    eps = torch.randn(40, generator=torch.Generator().manual_seed(1)).clamp(-2.5, 2.5)
    data = {"kind": "normal", "title": "The normal distribution", "eps": rounded(eps, 3)}
    return show(data, [], _bells)


def _bells() -> Figure:
    alt = "Three bell curves, of widths 0.5, 1 and 2; the part within one σ is shaded in each."
    figure = plotting.new_figure(alt)
    axes = plotting.axes_of(figure)
    z = torch.linspace(-6, 6, 601)
    for std, dash in ((0.5, "-"), (1.0, "--"), (2.0, ":")):
        density = torch.distributions.Normal(0.0, std).log_prob(z).exp()
        (line,) = axes.plot(z, density, dash, label=f"σ = {std:g}")
        axes.fill_between(z, density, where=z.abs() < std, color=line.get_color(), alpha=0.15)
    axes.set(xlabel="z, with μ = 0", ylabel="density", ylim=(0, 0.85))
    axes.legend(frameon=False)
    return figure
