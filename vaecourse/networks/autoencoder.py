"""The plain autoencoder, and how Keras starts its layers."""

import torch
from torch import Tensor, nn


class Autoencoder(nn.Module):
    """An encoder to one point z and a decoder back, with nothing random between them.

    `encoder` maps images to z (batch, latent_dim), `decoder` maps z to logits of the images' shape.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [0, 1], of the shape of x."""
        return self(x).sigmoid()


@torch.no_grad()
def glorot_init(model: nn.Module) -> None:
    """Start linear and convolutional layers as Keras does, in place: PyTorch's defaults differ.

    Weights are uniform in ±√(6 / (fan_in + fan_out)), biases zero (Glorot and Bengio,
    "Understanding the difficulty of training deep feedforward neural networks", 2010, equation 16).
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
