"""Typical mistakes in the "your turn" cells of this chapter."""

PIXELS = "p = F.binary_cross_entropy_with_logits(l, x, reduction='none')"

MISTAKES = {
    "turn-seen": [
        f"def my_nll(l, x, m):\n    {PIXELS}\n    return p.flatten(1).sum(1)",
        f"def my_nll(l, x, m):\n    {PIXELS}\n    return (p * ~m).flatten(1).sum(1)",
        "def my_nll(l, x, m):\n"
        "    p = F.binary_cross_entropy_with_logits(l * m, x * m, reduction='none')\n"
        "    return p.flatten(1).sum(1)",
        f"def my_nll(l, x, m):\n    {PIXELS}\n    return (p * m).sum()",
    ],
    "turn-bayes": [
        "def my_posterior(loss): return loss.softmax(dim=1)",
        "def my_posterior(loss): return (-loss).softmax(dim=0)",
        "def my_posterior(loss): return (-loss).log_softmax(dim=1)",
        "def my_posterior(loss): return loss / loss.sum(dim=1, keepdim=True)",
    ],
}
