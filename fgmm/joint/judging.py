"""How scores of seen and unseen classes are judged.

Accuracies are by class, in [0, 1], so that a class of many pictures counts no more than another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float64]

__all__ = [
    "SeenUnseen",
    "beside_seen",
    "by_class",
    "cross_calibrated",
    "harmonic_interval",
    "harmonic_mean",
    "pick_gamma",
]

_RESAMPLES = 10_000
_TRIED = 401


class SeenUnseen(NamedTuple):
    """Accuracies of classes that were trained on, and of others, all of them to choose from.

    Parameters
    ----------
    unseen : ndarray of shape (u,)
        Accuracy of each unseen class, in [0, 1]; its mean is called U.
    seen : ndarray of shape (s,)
        Accuracy of each seen class, in [0, 1]; its mean is called S.

    Examples
    --------
    >>> found = SeenUnseen(np.array([0.5, 0.0]), np.array([0.75]))
    >>> round(found.harmonic, 3)
    0.375
    """

    unseen: Floats
    seen: Floats

    @property
    def harmonic(self) -> float:
        """Harmonic mean of U and S, called H."""
        return harmonic_mean(float(self.unseen.mean()), float(self.seen.mean()))


def by_class(scores: Tensor, truth: NDArray[np.intp]) -> Floats:
    """Give the accuracy of each class.

    Parameters
    ----------
    scores : Tensor of shape (n, k)
        Higher is better; the first of equals is the answer.
    truth : ndarray of shape (n,), int
        Column of the right class.

    Returns
    -------
    ndarray of shape (k,)
        In [0, 1]; NaN for a class without a picture.

    Examples
    --------
    >>> import torch
    >>> by_class(torch.eye(3)[:, :2], np.array([0, 1, 1]))
    array([1. , 0.5])
    """
    return _share(scores.argmax(1).numpy() == truth, truth, scores.shape[1])


def beside_seen(
    scores: Tensor, truth: NDArray[np.intp], seen: NDArray[np.bool_], gamma: float = 0.0
) -> SeenUnseen:
    """Judge pictures of seen and unseen classes, all of them to choose from.

    Parameters
    ----------
    scores : Tensor of shape (n, k)
        Higher is better.
    truth : ndarray of shape (n,), int
        Column of the right class.
    seen : ndarray of shape (k,), bool
        Which classes were trained on.
    gamma : float, default=0.0
        What seen classes lose, as in `fgmm.joint.calibrated`.

    Returns
    -------
    SeenUnseen
        Of the classes that have pictures.

    Examples
    --------
    >>> import torch
    >>> scores = torch.tensor([[2.0, 1.0], [2.0, 1.9]])  # both look like the seen class
    >>> truth, seen = np.array([0, 1]), np.array([True, False])
    >>> beside_seen(scores, truth, seen).harmonic, beside_seen(scores, truth, seen, 0.5).harmonic
    (0.0, 1.0)
    """
    return _sides(_Leads.of(scores, truth, seen).right(gamma), truth, seen)


def pick_gamma(folds: Sequence[tuple[Tensor, NDArray[np.intp], NDArray[np.bool_]]]) -> float:
    """Find what seen classes must lose for the best harmonic mean.

    Parameters
    ----------
    folds : sequence of (scores (n, k), truth (n,), seen (k,))
        Pictures of seen and unseen classes, all of them to choose from; their harmonic means are
        averaged. Both sides need a class with pictures.

    Returns
    -------
    float
        In the unit of the scores; of equals the one nearest to 0.

    References
    ----------
    Chao, Changpinyo, Gong, Sha: An empirical study and analysis of generalized zero-shot
    learning for object recognition in the wild. ECCV 2016, "calibrated stacking".

    Examples
    --------
    >>> import torch
    >>> scores = torch.tensor([[3.0, 1.0], [2.0, 1.0]])
    >>> pick_gamma([(scores, np.array([0, 1]), np.array([True, False]))])
    1.0
    """
    parts = [(_Leads.of(*fold), fold) for fold in folds]
    leads = np.concatenate([part.lead for part, _ in parts])
    # only at a picture's own lead does an answer change
    tried = np.unique([0.0, *np.quantile(leads, np.linspace(0, 1, _TRIED))])
    means = np.mean(
        [[_sides(part.right(g), y, seen).harmonic for g in tried] for part, (_, y, seen) in parts],
        axis=0,
    )
    best = tried[means >= means.max() - 1e-12]
    return float(best[np.abs(best).argmin()])


def cross_calibrated(
    scores: Tensor, truth: NDArray[np.intp], seen: NDArray[np.bool_], *, seed: int = 0
) -> SeenUnseen:
    """Judge with a gamma that is chosen on other classes than those it is used for.

    Seen and unseen classes are each split into two halves at random. The gamma that is best for
    the pictures of one half judges those of the other; all classes stay there to choose from.

    Parameters
    ----------
    scores : Tensor of shape (n, k)
        Higher is better.
    truth : ndarray of shape (n,), int
        Column of the right class.
    seen : ndarray of shape (k,), bool
        Which classes were trained on.
    seed : int, default=0
        Of the split.

    Returns
    -------
    SeenUnseen

    Raises
    ------
    DatasetError
        If there are pictures of fewer than two seen, or two unseen, classes.

    Examples
    --------
    >>> import torch
    >>> scores = torch.eye(4) + torch.tensor([2.0, 2.0, 0.0, 0.0])  # two classes are favoured
    >>> seen = np.array([True, True, False, False])
    >>> cross_calibrated(scores, np.arange(4), seen).harmonic
    1.0
    """
    classes = np.unique(truth)
    rng = np.random.default_rng(seed)
    half = np.zeros(len(seen), dtype=bool)
    for side, what in ((classes[seen[classes]], "seen"), (classes[~seen[classes]], "unseen")):
        if len(side) < 2:
            raise DatasetError(
                f"there are pictures of {len(side)} {what} classes: give two or more, so that "
                "gamma can be chosen on one half and judged on the other"
            )
        half[rng.permutation(side)[::2]] = True
    right = np.zeros(len(truth), dtype=bool)
    for asked in (half[truth], ~half[truth]):
        gamma = pick_gamma([(scores[~asked], truth[~asked], seen)])
        right[asked] = _Leads.of(scores[asked], truth[asked], seen).right(gamma)
    return _sides(right, truth, seen)


def harmonic_mean(unseen: float, seen: float) -> float:
    """Give the harmonic mean of two accuracies; 0 where one is.

    Parameters
    ----------
    unseen, seen : float
        In [0, 1].

    Returns
    -------
    float

    Examples
    --------
    >>> round(harmonic_mean(0.2, 0.6), 3), harmonic_mean(0.0, 1.0)
    (0.3, 0.0)
    """
    return 2 * unseen * seen / (unseen + seen) if unseen and seen else 0.0


def harmonic_interval(own: SeenUnseen, other: SeenUnseen | None = None) -> tuple[float, float]:
    """Tell how H might fare with other classes, or how far it is ahead of another's H.

    Parameters
    ----------
    own : SeenUnseen
    other : SeenUnseen, optional
        Of the same classes, which are drawn together.

    Returns
    -------
    tuple of float
        95 % percentile interval over classes, those of each side drawn with replacement 10,000
        times; the same every time. Of few classes it is too narrow.

    Examples
    --------
    >>> one = SeenUnseen(np.full(9, 0.5), np.full(9, 0.5))
    >>> harmonic_interval(one), harmonic_interval(one, one)
    ((0.5, 0.5), (0.0, 0.0))
    """
    rng = np.random.default_rng(0)
    drawn = [rng.integers(len(side), size=(_RESAMPLES, len(side))) for side in own]

    def resampled(row: SeenUnseen) -> Floats:
        u, s = (side[rows].mean(1) for side, rows in zip(row, drawn, strict=True))
        return np.asarray(2 * u * s / np.maximum(u + s, 1e-12))

    values = resampled(own) - (0 if other is None else resampled(other))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


class _Leads(NamedTuple):
    """Of each picture by how much the best seen class leads, and whether either side is right."""

    lead: Floats
    seen_right: NDArray[np.bool_]
    unseen_right: NDArray[np.bool_]

    @classmethod
    def of(cls, scores: Tensor, truth: NDArray[np.intp], seen: NDArray[np.bool_]) -> _Leads:
        table = scores.double().numpy()
        a = np.where(seen, table, -np.inf)
        b = np.where(seen, -np.inf, table)
        return cls(a.max(1) - b.max(1), a.argmax(1) == truth, b.argmax(1) == truth)

    def right(self, gamma: float) -> NDArray[np.bool_]:
        """Whether each picture's answer is right; at a tie the unseen class is the answer."""
        return np.where(self.lead > gamma, self.seen_right, self.unseen_right)


def _sides(
    right: NDArray[np.bool_], truth: NDArray[np.intp], seen: NDArray[np.bool_]
) -> SeenUnseen:
    each = _share(right, truth, len(seen))
    there = ~np.isnan(each)
    return SeenUnseen(each[there & ~seen], each[there & seen])


def _share(right: NDArray[np.bool_], truth: NDArray[np.intp], k: int) -> Floats:
    counts = np.bincount(truth, minlength=k).astype(float)
    counts[counts == 0] = np.nan
    return np.asarray(np.bincount(truth, weights=right, minlength=k) / counts)
