"""Running chapters on a Dask cluster: each at some worker, and given back as soon as it is done."""

import asyncio
import os
import pkgutil
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil

from vaecourse import __version__
from vaecourse.errors import CourseError
from vaecourse.notebooks.kernels import KERNEL_ENV, execute

if TYPE_CHECKING:
    from distributed import Client, Future

    from vaecourse.notebooks.running import Job

ANSWER_SECONDS = 5  # for the scheduler
WORKER_SECONDS = 30  # for a first worker
STOP_SECONDS = 20  # for the workers to end what they run
NEEDED = ("vaecourse:__version__", "papermill:__version__")
RUN_VARIABLE = "VAECOURSE_RUN"  # in the environment of a kernel: which run has started it


def on_cluster(
    address: str, jobs: Sequence["Job"]
) -> Generator[tuple["Job", str | CourseError], None, None]:
    """Each job, in the order in which they end, with the notebook that a worker made of it, or with
    what went wrong.

    A dying worker takes along all that were given to it, so those are tried again, one by one. Who
    stops asking, by Ctrl-C or otherwise, ends the kernels that still run. Raises CourseError where
    no scheduler, or no worker that has the course, answers.
    """
    with connected(address) as client:
        from distributed import KilledWorker

        print(f"running {len(jobs)} on the cluster at {address}", flush=True)
        groups = [list(jobs)]
        while groups:
            group = groups.pop(0)
            with closing(_ended(client, group)) as ended:
                for job, future in ended:
                    if isinstance(future.exception(), KilledWorker) and len(group) > 1:
                        groups.append([job])
                    else:
                        yield job, _outcome(job, future)


@contextmanager
def connected(address: str) -> Generator["Client", None, None]:
    """A client of the cluster whose scheduler has this address.

    Raises CourseError where no scheduler, or no worker that has the course, answers.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CourseError("--cluster needs distributed; try: pip install distributed") from None
    _check_scheduler(address)
    with Client(address, timeout=ANSWER_SECONDS) as client:
        _check_workers(client)
        yield client


def _ended(
    client: "Client", jobs: Sequence["Job"]
) -> Generator[tuple["Job", "Future"], None, None]:
    """Each job, as soon as it has ended, with its future."""
    from distributed import as_completed

    run = uuid4().hex
    env = KERNEL_ENV | {RUN_VARIABLE: run}
    futures = {}
    for job in jobs:
        folder = str(job.path.parent)
        future = client.submit(execute, job.text, job.parameters, folder, env=env, pure=False)
        futures[future] = job
    try:
        for future in as_completed(list(futures)):
            yield futures[future], future
    finally:
        waiting = [future for future in futures if not future.done()]
        if waiting:
            _stop(client, waiting, run)


def _outcome(job: "Job", future: "Future") -> str | CourseError:
    try:
        return str(future.result())
    except CourseError as error:
        return CourseError(f"{job.copy.stem}: {error}")
    except Exception as error:  # whatever a worker died of
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return CourseError(f"{job.copy.stem} failed on the cluster: {reason}")


# -- before ------------------------------------------------------------------------------------


def _check_scheduler(address: str) -> None:
    """CourseError unless a Dask scheduler answers; a `Client` asks any other server for ever."""
    try:
        kind = asyncio.run(asyncio.wait_for(_kind(address), ANSWER_SECONDS))
    except TimeoutError:
        problem = f"nothing that speaks Dask's language in {ANSWER_SECONDS} s"
    except Exception as error:  # each protocol has its own
        problem = " ".join(str(error).split()) or type(error).__name__
    else:
        if kind == "Scheduler":
            return
        problem = f"a {kind}"
    raise CourseError(
        f"no Dask scheduler answers at {address}: {problem}; start one with: dask scheduler"
    )


async def _kind(address: str) -> str:
    from distributed.core import rpc

    async with rpc(address, timeout=ANSWER_SECONDS) as server:
        identity: dict[str, Any] = await server.identity()
        return str(identity["type"])


def _check_workers(client: "Client") -> None:
    """CourseError unless there is a worker, and each has what a chapter needs."""
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise CourseError(
            f"the Dask scheduler has had no worker for {WORKER_SECONDS} s; start one with: "
            "dask worker ADDRESS"
        ) from None
    for name in NEEDED:
        package = name.partition(":")[0]
        found = client.run(pkgutil.resolve_name, name, on_error="return")
        for worker, version in found.items():
            if isinstance(version, Exception):
                raise CourseError(
                    f"the worker {worker} lacks {package}: {version}; install it there"
                )
            if package == "vaecourse" and version != __version__:
                raise CourseError(
                    f"expected vaecourse {__version__} at each worker, got {version} at {worker}; "
                    "install the same there"
                )


# -- ending ------------------------------------------------------------------------------------


def _stop(client: "Client", futures: Sequence["Future"], run: str) -> None:
    """Let nothing of a run start any more, and end its kernels, until no task of it is left."""
    keys = [future.key for future in futures]
    client.cancel(futures)
    end = time.monotonic() + STOP_SECONDS
    while any(client.run(end_kernels, run, keys, on_error="ignore").values()):
        if time.monotonic() > end:
            print("warning: some kernels may still run on the cluster", flush=True)
            return
        time.sleep(0.1)


def end_kernels(run: str, keys: Sequence[str], dask_worker: Any) -> int:
    """At a worker: end the kernels of a run; how many of its tasks are still there."""
    for process in psutil.Process(os.getpid()).children(recursive=True):
        with suppress(psutil.Error):
            if process.environ().get(RUN_VARIABLE) == run:
                process.kill()
    return sum(key in dask_worker.state.tasks for key in keys)
