"""Assignments: asked, released, checked by the student.

From below: `values` (prints of values), `questions` (an answer → a verdict), `sheets` (what is
known of a release), `asking` (what stands in cells), `cells`, `release`, `checking`.
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
