"""Typical mistakes in the "your turn" cells of this chapter."""

MISTAKES = {
    "turn-slope": [
        "def my_slope(logvar, eps): return torch.exp(0.5 * logvar) * eps",
        "def my_slope(logvar, eps): return eps",
        "def my_slope(logvar, eps): return 0.5 * torch.exp(0.5 * logvar)",
        "def my_slope(logvar, eps): return 0.5 * torch.exp(logvar) * eps",
    ],
    "turn-score": [
        "def my_score(z, mu, logvar): return (z - mu) ** 2 / logvar.exp() - 1",
        "def my_score(z, m, v): return ((z - m) ** 2 / v.exp() - 1) / (0.5 * v).exp()",
        "def my_score(z, mu, logvar): return 0.5 * (z - mu) ** 2 / logvar.exp()",
        "def my_score(z, mu, logvar): return 0.5 * (1 - (z - mu) ** 2 / logvar.exp())",
        "def my_score(z, mu, logvar): return (z - mu) / logvar.exp()",
        "def my_score(z, mu, logvar): return 0.5 * (((z - mu) / logvar) ** 2 - 1)",
    ],
    "turn-others": [
        "def my_baseline(f): return f.mean(dim=0).expand_as(f)",
        "def my_baseline(f): return (f.sum(dim=0) - f) / len(f)",
        "def my_baseline(f): return f.sum(dim=0) - f",
        "def my_baseline(f): return (f.sum(dim=1, keepdim=True) - f) / (len(f) - 1)",
    ],
}
