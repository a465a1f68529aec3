"""Assignments: asked, released, checked by the student, graded.

To ask, release and check, from below: `records`, `values` (prints of values), `questions` (an
answer → a verdict), `sheets` (what is known of a release), `asking` (what stands in cells),
`cells`, `release`, `submissions` (the answers in a notebook), `kernel`, `sessions`, `checking`.

To grade: `warden`, `jail`, `confined`, `clearing`, `warm_inside`, `warm` (kernels in jails);
`keys`, `emitting`, `keymaking` (what right answers print); `archives`, `sources`, `naming`,
`intake` (what was handed in); `papers`, `tampering`, `judging`, `examining`, `judges`, `workers`
(from a submission to what it printed); `marks`, `verdicts`, `folder`, `grading` (from there to kept
grades); `manual`, `gradebook`, `pages`, `drawings`, `winnowing`, `similarity`, `feedback`,
`classreport`, `reports` (what people get).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaecourse.classroom.asking import ask, check, points, score

__all__ = ["ask", "check", "points", "score"]


def __getattr__(name: str) -> Any:
    """What stands in cells, found when it is used: it imports torch, and `jail` goes without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vaecourse.classroom import asking

    return getattr(asking, name)
