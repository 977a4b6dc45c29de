"""Classes mapped to pictures: a ridge regression, sharpened by a contrast."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from fgmm.joint.regression_inputs import (
    check_labelled,
    check_number,
    check_rows,
    sum_by_class,
)

__all__ = ["ContrastiveEmbedding", "FittedContrastiveEmbedding"]

# Of the contrast. Chosen on base species of the field guide; there is no gain in fine choice.
_BATCH, _RATE, _STAY, _TEMPERATURE = 512, 1e-3, 0.1, 0.1
_LEAST = 1e-12  # a length below it is nothing, as in `normalize`


@dataclass(frozen=True, slots=True)
class ContrastiveEmbedding:
    """Foretell the mean picture of a class from what is known of it, then pull pairs together.

    Class vectors come in blocks (attributes, ancestors, ...). Each block is taken from its
    mean over the base classes, scaled to length one and to its weight. First the mean pictures of
    the classes are regressed on these vectors (ridge, each class counting the same) and compared
    with pictures by their angle; then, for ``steps`` steps, a map of the pictures, which begins as
    none, and the map of the classes are moved so that a picture's own class has the largest cosine
    among the base classes, with a penalty on leaving the ridge solution.

    Parameters
    ----------
    penalty : float, default=1.0
        Of the ridge, in units of the mean variance of a column of the class vectors; columns in
        which all are 0 do not count.
    steps : int, default=0
        Of the contrast. 0 leaves the ridge as it is: right where the encoder knows the base
        pictures by heart and the contrast has nothing left to learn.
    widths : tuple of int, default=()
        How many columns each block has; () is one block of all.
    weights : tuple of float, default=()
        One a block; () is all 1. A block of weight 0 is left out.
    seed : int, default=0
        Of the batches.

    Notes
    -----
    ``scores`` are cosines in [-1, 1].

    The contrast is the cross-entropy of CLIP's image side (Radford et al. 2021, figure 3) over
    the base classes, temperature 0.1, Adam.

    References
    ----------
    Shigeto, Suzuki, Hara, Shimbo, Matsumoto: Ridge regression, hubness, and zero-shot learning.
    ECML PKDD 2015: regressing from classes to pictures, and not back, makes fewer hubs. It is
    also `SemanticAutoencoder` with ``balance=0`` and ``compare_in="pictures"``.

    Examples
    --------
    >>> traits = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    >>> pictures, labels = traits.repeat(4, 1), torch.arange(3).repeat(4)
    >>> fitted = ContrastiveEmbedding(penalty=0.01).fit(pictures, labels, traits)
    >>> fitted.scores(traits, traits).argmax(1)
    tensor([0, 1, 2])
    """

    penalty: float = 1.0
    steps: int = 0
    widths: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("penalty", self.penalty)
        if self.steps < 0 or len(self.weights) not in (0, len(self.widths) or 1):
            raise ValueError(
                f"steps is {self.steps} and there are {len(self.weights)} weights for "
                f"{len(self.widths) or 1} blocks: give no fewer than 0 steps, and a weight a block"
            )

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedContrastiveEmbedding:
        """Learn from the pictures of base classes.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Of pictures.
        labels : Tensor of shape (n,), int64
            Rows of ``classes``; each class has a picture.
        classes : Tensor of shape (k, m)
            Vectors of the classes, block beside block.

        Returns
        -------
        FittedContrastiveEmbedding

        Raises
        ------
        DatasetError
            If the data do not fit together.
        """
        check_rows(classes, "classes")
        check_labelled(features, labels, len(classes))
        widths = self.widths or (classes.shape[1],)
        if sum(widths) != classes.shape[1]:
            raise ValueError(
                f"blocks are {widths} wide and class vectors {classes.shape[1]}: give widths that "
                "add up to it"
            )
        weights = self.weights or (1.0,) * len(widths)
        mean, centre = features.mean(0), classes.mean(0)
        start = FittedContrastiveEmbedding(
            mean,
            torch.eye(features.shape[1]).to(features),
            centre,
            features.new_zeros(classes.shape[1], features.shape[1]),
            widths,
            weights,
        )
        known = start.blocks(classes).double()
        counts = torch.bincount(labels, minlength=len(classes)).unsqueeze(1)
        pictures = sum_by_class((features - mean).double(), labels, len(classes)) / counts
        gram = known.mT @ known
        size = gram.diagonal().sum() / gram.diagonal().count_nonzero().clamp(min=1)
        ridge = self.penalty * size * torch.eye(len(gram)).to(gram)
        # all alike, nothing can be told: the pseudo-inverse of 0 is 0
        solved = torch.linalg.solve(gram + ridge, known.mT @ pictures) if size else start.class_map
        fitted = dataclasses.replace(start, class_map=solved.to(features))
        return self._contrast(fitted, features, labels, classes) if self.steps else fitted

    def _contrast(
        self, start: FittedContrastiveEmbedding, features: Tensor, labels: Tensor, classes: Tensor
    ) -> FittedContrastiveEmbedding:
        with torch.inference_mode(mode=False), torch.enable_grad():
            x, blocks = (features - start.mean).clone(), start.blocks(classes).clone()
            first = [start.image_map.clone(), start.class_map.clone()]
            moved = [p.clone().requires_grad_() for p in first]
            sizes = [p.square().sum() for p in first]
            optimiser = torch.optim.Adam(moved, lr=_RATE)
            draw = torch.Generator().manual_seed(self.seed)
            for _ in range(self.steps):
                rows = torch.randint(len(x), (_BATCH,), generator=draw).to(x.device)
                here = normalize(x[rows] @ moved[0], dim=1)
                there = normalize(blocks @ moved[1], dim=1)
                away = [
                    (p - p0).square().sum() / size
                    for p, p0, size in zip(moved, first, sizes, strict=True)
                ]
                loss = cross_entropy(here @ there.mT / _TEMPERATURE, labels[rows].clone())
                optimiser.zero_grad()
                (loss + _STAY * (away[0] + away[1])).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        maps = [p.detach() for p in moved]
        return dataclasses.replace(start, image_map=maps[0], class_map=maps[1])


@dataclass(frozen=True, slots=True, eq=False)
class FittedContrastiveEmbedding:
    """Two maps into one space.

    Parameters
    ----------
    mean : Tensor of shape (d,)
        Of the base pictures.
    image_map : Tensor of shape (d, d)
        From centred features.
    centre : Tensor of shape (m,)
        Mean of the base classes' vectors.
    class_map : Tensor of shape (m, d)
        From blocks.
    widths, weights : tuple
        As in `ContrastiveEmbedding`, filled in.
    """

    mean: Tensor
    image_map: Tensor
    centre: Tensor
    class_map: Tensor
    widths: tuple[int, ...]
    weights: tuple[float, ...]

    def blocks(self, classes: Tensor) -> Tensor:
        """Centre, scale and weigh the blocks of class vectors.

        Parameters
        ----------
        classes : Tensor of shape (k, m)
            As given to ``fit``.

        Returns
        -------
        Tensor of shape (k, m)
            A block of which nothing is known stays 0.
        """
        widths = list(self.widths)
        parts, known = (
            torch.split(classes - self.centre, widths, 1),
            torch.split(classes, widths, 1),
        )
        return torch.cat(
            [
                w * normalize(part, dim=1) * (raw != 0).any(1, keepdim=True)
                for w, part, raw in zip(self.weights, parts, known, strict=True)
            ],
            dim=1,
        )

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Give the cosine of pictures and classes in the learned space.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures, from the encoder of the fit.
        classes : Tensor of shape (k2, m)
            Vectors of any classes.

        Returns
        -------
        Tensor of shape (q, k2)
            Cosines in [-1, 1]; 0 where nothing is known of a class.

        Raises
        ------
        DatasetError
            If widths do not fit.
        """
        return self.picture_scores(features) @ self.class_weights(classes).mT

    def picture_scores(self, features: Tensor) -> Tensor:
        """Say how far pictures go along each column of the class vectors.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures, from the encoder of the fit.

        Returns
        -------
        Tensor of shape (q, m)
            No probabilities: what a cosine gains by one unit of a class's weight.

        Raises
        ------
        DatasetError
            If widths do not fit.
        """
        check_rows(features, "features", len(self.mean))
        here = normalize((features - self.mean) @ self.image_map, dim=1)
        return here @ self.class_map.mT

    def class_weights(self, classes: Tensor) -> Tensor:
        """Give the weight of each column in the cosine with a class.

        Parameters
        ----------
        classes : Tensor of shape (k2, m)
            Vectors of any classes.

        Returns
        -------
        Tensor of shape (k2, m)
            `blocks`, divided by the length the class's vector has in the learned space.

        Raises
        ------
        DatasetError
            If widths do not fit.
        """
        check_rows(classes, "classes", len(self.centre))
        blocks = self.blocks(classes)
        lengths: Tensor = (blocks @ self.class_map).norm(dim=1, keepdim=True)
        return blocks / lengths.clamp(min=_LEAST)
