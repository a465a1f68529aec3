"""The chapters and assignments in JupyterLab: those of a clone, or a copy to work in."""

import os
import shutil
from pathlib import Path
from typing import Any

import nbformat

from vaecourse import files
from vaecourse.errors import CourseError
from vaecourse.notebooks.book import PACKAGE
from vaecourse.notebooks.passes import name_the_usual_kernel

FOLDERS = ("book", "assignments")
SCRATCH = shutil.ignore_patterns("_build", "_runs", ".*", "*.lock")


def lab(folder: Path | None, *, start: bool = True, package: Path = PACKAGE) -> Path:
    """Open the course in JupyterLab and give its folder.

    Without `folder` that is the clone, or a copy in `vae-course/` where there is none. A copy is
    completed: what is there already, a student's own work, is never written over. Raises
    CourseError where nothing can be written.
    """
    course = files.course_folder(package)
    if folder is None and course == package.parent:
        folder = course / "book"
    else:
        folder = (folder or Path("vae-course")).absolute()
        _complete(course, folder)
    if start:
        _start(folder)
    return folder


def _complete(course: Path, folder: Path) -> None:
    """Copy what is missing in `folder`, each file whole or not at all."""
    files.check_writable(folder)

    def copied(source: str, place: str) -> str:
        if not os.path.lexists(place):
            files.write(Path(place), Path(source).read_bytes())
        return place

    try:
        for name in FOLDERS:
            shutil.copytree(
                course / name,
                folder / name,
                ignore=SCRATCH,
                copy_function=copied,
                dirs_exist_ok=True,
            )
    except (OSError, shutil.Error) as problem:
        raise CourseError(f"cannot copy the course to {folder}: {problem}; try another") from None


def _start(folder: Path) -> None:
    from jupyterlab.labapp import LabApp

    arguments = [f"--ServerApp.root_dir={folder}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # in a container everybody is root
    server = LabApp.initialize_server(arguments)
    server.contents_manager.register_pre_save_hook(name_kernel_as_stored)
    server.start()


def name_kernel_as_stored(model: dict[str, Any], **_: Any) -> None:
    """Before a chapter is saved: its kernel is named as in the repository, not as on this machine.

    Jupyter calls it with what is to be saved, by keyword.
    """
    if model["type"] == "notebook" and "vaecourse" in model["content"]["metadata"]:
        nb = nbformat.from_dict(model["content"])
        name_the_usual_kernel(nb)
        model["content"] = nb
