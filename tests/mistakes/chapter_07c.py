"""Typical mistakes in the "your turn" cells of this chapter."""

NOISE = "def my_noise(z, mu, logvar): return "
MISTAKES = {
    "my-noise": [
        f"{NOISE}(z - mu) / logvar.exp()",
        f"{NOISE}(z - mu) / logvar",
        f"{NOISE}z / (0.5 * logvar).exp()",
        f"{NOISE}(z - mu) * (0.5 * logvar).exp()",
    ],
    "my-beta": [
        "my_beta = 784 / 10",
        "my_beta = 1 / 784",
        "my_beta = 10",
        "my_beta = 1",
    ],
}
