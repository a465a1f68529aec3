"""Where progress bars go. Text, because a notebook's own bars are widgets, lost with the kernel."""

import sys
from typing import TextIO


def place() -> TextIO:
    """In a notebook what a cell prints (Jupyter shows errors on red); else the terminal's errors,
    so that what is printed can go into a file."""
    ipython = sys.modules.get("IPython")
    in_kernel = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    return sys.stdout if in_kernel else sys.stderr
