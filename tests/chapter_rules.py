"""The skeleton that every chapter has, and what of it one lacks.

`python tests/chapter_rules.py` says so of all chapters; it runs none. The page "Adding a chapter"
of the book (`book/contributing/chapter.md`) describes the skeleton.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mistakes import MISTAKES
from nbformat import NotebookNode

from vaecourse import notebooks
from vaecourse.errors import CourseError

BOOK = Path(__file__).parents[1] / "book"
CHAPTER = "[0-9][0-9]*_*.ipynb"
# figures that one reads, and nothing to move
WITHOUT_EXPLORER = ("07b_likelihoods", "07c_loss_clinic")
TAGS = "in JupyterLab: select the cell, then the two gears at the top right, Cell Tags"

# in the first cell: what, as which pattern, and how it is written
TITLE = [
    ("question as title", r"^# {number} · \S.*\?$", "# {number} · How many …?"),
    ("subject", r"^\*[^*\n]+\*$", "*Latent spaces*"),
    ("goal picture with its alt text", r"!\[[^\]]+\]\(images/{stem}\.png\)",
     "![what it shows](images/{stem}.png)"),
    ("list of three goals", r"\*\*You will be able to\*\*\n+1\. \S.*\n+2\. \S.*\n+3\. \S.*",
     "**You will be able to**, and 1. … 2. … 3. …"),
    ("line on what the reader needs", r"\*\*You need\*\* \S", "**You need** [chapter 4](…): …"),
    ("line on the time", r"\*\*Time\*\*: \S", "**Time**: about a minute …"),
]  # fmt: skip
# in some cell of text
TEXTS = [
    ("prediction to make", r"\*\*Predict\b", "**Predict.** What will …?"),
    ("thing to break", r"^##.*Break it on purpose", "## Break it on purpose"),
]
# each with the id of its cell and the heading in it; in this order at the end
ENDING = [
    ("quiz", "quiz", r"## \S", "## Can you …?"),
    ("exercises", "exercises", r"## Exercises$", "## Exercises"),
    ("end", "summary", r"## What we can now say$", "## What we can now say"),
    ("references", "references", r"## References$", "## References"),
]
# the fewest cells with a tag, the most, and what they do
COUNTS = {
    "install": (1, 1, "installs the course where it is missing"),
    "parameters": (1, 1, "holds the numbers that a reader may change"),
    "goal-picture": (1, 1, "draws the picture at the top"),
    "nbval-check-output": (1, 999, "puts out what is true on any CPU"),
    "your-turn": (2, 999, "lets the reader write a line"),
}


def lacks(path: Path) -> list[str]:
    """What the chapter in a file lacks, a line each: what is missing, and what to write where."""
    nb = notebooks.read(path)
    rules = (_title, _setup, _tags, _texts, _turns, _explorer, _ending, _unwritten, _unrun)
    found = [line for rule in rules for line in rule(nb, path)]
    if not re.search(rf"^ *- file: {path.stem}$", contents(path), flags=re.MULTILINE):
        found.append(f"no line in {path.parent / '_toc.yml'}: write `- file: {path.stem}` there")
    return found


def contents(path: Path) -> str:
    return (path.parent / "_toc.yml").read_text(encoding="utf-8")


def number_of(path: Path) -> str:
    """A chapter's as its file has it, 07 or 07b."""
    return path.stem.partition("_")[0]


def tagged(nb: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in nb.cells if tag in cell.metadata.get("tags", [])]


def texts(nb: NotebookNode) -> list[str]:
    return [cell.source for cell in nb.cells if cell.cell_type == "markdown"]


def _title(nb: NotebookNode, path: Path) -> Iterator[str]:
    first = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    number = number_of(path).lstrip("0")
    for what, pattern, written in TITLE:
        form = pattern.replace("{number}", number).replace("{stem}", path.stem)
        if not re.search(form, first, flags=re.MULTILINE):
            shown = written.format(number=number, stem=path.stem)
            yield f"no {what} in the first cell, a text: write `{shown}` there"


def _setup(nb: NotebookNode, _path: Path) -> Iterator[str]:
    if not any(cell.id == "setup" and cell.cell_type == "code" for cell in nb.cells):
        yield "no setup: the cell of code with the first imports needs the id `setup`"
    if tagged(nb, "parameters") and not notebooks.parameter_names(nb):
        yield "no parameter: the cell tagged `parameters` sets none; write one, as `seed = 0`"


def _tags(nb: NotebookNode, _path: Path) -> Iterator[str]:
    for tag, (least, most, does) in COUNTS.items():
        count = sum(cell.cell_type == "code" for cell in tagged(nb, tag))
        if not least <= count <= most:
            wanted = "one" if least == most else f"{least} or more"
            yield (
                f"{count or 'no'} cell{'s' * (count > 1)} of code with the tag `{tag}`, and "
                f"{wanted} expected: give it to the cell that {does} ({TAGS})"
            )


def _texts(nb: NotebookNode, _path: Path) -> Iterator[str]:
    for what, pattern, written in TEXTS:
        if not any(re.search(pattern, text, flags=re.MULTILINE) for text in texts(nb)):
            yield f"no {what}: write `{written}` into a cell of text"


def _turns(nb: NotebookNode, path: Path) -> Iterator[str]:
    for turn in tagged(nb, "your-turn"):
        at = nb.cells.index(turn)
        before = [cell.source for cell in nb.cells[:at] if cell.cell_type == "markdown"]
        if not re.search(r"^### Your turn: ", before[-1] if before else "", flags=re.MULTILINE):
            yield f"no heading for `{turn.id}`: the text above needs `### Your turn: …`"
        check = next((i for i, c in enumerate(nb.cells) if i > at and notebooks.is_checked(c)), -1)
        tags = nb.cells[check].metadata.get("tags", []) if check > 0 else []
        if "hide-input" not in tags:
            yield (
                f"no folded check for `{turn.id}`: the cell of code below it needs the tags "
                f"`nbval-check-output` and `hide-input` ({TAGS})"
            )
        elif "<summary>Solution</summary>" not in "".join(
            c.source for c in nb.cells[check + 1 :][:1]
        ):
            yield f"no solution for `{turn.id}`: it stands in the text below the check, folded"
        number = number_of(path)
        if f"{number}:{turn.id}" not in MISTAKES:
            yield f"no mistakes for `{turn.id}`: list some in tests/mistakes/chapter_{number}.py"


def _explorer(nb: NotebookNode, path: Path) -> Iterator[str]:
    calls = (re.search(r"^(\w+ = )?explorer\.\w", c.source, re.MULTILINE) for c in nb.cells)
    if not any(calls) and path.stem not in WITHOUT_EXPLORER:
        yield "no explorer: make one in a cell of code, as `explorer.explore(model, z, y)`"


def _ending(nb: NotebookNode, _path: Path) -> Iterator[str]:
    at = {cell.id: (i, cell.source) for i, cell in enumerate(nb.cells)}
    for name, what, pattern, written in ENDING:
        if name not in at:
            yield f"no {what}: a cell of text with the id `{name}` and the heading `{written}`"
        elif not re.search(f"^{pattern}", at[name][1], flags=re.MULTILINE):
            yield f"no heading in the cell `{name}`: write `{written}`"
    places = [at[name][0] for name, *_ in ENDING if name in at]
    if places != sorted(places):
        yield "no order at the end: it is quiz, exercises, summary, references"


def _unwritten(nb: NotebookNode, _path: Path) -> Iterator[str]:
    for cell in nb.cells:
        if count := cell.source.count("FILL IN"):
            yield f"no text yet in `{cell.id}`: it says FILL IN, {count} ×"


def _unrun(nb: NotebookNode, path: Path) -> Iterator[str]:
    hint = f"run `vaecourse run {number_of(path)} --save`"
    runs = [cell for cell in notebooks.code_cells(nb) if cell not in tagged(nb, "install")]
    if any(cell.execution_count is None for cell in runs):
        yield f"no outputs: some cells never ran; {hint}"
    elif tagged(nb, "goal-picture") and not notebooks.goal_picture(nb):
        yield "no goal picture: the cell tagged `goal-picture` gives no figure; end it with one"
    elif not (path.parent / "images" / f"{path.stem}.png").is_file():
        yield f"no file images/{path.stem}.png: {hint}"


def main() -> None:
    try:
        found = [
            f"book/{path.name}: {line}"
            for path in sorted(BOOK.glob(CHAPTER))
            for line in lacks(path)
        ]
    except CourseError as problem:
        sys.exit(f"error: {problem}")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
