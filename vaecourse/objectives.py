"""What else one may minimise. Each objective is called as `negative_elbo` is: (model, x, beta) ->
(loss, recon_nll, kl), each (batch,) in nats."""

from torch import Tensor, nn

from vaecourse.vae import gaussian_kl, reconstruction_nll


def reconstruction_loss(
    model: nn.Module, x: Tensor, beta: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """A plain autoencoder's objective: −log p(x|z) for the one z the encoder gives.

    There is no posterior, so `kl` is zero and `beta` does nothing.
    """
    recon_nll = reconstruction_nll(model(x), x)
    return recon_nll, recon_nll, recon_nll.new_zeros(len(x))


def squared_error(model: nn.Module, x: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """What many call "a VAE with MSE loss": the pixels' squared error, summed, + beta · KL.

    `recon_nll` then is Σ (x − x_recon)², a −log p(x|z) of pixels N(x_recon, ½) but for a constant,
    so its value cannot be set beside that of another likelihood.
    """
    logits, mu, logvar = model(x)
    error = (x - logits.sigmoid()).square().flatten(1).sum(dim=1)
    kl = gaussian_kl(mu, logvar)
    return error + beta * kl, error, kl
