"""One step of training: images, loss, gradient, and what Adam makes of it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaecourse.checks import named_terms
from vaecourse.device import keep_memory, packed, set_threads
from vaecourse.errors import CourseError, check_number
from vaecourse.training.measuring import Objective
from vaecourse.training.schedules import Schedule
from vaecourse.vae import Image


@dataclass
class Adam:
    """What the optimiser is told: `fit` says what each is."""

    lr: float
    schedule: Schedule | None
    weight_decay: float
    clip_norm: float | None


class Step:
    """One step of Adam, and what it needs: the images, the optimiser, where they lie."""

    def __init__(
        self,
        model: nn.Module,
        x: Image,
        objective: Objective,
        place: torch.device,
        precision: str,
        adam: Adam,
    ):
        set_threads()
        keep_memory()
        on_gpu = place.type == "cuda"
        model.to(place).to(memory_format=torch.channels_last)  # convolutions are faster so
        if isinstance(objective, nn.Module):
            objective.to(place)
        self.model, self.objective, self.place, self.adam = model, objective, place, adam
        self.dtype = next(model.parameters()).dtype
        x = x.detach()
        self.x = packed(x).to(place) if on_gpu else x.to(place, self.dtype)
        self.autocast = torch.autocast(place.type, torch.bfloat16, enabled=precision == "bfloat16")
        # a CUDA graph sees a tensor change
        rate = torch.tensor(adam.lr, device=place) if on_gpu else adam.lr
        self.optimiser = torch.optim.AdamW(  # Adam itself where weight_decay is 0
            model.parameters(),
            lr=rate,
            weight_decay=adam.weight_decay,
            fused=True,
            capturable=on_gpu,
        )
        self.names: list[str] = []  # of the numbers that a step gives

    def __call__(self, index: Tensor) -> Tensor:
        """One step on the images of these numbers; the sums of the loss and of its terms."""
        images = self.x[index].to(self.dtype)
        if self.x.dtype == torch.uint8:
            images = images / 255
        with self.autocast:
            terms = named_terms(self.objective(self.model, images), len(images), self.names)
        if not terms["loss"].requires_grad:
            raise CourseError(
                "expected a loss that depends on the weights, got one without a graph; "
                "try it without detach() and no_grad()"
            )
        self.names = list(terms)
        self.optimiser.zero_grad()
        terms["loss"].mean().backward()
        if self.adam.clip_norm is not None:  # without .item(), so that a CUDA graph holds it
            nn.utils.clip_grad_norm_(self.model.parameters(), self.adam.clip_norm)
        self.optimiser.step()
        return torch.stack([values.sum() for values in terms.values()]).detach()

    def advance(self, done: float) -> None:
        """Tell the learning rate, and an objective that wants to know, how much is done."""
        if self.adam.schedule is not None:
            factor = self.adam.schedule(done)
            check_number("the factor that schedule gives", factor, "schedule=one_cycle")
            (group,) = self.optimiser.param_groups
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(self.adam.lr * factor)
            else:
                group["lr"] = self.adam.lr * factor
        if hasattr(self.objective, "advance"):
            self.objective.advance(done)
