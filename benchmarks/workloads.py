"""The two trainings that are timed; every contestant does the same work on the same images."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from vaecourse.data import load
from vaecourse.networks import build, glorot_init
from vaecourse.vae import VAE, negative_elbo


@dataclass(frozen=True)
class Workload:
    """A model of a report, its batch and its learning rate; an epoch is `num_images` of MNIST."""

    title: str
    network: str
    latent_dim: int
    batch_size: int
    lr: float
    num_images: int

    def model(self) -> VAE:
        torch.manual_seed(0)
        model = build(self.network, self.latent_dim)
        assert isinstance(model, VAE)
        if self.network == "conv":
            glorot_init(model)  # as Keras starts its own
        return model

    def images(self) -> Tensor:
        x = torch.cat([load("mnist", "train").x, load("mnist", "test").x])
        return x[: self.num_images]

    def flops(self) -> int:
        """Floating-point operations of an epoch, forward and backward, as PyTorch counts them.

        They are those of the matrix products and convolutions; the rest is left out, so the time
        that follows from them is a floor.
        """
        model, x = self.model(), self.images()[: self.batch_size]
        with FlopCounterMode(display=False) as counter:
            loss, _ = negative_elbo(model, x)
            loss.mean().backward()
        return counter.get_total_flops() * self.num_images // self.batch_size


WORKLOADS = {
    "S3": Workload("S3, 784–256–256–64, batch 256", "mlp", 64, 256, 1e-4, 60_000),
    "S1": Workload("S1, base model, batch 128", "conv", 2, 128, 1e-3, 70_000),
}
