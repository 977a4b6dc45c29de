"""An open_clip image tower without its last projection: the layer called "features"."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["find_projection", "pool_features", "remove_projection"]


def remove_projection(visual: Any) -> Any:
    """Copy an image tower, leaving out the projection and sharing all weights.

    Parameters
    ----------
    visual : torch.nn.Module
        open_clip's VisionTransformer, ModifiedResNet or TimmModel, already on its device.

    Returns
    -------
    torch.nn.Module
        Its output may still have to be pooled: `pool_features`. A tower of another kind, or
        without a projection, comes back as it is.
    """
    if isinstance(getattr(visual, "proj", None), nn.Parameter):
        return _share(visual, proj=None)
    if hasattr(visual, "attnpool"):
        return _share(visual, attnpool=nn.Identity())
    if hasattr(visual, "trunk") and hasattr(visual, "head"):
        if len(visual.head):
            return _share(visual, head=nn.Identity())
        return _Headless(visual.trunk)
    return visual


def find_projection(visual: Any) -> Callable[[Tensor], Tensor] | None:
    """Find what `remove_projection` leaves out, so that one pass gives both layers.

    Parameters
    ----------
    visual : torch.nn.Module
        As for `remove_projection`.

    Returns
    -------
    callable or None
        Takes the output of the tower without its projection, before it is pooled, and gives the
        joint vectors. None where there is no projection, or a tower of another kind.
    """
    if isinstance(getattr(visual, "proj", None), nn.Parameter):
        return _Product(visual.proj)
    if hasattr(visual, "attnpool"):
        attention: nn.Module = visual.attnpool
        return attention
    if hasattr(visual, "trunk") and hasattr(visual, "head"):
        last: nn.Module = visual.head if len(visual.head) else visual.trunk.get_classifier()
        return last
    return None


def pool_features(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Average over the picture what is still a map or a row of tokens.

    Parameters
    ----------
    output : Tensor of shape (n, d), (n, tokens, d) or (n, d, rows, columns)
        Of a tuple the first entry is taken.

    Returns
    -------
    Tensor of shape (n, d)
    """
    vectors = output[0] if isinstance(output, tuple) else output
    if vectors.ndim == 4:
        return vectors.mean(dim=(2, 3))
    return vectors.mean(dim=1) if vectors.ndim == 3 else vectors


class _Product:
    """A projection that is a matrix."""

    def __init__(self, matrix: nn.Parameter) -> None:
        self.matrix = matrix

    def __call__(self, vectors: Tensor) -> Tensor:
        return vectors @ self.matrix


class _Headless(nn.Module):
    """A timm network whose classifier is the projection, up to that classifier."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.training = trunk.training

    def forward(self, image: Tensor) -> Tensor:
        trunk: Any = self.trunk
        vectors = trunk.forward_head(trunk.forward_features(image), pre_logits=True)
        return torch.as_tensor(vectors)


def _share(module: nn.Module, **replaced: nn.Module | None) -> nn.Module:
    # copy.copy shares the dictionaries that hold parameters and submodules, not only what is
    # in them: without dictionaries of its own the original would lose its projection too
    twin = copy.copy(module)
    for store in ("_parameters", "_buffers", "_modules"):
        twin.__dict__[store] = dict(module.__dict__[store])
    for name, value in replaced.items():
        setattr(twin, name, value)
    return twin
