"""What in a submission meets the grader rather than the question, for a person to look at.

A finding accuses nobody: a student may well have tried a debugger. But the function that asks runs
beside the answer, so an answer that reaches for it could make a yes of each no that it gives; and
so no points of an answer with a hook stand before a person has read it.
"""

import re
from collections.abc import Iterator

from vaecourse.classroom.papers import MARKER, plain
from vaecourse.classroom.submissions import LONGEST_ANSWER, Submission

# what answers have no use for: as it stands in code, and what it could do
HOOKS = {
    r"ast_transformers|input_transformer|events\s*\.\s*register|pre_run_cell|post_run_cell": (
        "changes how cells are run"
    ),
    r"showtraceback|set_custom_exc|excepthook": "changes how errors are shown",
    r"displayhook|display_pub|sys\s*\.\s*__?stdout|sys\s*\.\s*stdout\s*=": (
        "changes how values are shown"
    ),
    r"get_ipython|kernelapp|iopub|ipykernel": "reaches for the kernel",
    r"_getframe|currentframe|inspect\s*\.\s*stack|settrace|setprofile|gc\s*\.\s*get_|co_consts": (
        "looks into who calls it"
    ),
    r"vaecourse\s*\.\s*classroom|vaecourse\s+import\s+[^\n]{0,200}\bclassroom\b": (
        "reaches for the check itself"
    ),
    r"os\s*\.\s*_exit|os\s*\.\s*kill|os\s*\.\s*fork|os\s*\.\s*abort|\bctypes\b": (
        "ends or splits its process"
    ),
    r"\bsubprocess\b|os\s*\.\s*(system|popen|exec|spawn)|^[^\S\n]*!|multiprocessing": (
        "starts other programs"
    ),
    r"\bsocket\b|\burllib\b|\brequests\b|\bhttp\s*\.\s*client": "uses the network",
    r"__builtins__|\bbuiltins\b|setattr\(\s*torch|torch\s*\.\s*(allclose|equal)\s*=(?!=)": (
        "replaces what others use"
    ),
    r"(?<![.\w])(exec|eval|compile|__import__)\s*\(|\bimportlib\b|sys\s*\.\s*modules": (
        "finds or makes code when it runs"
    ),
}
MOST, LONGEST = 100, 400  # lines that anybody reads, and characters of one
OUR_TAGS = ("raises-exception", "skip-execution")


def findings(handed: Submission) -> tuple[str, ...]:
    """A line for each thing that a person should see: cells that were changed, hooks, markers."""
    found = [*hooks(handed), *handed.findings, *_in_metadata(handed)]
    more = [f"and {len(found) - MOST:,} more"] if len(found) > MOST else []
    return (*(plain(line[:LONGEST]) for line in found[:MOST]), *more)


def hooks(handed: Submission) -> Iterator[str]:
    """A line for each thing in an answer that meets the grader rather than the question."""
    for question, cell in handed.answers.items():
        if len(cell.source) > LONGEST_ANSWER:
            yield f"{question}: {len(cell.source):,} characters; {LONGEST_ANSWER:,} are read"
            continue
        if cell.kind != "code":
            continue
        if MARKER.search(cell.source):
            yield f"{question}: holds a comment by which a cell asks not to be compared"
        for pattern, what in HOOKS.items():
            if found := re.search(pattern, cell.source, re.MULTILINE):
                yield f"{question}: {what} ({' '.join(found[0].split())[:40]})"


def _in_metadata(handed: Submission) -> Iterator[str]:
    for cell in handed.handed:
        tags = [t for t in cell.tags if t.startswith("nbval-") or t in OUR_TAGS]
        if tags:
            yield f"cell {cell.number} has tags that mean something to a grader: {', '.join(tags)}"
    if handed.language not in ("", "python"):
        yield f"the notebook asks for a kernel of another language: {handed.language[:40]}"
