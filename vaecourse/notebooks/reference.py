"""The pages of the API reference, made from the package's docstrings. For Sphinx an extension.

`.. modules:: vaecourse.networks` stands for the module and for all below it, so a new module is in
the reference without being named. What a docstring says is plain text with names in backquotes:
whatever else reStructuredText would take for markup is shown as it is written.
"""

import pkgutil
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

NOT_SHOWN = {"vaecourse.__main__"}  # to import it is to run it
# what a module may lack where the book is built: another system, or an extra that is left out
OPTIONAL = ("resource", "distributed", "playwright", "nbval", "nbgrader")
MARKUP = re.compile(r"([\\*_|<>:])")


def modules(root: str = "vaecourse") -> list[str]:
    """The public modules at and below one, in order: the module itself comes first."""
    return [root, *sorted(_below(root))]


def _below(root: str) -> Iterator[str]:
    spec = find_spec(root)
    if not spec or not spec.submodule_search_locations:
        return  # no package
    for found in pkgutil.iter_modules(spec.submodule_search_locations):
        name = f"{root}.{found.name}"
        if not found.name.startswith("_") and name not in NOT_SHOWN:
            yield name
            if found.ispkg:
                yield from _below(name)


class Modules(SphinxDirective):
    """A section for each module: what it says of itself, then every public name in it."""

    required_arguments = 1
    optional_arguments = 99
    final_argument_whitespace = False

    def run(self) -> list[nodes.Node]:
        names = [name for root in self.arguments for name in modules(root)]
        lines: list[str] = []
        for name in names:
            title = name.removeprefix("vaecourse.")
            lines += [f"``{title}``", "-" * (len(title) + 4), ""]
            lines += [f".. automodule:: {name}", "   :members:", "   :member-order: bysource"]
            # names that come from elsewhere stand where they are written
            lines += ["   :ignore-module-all:", ""]
        parent = nodes.Element()
        parent.document = self.state.document
        text = StringList(lines, source=self.env.doc2path(self.env.docname))
        self.state.nested_parse(text, 0, parent, match_titles=True)
        return parent.children


def as_rst(lines: list[str]) -> list[str]:
    """A docstring's lines as reStructuredText that shows them as they stand."""
    made: list[str] = []
    is_block = is_list = False  # an example, set in; a list, whose lines may go on below
    for line in lines:
        begins = not (made and made[-1].strip())
        if begins and line.strip():
            if line.startswith("  ") and not is_block:
                made += ["::", ""]
            is_block = line.startswith("  ")
            is_list = line.startswith("- ")
        made.append(line if is_block else _plain(line if is_list else line.strip()))
    return made


def _plain(line: str) -> str:
    parts = line.split("`")
    parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    return "``".join(parts)


def _process(_app: Any, _kind: str, _name: str, _of: Any, _how: Any, lines: list[str]) -> None:
    lines[:] = as_rst(lines)


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.viewcode")
    app.config.autodoc_mock_imports = [name for name in OPTIONAL if find_spec(name) is None]
    app.config.autodoc_typehints_format = "short"
    app.config.autodoc_inherit_docstrings = False  # what torch says of `forward` is not ours
    # types in signatures: torch's have no page here, and of two called Job either may be meant
    app.config.nitpick_ignore_regex = [("py:.*", ".*")]
    app.config.suppress_warnings = [*app.config.suppress_warnings, "ref.python"]
    app.add_directive("modules", Modules)
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
