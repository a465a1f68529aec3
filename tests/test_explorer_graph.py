"""The explorer of the graph: its gradients are autograd's, its averages come to the exact ones."""

import math
import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from conftest import Opener, settle
from torch.distributions import Normal

from vaecourse import explorer
from vaecourse.explorer.script import script_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("on_page")
POINTS = [(0.5, -0.7, 1.2, 0.9), (-2.0, 1.5, -0.3, -1.1), (1.0, -3.0, 2.5, 0.0), (3.0, 2.0, -3, 2)]


def run(page: "Page", script: str, state: dict[str, Any], *more: Any) -> Any:
    return page.evaluate(f"([state, ...more]) => {script}", [state, *more])


@pytest.fixture
def script(opened: Opener) -> "Page":
    return opened(f"<script>{script_for('graph')}</script>")


@pytest.mark.parametrize(("mu", "logvar", "target", "eps"), POINTS)
def test_the_pages_gradients_are_autograds(
    script: "Page", mu: float, logvar: float, target: float, eps: float
) -> None:
    m, s = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mu, logvar))
    std = (s / 2).exp()
    z = m + std * eps
    loss = (z - target) ** 2
    by_std, by_z = torch.autograd.grad(loss, [std, z], retain_graph=True)
    loss.backward()
    assert m.grad is not None
    assert s.grad is not None
    state = {"mu": mu, "logvar": logvar, "target": target}
    values = run(script, "forwards(state, ...more)", state, eps)
    assert values == pytest.approx({"std": std.item(), "z": z.item(), "loss": loss.item()})
    by = run(script, "backwards(state, more[0], forwards(state, ...more))", state, eps)
    wanted = {"z": by_z, "std": by_std, "mu": m.grad, "logvar": s.grad}
    assert by == pytest.approx({name: value.item() for name, value in wanted.items()})


@pytest.mark.parametrize(("mu", "logvar", "target", "eps"), POINTS)
def test_a_score_is_the_loss_times_the_gradient_of_the_log_density(
    script: "Page", mu: float, logvar: float, target: float, eps: float
) -> None:
    m, s = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mu, logvar))
    z = (m + (s / 2).exp() * eps).detach()  # as .sample() gives it
    ((z - target) ** 2 * Normal(m, (s / 2).exp()).log_prob(z)).backward()
    assert m.grad is not None
    assert s.grad is not None
    state = {"mu": mu, "logvar": logvar, "target": target}
    found = run(script, "scoreFunction(state, ...more)", state, eps)
    assert found == pytest.approx([m.grad.item(), s.grad.item()])


@pytest.mark.parametrize(("mu", "logvar", "target", "_"), POINTS)
def test_both_estimators_come_to_the_exact_gradient_and_the_score_spreads_wider(
    script: "Page", mu: float, logvar: float, target: float, _: float
) -> None:
    m, s = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mu, logvar))
    ((m - target) ** 2 + s.exp()).backward()
    assert m.grad is not None
    assert s.grad is not None
    state = {"mu": mu, "logvar": logvar, "target": target, "cut": False}
    drawn = "const next = seededNormals(3); state.eps = Array.from({ length: 20000 }, next);"
    found = run(script, f"{{ {drawn} return averagesOf(state); }}", state)
    assert found["exact"] == pytest.approx([m.grad.item(), s.grad.item()])
    for i, exact in enumerate(found["exact"]):
        for name in ("pathwise", "score"):
            mean, error = found[name][i]
            assert abs(mean - exact) < 4 * error
        assert found["score"][i][1] > 1.3 * found["pathwise"][i][1]


def test_a_mean_and_its_error_are_torchs(script: "Page") -> None:
    values = torch.tensor([1.0, 4.0, -2.0, 0.5], dtype=torch.float64)
    found = script.evaluate("(values) => meanAndError(values)", values.tolist())
    assert found == pytest.approx([values.mean().item(), values.std().item() / 2])


def test_draws_are_normal_and_the_same_for_the_same_seed(script: "Page") -> None:
    draws = "((next) => Array.from({ length: 20000 }, next))(seededNormals(SEED))"
    first, again, other = (
        torch.tensor(script.evaluate(draws.replace("SEED", seed)), dtype=torch.float64)
        for seed in ("1", "1", "2")
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    for k, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert first.pow(k).mean().item() == pytest.approx(moment, abs=4 * math.sqrt(96 / 20000))
    assert abs((first[1:] * first[:-1]).mean().item()) < 4 / math.sqrt(20000)


# -- a reader's hands --------------------------------------------------------------------------


def told(page: "Page") -> dict[str, float]:
    settle(page)
    label = str(page.locator("canvas").first.get_attribute("aria-label")).replace("−", "-")
    pairs = re.findall(r"(?:^|[ ,:])((?:by )?[a-z]+(?: variance)?) (-?\d+\.\d+)", label)
    return {name.strip(): float(value) for name, value in pairs}


def row(page: "Page", name: str) -> list[str]:
    return page.locator(f".vc-table tr:has-text('{name}') td").all_inner_texts()


def test_the_page_tells_a_draw_and_its_gradients(opened: Opener) -> None:
    page = opened(explorer.graph())
    page.locator("input[type=range]").nth(0).fill("2")
    page.locator("input[type=range]").nth(1).fill("1")
    page.locator("input[type=range]").nth(2).fill("-1")
    found = told(page)
    std, eps = math.exp(0.5), found["epsilon"]
    z = 2 + std * eps
    assert found["z"] == pytest.approx(z, abs=0.02)
    assert found["loss"] == pytest.approx((z + 1) ** 2, rel=0.02)
    assert found["by mu"] == pytest.approx(2 * (z + 1), abs=0.04)
    assert found["by log variance"] == pytest.approx((z + 1) * eps * std, rel=0.03)
    assert row(page, "exact") == ["6.00", "2.72"]


def test_the_page_starts_alike_and_gathers_draws(opened: Opener) -> None:
    page = opened(explorer.graph())
    before = told(page)
    assert row(page, "pathwise")[0].endswith("± –")  # one draw has no spread
    page.get_by_role("button", name="100 more draws").click()
    assert "101 draws" in page.locator(".vc-table").inner_text()
    assert told(page)["epsilon"] != before["epsilon"]
    averages = row(page, "pathwise")
    page.get_by_role("button", name="new ε").click()
    assert "102 draws" in page.locator(".vc-table").inner_text()
    page.get_by_role("button", name="start again").click()
    assert told(page) == before
    page.reload()
    assert told(page) == before
    page.get_by_role("button", name="100 more draws").click()
    assert row(page, "pathwise") == averages


def test_a_sample_cuts_the_graph_as_it_does_in_torch(opened: Opener) -> None:
    mu = torch.tensor(1.0, requires_grad=True)
    loss = Normal(mu, 1.0).sample() ** 2
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        loss.backward()
    page = opened(explorer.graph())
    assert "by mu" in told(page)
    values = told(page)
    page.get_by_text("z drawn by .sample()").click()
    assert "there are no gradients" in str(page.locator("canvas").first.get_attribute("aria-label"))
    assert told(page)["z"] == values["z"]
    assert row(page, "pathwise") == ["none", "none"]
    assert "none" not in row(page, "score function")
    assert (
        "element 0 of tensors does not require grad" in page.locator(".vc-note").first.inner_text()
    )
    page.keyboard.press("ArrowUp")  # the choice has the focus
    assert told(page) == values


def test_it_fits_a_narrow_page_and_is_worked_by_finger(opened: Opener) -> None:
    page = opened(explorer.graph(), width=390, has_touch=True)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="100 more draws").tap()
    assert "101 draws" in page.locator(".vc-table").inner_text()
