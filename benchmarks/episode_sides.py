"""The same episodes through fewshot, easyfsl and scikit-learn, on made-up features."""

from __future__ import annotations

import importlib.util

import numpy as np
import torch

import fewshot
from fewshot import Episodes, EpisodeSampler, Head

__all__ = [
    "INSTALL",
    "easyfsl_accuracies",
    "easyfsl_run",
    "has_easyfsl",
    "made_up_features",
    "ours",
    "rows_by_class",
    "sklearn_accuracies",
]

INSTALL = "pip install easyfsl  # or, to keep your torch: pip install --no-deps easyfsl pandas tqdm"


def has_easyfsl() -> bool:
    """Whether the other side can be run."""
    return all(importlib.util.find_spec(name) for name in ("easyfsl", "pandas", "tqdm"))


def made_up_features(
    n_classes: int = 50, per_class: int = 60, d: int = 512, noise: float = 2.3, seed: int = 0
) -> tuple[torch.Tensor, list[int]]:
    """Unit rows: Gaussian classes whose spread falls off along the axes, as encoders' does.

    At the default noise five-way five-shot prototypes are right three times in four: where
    accuracy is near 100 a wrong formula would not be seen.
    """
    g = torch.Generator().manual_seed(seed)
    spread = torch.arange(1, d + 1).pow(-0.5)
    centres = torch.randn(n_classes, d, generator=g) * spread
    x = centres.repeat_interleave(per_class, 0)
    x = x + noise * spread * torch.randn(n_classes * per_class, d, generator=g)
    return torch.nn.functional.normalize(x, dim=1), [i // per_class for i in range(len(x))]


def rows_by_class(episodes: Episodes) -> torch.Tensor:
    """(e, ways * (shots + queries)): class after class, its photos and then its queries."""
    e, k = episodes.classes.shape
    return torch.cat([episodes.support.view(e, k, -1), episodes.query.view(e, k, -1)], 2).flatten(1)


def loader(features, labels, sizes: tuple[int, int, int], n: int, episodes: Episodes | None = None):
    """Load as easyfsl does: its own dataset, sampler and collate function, torch's loader.

    With ``episodes`` the sampler yields those instead of drawing.
    """
    from easyfsl.datasets import FeaturesDataset
    from easyfsl.samplers import TaskSampler
    from torch.utils.data import DataLoader, Sampler

    class Older(Sampler):
        """`Sampler` of a torch that still took ``data_source``, which TaskSampler gives it."""

        def __init__(self, data_source=None) -> None:
            pass

    class Drawing(TaskSampler, Older):
        """TaskSampler as it is; easyfsl 1.5 cannot be made under the newest torch otherwise."""

    data = FeaturesDataset(labels, features, [str(c) for c in sorted(set(labels))])
    sampler = Drawing(data, *sizes, n)
    drawn = sampler if episodes is None else rows_by_class(episodes).tolist()
    return DataLoader(data, batch_sampler=drawn, collate_fn=sampler.episodic_collate_fn)


def easyfsl_run(model, features, labels, sizes: tuple[int, int, int], n: int) -> float:
    """Draw and evaluate ``n`` tasks as its users do: `easyfsl.utils.evaluate`; the accuracy."""
    from easyfsl.utils import evaluate

    return evaluate(model, loader(features, labels, sizes, n), device="cpu", use_tqdm=False)


def easyfsl_accuracies(model, features, labels, sampler: EpisodeSampler, n: int) -> np.ndarray:
    """Accuracy of each of our first ``n`` episodes under its `evaluate_on_one_task`."""
    from easyfsl.utils import evaluate_on_one_task

    sizes = (sampler.ways[1], sampler.shots[1], sampler.n_query)
    model.eval()
    found = []
    with torch.no_grad():
        for *task, _ in loader(features, labels, sizes, n, sampler.sample(0, n)):
            right, asked = evaluate_on_one_task(model, *task)
            found.append(right / asked)
    return np.array(found)


def sklearn_accuracies(features, labels, sampler: EpisodeSampler, n: int) -> np.ndarray:
    """Accuracy of each of our first ``n`` episodes, one `LogisticRegression` an episode.

    Drawing is ours: scikit-learn has no episodes.
    """
    from sklearn.linear_model import LogisticRegression

    x, y = features.numpy(), np.array(labels)
    episodes = sampler.sample(0, n)
    pairs = zip(episodes.support.numpy(), episodes.query.numpy(), strict=True)
    return np.array(
        [
            LogisticRegression(C=1.0, max_iter=1000).fit(x[s], y[s]).score(x[q], y[q])
            for s, q in pairs
        ]
    )


def ours(head: Head, features, labels, sizes: tuple[int, int, int], n: int) -> fewshot.Evaluation:
    """`fewshot.evaluate` on ``n`` episodes, drawing included."""
    k, shots, queries = sizes
    return fewshot.evaluate(
        head, features, labels, n_way=k, n_shot=shots, n_query=queries, n_episodes=n, progress=False
    )
