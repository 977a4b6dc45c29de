"""The parameters of a `JointEmbedding`, chosen on held-out base classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from fgmm.joint.class_regression import choose, held_out_scores
from fgmm.joint.contrastive import ContrastiveEmbedding
from fgmm.progress import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fgmm.joint.contrastive import FittedContrastiveEmbedding

__all__ = ["EmbeddingChoice", "choose_embedding", "class_accuracies", "find_sharpness"]

# Decided with base classes only, some of them held out; docs/knowledge-figures.md has the figures.
# Of equals the first is taken.
_PENALTIES = (1.0, 0.3, 3.0, 0.1, 10.0, 0.03, 30.0, 100.0, 300.0)
_ANCESTORS, _STEPS = (0.0, 0.3, 0.6), (0, 5, 10, 20)
_SHARPNESS = (1.0, 1.5, 2.2, 3.3, 5.0, 7.5, 11.0, 17.0, 25.0, 37.0, 55.0)


class EmbeddingChoice(NamedTuple):
    """What was chosen.

    Parameters
    ----------
    method : ContrastiveEmbedding
        Not fitted.
    accuracy : float
        Mean accuracy of a class that was held out, in [0, 1].
    sharpness : float
        Nats a cosine of 1 is worth.
    """

    method: ContrastiveEmbedding
    accuracy: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class _Counted:
    """A method that counts its fits on a bar."""

    method: ContrastiveEmbedding
    bar: ProgressBar

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedContrastiveEmbedding:
        fitted = self.method.fit(features, labels, classes)
        self.bar.advance()
        return fitted


def choose_embedding(
    features: Tensor,
    labels: Tensor,
    classes: Tensor,
    widths: tuple[int, int],
    *,
    folds: int = 5,
    seed: int = 0,
    progress: bool | None = None,
) -> EmbeddingChoice:
    """Choose penalty, weight of ancestors and steps of contrast, one after the other.

    A contrast is taken only where it gains more than the standard error of its gain: it is easily
    best by chance, and then does harm.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        Of pictures of base classes.
    labels : Tensor of shape (n,), int64
        Rows of ``classes``.
    classes : Tensor of shape (k, sum(widths))
        Rows of `ClassInputs`.
    widths : tuple of two int
        Columns of attributes, and of ancestors.
    folds : int, default=5
        Into how many parts the base classes are split.
    seed : int, default=0
        Of the split and of the contrast.
    progress : bool, optional
        False: no bar. By default there is one over the fits after two seconds, on a terminal.

    Returns
    -------
    EmbeddingChoice

    Raises
    ------
    DatasetError, ValueError
        As in `choose`.
    """

    def made(penalty: float, steps: int, ancestors: float) -> _Counted:
        method = ContrastiveEmbedding(penalty, steps, widths, (1.0, ancestors), seed)
        return _Counted(method, bar)

    def best(ways: Sequence[_Counted]) -> ContrastiveEmbedding:
        return choose(ways, features, labels, classes, folds=folds, seed=seed).best.method

    weights = [a for a in _ANCESTORS if widths[1] or not a]
    fits = folds * (len(_PENALTIES) + len(weights) + len(_STEPS))
    # one after the other: a full grid would be many times the fits
    with ProgressBar("Learning", fits, progress) as bar:
        penalty = best([made(p, 0, 0.0) for p in _PENALTIES]).penalty
        above = best([made(penalty, 0, a) for a in weights]).weights[1]
        tried = []
        for steps in _STEPS:
            way = made(penalty, steps, above)
            held = held_out_scores(way, features, labels, classes, folds=folds, seed=seed)
            tried.append((way.method, held, class_accuracies(held)))
    plain = tried[0][2]
    sure = [t for t in tried if not t[0].steps or _is_sure(t[2] - plain)]
    method, held, each = max(sure, key=lambda t: float(t[2].mean()))
    return EmbeddingChoice(method, float(each.mean()), find_sharpness(held))


def class_accuracies(held: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Give the accuracy of each class that was held out.

    Parameters
    ----------
    held : sequence of (Tensor of shape (n, k), Tensor of shape (n,))
        Scores of held-out classes, and the rows of the right ones.

    Returns
    -------
    Tensor of shape (the sum of k,), float64
        In [0, 1], one part after the other.

    Examples
    --------
    >>> class_accuracies([(torch.eye(2), torch.tensor([0, 0]))])[0]
    tensor(0.5000, dtype=torch.float64)
    """
    parts = []
    for scores, truth in held:
        right = (scores.argmax(1) == truth).double()
        k = scores.shape[1]
        of_class = torch.bincount(truth, weights=right, minlength=k)
        parts.append(of_class / torch.bincount(truth, minlength=k))
    return torch.cat(parts)


def _is_sure(gains: Tensor) -> bool:
    """Whether the mean of classes' gains is above its standard error."""
    return bool(gains.mean() > gains.std() / len(gains) ** 0.5)


def find_sharpness(held: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Find the multiple of the scores under which the right classes are likeliest.

    Parameters
    ----------
    held : sequence of (Tensor of shape (n, k), Tensor of shape (n,))
        Scores of held-out classes, and the rows of the right ones.

    Returns
    -------
    float
        Nats a score of 1 is worth, 1 to 55.

    Examples
    --------
    Right three times in four: the best is log 3, and the nearest that is tried 1.

    >>> find_sharpness([(torch.tensor([[1.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1]))])
    1.0
    """

    def loss(scale: float) -> float:
        each = [
            torch.nn.functional.cross_entropy(scale * scores, truth, reduction="sum")
            for scores, truth in held
        ]
        return float(torch.stack(each).sum())

    return min(_SHARPNESS, key=loss)
