"""The explorer of the bound: its sums over z are the integrals, and both sums give one ELBO."""

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from conftest import Opener, settle
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vaecourse import explorer
from vaecourse.explorer.script import script_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")
DECODERS: dict[str, Callable[[Tensor], Tensor]] = {
    "x = z + noise": lambda z: z,
    "x = exp(z) + noise": torch.exp,
    "x = z² + noise": torch.square,
}
X, STD = 1.5, 0.5
QS = [(0.0, 1.0), (1.2, 0.45), (-3.0, 1.5), (2.0, 0.1), (-0.37, 0.83)]


def wanted(name: str, mu: float, sigma: float) -> dict[str, float]:
    """By the trapezoid rule in double precision, farther out and finer than the page's."""
    z = torch.linspace(-25, 25, 200_001, dtype=torch.float64)
    fit = Normal(DECODERS[name](z), STD).log_prob(torch.tensor(X, dtype=torch.float64))
    prior, q = Normal(0.0, 1.0).log_prob(z), Normal(mu, sigma)
    evidence = torch.trapezoid((prior + fit).exp(), z).log()
    log_q = q.log_prob(z)

    def mean(values: Tensor) -> float:
        return torch.trapezoid(torch.where(log_q > -700, log_q.exp() * values, 0), z).item()

    return {
        "logEvidence": evidence.item(),
        "gap": mean(log_q - (prior + fit - evidence)),
        "fit": mean(fit),
        "rate": kl_divergence(q, Normal(0.0, 1.0)).item(),
        "elbo": mean(fit + prior - log_q),
    }


@pytest.fixture
def script(opened: Opener) -> "Page":
    return opened(f"<script>{script_for('bound')}</script>")


def found(page: "Page", name: str, mu: float, sigma: float) -> dict[str, float]:
    call = "([name, x, std, ...q]) => bound(toyOf(DECODERS[name], x, std), ...q)"
    return page.evaluate(call, [name, X, STD, mu, sigma])


@pytest.mark.parametrize("name", DECODERS)
def test_the_page_integrates_as_torch_does(script: "Page", name: str) -> None:
    assert script.evaluate("Object.keys(DECODERS)") == list(DECODERS)
    for mu, sigma in QS:
        assert found(script, name, mu, sigma) == pytest.approx(
            wanted(name, mu, sigma), rel=1e-5, abs=1e-6
        )


@pytest.mark.parametrize("name", DECODERS)
def test_the_evidence_less_the_gap_is_the_elbo_and_never_above_the_evidence(
    script: "Page", name: str
) -> None:
    for mu, sigma in QS:
        page = found(script, name, mu, sigma)
        assert page["logEvidence"] - page["gap"] == pytest.approx(page["elbo"], rel=1e-6)
        assert page["fit"] - page["rate"] == pytest.approx(page["elbo"], rel=1e-6)
        assert page["gap"] > -1e-9
        assert page["rate"] > -1e-9


def test_the_line_has_its_evidence_and_posterior_in_closed_form(script: "Page") -> None:
    variance = 1 + STD**2
    mu, sigma = X / variance, STD / math.sqrt(variance)
    page = found(script, "x = z + noise", mu, sigma)
    exact = Normal(0.0, math.sqrt(variance)).log_prob(torch.tensor(X, dtype=torch.float64))
    assert page["logEvidence"] == pytest.approx(exact.item(), abs=1e-7)
    assert page["gap"] == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("start", [(0.6, 1.0), (-1.0, 0.3), (2.5, 1.5)])
def test_no_step_from_the_best_q_is_uphill(
    script: "Page", name: str, start: tuple[float, float]
) -> None:
    call = "([name, x, std, ...q]) => best(toyOf(DECODERS[name], x, std), ...q)"
    top = script.evaluate(call, [name, X, STD, *start])
    mu, sigma = top["mu"], top["sigma"]
    gap = wanted(name, mu, sigma)["gap"]
    assert gap <= wanted(name, *start)["gap"]
    for right, wider in ((0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02)):
        assert wanted(name, mu + right, sigma + wider)["gap"] > gap
    if name == "x = z + noise":
        assert gap < 1e-4
    if name == "x = z² + noise":  # one of two equal humps: half of the mass, log 2 and more
        assert gap > math.log(2)
        assert mu * start[0] > 0
    if name == "x = exp(z) + noise":
        assert 0.001 < gap < math.log(2)


# -- a reader's hands --------------------------------------------------------------------------

NAMES = ["logEvidence", "elbo", "gap", "fit", "rate"]  # in the order in which they are told


def told(page: "Page") -> dict[str, float]:
    settle(page)
    label = str(page.locator("canvas").nth(1).get_attribute("aria-label")).replace("−", "-")
    numbers = map(float, re.findall(r"-?\d+\.\d+", label))
    return dict(zip(NAMES, numbers, strict=True))


def test_the_sliders_and_the_choice_are_told_in_nats(opened: Opener) -> None:
    page = opened(explorer.bound())
    assert told(page) == pytest.approx(wanted("x = z + noise", 0, 1), abs=0.006)
    page.locator("input[type=range]").nth(0).fill("1")
    page.locator("input[type=range]").nth(1).fill("0.6")
    for name in DECODERS:
        page.get_by_text(name).click()
        assert told(page) == pytest.approx(wanted(name, 1, 0.6), abs=0.006)


def test_the_evidence_stays_while_q_moves_by_key(opened: Opener) -> None:
    page = opened(explorer.bound())
    before = told(page)
    for key in ("Tab", "ArrowRight", "Tab", "ArrowRight"):  # first the choice, then μ
        page.keyboard.press(key)
    assert page.locator(".vc-value").all_inner_texts() == ["0.05", "1.00"]
    assert told(page) == pytest.approx(wanted("x = exp(z) + noise", 0.05, 1), abs=0.006)
    evidence = told(page)["logEvidence"]
    assert evidence != before["logEvidence"]
    for key in ("ArrowLeft", "ArrowLeft", "Tab", "ArrowLeft"):
        page.keyboard.press(key)
        assert told(page)["logEvidence"] == evidence
    assert page.locator(".vc-value").all_inner_texts() == ["−0.05", "0.99"]


def test_the_best_q_closes_the_gap_where_a_gaussian_can(opened: Opener) -> None:
    page = opened(explorer.bound(), width=390, has_touch=True)
    assert told(page)["gap"] > 1
    page.get_by_role("button", name="best q from here").tap()
    assert told(page)["gap"] < 0.005
    assert page.locator(".vc-value").all_inner_texts() == ["1.20", "0.45"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
