"""First stage: the image tower alone learns to tell the base classes apart.

Four linear layers, one a set, stand in place of words. Every batch mixes the sets,
because batch norm must meet in training the mixture it meets in use.
"""

from __future__ import annotations

import time
from pathlib import Path

import timm
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from tiny_training.augment import centre_views, random_views
from tiny_training.data import PictureSet

__all__ = ["MEAN", "SHARES", "STD", "TRUNK", "Average", "mixed_batch", "normalise", "train_classes"]

TRUNK = "cs3darknet_s"
MEAN, STD = 0.5, 0.25
SHARES = {"general": 0.54, "grocery": 0.16, "flowers": 0.18, "birds": 0.12}
# the general set is underfitted and hardly changed; the two fine sets are soon known by heart
LOOKS: dict[str, dict[str, float]] = {
    "general": {"smallest": 0.5, "rotate": 10, "erase": 0.1, "colour": 0.2},
    "grocery": {"smallest": 0.25, "rotate": 25, "colour": 0.4, "hue": 0.06},
    "flowers": {"smallest": 0.25, "rotate": 25},
    "birds": {},
}


class Average:
    """Exponential moving average of a module's weights and batch norm statistics."""

    def __init__(self, module: nn.Module, decay: float = 0.998) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in module.state_dict().items()}

    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value.detach(), 1 - decay)
            else:
                self.state[key].copy_(value)


def normalise(views: Tensor) -> Tensor:
    return ((views - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def shrink(found: PictureSet, side: int) -> Tensor:
    """A set's pictures at little more than the size a stage needs."""
    if found.pictures.shape[-1] <= side:
        return found.pictures
    parts = [
        centre_views(chunk, side).mul_(255).round_().byte() for chunk in found.pictures.split(1000)
    ]
    return torch.cat(parts)


def mixed_batch(
    sets: list[PictureSet], pictures: list[Tensor], size: int, px: int, generator: torch.Generator
) -> tuple[Tensor, list[Tensor]]:
    """Views of all sets in one batch, and each set's labels in the same order."""
    views, labels = [], []
    for found, pool in zip(sets, pictures, strict=True):
        pick = torch.randint(len(found), (round(size * SHARES[found.name]),), generator=generator)
        views.append(random_views(pool[pick], px, generator, **LOOKS[found.name]))
        labels.append(found.labels[pick])
    return normalise(torch.cat(views)), labels


def train_classes(
    sets: list[PictureSet],
    steer: list[PictureSet],
    out: Path,
    *,
    minutes: float,
    px: int = 64,
    size: int = 192,
) -> None:
    """Train, report on the steering sets, and write ``out`` every few minutes."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    trunk = timm.create_model(TRUNK, num_classes=0).to(memory_format=torch.channels_last)
    heads = nn.ModuleDict({s.name: nn.Linear(trunk.num_features, len(s.classes)) for s in sets})
    model = nn.ModuleDict({"trunk": trunk, "heads": heads}).train()
    average = Average(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    pictures = [shrink(s, px * 5 // 4) for s in sets]
    start, step, said, seen = time.time(), 0, 0.0, 0
    while (gone := (time.time() - start) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, step / 100) * (1 - 0.9 * gone)
        views, labels = mixed_batch(sets, pictures, size, px, generator)
        with torch.autocast("cpu", torch.bfloat16):
            features = trunk(views)
        parts = features.float().split([len(y) for y in labels])
        loss = sum(
            functional.cross_entropy(heads[s.name](f), y, label_smoothing=0.1, reduction="sum")
            for s, f, y in zip(sets, parts, labels, strict=True)
        ) / len(views)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad()
        average.update(model, step)
        step, seen = step + 1, seen + len(views)
        if time.time() - said > 150:
            said = time.time()
            torch.save({"average": average.state, "model": model.state_dict(), "step": step}, out)
            print(
                f"{time.time() - start:6.0f}s step {step} seen {seen} loss {loss.item():.3f} {judge(model, average, steer, px)}",
                flush=True,
            )
    torch.save({"average": average.state, "model": model.state_dict(), "step": step}, out)
    print(f"done: {seen} pictures, {judge(model, average, steer, px)}", flush=True)


@torch.inference_mode()
def judge(model: nn.ModuleDict, average: Average, steer: list[PictureSet], px: int) -> str:
    kept = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average.state)
    model.eval()
    told = []
    for found in steer:
        views = normalise(centre_views(found.pictures[:2000], px))
        with torch.autocast("cpu", torch.bfloat16):
            features = torch.cat([model["trunk"](v) for v in views.split(250)]).float()
        right = (
            (model["heads"][found.name](features).argmax(1) == found.labels[:2000]).float().mean()
        )
        told.append(f"{found.name} {right:.3f}")
    model.load_state_dict(kept)
    model.train()
    return " ".join(told)
