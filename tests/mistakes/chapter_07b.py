"""Typical mistakes in the "your turn" cells of this chapter."""

STD = "def my_std(x_recon, x_true): return (x_true - x_recon)"
NATS = "nats = math.log(0.1) + 0.5 * math.log(2 * math.pi)\n"
MISTAKES = {
    "turn-integral": [
        "my_integral = 1",
        "my_integral = math.log(2)",
        "my_integral = 0.25",
        "my_integral = 0",
        "my_integral = 2",
    ],
    "turn-bits": [
        f"{NATS}my_bits = nats / math.log(2)",
        f"{NATS}my_bits = nats + 8",
        f"{NATS}my_bits = nats",
        "my_bits = math.log2(0.1) + 8",
        f"{NATS}my_bits = nats * math.log(2) + 8",
        "my_bits = 8",
    ],
    "turn-std": [
        f"{STD}.square().mean()",
        f"{STD}.square().sum().sqrt()",
        f"{STD}.abs().mean()",
        f"{STD}.std()",
        f"{STD}.mean()",
    ],
}
