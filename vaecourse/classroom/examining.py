"""A submission examined: read, put on a paper, run and judged, in this process."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat

from vaecourse.classroom import judging, keys, papers, tampering
from vaecourse.classroom.confined import jailed_kernel
from vaecourse.classroom.judged import Job, Judged
from vaecourse.classroom.kernel import Kernel
from vaecourse.classroom.submissions import submitted
from vaecourse.classroom.warm import WarmJail, WarmKernel
from vaecourse.errors import CourseError


def examine(job: Job, warm: WarmJail | None = None) -> Judged:
    """What comes of a submission; what is wrong with it comes as `Judged.error`.

    Its kernels run in the warm jail, or each in a jail of its own where there is none.
    """
    began = time.monotonic(), time.process_time()
    try:
        handed = submitted(job.text, job.name)
        assignment = handed.sheet.assignment
        if assignment not in job.keys:
            return Judged(f"there is no key of {assignment}", assignment)
        key = keys.decode(job.keys[assignment])
        paper = papers.paper(handed, key, None if job.only is None else set(job.only))
        found, hooks = tampering.findings(handed), tuple(tampering.hooks(handed))
        text = nbformat.writes(paper.notebook)
        with tempfile.TemporaryDirectory(prefix="vaecourse-") as folder:
            place = Path(folder, "paper.ipynb")
            place.write_text(text, encoding="utf-8")
            ran = judging.run_paper(place, _starting(job, Path(folder), warm))
    except (CourseError, RecursionError, MemoryError) as problem:
        return Judged(str(problem)[:1000] or type(problem).__name__)
    return Judged(
        ran.problem,
        assignment,
        paper.why_not,
        paper.answers,
        found,
        text,
        ran.outcomes,
        ran.failed,
        ran.num_kernels,
        round(time.monotonic() - began[0], 2),
        round(time.process_time() - began[1] + ran.cpu_seconds, 2),
        hooks[: tampering.MOST],
    )


def _starting(job: Job, folder: Path, warm: WarmJail | None) -> Callable[[], Kernel]:
    if job.isolation == "none":
        scratch = folder / "scratch"
        scratch.mkdir()
        return lambda: Kernel(scratch)

    def start() -> Kernel:
        if warm and warm.is_idle():
            return Kernel(folder, WarmKernel(warm))
        return Kernel(folder, jailed_kernel(job.limits))

    return start
