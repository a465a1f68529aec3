"""Typical mistakes in the "your turn" cells of this chapter."""

MISTAKES = {
    "turn-loss": [
        "def my_loss(p, x): return (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)",
        "def my_loss(p, x): return -(x * p.log() + (1 - x) * (1 - p).log()).flatten(1).mean(1)",
        "def my_loss(p, x): return -(x * p.log() + (1 - x) * (1 - p).log()).sum()",
        "def my_loss(p, x): return -(x * p.log()).flatten(1).sum(1)",
    ],
    "conv": [
        "def conv_size(n, k=3, s=2, p=1): return (n + 2 * p - k) / s + 1",
        "def conv_size(n, k=3, s=2, p=1): return (n + 2 * p - k) // s",
        "def conv_size(n, k=3, s=2, p=1): return (n + p - k) // s + 1",
        "def conv_size(n, k=3, s=2, p=1): return (n + 2 * p) // s + 1",
        "def conv_size(n, k=3, s=2, p=1): return n + 2 * p - k + 1",
    ],
    "turn-classes": [
        "def effective_number(q): return (-(q * q.log()).sum()).exp()",
        "def effective_number(q): return torch.special.entr(q).sum()",
        "def effective_number(q): return (-torch.special.entr(q).sum()).exp()",
        "def effective_number(q): return (torch.special.entr(q).sum() / math.log(2)).exp()",
        "def effective_number(q): return (q > 0).sum()",
    ],
}
