import base64
import json
import shutil
from pathlib import Path

import pytest
from conftest import LittleBook, edit, mark_fresh, stream

from vaecourse import browsing, notebooks
from vaecourse.errors import CourseError
from vaecourse.notebooks import processes, rendering


def test_build_runs_stale_chapters_only_and_no_warning_is_forgotten(real_book: LittleBook) -> None:
    book = real_book
    stored = book.add("01_stored", "print('new')")
    stale = book.add("02_stale", "print('from a run')", "k = 1")
    mark_fresh(stored)
    edit(stored, '"outputs": []', f'"outputs": [{json.dumps(stream("what is stored"))}]')
    edit(stored, "# 01_stored", "# 01_stored\\n[broken](nowhere.md)")
    with pytest.raises(CourseError, match=r"did not build:\n.*nowhere\.md"):
        notebooks.build()
    assert not notebooks.is_stale(stale)
    edit(stored, "[broken](nowhere.md)", "[whole](02_stale.ipynb)")
    html = notebooks.build().parent
    assert "what is stored" in (html / "01_stored.html").read_text(encoding="utf-8")
    assert "from a run" in (html / "02_stale.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("fault", ["a broken _config.yml", "Ctrl-C"])
def test_what_cannot_be_rendered_leaves_the_old_pages(
    real_book: LittleBook, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    old = real_book.folder / "_build" / "html" / "index.html"
    old.parent.mkdir(parents=True)
    old.write_text("the old page")

    def interrupted(*command: object, **how: object) -> None:
        raise KeyboardInterrupt

    if fault == "Ctrl-C":
        monkeypatch.setattr(processes, "run", interrupted)
    (real_book.folder / "_config.yml").write_text("title: [")
    with pytest.raises((CourseError, KeyboardInterrupt)):
        rendering.render(real_book.folder, real_book.folder)
    assert old.read_text() == "the old page"
    assert [path.name for path in old.parents[1].iterdir()] == ["html"]


def test_pages_that_cannot_be_put_in_place_leave_the_old_ones(tmp_path: Path) -> None:
    place = tmp_path / "html"
    place.mkdir()
    with pytest.raises(CourseError, match=r"cannot put the new pages into .*No such file"):
        rendering._swap(tmp_path / "nowhere", place, tmp_path / "aside")
    assert [path.name for path in tmp_path.iterdir()] == ["html"]


def test_refreshing_runs_stale_chapters_or_everything(book: LittleBook) -> None:
    path = book.add("01_a", "print(1)", "k = 1")
    notebooks.run(save=True)
    fresh = path.read_bytes()
    edit(path, '"1\\n"', '"2\\n"')
    rendering.refresh()
    assert path.read_bytes() != fresh
    rendering.refresh(execute=True)
    assert path.read_bytes() == fresh


@pytest.mark.skipif(not browsing.find_browser(), reason="there is no Chromium")
def test_an_outside_request_is_found_and_named_with_its_page(tmp_path: Path) -> None:
    (tmp_path / "here.html").write_text("<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>")
    (tmp_path / "there.html").write_text("<script src='https://example.org/x.js'></script>")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "below.html").write_text("<img src='https://example.org/y.png'>")
    assert browsing.outside_requests(tmp_path) == [
        "api/below.html: https://example.org/y.png",
        "there.html: https://example.org/x.js",
    ]
    with pytest.raises(CourseError, match=r"not in the book:\n.*\nthere\.html: https://example"):
        rendering.check_offline(tmp_path)


def test_without_a_browser_an_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "BROWSERS", ("no-such-browser",))
    with pytest.raises(CourseError, match="apt: chromium"):
        browsing.outside_requests(tmp_path)


def test_a_notebook_that_is_downloaded_carries_its_picture(real_book: LittleBook) -> None:
    path = real_book.add("01_stored", "print(1)")
    mark_fresh(path)
    picture = real_book.folder / "images" / "goal.png"
    picture.parent.mkdir()
    shutil.copy(Path(__file__).parents[1] / "book" / "images" / "02_autoencoders.png", picture)
    edit(path, "# 01_stored", "# 01_stored\\n\\n![A goal.](images/goal.png)")
    downloaded = notebooks.read(notebooks.build().parent / "_sources" / path.name)
    title = downloaded.cells[0]
    assert "![A goal.](attachment:goal.png)" in title.source
    kept = base64.b64decode(title.attachments["goal.png"]["image/png"])
    assert kept == picture.read_bytes()
    assert "(images/goal.png)" in notebooks.read(path).cells[0].source


# -- where the course is published -------------------------------------------------------------

INSTALL = 'course = ""  # its wheel\nprint(course)'
ADDRESS = "https://github.com/someone/a-course"


def test_with_a_repository_pages_lead_to_it_to_colab_and_binder_and_without_to_nothing(
    real_book: LittleBook,
) -> None:
    path = real_book.add("01_stored", INSTALL)
    edit(path, '"parameters"', '"install"')
    mark_fresh(path)
    page = real_book.folder / "_build" / "html" / "01_stored.html"
    notebooks.build()
    before = page.read_text(encoding="utf-8")
    for host in ("github.com/someone", "colab.research.google", "mybinder.org"):
        assert host not in before
    notebooks.build(repo=notebooks.repository(ADDRESS + ".git"))
    after = page.read_text(encoding="utf-8")
    for link in (
        f"{ADDRESS}/edit/main/book/01_stored.ipynb",
        "https://colab.research.google.com/github/someone/a-course/blob/main/book/01_stored.ipynb",
        "https://mybinder.org/v2/gh/someone/a-course/main?urlpath=lab/tree/book/01_stored.ipynb",
    ):
        assert f'href="{link}"' in after
    assert not notebooks.is_stale(path)  # though its first cell has the address now
    (cell,) = notebooks.code_cells(notebooks.read(path))
    assert cell.source.startswith(f'course = "git+{ADDRESS}@main"  # its wheel\n')


@pytest.mark.parametrize(
    "address",
    [
        "github.com/someone/a-course",
        "http://github.com/someone/a-course",
        "git@github.com:someone/a-course.git",
        "https://github.com/someone",
        "https://github.com/someone/a-course/tree/main",
        "https://github.com/someone/a-course?tab=readme",
        "https://github.com/someone/a course",
        'https://github.com/someone/a"course',
        "https://name:secret@github.com/someone/a-course",
        "javascript:alert(1)//a/b",
        "",
    ],
)
def test_an_address_that_is_no_repositorys_is_refused(address: str) -> None:
    with pytest.raises(CourseError, match="expected the address of a repository"):
        notebooks.repository(address)


def test_a_branch_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(CourseError, match="expected the name of a branch"):
        notebooks.repository(ADDRESS, "main; rm -rf")
