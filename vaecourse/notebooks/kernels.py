"""Executing one notebook with papermill, in a kernel of this very environment."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat

from vaecourse.errors import CourseError
from vaecourse.notebooks.files import code_cells, read, read_text
from vaecourse.notebooks.passes import apply, drop_records_of_the_run

# no bars, no live sliders and no chance order in stored outputs
KERNEL_ENV = {"TQDM_DISABLE": "1", "VAECOURSE_STATIC": "1", "PYTHONHASHSEED": "0"}


def execute(
    notebook: str,
    parameters: dict[str, Any],
    folder: str,
    *,
    bar: bool = False,
    env: Mapping[str, str] = KERNEL_ENV,
) -> str:
    """Notebook JSON in, executed notebook JSON out; an exception of a cell is in its outputs.

    The kernel works in `folder`, or in a scratch folder on a machine that does not have it.
    Raises CourseError where no cell could be run.
    """
    import papermill

    nb = apply([drop_records_of_the_run], nbformat.reads(notebook, as_version=4))
    with TemporaryDirectory(prefix="vaecourse-") as scratch:
        output = Path(scratch, "executed.ipynb")
        try:
            papermill.execute_notebook(
                nb,
                output,
                parameters,
                kernel_name="python3",
                language="python",
                kernel_manager_class=_kernel_manager(env),
                resources={"metadata": {"path": folder if Path(folder).is_dir() else scratch}},
                progress_bar=bar,
            )
        except papermill.PapermillExecutionError:
            pass
        except (Exception, KeyboardInterrupt) as error:  # a dead kernel, a full disk, Ctrl-C …
            return _with_error(output, error)
        return read_text(output)


def _kernel_manager(env: Mapping[str, str]) -> type:
    """A kernel of this environment, whatever kernelspecs the user has installed elsewhere."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    # its own log is noise here: what a cell prints, raises or warns of comes as output
    command = get_kernel_dict(extra_arguments=["--log-level=CRITICAL"])

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(**command, env=dict(env))

    return Kernel


def _with_error(output: Path, error: BaseException) -> str:
    """The notebook in a file with `error` among the outputs of the cell that was running."""
    nb = read(output) if output.exists() else nbformat.v4.new_notebook()
    started = [cell for cell in code_cells(nb) if cell.metadata.papermill.get("start_time")]
    if not started:
        if isinstance(error, KeyboardInterrupt):
            raise error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CourseError(f"the kernel could not run: {reason}; try: vaecourse doctor") from None
    about = {"ename": type(error).__name__, "evalue": str(error), "traceback": []}
    started[-1].outputs.append(nbformat.v4.new_output("error", **about))
    return str(nbformat.writes(nb))
