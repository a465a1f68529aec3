"""Typical mistakes in the "your turn" cells of this chapter."""

MEAN = "def mean(values): return sum(values) / len(values)\n"  # a part of the cell that is given
ARC = """def my_arc(z_1, z_2, angle, alpha):
    sin = torch.sin
    a, b = sin((1 - alpha) * angle), sin(alpha * angle)
   """
MISTAKES = {
    "my-line": [
        "def my_line(z_1, z_2, alpha): return alpha * z_1 + (1 - alpha) * z_2",
        "def my_line(z_1, z_2, alpha): return z_1 + alpha * z_2",
        "def my_line(z_1, z_2, alpha): return (1 - alpha) * z_1 + z_2",
        "def my_line(z_1, z_2, alpha): return (z_1 + z_2) / 2",
    ],
    "my-rise": [
        f"{MEAN}my_rise = mean(judged['VAE\\nends']) - mean(judged['VAE\\nhalf-way'])",
        f"{MEAN}my_rise = mean(judged['VAE\\nhalf-way'])",
        f"{MEAN}my_rise = mean(judged['VAE\\nhalf-way']) - no_digit(x_val)",
    ],
    "my-arc": [
        f"{ARC} return (b * z_1 + a * z_2) / sin(angle)",
        f"{ARC} return a * z_1 + b * z_2",
        f"{ARC} return (1 - alpha) * z_1 + alpha * z_2",
    ],
}
STAND_INS = {  # the chapter trains six networks for these
    "my-rise": """
places, x_val = ("ends", "half-way"), None
judged = {"VAE\\nends": [0.1, 0.2, 0.3], "VAE\\nhalf-way": [0.3, 0.5, 0.7]}
def no_digit(images): return 0.05
"""
}
