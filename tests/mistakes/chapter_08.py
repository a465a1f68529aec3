"""Typical mistakes in the "your turn" cells of this chapter."""

AVERAGE = """def my_choice(scores):
    average = {dim: sum(v) / len(v) for dim, v in scores.items()}
    best = min(average, key=average.get)
   """
MISTAKES = {
    "my-active": [
        "def my_active(mu): return int((mu.std(dim=0, correction=0) > 0.01).sum())",
        "def my_active(mu): return int((mu.square().mean(dim=0) > 0.01).sum())",
        "def my_active(mu): return int((mu.var(correction=0) > 0.01).sum())",
        "def my_active(mu): return int((mu.var(dim=0, correction=0) <= 0.01).sum())",
        "def my_active(mu): return mu.var(dim=0, correction=0) > 0.01",
    ],
    "my-choice": [
        f"{AVERAGE} return best",
        f"""{AVERAGE} limit = average[best] + torch.tensor(scores[best]).std()
    return min(dim for dim in scores if average[dim] <= limit)""",
        "def my_choice(scores): return min(scores, key=lambda dim: min(scores[dim]))",
        f"{AVERAGE} return max(average, key=average.get)",
    ],
}
