"""The folder of results: its seeds, its keys, and every grade as soon as it is there."""

import json
import random
import secrets
from dataclasses import dataclass
from pathlib import Path

from vaecourse import files
from vaecourse.classroom import grades, keys
from vaecourse.classroom.grades import Grade
from vaecourse.classroom.keys import Key
from vaecourse.classroom.pages import safe_name
from vaecourse.errors import CourseError
from vaecourse.notebooks.files import read_text

NUM_SEEDS = 3  # of fresh inputs that each question is asked with, twice where it has a hidden side


@dataclass(frozen=True)
class Folder:
    """A folder of results."""

    path: Path

    def seeds(self, master: int | None) -> tuple[int, ...]:
        """The seeds of all inputs; drawn when the folder is new, by a master seed or by chance.

        Raises CourseError where the folder has another master seed.
        """
        file = self.path / "run.json"
        if file.exists():
            try:
                kept = json.loads(read_text(file))
                drawn, seeds = int(kept["seed"]), tuple(map(int, kept["seeds"]))
            except (KeyError, TypeError, ValueError):
                raise CourseError(
                    f"expected {file} to hold the seeds of a run, and it does not; restore it, or "
                    "choose another --out"
                ) from None
            if master not in (None, drawn):
                raise CourseError(
                    f"expected the seed {drawn} that {self.path} was graded with, got {master}; "
                    "leave --seed out, or choose another --out"
                )
            return seeds
        master = secrets.randbelow(2**31) if master is None else master
        seeds = tuple(random.Random(master).sample(range(10**6, 2**31), NUM_SEEDS))
        files.write(file, json.dumps({"seed": master, "seeds": seeds}, indent=1) + "\n")
        return seeds

    def grades(self) -> list[Grade]:
        """Every grade so far, as it was judged. Raises CourseError for a file that is none."""
        return [self._read(path) for path in sorted(self.path.glob("records/*/*.json"))]

    def keep(self, grade: Grade, paper: str) -> None:
        """Keep a grade, and the notebook it came of; another of the same file goes."""
        here = self._place(grade)
        for old in here.parent.glob("*.json"):
            if old != here and self._read(old).name == grade.name:
                old.unlink()
        if paper:
            files.write(self._paper(grade), paper)
        files.write(here, grades.encode(grade))

    def keys(self) -> dict[str, Key]:
        """The keys by assignment."""
        found = sorted(self.path.glob("keys/*.json"))
        return {path.stem: keys.decode(read_text(path)) for path in found}

    def keep_key(self, key: Key) -> None:
        files.write(self.path / "keys" / f"{key.assignment}.json", keys.encode(key))

    def paper(self, grade: Grade) -> str:
        """The notebook that a grade came of; "" where there is none."""
        place = self._paper(grade)
        return read_text(place) if place.exists() else ""

    def _paper(self, grade: Grade) -> Path:
        return self.path / "graded" / safe_name(grade.student) / f"{grade.assignment}.ipynb"

    def _place(self, grade: Grade) -> Path:
        name = grade.assignment or f"file-{safe_name(grade.name)}"
        return self.path / "records" / safe_name(grade.student) / f"{name}.json"

    def _read(self, path: Path) -> Grade:
        try:
            return grades.decode(read_text(path))
        except CourseError as problem:
            raise CourseError(f"{path}: {problem}") from None
