"""`effective_beta`: choose reductions and weights, and see which β they make."""

import torch

from vaecourse import plotting
from vaecourse.explorer.live import Live
from vaecourse.explorer.page import OnPage, show
from vaecourse.plotting import Figure
from vaecourse.reductions import LIKELIHOODS, RECIPES


def effective_beta() -> Live | OnPage | Figure:
    """A calculator: the β that a loss really has, among those of known codes.

    It computes what `reductions.effective_beta` does, from a likelihood, two reductions, two
    weights and the sizes.
    """
    data = {
        "kind": "reductions",
        "title": "Which β does a loss have?",
        "likelihoods": LIKELIHOODS,
        "recipes": [{"name": recipe.name, "beta": recipe.beta} for recipe in RECIPES],
    }
    return show(data, [], _known)


def _known() -> Figure:
    """The βs of known codes."""
    recipes = sorted(RECIPES, key=lambda recipe: recipe.beta)
    alt = "The β of known codes on a logarithmic axis: " + ", ".join(
        f"{recipe.name} {recipe.beta:.3g}" for recipe in recipes
    )
    figure = plotting.new_figure(f"{alt}.", 7.0, 2.6)
    axes = plotting.axes_of(figure)
    places = torch.arange(len(recipes))
    axes.plot([recipe.beta for recipe in recipes], places, "o")
    axes.set_yticks(places, [recipe.name for recipe in recipes])
    axes.set(xscale="log", xlabel="β of recon_nll + β · kl", xlim=(1e-3, 1e3))
    return figure
