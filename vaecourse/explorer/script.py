"""The explorers' JavaScript, joined without a build: what each kind needs, and no more."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
CORE = ("runtime", "engines", "controls", "mounting")
# by kind, the files that it is put together from beside the core, its own last
KINDS = {
    "explore": ("charts", "plane", "explore"),
    "between": ("between",),
    "sketch": ("charts", "plane", "drawing", "sketch"),
    "normal": ("charts", "normal"),
    "ellipses": ("charts", "plane", "ellipses"),
    "graph": ("charts", "averages", "graph"),
    "bound": ("charts", "bound"),
    "reductions": ("charts", "reductions"),
    "along": ("charts", "along"),
    "slide": ("slide",),
    "erase": ("drawing", "visible", "erase"),
}
FILES = tuple(dict.fromkeys(file for files in KINDS.values() for file in files))
SOURCES = {name: (FOLDER / "js" / f"{name}.js").read_text("utf-8") for name in (*CORE, *FILES)}
STYLE = (FOLDER / "explorer.css").read_text("utf-8")
REMOUNT = "globalThis.vaecourseMount?.();"


def _lean(source: str) -> str:
    """Without comments of whole lines and indentation: every chapter with an explorer carries it.

    So no text in backticks may go over several lines; a test looks.
    """
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


LEAN = {name: _lean(source) for name, source in SOURCES.items()}


def names_in(file: str) -> list[str]:
    """What a file declares at its top: constants, also several at once, and functions."""
    declared = re.findall(
        r"^(?:const|(?:async )?function) (\w+|\[[^\]]*\])", SOURCES[file], flags=re.MULTILINE
    )
    return [name for found in declared for name in re.findall(r"\w+", found)]


def script_for(kind: str) -> str:
    """All that an explorer of this kind needs, in one scope."""
    return "\n".join(LEAN[file] for file in (*CORE, *KINDS[kind]))


def core_of_page() -> str:
    """What a page carries once: it mounts explorers, as soon as their files are there too."""
    names = ", ".join(name for file in CORE for name in names_in(file))
    source = "\n".join(LEAN[file] for file in CORE)
    mount = "globalThis.vaecourseMount = mountPage;\nmountPage();"
    return f"{source}\nconst tools = {{ {names} }};\n{mount}"


def file_of_page(file: str) -> str:
    """A file as a function of the tools that it uses, under its name, which gives its own."""
    own = names_in(file)
    words = set(re.findall(r"\w+", LEAN[file])) - set(own)
    others = (*CORE, *(name for name in FILES if name != file))
    used = ", ".join(name for other in others for name in names_in(other) if name in words)
    return (
        f"(globalThis.vaecourseFiles ??= {{}}).{file} = ({{ {used} }}) => {{\n{LEAN[file]}\n"
        f"return {{ {', '.join(own)} }};\n}};\n{REMOUNT}"
    )
