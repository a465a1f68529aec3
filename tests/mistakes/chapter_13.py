"""Typical mistakes in the "your turn" cells of this chapter."""

STRAIGHT = "def my_straight(z, entry): return "
NOISE = "def my_noise(z, eps, alpha_bar): return "
MISTAKES = {
    "my-straight": [
        f"{STRAIGHT}entry",
        f"{STRAIGHT}entry - z + z.detach()",
    ],
    "my-price": [
        "my_price = 49 * math.log2(64)",
        "my_price = math.log(64)",
        "my_price = math.log(49 * 64)",
    ],
    "my-noise": [
        f"{NOISE}alpha_bar * z + (1 - alpha_bar) * eps",
        f"{NOISE}(1 - alpha_bar) ** 0.5 * z + alpha_bar**0.5 * eps",
        f"{NOISE}alpha_bar**0.5 * z + eps",
        f"{NOISE}alpha_bar**0.5 * z + (1 - alpha_bar) * eps",
    ],
}
STAND_INS = {"my-price": "import math"}
