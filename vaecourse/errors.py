"""The error that a user can mend: one line that says what was expected, what came, what to try."""

from collections.abc import Iterable
from difflib import get_close_matches


class CourseError(ValueError):
    """Something the user can put right.

    The command line prints it as one line and exits with status 1; a notebook shows the same line
    and no traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> CourseError:
    """The error for a name that is none of `known`, with the nearest of them offered."""
    known = sorted(known)
    if not known:
        return CourseError(f"there is no {kind} {name!r}; there is none at all")
    near = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"try {known[0]!r}"
    return CourseError(f"there is no {kind} {name!r}; expected one of {', '.join(known)}; {hint}")
