"""Who examines submissions: judges on this machine, or those of a Dask cluster's workers."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from vaecourse.classroom import judged, judges
from vaecourse.classroom.jail import Isolation, isolation
from vaecourse.classroom.judged import Job, Judged
from vaecourse.errors import CourseError

What = TypeVar("What")


class Workers(NamedTuple):
    """Where jobs go, and how many at most are on their way at a time."""

    executor: Executor
    at_once: int


@contextmanager
def here(at_once: int) -> Iterator[Workers]:
    """Judges on this machine, a thread each; they end when this does."""
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="judge")
    try:
        yield Workers(pool, 2 * at_once)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        judges.kill_all()
        pool.shutdown()
        judges.end_all()


@contextmanager
def on_cluster(address: str, *, needs_jail: bool) -> Iterator[Workers]:
    """The workers of a Dask cluster. Raises CourseError where one of them has no jail."""
    from vaecourse.notebooks.cluster import connected

    with connected(address) as client:
        if needs_jail:
            found: dict[str, Isolation] = client.run(isolation)
            for worker, (level, why) in found.items():
                if level == "none":
                    raise CourseError(
                        f"the worker {worker} has no jail: {why}; mend that, or give --no-sandbox"
                    )
        executor = client.get_executor(pure=False)
        try:
            yield Workers(executor, 4 * sum(client.ncores().values()))
        finally:
            client.run(judges.kill_all, on_error="ignore")


def answers(workers: Workers, jobs: Iterable[tuple[What, Job]]) -> Iterator[tuple[What, Judged]]:
    """What each job came to, as soon as it is known; no more jobs are made than are on their way.

    A worker that dies may take along others' jobs, so what was lost is asked once more, alone.
    """
    lost: list[tuple[What, Job]] = []
    for what, job, future in _ended(workers, jobs):
        if future.exception() is None:
            yield what, judged.judged(future.result())
        else:
            lost.append((what, job))
    for what, _job, future in _ended(workers._replace(at_once=1), lost):
        problem = future.exception()
        if problem is None:
            yield what, judged.judged(future.result())
        else:
            reason = " ".join(f"{type(problem).__name__}: {problem}".split())[:300]
            yield what, Judged(f"its worker failed ({reason})")


def _ended(
    workers: Workers, jobs: Iterable[tuple[What, Job]]
) -> Iterator[tuple[What, Job, "Future[str]"]]:
    on_their_way: dict[Future[str], tuple[What, Job]] = {}
    waiting = iter(jobs)
    while True:
        while len(on_their_way) < workers.at_once and (one := next(waiting, None)) is not None:
            future = workers.executor.submit(judges.ask, judged.encode(one[1]))
            on_their_way[future] = one
        if not on_their_way:
            return
        done, _ = wait(on_their_way, return_when=FIRST_COMPLETED)
        for future in done:
            what, job = on_their_way.pop(future)
            yield what, job, future
