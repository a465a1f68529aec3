"""What axe-core finds in a page that is open: whether it can be used by eye, ear and keyboard."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# axe's time goes into each coloured word of code, each glyph of a formula and each name in the API
# reference, which are alike on all pages. A formula's MathML, which is what is read aloud, stays,
# and so does a module's first name.
PLAIN = """() => {
  for (const code of document.querySelectorAll(".highlight pre"))
    code.textContent = code.textContent;
  for (const glyphs of document.querySelectorAll("mjx-container > :not(mjx-assistive-mml)"))
    glyphs.remove();
  for (const name of document.querySelectorAll("dl.py ~ dl.py")) name.remove();
}"""
# axe does not judge a single letter
FIRST = """const first = new Map();
  for (const one of document.querySelectorAll(".highlight span[class]"))
    if (one.textContent.length > 1 && one.checkVisibility() && !first.has(one.className))
      first.set(one.className, one);"""
RUN = """async () => {
  %s
  const options = { resultTypes: ["violations"], preload: false, %s }; // it would fetch styles
  const { violations } = await axe.run(%s, options);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `fails ${id}: ${node.html}`));
}"""
ALL_RULES = """rules: { "label-content-name-mismatch": { enabled: true } }"""


def faults(page: "Page") -> list[str]:
    """What is wrong, as sentences. Code and formulas of the page lose their looks."""
    page.evaluate(PLAIN)
    return _run(page, "", ALL_RULES, "document")


def pale_code(page: "Page") -> list[str]:
    """The colours of code that can hardly be read on their ground, one word for each."""
    return _run(page, FIRST, 'runOnly: ["color-contrast"]', "{ include: [...first.values()] }")


def _run(page: "Page", *parts: str) -> list[str]:
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(RUN % parts)
    return found
