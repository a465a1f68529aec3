"""A class graded: every submission judged, each grade kept whole as soon as it is there.

Whatever lies in the folder of results is true at any moment: who stops a run, by Ctrl-C or a power
cut, goes on later with what is missing.
"""

import hashlib
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from vaecourse import __version__, files
from vaecourse.classroom import folder, intake, jail, keys, papers, sheets, verdicts, workers
from vaecourse.classroom.grades import Change, Grade, Handed, QuestionGrade
from vaecourse.classroom.judged import Job, Judged
from vaecourse.classroom.keys import Key
from vaecourse.classroom.warden import Limits
from vaecourse.errors import CourseError
from vaecourse.notebooks.verifying import cores
from vaecourse.provenance import commit


@dataclass(frozen=True)
class Settings:
    """How a class is graded."""

    solutions: Path | None = None  # a folder; that of this clone
    due: datetime | None = None
    resume: bool = False
    regrade: bool = False
    sandbox: bool = True
    cluster: str | None = None
    at_once: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Round:
    """What one run did: how many it judged, which it refused, and which points it changed."""

    num_judged: int
    num_kept: int
    refused: tuple[str, ...]
    changes: tuple[Change, ...]


def grade_class(source: Path, out: Path, settings: Settings) -> Round:
    """Judge what a class handed in, and keep the grades in a folder.

    Raises CourseError where nothing was handed in, where there is no jail and `sandbox` is asked
    for, and where the folder holds grades and neither `resume` nor `regrade` is chosen.
    """
    isolation = _isolation(settings)
    files.check_writable(out)
    results = folder.Folder(out)
    past = {(g.student, g.name): g for g in results.grades()}
    if past and not (settings.resume or settings.regrade):
        raise CourseError(
            f"{out} holds {len(past)} grades already; go on with --resume, grade anew what has "
            "changed with --regrade, or choose another folder"
        )
    taken = intake.take(source, settings.due)
    known = _keys(results, taken.handed, settings)
    students = {one.student for one in taken.handed}
    for refused in taken.refused:
        if (grade := verdicts.refused(refused)).student not in students:
            results.keep(grade, "")
    todo = list(_todo(taken.handed, past, known if settings.regrade else {}))
    record = _record()
    changes: list[Change] = []
    with _workers(settings) as staff, tqdm(total=len(todo), unit=" submissions") as bar:
        jobs = ((one, one.job(known, isolation)) for one in todo)
        for one, found in workers.answers(staff, jobs):
            grade = one.grade(found, known, isolation, record)
            changes += one.changes(grade)
            results.keep(grade, one.paper(found, results))
            bar.update()
    for key in known.values():
        results.keep_key(key)  # only now: what a stopped regrade has not reached is still to do
    refusals = tuple(f"{r.name}: {r.reason}" for r in taken.refused)
    changes.sort(key=lambda c: (c.assignment, c.question, c.student))
    return Round(len(todo), len(taken.handed) - len(todo), refusals, tuple(changes))


# -- what is to do -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Todo:
    """A submission that is to be judged; with `only`, some of its questions."""

    handed: Handed
    only: tuple[str, ...] | None = None
    before: Grade | None = None

    def job(self, known: dict[str, Key], isolation: str) -> Job:
        text = self.handed.content.decode(errors="surrogateescape")
        assignments = _assignments(self.handed)
        texts = {name: keys.encode(known[name]) for name in assignments if name in known}
        if not texts:
            isolation = "none"  # without a key nothing of it will run
        return Job(self.handed.name, text, texts, isolation, self.only)

    def grade(
        self, found: Judged, known: dict[str, Key], isolation: str, record: dict[str, object]
    ) -> Grade:
        if found.assignment not in known and self.only is not None and self.before:
            why = f"it could not be asked again: {found.error}"
            review = (*self.before.review, why)  # what it had earned stays
            return replace(self.before, status="needs review", review=review)
        if found.assignment not in known:
            return verdicts.ungraded(self.handed, found.error)
        kept: dict[str, QuestionGrade] = {}
        if self.only is not None and self.before:
            kept = {q.name: q for q in self.before.questions if q.name not in self.only}
        key = known[found.assignment]
        return verdicts.grade_of(self.handed, found, key, isolation, record, kept)

    def paper(self, found: Judged, results: folder.Folder) -> str:
        """The notebook as it ran, with questions that were not asked now as they were before."""
        before = results.paper(self.before) if self.before and self.only is not None else ""
        return papers.joined(before, found.paper) if before and found.paper else found.paper

    def changes(self, grade: Grade) -> Iterator[Change]:
        old = {q.name: q for q in self.before.questions} if self.before else {}
        for new in grade.questions:
            if new.name in old and old[new.name].points != new.points:
                points = old[new.name].points, new.points
                yield Change(grade.student, grade.assignment, new.name, *points)


def _todo(
    handed: Sequence[Handed],
    past: dict[tuple[str, str], Grade],
    renewed: dict[str, Key],
) -> Iterator[Todo]:
    """What was not judged yet, has been handed in anew, or was judged by another key."""
    for one in handed:
        old = past.get((one.student, one.name))
        digest = hashlib.sha256(one.content).hexdigest()
        if old is None or not old.assignment or old.hashes["notebook"] != digest:
            yield Todo(one, before=old)
        elif old.assignment in renewed:
            fingerprints = {q.name: q.fingerprint for q in renewed[old.assignment].questions}
            judged = old.record.get("questions", {})
            changed = tuple(n for n, f in fingerprints.items() if judged.get(n) != f)
            if changed:
                yield Todo(one, changed, old)


# -- before ------------------------------------------------------------------------------------


def _isolation(settings: Settings) -> str:
    if not settings.sandbox:
        return "none"
    level, why = jail.isolation()
    if level == "none" and settings.cluster is None:
        raise CourseError(
            f"there is no jail for students' code here: {why}; or give --no-sandbox: then it can "
            "do whatever you can"
        )
    return "bubblewrap"


def _record() -> dict[str, object]:
    """What anyone needs to repeat a grade, but for what differs by submission."""
    names = ("torch", "numpy", "nbval", "ipykernel")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "course": __version__,
        "commit": commit(),
        "versions": {"python": platform.python_version(), **{n: version(n) for n in names}},
        "limits": Limits()._asdict(),
    }


def _workers(settings: Settings) -> AbstractContextManager[workers.Workers]:
    if settings.cluster is None:
        return workers.here(settings.at_once or cores())
    return workers.on_cluster(settings.cluster, needs_jail=settings.sandbox)


def _assignments(handed: Handed) -> list[str]:
    """The assignments that a notebook may be of, by what stands in it anywhere."""
    found = []
    for name in sheets.names():
        number = name.partition("-")[0]
        if any(mark.encode() in handed.content for mark in (name, f"Answer to {number}.")):
            found.append(name)
    return found


def _keys(results: folder.Folder, handed: Sequence[Handed], settings: Settings) -> dict[str, Key]:
    """The keys that are needed: those of this folder, or made anew."""
    seeds = results.seeds(settings.seed)
    known = {} if settings.regrade else results.keys()
    wanted = sorted({name for one in handed for name in _assignments(one)} - known.keys())
    solutions = settings.solutions or files.course_folder() / "solutions"
    lacking = [name for name in wanted if not (solutions / f"{name}.ipynb").is_file()]
    if lacking:
        raise CourseError(
            f"{solutions} holds no solution of {', '.join(lacking)}; say where they are with "
            "--solutions"
        )
    if wanted:
        print(f"making the key of {', '.join(wanted)}", flush=True)
    with ThreadPoolExecutor(cores()) as pool:
        made = pool.map(lambda name: keys.make_key(solutions / f"{name}.ipynb", seeds), wanted)
        new = {key.assignment: key for key in made}
    if not settings.regrade:
        for key in new.values():
            results.keep_key(key)
    return {**known, **new}
