"""A paper run in a jail and judged by nbval: what each question's cell printed is compared here.

nbval compares what a kernel prints with a stored output in the process of pytest, where a
student's code does not reach. What nbval lacks is added by a plugin: a kernel that dies is noticed,
an error in a reply is an error though none was shown, limits on time and bytes, and nothing but a
plain pass counts.
"""

import contextlib
import io
import math
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

from vaecourse.classroom.judged import JUDGED_SECONDS, Outcome
from vaecourse.classroom.kernel import Kernel, Run
from vaecourse.classroom.records import KEY
from vaecourse.classroom.sessions import GIVEN_SECONDS, Session

WAITED_SECONDS = 30  # of the clock, likewise
SESSION_SECONDS = 240.0  # of the clock, for a whole paper; usually it takes about ten
MOST_PRINTED = 200_000  # characters of what a question's cell prints that are kept
ARGUMENTS = (
    *("-q", "-c", os.devnull, "-p", "no:cacheprovider"),
    *("--disable-plugin-autoload", "-p", "nbval.plugin"),
    *("-p", "no:unraisableexception"),  # it looks through all objects, for a second
)


class Ran(NamedTuple):
    """What a paper came to, by cell: its check cells, and of the others those that failed."""

    outcomes: dict[str, Outcome]
    failed: dict[str, Outcome]
    num_kernels: int
    cpu_seconds: float  # of the kernels
    problem: str  # where pytest itself failed


def run_paper(paper: Path, start: Callable[[], Kernel]) -> Ran:
    """Run the paper in a file, in kernels that `start` starts, and let nbval judge it."""
    plugin = Plugin(start)
    with (
        contextlib.redirect_stdout(io.StringIO()) as said,
        contextlib.redirect_stderr(said),
    ):
        pytest.main([*ARGUMENTS, f"--rootdir={paper.parent}", str(paper)], plugins=[plugin])
    problem = "" if plugin.is_done else said.getvalue()[-2000:] or "pytest ended early"
    return Ran(plugin.outcomes, plugin.failed, plugin.num_kernels, plugin.cpu_seconds, problem)


# -- the plugin --------------------------------------------------------------------------------


class Plugin:
    """Collects papers with nbval's classes, and keeps what came of their cells."""

    def __init__(self, start: Callable[[], Kernel]) -> None:
        self.start = start
        self.outcomes: dict[str, Outcome] = {}
        self.failed: dict[str, Outcome] = {}
        self.num_kernels = 0
        self.cpu_seconds = 0.0
        self.is_done = False

    def pytest_collect_file(self, file_path: Path, parent: Any) -> Any:
        if file_path.suffix != ".ipynb":
            return None
        paper = PaperFile.from_parent(parent, path=file_path)
        paper.plugin = self
        return paper

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        report = yield
        if call.when == "call" and isinstance(item, PaperCell):
            is_passed = report.outcome == "passed" and not hasattr(report, "wasxfail")
            self._keep(item, is_passed)
        return report

    def pytest_sessionfinish(self) -> None:
        self.is_done = True

    def _keep(self, item: "PaperCell", is_passed: bool) -> None:
        streams = (o for o in item.run_.outputs if o["output_type"] == "stream")
        printed = "".join(str(o.get("text")) for o in streams if o.get("name") == "stdout")
        run = item.run_
        outcome = Outcome(is_passed, run.status, run.error[:100], printed[:MOST_PRINTED])
        if item.options["check"]:
            self.outcomes[item.cell.id] = outcome
        elif not is_passed:
            self.failed[item.cell.id] = outcome


class PaperFile(IPyNbFile):
    """A paper, run in a session that outlives what its cells do."""

    plugin: Plugin

    def collect(self) -> Iterator["PaperCell"]:
        self.compare_outputs = False  # but where a cell's tag says so
        for item in super().collect():
            yield PaperCell.from_parent(
                self, name=item.name, cell_num=item.cell_num, cell=item.cell, options=item.options
            )

    def setup(self) -> None:
        self.session = Session(self.plugin.start, SESSION_SECONDS)
        self.session.__enter__()

    def teardown(self) -> None:
        self.session.__exit__(None, None, None)
        self.plugin.num_kernels = self.session.num_starts
        self.plugin.cpu_seconds = self.session.cpu_seconds


class PaperCell(IPyNbCell):
    """A cell of a paper."""

    run_ = Run("late")

    def format_output_compare(self, key: str, left: Any, right: Any) -> None:
        """Nobody reads the difference, and to find one can take minutes."""

    def runtest(self) -> None:
        """Run the cell in the session, and let nbval compare what it printed."""
        is_check = self.options["check"]
        is_given = self.cell.metadata.get(KEY, {}).get("role") == "text"
        seconds = (GIVEN_SECONDS, math.inf) if is_given else (JUDGED_SECONDS, WAITED_SECONDS)
        self.run_ = self.parent.session.run(self.cell.source, *seconds, is_kept=not is_check)
        if self.run_.status != "ok":
            self.raise_cell_error(f"{self.run_.status} {self.run_.error}")
        outputs = coalesce_streams([nbformat.from_dict(o) for o in self.run_.outputs])
        if is_check and not self.compare_outputs(outputs, coalesce_streams(self.cell.outputs)):
            self.raise_cell_error("Cell outputs differ", "\n".join(self.comparison_traceback))
