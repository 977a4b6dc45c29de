"""torch's attention with its one matrix taken apart, so that LoRA can lie beside each part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

__all__ = ["PARTS", "SplitAttention", "can_split", "fuse_attentions", "split_attentions"]

PARTS = ("q_proj", "k_proj", "v_proj", "out_proj")
"""Layers of a `SplitAttention`."""


def can_split(attention: nn.MultiheadAttention) -> bool:
    """Tell whether queries, keys and values are one matrix, and nothing else is added.

    Parameters
    ----------
    attention : torch.nn.MultiheadAttention

    Returns
    -------
    bool
    """
    extras = attention.bias_k is not None or attention.add_zero_attn
    return bool(attention._qkv_same_embed_dim) and not extras


class SplitAttention(nn.Module):
    """Computes what `torch.nn.MultiheadAttention` does, by four linear layers.

    Its in-projection is a parameter and no layer, and its out-projection a layer that is never
    called: what is put beside a layer has no effect there.

    Parameters
    ----------
    fused : torch.nn.MultiheadAttention
        One that `can_split`; is kept, to be put together again.

    Examples
    --------
    >>> fused = nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = torch.randn(1, 3, 8)
    >>> one, other = fused(x, x, x)[0], SplitAttention(fused)(x, x, x)[0]
    >>> torch.allclose(one, other, atol=1e-6)
    True
    """

    def __init__(self, fused: nn.MultiheadAttention) -> None:
        super().__init__()
        self.num_heads, self.batch_first = fused.num_heads, fused.batch_first
        self.dropout = fused.dropout
        self._fused = [fused]  # in a list: no part of this module
        weights = [*fused.in_proj_weight.chunk(3), fused.out_proj.weight]
        biases: list[Any] = [None] * 3 if fused.in_proj_bias is None else [
            *fused.in_proj_bias.chunk(3)
        ]  # fmt: skip
        for name, weight, bias in zip(PARTS, weights, [*biases, fused.out_proj.bias], strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
            layer.weight = nn.Parameter(weight.detach().clone(), weight.requires_grad)
            if bias is not None:
                layer.bias = nn.Parameter(bias.detach().clone(), bias.requires_grad)
            setattr(self, name, layer)
        self.train(fused.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """Attend.

        Parameters
        ----------
        query, key, value : Tensor of shape (n, length, d)
            Or (length, n, d), as the attention was made.
        key_padding_mask : Tensor of shape (n, length), bool, optional
            True marks keys that are none.
        need_weights : bool, default=False
            Has no effect: there are never weights.
        attn_mask : Tensor of shape (l, s) or (n * heads, l, s), optional
            True marks what is not attended to; numbers are added.
        **_
            What else torch's attention takes; has no effect on what is computed.

        Returns
        -------
        output : Tensor
            In the shape of the query.
        weights : None
        """
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        n, length, d = query.shape

        def heads(name: str, x: Tensor) -> Tensor:
            projected: Tensor = getattr(self, name)(x)
            return projected.view(n, x.shape[1], self.num_heads, -1).transpose(1, 2)

        mask = attn_mask
        if mask is not None and mask.ndim == 3:
            mask = mask.view(n, self.num_heads, *mask.shape[1:])
        if mask is not None and mask.dtype == torch.bool:
            mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(mask, -torch.inf)
        if key_padding_mask is not None:
            gone = key_padding_mask[:, None, None, :]
            padding = torch.zeros_like(gone, dtype=query.dtype).masked_fill(gone, -torch.inf)
            mask = padding if mask is None else mask + padding
        q, k, v = heads("q_proj", query), heads("k_proj", key), heads("v_proj", value)
        drop = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(
            q, k, v, None if mask is None else mask.to(q.dtype), drop
        )
        out_proj: nn.Module = self.out_proj  # type: ignore[assignment]
        output = out_proj(seen.transpose(1, 2).reshape(n, length, d))
        return output if self.batch_first else output.transpose(0, 1), None

    @torch.no_grad()
    def fuse(self) -> nn.MultiheadAttention:
        """Give the attention back with the weights that the layers have now.

        Returns
        -------
        torch.nn.MultiheadAttention
        """
        fused = self._fused[0]
        layers = [getattr(self, name) for name in PARTS]
        fused.in_proj_weight.data = torch.cat([layer.weight for layer in layers[:3]])
        fused.out_proj.weight.data = layers[3].weight.data.clone()
        return fused


def split_attentions(model: nn.Module, names: Iterable[str]) -> None:
    """Put `SplitAttention` in the place of attentions.

    Parameters
    ----------
    model : torch.nn.Module
        Is changed.
    names : iterable of str
        Of its modules.
    """
    for name in names:
        parent, _, own = name.rpartition(".")
        around = model.get_submodule(parent)
        attention: Any = getattr(around, own)
        setattr(around, own, SplitAttention(attention))


def fuse_attentions(model: nn.Module) -> None:
    """Put attentions back in the place of every `SplitAttention`.

    Parameters
    ----------
    model : torch.nn.Module
        Is changed. Nothing may lie beside the layers any more.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, SplitAttention):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, module.fuse())
