"""`vaecourse check`: what a student may know of a notebook before handing it in.

The released notebook is put together again with the student's answer cells, its quick cells are run
in a fresh kernel, and each question is checked as its check cell does.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vaecourse.classroom.kernel import Kernel, Run
from vaecourse.classroom.records import KEY, Question, Verdict
from vaecourse.classroom.sessions import ANSWER_SECONDS, GIVEN_SECONDS, Session
from vaecourse.classroom.sheets import ALL_POINTS, SheetCell
from vaecourse.classroom.submissions import Submission, defined, submission

WIDTH = 96  # characters of a line of the report
LATE = f"it was stopped after {ANSWER_SECONDS} seconds of computing; does a loop never end?"
LOUD = "it prints more than a million characters; does it print in a loop?"
DEAD = "the kernel died; does it call exit, or fill the memory?"


@dataclass(frozen=True)
class Report:
    """What a check says: a verdict for each question, and what is wrong with the cells."""

    submission: Submission
    verdicts: tuple[Verdict, ...]
    read: dict[str, bool]  # questions that a person reads: whether something is written
    findings: tuple[str, ...]

    def __str__(self) -> str:
        """The report as a student reads it: a line a question, the sum, and what to mend."""
        lines = [f"{self.submission.sheet.assignment}, release {self.submission.sheet.release}", ""]
        for verdict in self.verdicts:
            lines += _row(verdict)
        for read in self.submission.sheet.read:
            state = "written" if self.read[read.name] else "not answered yet"
            lines.append(f"{read.name:6}  – of {read.points:>3}  {state}; read by a person")
        earned, visible = sum(v.points for v in self.verdicts), sum(v.of for v in self.verdicts)
        lines += [
            "",
            f"{earned} of {visible} points by the visible checks; {ALL_POINTS - visible} points "
            "are given by a person.",
            "The grade is found with other inputs, so it can be lower.",
        ]
        if self.findings:
            lines += ["", "To mend:", *map(_item, self.findings)]
        return "\n".join(lines)


def check_notebook(path: Path) -> Report:
    """Check the visible part of every question of a notebook, in a few seconds.

    Raises CourseError where it is no notebook, or of no assignment.
    """
    found = submission(path)
    folder = path.absolute().parent
    with Session(lambda: Kernel(folder)) as session:
        cells = _Cells(found, session)
        verdicts = tuple(cells.verdicts())
    stubs = {cell.question: cell.source for cell in found.sheet.cells if cell.role == "read"}
    answered = {
        read.name: read.name in found.answers
        and found.answers[read.name].source.strip() != stubs[read.name].strip()
        for read in found.sheet.read
    }
    return Report(found, verdicts, answered, (*found.findings, *cells.findings))


class _Cells:
    """The cells of a submission, run in order in a session."""

    def __init__(self, handed: Submission, session: Session) -> None:
        self.handed = handed
        self.session = session
        self.failed: dict[str, str] = {}  # what the answer cell of a question ended with
        self.findings: list[str] = []

    def verdicts(self) -> Iterator[Verdict]:
        """A verdict for each question, in order; what brings the kernel down costs no other."""
        for cell in self.handed.sheet.cells:
            if cell.kind == "code" and cell.role == "check":
                yield self._check(cell)
            elif cell.kind == "code" and cell.role in ("text", "answer"):
                self._run(cell)  # not the experiments, nor the score

    def _run(self, cell: SheetCell) -> None:
        """Run a cell, the student's own if it is an answer."""
        name = cell.question or cell.id
        answer = self.handed.answers.get(name)
        source = answer.source if answer else cell.source
        run = self.session.run(source, ANSWER_SECONDS if answer else GIVEN_SECONDS, is_kept=True)
        if run.status != "ok":
            place = f"cell {answer.number}" if answer else "a given cell"
            self.failed[name] = f"{place} cannot be run: {self._reason(run, name)}"
            if not cell.question:
                self.findings.append(f"{name}: {self.failed[name]}")

    def _check(self, cell: SheetCell) -> Verdict:
        question = next(q for q in self.handed.sheet.questions if q.name == cell.question)
        if question.name in self.failed:
            return _error(question, self.failed[question.name])
        run = self.session.run(cell.source, ANSWER_SECONDS, is_kept=False)
        for output in run.outputs:
            about = output.get("metadata", {})
            if "verdict" in about.get(KEY, {}):
                verdict = Verdict(**about[KEY]["verdict"])
                return replace(verdict, hint=_about_names(self.handed, cell.question, verdict.hint))
        return _error(question, self._reason(run, question.name))

    def _reason(self, run: Run, question: str) -> str:
        if run.error == "ModuleNotFoundError":
            return f"{run.text}; the course does without it: leave the import out"
        return _about_names(self.handed, question, _said(run))


def _row(verdict: Verdict) -> list[str]:
    head = f"{verdict.name:6} {verdict.points:>2} of {verdict.of:>3}  "
    return textwrap.wrap(
        verdict.words, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
    )


def _item(finding: str) -> str:
    return textwrap.fill(finding, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _said(run: Run) -> str:
    words = {"late": LATE, "loud": LOUD, "dead": DEAD}
    text = " ".join(run.text.split())[:300]
    return words.get(run.status, f"{run.error}: {text}")


def _error(question: Question, reason: str) -> Verdict:
    return Verdict(question.name, "error", 0, question.points, reason)


def _released(handed: Submission, question: str) -> str:
    """What an answer cell held when it was released."""
    cells = (c for c in handed.sheet.cells if (c.role, c.question) == ("answer", question))
    return next((cell.source for cell in cells), "")


def _about_names(handed: Submission, question: str, said: str) -> str:
    """An error about a name that is not defined, with where it is defined, if anywhere."""
    found = re.search(r"NameError: name '(\w+)' is not defined", said)
    if not found:
        return said
    name = found[1]
    answer = handed.answers.get(question)
    if name in defined(_released(handed, question)):
        own = sorted(defined(answer.source)) if answer else []
        instead = f"; it defines {', '.join(own)}" if own else ""
        return f"no answer cell defines {name}{instead}; give it its name back"
    others = [c.question for c in handed.sheet.cells if c.role == "answer"]
    for other in others:
        if name in defined(_released(handed, other)):
            return f"{question} uses {name}, the answer to {other}; mend that first"
    where = [cell.number for cell in handed.handed if name in defined(cell.source)]
    if not where:
        return f"restart and run all first: {question} uses a variable no cell defines: {name}"
    return (
        f"{question} uses {name}, which cell {where[0]} defines; only answer cells are taken, in "
        f"their order: define it in the answer cell of {question}"
    )
