"""How a row of scores is judged: accuracies by class, differences, base classes taken in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tiny_words import draw_tasks, task_accuracy
from torch import Tensor

from fewshot.intervals import class_interval
from fgmm.joint import calibrated

__all__ = [
    "by_class",
    "difference",
    "harmonic",
    "harmonic_difference",
    "harmonic_summary",
    "pick_gamma",
    "summary",
    "usual_and_calibrated",
]

RESAMPLES = 10_000

Accuracies = dict[str, np.ndarray]


def by_class(scores: Tensor, truth: np.ndarray) -> Accuracies:
    """Accuracy of each class, among 20 drawn ones (the same draws every time) and among all."""
    table, k = scores.numpy(), scores.shape[1]
    right = table.argmax(1) == truth
    return {
        "20-way": task_accuracy(table, truth, draw_tasks(k)),
        "all": np.array([right[truth == c].mean() for c in range(k)]),
    }


def summary(accuracies: Accuracies) -> dict[str, Any]:
    """Mean over classes with its interval over classes."""
    return {
        way: {"mean": float(v.mean()), "class_ci95": class_interval(v)}
        for way, v in accuracies.items()
    }


def difference(one: Accuracies, other: Accuracies) -> dict[str, Any]:
    """One less the other, paired by class."""
    return {
        way: {
            "mean": float((v - other[way]).mean()),
            "class_ci95": class_interval(v - other[way], (-1.0, 1.0)),
        }
        for way, v in one.items()
    }


def pick_gamma(folds: list[tuple[Tensor, np.ndarray, np.ndarray]]) -> float:
    """What seen classes must lose for the best harmonic mean on held-out base classes.

    Parameters
    ----------
    folds : list of (scores (n, k), truth (n,), seen (k,))
        Pictures of seen and of held-out classes, scored among all of them; bool ``seen``.

    Returns
    -------
    float
        In the unit of the scores. Of equals the one nearest to 0.
    """
    parts = [gains(*fold) for fold in folds]
    leads = np.sort(np.concatenate([lead for lead, *_ in parts]))
    tried = np.unique([0.0, *np.quantile(leads, np.linspace(0, 1, 401))])
    means = np.mean([[at_gamma(part, g) for g in tried] for part in parts], axis=0)
    best = tried[means >= means.max() - 1e-12]
    return float(best[np.abs(best).argmin()])


def gains(scores: Tensor, truth: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lead of the best seen over the best unseen class, whether each is right, and the truth."""
    table = scores.double().numpy()
    a = np.where(seen, table, -np.inf)
    b = np.where(seen, -np.inf, table)
    lead = a.max(1) - b.max(1)
    return lead, a.argmax(1) == truth, b.argmax(1) == truth, truth, seen


def at_gamma(part: tuple[np.ndarray, ...], gamma: float) -> float:
    lead, right_seen, right_unseen, truth, seen = part
    right = np.where(lead > gamma, right_seen, right_unseen)
    classes = np.unique(truth)
    each = np.array([right[truth == c].mean() for c in classes])
    return harmonic(each[~seen[classes]].mean(), each[seen[classes]].mean())


def harmonic(unseen: float, seen: float) -> float:
    """Harmonic mean; 0 where one is."""
    return 2 * unseen * seen / (unseen + seen) if unseen and seen else 0.0


def usual_and_calibrated(
    scores: Tensor, truth: np.ndarray, seen: np.ndarray, gamma: float
) -> dict[str, dict[str, np.ndarray]]:
    """Accuracies of seen and unseen classes among all of them, without and with calibration."""
    found = {}
    for name, loss in (("usual", 0.0), ("calibrated", gamma)):
        best = calibrated(scores, torch.from_numpy(seen), loss).argmax(1).numpy()
        each = {c: float((best[truth == c] == c).mean()) for c in np.unique(truth).tolist()}
        found[name] = {
            "U": np.array([v for c, v in each.items() if not seen[c]]),
            "S": np.array([v for c, v in each.items() if seen[c]]),
        }
    return found


def harmonic_summary(own: dict[str, np.ndarray]) -> dict[str, Any]:
    """U, S and H with its interval; classes of each side drawn with replacement."""
    return {
        "U": float(own["U"].mean()),
        "S": float(own["S"].mean()),
        "H": harmonic(float(own["U"].mean()), float(own["S"].mean())),
        "H class_ci95": np.quantile(resampled(own), (0.025, 0.975)).tolist(),
    }


def harmonic_difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, Any]:
    """H of the one less that of the other, with the same classes drawn for both."""
    h = [harmonic(float(row["U"].mean()), float(row["S"].mean())) for row in (one, other)]
    drawn = resampled(one) - resampled(other)
    return {"mean": h[0] - h[1], "class_ci95": np.quantile(drawn, (0.025, 0.975)).tolist()}


def resampled(row: dict[str, np.ndarray]) -> np.ndarray:
    """H of classes drawn with replacement; the same draws for rows of as many classes."""
    rng = np.random.default_rng(0)
    u, s = (
        row[side][rng.integers(len(row[side]), size=(RESAMPLES, len(row[side])))].mean(1)
        for side in ("U", "S")
    )
    return 2 * u * s / np.maximum(u + s, 1e-12)
