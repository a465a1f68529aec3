"""`graph`: values and gradients on the graph of z = μ + σε, and gradients averaged over draws."""

import torch

from vaecourse import plotting
from vaecourse.explorer.live import Live
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure

START = {"mu": 1.0, "logvar": 0.0, "target": 0.0}


def graph() -> Live | OnPage | Figure:
    """The graph of L = (z − c)², z = μ + σε, σ = exp(½ log σ²): values forwards, gradients back.

    Sliders move μ, log σ² and c; a switch draws z by `.sample()` instead, which cuts the graph.
    Beside it the pathwise and the score-function gradients by μ and log σ² are averaged over draws
    of ε and set against the exact gradient of E[L] = (μ − c)² + σ². The draws are the same each
    time.
    """
    data = {"kind": "graph", "title": "One draw, forwards and backwards", "start": START, "seed": 5}
    return show(data, [], _running_averages)


def _running_averages() -> Figure:
    """At the start of the sliders, by log σ²."""
    mu, std, count = START["mu"] - START["target"], 1.0, 2000
    eps = torch.randn(count, generator=torch.Generator().manual_seed(0))
    loss, draws = (mu + std * eps).square(), torch.arange(1, count + 1)
    pathwise = (mu + std * eps) * std * eps
    score = loss * (eps.square() - 1) / 2
    alt = (
        "Running averages of two estimators of a gradient over 2,000 draws: the pathwise one "
        "settles at the exact value, the score-function one still swings about it."
    )
    figure = plotting.new_figure(alt)
    axes = plotting.axes_of(figure)
    for name, values, dash in (("pathwise", pathwise, "-"), ("score function", score, "--")):
        axes.plot(draws, values.cumsum(0) / draws, dash, label=name)
    axes.axhline(std**2, color=plotting.COLOURS[3], linestyle=":", label="exact")
    axes.set(xscale="log", xlabel="draws of ε", ylabel="average gradient by log σ²", ylim=(-2, 4))
    axes.legend(frameon=False)
    return figure
