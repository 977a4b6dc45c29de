"""Pictures told apart by photos alone: a linear probe, and few-shot episodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tiny_data import Pool
from tiny_intervals import Accuracy, class_bootstrap, judge, percent

__all__ = ["Episodes", "draw_rows", "episodes", "linear_probe"]

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def linear_probe(train: Pool, val: Pool, test: Pool) -> tuple[Accuracy, float]:
    """Logistic regression on features; its strength is chosen on val, then refitted on both.

    Val pictures are those the encoder was not trained on: on others any strength looks right.
    """
    from sklearn.linear_model import LogisticRegression

    centre = train.features.vectors.mean(0).numpy()

    def rows(*pools: Pool) -> tuple[np.ndarray, np.ndarray]:
        x = np.concatenate([p.features.vectors.numpy() for p in pools])
        return (x - centre) * len(centre) ** 0.5, np.concatenate([p.keys for p in pools])

    tried = {
        c: LogisticRegression(C=c, max_iter=500).fit(*rows(train)).score(*rows(val))
        for c in STRENGTHS
    }
    best = max(tried, key=lambda c: tried[c])
    fitted = LogisticRegression(C=best, max_iter=1000).fit(*rows(train, val))
    x, keys = rows(test)
    return judge(fitted.predict(x) == keys, keys), best


@dataclass(frozen=True)
class Episodes:
    """Mean accuracy, half its 95 % interval over episodes, and a bootstrap over classes."""

    mean: float
    half: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        return f"{percent(self.mean, self.interval)} over classes, ± {100 * self.half:.1f} over episodes"


def draw_rows(
    rng: np.random.Generator, support: np.ndarray, query: np.ndarray, shots: int, queries: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one class in one episode: ``shots`` of support, ``queries`` of query.

    No support picture is asked about: what was drawn of ``support`` is left out of ``query``,
    so both may be the same rows. With too few left to ask, queries repeat.
    """
    shown = rng.choice(support, shots, replace=False)
    left = np.setdiff1d(query, shown)
    return shown, rng.choice(left, queries, replace=len(left) < queries)


def episodes(
    support: Pool,
    query: Pool,
    centre: torch.Tensor,
    shots: int,
    n: int = 2000,
    ways: int = 5,
    queries: int = 15,
) -> Episodes:
    """Cosine to the mean of a class's shots, after taking away ``centre`` from all features.

    ``support`` and ``query`` may be one pool: an episode's queries are then other pictures.
    """
    rng = np.random.default_rng([4, shots])
    classes = support.classes

    def units(pool: Pool) -> torch.Tensor:
        return torch.nn.functional.normalize(pool.features.vectors - centre, dim=1)

    # one table of both pools: a row is one picture, and the same picture is one row
    table = units(support) if support is query else torch.cat([units(support), units(query)])
    first = 0 if support is query else len(support.keys)
    shown = {c: np.flatnonzero(support.keys == c) for c in classes}
    asked = {c: np.flatnonzero(query.keys == c) + first for c in classes}
    accuracies, right, tried = [], np.zeros(len(classes)), np.zeros(len(classes))
    for _ in range(n):
        chosen = rng.choice(len(classes), ways, replace=False)
        drawn = [
            draw_rows(rng, shown[c], asked[c], shots, queries) for c in (classes[i] for i in chosen)
        ]
        s_rows, q_rows = (np.stack(rows) for rows in zip(*drawn, strict=True))
        prototypes = torch.nn.functional.normalize(table[s_rows].mean(1), dim=1)
        guess = (table[q_rows] @ prototypes.T).argmax(-1).numpy()
        hit = (guess == np.arange(ways)[:, None]).mean(1)
        accuracies.append(hit.mean())
        np.add.at(right, chosen, hit)
        np.add.at(tried, chosen, 1)
    half = 1.96 * np.std(accuracies, ddof=1) / len(accuracies) ** 0.5
    with np.errstate(invalid="ignore"):
        return Episodes(float(np.mean(accuracies)), float(half), class_bootstrap(right / tried))
