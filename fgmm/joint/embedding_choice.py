"""The parameters of a `JointEmbedding`, chosen on held-out base classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from fgmm.joint.class_regression import choose, held_out_scores
from fgmm.joint.contrastive import ContrastiveEmbedding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["EmbeddingChoice", "choose_embedding", "find_sharpness"]

# Of equals the first is taken, which is the simplest.
_PENALTIES, _STEPS, _ANCESTORS = (1.0, 0.1, 10.0), (0, 40, 120), (0.0, 0.6)
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


def choose_embedding(
    features: Tensor,
    labels: Tensor,
    classes: Tensor,
    widths: tuple[int, int],
    *,
    folds: int = 5,
    seed: int = 0,
) -> EmbeddingChoice:
    """Choose penalty, weight of ancestors and steps of contrast, one after the other.

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

    Returns
    -------
    EmbeddingChoice

    Raises
    ------
    DatasetError, ValueError
        As in `choose`.
    """

    def made(penalty: float, steps: int, ancestors: float) -> ContrastiveEmbedding:
        return ContrastiveEmbedding(penalty, steps, widths, (1.0, ancestors), seed)

    def best(ways: Sequence[ContrastiveEmbedding]) -> tuple[ContrastiveEmbedding, float]:
        found = choose(ways, features, labels, classes, folds=folds, seed=seed)
        return found.best, max(found.accuracies)

    # one after the other: a full grid would be many times the fits
    penalty = best([made(p, 0, 0.0) for p in _PENALTIES])[0].penalty
    ways = [made(penalty, 0, a) for a in _ANCESTORS if widths[1] or not a]
    above = best(ways)[0].weights[1]
    method, accuracy = best([made(penalty, s, above) for s in _STEPS])
    held = held_out_scores(method, features, labels, classes, folds=folds, seed=seed)
    return EmbeddingChoice(method, accuracy, find_sharpness(held))


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
    >>> find_sharpness([(torch.eye(2), torch.tensor([0, 1]))])
    55.0
    """

    def loss(scale: float) -> float:
        each = [
            torch.nn.functional.cross_entropy(scale * scores, truth, reduction="sum")
            for scores, truth in held
        ]
        return float(torch.stack(each).sum())

    return min(_SHARPNESS, key=loss)
