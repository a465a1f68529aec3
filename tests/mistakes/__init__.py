"""What a reader may write wrongly in a chapter's "your turn" cells, and must be told of.

A file a chapter. `MISTAKES`: by the cell's id, each typical mistake in place of the line that is
asked for. `STAND_INS`: code in place of cells above that would take a training.
"""

from importlib import import_module
from pathlib import Path

MISTAKES: dict[str, list[str]] = {}  # by chapter and cell, as 04:turn-kl
STAND_INS: dict[str, str] = {}

for path in sorted(Path(__file__).parent.glob("chapter_*.py")):
    chapter = import_module(f"mistakes.{path.stem}")
    number = path.stem.removeprefix("chapter_")
    MISTAKES |= {f"{number}:{cell}": wrong for cell, wrong in chapter.MISTAKES.items()}
    given = getattr(chapter, "STAND_INS", {})
    STAND_INS |= {f"{number}:{cell}": code for cell, code in given.items()}
