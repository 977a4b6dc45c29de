"""Centre loss: pictures of a class near a centre that follows them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["CentreLoss"]


class CentreLoss(nn.Module):
    r"""Half the mean squared distance of pictures from their classes' centres.

    Parameters
    ----------
    n_classes, dim : int
        Of the centres, which begin at zero.
    rate : float, default=0.5
        Share of the way that centres go in a step, in [0, 1].

    Attributes
    ----------
    centres : Tensor of shape (n_classes, dim)

    Notes
    -----
    Equation 2 of [1]_ over n, and centres moved by equation 4:

    .. math::

        L = \frac{1}{2n} \sum_i |x_i - c_{y_i}|^2, \qquad
        c_j \leftarrow c_j - \alpha
        \frac{\sum_i [y_i = j] (c_j - x_i)}{1 + \sum_i [y_i = j]}

    References
    ----------
    .. [1] Wen, Zhang, Li and Qiao, "A discriminative feature learning approach for deep face
       recognition", ECCV 2016.

    Examples
    --------
    >>> loss = CentreLoss(1, 2)
    >>> x, labels = torch.tensor([[3.0, 4.0]]), torch.tensor([0])
    >>> float(loss(x, labels))
    12.5
    >>> loss.follow(x, labels)
    >>> loss.centres.tolist()  # a quarter of the way
    [[0.75, 1.0]]
    """

    centres: Tensor

    def __init__(self, n_classes: int, dim: int, rate: float = 0.5) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("centres", torch.zeros(n_classes, dim))

    def forward(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Give the loss; centres stay where they are.

        Parameters
        ----------
        vectors : Tensor of shape (n, dim)
        labels : Tensor of shape (n,), int64
            In [0, n_classes).

        Returns
        -------
        Tensor
            A scalar.
        """
        return (vectors - self.centres[labels]).square().sum(1).mean() / 2

    @torch.no_grad()
    def follow(self, vectors: Tensor, labels: Tensor) -> None:
        """Move centres towards their pictures.

        Parameters
        ----------
        vectors, labels
            As in the loss.
        """
        apart = torch.zeros_like(self.centres)
        apart.index_add_(0, labels, self.centres[labels] - vectors.detach())
        number = torch.bincount(labels, minlength=len(self.centres)).to(apart)
        self.centres -= self.rate * apart / (1 + number)[:, None]
