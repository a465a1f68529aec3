"""A made class whose answers are honest, and what a copy may wear, for tests of similarity."""

import ast
import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import nbformat
from homework import ROOT, solution_sources

from vaecourse.classroom import cells
from vaecourse.classroom.grades import Grade

A2 = "a2-vae-by-hand"
# what many write: a frame for each question of a2, and what may stand in its gaps, usual ones first
FRAMES = {
    "a2.1": ("code", "mu, logvar = {}\n    return mu, logvar, {}"),
    "a2.2": (
        "mu, logvar, eps=None",
        "if eps is None:\n        eps = {}\n    std = {}\n    return {}",
    ),
    "a2.3": ("mu, logvar", "kl = {}\n    return {}"),
    "a2.4": ("logits, x", "loss = {}\n    return {}"),
    "a2.6": ("model, x, beta=1.0", "logits, mu, logvar = model(x)\n    {}\n    return {}"),
    "a2.7": ("model, optimizer, x", "{}\n    optimizer.step()\n    return {}"),
    "a2.8": (
        "model, num_images",
        "mode = model.training\n    {}\n    {}\n        z = {}\n        x = {}\n"
        "    model.train(mode)\n    return x",
    ),
}
GAPS = {
    "a2.1": [
        "code.chunk(2, dim=1)|torch.chunk(code, 2, dim=1)|code.chunk(2, 1)|"
        "code.split(code.shape[1] // 2, dim=1)|code[:, : code.shape[1] // 2], "
        "code[:, code.shape[1] // 2 :]",
        "torch.exp(0.5 * logvar)|(0.5 * logvar).exp()|torch.exp(logvar / 2)|(logvar / 2).exp()|"
        "torch.sqrt(torch.exp(logvar))",
    ],
    "a2.2": [
        "torch.randn_like(mu)|torch.randn_like(logvar)|torch.randn(mu.shape)",
        "torch.exp(0.5 * logvar)|(0.5 * logvar).exp()|torch.exp(logvar / 2)|logvar.exp().sqrt()",
        "mu + std * eps|mu + eps * std|eps * std + mu",
    ],
    "a2.3": [
        "0.5 * (mu**2 + logvar.exp() - 1 - logvar)|-0.5 * (1 + logvar - mu**2 - logvar.exp())|"
        "-0.5 * (1 + logvar - mu.pow(2) - logvar.exp())|"
        "(mu.square() + logvar.exp() - logvar - 1) / 2",
        "kl.sum(dim=1)|kl.sum(1)|torch.sum(kl, dim=1)|kl.sum(dim=-1)",
    ],
    "a2.4": [
        "F.binary_cross_entropy_with_logits(logits, x, reduction='none')|"
        "F.softplus(logits) - x * logits|"
        "-(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits))",
        "loss.flatten(1).sum(dim=1)|loss.flatten(1).sum(1)|loss.sum(dim=(1, 2, 3))|"
        "loss.view(x.shape[0], -1).sum(dim=1)",
    ],
    "a2.6": [
        "nll = bernoulli_nll(logits, x)\n    kl = gaussian_kl(mu, logvar)|"
        "kl = gaussian_kl(mu, logvar)\n    nll = bernoulli_nll(logits, x)",
        "nll + beta * kl, {'recon_nll': nll, 'kl': kl}|beta * kl + nll, dict(recon_nll=nll, kl=kl)",
    ],
    "a2.7": [
        "optimizer.zero_grad()\n    loss = negative_elbo(model, x)[0].mean()\n    loss.backward()|"
        "optimizer.zero_grad()\n    loss, _ = negative_elbo(model, x)\n    loss = loss.mean()\n"
        "    loss.backward()|"
        "loss, terms = negative_elbo(model, x)\n    loss = loss.mean()\n"
        "    optimizer.zero_grad()\n    loss.backward()",
        "loss.item()|float(loss)|loss.detach().item()",
    ],
    "a2.8": [
        "model.eval()|model.train(False)",
        "with torch.no_grad():|with torch.inference_mode():",
        "torch.randn(num_images, model.latent_dim)|torch.randn((num_images, model.latent_dim))|"
        "torch.randn(num_images, model.decoder.latent_dim)",
        "model.decoder(z).sigmoid()|torch.sigmoid(model.decoder(z))",
    ],
}


def grade(student: str, answers: dict[str, str], assignment: str = A2) -> Grade:
    return Grade(student, assignment, f"{student}.ipynb", "graded", (), answers)


def usual_class(size: int, seed: int) -> list[Grade]:
    """Students who each found for themselves what many find."""
    chosen = random.Random(seed)
    return [grade(f"usual-{i:03}", _usual(chosen)) for i in range(size)]


def _usual(chosen: random.Random) -> dict[str, str]:
    answers = {}
    for question, (arguments, frame) in FRAMES.items():
        gaps = [gap.split("|") for gap in GAPS[question]]
        filled = [chosen.choices(gap, range(len(gap), 0, -1))[0] for gap in gaps]
        answers[question] = f"def answer({arguments}):\n    {frame.format(*filled)}"
    return answers


def own_class(name: str) -> list[Grade]:
    """Students who wrote the solutions, the other right answers and the mistakes of an
    assignment's author; no two have the same answer to any question."""
    pool = _answers(name)
    size = min(map(len, pool.values()))
    return [
        grade(f"own-{i}", {q: a[(i + k) % len(a)] for k, (q, a) in enumerate(pool.items())}, name)
        for i in range(size)
    ]


@cache
def _answers(name: str) -> dict[str, list[str]]:
    """By question in code: the solution, and other answers from the hidden part of its check."""
    found = {}
    sources = solution_sources(name)
    for cell in nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4).cells:
        if cells.role(cell) == "check":
            hidden = cell.source.partition("### BEGIN HIDDEN TESTS\n")[2].partition("### END")[0]
            solution = sources[cell.id.removesuffix("-check")]
            found[cells.question(cell)] = [solution, *_named(hidden)]
    return found


def _named(hidden: str) -> list[str]:
    """The functions and classes that the call of `ask` names as right or wrong."""
    tree = ast.parse(hidden)
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ask"
    ]
    lists = {s.targets[0].id: s.value for s in tree.body if isinstance(s, ast.Assign)}  # type: ignore[attr-defined]
    given = [*call.args[3:5], *(k.value for k in call.keywords if k.arg in ("right", "wrong"))]
    names = [
        ast.unparse(one)
        for some in given
        for one in (lists[some.id] if isinstance(some, ast.Name) else some).elts  # type: ignore[attr-defined]
    ]
    defined = {s.name: s for s in tree.body if isinstance(s, ast.FunctionDef | ast.ClassDef)}
    return [ast.unparse(defined[name]) for name in names if name in defined]


# -- disguises ---------------------------------------------------------------------------------


def renamed(source: str) -> str:
    """With other names for parameters and variables."""
    tree = ast.parse(source)
    own: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            own.setdefault(node.arg, f"thing_{len(own)}")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.setdefault(node.id, f"thing_{len(own)}")
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.arg, node.annotation = own[node.arg], None
        elif isinstance(node, ast.Name):
            node.id = own.get(node.id, node.id)
    return ast.unparse(tree)


def commented(source: str) -> str:
    """With other comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body.insert(0, ast.Expr(ast.Constant("My own words on it.")))
    return "# mine\n" + ast.unparse(tree).replace("\n", "\n# and so on\n")


def formatted(source: str, width: int = 30) -> str:
    """By a formatter, into narrow lines."""
    command = [sys.executable, "-m", "ruff", "format", "--line-length", str(width), "-"]
    return subprocess.run(command, input=source, text=True, capture_output=True, check=True).stdout


class _Swapping(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Mult):
            node.left, node.right = node.right, node.left
        return node


def swapped(source: str) -> str:
    """With the operands of each sum and product the other way round."""
    return ast.unparse(_Swapping().visit(ast.parse(source)))


def reordered(source: str) -> str:
    """With neighbouring assignments swapped where neither needs the other."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for i in range(len(body) - 1):
                one, other = body[i : i + 2]
                if isinstance(one, ast.Assign) and isinstance(other, ast.Assign):
                    gives, needs = _names(one)
                    also_gives, also_needs = _names(other)
                    if not gives & (also_gives | also_needs) and not also_gives & needs:
                        body[i : i + 2] = other, one
    return ast.unparse(tree)


def _names(node: ast.AST) -> tuple[set[str], set[str]]:
    names = [one for one in ast.walk(node) if isinstance(one, ast.Name)]
    gives = {one.id for one in names if isinstance(one.ctx, ast.Store)}
    return gives, {one.id for one in names} - gives


DEAD = [
    "debug = False",
    "if debug:\n    print('here')",
    "count = 0\nfor _ in range(1):\n    count += 1",
    "checked = isinstance(count, int)",
]


def padded(source: str) -> str:
    """With a statement that does nothing before each other one."""
    tree, number = ast.parse(source), 0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body: list[ast.stmt] = []
            for statement in node.body:
                body += [*ast.parse(DEAD[number % len(DEAD)]).body, statement]
                number += 1
            node.body = body
    return ast.unparse(tree)


def everything(source: str) -> str:
    return commented(padded(reordered(swapped(renamed(source)))))


DISGUISES: dict[str, Callable[[str], str]] = {
    "renamed": renamed,
    "commented": commented,
    "formatted": cache(formatted),
    "swapped": swapped,
    "reordered": reordered,
    "padded": padded,
    "everything": everything,
}
# a loop of an author's answer, and by hand the comprehension for it
COMPREHENSIONS = [
    (
        "def f(mu, logvar, threshold=0.01):\n    kls = []\n"
        "    for m, v in zip(mu.T, logvar.T, strict=True):\n"
        "        kls.append(0.5 * (m @ m + (v.exp() - 1 - v).sum()) / len(m))\n"
        "    kl = torch.stack(kls)\n    return kl, len(kl) - len(kl[kl >= threshold])",
        "def f(mu, logvar, threshold=0.01):\n"
        "    kl = torch.stack([0.5 * (m @ m + (v.exp() - 1 - v).sum()) / len(m)\n"
        "                      for m, v in zip(mu.T, logvar.T, strict=True)])\n"
        "    return kl, len(kl) - len(kl[kl >= threshold])",
    ),
    (
        "def f(z, decode, x, mask):\n    rows = []\n"
        "    for code, image, seen in zip(z, x, mask.expand(x.shape), strict=True):\n"
        "        a, v = decode(code[None])[0][seen], image[seen]\n"
        "        rows.append((F.softplus(a) - a * v).sum() + code @ code / 2)\n"
        "    return torch.stack(rows)",
        "def f(z, decode, x, mask):\n    triples = zip(z, x, mask.expand(x.shape), strict=True)\n"
        "    return torch.stack([(F.softplus(decode(c[None])[0][s]) - decode(c[None])[0][s] * i[s])"
        ".sum() + c @ c / 2 for c, i, s in triples])",
    ),
    (
        "def f(model, x):\n    errors = []\n    for image in x:\n"
        "        difference = (model(image[None]) - image[None]).ravel()\n"
        "        errors.append(difference @ difference)\n"
        "    return torch.tensor([float(e) for e in errors])",
        "def f(model, x):\n"
        "    differences = [(model(image[None]) - image[None]).ravel() for image in x]\n"
        "    return torch.tensor([float(d @ d) for d in differences])",
    ),
]
