"""What trained rows draw, beside held-out images: for a page that cannot carry their weights."""

import json
from collections.abc import Sequence

import safetensors.torch
import torch
from torch import Tensor

from vaecourse import files
from vaecourse.data import load
from vaecourse.device import evaluating, seeded
from vaecourse.errors import CourseError
from vaecourse.metrics import agreement
from vaecourse.provenance import commit, versions
from vaecourse.studies import checkpoints
from vaecourse.studies.rows import Row
from vaecourse.studies.run import Settings
from vaecourse.vae import VAE

NUM_SCORED = 1000  # samples, and held-out images
NUM_NEIGHBOURS_AMONG = 10_000  # real images


def draw(rows: Sequence[Row], settings: Settings, num_samples: int = 20) -> None:
    """Keep what the VAEs of these rows draw, in `<study>.safetensors` beside the results.

    Of the first seed whose weights are kept for all of them: reconstructions of ten held-out
    images, one a class, samples from z that are the same for all, and `metrics.agreement` of 1,000
    samples. The rows are of one study and have one latent_dim. Raises CourseError where weights
    are missing, and as `metrics.agreement` does.
    """
    models, seed = _models(rows, settings)
    x, y = load("mnist", "train")
    x_test, y_test = load("mnist", "test")
    first = [int((y_test == label).nonzero()[0]) for label in y_test.unique()]
    real = (x[:NUM_NEIGHBOURS_AMONG], y[:NUM_NEIGHBOURS_AMONG])
    with seeded(0):
        z = torch.randn(NUM_SCORED, rows[0].latent_dim)
    reconstructions, samples, scores = [], [], []
    for model in models:
        with evaluating(model):
            reconstructions.append(model.reconstruct(x_test[first]))
            drawn = model.decode(z).sigmoid()
        samples.append(drawn[:num_samples])
        scores.append(_score(drawn, *real))
    control = _score(x_test[:NUM_SCORED], *real)
    about = {
        "rows": [row.name for row in rows],
        "seed": seed,
        "agreement": [score[0] for score in scores],
        "classes": [score[1] for score in scores],
        "control": {"agreement": control[0], "classes": control[1]},
        "commit": commit(),
        "versions": versions(),
    }
    images = {
        "x": x_test[first],
        "reconstructions": torch.stack(reconstructions),
        "samples": torch.stack(samples),
    }
    levels = {name: (each * 255).round().byte().contiguous() for name, each in images.items()}
    content = safetensors.torch.save(levels, {"about": json.dumps(about)})
    files.write(settings.results / f"{rows[0].study}.safetensors", content)


def _models(rows: Sequence[Row], settings: Settings) -> tuple[list[VAE], int]:
    """The rows' trained models, of the first seed that all have."""
    kept: list[set[int]] = []
    for row in rows:
        folder = checkpoints.checkpoint(row, 0, settings.checkpoints).parent
        names = [path.stem for path in folder.glob(f"{row.name}-seed*.safetensors")]
        kept.append({int(name.rpartition("-seed")[2]) for name in names})
    if not kept or not set.intersection(*kept):
        lacking = [row.name for row, seeds in zip(rows, kept, strict=True) if not seeds]
        raise CourseError(
            f"expected weights of one seed for {', '.join(row.name for row in rows)} in "
            f"{settings.checkpoints}, found none for {', '.join(lacking) or 'a seed of all'}; "
            "try `vaecourse reproduce` for them without --resume"
        )
    seed = min(set.intersection(*kept))
    paths = [checkpoints.checkpoint(row, seed, settings.checkpoints) for row in rows]
    models = [
        checkpoints.load(path, row, seed, settings.precision)[0]
        for path, row in zip(paths, rows, strict=True)
    ]
    return [model for model in models if isinstance(model, VAE)], seed


def _score(images: Tensor, x: Tensor, y: Tensor) -> tuple[float, float]:
    shares, classes = agreement(images, x, y)
    return round(shares.mean().item(), 4), round(classes, 4)
