"""Typical mistakes in the "your turn" cells of this chapter."""

MISTAKES = {
    "turn-std": [
        "def my_std(mean, x): return (x - mean).square().mean()",
        "def my_std(mean, x): return (x - mean).abs().mean()",
        "def my_std(mean, x): return (x - mean).square().sum().sqrt()",
        "def my_std(mean, x): return (x - mean).std()",
        "def my_std(mean, x): return (x - mean).std(correction=0)",
    ],
    "turn-mean": [
        "my_answers = (1.0, 0.75)",
        "my_answers = (0.75, 0.75)",
        "my_answers = (1.0, 1.0)",
    ],
}
