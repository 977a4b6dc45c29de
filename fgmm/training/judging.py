"""Pictures held out: the loss on them, and how often the nearest text is their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fgmm.training.objective import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from fgmm.training.batches import PictureViews
    from fgmm.training.objective import Objective
    from fgmm.training.trainee import Trainee

__all__ = ["judge_pairs", "nearest_accuracy"]

_AT_ONCE = 64


@torch.no_grad()
def judge_pairs(trainee: Trainee, objective: Objective, views: PictureViews) -> tuple[float, float]:
    """Judge by pictures as they are, each with its first text.

    Parameters
    ----------
    trainee : Trainee
        In ``eval`` mode.
    objective : Objective
    views : PictureViews
        Of the pairs held out; they are not changed by chance.

    Returns
    -------
    loss : float
        Without additions, over all of them as one batch; in nats.
    accuracy : float
        In [0, 1]. With prototypes, of pictures that are not alone in their class.
    """
    items = views.pairs.items
    said = [pair.texts[0] for pair in items if pair.texts]
    with_texts = objective.loss != "prototypes"

    def asked() -> Iterator[list[tuple[int, int]]]:
        for start in range(0, len(items), _AT_ONCE):
            yield [(row, 0) for row in range(start, min(start + _AT_ONCE, len(items)))]

    pictures = [trainee.pictures(prepared) for prepared in views.stream(asked(), 0)]
    texts = [
        trainee.texts(said[start : start + _AT_ONCE])
        for start in range(0, len(said) if with_texts else 0, _AT_ONCE)
    ]
    number = {label: at for at, label in enumerate(views.pairs.classes)}
    if number:
        groups = torch.tensor([number[pair.label or ""] for pair in items])
    else:
        first = {text: at for at, text in reversed(list(enumerate(said)))}
        groups = torch.tensor([first[text] for text in said])
    groups = groups.to(pictures[0].device)
    seen = Seen(torch.cat(pictures), torch.cat(texts) if with_texts else None, groups)
    loss, logits = objective.main(seen)
    if with_texts:
        return float(loss), nearest_accuracy(logits, groups, groups)
    columns, own = torch.unique(groups, return_inverse=True)
    others = torch.isfinite(logits.gather(1, own[:, None])[:, 0])  # not alone in their class
    return float(loss), nearest_accuracy(logits[others], groups[others], columns)


def nearest_accuracy(logits: Tensor, rows: Tensor, columns: Tensor) -> float:
    """Share of rows whose highest logit is in a column of their group.

    Parameters
    ----------
    logits : Tensor of shape (n, k)
    rows : Tensor of shape (n,), int64
        Groups of rows.
    columns : Tensor of shape (k,), int64
        Groups of columns.

    Returns
    -------
    float
        In [0, 1]; NaN where there is no row.

    Examples
    --------
    >>> nearest_accuracy(torch.eye(2), torch.tensor([3, 4]), torch.tensor([3, 5]))
    0.5
    """
    return float((columns[logits.argmax(1)] == rows).double().mean())
