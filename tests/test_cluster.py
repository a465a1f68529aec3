import pytest
from conftest import LittleBook, edit

from vaecourse import notebooks
from vaecourse.errors import CourseError


def test_a_dask_cluster_gives_the_same_chapter_as_this_machine(book: LittleBook) -> None:
    from distributed import LocalCluster

    path = book.add("01_a", "k = 1", "import os\nprint(k, os.getcwd())")
    notebooks.run(save=True)
    here = path.read_bytes()
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        notebooks.run(save=True, cluster=cluster.scheduler_address)
        assert path.read_bytes() == here
        edit(path, "k = 1", "k = 0")
        edit(path, "os.getcwd()", "1 / k")
        with pytest.raises(CourseError, match=r"cell 2 \(import os\): ZeroDivisionError"):
            notebooks.run(save=True, cluster=cluster.scheduler_address)
