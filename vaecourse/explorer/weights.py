"""A small network as plain data that the page's own runtime (runtime.js) can compute with."""

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaecourse.networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder

OURS = (MLPEncoder, MLPDecoder, ConvEncoder, ConvDecoder)


class UnknownLayer(Exception):
    """A layer that the page's runtime does not know; the message is its name."""


@contextmanager
def asked(model: nn.Module) -> Iterator[Tensor]:
    """Inference mode; gives a tensor on the model's device and of its type, to be like."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield next(model.parameters(), torch.zeros(()))
    finally:
        model.train(was_training)


def packed(network: nn.Module, example: Tensor) -> dict[str, Any]:
    """The network as JSON: its layers, and their weights as quantised numbers in base64.

    `example` is one input with its batch dimension. A weight is stored as a whole number from −511
    to 511 times the scale of its output unit (or channel), a bias in float32; all are deflated.
    (Eight bits would move some pixels of a trained network by a sixth of their range.)
    Raises UnknownLayer for a layer that runtime.js cannot compute.
    """
    passed: list[tuple[nn.Module, tuple[int, ...], tuple[int, ...]]] = []  # in order of computing
    leaves = list(_leaves(network))
    hooks = [
        leaf.register_forward_hook(
            lambda layer, args, out: passed.append((layer, args[0].shape[1:], out.shape[1:]))
        )
        for leaf in set(leaves)
    ]
    try:
        with asked(network) as weight:
            network(example.to(weight))
    finally:
        for hook in hooks:
            hook.remove()
    layers, numbers = [], []
    for leaf, *shapes in passed:
        layer, arrays = _described(leaf, *shapes)
        if layer:
            layers.append(layer)
            numbers += arrays
    # what looks like noise holds no repetitions to search for: shorter codes for frequent bytes
    deflate = zlib.compressobj(9, strategy=zlib.Z_RLE)
    content = deflate.compress(b"".join(array.tobytes() for array in numbers)) + deflate.flush()
    return {
        "inputs": example[0].numel(),
        "layers": layers,
        "weights": base64.b64encode(content).decode(),
    }


def _leaves(network: nn.Module) -> Iterator[nn.Module]:
    """The layers in the order in which they are computed, where that order is known."""
    if type(network) in OURS:  # a subclass may compute anything
        yield from _leaves(network.layers)  # type: ignore[arg-type]
    elif type(network) is nn.Sequential:
        for part in network:
            yield from _leaves(part)
    elif any(True for _ in network.children()):
        raise UnknownLayer(type(network).__name__)
    else:
        yield network


def _described(
    layer: nn.Module, shape_in: tuple[int, ...], shape_out: tuple[int, ...]
) -> tuple[dict[str, Any] | None, list[np.ndarray]]:
    """What runtime.js must know of a layer, and its numbers; None where nothing is computed."""
    if isinstance(layer, nn.Flatten | nn.Unflatten | nn.Identity | nn.Dropout):
        return None, []
    if isinstance(layer, nn.ReLU):
        return {"kind": "leaky", "slope": 0}, []
    if isinstance(layer, nn.LeakyReLU):
        return {"kind": "leaky", "slope": layer.negative_slope}, []
    if isinstance(layer, nn.Sigmoid):
        return {"kind": "sigmoid"}, []
    if isinstance(layer, nn.Linear) and len(shape_in) == 1:
        told = {"kind": "dense", "inputs": layer.in_features, "outputs": layer.out_features}
        return told, _quantised(layer.weight, layer.bias)
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and _is_plain(layer):
        transposed = isinstance(layer, nn.ConvTranspose2d)
        told = {
            "kind": "transposed" if transposed else "convolution",
            "from": list(shape_in),
            "to": list(shape_out),
            "kernel": list(layer.kernel_size),
            "stride": list(layer.stride),
            "padding": list(layer.padding),
        }
        weight = layer.weight.transpose(0, 1) if transposed else layer.weight
        return told, _quantised(weight, layer.bias)
    raise UnknownLayer(type(layer).__name__)


def _is_plain(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    return (
        layer.groups == 1
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def _quantised(weight: Tensor, bias: Tensor | None) -> list[np.ndarray]:
    """Scales and biases by output (float32), then the whole numbers, output by output: first all
    their upper eight bits (int8), then all their lower two (uint8)."""
    rows = weight.detach().float().cpu().flatten(1)
    scale = rows.abs().amax(dim=1) / 511
    whole = (rows / scale.clamp(min=1e-30)[:, None]).round().numpy().astype("<i2")
    offset = torch.zeros(len(rows)) if bias is None else bias.detach().float().cpu()
    return [
        scale.numpy().astype("<f4"),
        offset.numpy().astype("<f4"),
        (whole >> 2).astype("i1"),
        (whole & 3).astype("u1"),
    ]
