"""A small network as plain data that the page's own runtime (runtime.js) can compute with."""

import base64
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules import module as global_hooks

from vaecourse.device import evaluating
from vaecourse.networks import (
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
    PictureDecoder,
    PictureEncoder,
    ResidualBlock,
    ResidualDecoder,
    ResidualEncoder,
)

OURS = (MLPEncoder, MLPDecoder, ConvEncoder, ConvDecoder, PictureEncoder, PictureDecoder,
        ResidualEncoder, ResidualDecoder)  # fmt: skip
RESHAPES = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout)  # or nothing, in evaluation mode
WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
KNOWN = (*RESHAPES, *WEIGHTED, nn.ReLU, nn.LeakyReLU, nn.Sigmoid)
STEPS = 511  # a weight is a whole number from −511 to 511


class NotOnPage(Exception):
    """What the page cannot compute, in a few words."""


def packed(network: nn.Module, examples: Tensor) -> dict[str, Any]:
    """The network as JSON: its layers, and their weights as quantised numbers in base64.

    `examples` (n, …) are inputs like those to come. A weight is stored as a whole number from −511
    to 511 times the scale of its output unit (or channel), a bias in float32; all are deflated.
    (Eight bits would move some pixels of a trained network by a sixth of their range.)
    Raises NotOnPage for what runtime.js cannot compute: a layer that it does not know, or one that
    is more than its class says (by a hook, or a `forward` of its own); where the layers one after
    another do not give what the network gives; and where its weights lose too much by rounding.
    """
    layers, numbers = [], []
    with evaluating(network):
        values = on_page = examples
        for layer in _layers(network):
            given, values = values, layer(values.clone())  # a clone: some compute in place
            on_page = _with_rounded_weights(layer, on_page)
            description, arrays = _described(layer, given.shape[1:], values.shape[1:])
            layers += description
            numbers += arrays
        whole = network(examples.clone())
    rounding = 1e-6 * float(values.abs().nan_to_num(0, 0).max())  # blocks sum in another order
    if not same(values, whole, rounding):
        raise NotOnPage(f"what {type(network).__name__} adds to its layers")
    if _is_far(values, on_page):
        raise NotOnPage(f"{type(network).__name__} with weights of such unlike sizes")
    # what looks like noise holds no repetitions to search for: shorter codes for frequent bytes
    deflate = zlib.compressobj(9, strategy=zlib.Z_RLE)
    content = deflate.compress(b"".join(array.tobytes() for array in numbers)) + deflate.flush()
    return {
        "inputs": examples[0].numel(),
        "layers": layers,
        "weights": base64.b64encode(content).decode(),
    }


def same(first: Any, second: Any, rounding: float = 1e-8) -> bool:
    """Whether two tensors hold the same numbers, but for the order of summing."""
    return (
        isinstance(first, Tensor)
        and isinstance(second, Tensor)
        and first.shape == second.shape
        and torch.allclose(first, second, atol=rounding, equal_nan=True)
    )


def _layers(network: nn.Module) -> Iterator[nn.Module]:
    """The layers in the order in which they are computed, where that order is known."""
    name = type(network).__name__
    if network._forward_hooks or network._forward_pre_hooks or "forward" in vars(network):
        raise NotOnPage(f"{name} with a hook or a forward of its own")
    if global_hooks._global_forward_hooks or global_hooks._global_forward_pre_hooks:
        raise NotOnPage("the hooks of all modules")
    if type(network) in OURS:  # a subclass may compute anything
        yield from _layers(network.layers)  # type: ignore[arg-type]
    elif type(network) is nn.Sequential:
        for part in network:
            yield from _layers(part)
    elif type(network) is ResidualBlock:
        yield from _layers(network.plain_layers())
    elif type(network) in KNOWN:  # neither a subclass, a parametrised weight's included
        yield network
    else:
        raise NotOnPage(f"the layer {name}")


def _described(
    layer: Any, shape_in: torch.Size, shape_out: torch.Size
) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """What runtime.js must know of a layer, and its numbers; nothing for what only reshapes."""
    kind = type(layer)
    if kind in RESHAPES and shape_in.numel() == shape_out.numel():
        return [], []
    if kind is nn.ReLU:
        return [{"kind": "leaky", "slope": 0}], []
    if kind is nn.LeakyReLU:
        return [{"kind": "leaky", "slope": layer.negative_slope}], []
    if kind is nn.Sigmoid:
        return [{"kind": "sigmoid"}], []
    if kind is nn.Linear and len(shape_in) == 1:
        dense = {"kind": "dense", "inputs": layer.in_features, "outputs": layer.out_features}
        return [dense], _quantised(layer.weight, layer.bias)
    if kind in (nn.Conv2d, nn.ConvTranspose2d) and _is_plain(layer) and len(shape_in) == 3:
        return _convolution(layer, shape_in, shape_out)
    raise NotOnPage(f"the layer {kind.__name__}")


def _convolution(
    layer: Any, shape_in: torch.Size, shape_out: torch.Size
) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    transposed = isinstance(layer, nn.ConvTranspose2d)
    description = {
        "kind": "transposed" if transposed else "convolution",
        "from": list(shape_in),
        "to": list(shape_out),
        "kernel": list(layer.kernel_size),
        "stride": list(layer.stride),
        "padding": list(layer.padding),
    }
    weight = layer.weight.transpose(0, 1) if transposed else layer.weight
    return [description], _quantised(weight, layer.bias)


def _is_plain(layer: Any) -> bool:
    return (
        layer.groups == 1
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def _quantised(weight: Tensor, bias: Tensor | None) -> list[np.ndarray]:
    """Scales and biases by output (float32), then the whole numbers, output by output: first all
    their upper eight bits (int8), then all their lower two (uint8)."""
    scale, whole = _in_steps(weight)
    offset = torch.zeros(len(scale)) if bias is None else bias.detach().float().cpu()
    numbers = whole.nan_to_num(0).numpy().astype("<i2")
    return [
        scale.numpy().astype("<f4"),
        offset.numpy().astype("<f4"),
        (numbers >> 2).astype("i1"),
        (numbers & 3).astype("u1"),
    ]


def _in_steps(weight: Tensor) -> tuple[Tensor, Tensor]:
    """By output (the first dimension): the scale of its weights, and each as a multiple of it."""
    rows = weight.detach().float().cpu().flatten(1)
    scale = rows.abs().amax(dim=1) / STEPS
    return scale, (rows / scale.clamp(min=1e-30)[:, None]).round()


def _with_rounded_weights(layer: Any, values: Tensor) -> Tensor:
    """What the layer gives with the weights that the page will have."""
    if type(layer) not in WEIGHTED:
        return layer(values.clone())
    outputs = 1 if type(layer) is nn.ConvTranspose2d else 0  # the dimension of the weight
    rows = layer.weight.transpose(0, outputs)
    scale, whole = _in_steps(rows)
    weight = (scale[:, None] * whole).view(rows.shape).transpose(0, outputs)
    return functional_call(layer, {"weight": weight.to(layer.weight)}, (values,))


def _is_far(values: Tensor, on_page: Tensor) -> bool:
    """Whether a pixel in a thousand is off by a tenth, or a number by a twentieth of the most."""
    pixels_off = (values.sigmoid() - on_page.sigmoid()).abs()
    off = (values - on_page).abs().max() / values.abs().max()
    return bool((pixels_off > 0.1).float().mean() > 0.001 or off > 0.05)
