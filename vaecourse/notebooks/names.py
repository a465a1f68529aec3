"""Where the API reference tells of a name that a chapter's text or code uses."""

import re
from typing import Any

PACKAGE = "vaecourse"
NAME = re.compile(r"[A-Za-z_][\w.]*")
# a chapter's letters and plain English words are not meant for functions of the same name
TOO_PLAIN = {"mean", "scale", "draw", "show", "run", "load", "read", "write", "sample", "mask"}
Goal = tuple[str, str]


class Names:
    """Finds a name's page and anchor; None where the reference does not have it, or has several."""

    def __init__(self, env: Any) -> None:
        self.objects = {
            name: (entry.docname, entry.node_id)
            for name, entry in env.get_domain("py").objects.items()
        }
        self.short: dict[str, set[str]] = {}
        for name in self.objects:
            self.short.setdefault(name.rpartition(".")[2], set()).add(name)

    def goal(self, written: str) -> Goal | None:
        """Of a name as it is written: `vae.py`, `vaecourse.vae`, `latent.lerp`, `gaussian_kl`."""
        name = written.removesuffix("()")
        if name.endswith(".py"):  # a file of the package
            return self.objects.get(f"{PACKAGE}.{name.removesuffix('.py').replace('/', '.')}")
        if not NAME.fullmatch(name):
            return None
        name = name.removeprefix(f"{PACKAGE}.")
        if "." in name or written.startswith(PACKAGE):
            return self.qualified(name)
        return self._only(name) if self._is_telling(name) else None

    def qualified(self, name: str) -> Goal | None:
        """Of a name after the package's, wherever below the named module it is written."""
        if found := self.objects.get(f"{PACKAGE}.{name}"):
            return found
        room, _, last = name.rpartition(".")
        within = f"{PACKAGE}.{room}."
        deeper = {n for n in self.short.get(last, ()) if n.startswith(within)}
        return self.objects[deeper.pop()] if len(deeper) == 1 else None

    def _only(self, name: str) -> Goal | None:
        found = self.short.get(name, set())
        return self.objects[next(iter(found))] if len(found) == 1 else None

    def _is_telling(self, name: str) -> bool:
        """Whether a bare word can only mean what the package calls so."""
        if name in TOO_PLAIN:
            return False
        return "_" in name or not name.islower() or name in {"fit", "lerp", "slerp"}
