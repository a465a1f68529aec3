"""Explorers: what they tell of a model, what the kernel answers, what the page carries."""

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils.parametrizations import weight_norm

from vaecourse import explorer
from vaecourse.errors import CourseError
from vaecourse.explorer.script import FILES, KINDS, SOURCES, core_of_page, file_of_page, names_in
from vaecourse.explorer.weights import NotOnPage, packed
from vaecourse.networks import Autoencoder, ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder
from vaecourse.plotting import Figure
from vaecourse.vae import VAE


@pytest.fixture(autouse=True)
def live() -> Iterator[None]:
    torch.manual_seed(0)
    with explorer.shown_on(None):
        yield


@pytest.fixture
def on_page(live: None) -> Iterator[None]:
    with explorer.shown_on(explorer.Page()):
        yield


def small_vae(dim: int = 2) -> VAE:
    return VAE(MLPEncoder(2 * dim, (16,)), MLPDecoder(dim, (16,))).eval()


def digits(count: int = 12) -> tuple[Tensor, Tensor]:
    return torch.rand(count, 1, 28, 28), torch.arange(count) % 10


def diverged() -> VAE:
    model = small_vae()
    nn.init.constant_(model.encoder.layers[1].weight, torch.nan)  # type: ignore[index]
    return model


def colours() -> VAE:
    shape = (3, 8, 8)
    return VAE(MLPEncoder(4, (16,), shape), MLPDecoder(2, (16,), shape)).eval()


class Decoder(nn.Module):
    """One layer, and then whatever is asked for."""

    latent_dim = 2

    def __init__(self, after: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.after = nn.Linear(2, 784), after

    def forward(self, z: Tensor) -> Any:
        return self.after(self.layer(z).view(-1, 1, 28, 28))


def decoding(after: Callable[[Tensor], Any]) -> VAE:
    return VAE(MLPEncoder(4), Decoder(after))


def ending_in_a_sigmoid() -> VAE:
    model = small_vae()
    model.decoder.layers.append(nn.Sigmoid())  # type: ignore[operator, union-attr]
    return model


def page_of(shown: Any) -> str:
    return shown._repr_mimebundle_()["text/html"]


# -- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(7, 5), nn.Conv2d(3, 4, (2, 3)), nn.ConvTranspose2d(3, 4, (2, 3), bias=False)],
    ids=["dense", "convolution", "transposed"],
)
def test_a_packed_weight_is_within_half_a_step_of_the_real_one(layer: nn.Linear) -> None:
    example = torch.rand(1, 7) if isinstance(layer, nn.Linear) else torch.rand(1, 3, 6, 6)
    content = zlib.decompress(base64.b64decode(packed(nn.Sequential(layer), example)["weights"]))
    outputs = 5 if isinstance(layer, nn.Linear) else 4
    scale, bias = np.frombuffer(content, "<f4", 2 * outputs).reshape(2, outputs)
    weight = layer.weight.detach()
    upper = np.frombuffer(content, "i1", weight.numel(), 8 * outputs).reshape(outputs, -1)
    lower = np.frombuffer(content, "u1", weight.numel(), 8 * outputs + weight.numel())
    whole = 4 * upper.astype(int) + lower.reshape(outputs, -1)
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    error = np.abs(scale[:, None] * whole - weight.flatten(1).numpy())
    assert (error <= 0.5001 * scale[:, None]).all()
    assert (np.abs(whole).max(axis=1) == 511).all()
    assert bias == pytest.approx(0.0 if layer.bias is None else layer.bias.detach().numpy())


def test_a_layer_of_zeros_is_packed_as_zeros() -> None:
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    content = zlib.decompress(base64.b64decode(packed(layer, torch.rand(1, 3))["weights"]))
    assert not np.frombuffer(content, "i1", offset=16).any()


class Twice(nn.Module):
    """A network whose way through its layers cannot be seen from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, z: Tensor) -> Tensor:
        return self.layer(self.layer(z))


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (nn.Sequential(nn.Linear(2, 4), nn.Tanh()), "Tanh"),
        (nn.Sequential(nn.Linear(2, 4), nn.Unflatten(1, (4, 1, 1)), nn.BatchNorm2d(4)), "BatchNo"),
        (nn.Sequential(nn.Unflatten(1, (2, 1, 1)), nn.Conv2d(2, 2, 1, groups=2)), "Conv2d"),
        (nn.Sequential(nn.Unflatten(1, (2, 1, 1)), nn.Conv2d(2, 2, 1, padding="same")), "Conv2d"),
        (Twice(), "Twice"),
    ],
)
def test_a_layer_that_the_page_cannot_compute_is_named(network: nn.Module, name: str) -> None:
    with pytest.raises(NotOnPage, match=name):
        packed(network.eval(), torch.rand(1, 2))


# -- in the kernel -----------------------------------------------------------------------------


def ask(live: Any, task: str, numbers: Tensor, index: int = 0) -> Tensor:
    """The kernel's answer to a question of the page; its error, raised, if it has one."""
    answers: list[tuple[dict, list]] = []
    live.send = lambda content, buffers=(): answers.append((content, list(buffers)))
    question = {"task": task, "index": index, "number": 7}
    live._answer(live, question, [numbers.flatten().numpy().tobytes()])
    ((content, buffers),) = answers
    assert content["number"] == 7
    if "error" in content:
        raise RuntimeError(content["error"])
    return torch.frombuffer(bytearray(buffers[0]), dtype=torch.float32)


def test_the_kernel_decodes_what_the_model_decodes() -> None:
    models = [small_vae(3), small_vae(2)]
    shown = explorer.explore(*models)
    for index, model in enumerate(models):
        z = torch.randn(1, model.latent_dim)
        assert torch.equal(ask(shown, "decode", z, index), model.decode(z).sigmoid().flatten())


def test_the_kernel_encodes_a_drawing() -> None:
    model, (x, y) = small_vae(), digits()
    code = ask(explorer.draw_digit(model, x, y), "encode", x[3])
    assert torch.allclose(code, torch.cat(model.encode(x[3:4]), dim=1).flatten())


def test_a_model_is_asked_in_inference_and_left_in_training() -> None:
    decoder = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.9), nn.Unflatten(1, (1, 4, 4)))
    decoder.latent_dim = 2  # type: ignore[assignment]
    model = VAE(MLPEncoder(4), decoder).train()  # type: ignore[arg-type]
    shown = explorer.explore(model)
    z = torch.randn(1, 2)
    assert torch.equal(ask(shown, "decode", z), ask(shown, "decode", z))
    assert model.training


def test_a_model_in_double_precision_is_explored_too() -> None:
    model = small_vae().double()
    z = torch.randn(1, 2)
    answer = ask(explorer.explore(model), "decode", z)
    assert torch.allclose(answer, model.decode(z.double()).sigmoid().flatten().float())


class Broken(nn.Module):
    latent_dim = 2

    def forward(self, z: Tensor) -> Tensor:
        assert z[0, 0] > -5
        if z[0, 0] > 2:
            raise IndexError("my own mistake")
        return (z[:, :1] / z[:, 1:]).log().view(-1, 1, 1, 1)


def test_images_of_unlike_shapes_have_nothing_between_them() -> None:
    x, _ = digits()
    for x_a, x_b in ((x[0], x[0, 0]), (x[0], x[1, :, 1:]), (x[:1], x[1:2])):
        with pytest.raises(CourseError, match="two images of one shape"):
            explorer.interpolate(small_vae(), x_a, x_b)


def test_a_nudge_is_no_question() -> None:
    live: Any = explorer.explore(small_vae())
    live.send = lambda *_: pytest.fail("a nudge was answered")
    live._answer(live, {"task": "nudge"}, [])


def test_what_goes_wrong_in_a_decoder_is_an_answer_not_an_end() -> None:
    shown = explorer.explore(VAE(MLPEncoder(4), Broken()))
    for z, told in (
        ([1.0, -1.0], "NaN"),
        ([3.0, 1.0], "IndexError: my own mistake"),
        ([-9.0, 1.0], "AssertionError"),  # one without a text
    ):
        with pytest.raises(RuntimeError, match=told):
            ask(shown, "decode", torch.tensor(z))
    assert ask(shown, "decode", torch.tensor([1.0, 1.0])).tolist() == [0.5]


# -- what an explorer knows of a model ---------------------------------------------------------


def panel(*models: nn.Module, **options: Any) -> dict[str, Any]:
    return explorer.explore(*models, **options).data["panels"][0]  # type: ignore[union-attr]


def test_dimensions_come_in_the_order_of_their_kl() -> None:
    class Code(nn.Module):
        """mu grows with the image, most in the second dimension, not at all in the third."""

        def forward(self, x: Tensor) -> Tensor:
            mean = x.flatten(1).mean(dim=1, keepdim=True)
            return torch.cat([mean, 3 * mean, 0 * mean, torch.zeros(len(x), 3)], dim=1)

    model = VAE(Code(), MLPDecoder(3))
    assert panel(model, x=digits()[0])["order"] == [1, 0, 2]


def test_every_label_offers_its_first_image() -> None:
    model, (x, y) = small_vae(), digits(20)
    found = panel(model, x=x, y=y)
    assert [image["name"] for image in found["images"]] == [f"a {label}" for label in range(10)]
    mu, _ = model.encode(x)
    assert found["images"][4]["mu"] == pytest.approx(mu[4].tolist(), abs=1e-4)
    pixels = np.frombuffer(base64.b64decode(found["images"][4]["pixels"]), "u1")
    assert pixels == pytest.approx(255 * x[4].flatten().numpy(), abs=0.51)
    assert found["points"] == pytest.approx(mu.detach().numpy(), abs=0.0051)


def test_the_plane_holds_codes_that_lie_far_out() -> None:
    model = Autoencoder(MLPEncoder(2), MLPDecoder(2))
    with torch.no_grad():
        model.encoder.layers[-1].bias.copy_(torch.tensor([0.0, -20.0]))
    assert panel(model, x=digits()[0])["limit"] >= 20
    assert panel(small_vae())["limit"] == 3.5


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: explorer.explore(), "got none"),
        (lambda: explorer.explore(nn.Linear(2, 2)), "decode"),
        (lambda: explorer.explore(small_vae(), titles=["a", "b"]), "1 titles"),
        (lambda: explorer.explore(small_vae(), x=digits()[0], y=digits()[1][:3]), r"\(3,\)"),
        (lambda: explorer.explore(small_vae(), x=digits()[0][:0]), r"\(0, 1, 28, 28\)"),
        (lambda: explorer.explore(small_vae(), x=digits()[0], y=torch.ones(12, 2)), r"12, 2"),
        (lambda: explorer.explore(diverged(), x=digits()[0]), "finite codes"),
        (lambda: explorer.interpolate(diverged(), *digits()[0][:2]), "finite codes"),
        (lambda: explorer.explore(small_vae(), *digits()), "images as x=x"),
        (lambda: explorer.explore([small_vae()]), "got list"),  # type: ignore[arg-type]
        (lambda: explorer.explore(VAE), "got type"),  # type: ignore[arg-type]
        (lambda: explorer.explore(small_vae(), titles="a"), "list of texts"),
        (lambda: explorer.explore(small_vae(), titles=[1]), "list of texts"),  # type: ignore[list-item]
        (lambda: explorer.explore(small_vae(), titles=5), "list of texts"),  # type: ignore[arg-type]
        (lambda: explorer.explore(small_vae(), x=255 * digits()[0]), "divide by 255"),
        (lambda: explorer.explore(small_vae(), x=digits()[0].byte()), "uint8"),
        (lambda: explorer.explore(small_vae(), x=digits()[0].numpy()), "ndarray"),
        (lambda: explorer.explore(small_vae(), x=digits()[0][:, 0]), "unsqueeze"),
        (lambda: explorer.explore(small_vae(), x=torch.rand(2, 1, 32, 32)), "1, 28, 28"),
        (lambda: explorer.explore(small_vae(), x=digits()[0], y=[1] * 12), "as_tensor"),
        (lambda: explorer.explore(small_vae(), x=digits()[0], y=torch.rand(12)), "whole number"),
        (lambda: explorer.explore(decoding(lambda v: (v, v))), "got a tuple"),
        (lambda: explorer.explore(decoding(lambda v: v.flatten(1))), r"\(2, 784\).*Unflatten"),
        (lambda: explorer.explore(decoding(lambda v: v.repeat(1, 2, 1, 1))), r"\(2, 2, 28, 28\)"),
        (lambda: explorer.explore(decoding(lambda v: v[0, 0])), r"\(28, 28\)"),
        (lambda: explorer.explore(decoding(lambda v: v @ v[:, :, 1:])), "RuntimeError"),
        (lambda: explorer.explore(decoding(lambda v: v.no_such_method())), "AttributeError"),
        (lambda: explorer.explore(ending_in_a_sigmoid()), "takes logits"),
        (
            lambda: explorer.explore(Autoencoder(MLPEncoder(4), MLPDecoder(2)), x=digits()[0]),
            r"shape \(12, 2\) of `encode`, got \(12, 4\)",
        ),
        (lambda: explorer.interpolate(small_vae(), *255 * digits()[0][:2]), "divide by 255"),
        (lambda: explorer.interpolate(small_vae(), *digits()[0][:2].numpy()), "ndarray"),
        (lambda: explorer.interpolate(small_vae(), *digits()[0][:2], names=None), "two names"),
        (lambda: explorer.draw_digit(small_vae(), 255 * digits()[0], digits()[1]), "by 255"),
        (lambda: explorer.draw_digit(small_vae(), None, None), "got NoneType"),
        (lambda: explorer.draw_digit(small_vae(3), *digits()), "3 latent dimensions"),
        (
            lambda: explorer.draw_digit(colours(), torch.rand(3, 3, 8, 8), torch.ones(3)),
            "of digits",
        ),
        (
            lambda: explorer.draw_digit(Autoencoder(MLPEncoder(2), MLPDecoder(2)), *digits()),
            "Autoencoder",
        ),
    ],
)
def test_what_cannot_be_explored_is_refused(call: Any, told: str) -> None:
    with pytest.raises(CourseError, match=told):
        call()


# -- on the page -------------------------------------------------------------------------------


@pytest.mark.usefixtures("on_page")
def test_a_page_carries_each_network_once() -> None:
    model, (x, y) = small_vae(), digits()
    pages = [
        page_of(explorer.explore(model, x=x, y=y)),
        page_of(explorer.draw_digit(model, x, y)),
        page_of(explorer.interpolate(model, x[0], x[1])),
    ]
    keys = [re.findall(r'data-vaecourse-network="(\w+)"', page) for page in pages]
    assert [len(found) for found in keys] == [1, 1, 0]  # the decoder, then the encoder
    assert keys[0] != keys[1]
    assert [page.count("async function mountPage") for page in pages] == [1, 0, 0]
    assert [page.count("<style>") for page in pages] == [1, 0, 0]


def test_no_text_of_the_script_goes_over_several_lines() -> None:
    """The page's script has lost its indentation, which a text in backticks would show."""
    for name, source in SOURCES.items():
        for line in source.splitlines():
            assert line.count("`") % 2 == 0, (name, line)


def test_every_script_file_is_carried() -> None:
    folder = Path(explorer.__file__).parent / "js"
    assert set(SOURCES) == {path.stem for path in folder.glob("*.js")}


@pytest.mark.usefixtures("on_page")
def test_a_text_cannot_end_the_script_that_holds_it() -> None:
    page = page_of(explorer.explore(small_vae(), titles=["</script><b>&amp;"]))
    assert "</script><b>" not in page
    content = re.search(r'<script type="application/json">(.*?)</script>', page)
    assert content
    assert json.loads(content[1])["panels"][0]["title"] == "</script><b>&amp;"


@pytest.mark.usefixtures("on_page")
def test_an_unknown_layer_leaves_a_picture_and_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    decoder = nn.Sequential(nn.Linear(2, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    decoder.latent_dim = 2  # type: ignore[assignment]
    shown = explorer.explore(VAE(MLPEncoder(4), decoder))  # type: ignore[arg-type]
    assert isinstance(shown, Figure)
    explorer.explore(VAE(MLPEncoder(4), decoder))  # type: ignore[arg-type]
    assert capsys.readouterr().out.count("Tanh") == 1


class Stretched(VAE):
    """A model whose `decode` does more than its decoder: the page would draw something else."""

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(5 * z)


class Confined(VAE):
    """The same, but only where a reader's hand goes far."""

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z.clamp(-2, 2))


class OwnDecoder(MLPDecoder):
    def forward(self, z: Tensor) -> Tensor:
        return 3 * self.layers(z)


class Doubled(nn.Linear):
    def forward(self, z: Tensor) -> Tensor:
        return 2 * super().forward(z)


class Squared(nn.ReLU):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z) ** 2


class Backwards(nn.Sequential):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(-z)


def with_decoder(change: Callable[[Any], object]) -> VAE:
    """A VAE whose decoder has been changed in place."""
    model = small_vae()
    change(model.decoder)
    return model


def doubling(*_: Any) -> Any:
    """A hook: what a layer gives, twice."""
    return 2 * _[-1]


def push_one_weight(decoder: Any) -> None:
    """Make one weight so large that the others of its unit round to nothing."""
    decoder.layers[0].weight.data[:, 0] = 0
    decoder.layers[2].weight.data[:, 0] = 1e5
    decoder.layers[0].bias.data[0] = -1  # behind a ReLU that is never open


CHANGES: dict[str, Callable[[Any], object]] = {
    "a layer's hook": lambda d: d.layers[0].register_forward_hook(doubling),
    "the decoder's hook": lambda d: d.register_forward_hook(doubling),
    "the hook of a part": lambda d: d.layers.register_forward_hook(doubling),
    "a hook before a layer": lambda d: d.layers[2].register_forward_pre_hook(lambda _, z: 2 * z[0]),
    "a layer's own forward": lambda d: setattr(d.layers[0], "forward", lambda z: z.repeat(1, 8)),
    "the decoder's own forward": lambda d: setattr(d, "forward", lambda z: 3 * d.layers(z)),
    "a parametrised weight": lambda d: weight_norm(d.layers[0]),
    "a subclassed layer": lambda d: setattr(d.layers[0], "__class__", Doubled),
    "a subclassed Sequential": lambda d: setattr(d.layers, "__class__", Backwards),
    "a subclassed activation": lambda d: setattr(
        d.layers[1], "__class__", type("Odd", (nn.ReLU,), {})
    ),
    "weights of unlike sizes": push_one_weight,
}


@pytest.mark.usefixtures("on_page")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_decoder_that_does_more_than_its_layers_say_stays_a_picture(
    change: Callable[[Any], object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(explorer.explore(with_decoder(change)), Figure)
    assert "the page cannot compute" in capsys.readouterr().out


@pytest.mark.usefixtures("on_page")
@pytest.mark.parametrize(
    "model",
    [
        Stretched(MLPEncoder(4, (8,)), MLPDecoder(2, (8,))),
        Confined(MLPEncoder(4, (8,)), MLPDecoder(2, (8,))),
        VAE(MLPEncoder(4, (8,)), OwnDecoder(2, (8,))),
    ],
    ids=["decode", "decode far out", "decoder"],
)
def test_a_page_never_shows_another_model_than_the_one_given(model: VAE) -> None:
    assert isinstance(explorer.explore(model), Figure)


@pytest.mark.usefixtures("on_page")
def test_a_hook_of_all_modules_leaves_a_picture() -> None:
    hook = register_module_forward_hook(lambda _layer, _given, out: out)
    try:
        assert isinstance(explorer.explore(small_vae()), Figure)
    finally:
        hook.remove()


@pytest.mark.usefixtures("on_page")
def test_a_class_whose_forward_was_exchanged_leaves_a_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MLPDecoder, "forward", lambda self, z: 3 * self.layers(z))
    assert isinstance(explorer.explore(small_vae()), Figure)


@pytest.mark.usefixtures("on_page")
def test_an_encoder_with_a_hook_leaves_a_picture_to_draw_on() -> None:
    model = small_vae()
    model.encoder.register_forward_hook(doubling)
    assert isinstance(explorer.draw_digit(model, *digits()), Figure)


@pytest.mark.usefixtures("on_page")
def test_an_unchanged_decoder_moves_on_the_page_even_in_training_and_in_place() -> None:
    decoder = MLPDecoder(2, (16,))
    decoder.layers[1] = nn.LeakyReLU(0.2, inplace=True)
    decoder.layers.insert(2, nn.Dropout(0.5))
    shown = explorer.explore(VAE(MLPEncoder(4), decoder).train())
    assert "data-vaecourse-network" in page_of(shown)


def test_models_of_unlike_shapes_stand_side_by_side_in_a_picture_too() -> None:
    models = [small_vae(3), VAE(MLPEncoder(6, (8,), (3, 8, 5)), MLPDecoder(3, (8,), (3, 8, 5)))]
    with explorer.shown_on(explorer.Page()):
        shown = explorer.explore(*models, titles=["grey", "colour"])
    assert "grey, colour" in shown.figure.alt  # type: ignore[union-attr]


@pytest.mark.usefixtures("on_page")
def test_a_layer_that_is_used_twice_is_computed_twice() -> None:
    same = nn.Conv2d(1, 1, 3, stride=2)
    network = nn.Sequential(nn.Linear(2, 225), nn.Unflatten(1, (1, 15, 15)), same, same)
    layers = packed(network, torch.rand(1, 2))["layers"]
    assert [layer["to"] for layer in layers[1:]] == [[1, 7, 7], [1, 3, 3]]


@pytest.mark.usefixtures("on_page")
def test_colour_images_are_explored_too() -> None:
    x = torch.rand(5, 3, 8, 8)
    assert '"shape":[3,8,8]' in page_of(explorer.explore(colours(), x=x))


@pytest.mark.usefixtures("on_page")
def test_an_explorer_that_is_never_shown_carries_nothing_away() -> None:
    model = small_vae()
    explorer.explore(model)
    shown = explorer.explore(model)
    for _ in range(2):  # a front end may ask twice
        assert page_of(shown).count('json" data-vaecourse-network') == 1


@pytest.mark.usefixtures("on_page")
@pytest.mark.parametrize(
    "model",
    [VAE(MLPEncoder(20), MLPDecoder(10)), VAE(ConvEncoder(4), ConvDecoder(2))],
    ids=["mlp", "convolutions"],
)
def test_the_networks_of_the_course_are_small_on_a_page(model: VAE) -> None:
    x, y = digits()
    page = page_of(explorer.explore(model, x=x, y=y))
    networks = re.findall(r'data-vaecourse-network="\w+">([^<]+)', page)
    assert networks
    assert sum(map(len, networks)) < 500_000


def test_no_explorer_brings_much_script_to_its_page() -> None:
    core = len(core_of_page())
    assert core < 17_000
    for kind, files in KINDS.items():
        assert core + sum(len(file_of_page(file)) for file in files) < 34_000, kind


@pytest.mark.usefixtures("on_page")
def test_a_page_carries_the_script_of_its_own_explorers_and_each_file_once() -> None:
    model, (x, y) = small_vae(), digits()
    shown = explorer.bound(), explorer.explore(model), explorer.draw_digit(model, x, y)
    pages = [page_of(one) for one in shown]
    carried = [re.findall(r"vaecourseFiles \?\?= {}\)\.(\w+) =", page) for page in pages]
    assert carried == [["charts", "bound"], ["plane", "explore"], ["drawing", "sketch"]]


def test_files_may_come_in_one_order_only_and_declare_each_name_once() -> None:
    """A file uses what stands before it; and in a widget all stand in one scope."""
    for kind, files in KINDS.items():
        assert sorted(files, key=FILES.index) == list(files), kind
    names = [name for file in SOURCES for name in names_in(file)]
    assert len(names) == len(set(names))


@pytest.mark.usefixtures("on_page")
def test_the_picture_on_the_page_tells_what_it_shows() -> None:
    model, (x, y) = small_vae(), digits()
    for shown in (
        explorer.explore(model, model, x=x, y=y),
        explorer.explore(small_vae(7)),
        explorer.interpolate(model, x[0], x[1], ("a <0>", "a 1")),
        explorer.draw_digit(model, x, y),
        explorer.normal(),
        explorer.ellipses(model),
        explorer.graph(),
        explorer.bound(),
        explorer.effective_beta(),
        explorer.slide_attribute(model, torch.randn(3, 2), {"smile": torch.ones(2)}),
        explorer.erase(model, x, y),
    ):
        alt = re.search(r'<img alt="([^"<]+)"', page_of(shown))
        assert alt
        assert len(alt[1]) > 30
