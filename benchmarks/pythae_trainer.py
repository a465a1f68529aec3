"""pythae's trainer on the same network; it trains whole runs, so an epoch is a step of its own."""

import logging
import tempfile
from collections.abc import Callable

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor

from benchmarks.workloads import Workload

logging.disable(logging.INFO)


class Encoder(BaseEncoder):
    def __init__(self, workload: Workload):
        super().__init__()
        self.network = workload.model().encoder

    def forward(self, x: Tensor) -> ModelOutput:
        mu, logvar = self.network(x).chunk(2, dim=1)
        return ModelOutput(embedding=mu, log_covariance=logvar)


class Decoder(BaseDecoder):
    def __init__(self, workload: Workload):
        super().__init__()
        self.network = workload.model().decoder

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z).sigmoid())


def prepare(workload: Workload) -> Callable[[], float]:
    """A function that trains one more epoch and returns its mean loss, in nats an image."""
    x = workload.images()
    config = VAEConfig(
        input_dim=tuple(x.shape[1:]), latent_dim=workload.latent_dim, reconstruction_loss="bce"
    )
    trainer = BaseTrainer(
        model=VAE(config, Encoder(workload), Decoder(workload)),
        train_dataset=BaseDataset(x, torch.zeros(len(x))),
        training_config=BaseTrainerConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=workload.batch_size,
            learning_rate=workload.lr,
            num_epochs=1,
            no_cuda=True,
        ),
    )
    trainer.prepare_training()
    number = 0

    def epoch() -> float:
        nonlocal number
        number += 1
        trainer.set_optimizer()
        return float(trainer.train_step(number))

    return epoch
