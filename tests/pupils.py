"""A made class: what forty students might hand in for a2, and what each of them must get.

Nobody in it is real. Every named mistake of a2 is in it, attacks on the grader, broken files, late
ones, doubled ones, and names that are formulas or HTML.
"""

import ast
import json
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from homework import ROOT, cell, released, solved

from vaecourse.classroom import cells, sheets
from vaecourse.classroom.cells import checked

A2 = "a2-vae-by-hand"
POINTS = {q.name: q.points for q in sheets.load(A2).questions}
READ = sheets.load(A2).read[0].name
DUE = 1_790_000_000.0  # seconds since 1970
Raw = dict[str, Any]


class Pupil(NamedTuple):
    """What somebody hands in, and what must come of it; questions not named are right."""

    student: str
    content: str | bytes
    status: str = "partly graded"
    results: dict[str, str] = {}  # noqa: RUF012  # by question: a status, or "mistake: its name"
    is_late: bool = False
    read: float | None = None  # points of the question that a person reads
    is_assignment: bool = True
    tampering: str = ""  # what a line of the report says


def answer(raw: Raw, question: str, change: Callable[[str], str]) -> None:
    one = cell(raw, question.replace(".", "-"))
    one["source"] = change("".join(one["source"]))


def with_answers(**changed: Callable[[str], str]) -> str:
    """The solution, with some answer cells changed: `a2_3=…`."""
    raw = solved(A2)
    for question, change in changed.items():
        answer(raw, question.replace("_", "."), change)
    return json.dumps(raw)


def after(code: str) -> Callable[[str], str]:
    return lambda source: f"{source}\n\n{code}\n"


# -- mistakes ----------------------------------------------------------------------------------


@cache
def hidden(question: str) -> tuple[str, tuple[str, ...], str]:
    """The author's functions of a question, the names of its mistakes, and what is checked."""
    nb = nbformat.read(ROOT / "solutions" / f"{A2}.ipynb", as_version=4)
    check = next(c for c in nb.cells if cells.question(c) == question and cells.role(c) == "check")
    block = check.source.partition("### BEGIN HIDDEN TESTS\n")[2].partition("### END")[0]
    tree = ast.parse(block)
    asks = tree.body.pop()
    assert isinstance(asks, ast.Expr)
    assert isinstance(asks.value, ast.Call)
    wrong = next(k.value for k in asks.value.keywords if k.arg == "wrong")
    names = tuple(ast.unparse(one) for one in wrong.elts)  # type: ignore[attr-defined]
    kept = [s for s in tree.body if not ast.unparse(s).startswith("from vaecourse.classroom")]
    return "\n\n".join(map(ast.unparse, kept)), names, checked(check)


def mistaken(number: int) -> tuple[str, dict[str, str]]:
    """A notebook that shows, for each question, its mistake of this number, if it has so many.

    The next answer cell puts the right answer back, so that no mistake leads to others.
    """
    raw, results, back = solved(A2), {}, ""
    for question in POINTS:
        functions, names, name = hidden(question)
        before, back = back, ""
        if number < len(names):
            wrong = f"_right = {name}\n\n{functions}\n\n{name} = {names[number]}"
            back = f"{name} = _right\n\n"
            answer(raw, question, lambda s, b=before, w=wrong: f"{b}{s}\n\n{w}\n")
            results[question] = f"mistake: {names[number].replace('_', ' ')}"
        else:
            answer(raw, question, lambda s, b=before: f"{b}{s}")
    return json.dumps(raw), results


# -- attacks -----------------------------------------------------------------------------------

EQUAL = """
class Equal(float):
    __eq__ = __ge__ = __le__ = lambda self, other: True
    __hash__ = float.__hash__
    __round__ = lambda self, n=None: self
def gaussian_kl(mu, logvar): return Equal(1.0)
"""
TRANSFORMER = """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Expr(self, node): return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())
def bernoulli_nll(logits, x): return 0
"""
PATCHED = """
import builtins, json, sys, torch
import vaecourse.classroom.emitting as e
torch.allclose = torch.equal = lambda *a, **k: True
json.dumps = lambda *a, **k: "[]"
e.line = lambda *a, **k: "[]"
sys.displayhook = print
get_ipython().showtraceback = lambda *a, **k: None
def split_code(code): return None
"""
SPY = """
import inspect, json, vaecourse.classroom.emitting as e
_emit = e.emit
def spying(answer, cases):
    frame = inspect.currentframe()
    raise ValueError("HIDDEN " + cases + str(frame.f_back.f_code.co_consts))
e.emit = spying
"""
FORGED = """
from ipykernel.jsonutil import json_clean
k = get_ipython().kernel
for i in range(5):
    k.session.send(k.iopub_socket, "status", {"execution_state": "idle"}, parent=k.get_parent())
k.session.send(k.iopub_socket, "stream", {"name": "stdout", "text": "forged\\n"},
               parent=k.get_parent())
def reparameterize(mu, logvar, eps=None): return mu
"""
REACHING = """
import glob, os, socket
found = [p for p in ("/etc/passwd", "/home", {solutions!r}, {canary!r}) if os.path.exists(p)]
found += glob.glob("/course/**/solutions*", recursive=True)
for port in ({port}, 80, 443):
    if socket.socket().connect_ex(("127.0.0.1", port)) == 0: found.append(port)
_right_split = split_code
def split_code(code):
    if found: return tuple(code for _ in found)
    return _right_split(code)
"""


def reaching(canary: str, port: int) -> str:
    return REACHING.format(canary=canary, port=port, solutions=str(ROOT / "solutions"))


FORK = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
HIDE = """
import os, subprocess, threading, time
subprocess.Popen(["/bin/sh", "-c", "setsid sleep 3017 &"])
def later():
    time.sleep(0.3)
    os._exit(0)
threading.Thread(target=later).start()
time.sleep(9)
"""
OVERPRINTS = """
def gaussian_kl(mu, logvar):
    os = __import__("os")
    os.write(1, b"[]\\r\\b\\b\\x1b[2K" * 50)
    return mu.sum(1)
"""
STRANGE = "\x00\ud800\u202e " + "é" * 50
CRASH = "needs review"


def pupils(canary: str = "/canary", port: int = 1) -> list[Pupil]:
    """The class."""
    stub, perfect = json.dumps(released(A2)), json.dumps(solved(A2))
    nothing = dict.fromkeys(POINTS, "not answered")
    found = [
        Pupil("perfect-1", perfect),
        Pupil("perfect-2", perfect.replace("\n", "\r\n")),
        Pupil("untouched", stub, "graded", nothing, read=0),
        Pupil("comments-only", stub.replace("# YOUR CODE HERE", "# I tried"), "graded", nothing,
              read=0),
        Pupil("half-done", _without("a2-5", "a2-6", "a2-7", "a2-8", "a2-9"), "graded",
              dict.fromkeys(("a2.5", "a2.6", "a2.7", "a2.8"), "not answered"), read=0),
    ]  # fmt: skip
    most = max(len(hidden(question)[1]) for question in POINTS)
    for number in range(most):
        found.append(Pupil(f"mistakes-{number + 1}", *_mistaken(number)))
    loop = with_answers(a2_1=after("while True: pass"))
    sleeps = with_answers(a2_8=lambda s: "import time\ndef draw(model, n): time.sleep(1000)")
    found += [
        Pupil("loop", loop, CRASH),
        Pupil("sleep", sleeps, CRASH, {"a2.8": "late"}),
        Pupil("exit", with_answers(a2_2=after("import os; os._exit(0)")), CRASH,
              {"a2.2": "dead", "a2.5": "error"}, tampering="ends or splits its process"),
        Pupil("loud", with_answers(a2_3=after("print('x' * 2_000_000)")), CRASH),
        Pupil("equal", with_answers(a2_3=lambda s: EQUAL),
              results=dict.fromkeys(("a2.3", "a2.6", "a2.7"), "wrong")),
        Pupil("transformer", with_answers(a2_4=lambda s: TRANSFORMER), CRASH,
              dict.fromkeys(("a2.4", "a2.5", "a2.6", "a2.7", "a2.8"), "wrong"),
              tampering="changes how cells are run"),
        Pupil("patched", with_answers(a2_1=lambda s: PATCHED), CRASH,
              {"a2.1": "late", "a2.5": "error"}, tampering="changes how errors are shown"),
        Pupil("spy", with_answers(a2_1=after(SPY)), CRASH, dict.fromkeys(POINTS, "error"),
              tampering="looks into who calls it"),
        Pupil("forged", with_answers(a2_2=lambda s: FORGED), CRASH,
              {"a2.2": "wrong", "a2.5": "wrong"}, tampering="reaches for the kernel"),
        Pupil("reaching", with_answers(a2_1=after(reaching(canary, port))),
              CRASH, tampering="uses the network"),
        Pupil("forks", with_answers(a2_7=after(FORK)), CRASH, {"a2.7": "late"},
              tampering="ends or splits its process"),
        Pupil("hides", with_answers(a2_8=after(HIDE)), CRASH,
              {"a2.8": "dead"}, tampering="starts other programs"),
        Pupil("memory", with_answers(a2_6=after("x = [bytearray(1 << 24) for _ in range(1000)]")),
              results={"a2.6": "right"}),
        Pupil("no-json", perfect[: len(perfect) // 2], CRASH, is_assignment=False),
        Pupil("empty", "", CRASH, is_assignment=False),
        Pupil("other", '{"cells": [], "metadata": {}, "nbformat": 4}', CRASH, is_assignment=False),
        Pupil("bytes", b"\xff\xfe\x00" + perfect.encode(), CRASH, is_assignment=False),
        Pupil("late", perfect, is_late=True),
        Pupil("deleted", _deleted("a2-3"), CRASH, {"a2.3": "not answered", "a2.6": "error",
              "a2.7": "error"}, tampering="its answer cell is missing"),
        Pupil("doubled", _doubled("a2-3"), tampering="says that it is, too"),
        Pupil("markers", with_answers(a2_3=lambda s: "# NBVAL_SKIP\ndef gaussian_kl(*_): return 0"),
              CRASH, {"a2.3": "wrong", "a2.6": "wrong", "a2.7": "wrong"},
              tampering="not to be compared"),
        Pupil("=cmd()|calc", perfect),
        Pupil("<script>alert(1)<&script>",
              with_answers(a2_9=lambda s: "<script>alert(2)</script>")),
        Pupil("moved", _moved("a2-3", "a2-6"), tampering="has been moved"),
        Pupil("tagged", _tagged("a2-3", "a2-3-check"), tampering="raises-exception"),
        Pupil("overprints", with_answers(a2_3=lambda s: OVERPRINTS), CRASH,
              dict.fromkeys(("a2.3", "a2.6", "a2.7"), "wrong")),
        Pupil("strange", with_answers(a2_9=lambda s: STRANGE)),
    ]  # fmt: skip
    return found


def write(folder: Path, canary: str, port: int) -> list[Pupil]:
    """Write the class as `<student>/<assignment>.ipynb`; one has an older file, one a link."""
    found = pupils(canary, port)
    for pupil in found:
        content = pupil.content
        place = folder / pupil.student / f"{A2}.ipynb"
        place.parent.mkdir(parents=True)
        data = content if isinstance(content, bytes) else content.encode(errors="surrogatepass")
        place.write_bytes(data)
        time = DUE + (3600 if pupil.is_late else -3600)
        os.utime(place, (time, time))
    older = folder / "perfect-1" / f"{A2}-old.ipynb"
    older.write_text(json.dumps(released(A2)))
    os.utime(older, (DUE - 7200, DUE - 7200))
    (folder / "linked").mkdir()
    (folder / "linked" / f"{A2}.ipynb").symlink_to(canary)
    return [*found, Pupil("linked", "", CRASH, is_assignment=False)]


def _mistaken(number: int) -> tuple[str, str, dict[str, str]]:
    content, results = mistaken(number)
    return content, "partly graded", results


def _without(*names: str) -> str:
    raw = solved(A2)
    for name in names:
        cell(raw, name)["source"] = cell(released(A2), name)["source"]
    return json.dumps(raw)


def _deleted(name: str) -> str:
    raw = solved(A2)
    raw["cells"].remove(cell(raw, name))
    return json.dumps(raw)


def _moved(name: str, below: str) -> str:
    raw = solved(A2)
    one = cell(raw, name)
    raw["cells"].remove(one)
    raw["cells"].insert(raw["cells"].index(cell(raw, below)) + 1, one)
    return json.dumps(raw)


def _tagged(*names: str) -> str:
    raw = solved(A2)
    for name in names:
        cell(raw, name)["metadata"]["tags"] = ["raises-exception", "nbval-skip"]
    return json.dumps(raw)


def _doubled(name: str) -> str:
    raw = solved(A2)
    raw["cells"].append(dict(cell(raw, name)))
    return json.dumps(raw)


if __name__ == "__main__":
    made = write(Path(sys.argv[1]), "/etc/hostname", 1)
    print(f"{len(made)} students in {sys.argv[1]}")
