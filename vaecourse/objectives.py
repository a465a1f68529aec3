"""What else one may minimise. Each objective is called as `negative_elbo` is: (model, x, beta) ->
(loss, recon_nll, kl), each (batch,) in nats."""

from torch import Tensor, nn

from vaecourse.vae import reconstruction_nll


def reconstruction_loss(
    model: nn.Module, x: Tensor, beta: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """A plain autoencoder's objective: −log p(x|z) for the one z the encoder gives.

    There is no posterior, so `kl` is zero and `beta` does nothing.
    """
    recon_nll = reconstruction_nll(model(x), x)
    return recon_nll, recon_nll, recon_nll.new_zeros(len(x))
