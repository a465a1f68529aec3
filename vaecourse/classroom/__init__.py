"""Assignments: asked, released, checked by the student.

From below: `values` (prints of values), `questions` (an answer → a verdict), `sheets` (what is
known of a release), `asking` (what stands in cells), `cells`, `release`, `checking`.
"""

from vaecourse.classroom.asking import ask, check, points, score

__all__ = ["ask", "check", "points", "score"]
