"""An explorer on a page that has no kernel: HTML that carries its networks and its script."""

import base64
import hashlib
import html
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from vaecourse.device import evaluating, like_weights
from vaecourse.explorer.live import Live
from vaecourse.explorer.models import Part
from vaecourse.explorer.script import KINDS, REMOUNT, STYLE, core_of_page, file_of_page
from vaecourse.explorer.weights import NotOnPage, packed, same
from vaecourse.plotting import Figure


@dataclass
class Page:
    """What a page has of explorers already: it carries each network once, and names a lack once."""

    carried: set[str] = field(default_factory=set)  # keys of HTML
    lacks: set[str] = field(default_factory=set)  # what its runtime cannot compute


# a chapter is run for the book by a kernel of its own, and becomes one page
_page: ContextVar[Page | None] = ContextVar(
    "page", default=Page() if os.environ.get("VAECOURSE_STATIC") else None
)


@contextmanager
def shown_on(page: Page | None) -> Iterator[None]:
    """Explorers made inside are for this page; with None they are live widgets."""
    token = _page.set(page)
    try:
        yield
    finally:
        _page.reset(token)


def show(
    data: dict[str, Any], parts: Sequence[Part], still: Callable[[], Figure]
) -> "Live | OnPage | Figure":
    """The widget; or, on a page, what it can do without a kernel.

    `still` draws what stands on the page where there is no JavaScript, and in print. It stands
    alone if the page cannot compute a network; what it lacks is then named, once.
    """
    page = _page.get()
    if page is None:
        return Live(data, parts, partial(_kept, data, parts, still))
    try:
        return OnPage(page, data, parts, still())
    except NotOnPage as problem:
        lack = str(problem)
        if lack not in page.lacks:
            page.lacks.add(lack)
            print(
                f"the page cannot compute {lack}: explorers of it move in Jupyter only, and the "
                "page shows a picture"
            )
        return still()


def _kept(
    data: dict[str, Any], parts: Sequence[Part], still: Callable[[], Figure], name: str
) -> dict[str, str]:
    """What a notebook's file keeps of the widget of this name; nothing where all of it fails."""
    try:
        figure = still()
    except Exception:  # the student's own model may raise anything; the widget tells of it
        return {}
    try:
        return OnPage(Page(), data, parts, figure)._repr_mimebundle_(widget=name)
    except NotOnPage:
        return _bundle(figure, f'<div class="vaecourse-explorer" data-widget="{name}">', "")


class OnPage:
    """An explorer as HTML that carries its networks, its script, and a picture for without.

    What was shown before by another explorer of this page, a network, the script or the style, is
    not carried again.
    """

    def __init__(self, page: Page, data: dict[str, Any], parts: Sequence[Part], figure: Figure):
        self.page, self.figure = page, figure
        files = KINDS[data["kind"]]
        # HTML that need stand on a page only once, by its key
        self.parts = {"style": f"<style>{STYLE}</style>", "script": _module(core_of_page())}
        self.parts |= {f"script {file}": _module(file_of_page(file)) for file in files}
        self.carried: list[str] | None = None  # keys, known when it is first shown
        networks = []
        for part in parts:
            keys = {"decoder": self._key(part.model, "decoder", points(part))}
            if part.encodes:
                keys["encoder"] = self._key(part.model, "encoder", pictures(part.encodes))
            networks.append(keys)
        self.data = data | {"files": files, "networks": networks}

    def _key(self, model: nn.Module, name: str, examples: Tensor) -> str:
        """The key of a network of the model's, whose HTML is now among the parts."""
        network = getattr(model, name, None)
        examples = like_weights(model, examples)
        if not isinstance(network, nn.Module):
            raise NotOnPage(f"{type(model).__name__}, which has no {name}")
        if not _is_all(model, network, name, examples):
            raise NotOnPage(f"what {type(model).__name__} adds to its {name}")
        content = json.dumps(packed(network, examples), separators=(",", ":"))
        key = hashlib.sha256(content.encode()).hexdigest()[:16]
        opening = f'<script type="application/json" data-vaecourse-network="{key}">'
        self.parts[key] = f"{opening}{content}</script>"
        return key

    def _repr_mimebundle_(self, *, widget: str = "", **_: Any) -> dict[str, str]:
        # "<" would let a text of the data end the script element
        content = json.dumps(self.data, separators=(",", ":"), allow_nan=False).replace(
            "<", "\\u003c"
        )
        if self.carried is None:
            self.carried = [key for key in self.parts if key not in self.page.carried]
            self.page.carried.update(self.carried)
        beside = f' data-widget="{widget}"' if widget else ""
        return _bundle(
            self.figure,
            "".join(self.parts[key] for key in self.carried)
            + f'<div class="vaecourse-explorer" data-waiting{beside}>',
            f'<script type="application/json">{content}</script>',
            after=_module(REMOUNT),
        )


def _bundle(figure: Figure, opening: str, content: str, after: str = "") -> dict[str, str]:
    """A picture and content in the element that is opened, as HTML, and in words."""
    alt = html.escape(figure.alt)
    image = f'<img alt="{alt}" src="data:image/png;base64,{_small_png(figure)}">'
    page = f'{opening}<div class="vc-static">{image}</div>{content}</div>{after}'
    return {"text/html": page, "text/plain": f"Explorer: {figure.alt}"}


def _small_png(figure: Figure) -> str:
    """In base64, with so few colours that it costs a page little: it is seen in print, and where
    nothing moves."""
    picture, _metadata = figure._repr_mimebundle_()
    drawn = Image.open(io.BytesIO(base64.b64decode(picture["image/png"])))
    file = io.BytesIO()
    drawn.quantize(16 if drawn.mode == "L" else 64).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _module(source: str) -> str:
    return f'<script type="module" async>{source}</script>'


# -- does the page draw what the model does? -----------------------------------------------------


def points(part: Part) -> Tensor:
    """Points z (32, latent_dim), as far apart as a reader's hand goes."""
    draw = torch.Generator().manual_seed(0)
    return part.reach * (2 * torch.rand(32, part.latent_dim, generator=draw) - 1)


def pictures(shape: tuple[int, ...]) -> Tensor:
    """A black image, a white one, and six of noise."""
    draw = torch.Generator().manual_seed(0)
    ends = torch.stack([torch.zeros(shape), torch.ones(shape)])
    return torch.cat([ends, torch.rand(6, *shape, generator=draw)])


def _is_all(model: nn.Module, network: nn.Module, name: str, examples: Tensor) -> bool:
    """Whether model.decode (or encode) does nothing but what its network does."""
    with evaluating(model):
        task = getattr(model, {"decoder": "decode", "encoder": "encode"}[name])
        whole, alone = task(examples.clone()), network(examples.clone())
    return same(torch.cat(whole, dim=1) if isinstance(whole, tuple) else whole, alone)
