"""Everything that comes out of a folder of grades: tables and pages."""

from pathlib import Path

from vaecourse import files
from vaecourse.classroom import classreport, feedback, gradebook, manual, sheets, similarity
from vaecourse.classroom.folder import Folder
from vaecourse.classroom.grading import Round


def write_results(out: Path, done: Round, *, look_for_similar: bool = False) -> str:
    """Write the tables and pages of all grades in a folder; gives a summary for the command line.

    Raises CourseError for a `manual.csv` that cannot be understood; the grades are kept.
    """
    judged = Folder(out).grades()
    given = manual.read(out / "manual.csv")
    manual.check(given, judged)
    grades = [manual.apply(grade, given) for grade in judged]
    manual.write(out / "manual.csv", given, judged)
    files.write(out / "gradebook.csv", gradebook.gradebook(grades))
    for assignment in sorted({grade.assignment for grade in grades if grade.assignment}):
        files.write(out / "moodle" / f"{assignment}.csv", gradebook.moodle(grades, assignment))
        files.write(out / "canvas" / f"{assignment}.csv", gradebook.canvas(grades, assignment))
    for grade in grades:
        sheet = sheets.load(grade.assignment) if grade.assignment else None
        files.write(out / classreport.feedback_file(grade), feedback.page(grade, sheet))
    pairs = similarity.similar(grades) if look_for_similar else []
    report = classreport.page(grades, done.changes, done.refused, pairs)
    files.write(out / "report.html", report)
    lines = [
        f"{done.num_judged} judged now, {done.num_kept} kept from before",
        *_counts([grade.status for grade in grades]),
        *(f"not taken: {line}" for line in done.refused[:10]),
        *(f"{c.student} {c.question}: {c.before} → {c.after} points" for c in done.changes[:20]),
    ]
    if look_for_similar:
        files.write(out / "similarity.html", similarity.page(pairs, grades))
        lines.append(f"{len(pairs)} pairs of near-identical answers: {out / 'similarity.html'}")
    return "\n".join([*lines, f"open {out / 'report.html'}"])


def _counts(statuses: list[str]) -> list[str]:
    kinds = ("graded", "partly graded", "needs review")
    return [f"{statuses.count(kind):>5} {kind}" for kind in kinds if kind in statuses]
