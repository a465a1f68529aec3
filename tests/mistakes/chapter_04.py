"""Typical mistakes in the "your turn" cells of this chapter."""

MISTAKES = {
    "turn-z": [
        "def my_z(mu, logvar, eps): return mu + logvar.exp() * eps",
        "def my_z(mu, logvar, eps): return mu + logvar * eps",
        "def my_z(mu, logvar, eps): return mu",
        "def my_z(mu, logvar, eps): return torch.exp(0.5 * logvar) * eps",
    ],
    "turn-kl": [
        "def my_kl(m, v): return 0.5 * (m**2 + v.exp() - 1 - v).mean(dim=1)",
        "def my_kl(m, v): return (m**2 + v.exp() - 1 - v).sum(dim=1)",
        "def my_kl(m, v): return 0.5 * (1 + v - m**2 - v.exp()).sum(dim=1)",
        "def my_kl(m, v): return 0.5 * (m**2 + v.exp() - 1 - v).sum()",
        "def my_kl(m, v): return 0.5 * (m**2 + v - 1 - v).sum(dim=1)",
    ],
    "turn-beta": [
        "my_beta = 784",
        "my_beta = 2 / 784",
        "my_beta = 1",
        "my_beta = 2 * 784",
    ],
}
