"""The pages of the API reference, made from the package's docstrings. For Sphinx an extension.

`.. modules:: vaecourse.networks` stands for the module and for all below it, so a new module is in
the reference without being named. Source files are read and nothing is imported: no torch, no extra
and no system is needed, and it takes seconds. (Sphinx's autodoc imports; it took a minute.
viewcode's pages of source took another: the repository shows them better.)

What a docstring says is plain text with names in backquotes: whatever else reStructuredText would
take for markup is shown as it is written.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

PACKAGE = Path(__file__).parents[1]
MARKUP = re.compile(r"([\\*_|<>:])")
Named = ast.FunctionDef | ast.ClassDef


def modules(root: str = "vaecourse") -> list[str]:
    """The public modules at and below one, in order: the module itself comes first."""
    names = {".".join(_parts(path)) for path in PACKAGE.rglob("*.py") if _is_public(path)}
    return sorted(name for name in names if f"{name}.".startswith(f"{root}."))


def _parts(path: Path) -> list[str]:
    inside = path.relative_to(PACKAGE).with_suffix("").parts
    return [PACKAGE.name, *(part for part in inside if part != "__init__")]


def _is_public(path: Path) -> bool:
    names = _parts(path)[1:]
    return not any(name.startswith("_") for name in names) and "course" not in names[:1]


@cache
def source(module: str) -> str:
    """A module's text."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return file.read_text(encoding="utf-8")


class Modules(SphinxDirective):
    """A section for each module: what it says of itself, then every public name in it."""

    required_arguments = 1
    optional_arguments = 99
    final_argument_whitespace = False

    def run(self) -> list[nodes.Node]:
        lines: list[str] = []
        for name in (name for root in self.arguments for name in modules(root)):
            title = name.removeprefix("vaecourse.")
            lines += [f"``{title}``", "-" * (len(title) + 4), "", f".. py:module:: {name}", ""]
            tree = ast.parse(source(name))
            lines += [*_said(tree), "", *_members(tree, "py:function"), ""]
        parent = nodes.Element()
        parent.document = self.state.document
        text = StringList(lines, source=self.env.doc2path(self.env.docname))
        self.state.nested_parse(text, 0, parent, match_titles=True)
        return parent.children


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[Named]:
    """What has a docstring, and a name that does not begin with an underscore."""
    for node in tree.body:
        is_named = isinstance(node, Named) and not node.name.startswith("_")
        if isinstance(node, Named) and is_named and ast.get_docstring(node):
            yield node


def _members(tree: ast.Module | ast.ClassDef, kind: str) -> Iterator[str]:
    for node in _public(tree):
        is_class = isinstance(node, ast.ClassDef)
        yield f".. {'py:class' if is_class else kind}:: {node.name}{_signature(node)}"
        yield ""
        inside = [*_said(node), ""]
        if isinstance(node, ast.ClassDef):
            inside += _members(node, "py:method")
        yield from (f"   {line}" if line else "" for line in inside)


def _signature(node: Named) -> str:
    if isinstance(node, ast.FunctionDef):
        back = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return f"({ast.unparse(node.args)}){back}"
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            one.args.args = one.args.args[1:]  # without self
            return f"({ast.unparse(one.args)})"
    return ""


def _said(node: ast.Module | Named) -> list[str]:
    return as_rst(inspect.cleandoc(ast.get_docstring(node) or "").splitlines())


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


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls once."""
    # types in signatures: torch's have no page here, and of two called Job either may be meant
    app.config.nitpick_ignore_regex = [("py:.*", ".*")]
    app.config.suppress_warnings = [*app.config.suppress_warnings, "ref.python"]
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
