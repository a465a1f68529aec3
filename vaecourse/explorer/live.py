"""An explorer beside a kernel: a widget whose pictures the model itself computes.

A widget is lost when its kernel ends, so the notebook's file keeps beside it what a page would
show: the same explorer without a kernel, or its picture. The widget hides that as long as it lives.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import anywidget
import torch
import traitlets
from IPython.display import display

from vaecourse.explorer.models import Part, decoded, encoded
from vaecourse.explorer.script import STYLE, script_for

WITHOUT_KERNEL = "(To move it with the model in the kernel, run this cell.)"


class Live(anywidget.AnyWidget):
    """Decodes and encodes in the kernel, whatever the model's layers and device."""

    _css = STYLE
    data = traitlets.Dict().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)  # the page finds by it what is kept beside

    def __init__(
        self, data: dict[str, Any], parts: Sequence[Part], kept: Callable[[str], dict[str, str]]
    ):
        """`kept` gives what the file keeps, as formats by type, for the name of the widget."""
        self._esm = f"{script_for(data['kind'])}\nexport default {{ render }};\n"
        super().__init__(data=data, name=uuid4().hex)
        self.parts, self.kept = parts, kept
        self.on_msg(self._answer)

    def _ipython_display_(self) -> None:
        kept = self.kept(self.name)
        if kept:
            display(kept, raw=True)
        bundle = self._repr_mimebundle_()
        if bundle:  # anywidget gives none where widgets are switched off
            display(bundle[0] | {"text/plain": WITHOUT_KERNEL}, raw=True)

    def _answer(self, _: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        """One answer for each question, so that the page asks again only when it is free."""
        if content["task"] == "nudge":  # no question: see kernelEngine in engines.js
            return
        try:
            values = self.compute(content["task"], content["index"], bytes(buffers[0]))
        except Exception as problem:  # the student's own decoder may raise anything
            message = f"{type(problem).__name__}: {problem}"
            self.send({"number": content["number"], "error": message})
        else:
            self.send({"number": content["number"]}, [values])

    def compute(self, task: str, index: int, numbers: bytes) -> bytes:
        """decode: points z -> pixels in [0, 1]; encode: an image -> its code (of a VAE mu, then
        logvar); all float32."""
        part = self.parts[index]
        given = torch.frombuffer(bytearray(numbers), dtype=torch.float32)
        if task == "decode":
            found = decoded(part.model, given.view(-1, part.latent_dim))
        else:
            mu, logvar = encoded(part.model, given.view(1, *part.encodes))
            found = mu if logvar is None else torch.cat([mu, logvar], dim=1)
        if not found.isfinite().all():
            raise ValueError(f"the {task}r gave NaN or infinity here")
        return found.flatten().numpy().tobytes()
