"""Lightning's trainer, with its logger, checkpoints and bar switched off; the data in memory."""

import logging
import warnings
from collections.abc import Callable

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.workloads import Workload
from vaecourse.vae import negative_elbo

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")


class Module(LightningModule):
    def __init__(self, workload: Workload):
        super().__init__()
        self.vae, self.lr, self.total = workload.model(), workload.lr, torch.zeros(())

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        loss, _ = negative_elbo(self.vae, batch[0])
        self.total += loss.detach().sum()
        return loss.mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def prepare(workload: Workload) -> Callable[[], float]:
    """A function that trains one more epoch and returns its mean loss, in nats an image."""
    module = Module(workload)
    data = TensorDataset(workload.images())
    loader = DataLoader(data, batch_size=workload.batch_size, shuffle=True)
    done = 0
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )

    def epoch() -> float:
        nonlocal done
        done += 1
        module.total.zero_()
        trainer.fit_loop.max_epochs = done  # one epoch more
        trainer.fit(module, loader)
        return module.total.item() / workload.num_images

    return epoch
