"""Is a smile put on a real face? What the judge says of edited held-out faces, and of controls."""

from collections.abc import Callable
from typing import Any

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from vaecourse import pretrained
from vaecourse.data import load
from vaecourse.device import evaluating, seeded
from vaecourse.latent import logistic_direction, mean_direction
from vaecourse.studies import checkpoints
from vaecourse.studies.judges import judge_of_smiles, read
from vaecourse.studies.rows import STUDIES, Row
from vaecourse.studies.run import Settings, reproduce
from vaecourse.studies.training import pictures
from vaecourse.vae import VAE

ALPHAS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
NUM_FACES = 500  # held-out faces of either kind
NUM_RANDOM = 4  # directions
NUM_KEPT = 8  # of either kind, whose codes are kept
UPPER = 36  # rows of a face above the mouth and the cheeks' folds


def row() -> Row:
    """The VAE of real faces, as it is trained."""
    (found,) = [each for each in STUDIES["pretrained"] if each.name == "smiles-32d"]
    return found


def measure(settings: Settings, num_seeds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """By seed of the VAE, what `measure_one` finds; "judge" is the judge's own card.

    Trains and keeps the judge, and the VAEs, where `settings.resume` does not find them.
    """
    reproduce([row()], settings, num_seeds, say)
    found: dict[str, Any] = {"alphas": {"values": list(ALPHAS)}}
    judge, found["judge"] = judge_of_smiles()
    pretrained.store("smiles-judge", judge, found["judge"], settings.weights)
    for seed in range(num_seeds):
        path = checkpoints.checkpoint(row(), seed, settings.checkpoints)
        model, _ = checkpoints.load(path, row(), seed, settings.precision)
        pretrained.halve(model)  # as it lies in the package
        found[f"seed {seed}"] = measure_one(model, judge)
        say(f"smiles: measured with seed {seed}")
    return found


def measure_one(model: VAE, judge: nn.Module) -> dict[str, Any]:
    """Shares of the held-out faces, 0 to 1, of one VAE; and the codes of a few faces.

    Directions come from the VAE's own training faces. All else is seen on test faces, the first
    NUM_FACES that do not smile and as many that do.
    """
    seen, smiles = _vaes_own()
    mu, (x, y) = codes(model, seen), load("smiles", "test")
    no, yes = x[y == 0][:NUM_FACES], x[y == 1][:NUM_FACES]
    z_no, z_yes = codes(model, no), codes(model, yes)
    directions = {"mean": mean_direction(mu, smiles), "logistic": logistic_direction(mu, smiles)}
    length = directions["mean"].norm()
    probe = LogisticRegression(max_iter=1000).fit(mu.numpy(), smiles.numpy())
    with seeded(0):
        random = torch.randn(NUM_RANDOM, mu.shape[1])
    random = random / random.norm(dim=1, keepdim=True) * length
    figures: dict[str, Any] = {
        "probe": float(probe.score(codes(model, x).numpy(), y.numpy())),
        "always_no": (y == 0).float().mean().item(),
        "lengths": {name: each.norm().item() for name, each in directions.items()},
        "judge": _judge_on(model, judge, x, y, no, yes),
        "edits": {
            name: _edits(model, judge, each[None], (z_no, z_yes), no)
            for name, each in directions.items()
        }
        | {"random": _edits(model, judge, random, (z_no, z_yes), no)},
        "identity": _identity_controls(model, no, z_no, directions["mean"]),
    }
    kept = {"no": z_no[:NUM_KEPT], "yes": z_yes[:NUM_KEPT]} | directions
    return figures | {"codes": {name: each.tolist() for name, each in kept.items()}}


def codes(model: VAE, x: Tensor) -> Tensor:
    """The posterior means of x."""
    with evaluating(model):
        return torch.cat([model.encode(images)[0] for images in x.split(1000)]).clone()


def _vaes_own() -> tuple[Tensor, Tensor]:
    """The faces that the VAE was trained on, without their mirror images, and who smiles."""
    x = pictures(row()).train
    x = x[: len(x) // 2]
    y = load("smiles", "train").y
    return x, y[torch.arange(len(y)) % 5 < 3] == 1


def _drawn(model: VAE, z: Tensor) -> Tensor:
    with evaluating(model):
        return torch.cat([model.decode(part).sigmoid() for part in z.split(1000)]).clone()


def _smiling(judge: nn.Module, x: Tensor) -> float:
    return (read(judge, x)[:, 0] > 0).float().mean().item()


def _judge_on(
    model: VAE, judge: nn.Module, x: Tensor, y: Tensor, no: Tensor, yes: Tensor
) -> dict[str, float]:
    """Controls: the judge on real held-out faces, and on what the VAE makes of them, unedited."""
    again = _drawn(model, codes(model, x))
    right = {"originals": read(judge, x), "reconstructions": read(judge, again)}
    return {
        f"accuracy_{name}": ((logit[:, 0] > 0) == (y == 1)).float().mean().item()
        for name, logit in right.items()
    } | {
        "smiling_of_no": _smiling(judge, no),
        "smiling_of_yes": _smiling(judge, yes),
        "smiling_of_no_reconstructed": _smiling(judge, _drawn(model, codes(model, no))),
        "smiling_of_yes_reconstructed": _smiling(judge, _drawn(model, codes(model, yes))),
    }


def _edits(
    model: VAE,
    judge: nn.Module,
    directions: Tensor,
    z: tuple[Tensor, Tensor],
    originals: Tensor,
) -> dict[str, list[float]]:
    """By α, the mean over directions: who is judged smiling after +α of those who did not, and
    after −α of those who did; and whose upper face is still nearest to its own original's."""
    found: dict[str, list[float]] = {"no_plus": [], "yes_minus": [], "kept": []}
    for alpha in ALPHAS:
        edited = [_drawn(model, z[0] + alpha * each) for each in directions]
        undone = [_drawn(model, z[1] - alpha * each) for each in directions]
        found["no_plus"].append(_mean([_smiling(judge, x) for x in edited]))
        found["yes_minus"].append(_mean([_smiling(judge, x) for x in undone]))
        found["kept"].append(_mean([same_face(x, originals) for x in edited]))
    return found


def same_face(x: Tensor, originals: Tensor) -> float:
    """The share of pictures whose upper rows are most alike those of their own original."""
    return (_likeness(x, originals).argmax(dim=1) == torch.arange(len(x))).float().mean().item()


def _likeness(x: Tensor, others: Tensor) -> Tensor:
    """(n, m): the correlation of the upper rows of each of x with each of the others."""
    flat = [each[:, :, :UPPER].flatten(1) for each in (x, others)]
    flat = [each - each.mean(dim=1, keepdim=True) for each in flat]
    first, second = (each / each.norm(dim=1, keepdim=True) for each in flat)
    return first @ second.T


def _identity_controls(model: VAE, no: Tensor, z_no: Tensor, direction: Tensor) -> dict[str, float]:
    """What `same_face` says where the answer is known."""
    edited = _drawn(model, z_no + 2 * direction)
    return {
        "faces": float(len(no)),
        "reconstructions": same_face(_drawn(model, z_no), no),
        "another_face": same_face(edited.roll(1, dims=0), no),
        "mean_face": same_face(_drawn(model, z_no.mean(dim=0).expand_as(z_no)), no),
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
