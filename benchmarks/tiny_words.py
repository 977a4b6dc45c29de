"""Pictures told apart by words alone, beside words that should not help."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from tiny_data import Pool
from tiny_intervals import Accuracy, class_bootstrap, judge

import fgmm
from fgmm.fieldguide import FieldGuide
from fgmm.prompts import class_matrix

__all__ = [
    "Controlled",
    "birds_among_20",
    "by_words",
    "control",
    "draw_tasks",
    "scramble",
    "swap",
    "task_accuracy",
]


def cosines(encoder, pool: Pool, words: dict[str, str]) -> np.ndarray:
    """Every picture with every class of the pool by its words, in the default templates."""
    classes = class_matrix(encoder, {c: words[c] for c in pool.classes})
    return pool.joint.cosine(classes.matrix).numpy()


def by_words(encoder, pool: Pool, words: dict[str, str]) -> Accuracy:
    """Accuracy among all classes of the pool."""
    guess = np.array(pool.classes)[cosines(encoder, pool, words).argmax(1)]
    return judge(guess == pool.keys, pool.keys)


def draw_tasks(n_classes: int, n_way: int = 20, draws: int = 300) -> np.ndarray:
    """Random sets of classes, (draws, n_way): the same ones whatever is compared on them."""
    rng = np.random.default_rng(1)
    return np.stack([rng.choice(n_classes, n_way, replace=False) for _ in range(draws)])


def task_accuracy(scores: np.ndarray, truth: np.ndarray, tasks: np.ndarray) -> np.ndarray:
    """Accuracy of each class: the mean over the tasks it is in, over all its pictures.

    Parameters
    ----------
    scores : ndarray of shape (n, k)
    truth : ndarray of shape (n,), int
    tasks : ndarray of shape (draws, n_way), int
        Classes to choose from; a picture is asked about where its class is among them.

    Returns
    -------
    ndarray of shape (k,)
        NaN for a class that is in no task.
    """
    right, tried = np.zeros(scores.shape[1]), np.zeros(scores.shape[1])
    for chosen in tasks:
        rows = np.isin(truth, chosen)
        hit = chosen[scores[rows][:, chosen].argmax(1)] == truth[rows]
        np.add.at(right, truth[rows], hit)
        np.add.at(tried, truth[rows], 1)
    with np.errstate(invalid="ignore"):
        return right / tried


def swap(words: dict[str, str], rng: random.Random) -> dict[str, str]:
    """Texts exchanged along one random ring: every class has another's, none its own."""
    ring = rng.sample(sorted(words), len(words))
    return {c: words[ring[i - 1]] for i, c in enumerate(ring)}


def scramble(text: str, rng: random.Random) -> str:
    """Letters shuffled within each word."""
    return " ".join("".join(rng.sample(w, len(w))) for w in text.split())


@dataclass(frozen=True)
class Controlled:
    """Macro accuracies, and by how much the true words beat a control, paired by class."""

    true: float
    true_interval: tuple[float, float]
    control: dict[str, float]
    ahead: dict[str, float]
    ahead_interval: dict[str, tuple[float, float]]


def control(encoder, pool: Pool, words: dict[str, str], draws: int = 10) -> Controlled:
    """20-way accuracy by words, beside the same words swapped and scrambled.

    Every wording is judged on the same tasks. A class's accuracy under a control is its mean
    over ``draws`` of that control; the bootstrap resamples classes, each with its difference.
    """
    words = {c: words[c] for c in pool.classes}
    truth = np.searchsorted(pool.classes, pool.keys)
    tasks = draw_tasks(len(words))

    def per_class(told: dict[str, str]) -> np.ndarray:
        return task_accuracy(cosines(encoder, pool, told), truth, tasks)

    rng = random.Random(2)
    true = per_class(words)
    found = {
        "swapped": np.mean([per_class(swap(words, rng)) for _ in range(draws)], axis=0),
        "scrambled": np.mean(
            [
                per_class({c: scramble(text, rng) for c, text in words.items()})
                for _ in range(draws)
            ],
            axis=0,
        ),
    }
    return Controlled(
        float(true.mean()),
        class_bootstrap(true),
        {name: float(v.mean()) for name, v in found.items()},
        {name: float((true - v).mean()) for name, v in found.items()},
        {name: class_bootstrap(true - v) for name, v in found.items()},
    )


def birds_among_20(encoder, guide: FieldGuide, per_species: int = 10) -> Accuracy:
    """Base species in poses never trained on (odd seeds), each among 19 others drawn for it."""
    rng = np.random.default_rng(3)
    names = [s.name for s in guide.base]
    plates = [guide.draw(n, seed=2 * i + 1).image for n in names for i in range(per_species)]
    vectors = fgmm.embed_images(plates, encoder=encoder, batch_size=64)
    scores = vectors.cosine(class_matrix(encoder, names).matrix).numpy()
    truth = np.repeat(np.arange(len(names)), per_species)
    right = np.zeros(len(truth))
    for i, t in enumerate(truth):
        others = rng.choice(np.delete(np.arange(len(names)), t), 19, replace=False)
        right[i] = scores[i, t] > scores[i, others].max()
    return judge(right, truth)
