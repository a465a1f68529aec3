"""Typical mistakes in the "your turn" cells of this chapter."""

MISTAKES = {
    "turn-skew": [
        "def my_skewness(z): return z.pow(3).mean(0)",
        "def my_skewness(z): return (z / z.std(0)).pow(3).mean(0)",
        "def my_skewness(z): return (z - z.mean(0)).pow(3).mean(0)",
        "def my_skewness(z): return ((z - z.mean(0)) / z.std(0)).pow(4).mean(0)",
        "def my_skewness(z): return ((z - z.mean(0)) / z.std(0)).pow(3).mean()",
    ],
    "turn-gap": [
        "def my_share(draws, z, limit): return (torch.cdist(draws, z).amin(1) > limit).sum()",
        "def my_share(a, z, limit): return (torch.cdist(a, z).amin(1) <= limit).float().mean()",
        "def my_share(a, z, limit): return (torch.cdist(a, z).amax(1) > limit).float().mean()",
        "def my_share(a, z, limit): return (torch.cdist(a, z) > limit).float().mean()",
        "def my_share(a, z, limit): return (torch.cdist(a, z).amin(0) > limit).float().mean()",
    ],
    "turn-moves": [
        "def my_movements(g): return (g[1:] - g[:-1]).square().flatten(1).sum(1)",
        "def my_movements(g): return (g[1:] - g[:-1]).flatten(1).sum(1)",
        "def my_movements(g): return (g[1:] - g[0]).flatten(1).norm(dim=1)",
        "def my_movements(g): return (g[1:] - g[:-1]).norm()",
    ],
}
