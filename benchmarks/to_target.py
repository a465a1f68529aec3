"""Seconds to a published loss: S3's largest model by the course's fast row."""

import time

from vaecourse.data import load
from vaecourse.studies.rows import STUDIES
from vaecourse.studies.training import build
from vaecourse.training import evaluate, fit, one_cycle

FAST = next(row for row in STUDIES["S3"] if row.name == "n64-beta1-fast")
REPORT = next(row for row in STUDIES["S3"] if row.name == "n64-beta1")


def measure(seed: int = 100) -> dict[str, float]:
    """Seconds of the whole training, the test loss at its end and the published one, in nats.

    The seed is none of those that the stored results were made with.
    """
    model, x, x_test = build(FAST, seed), load("mnist", "train").x, load("mnist", "test").x
    start = time.perf_counter()
    fit(
        model,
        x,
        num_epochs=FAST.num_epochs,
        batch_size=FAST.batch_size,
        lr=FAST.lr,
        schedule=one_cycle,
        precision="bfloat16",
        seed=seed,
    )
    seconds = time.perf_counter() - start
    return {
        "epochs": FAST.num_epochs,
        "seconds": round(seconds, 1),
        "test_loss": round(evaluate(model, x_test)["loss"], 2),
        "published_loss": FAST.published["loss"],
        "published_epochs": REPORT.num_epochs,
    }


def sentence(found: dict[str, float], usual_seconds: float) -> str:
    """One line; the usual loop's share is its seconds an epoch times the report's epochs."""
    usual = found["published_epochs"] * usual_seconds
    return (
        f"to the published {found['published_loss']} nats: fit needs {found['epochs']} epochs, "
        f"{found['seconds']:.0f} s, and ends at {found['test_loss']}; {found['published_epochs']} "
        f"epochs of the usual loop would take {usual:.0f} s, {usual / found['seconds']:.0f} times "
        "as long"
    )
