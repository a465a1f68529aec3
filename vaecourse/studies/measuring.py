"""Studies that measure what no report did: what they find goes to `results/<study>.json`."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaecourse import files
from vaecourse.provenance import commit, processor, versions
from vaecourse.studies import applications, disentangling, smiles
from vaecourse.studies.run import Settings

# a study's name → what measures it: (settings, number of seeds, say) -> figures by seed or setting
MEASURED: dict[str, Callable[[Settings, int, Callable[[str], None]], dict[str, Any]]] = {
    "applications": applications.measure,
    "faces": disentangling.measure,
    "smiles": smiles.measure,
}


def measure(
    study: str, settings: Settings, num_seeds: int, say: Callable[[str], None] = print
) -> None:
    """Train what a study of MEASURED needs, measure it, and keep the figures.

    Raises CourseError, before anything is trained, for a folder that cannot be written, and for
    data that is not here.
    """
    files.check_writable(settings.results)
    start = time.perf_counter()
    found = MEASURED[study](settings, num_seeds, say)
    known = {
        "study": study,
        "commit": commit(),
        "versions": versions(),
        "device": f"cpu: {processor()}",
        "seconds": round(time.perf_counter() - start, 1),
        "measured": found,
    }
    path: Path = settings.results / f"{study}.json"
    files.write(path, json.dumps(_rounded(known), indent=1, ensure_ascii=False) + "\n")
    say(f"{study}: kept in {path.name}")


def _rounded(value: Any) -> Any:
    """Four decimals are more than any figure here is known to."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value
