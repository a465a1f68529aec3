"""Typical mistakes in the "your turn" cells of this chapter."""

RATE = "def my_rate(lam, beta, noise): return "
MISTAKES = {
    "my-beta": [
        "my_beta = 0.00025 * 3 * 64 * 64",
        "my_beta = 0.00025 * 64 * 64 / 2",
        "my_beta = 2 / (3 * 64 * 64) / 0.00025",
        "my_beta = 0.00025",
    ],
    "my-rate": [
        f"{RATE}0.5 * math.log(lam / (beta * noise))",
        f"{RATE}max(0.0, math.log(lam / (beta * noise)))",
        f"{RATE}max(0.0, 0.5 * math.log2(lam / (beta * noise)))",
        f"{RATE}max(0.0, 0.5 * math.log(lam / noise))",
    ],
}
