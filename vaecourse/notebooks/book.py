"""Where the chapters are: the book's folder, its table of contents, a chapter by its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from vaecourse.errors import CourseError, unknown_name
from vaecourse.notebooks.files import is_file, read_text

PACKAGE = Path(__file__).parents[1]
PAGES = (".md", ".ipynb", ".rst", ".txt")
LISTS = ("parts", "chapters", "sections")
DEEPEST = 50  # levels of lists and mappings in a table of contents


def book_folder(package: Path = PACKAGE) -> Path:
    """The book's folder: in the current directory or above it, or beside an editable install.

    Raises CourseError where there is none.
    """
    here = Path.cwd()
    for folder in [here, *here.parents, package.parent]:
        for book in (folder, folder / "book"):
            if book.name == "book" and is_file(book / "_toc.yml"):
                return book
    raise CourseError(
        f"there is no book in {here} or above; try: vaecourse lab, which makes a copy to work "
        "in, or change into a clone of the course (git clone, and the address on the book's pages)"
    )


def chapters() -> list[Path]:
    """The chapters' notebooks in the order of the table of contents.

    Raises CourseError where there is none, or where a page that is named there is missing.
    """
    book = book_folder()
    names = _pages(book)
    missing = [n for n in names if not any(is_file(book / f"{n}{end}") for end in PAGES)]
    if missing:
        raise CourseError(
            f"{book / '_toc.yml'} names {', '.join(map(repr, missing))}, which are missing; "
            "restore them, or take their lines out"
        )
    found = _notebooks(book, names)
    if not found:
        raise CourseError(f"{book} holds no chapter that its _toc.yml names; restore them")
    return found


def find_chapter(name: str) -> Path:
    """The notebook of a chapter named by number, by the start of its name, or by path.

    Raises CourseError, with the nearest names, where none or more than one is meant.
    """
    if Path(name).suffix == ".ipynb":
        return notebook_file(Path(name))
    book = book_folder()
    known = {path.stem: path for path in _notebooks(book, _pages(book))}
    is_number = name.isascii() and name.isdecimal()
    start = f"{name.lstrip('0').zfill(2)}_" if is_number else name
    found = [name] if name in known else [stem for stem in known if name and stem.startswith(start)]
    if len(found) > 1:
        raise CourseError(f"{name!r} could be {' or '.join(found)}; give more of the name")
    if not found:
        raise unknown_name("chapter", name, known)
    return known[found[0]]


def notebook_file(path: Path) -> Path:
    """The same path from the root; CourseError where it is no notebook's."""
    if not is_file(path) or path.suffix != ".ipynb":
        raise CourseError(f"expected a notebook (.ipynb), got {path}, which is none; try its path")
    return path.absolute()


# -- the table of contents ---------------------------------------------------------------------


def _notebooks(book: Path, names: list[str]) -> list[Path]:
    paths = [book / f"{name}.ipynb" for name in names]
    return [path for path in paths if is_file(path)]


def _pages(book: Path) -> list[str]:
    """The pages that the table of contents names, without their endings, each once."""
    toc = book / "_toc.yml"
    text = read_text(toc)
    try:
        _refuse_bombs(text)
        entry = yaml.load(text, yaml.BaseLoader)  # which makes no numbers, dates or objects
        if not isinstance(entry, dict) or "root" not in entry:
            raise CourseError("expected a mapping with a root page, as in 'root: intro'")
        names = list(_files(entry))
    except Exception as problem:  # PyYAML answers broken files with many kinds
        reason = " ".join(str(problem).split())
        raise CourseError(f"{toc} is no table of contents: {reason}; restore or mend it") from None
    return list(dict.fromkeys(name.removesuffix(".ipynb").removesuffix(".md") for name in names))


def _refuse_bombs(text: str) -> None:
    """CourseError for YAML that is short to read and long to go through."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise CourseError("expected every entry written out, got an alias (*)")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise CourseError(f"expected no more than {DEEPEST} levels, got more")


def _files(entry: dict[str, Any]) -> Iterator[str]:
    """The files of an entry and of those below it, in order."""
    for key in ("root", "file"):
        if key in entry:
            if not isinstance(entry[key], str) or not entry[key]:
                raise CourseError(f"expected the name of a page after '{key}:', got {entry[key]!r}")
            yield entry[key]
    for key in LISTS:
        children = entry.get(key) or []  # a key with nothing after it is an empty text
        if not isinstance(children, list):
            raise CourseError(f"expected a list under '{key}:', got {children!r}")
        for child in children:
            if not isinstance(child, dict):
                raise CourseError(f"expected '- file: NAME' under '{key}:', got {child!r}")
            yield from _files(child)
