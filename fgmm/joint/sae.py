"""SAE: one matrix that maps pictures to classes and, turned round, classes to pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch.nn.functional import normalize

from fgmm.joint.regression_inputs import (
    check_labelled,
    check_number,
    check_rows,
    prepare_queries,
    sum_by_class,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["FittedSemanticAutoencoder", "SemanticAutoencoder"]

Space = Literal["classes", "pictures"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedSemanticAutoencoder:
    """What `SemanticAutoencoder.fit` gives.

    Parameters
    ----------
    weights : Tensor of shape (d, m), float64
        The transpose of the paper's W.
    compare_in : {"classes", "pictures"}
        Where the two sides meet.
    """

    weights: Tensor
    compare_in: Space

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Score pictures by the angle to classes, on the side of one or the other.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures.
        classes : Tensor of shape (k2, m)
            Vectors of any classes.

        Returns
        -------
        Tensor of shape (q, k2)
            Cosines; 0 with a vector that is all zero.

        Raises
        ------
        DatasetError
            If a width is not that of the fit, or a number is not finite.
        """
        features, classes, weights = prepare_queries(features, classes, self.weights)
        if self.compare_in == "classes":
            features = features @ weights
        else:
            classes = classes @ weights.T
        return normalize(features, dim=-1) @ normalize(classes, dim=-1).T


@dataclass(frozen=True, slots=True)
class SemanticAutoencoder:
    """A linear autoencoder whose code is the class vector; at its ends, plain ridge regression.

    With X the pictures (d, n) and S the class vector of each picture (m, n), W minimises::

        (1 - balance) |X - W^T S|^2  +  balance |W X - S|^2  +  penalty |W|^2

    so that it solves a Sylvester equation::

        ((1 - balance) S S^T + penalty I) W  +  W (balance X X^T)  =  S X^T

    Parameters
    ----------
    balance : float, default=0.5
        0 is ridge regression from classes to pictures, 1 from pictures to classes, and between
        them lies the autoencoder. The paper's lambda is ``balance / (1 - balance)``: 1 here.
    penalty : float, default=0.0
        Not negative; the paper has none. At 0, directions of which the pictures say nothing
        get the weight 0.
    compare_in : {"classes", "pictures"}, default="classes"
        Whether pictures are encoded and compared with class vectors, or class vectors decoded
        and compared with pictures. Decoded classes suffer less from hubs.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Deviations. (1) The paper weighs the two errors 1 and lambda; dividing by ``1 + lambda``
    gives the form above, in which both limits can be reached. (2) The penalty. (3) Both
    matrices of the equation are symmetric, so it is solved in their eigenvectors.

    References
    ----------
    Kodirov, Xiang, Gong: Semantic autoencoder for zero-shot learning. CVPR 2017, section 3: the
    objective with tied weights and its Sylvester equation; section 4: both ways of comparing.

    Shigeto, Suzuki, Hara, Shimbo, Matsumoto: Ridge regression, hubness, and zero-shot learning.
    ECML PKDD 2015, for ``balance=0``.

    Examples
    --------
    >>> names = torch.eye(2)
    >>> fitted = SemanticAutoencoder().fit(3 * torch.eye(2), torch.tensor([1, 0]), names)
    >>> fitted.scores(torch.tensor([[2.0, 0.0]]), names)
    tensor([[0., 1.]])
    """

    balance: float = 0.5
    penalty: float = 0.0
    compare_in: Space = "classes"

    def __post_init__(self) -> None:
        if not 0 <= self.balance <= 1:
            raise ValueError(
                f"balance is {self.balance}: give 0 (classes to pictures) to 1 (pictures to "
                "classes)"
            )
        check_number("penalty", self.penalty, above=False)
        if self.compare_in not in ("classes", "pictures"):
            raise ValueError(f"compare_in is {self.compare_in!r}: give 'classes' or 'pictures'")

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedSemanticAutoencoder:
        """Solve for W; see `ClassRegression.fit`.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Of pictures of base classes.
        labels : Tensor of shape (n,), int64
            Rows of ``classes``.
        classes : Tensor of shape (k, m)
            Vectors of the base classes.

        Returns
        -------
        FittedSemanticAutoencoder

        Raises
        ------
        DatasetError
            If the three do not fit together, or a number is not finite.
        """
        check_rows(classes, "classes")
        check_labelled(features, labels, len(classes))
        x, s = features.double(), classes.double()
        counts = torch.bincount(labels, minlength=len(s)).unsqueeze(1)
        pictures, of_pictures = torch.linalg.eigh(x.T @ x)
        words, of_words = torch.linalg.eigh(s.T @ (counts * s))
        target = of_pictures.T @ sum_by_class(x, labels, len(s)).T @ s @ of_words
        total = self.balance * pictures.clamp(min=0).unsqueeze(1)
        total = total + (1 - self.balance) * words.clamp(min=0) + self.penalty
        # What is zero but for rounding is zero on the right as well: least norm, as lstsq has it.
        known = total > total.max() * max(total.shape) * torch.finfo(total.dtype).eps
        solved = torch.where(known, target / torch.where(known, total, 1), 0)
        return FittedSemanticAutoencoder(of_pictures @ solved @ of_words.T, self.compare_in)
