"""Where a number comes from: the commit of the code, the processor, the versions."""

import os
import platform
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parent


def commit(folder: Path = PACKAGE) -> str:
    """The commit of the code in `folder`, with a plus if it has been changed since.

    "" where the code is not under version control: outside a clone, or installed into a folder
    that happens to lie in another repository. Results and weights that a run has just written are
    no change of code.
    """
    if not _git(folder, "ls-files", "--", "*.py"):
        return ""
    changes = _git(folder, "status", "--porcelain", "--", "*.py")
    return _git(folder, "rev-parse", "HEAD") + ("+" if changes else "")


def processor() -> str:
    """The name of the CPU, as far as the system tells it."""
    if sys.platform == "linux":
        with suppress(OSError):
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """The versions that a trained number may depend on, by name."""
    import torch  # takes seconds; whoever has trained has it already

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,  # tells the build too, as the installed name may not
        "numpy": version("numpy"),
    }


def _git(folder: Path, *arguments: str) -> str:
    """What git prints in `folder`; "" where there is no git or no clone."""
    # a git hook sets GIT_DIR and the like, which would name another repository
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        found = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
