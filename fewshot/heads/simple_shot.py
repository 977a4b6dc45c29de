"""SimpleShot: centre, normalise, take the nearest class mean."""

from __future__ import annotations

from fewshot.heads.prototype import PrototypeHead
from fewshot.unit_rows import CentredRowHead

__all__ = ["SimpleShotHead"]


class SimpleShotHead(CentredRowHead, PrototypeHead):
    """Nearest class mean of centred unit features, "CL2N" (Wang et al. 2019, section 3).

    ``x <- (x - m) / ||x - m||`` with ``m`` the mean of base pictures, then
    ``logit_c(q) = -||q - p_c||^2`` with ``p_c`` the mean of class c's changed features.

    Parameters
    ----------
    scale : float, default=1.0
        Sharpness of the softmax; it never changes the answer.

    Notes
    -----
    ``m`` is the mean of the `Background`, which stands for the paper's base training
    features. Without a background nothing is subtracted: the paper's "L2N".
    Features whose common part is hundreds of times longer than what tells them apart are then
    unit rows that float32 hardly tells apart: give a background, or float64.

    References
    ----------
    Wang, Chao, Weinberger, van der Maaten: SimpleShot: revisiting nearest-neighbor
    classification for few-shot learning. arXiv 1911.04623, 2019.

    Examples
    --------
    >>> import torch
    >>> from fewshot import SimpleShotHead, Support
    >>> two = Support(
    ...     torch.tensor([[3.0, 0.0], [0.0, 0.5]]),
    ...     torch.tensor([0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ... )
    >>> SimpleShotHead().fit(two).logits(torch.tensor([[9.0, 0.0]]))
    tensor([[ 0., -2.]])
    """

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__("euclidean", scale)
        self.shift_invariant = False  # unit rows are near zero, and share their Gram matrix
