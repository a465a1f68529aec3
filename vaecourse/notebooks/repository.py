"""The course's repository: its address in the chapters, and the links to it on the pages."""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from vaecourse.errors import CourseError
from vaecourse.notebooks.book import chapters
from vaecourse.notebooks.files import INSTALL_TAG, code_cells, has_tag, read, write

COURSE = re.compile(r'^course = ".*?"', re.MULTILINE)


class Repository(NamedTuple):
    """Where the course is published: an address as in a browser, and the branch that is shown."""

    url: str
    branch: str


def repository(address: str, branch: str = "main") -> Repository:
    """Raises CourseError where the address is that of no repository."""
    parts = urlsplit(address.strip())
    path = parts.path.strip("/").removesuffix(".git")
    names = path.split("/")
    is_host = re.fullmatch(r"[\w.-]+\.[a-z]+", parts.netloc)
    is_path = all(re.fullmatch(r"[\w.-]+", name) for name in names) and len(names) > 1
    is_repository = len(names) == 2 or parts.netloc != "github.com"  # GitLab has groups in groups
    if not (parts.scheme == "https" and is_host and is_path and is_repository) or parts.query:
        raise CourseError(
            f"expected the address of a repository, such as https://github.com/OWNER/NAME, got "
            f"{address!r}; try the one that your browser shows on its first page"
        )
    if not re.fullmatch(r"[\w./-]+", branch):
        raise CourseError(f"expected the name of a branch, got {branch!r}; try: main")
    return Repository(f"https://{parts.netloc}/{path}", branch)


def install_from(repo: Repository) -> list[Path]:
    """Write the address into the chapters' cells that install the course; gives what changed."""
    changed = []
    for path in chapters():
        nb = read(path)
        before = [cell.source for cell in nb.cells]
        for cell in code_cells(nb):
            if has_tag(cell, INSTALL_TAG):
                cell.source = COURSE.sub(f'course = "git+{repo.url}@{repo.branch}"', cell.source)
        if [cell.source for cell in nb.cells] != before:
            write(nb, path)
            changed.append(path)
    return changed


def with_links(config: str, repo: Repository) -> str:
    """The book's settings with buttons that lead to the repository, to Binder and to Colab."""
    settings: dict[str, Any] = yaml.safe_load(config)
    settings["repository"] = {"url": repo.url, "branch": repo.branch, "path_to_book": "book"}
    for button in ("repository", "edit_page", "issues"):
        settings["html"][f"use_{button}_button"] = True
    if urlsplit(repo.url).netloc == "github.com":  # the only one that Colab opens
        settings["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
