"""Typical mistakes in the "your turn" cells of this chapter."""

RATIO = "def my_ratio(q, p, z): return "
MISTAKES = {
    "my-ratio": [
        f"{RATIO}p.log_prob(z) - q.log_prob(z)",
        f"{RATIO}q.log_prob(z).exp() / p.log_prob(z).exp()",
        f"{RATIO}q.log_prob(z)",
    ],
    "my-split": [
        "my_information = kl.mean() + holes",
        "my_information = holes - kl.mean()",
        "my_information = kl - holes",
        "my_information = kl.sum() - holes",
    ],
}
STAND_INS = {  # the chapter samples the codes of 4,000 images for it
    "my-split": """
import torch
kl, holes = torch.tensor([5.0, 6.0, 10.0]), torch.tensor(0.5)
""",
}
