"""Reading code: what a piece of it imports and assigns, and what of it can change a result.

What is kept for a fingerprint are tokens, never a syntax tree, so that every Python gives the same.
"""

import ast
import io
import re
import token
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import resolve_name
from pathlib import Path

from nbformat import NotebookNode

from vaecourse.notebooks.files import code_cells, has_tag, is_file

# what the two parsers answer to text that is no Python, or too deep for them
NOT_PYTHON = (SyntaxError, ValueError, MemoryError, RecursionError)
NOTHING = ast.Module([], [])


def syntax(cell: str) -> ast.Module:
    """The syntax tree of a cell, without IPython's own lines; empty where it is not Python."""
    for python in (cell, re.sub(r"^([^\S\n]*)[%!?].*$", r"\1pass", cell, flags=re.MULTILINE)):
        with suppress(*NOT_PYTHON):
            return parsed(python)
    return NOTHING


def parsed(code: str) -> ast.Module:
    """The syntax tree of code; Python's warnings about it are for who runs it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def parameter_names(nb: NotebookNode) -> list[str]:
    """The names assigned in the cell tagged `parameters`."""
    names: list[str] = []
    for cell in code_cells(nb):
        if has_tag(cell, "parameters"):
            for node in ast.walk(syntax(cell.source)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.append(node.id)
    return names


# -- imports -----------------------------------------------------------------------------------


def imports(tree: ast.AST, package: str = "") -> set[str]:
    """Every dotted name that code imports, wherever it does, relative ones against `package`.

    What only a type checker imports does not count.
    """
    names: set[str] = set()
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree, without the bodies of `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in vars(node.test).values():
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def used_modules(trees: Iterable[ast.Module], package: Path) -> dict[str, str]:
    """Name and source of each module of `package` that is imported, directly or by another.

    With a module Python imports the packages that it lies in.
    """
    found: dict[str, str] = {}
    seen = {""}
    waiting = {name for tree in trees for name in imports(tree)}
    while waiting := waiting - seen:
        name = waiting.pop()
        seen.add(name)
        above = name.rpartition(".")[0]
        waiting.add(above)
        file = _module_file(name, package)
        if file:
            found[name] = file.read_text(encoding="utf-8")
            inside = name if file.name == "__init__.py" else above
            waiting |= imports(parsed(found[name]), inside)
    return found


def _module_file(name: str, package: Path) -> Path | None:
    """The file of a module of this package; not of the package itself, which only has a version."""
    first, *rest = name.split(".")
    if first != package.name or not rest:
        return None
    path = package.joinpath(*rest)
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if is_file(file)), None)


# -- what can change a result ------------------------------------------------------------------


def essence(code: str, *, is_cell: bool = False) -> str:
    """Code without comments, docstrings, blank lines and layout; unchanged where it is no Python.

    A text that ends a cell is shown, so in a cell only those inside functions and classes go.
    """
    try:
        parsed(code)
        tokens = list(_tokens(code))
    except (*NOT_PYTHON, tokenize.TokenError):
        return code
    kept: list[str] = []
    statement: list[str] = []
    depth = 0
    for kind, text in tokens:
        if kind == token.NEWLINE:
            is_text = (depth or not is_cell) and all(map(_is_plain_text, statement))
            kept += [] if is_text else [*statement, "\n"]
            statement = []
        elif kind in (token.INDENT, token.DEDENT):
            depth += 1 if kind == token.INDENT else -1
            kept.append(token.tok_name[kind])
        else:
            statement.append(text)
    return "\0".join(kept)


def _is_plain_text(text: str) -> bool:
    """Whether a token is a text without anything to compute in it."""
    return re.match(r"[bru]{0,2}['\"]", text, re.IGNORECASE) is not None


def _tokens(code: str) -> Iterator[tuple[int, str]]:
    """Kind and text of each token; an f-string is one, though Python 3.12 makes it many."""
    lines = code.split("\n")
    start, end = (getattr(token, f"FSTRING_{which}", None) for which in ("START", "END"))
    opened: list[tuple[int, int]] = []
    for part in tokenize.generate_tokens(io.StringIO(code + "\n").readline):
        if part.type == start:
            opened.append(part.start)
        elif part.type == end:
            (first, column), (last, stop) = opened.pop(), part.end
            if not opened:
                text = "\n".join(lines[first - 1 : last])
                yield token.STRING, text[column : len(text) - len(lines[last - 1]) + stop]
        elif not opened and part.type not in (token.COMMENT, token.NL, token.ENDMARKER):
            yield part.type, part.string
