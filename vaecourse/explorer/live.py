"""An explorer beside a kernel: a widget whose pictures the model itself computes."""

from collections.abc import Sequence
from typing import Any

import anywidget
import torch
import traitlets

from vaecourse.explorer.models import Part, decoded, encoded
from vaecourse.explorer.script import STYLE, script_for


class Live(anywidget.AnyWidget):
    """Decodes and encodes in the kernel, whatever the model's layers and device."""

    _css = STYLE
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict[str, Any], parts: Sequence[Part]):
        self._esm = f"{script_for(data['kind'])}\nexport default {{ render }};\n"
        super().__init__(data=data)
        self.parts = parts
        self.on_msg(self._answer)

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
