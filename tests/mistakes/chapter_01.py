"""Typical mistakes in the "your turn" cells of this chapter."""

SUM = "def my_a(x):\n    s, ink = (x * u**2).sum(dim=(1, 2, 3)), x.sum(dim=(1, 2, 3))\n   "
MISTAKES = {
    "turn-a": [
        f"{SUM} return s / ink",
        f"{SUM} return (s / ink).sqrt()",
        "def my_a(x):\n    ink = x.sum(dim=(1, 2, 3))\n"
        "    return 2 * ((x * v**2).sum(dim=(1, 2, 3)) / ink).sqrt()",
        f"{SUM} return 2 * s.sqrt()",
        f"{SUM} return 2 * (x * u**2).mean(dim=(1, 2, 3)).sqrt()",
    ],
    "turn-r2": [
        "def my_r2(p, y): return ((p - y)**2).sum(0) / ((y - y.mean(0))**2).sum(0)",
        "def my_r2(p, y): return 1 - ((p - y)**2).sum(0) / (y**2).sum(0)",
        "def my_r2(p, y): return 1 - ((p - y)**2).sum() / ((y - y.mean(0))**2).sum()",
        "def my_r2(p, y): return 1 - (p - y).abs().sum(0) / (y - y.mean(0)).abs().sum(0)",
    ],
    "turn-ruler": [
        "def my_dimension(r_1, r_2): return (r_2 / r_1).log().mean()",
        "def my_dimension(r_1, r_2): return 1 / (r_1 / r_2).log().mean()",
        "def my_dimension(r_1, r_2): return 1 / (r_2 / r_1).mean().log()",
        "def my_dimension(r_1, r_2): return (1 / (r_2 / r_1).log()).mean()",
        "def my_dimension(r_1, r_2): return 1 / (r_2 / r_1).log().sum()",
    ],
}
