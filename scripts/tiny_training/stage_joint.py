"""Second stage: pictures move into a space that words can reach.

A class is an anchor: a linear map of the sentence teacher's vector for one of its
phrasings, plus a vector of the class's own that is sometimes left out, so that the map
alone must carry meaning. Mixed pictures (mixup, and CutMix of Yun et al. 2019) and turned pictures (rotation as a
second question, Mangla et al. 2020, "Charting the right manifold") keep the features
useful for classes never seen.
"""

from __future__ import annotations

import math
import random
import time
from pathlib import Path

import timm
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file
from torch import Tensor, nn

from tiny_training.augment import centre_views
from tiny_training.data import PictureSet
from tiny_training.phrases import ClassTexts
from tiny_training.stage_classes import TRUNK, Average, mixed_batch, normalise, shrink
from tiny_training.teacher import Teacher

__all__ = ["Joint", "phrase_bank", "train_joint"]

DIM = 256
LESSONS = ("mix", "cut", "turn")
PHRASES = 24


def phrase_bank(
    sets: list[PictureSet], texts: dict[str, dict[str, ClassTexts]], teacher: Teacher
) -> dict[str, Tensor]:
    """Teacher vectors of some phrasings of every class: set -> (classes, phrasings, 384)."""
    rng = random.Random(1)
    bank = {}
    for found in sets:
        phrases = [texts[found.name][c].sample(rng) for c in found.classes for _ in range(PHRASES)]
        bank[found.name] = teacher(phrases).view(len(found.classes), PHRASES, teacher.dim)
    return bank


class Joint(nn.Module):
    """Image tower, projection, the map from words, and what only training needs."""

    def __init__(self, sizes: dict[str, int], words: int = Teacher.dim) -> None:
        super().__init__()
        self.trunk = timm.create_model(TRUNK, num_classes=0).to(memory_format=torch.channels_last)
        width = self.trunk.num_features
        self.proj = nn.Linear(width, DIM, bias=False)
        self.meaning = nn.Linear(words, DIM, bias=False)
        self.own = nn.ParameterDict(
            {n: nn.Parameter(torch.zeros(k, DIM)) for n, k in sizes.items()}
        )
        self.heads = nn.ModuleDict({n: nn.Linear(width, k) for n, k in sizes.items()})
        self.turns = nn.Linear(width, 4)
        self.log_scale = nn.Parameter(torch.tensor(math.log(16.0)))

    def anchors(self, name: str, words: Tensor, keep: Tensor | float = 1.0) -> Tensor:
        """Unit vectors of a set's classes from teacher vectors (k, 384)."""
        return functional.normalize(self.meaning(words) + keep * self.own[name], dim=-1)


def first_weights(start_from: Path) -> dict[str, Tensor]:
    """Where to start: what stage "classes" wrote, or the image tower of a shipped folder."""
    if start_from.is_dir():
        shipped = load_file(start_from / "open_clip_model.safetensors")
        kept = {
            k.removeprefix("visual."): v.float() if v.is_floating_point() else v
            for k, v in shipped.items()
            if k.startswith("visual.trunk.")
        }
        return kept | {"proj.weight": shipped["visual.head.proj.weight"].float()}
    stored = torch.load(start_from, weights_only=True)["average"]
    return {k: v for k, v in stored.items() if k.startswith(("trunk.", "heads."))}


def train_joint(
    sets: list[PictureSet],
    steer: list[PictureSet],
    bank: dict[str, Tensor],
    start_from: Path,
    out: Path,
    *,
    minutes: float,
    plan: tuple[tuple[float, int], ...] = ((0.4, 64), (0.72, 96), (1.0, 128)),
    size: int = 192,
    rate: float = 1.5e-3,
) -> None:
    """Train through the plan, a list of (share of the time, pixels), and write ``out``."""
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    model = Joint({s.name: len(s.classes) for s in sets})
    model.load_state_dict(first_weights(start_from), strict=False)
    average = Average(model, 0.999)
    decayed = [p for n, p in model.named_parameters() if p.ndim > 1]
    plain = [p for n, p in model.named_parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], lr=rate
    )
    begun, said, step, seen, px = time.time(), time.time(), 0, 0, 0
    while (gone := (time.time() - begun) / (60 * minutes)) < 1:
        wanted = next(p for share, p in plan if gone < share)
        if wanted != px:
            px, pictures = wanted, [shrink(s, wanted * 5 // 4) for s in sets]
        for group in optimiser.param_groups:
            group["lr"] = (
                rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * gone)) + 1e-6
            )
        views, labels = mixed_batch(sets, pictures, size, px, generator)
        loss = step_loss(model, sets, bank, views, labels, generator, lesson=LESSONS[step % 3])
        if not torch.isfinite(loss):
            raise SystemExit(f"loss is {loss.item()} at step {step}")
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad()
        average.update(model, step)
        step, seen = step + 1, seen + len(views)
        if time.time() - said > 420:
            said = time.time()
            torch.save({"average": average.state}, out)
            print(
                f"{time.time() - begun:6.0f}s step {step} seen {seen} {px}px loss {loss.item():.3f} "
                f"scale {model.log_scale.exp().item():.1f} {judge(model, average, steer, bank, px)}",
                flush=True,
            )
    torch.save({"average": average.state}, out)
    for px in (128, 160):
        print(
            f"done: {seen} pictures; at {px} px {judge(model, average, steer, bank, px)}",
            flush=True,
        )


def step_loss(
    model: Joint,
    sets: list[PictureSet],
    bank: dict[str, Tensor],
    views: Tensor,
    labels: list[Tensor],
    generator: torch.Generator,
    *,
    lesson: str,
) -> Tensor:
    """One batch: its pictures mixed, or cut and mixed, within a set, or half of them turned."""
    counts = [len(y) for y in labels]
    share, partners, turned, turns = 1.0, [torch.arange(n) for n in counts], None, None
    if lesson != "turn":
        share = float(torch.distributions.Beta(0.8, 0.8).sample())
        partners = [torch.randperm(n, generator=generator) for n in counts]
        others = [v[p] for v, p in zip(views.split(counts), partners, strict=True)]
        if lesson == "mix":
            views = torch.lerp(torch.cat(others), views, share)
        else:
            views, share = cut_in(views, torch.cat(others), share, generator)
        views = views.contiguous(memory_format=torch.channels_last)
    else:
        turns = torch.randint(4, (len(views),), generator=generator)
        turned = torch.rand(len(views), generator=generator) < 0.5
        turns[~turned] = 0
        views = views.clone()
        for k in (1, 2, 3):
            views[turns == k] = views[turns == k].rot90(k, (2, 3))
        views = views.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features = model.trunk(views)
    features = features.float()
    joint = functional.normalize(model.proj(features), dim=-1).split(counts)
    loss = torch.zeros(())
    for found, f, z, y, p in zip(
        sets, features.split(counts), joint, labels, partners, strict=True
    ):
        words = bank[found.name]
        pick = torch.randint(words.shape[1], (words.shape[0],), generator=generator)
        keep = (torch.rand(len(words), 1, generator=generator) < 0.7).float()
        anchors = model.anchors(found.name, words[torch.arange(len(words)), pick], keep)
        for logits in (model.log_scale.exp() * z @ anchors.T, model.heads[found.name](f)):
            loss = loss + share * functional.cross_entropy(logits, y, reduction="sum")
            if lesson != "turn":
                loss = loss + (1 - share) * functional.cross_entropy(logits, y[p], reduction="sum")
    loss = loss / len(views)
    if turned is not None and turns is not None:
        loss = loss + 0.5 * functional.cross_entropy(model.turns(features[turned]), turns[turned])
    return loss


def cut_in(
    views: Tensor, others: Tensor, share: float, generator: torch.Generator
) -> tuple[Tensor, float]:
    """Lay one rectangle of other pictures over views; return the share that is left (CutMix)."""
    side = views.shape[-1]
    edge = round(side * (1 - share) ** 0.5)
    top, left = (int(torch.randint(side - edge + 1, (), generator=generator)) for _ in range(2))
    views = views.clone()
    window = (..., slice(top, top + edge), slice(left, left + edge))
    views[window] = others[window]
    return views, 1 - edge * edge / side**2


@torch.inference_mode()
def judge(
    model: Joint, average: Average, steer: list[PictureSet], bank: dict[str, Tensor], px: int
) -> str:
    """Accuracy on the steering sets: by anchor / by linear head."""
    kept = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average.state)
    model.eval()
    told = []
    for found in steer:
        every = max(1, len(found) // 1500)
        truth = found.labels[::every]
        views = normalise(centre_views(found.pictures[::every], px))
        with torch.autocast("cpu", torch.bfloat16):
            features = torch.cat([model.trunk(v) for v in views.split(250)]).float()
        z = functional.normalize(model.proj(features), dim=-1)
        anchors = model.anchors(found.name, bank[found.name].mean(1))
        by_name = ((z @ anchors.T).argmax(1) == truth).float().mean()
        by_head = (model.heads[found.name](features).argmax(1) == truth).float().mean()
        told.append(f"{found.name} {by_name:.3f}/{by_head:.3f}")
    model.load_state_dict(kept)
    model.train()
    return " ".join(told)
