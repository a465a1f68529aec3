"""Attacks on the grader, as data: answers of a2 that want points, files, or the grader's end.

Those of one notebook run in it together, each in the answer cell of a question of its own; what is
not attacked in a notebook is answered right.
"""

from typing import NamedTuple

CANARY = "canary-7f3a"  # stands in files outside the jail that nobody inside may read
NAMES = {
    "a2-1": "split_code",
    "a2-2": "reparameterize",
    "a2-3": "gaussian_kl",
    "a2-4": "bernoulli_nll",
    "a2-5": "VAE",
    "a2-6": "negative_elbo",
    "a2-7": "training_step",
    "a2-8": "draw",
}
WRONG = "def NAME(*given, **named):\n    return 0.0\n"


class Attack(NamedTuple):
    """An attack; `source` may name the function as NAME, a canary's FILES, a PORT, the SOLUTIONS.

    With `is_honest` it follows the right answer, which may keep its points; else it stands in the
    answer's place and earns nothing. `hits` are other questions of the same student that it may
    cost, `found` is what the tamper report says of it, `ends` how its answer cell ends.
    """

    tries: str
    cell: str
    source: str
    is_honest: bool = False
    hits: tuple[str, ...] = ()
    found: str = ""
    ends: tuple[str, ...] = ("ok",)


LIES = (
    Attack(
        "to be equal to everything",
        "a2-1",
        """
class Same(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __eq__
    def __round__(self, *places): return self
    def __truediv__(self, other): return self
    def __sub__(self, other): return self
    def __hash__(self): return 0
    def __float__(self): return self
def split_code(code):
    return Same(), Same(), Same()
""",
    ),
    Attack(
        "a tensor that lies in every function",
        "a2-2",
        """
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            try:
                found = function(*args, **(kwargs or {}))
            except Exception:
                found = torch.ones(4, 2)
        if isinstance(found, torch.Tensor) and found.dtype == torch.bool:
            return torch.ones_like(found)
        return found.as_subclass(cls) if isinstance(found, torch.Tensor) else found
    def __bool__(self): return True
def reparameterize(mu, logvar, eps=None):
    return torch.zeros_like(mu).as_subclass(Liar).requires_grad_()
""",
    ),
    Attack(
        "the expected numbers from callers, constants and all objects",
        "a2-3",
        """
import gc, json, sys
def gaussian_kl(mu, logvar):
    found, frame = [], sys._getframe()
    while frame:
        found += [v for v in frame.f_locals.values() if isinstance(v, str)]
        found += [c for c in frame.f_code.co_consts if isinstance(c, str)]
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing).__name__ in ("KeyQuestion", "KeyMistake"):
            return torch.tensor(json.loads(thing.lines[0])[0][2])
        if type(thing).__name__ == "Case" and len(thing.grids[0].offsets) == len(mu):
            return torch.tensor(thing.grids[0].offsets) * thing.grids[0].step
    return torch.zeros(len(mu))
""",
        found="looks into who calls it",
    ),
    Attack(
        "numbers that are none, or too many digits",
        "a2-4",
        """
bernoulli_nll = lambda logits, x: [float("nan"), float("inf"), -0.0, 10**5000, -(10**5000)]
""",
    ),
    Attack(
        "a model that has every part and is every value",
        "a2-5",
        """
class VAE:
    def __init__(self, *given, **named): pass
    def __getattr__(self, name): return self
    def __call__(self, *given, **named): return self
    def __iter__(self): return iter((self, self, self))
    def __getitem__(self, at): return self
    def __len__(self): return 3
    def __bool__(self): return True
    def __float__(self): return 1.0
    def __index__(self): return 1
    def __eq__(self, other): return True
    __hash__ = object.__hash__
""",
    ),
    Attack(
        "texts that are other texts, and numbers without end",
        "a2-6",
        """
class Text(str):
    def __eq__(self, other): return True
    def __getitem__(self, at): return self
    __hash__ = str.__hash__
def negative_elbo(*given, **named):
    return Text("0" * 10**6), {Text("kl"): (i for i in range(10**9)), "recon_nll": range(10**9)}
""",
    ),
    Attack(
        "the question's own source from the history of cells, to print",
        "a2-7",
        """
def training_step(*given, **named):
    import builtins
    ip = get_ipython()
    shown = [*ip.user_ns.get("In", ()), ip.user_ns.get("_i", ""), ip.user_ns.get("_ih", "")]
    builtins.print(*shown)
    return [str(s) for s in shown]
""",
        found="reaches for the kernel",
    ),
    Attack(
        "a value whose text is huge, and nested without end",
        "a2-8",
        """
class Huge:
    def __repr__(self): return "x" * 10**8
def draw(*given, **named):
    nest = []
    for _ in range(100_000): nest = [nest]
    return [nest, Huge()]
""",
    ),
)

GUESSED = """
def guessed(values, by):
    return json.dumps([[leaf.place, leaf.shape, [0] * len(leaf.numbers)] for leaf in values])
"""
PATCHES = (
    Attack(
        "other functions in the place of the check's",
        "a2-1",
        f"import json\nimport vaecourse.classroom.emitting as e\n{GUESSED}\n"
        + "e.line, e.round = guessed, lambda *n: 500\n"
        + WRONG,
        found="reaches for the check itself",
    ),
    Attack(
        "torch's comparisons replaced",
        "a2-2",
        "import builtins, math\nfor name in ('equal', 'allclose', 'isclose'):\n"
        "    setattr(torch, name, lambda *a, **k: True)\nmath.isclose = lambda *a, **k: True\n"
        + WRONG,
        found="replaces what others use",
    ),
    Attack(
        "print and json replaced by such as say what is wanted",
        "a2-3",
        "import builtins, json\nold = builtins.print\n"
        "builtins.print = lambda *a, **k: old('[[\"\", [5], [44, 91, 28, 240, 532]]]')\n"
        "json.dumps = lambda *a, **k: '[]'\n" + WRONG,
        found="replaces what others use",
        ends=("late", "ok"),  # the kernel itself needs json
    ),
    Attack(
        "another standard output",
        "a2-4",
        "import sys\nclass Out:\n"
        "    def write(self, text): return len(text)\n"
        "    def flush(self): pass\n"
        "sys.stdout = Out()\n" + WRONG,
        found="changes how values are shown",
    ),
    Attack(
        "an error that nobody sees",
        "a2-5",
        "ip = get_ipython()\nip.showtraceback = lambda *a, **k: None\n"
        "ip.set_custom_exc((BaseException,), lambda *a, **k: None)\n" + WRONG + "1 / 0\n",
        found="changes how errors are shown",
        ends=("error", "ok"),  # where the replaced exception handler says that all is well
    ),
    Attack(
        "a hook before each cell that shows its source",
        "a2-6",
        "ip = get_ipython()\n"
        "ip.events.register('pre_run_cell', lambda info: print(info.raw_cell))\n" + WRONG,
        found="changes how cells are run",
    ),
    Attack(
        "a transformer of syntax trees that leaves nothing to run",
        "a2-7",
        "import ast\nclass Nothing(ast.NodeTransformer):\n"
        "    def visit_Module(self, tree): return ast.Module([], [])\n"
        "get_ipython().ast_transformers.append(Nothing())\n" + WRONG,
        found="changes how cells are run",
    ),
    Attack(
        "a transformer of input that blanks cells",
        "a2-8",
        "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])\n" + WRONG,
        found="changes how cells are run",
    ),
)

KERNEL = "kernel = get_ipython().kernel\nsend = kernel.session.send\n"
FORGE = (
    "def forge(kind, content, parent=None):\n"
    "    parent = kernel.get_parent('shell') if parent is None else parent\n"
    "    send(kernel.iopub_socket, kind, content, parent=parent)\n"
)
MESSAGES = (
    Attack(
        "idle, replies and outputs that the kernel never gave",
        "a2-2",
        KERNEL + FORGE + "def reparameterize(*given, **named):\n"
        "    forge('stream', {'name': 'stdout', 'text': '[]'})\n"
        "    forge('status', {'execution_state': 'idle'})\n"
        "    forge('execute_reply', {'status': 'ok'})\n"
        "    forge('status', {}), forge('stream', {}), forge('error', {'ename': [1]})\n"
        "    forge('display_data', {'data': {'image/png': 'x'}, 'metadata': {}})\n"
        "    forge('stream', {'name': 'stdout', 'text': 3}, {'msg_id': 'another'})\n"
        "    raise ValueError\n",
        found="reaches for the kernel",
    ),
    Attack(
        "a hundred thousand messages",
        "a2-3",
        KERNEL + FORGE + "def gaussian_kl(*given, **named):\n"
        "    for i in range(100_000):\n"
        "        forge('stream', {'name': 'stdout', 'text': str(i)})\n"
        "    return torch.zeros(5)\n",
        found="reaches for the kernel",
    ),
    Attack(
        "text that takes itself back: returns, backspaces, colours, cleared output",
        "a2-4",
        "import sys\nfrom IPython.display import clear_output\nout = sys.stdout\n"
        "def bernoulli_nll(*given, **named):\n"
        "    clear_output()\n"
        "    out.write('x\\r' * 1000 + '\\b' * 1000 + '\\x1b[2K\\x1b[1A\\x1b[8m')\n"
        "    return 0.0\n",
    ),
    Attack(
        "comms, questions to the user, pages and cells to come",
        "a2-5",
        KERNEL + FORGE + "def VAE(*given, **named):\n"
        "    forge('comm_open', {'comm_id': 'x', 'target_name': 'jupyter.widget', 'data': {}})\n"
        "    get_ipython().set_next_input('print(1)', replace=True)\n"
        "    get_ipython().payload_manager.write_payload({'source': 'page', 'data': 'x'})\n"
        "    return input('?')\n",
        found="reaches for the kernel",
    ),
    Attack(
        "an exception that is too long, of a class that is called as the course's",
        "a2-6",
        "class CourseError(Exception):\n"
        "    def __str__(self): return '<script>' + 'x' * 10**8\n"
        "def negative_elbo(*given, **named):\n    raise CourseError\n",
    ),
    Attack(
        "messages that are no messages",
        "a2-7",
        KERNEL + "def training_step(*given, **named):\n"
        "    socket = kernel.iopub_thread.socket\n"
        "    for part in (b'', b'<IDS|MSG>', b'[' * 10**6, b'\\xff', b'[]'):\n"
        "        socket.send_multipart([b'x', b'<IDS|MSG>', b'', part, part, part, part])\n"
        "    raise ValueError\n",
        found="reaches for the kernel",
    ),
    Attack(
        "a message that fills the grader's memory",
        "a2-8",
        KERNEL + "def draw(*given, **named):\n"
        "    big = b'x' * 10**8\n"
        "    for i in range(50):\n"
        "        kernel.iopub_thread.socket.send_multipart([b'x', big], copy=False)\n"
        "    return 0.0\n",
        found="reaches for the kernel",
    ),
)

ENDS = (
    Attack(
        "to kill the first process, its parent, and all that can be killed",
        "a2-2",
        "import os, signal\nfor one in (1, os.getppid(), -1):\n"
        "    try: os.kill(one, signal.SIGKILL)\n    except OSError: pass\n",
        is_honest=True,
        found="ends or splits its process",
        ends=("dead", "ok"),
    ),
    Attack(
        "a fork bomb, and children that stay",
        "a2-3",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    while True:\n"
        "        try: os.fork()\n        except OSError: pass\n",
        is_honest=True,
        found="ends or splits its process",
        ends=("dead", "ok", "late"),
        hits=("a2.4",),  # which may run when the limit is met
    ),
    Attack(
        "to fill the memory",
        "a2-5",
        "held = []\nwhile True:\n    held.append(bytearray(b'x') * (256 << 20))\n",
        is_honest=True,
        ends=("error", "dead"),
    ),
    Attack(
        "to fill the disk, its files and the standard output",
        "a2-6",
        "import sys\ntry:\n    for i in range(10**5):\n"
        "        open(f'/tmp/full{i}', 'wb').write(b'x' * (16 << 20))\nexcept OSError:\n    pass\n"
        "while True:\n    sys.stdout.write('x' * 10**6)\n",
        is_honest=True,
        ends=("loud", "late", "dead", "error"),  # files in memory count as memory
    ),
    Attack(
        "a loop that no interrupt ends",
        "a2-7",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n"
        "    try:\n        while True: pass\n    except BaseException: pass\n",
        is_honest=True,
        ends=("late",),
    ),
    Attack(
        "an end in a thread, when the cell is over",
        "a2-8",
        "import atexit, os, threading\natexit.register(os._exit, 0)\n"
        "threading.Timer(0.02, os._exit, [0]).start()\n",
        is_honest=True,
        found="ends or splits its process",
        ends=("ok", "dead", "late", "error"),  # where the bomb has left it a thread and time
    ),
)

# the source of the function that asks, hidden or not, from whoever calls
STEAL = """
import sys
def stolen():
    frame, found = sys._getframe(), ""
    while frame:
        found, frame = str(frame.f_locals.get("asked", found)), frame.f_back
    return found
"""
ESCAPES = (
    Attack(
        "files outside, the solutions, other students and the key",
        "a2-1",
        "import glob\nfor name in [FILES, *glob.glob(SOLUTIONS),\n"
        "             *glob.glob('/proc/*/environ'), '/etc/shadow', '/etc/passwd']:\n"
        "    try: print(name, open(name, errors='replace').read())\n"
        "    except OSError: pass\n",
        is_honest=True,
    ),
    Attack(
        "a server on this machine's loopback",
        "a2-2",
        "import socket\nfor host in ('127.0.0.1', '::1', 'localhost', '10.0.2.2'):\n"
        "    try: socket.create_connection((host, PORT), 1).send(b'here')\n"
        "    except OSError: pass\n",
        is_honest=True,
        found="uses the network",
    ),
    Attack(
        "a library and a module that later kernels load",
        "a2-3",
        "import os, site, vaecourse\nos.environ['LD_PRELOAD'] = '/tmp/evil.so'\n"
        "open('/tmp/evil.so', 'w').write('x')\n"
        "for folder in (site.getusersitepackages(), os.path.dirname(vaecourse.__file__),\n"
        "               *site.getsitepackages(), '/usr/lib', '/course', '/tmp/.ipython'):\n"
        "    for name in ('usercustomize.py', 'sitecustomize.py', 'torch.pth'):\n"
        "        try: open(os.path.join(folder, name), 'w').write('raise SystemExit')\n"
        "        except OSError: pass\n",
        is_honest=True,
    ),
    Attack(
        "the hidden source in an exception's message",
        "a2-4",
        STEAL + "def bernoulli_nll(*given):\n    raise ValueError(stolen())\n",
        found="looks into who calls it",
    ),
    Attack(
        "the hidden source in an exception's name, with markup",
        "a2-5",
        STEAL + "def VAE(*given):\n"
        "    name = stolen() + '<img src=x onerror=alert(1)>' + 'x' * 10**6\n"
        "    raise type(name, (Exception,), {})\n",
        found="looks into who calls it",
    ),
    Attack(
        "the hidden source in values and in lines that look as the check's",
        "a2-6",
        STEAL + "import json\nout = sys.stdout\ndef negative_elbo(*given, **named):\n"
        "    text = stolen()\n"
        "    for place in ('waits', 'changes its inputs', 'raises ' + text, text):\n"
        "        out.write(json.dumps([[place, None, [text]]]) + '\\n')\n"
        "    return text, {text: text}\n",
        found="looks into who calls it",
    ),
    Attack(
        "an answer cell that ends in an exception of its own name",
        "a2-7",
        "raise type('Secret' * 10**6, (Exception,), {})('Secret' * 10**6)\n",
        ends=("error", "loud", "late"),
    ),
    Attack(
        "a pickle, and an object that runs code where it is read",
        "a2-8",
        "import os\nclass Run:\n    def __reduce__(self): return os.system, ('touch /tmp/read',)\n"
        "    def __array__(self, *given, **named): raise Run.Stop\n"
        "    class Stop(BaseException): pass\n"
        "def draw(*given, **named): return Run()\n",
        found="starts other programs",
    ),
)

# sleeps, and what hangs where it is looked at: every question, so that the whole must end in time
SLEEP = "import time\ndef NAME(*given, **named):\n    time.sleep(10**6)\n"
HANGS = (
    Attack(
        "a value that hangs where it is read",
        "a2-1",
        "import time\nclass Slow:\n    def __array__(self, *given, **named): time.sleep(10**6)\n"
        "split_code = lambda code: Slow()\n",
    ),
    *(Attack("to sleep for ever", cell, SLEEP) for cell in list(NAMES)[1:]),
)

# The one that works: a check that gives its own verdict ("the noise is normal": true or false) does
# so in the kernel of whom it judges, and what is wanted can be guessed. The rest of the answer,
# numbers that nobody can guess, is right.
GUESS = Attack(
    "every yes or no of the check to be yes",
    "a2-2",
    """
import vaecourse.classroom.emitting as e
old = e.line
def line(values, by):
    return old([
        v._replace(numbers=(1.0,) * len(v.numbers)) if set(v.numbers) <= {0.0, 1.0} else v
        for v in values
    ], by)
e.line = line
def reparameterize(mu, logvar, eps=None):
    eps = torch.randn(mu.shape[-1]) if eps is None else eps
    return mu + logvar.div(2).exp() * eps
""",
    found="reaches for the check itself",
)

NOTEBOOKS = {
    "lies": LIES,
    "patches": PATCHES,
    "messages": MESSAGES,
    "ends": ENDS,
    "escapes": ESCAPES,
    "hangs": HANGS,
    "guesses": (GUESS,),
}
