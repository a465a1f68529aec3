"""An explorer where it is shown: live beside a kernel, or on a page that has none."""

import hashlib
import html
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import torch
import traitlets
from torch import Tensor, nn

from vaecourse.explorer.weights import UnknownLayer, asked, packed
from vaecourse.plotting import Figure

FOLDER = Path(__file__).parent
SCRIPT = "\n".join((FOLDER / name).read_text("utf-8") for name in ("runtime.js", "explorer.js"))
MOUNT = "globalThis.vaecourseMount = mountPage;\nmountPage();"
STYLE = (FOLDER / "explorer.css").read_text("utf-8")


class Part(NamedTuple):
    """A model of an explorer, and what its reader may ask of it."""

    model: nn.Module
    latent_dim: int
    encodes: tuple[int, ...] = ()  # the shape of an image, where images are encoded live


_told: set[str] = set()  # layers that the page does not know and that have been named


def show(
    data: dict[str, Any], parts: Sequence[Part], still: Callable[[], Figure]
) -> "Live | OnPage | Figure":
    """The widget; or, where VAECOURSE_STATIC is set, what the page can do without a kernel.

    `still` draws what stands on the page where there is no JavaScript, and in print. It stands
    alone if a network has a layer that the page's runtime does not know; the layer is then named,
    once.
    """
    if not os.environ.get("VAECOURSE_STATIC"):
        return Live(data, parts)
    try:
        return OnPage(data, parts, still())
    except UnknownLayer as layer:
        if str(layer) not in _told:
            _told.add(str(layer))
            print(
                f"the page's runtime does not know the layer {layer}: explorers of it move in "
                "Jupyter only, and the page shows a picture"
            )
        return still()


def decoded(model: nn.Module, z: Tensor) -> Tensor:
    """z (n, latent_dim) -> pixels in [0, 1] (n, channels, height, width), on the CPU."""
    with asked(model) as weight:
        return model.decode(z.to(weight)).sigmoid().float().cpu()  # type: ignore[operator]


def encoded(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """mu and logvar of the images, on the CPU; an autoencoder has its codes and no logvar."""
    with asked(model) as weight:
        code = model.encode(x.to(weight))  # type: ignore[operator]
    mu, logvar = (code, None) if isinstance(code, Tensor) else code
    return mu.float().cpu(), None if logvar is None else logvar.float().cpu()


class Live(anywidget.AnyWidget):
    """Decodes and encodes in the kernel, whatever the model's layers and device."""

    _esm = SCRIPT + "\nexport default { render };\n"
    _css = STYLE
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict[str, Any], parts: Sequence[Part]):
        super().__init__(data=data)
        self.parts = parts
        self.on_msg(self._answer)

    def _answer(self, _: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        """One answer for each question, so that the page asks again only when it is free."""
        if content["task"] == "nudge":  # no question: see kernelEngine in explorer.js
            return
        try:
            values = self.compute(content["task"], content["index"], bytes(buffers[0]))
        except Exception as problem:  # the student's own decoder may raise anything
            told = f"{type(problem).__name__}: {problem}"
            self.send({"number": content["number"], "error": told})
        else:
            self.send({"number": content["number"]}, [values])

    def compute(self, task: str, index: int, numbers: bytes) -> bytes:
        """decode: points z -> pixels in [0, 1]; encode: an image -> mu and logvar; all float32."""
        part = self.parts[index]
        given = torch.frombuffer(bytearray(numbers), dtype=torch.float32)
        if task == "decode":
            found = decoded(part.model, given.view(-1, part.latent_dim))
        else:
            mu, logvar = encoded(part.model, given.view(1, *part.encodes))
            assert logvar is not None
            found = torch.cat([mu, logvar], dim=1)
        if not found.isfinite().all():
            raise ValueError(f"the {task}r gave NaN or infinity here")
        return found.flatten().numpy().tobytes()


_on_this_page: set[str] = set()  # keys of parts; a chapter is run by a kernel of its own


class OnPage:
    """An explorer as HTML that carries its networks, its script, and a picture for without.

    What was shown before by another explorer of this kernel, a network or the script, is not
    carried again.
    """

    def __init__(self, data: dict[str, Any], parts: Sequence[Part], figure: Figure):
        self.figure = figure
        script = f'<script type="module" async>{SCRIPT}\n{MOUNT}</script>'
        self.parts = {"script": script}  # HTML that need stand on a page only once, by its key
        self.carried: list[str] | None = None  # keys, known when it is first shown
        used = []
        for part in parts:
            keys = {"decoder": self._key(part, "decoder", (part.latent_dim,))}
            if part.encodes:
                keys["encoder"] = self._key(part, "encoder", part.encodes)
            used.append(keys)
        self.data = data | {"networks": used}

    def _key(self, part: Part, name: str, shape: tuple[int, ...]) -> str:
        network = getattr(part.model, name, None)
        example = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
        if not isinstance(network, nn.Module) or not _is_all_of(part.model, network, name, example):
            raise UnknownLayer(type(part.model).__name__)
        content = json.dumps(packed(network, example), separators=(",", ":"))
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        opening = f'<script type="application/json" data-vaecourse-network="{key}">'
        self.parts[key] = f"{opening}{content}</script>"
        return key

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        pictures, _metadata = self.figure._repr_mimebundle_()
        alt = html.escape(self.figure.alt)
        image = f'<img alt="{alt}" src="data:image/png;base64,{pictures["image/png"]}">'
        # "<" would let a text of the data end the script element
        content = json.dumps(self.data, separators=(",", ":"), allow_nan=False).replace(
            "<", "\\u003c"
        )
        if self.carried is None:
            self.carried = [key for key in self.parts if key not in _on_this_page]
            _on_this_page.update(self.carried)
        page = (
            "".join(self.parts[key] for key in self.carried)
            + f'<style>{STYLE}</style><div class="vaecourse-explorer" data-waiting>'
            f'<div class="vc-static">{image}</div>'
            f'<script type="application/json">{content}</script></div>'
            '<script type="module" async>globalThis.vaecourseMount?.();</script>'
        )
        return {"text/html": page, "text/plain": f"Explorer: {self.figure.alt}"}


def _is_all_of(model: nn.Module, network: nn.Module, name: str, example: Tensor) -> bool:
    """Whether model.decode (or encode) does nothing but what its network does."""
    with asked(model) as weight:
        whole = getattr(model, {"decoder": "decode", "encoder": "encode"}[name])(example.to(weight))
        alone = network(example.to(weight))
    whole = torch.cat(whole, dim=1) if isinstance(whole, tuple) else whole
    return whole.shape == alone.shape and torch.allclose(whole, alone, equal_nan=True)
