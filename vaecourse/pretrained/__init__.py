"""Small trained models with their provenance: `load("mnist-mlp-2d")` takes milliseconds.

Beside each `<name>.safetensors` lies its card, `<name>.json`: data, protocol, seed, test figures,
commit. All were trained without the 1,000 held-out images of `digits`, so scoring them there is
honest. `vaecourse reproduce pretrained` trains them again.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import nn

from vaecourse.errors import unknown_name
from vaecourse.networks import Autoencoder, ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder
from vaecourse.vae import VAE

FOLDER = Path(__file__).parent
NETWORKS = ("mlp", "mlp-autoencoder", "conv", "conv-3")


def names() -> list[str]:
    """The models that can be loaded."""
    return sorted(card.stem for card in FOLDER.glob("*.json"))


def card(name: str) -> dict[str, Any]:
    """What is known of a model: data, protocol, seed, figures in nats an image, commit, versions.

    Raises CourseError for a name that is none of `names()`.
    """
    if name not in names():
        raise unknown_name("trained model", name, names())
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def load(name: str) -> VAE | Autoencoder:
    """A trained model of digits (1, 28, 28), in float32 on the CPU, ready to encode and decode.

    Raises CourseError for a name that is none of `names()`.
    """
    protocol = card(name)["protocol"]
    with torch.device("meta"):  # no random weights are drawn only to be replaced
        model = build(protocol["network"], protocol["latent_dim"])
    weights = load_file(FOLDER / f"{name}.safetensors")
    model.load_state_dict({key: value.float() for key, value in weights.items()}, assign=True)
    return model.eval()


def build(network: str, latent_dim: int) -> VAE | Autoencoder:
    """An untrained model of digits: "mlp" is S3's network, "conv" S1's, "conv-3" its larger one.

    All are VAEs but "mlp-autoencoder", S3's network with nothing random in it.
    """
    if network == "mlp-autoencoder":
        return Autoencoder(MLPEncoder(latent_dim), MLPDecoder(latent_dim))
    if network == "mlp":
        return VAE(MLPEncoder(2 * latent_dim), MLPDecoder(latent_dim))
    if network not in NETWORKS:
        raise unknown_name("network", network, NETWORKS)
    num_convs = 2 if network == "conv" else 3
    return VAE(
        ConvEncoder(2 * latent_dim, num_convs=num_convs),
        ConvDecoder(latent_dim, num_convs=num_convs),
    )


def halve(model: nn.Module) -> None:
    """Round the weights to half precision, in place: what a file holds."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())


def store(name: str, model: nn.Module, known: dict[str, Any]) -> None:
    """Keep a trained model, in half precision, and its card; `known["protocol"]` can rebuild it."""
    weights = {key: value.cpu().half().contiguous() for key, value in model.state_dict().items()}
    (FOLDER / f"{name}.safetensors").write_bytes(save(weights))
    text = json.dumps(known, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
