"""A number's commit is that of this code, or none."""

import subprocess
from pathlib import Path

from vaecourse import provenance


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    command = ["git", *who, *arguments]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return found.stdout.strip()


def test_only_changed_code_marks_the_commit(tmp_path: Path) -> None:
    for name in ("code.py", "results.json"):
        (tmp_path / name).write_text("1")
    assert provenance.commit(tmp_path) == ""
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "results.json").write_text("2")
    assert len(head) == 40
    assert provenance.commit(tmp_path) == head
    (tmp_path / "code.py").write_text("2")
    assert provenance.commit(tmp_path) == head + "+"


def test_a_package_installed_inside_another_repository_has_no_commit(tmp_path: Path) -> None:
    package = tmp_path / ".venv" / "vaecourse"
    package.mkdir(parents=True)
    (package / "code.py").write_text("1")
    (tmp_path / "theirs.py").write_text("1")
    git(tmp_path, "init")
    git(tmp_path, "add", "theirs.py")
    git(tmp_path, "commit", "-m", "theirs")
    assert len(git(tmp_path, "rev-parse", "HEAD")) == 40
    assert provenance.commit(package) == ""


def test_processor_and_versions_are_named() -> None:
    assert provenance.processor()
    assert provenance.versions().keys() == {"python", "torch", "numpy"}
