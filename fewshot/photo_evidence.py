"""Photo evidence: how much likelier a picture is under a class than under all pictures.

The two-covariance model of face and speaker verification (Ioffe 2006, "Probabilistic
linear discriminant analysis", equations 5 to 9). A class has a mean ``m_c ~ N(m_0, B)`` and
its pictures are ``x ~ N(m_c, W)``. After ``n`` photos the mean is known up to a Gaussian, and

    evidence_c(x) = log N(x; posterior mean, W + posterior covariance) - log N(x; m_0, B + W)

in nats. ``W`` comes from the `Background`'s within and ``B`` from its total minus within, both
shrunk towards a sphere. A basis in which both are diagonal makes everything a sum over
coordinates. As photos come, ``W`` learns from their scatter (`PhotoModel.refined`). Only
counts, sums and the pooled scatter of the photos enter, so adding, removing and merging are
sums too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background

__all__ = ["PhotoModel", "evidence", "log_background"]

# Shares of a sphere in within and between. Chosen on base classes of the embedded encoder, on
# pictures it was not trained on: new classes differ in directions that known ones do not.
WITHIN_SHRINKAGE, BETWEEN_SHRINKAGE = 0.9, 0.6
# Within-class share of the variance of unit features where no background tells it; it is
# that of the embedded encoder's background, and only the first two photos lean on it.
WITHIN_SHARE = 0.7
# The mean of all pictures counts like the means of so many classes of the episode: classes
# that are compared mostly come from one corner of the world (a shop's shelf, one family).
GENERAL = 5
# Photos are the same where their variance is below this share of their squared length.
SAME = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class PhotoModel:
    """Where pictures lie, in a basis in which classes and pictures spread independently.

    Parameters
    ----------
    mean : Tensor of shape (d,) or (..., 1, d)
        ``m_0``.
    basis : Tensor of shape (d, d), optional
        Columns are coordinates with unit within-class variance; None is the identity.
    between : Tensor of shape (d,), (..., 1, 1) or (..., 1, d)
        Variance of class means in each coordinate, in units of ``within``.
    within : Tensor, default 1
        Within-class variance in each coordinate, the same for all.
    source : str
        Where the model comes from, in words.
    lens : Tensor of shape (..., d, d), optional
        A second change of coordinates, learned from photos.
    """

    mean: Tensor
    basis: Tensor | None
    between: Tensor
    within: Tensor
    source: str
    lens: Tensor | None = None

    @classmethod
    def of_background(cls, background: Background, like: Tensor) -> PhotoModel:
        """Take covariances from a background.

        Parameters
        ----------
        background : Background
            Of the features' encoder and layer.
        like : Tensor
            Gives device and type.

        Returns
        -------
        PhotoModel
        """
        basis, between = _basis(background)
        return cls(
            background.mean.to(like),
            basis.to(like),
            between.to(like),
            torch.ones((), dtype=like.dtype, device=like.device),
            background.source,
        )

    @classmethod
    def of_support(cls, features: Tensor, labels: Tensor, one_hot: Tensor) -> PhotoModel:
        """Guess the same spread in every direction, from the photos alone.

        Parameters
        ----------
        features : Tensor of shape (..., s, d)
            Support.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        one_hot : Tensor of shape (..., s, k)
            Membership.

        Returns
        -------
        PhotoModel
            ``m_0`` is the mean of the photos. Where only one class has photos, or all photos
            are the same, nothing tells how pictures differ in general: ``between`` is 0 there,
            and so is the evidence.
        """
        d = features.shape[-1]
        real = (labels >= 0).unsqueeze(-1).to(features)
        total_n = real.sum(-2, keepdim=True).clamp(min=1)
        mean = (features * real).sum(-2, keepdim=True) / total_n
        spread = (((features - mean) * real) ** 2).sum((-1, -2), keepdim=True) / (total_n * d)
        size = (features * real).square().sum((-1, -2), keepdim=True) / (total_n * d)
        counts = one_hot.sum(-2).unsqueeze(-1)
        seen = (counts > 0).sum(-2, keepdim=True)
        told = (seen > 1) & (spread > SAME * size)
        means = one_hot.mT @ features / counts.clamp(min=1)
        around = ((features - one_hot @ means) * real).square().sum((-1, -2), keepdim=True) / d
        free = total_n - seen
        # one photo a class tells nothing of the spread within: two imagined photos do
        within = (2 * WITHIN_SHARE * spread + around) / (2 + free)
        within = torch.where(told, within.clamp(min=1e-6), 1.0)
        between = torch.where(told, (spread / within - 1).clamp(min=0.05), 0.0)
        return cls(mean, None, between, within, "isotropic, guessed from the support")

    def centred(self, features: Tensor, one_hot: Tensor) -> PhotoModel:
        """Move the mean of all pictures towards the classes that have photos.

        ``m_0 <- (5 m_0 + sum of the classes' mean photos) / (5 + number of such classes)``.

        Parameters
        ----------
        features : Tensor of shape (..., s, d)
            Support; padding must hold finite numbers.
        one_hot : Tensor of shape (..., s, k)
            Membership.

        Returns
        -------
        PhotoModel
        """
        counts = one_hot.sum(-2)
        means = one_hot.mT @ features / counts.clamp(min=1).unsqueeze(-1)
        seen = (counts > 0).sum(-1)[..., None, None]
        return replace(
            self, mean=(GENERAL * self.mean + means.sum(-2, keepdim=True)) / (GENERAL + seen)
        )

    def coordinates(self, features: Tensor) -> Tensor:
        """Move features into the basis.

        Parameters
        ----------
        features : Tensor of shape (..., n, d)
            Raw.

        Returns
        -------
        Tensor of shape (..., n, d)
            Unit variance within classes.
        """
        centred = features - self.mean
        turned = centred if self.basis is None else centred @ self.basis
        whitened = turned / self.within.sqrt()
        return whitened if self.lens is None else whitened @ self.lens.mT

    def refined(self, points: Tensor, one_hot: Tensor) -> PhotoModel:
        """Let the photos' own scatter correct the within-class covariance.

        ``W <- (d W + scatter) / (d + degrees of freedom)``: the model counts like as many
        photos as there are dimensions. ``B`` is taken to be diagonal in the new coordinates,
        which is exact where nothing was learned and an approximation else.

        Parameters
        ----------
        points : Tensor of shape (..., s, d)
            Coordinates of the support under this model; rows of padding are ignored.
        one_hot : Tensor of shape (..., s, k)
            Membership.

        Returns
        -------
        PhotoModel
            This one, where no class has two photos.
        """
        counts = one_hot.sum(-2)
        free = (counts - 1).clamp(min=0).sum(-1)[..., None, None]
        if not bool((free > 0).any()):
            return self
        d = points.shape[-1]
        means = one_hot.mT @ points / counts.clamp(min=1).unsqueeze(-1)
        around = (points - one_hot @ means) * one_hot.sum(-1, keepdim=True)
        eye = torch.eye(d, dtype=points.dtype, device=points.device)
        covariance = (d * eye + around.mT @ around) / (d + free)
        lower = torch.linalg.cholesky(covariance)
        lens = torch.linalg.solve_triangular(lower, eye, upper=False)
        # between may be (d,) or (..., 1, 1): as a row of variances it fits both
        spread = self.between.expand(*points.shape[:-2], 1, d)
        return replace(self, lens=lens, between=(lens.square() @ spread.mT).mT)

    def claim(self, d: int) -> Tensor:
        """Nats that one photo of a class says, in the model's own opinion.

        Parameters
        ----------
        d : int
            Width of the features.

        Returns
        -------
        Tensor
            Expected evidence for the right class after one photo.
        """
        b = self.between
        each = 0.5 * ((1 + b) / (1 + b / (b + 1))).log()
        return each.sum() if b.ndim == 1 else d * each


def evidence(model: PhotoModel, points: Tensor, sums: Tensor, counts: Tensor) -> Tensor:
    """Photo evidence of classes known by their counts and sums.

    Parameters
    ----------
    model : PhotoModel
        Gives the variances.
    points : Tensor of shape (..., q, d)
        Coordinates of pictures.
    sums : Tensor of shape (..., k, d)
        Sum of the coordinates of each class's photos.
    counts : Tensor of shape (..., k)
        Number of photos; a class without any gets 0.

    Returns
    -------
    Tensor of shape (..., q, k)
        Nats; its mean under the model's background, N(m_0, B + W), is at most 0.
    """
    n = counts.unsqueeze(-1).to(sums)
    b = model.between
    mean = b / (n * b + 1) * sums
    precision = 1 / (1 + b / (n * b + 1)).expand(sums.shape)
    squares = points.square()
    quadratic = squares @ precision.mT - 2 * points @ (mean * precision).mT
    constant = (mean.square() * precision - precision.log()).sum(-1).unsqueeze(-2)
    rest = log_background(model, points, squares)
    return torch.where(counts.unsqueeze(-2) > 0, -0.5 * (quadratic + constant) - rest, 0.0)


def log_background(model: PhotoModel, points: Tensor, squares: Tensor) -> Tensor:
    """Log density under all pictures, up to the constant that the classes share.

    Parameters
    ----------
    model : PhotoModel
        Gives the variances.
    points, squares : Tensor of shape (..., q, d)
        Coordinates of pictures, and their squares.

    Returns
    -------
    Tensor of shape (..., q, 1)
        Nats.
    """
    total = (1 + model.between).expand(*points.shape[:-2], 1, points.shape[-1])
    return -0.5 * (squares @ (1 / total).mT + total.log().sum(-1, keepdim=True))


@lru_cache(maxsize=8)
def _basis(background: Background) -> tuple[Tensor, Tensor]:
    """Basis in which within is the identity and total is diagonal; variances between."""
    with torch.inference_mode(mode=False):  # kept: must serve whoever takes gradients later
        return _simultaneous(background)


def _simultaneous(background: Background) -> tuple[Tensor, Tensor]:
    within, total = background.within.double(), background.total.double()
    sizes, axes = torch.linalg.eigh(total - within)
    between = axes @ sizes.clamp(min=0).diag() @ axes.mT
    within = _towards_sphere(within, WITHIN_SHRINKAGE)
    between = _towards_sphere(between, BETWEEN_SHRINKAGE)
    inverse = torch.linalg.inv(torch.linalg.cholesky(within))
    ratio, turn = torch.linalg.eigh(inverse @ between @ inverse.mT)
    return inverse.mT @ turn, ratio.clamp(min=1e-3)


def _towards_sphere(covariance: Tensor, share: float) -> Tensor:
    size = covariance.diagonal().mean().clamp(min=1e-9)
    eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    return (1 - share) * covariance + share * size * eye
