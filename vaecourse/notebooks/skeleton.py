"""A new chapter: the skeleton's notebook under a name of its own, and its line in the contents."""

import re
from pathlib import Path

from vaecourse import files
from vaecourse.errors import CourseError
from vaecourse.notebooks.book import book_folder
from vaecourse.notebooks.files import parse, read_text, write

SKELETON = Path(__file__).with_suffix(".ipynb")
NAME = re.compile(r"(\d\d[a-z]?)_[a-z0-9]+(_[a-z0-9]+)*")
LONGEST = 60  # letters of a name
LAST = 99


def new_chapter(name: str) -> Path:
    """Put a skeleton that runs into the book as a chapter of this name, and give its file.

    It stands in the table of contents after the chapter that comes before it by number. Raises
    CourseError, and changes nothing, for a name of another form or a number that is taken.
    """
    book = book_folder()
    there = sorted(path.stem for path in book.glob("*.ipynb") if NAME.fullmatch(path.stem))
    number = _number(name, there)
    path, toc = book / f"{name}.ipynb", book / "_toc.yml"
    words = name.partition("_")[2].replace("_", " ")
    shown = number.lstrip("0") or "0"
    contents = _with_line(read_text(toc), name, f"{shown} {words[0].upper()}{words[1:]}")
    text = read_text(SKELETON).replace("NUMBER", shown).replace("NAME", name)
    write(parse(text, SKELETON), path)
    try:
        files.write(toc, contents)
    except CourseError:
        path.unlink()
        raise
    return path


def _number(name: str, there: list[str]) -> str:
    """A name's number, as 07b; CourseError where the name is no chapter's or its number taken."""
    taken = {stem.partition("_")[0]: stem for stem in there}
    last = max((int(number[:2]) for number in taken), default=0)
    free = f"{min(last + 1, LAST):02}"
    found = NAME.fullmatch(name)
    if not found or len(name) > LONGEST:
        raise CourseError(
            f"expected the name of a chapter: two digits (and a letter), then words in small "
            f"letters, at most {LONGEST} in all, got {name!r:.80}; try {free}_flow_models"
        )
    number = found[1]
    if number in taken:
        rest = name.partition("_")[2]
        raise CourseError(
            f"expected a number that is free, got {number}, which {taken[number]} has; try "
            f"{free}_{rest}"
        )
    return number


def _with_line(contents: str, name: str, title: str) -> str:
    """A table of contents with one chapter more, all else as it was written."""
    lines = contents.splitlines()
    entries = [
        (at, found[1], found[2])
        for at, line in enumerate(lines)
        if (found := re.fullmatch(r"( *)- file: (\w+)(?:\.ipynb)?\s*", line))
        and NAME.fullmatch(found[2])
    ]
    before = [entry for entry in entries if entry[2] < name]
    if not entries or name in (stem for _, _, stem in entries):
        raise CourseError(
            f"expected a table of contents with lines as '- file: 04_variational_autoencoders' and "
            f"without {name}; mend book/_toc.yml"
        )
    at, indent, _ = before[-1] if before else entries[0]
    if before:  # after the title and what else stands below that entry
        at += 1
        while at < len(lines) and lines[at].startswith(f"{indent}  "):
            at += 1
    lines[at:at] = [f"{indent}- file: {name}", f'{indent}  title: "{title}"']
    return "\n".join(lines) + "\n"
