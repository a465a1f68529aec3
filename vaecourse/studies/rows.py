"""The experiments of the source reports, as data, with their published figures.

A study is a report; a row is one model in it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vaecourse.errors import unknown_name

PRETRAINED = "pretrained"  # the study of the weights that come with the package
FIGURES = ("applications", "faces", "smiles")  # studies without a report's rows, see `measuring`
DIGITS = "without-digits"  # the data on which the pretrained models of digits are trained

TURNED_DOGS = "stanford-dogs-turned"


@dataclass(frozen=True)
class Row:
    """One model of a report: what is trained, how, on what, and what was published.

    `published` is nats an image ("recon_nll", "kl", "loss"), from the place that `source` names.
    The loss is recon_nll + beta · kl. `by` is "report" where the training is the report's own, and
    "course" where it is one of ours, set beside a published figure or not.
    """

    study: str
    name: str
    source: str
    network: str  # as `variants.building.build` names them
    latent_dim: int
    num_epochs: int
    batch_size: int
    lr: float
    beta: float = 1.0
    objective: str = "negative_elbo"  # one of OBJECTIVES
    init: str = "pytorch"  # first weights: PyTorch's own, "glorot", Keras's, or those of "of"
    one_cycle: bool = False
    data: str = "train"  # a key of DATA
    weight_decay: float = 0.0
    clip_norm: float | None = None
    lr_floor: float | None = None  # where a cosine from lr ends; there is none without it
    of: str = ""  # the pretrained model in whose latent space this one is trained
    by: str = "report"
    published: dict[str, float] = field(default_factory=dict)

    def protocol(self) -> dict[str, Any]:
        """What the trained weights depend on, beside the seed and the precision."""
        others = {"study", "name", "source", "published", "by"}
        others |= {name for name, usual in UNUSUAL.items() if getattr(self, name) == usual}
        return {key: value for key, value in asdict(self).items() if key not in others}


# settings that a protocol names only where they differ from these: most rows do without them
UNUSUAL: dict[str, Any] = {"of": "", "weight_decay": 0.0, "clip_norm": None, "lr_floor": None}
DATA = {
    "train": "MNIST's 60,000 training images",
    "all": "MNIST's 60,000 training and 10,000 test images",
    DIGITS: "MNIST's training images without the 1,000 of the test split of 'digits'",
    "faces": "drawn faces",
    "stanford-dogs": "photos of Stanford Dogs, as many as are at hand",
    TURNED_DOGS: "such photos, 16 times each, mirrored and turned by up to 10 degrees",
    "smiles": "three of every five faces of the train split, and their mirror images",
}
SHARPENED = ("plain_on", "features", "adversarial")  # a decoder trained on, by which forces
NOTHING_RANDOM = ("reconstruction_loss", "vq_loss", "code_loss")  # their losses need no draws
OBJECTIVES = (
    "negative_elbo",
    "squared_error",
    "optimal_std_elbo",
    "denoising",
    *NOTHING_RANDOM,
    *SHARPENED,
)


def _s3(latent_dim: int, beta: float, recon_nll: float, kl: float, loss: float) -> Row:
    return Row(
        study="S3",
        name=f"n{latent_dim}-beta{beta:g}",
        source=f"S3.3, n = {latent_dim}, β = {beta:g}",
        network="mlp",
        latent_dim=latent_dim,
        beta=beta,
        num_epochs=300,
        batch_size=256,
        lr=1e-4,
        published={"recon_nll": recon_nll, "kl": kl, "loss": loss},
    )


def _s1(name: str, source: str, loss: float, **changes: Any) -> list[Row]:
    """A model by the report's protocol and by an honest one."""
    base = Row(
        study="S1",
        name=name,
        source=source,
        network="conv",
        latent_dim=2,
        num_epochs=30,
        batch_size=128,
        lr=1e-3,
        init="glorot",  # the report's models are Keras's
        data="all",
        published={"loss": loss},
    )
    report = replace(base, **changes)
    honest = replace(report, name=f"{name}-honest", data="train", published={}, by="course")
    return [report, honest]


_S3 = [
    _s3(1, 1.0, 156.82, 4.22, 161.04),
    _s3(2, 1.0, 137.70, 6.80, 144.49),
    _s3(64, 1.0, 76.23, 23.80, 100.03),
    _s3(64, 0.1, 59.18, 77.68, 66.94),
    _s3(64, 0.5, 69.50, 34.30, 86.65),
    _s3(64, 2.0, 87.29, 15.46, 118.20),
    _s3(64, 10.0, 143.37, 3.69, 180.22),
]
# the same network and data by a schedule of our own: soon at the published loss, and far below it
_OURS = replace(_S3[2], batch_size=128, lr=3e-3, one_cycle=True, by="course")
_FAST = replace(_OURS, name="n64-beta1-fast", num_epochs=22)
_BEST = replace(_OURS, name="n64-beta1-best", num_epochs=300)
_S1 = [
    _s1("base", "S1.1, 2-D", 151.5002),
    _s1("third-convolution", "S1.2, 128 filters more", 141.4165, network="conv-3"),
    _s1("1d", "S1.3, 1-D", 163.2497, latent_dim=1),
    _s1("10d", "S1.4, 10-D", 124.3071, latent_dim=10),
    _s1("mse", "S1.5, squared error", 37.5024, objective="squared_error"),
]

# the same model and protocol, but for what its layers start from
_PYTORCH_INIT = replace(_S1[0][0], name="base-pytorch-init", init="pytorch", by="course")


def _pretrained(
    name: str, network: str, latent_dim: int, num_epochs: int, objective: str = "", of: str = ""
) -> Row:
    usual = "reconstruction_loss" if network == "mlp-autoencoder" else "negative_elbo"
    return Row(
        study=PRETRAINED,
        name=name,
        source="",
        network=network,
        latent_dim=latent_dim,
        num_epochs=num_epochs,
        batch_size=128,
        lr=2e-3,
        objective=objective or usual,
        of=of,
        init="glorot" if network.startswith("conv") else "pytorch",
        one_cycle=True,
        data=DIGITS,
        by="course",
    )


_SMILES = replace(
    _pretrained("smiles-32d", "grey-faces", 32, 12, "optimal_std_elbo"),
    data="smiles",
    batch_size=64,
)

# S2.4's training: AdamW down to 1e-6 by a cosine, weight decay 1e-5, gradients clipped at norm 1;
# it starts from 2e-3, four times S2.4's rate, for the network is narrow and the training short
_RESIDUAL = Row(
    study=PRETRAINED,
    name="faces-residual-256d",
    source="",
    network="colour-residual-small",
    latent_dim=256,
    num_epochs=4,
    batch_size=32,
    lr=2e-3,
    objective="optimal_std_elbo",
    data="faces",
    weight_decay=1e-5,
    clip_norm=1.0,
    lr_floor=1e-6,
    by="course",
)


def _sharper(objective: str) -> Row:
    """The decoder of that model trained on, its encoder as it is."""
    return replace(
        _RESIDUAL,
        study="sharper",
        name=objective.replace("_", "-"),
        network="colour-residual-small-decoder",
        objective=objective,
        of=_RESIDUAL.name,
        init="of",
        num_epochs=1,
        batch_size=16,
        lr=5e-4,
    )


_SHARPER = [_sharper(each) for each in ("plain_on", "adversarial")]
_SHARP = replace(_SHARPER[-1], study=PRETRAINED, name="faces-sharper-256d")
# the same recipe on photos, as they are and turned; both see about 12,000 pictures
_DOGS = [
    replace(
        _RESIDUAL, study="dogs", name=name, data=data, num_epochs=num_epochs, batch_size=16, lr=5e-4
    )
    for name, data, num_epochs in (
        ("as-they-are", "stanford-dogs", 128),
        ("turned", TURNED_DOGS, 8),
    )
]

STUDIES: dict[str, list[Row]] = {
    "S1": [*(pair[i] for i in (0, 1) for pair in _S1), _PYTORCH_INIT],
    "S3": [*_S3, _FAST, _BEST],
    PRETRAINED: [
        _pretrained("mnist-autoencoder-2d", "mlp-autoencoder", 2, 40),
        _pretrained("mnist-mlp-2d", "mlp", 2, 40),
        _pretrained("mnist-mlp-10d", "mlp", 10, 40),
        _pretrained("mnist-mlp-64d", "mlp", 64, 40),
        _pretrained("mnist-conv-2d", "conv", 2, 8),
        _pretrained("mnist-conv3-2d", "conv-3", 2, 8),
        _SMILES,
        _pretrained("mnist-vq", "vq", 16, 8, "vq_loss"),
        _pretrained("mnist-vq-prior", "code-prior", 64, 8, "code_loss", of="mnist-vq"),
        _RESIDUAL,
        _SHARP,
        _pretrained("mnist-10d-denoiser", "denoiser", 10, 40, "denoising", of="mnist-mlp-10d"),
        _pretrained("mnist-64d-denoiser", "denoiser", 64, 40, "denoising", of="mnist-mlp-64d"),
    ],
    "sharper": _SHARPER,
    "dogs": _DOGS,
}


def by_beta() -> list[Row]:
    """S3's models that differ in β alone, by β."""
    rows = [row for row in _S3 if row.latent_dim == 64]
    return sorted(rows, key=lambda row: row.beta)


def choose(studies: Sequence[str] = (), only: Sequence[str] = ()) -> list[Row]:
    """The rows of these studies (all, where none is named) with these names (all, likewise).

    Each once, however often it is named. Raises CourseError for a study or a row that does not
    exist.
    """
    for study in studies:
        if study not in STUDIES:
            raise unknown_name("study", study, (*STUDIES, *FIGURES))
    rows = [row for study in dict.fromkeys(studies) or STUDIES for row in STUDIES[study]]
    for name in only:
        if name not in [row.name for row in rows]:
            raise unknown_name("row", name, [row.name for row in rows])
    return [row for row in rows if not only or row.name in only]
