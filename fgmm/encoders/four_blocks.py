"""Conv-4, the small network that few-shot papers are compared by."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import nn

from fgmm.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Conv4"]

_BLOCKS = 4


class Conv4(nn.Module):
    """Four blocks of convolution, batch norm, ReLU and max-pooling; the rest laid out in a row.

    To be trained from pictures by ``fewshot.meta_train(..., network=Conv4())``. It is no encoder of
    `fgmm.load_encoder`: it takes tensors.

    Parameters
    ----------
    channels : int, default=1
        Of the pictures.
    width : int, default=64
        Filters of each block, 3 x 3, with a bias and one pixel of padding.

    Notes
    -----
    Pooling is 2 x 2 and drops a last odd row or column: 28 x 28 becomes 14, 7, 3, 1, so that a
    vector has ``width`` numbers; 84 x 84 gives 25 times as many. There is no ReLU's or norm's
    end: vectors are not negative and not of unit length. Weights begin as torch draws them.

    In ``train`` mode batch norm takes mean and variance over all pictures of the call: in
    `fewshot.meta_train` those are supports and queries of the step's episodes together, so that
    a vector depends on the others there. In ``eval`` mode it uses the running means (of which
    each call in ``train`` mode renews a tenth), and row i depends on picture i alone.

    References
    ----------
    Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: Matching networks for one shot learning.
    NeurIPS 2016. Snell, Swersky, Zemel: Prototypical networks for few-shot learning. NeurIPS 2017.

    Examples
    --------
    >>> import torch
    >>> Conv4().eval()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """

    def __init__(self, channels: int = 1, width: int = 64) -> None:
        super().__init__()
        if min(channels, width) < 1:
            raise ModelError(f"channels is {channels} and width {width}: both must be at least 1")
        self.channels = channels
        self.blocks = nn.Sequential(
            *(_block(channels if i == 0 else width, width) for i in range(_BLOCKS))
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Turn pictures into vectors.

        Parameters
        ----------
        pictures : Tensor of shape (n, channels, h, w)
            Floating numbers, of any range; h and w at least 16.

        Returns
        -------
        Tensor of shape (n, d)
            d is ``width * (h // 16) * (w // 16)``; not negative.

        Raises
        ------
        ModelError
            If they are of another shape.
        """
        shape, least = tuple(pictures.shape), 2**_BLOCKS
        if len(shape) != 4 or shape[1] != self.channels or min(shape[2:]) < least:
            raise ModelError(
                f"pictures have shape {shape}: give (n, {self.channels}, h, w), with h and w at "
                f"least {least}"
            )
        found: Tensor = self.blocks(pictures).flatten(1)
        return found


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            convolution=nn.Conv2d(channels, width, 3, padding=1),
            norm=nn.BatchNorm2d(width),
            rectified=nn.ReLU(),
            pooled=nn.MaxPool2d(2),
        )
    )
