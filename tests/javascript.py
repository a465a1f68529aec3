"""`python tests/javascript.py` reads all JavaScript as an engine does, and runs none.

Each file alone, and the explorers' files as they are joined, where a name declared twice is an
error. The engine is the one that Playwright brings along.
"""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import playwright

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "book" / "_static"
JS = ROOT / "vaecourse" / "explorer" / "js"
READ = """
const { readFileSync } = require("fs");
for (const [filename, source] of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    new (require("vm").Script)(source, { filename });
  } catch (problem) {
    console.log(problem.stack.split("\\n    at ")[0].trim());
    process.exitCode = 1;
  }
}
"""


def files() -> list[tuple[str, str]]:
    """Name and source of each file."""
    found = [*sorted(JS.glob("*.js")), *sorted(STATIC.glob("*.js"))]
    return [(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in found]


def joined() -> list[tuple[str, str]]:
    """Name and source of each script that a page or a notebook gets of an explorer."""
    joining = runpy.run_path(str(JS.parent / "script.py"))  # without the package, and so torch
    script_for, file_of_page = joining["script_for"], joining["file_of_page"]
    found = [(f"explorer {kind}, its files joined", script_for(kind)) for kind in joining["KINDS"]]
    found += [(f"{file} of a page", file_of_page(file)) for file in joining["FILES"]]
    return [*found, ("core of a page", joining["core_of_page"]())]


def wrong(scripts: list[tuple[str, str]]) -> str:
    """What is wrong with scripts, each with its file and line; "" for nothing."""
    engine = "node.exe" if sys.platform == "win32" else "node"
    command = [str(Path(playwright.__file__).parent / "driver" / engine), "-e", READ]
    told = json.dumps(scripts)
    done = subprocess.run(command, input=told, stdout=subprocess.PIPE, encoding="utf-8")
    return done.stdout or ("the engine did not run" if done.returncode else "")


if __name__ == "__main__":
    sys.exit(wrong(files()) or wrong(joined()) or 0)
