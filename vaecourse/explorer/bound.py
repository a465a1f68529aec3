"""`bound`: a latent space of one dimension, where the ELBO and its gap are exact."""

import math

import torch

from vaecourse import plotting
from vaecourse.explorer.live import Live
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure

SEEN = {"x": 1.5, "std": 0.5}  # the x that was seen, and the noise of p(x|z)


def bound() -> Live | OnPage | Figure:
    """Move a Gaussian q(z) over an exact posterior, and see the ELBO and its gap in nats.

    The prior is N(0, 1) and x = f(z) + noise was seen, noise N(0, 0.5²); f is z, where a Gaussian
    can be the posterior, or exp(z), which skews it, or z², which gives it two humps. The page
    integrates over z by quadrature: log p(x), KL(q ‖ posterior), E log p(x|z), KL(q ‖ prior).
    """
    data = {"kind": "bound", "title": "The ELBO and its gap", "start": {"mu": 0.0, "sigma": 1.0}}
    return show(data | SEEN, [], _posteriors)


def _posteriors() -> Figure:
    alt = (
        "Three exact posteriors over z: for x = z + noise a bell, for x = exp(z) + noise one with "
        "a long left tail, for x = z² + noise one with two humps."
    )
    figure = plotting.new_figure(alt)
    z = torch.linspace(-4, 4, 801)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).exp()
    functions = {"z": z, "exp(z)": z.exp(), "z²": z.square()}
    for axes, (name, mean) in zip(
        plotting.axes_of(figure, 1, 3)[0], functions.items(), strict=True
    ):
        joint = prior * torch.exp(-0.5 * ((SEEN["x"] - mean) / SEEN["std"]) ** 2)
        axes.plot(z, joint / torch.trapezoid(joint, z), label="posterior")
        axes.plot(z, prior, "--", label="prior")
        evidence = torch.trapezoid(joint, z) / (SEEN["std"] * math.sqrt(2 * math.pi))
        axes.set_title(f"x = {name} + noise\nlog p(x) = {evidence.log():.2f}".replace("-", "−"))
        axes.set(xlabel="z", ylim=(0, 1.4))
    figure.axes[0].legend(frameon=False, fontsize=9)
    return figure
