"""`python tests/spelling.py` finds misspelt words in text, code and notebooks: codespell does.

In texts it finds American spellings too, by codespell's own list read backwards: this course is
written in British English. What it may skip stands in pyproject.toml, under codespell.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import codespell_lib

ROOT = Path(__file__).parents[1]
BRITISH = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
# right in British English too, in another sense; "amortize" is the field's own term
RIGHT = {"amortize", "biased", "practice", "program", "programs", "story"}
NO_PROSE = r"```.*?```|`[^`]*`|\]\([^)]*\)|\[[^\]]*\]|<[^>]*>|https?://\S+"


def american(text: str) -> list[tuple[str, str]]:
    """The American words of a text in Markdown, each with the British one; not those of code.

    What stands in brackets is mostly a title, which is spelt as its authors did.
    """
    words = re.findall(r"[A-Za-z]+", re.sub(NO_PROSE, " ", text, flags=re.DOTALL))
    return [(word, SPELLINGS[word.lower()]) for word in words if word.lower() in SPELLINGS]


def _spellings() -> dict[str, str]:
    lines = BRITISH.read_text(encoding="utf-8").splitlines()
    pairs = (line.rstrip(",").split("->") for line in lines)
    return {wrong: right for right, wrong in pairs if wrong not in RIGHT}


SPELLINGS = _spellings()


def texts() -> Iterator[tuple[Path, str]]:
    """The texts of the course, each with its file."""
    for folder in (ROOT, ROOT / "book", ROOT / "book" / "contributing", ROOT / "solutions"):
        for file in sorted(folder.glob("*.md")):
            yield file, file.read_text(encoding="utf-8")
        for file in sorted(folder.glob("*.ipynb")):
            cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
            prose = [cell["source"] for cell in cells if cell["cell_type"] == "markdown"]
            yield file, "\n\n".join(map("".join, prose))


def main() -> int:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = tracked.stdout.decode().split("\0")
    files = [name for name in names if name and (ROOT / name).exists()]
    done = subprocess.run([sys.executable, "-m", "codespell_lib", *files], cwd=ROOT, check=False)
    found = [(file, word, right) for file, text in texts() for word, right in american(text)]
    for file, word, right in found:
        print(f"{file.relative_to(ROOT)}: {word} ==> {right}, as the British write")
    return done.returncode or bool(found)


if __name__ == "__main__":
    sys.exit(main())
