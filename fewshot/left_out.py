"""What the photos of a support say of one of them that they do not know: leave-one-out.

In closed form: no model is fitted again. With one photo less every mean that it entered moves
along a known line, so that inner products with the photo and with the class means are enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.photo_evidence import GENERAL, WITHIN_SHARE, log_background

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.photo_evidence import PhotoModel

__all__ = ["leave_one_out"]


def leave_one_out(
    model: PhotoModel, points: Tensor, labels: Tensor, sums: Tensor, counts: Tensor
) -> Tensor:
    """Evidence of every photo of the support, as if it had not been given.

    The photo is taken out of its class, out of ``m_0``, and, where no background told them,
    out of ``W`` and ``B``.

    Parameters
    ----------
    model : PhotoModel
        From `PhotoModel.of_support`, or from `PhotoModel.of_background` and then
        `PhotoModel.centred`; not refined.
    points : Tensor of shape (..., s, d)
        Coordinates of the support.
    labels : Tensor of shape (..., s), int64
        -1 for padding.
    sums, counts : Tensor
        As in `evidence`, with every photo.

    Returns
    -------
    Tensor of shape (..., s, k)
        Nats; 0 in the rows of photos that have no other of their class.
    """
    own = labels.clamp(min=0)
    points = torch.where((labels >= 0).unsqueeze(-1), points, 0.0)
    n = counts.to(points)
    left = (n.gather(-1, own).unsqueeze(-1) - 1).clamp(min=0)  # other photos of its class
    others = sums.gather(-2, own.unsqueeze(-1).expand(points.shape)) - points
    if model.basis is None:
        found = _left_out_of_a_sphere(model, points, own, labels, others, left, sums, n)
    else:
        found = _left_out_of_the_mean(model, points, own, others, left, sums, n)
    return torch.where(left > 0, found, 0.0)


def _left_out_of_the_mean(
    model: PhotoModel,
    points: Tensor,
    own: Tensor,
    others: Tensor,
    left: Tensor,
    sums: Tensor,
    n: Tensor,
) -> Tensor:
    """`leave_one_out` where a background gives ``W`` and ``B``: only ``m_0`` moves."""
    b, place = model.between, own.unsqueeze(-1)
    seen = (n > 0).sum(-1)[..., None, None]
    mean = others / left.clamp(min=1)
    moved = (mean - points) / (left + 1) / (GENERAL + seen)
    # a class mean seen from the moved m_0 is off by moved / (n b + 1)
    share = 1 / (n.unsqueeze(-1) * b + 1)
    centre, precision = b * share * sums, 1 / (1 + b * share)
    leaning = precision * share
    quadratic = (
        points.square() @ precision.mT
        - 2 * points @ (precision * centre).mT
        - 2 * (points * moved) @ leaning.mT
        + 2 * moved @ (leaning * centre).mT
        + moved.square() @ (leaning * share).mT
        + (precision * centre.square() - precision.log()).sum(-1).unsqueeze(-2)
    )
    share = 1 / (left * b + 1)
    off = points - b * share * others - moved * share
    apart = (off.square() / (1 + b * share) + (1 + b * share).log()).sum(-1, keepdim=True)
    quadratic = quadratic.scatter(-1, place, apart)
    rest = log_background(model, points - moved, (points - moved).square())
    return torch.where(n.unsqueeze(-2) > 0, -0.5 * quadratic - rest, 0.0)


def _left_out_of_a_sphere(
    model: PhotoModel,
    points: Tensor,
    own: Tensor,
    labels: Tensor,
    others: Tensor,
    left: Tensor,
    sums: Tensor,
    n: Tensor,
) -> Tensor:
    """`leave_one_out` where `PhotoModel.of_support` guessed: ``m_0``, ``W`` and ``B`` move."""
    d, place = points.shape[-1], own.unsqueeze(-1)
    many = (labels >= 0).sum(-1)[..., None, None].to(points)  # photos in all
    fewer = (many - 1).clamp(min=1)
    size = points.square().sum(-1, keepdim=True)
    whole = size.sum(-2, keepdim=True)
    around = whole - (sums.square().sum(-1) / n.clamp(min=1)).sum(-1)[..., None, None]
    off = (points - others / left.clamp(min=1)).square().sum(-1, keepdim=True)
    spread = (whole - many / fewer * size) / (fewer * d)
    free = (n - 1).clamp(min=0).sum(-1)[..., None, None]
    within = 2 * WITHIN_SHARE * spread + (around - left / (left + 1) * off).clamp(min=0) / d
    within = (within / (1 + free)).clamp(min=1e-6)
    b = torch.where(model.between > 0, (spread / within - 1).clamp(min=0.05), 0.0)

    # inner products of the photo and of class means, all seen from m_0 without the photo
    photo = (many / fewer).square() * size
    means = sums / n.clamp(min=1).unsqueeze(-1)
    near = points @ means.mT
    long = means.square().sum(-1).unsqueeze(-2).expand(near.shape)
    rest = others / left.clamp(min=1)
    near = near.scatter(-1, place, (points * rest).sum(-1, keepdim=True))
    long = long.scatter(-1, place, rest.square().sum(-1, keepdim=True))
    long = long + 2 * near / fewer + size / fewer.square()
    near = many / fewer * (near + size / fewer)
    shots = n.unsqueeze(-2).expand(near.shape).scatter(-1, place, left)
    share = 1 / (shots * b + 1)
    variance = 1 + b * share
    apart = photo - 2 * (1 - share) * near + (1 - share).square() * long
    told = -0.5 * (apart / (within * variance) + d * variance.log())
    general = -0.5 * (photo / (within * (1 + b)) + d * (1 + b).log())
    return torch.where(shots > 0, told - general, 0.0)
