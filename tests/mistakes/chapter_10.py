"""Typical mistakes in the "your turn" cells of this chapter."""

GROUPS = """groups = (other, ~other)
    arrows = [z[g & has].mean(0) - z[g & ~has].mean(0) for g in groups]"""
MISTAKES = {
    "my-direction": [
        "def my_direction(z, has): return z[~has].mean(dim=0) - z[has].mean(dim=0)",
        "def my_direction(z, has): return z[has].sum(dim=0) - z[~has].sum(dim=0)",
        "def my_direction(z, has): return z[has].mean(dim=0) - z.mean(dim=0)",
        "def my_direction(z, has): return (z[has].mean(dim=0) - z[~has].mean(dim=0)).mean()",
    ],
    "my-balanced": [
        f"def my_balanced(z, has, other):\n    {GROUPS}\n    return sum(arrows)",
        "def my_balanced(z, has, other): return z[has].mean(dim=0) - z[~has].mean(dim=0)",
        f"def my_balanced(z, has, other):\n    {GROUPS}\n    return arrows[0]",
        f"def my_balanced(z, has, other):\n    {GROUPS}\n    return arrows[0] - arrows[1]",
    ],
}
