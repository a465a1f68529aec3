"""Small trained models with their provenance: `load("mnist-mlp-2d")` takes milliseconds.

Beside each `<name>.safetensors` lies its card, `<name>.json`: data, protocol, seed, test figures,
commit. None has seen the pictures of its set's test split, those of digits not the 1,000 held-out
images of `digits`, so scoring them there is honest. `vaecourse reproduce pretrained` trains them
again.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from vaecourse import files
from vaecourse.errors import CourseError, unknown_name
from vaecourse.results import Shape, mismatch
from vaecourse.variants.building import build

FOLDER = Path(__file__).parent
CARD: Shape = {
    "protocol": {"network": str, "latent_dim": int, "objective": str},
    "figures": {str: float},
}


def names(folder: Path = FOLDER) -> list[str]:
    """The models that can be loaded."""
    return sorted(card.stem for card in folder.glob("*.json"))


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """What is known of a model: data, protocol, seed, figures in nats an image, commit, versions.

    Raises CourseError for a name that is none of `names()`, and for a damaged card.
    """
    if name not in names(folder):
        raise unknown_name("trained model", name, names(folder))
    path = folder / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise _damaged(path, f"found none that can be read ({problem})") from problem
    difference = mismatch(found, CARD)
    if difference:
        raise _damaged(path, difference)
    return found


def load(name: str, folder: Path = FOLDER) -> Any:
    """A trained model, in float32 on the CPU, in evaluation mode: a VAE, an Autoencoder, or one of
    the variants; its card names the network.

    Raises CourseError for a name that is none of `names()`, and for damaged files.
    """
    known, path = card(name, folder), folder / f"{name}.safetensors"
    try:
        with torch.device("meta"):  # no random weights are drawn only to be replaced
            model = build(known["protocol"]["network"], known["protocol"]["latent_dim"])
        content = path.read_bytes()
        weights = safetensors.torch.load(content)
        model.load_state_dict({key: value.float() for key, value in weights.items()}, assign=True)
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError) as problem:
        what = " ".join(str(problem).split())[:200]
        raise _damaged(path, f"found none that can be read ({what})") from problem
    if "sha256" in known and known["sha256"] != _sum(content):
        raise _damaged(path, f"found others than those of its card, {name}.json")
    return model.eval()


def halve(model: nn.Module) -> None:
    """Round the weights to half precision, in place: what a file holds."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())


def store(name: str, model: nn.Module, known: dict[str, Any], folder: Path = FOLDER) -> None:
    """Keep a trained model, in half precision, and its card; `known["protocol"]` can rebuild it.

    Both files are written in full before either takes its place, and the card tells the sum of its
    weights, so that `load` refuses a pair that is none. Raises CourseError where that fails.
    """
    weights = {key: value.cpu().half().contiguous() for key, value in model.state_dict().items()}
    content = safetensors.torch.save(weights)
    text = json.dumps(known | {"sha256": _sum(content)}, indent=1, ensure_ascii=False)
    try:
        with (
            files.replacing(folder / f"{name}.safetensors") as weights_file,
            files.replacing(folder / f"{name}.json") as card_file,
        ):
            weights_file.write(content)
            weights_file.flush()
            os.fsync(weights_file.fileno())  # a full disk is found before the card takes its place
            card_file.write(text.encode() + b"\n")
    except OSError as problem:
        raise CourseError(
            f"cannot write the trained model {name} to {folder}: {files.reason(problem)}; try "
            "freeing some space, or a folder that can be written"
        ) from problem


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _damaged(path: Path, what: str) -> CourseError:
    return CourseError(
        f"expected the card and weights of a trained model in {path}: {what}; try installing the "
        "package again, or `git checkout` in a clone"
    )
