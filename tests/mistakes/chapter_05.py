"""Typical mistakes in the "your turn" cells of this chapter."""

MISTAKES = {
    "turn-bound": [
        "def my_bound(log_w): return log_w.mean(dim=0)",
        "def my_bound(log_w): return torch.logsumexp(log_w, dim=0)",
        "def my_bound(log_w): return log_w.exp().mean(dim=0).log()",
        "def my_bound(log_w): return math.log(3) - torch.logsumexp(log_w, dim=0)",
        "def my_bound(log_w): return torch.logsumexp(log_w, dim=0) / len(log_w)",
    ],
    "turn-bits": [
        "def my_bits(log_p, n): return log_p / (n * math.log(2))",
        "def my_bits(log_p, n): return -log_p / n",
        "def my_bits(log_p, n): return -log_p * math.log(2) / n",
        "def my_bits(log_p, n): return -log_p / math.log(2)",
    ],
}
