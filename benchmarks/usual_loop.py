"""The loop of most tutorials: `DataLoader`, `ToTensor` for each picture, `.item()` in each step."""

from collections.abc import Callable

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import to_pil_image, to_tensor

from benchmarks.workloads import Workload
from vaecourse.vae import negative_elbo


class Pictures(Dataset):
    """As torchvision's MNIST gives them: a PIL image each, turned into a tensor when asked for."""

    def __init__(self, workload: Workload):
        self.levels = (workload.images() * 255).round().to(torch.uint8)

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index: int) -> torch.Tensor:
        return to_tensor(to_pil_image(self.levels[index]))


def prepare(workload: Workload) -> Callable[[], float]:
    """A function that trains one more epoch and returns its mean loss, in nats an image."""
    model = workload.model()
    loader = DataLoader(Pictures(workload), batch_size=workload.batch_size, shuffle=True)

    def epoch() -> float:
        optimiser = torch.optim.Adam(model.parameters(), lr=workload.lr)
        total = 0.0
        for x in loader:
            loss, _ = negative_elbo(model, x)
            optimiser.zero_grad()
            loss.mean().backward()
            optimiser.step()
            total += loss.sum().item()
        return total / workload.num_images

    return epoch
