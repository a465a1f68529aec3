import json
import os
from pathlib import Path

import pytest
from conftest import LittleBook, edit

from vaecourse import notebooks
from vaecourse.errors import CourseError


def test_chapters_come_in_the_order_of_the_table_of_contents(book: LittleBook) -> None:
    paths = [book.add(name, "k = 1") for name in ("04_later", "02_first")]
    assert notebooks.chapters() == paths


def test_chapters_in_parts_and_sections_are_found(book: LittleBook) -> None:
    first, second = book.add("01_a", "k = 1"), book.add("02_b", "k = 1")
    (book.folder / "_toc.yml").write_text(
        "root: intro\nparts:\n- chapters:\n  - file: 02_b.ipynb\n    sections:\n    - file: 01_a\n"
    )
    assert notebooks.chapters() == [second, first]


@pytest.mark.parametrize("name", ["4", "04", "04_v", "04_variational", "book/04_variational.ipynb"])
def test_a_chapter_is_named_by_number_prefix_or_path(book: LittleBook, name: str) -> None:
    book.add("02_autoencoders", "k = 1")
    path = book.add("04_variational", "k = 1")
    assert notebooks.find_chapter(name) == path


def test_the_number_1_is_chapter_1_and_not_chapter_10(book: LittleBook) -> None:
    book.add("10_arithmetic", "k = 1")
    path = book.add("01_spaces", "k = 1")
    assert notebooks.find_chapter("1") == path


def test_an_unknown_chapter_is_answered_with_the_nearest(book: LittleBook) -> None:
    book.add("02_autoencoders", "k = 1")
    with pytest.raises(CourseError, match="did you mean '02_autoencoders'"):
        notebooks.find_chapter("02_autoencodrs")


def test_an_ambiguous_chapter_is_answered_with_its_meanings(book: LittleBook) -> None:
    book.add("12_vae", "k = 1")
    book.add("12_variants", "k = 1")
    with pytest.raises(CourseError, match="12_vae or 12_variants"):
        notebooks.find_chapter("12_va")


def test_the_book_is_found_from_a_folder_inside_it(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    (book.folder / "results").mkdir()
    monkeypatch.chdir(book.folder / "results")
    assert notebooks.book_folder() == book.folder


def test_outside_a_clone_an_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=r"vaecourse lab, .* or change into a clone"):
        notebooks.book_folder(package=tmp_path / "site-packages" / "vaecourse")


def test_a_book_without_its_chapters_is_an_error(book: LittleBook) -> None:
    with pytest.raises(CourseError, match="no chapter"):
        notebooks.chapters()


def test_a_notebook_that_cannot_be_written_is_left_whole(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book.add("01_a", "k = 1")
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match="No space left on device; nothing was changed"):
        notebooks.write(notebooks.read(path), path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in book.folder.glob("*01_a*")) == [path.name]
    assert not list(book.folder.glob(".*"))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"cells": 3, "nbformat": 4}', "\xff"])
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CourseError, match=r"x\.ipynb"):
        notebooks.read(path)


# -- attacks -----------------------------------------------------------------------------------

BROKEN_TABLES = {
    "empty": b"",
    "a list": b"- file: 01_a\n",
    "a text": b"intro",
    "no root": b"chapters:\n- file: 01_a\n",
    "a root that is a list": b"root: [intro]\n",
    "chapters that are a text": b"root: intro\nchapters: 01_a\n",
    "chapters that are a mapping": b"root: intro\nchapters: {file: 01_a}\n",
    "a chapter that is a text": b"root: intro\nchapters:\n- 01_a\n",
    "a file that is a list": b"root: intro\nchapters:\n- file: [01_a]\n",
    "a file without a name": b"root: intro\nchapters:\n- file:\n",
    "not YAML": b"root: [",
    "not UTF-8": b"root: \xff\n",
    "a character that YAML forbids": b"root: \x01\n",
    "a character that there is not": b'root: "\\UFFFFFFFF"\n',
    "a version of 5,000 digits": b"%YAML 1." + b"1" * 5000 + b"\n---\nroot: intro\n",
    "two documents": b"root: intro\n---\nroot: intro\n",
    "a key that is a list": b"? [root]\n: intro\n",
    "an alias of itself": b"root: intro\nchapters: &a\n- chapters: *a\n",
    "aliases that multiply": b"root: intro\nparts: &a [{file: 01_a}]\nchapters: [*a, *a]\n",
    "a depth without end": b"root: " + b"[" * 20000,
}


@pytest.mark.parametrize("content", BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_a_broken_table_of_contents_is_told_in_a_line(book: LittleBook, content: bytes) -> None:
    book.add("01_a", "k = 1")
    (book.folder / "_toc.yml").write_bytes(content)
    for ask in (notebooks.chapters, lambda: notebooks.find_chapter("1")):
        with pytest.raises(CourseError, match=r"_toc\.yml is .*; restore or") as told:
            ask()
        assert "\n" not in str(told.value)


def test_a_table_of_contents_that_cannot_be_read_is_told(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, **how: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(CourseError, match=r"cannot read .*_toc\.yml: Permission denied"):
        notebooks.chapters()


def test_a_folder_in_place_of_the_table_of_contents_is_no_book(book: LittleBook) -> None:
    (book.folder / "_toc.yml").unlink()
    (book.folder / "_toc.yml").mkdir()
    with pytest.raises(CourseError, match="there is no book"):
        notebooks.book_folder(package=book.folder / "vaecourse")


def test_chapters_that_are_listed_and_missing_are_named(book: LittleBook) -> None:
    there = book.add("01_a", "k = 1")
    for name in ("02_b", "03_c", "no\\0name", "\\uDC00" + "long" * 100):
        with (book.folder / "_toc.yml").open("a") as toc:
            toc.write(f'  - file: "{name}"\n')
    with pytest.raises(CourseError, match=r"names '02_b', '03_c', .*, which are missing"):
        notebooks.chapters()
    assert notebooks.find_chapter("1") == there


def test_a_chapter_that_is_listed_twice_is_one(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    with (book.folder / "_toc.yml").open("a") as toc:
        toc.write("  - file: 01_a.ipynb\n  - file: intro.md\n")
    assert notebooks.chapters() == [path]


@pytest.mark.parametrize("name", ["", "9" * 5000, "²", "४", "n" * 300, "n" * 300 + ".ipynb", "\0"])
def test_a_name_that_is_none_is_answered_in_a_sentence(book: LittleBook, name: str) -> None:
    book.add("04_a", "k = 1")
    with pytest.raises(CourseError):
        notebooks.find_chapter(name)


BROKEN_SETTINGS = [
    {"vaecourse": 1},
    {"vaecourse": ["scales"]},
    {"vaecourse": {"fingerprint": 1}},
    {"vaecourse": {"scales": "full"}},
    {"vaecourse": {"scales": ["full"]}},
    {"vaecourse": {"scales": {"full": 3}}},
    {"vaecourse": {"scales": {"../../full": {}}}},
]


@pytest.mark.parametrize("settings", BROKEN_SETTINGS)
def test_settings_of_the_wrong_type_are_told_with_their_notebook(
    book: LittleBook, settings: dict[str, object]
) -> None:
    path = book.add("01_a", "k = 1")
    nb = json.loads(path.read_text())
    nb["metadata"] |= settings
    path.write_text(json.dumps(nb))
    for ask in (notebooks.is_stale, lambda path: notebooks.run([str(path)], save=True)):
        with pytest.raises(CourseError, match=r"01_a\.ipynb is not a notebook: expected"):
            ask(path)


@pytest.mark.parametrize("mystnb", [1, ["image"], {"image": "wide"}, {"image": ["wide"]}])
def test_settings_of_a_cell_of_the_wrong_type_are_told(book: LittleBook, mystnb: object) -> None:
    path = book.add("01_a", "k = 1")
    nb = json.loads(path.read_text())
    nb["cells"][1]["metadata"]["mystnb"] = mystnb
    path.write_text(json.dumps(nb))
    with pytest.raises(CourseError, match=r"01_a\.ipynb is not a notebook: expected a mapping"):
        notebooks.run(save=True)


def test_half_a_character_is_refused_before_it_cannot_be_written(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    edit(path, "k = 1", "k = '\\ud800'")
    with pytest.raises(CourseError, match=r"01_a\.ipynb is not a notebook"):
        notebooks.read(path)


def test_a_notebook_is_written_through_a_link_and_keeps_its_permissions(book: LittleBook) -> None:
    path = book.add("01_a", "k = 1")
    path.chmod(0o600)
    link = book.folder / "link.ipynb"
    link.symlink_to(path)
    notebooks.write(notebooks.normalise(notebooks.read(link)), link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert notebooks.read(path).metadata.kernelspec.name == "python3"
