"""Running chapters on a Dask cluster."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vaecourse.errors import CourseError
from vaecourse.notebooks.kernels import execute

if TYPE_CHECKING:
    from vaecourse.notebooks.running import Job


def on_cluster(address: str, jobs: Sequence["Job"]) -> Iterator[tuple["Job", str | CourseError]]:
    """Each job with the notebook that a worker made of it, or with what went wrong."""
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--cluster needs distributed; try: pip install distributed") from None
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"no Dask scheduler answers at {address}: {error}; start one with: dask scheduler"
        ) from None
    with client:
        futures = [
            client.submit(execute, job.text, job.parameters, str(job.path.parent), pure=False)
            for job in jobs
        ]
        for job, future in zip(jobs, futures, strict=True):
            print(f"waiting for {job.path.stem}", flush=True)
            try:
                yield job, future.result()
            except Exception as error:  # whatever a worker died of
                yield job, CourseError(f"{job.path.stem} failed on the cluster: {error!r}")
