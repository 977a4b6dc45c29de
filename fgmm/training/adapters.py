"""LoRA on encoders, by peft: where it goes, and its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fgmm.errors import MissingExtra, TrainingError
from fgmm.training.split_attention import PARTS, can_split, fuse_attentions, split_attentions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fgmm.training.plan import TuningPlan

__all__ = ["Places", "add_adapter", "find_places", "load_into", "tower_of"]

_TEXT = ("text.", "text_", "transformer.", "token_embedding.", "ln_final.", "positional_embedding")


@dataclass(frozen=True, slots=True)
class Places:
    """Layers of an encoder that LoRA goes to.

    Parameters
    ----------
    wrapped : tuple of str
        Names of modules. An attention whose queries, keys and values are a single matrix, such as
        open_clip's, is taken apart while it learns: each gets small matrices of its own.
    left_out : tuple of str
        Names of layers with weights of the kind asked for that peft cannot wrap.
    """

    wrapped: tuple[str, ...]
    left_out: tuple[str, ...]


def tower_of(name: str) -> str:
    """Tell which half of an encoder a parameter or module belongs to.

    Parameters
    ----------
    name : str
        In the encoder's network.

    Returns
    -------
    str
        "image", "text", or "both" for the logit scale and bias.

    Examples
    --------
    >>> [tower_of(n) for n in ("visual.conv1", "transformer.resblocks.0.attn", "logit_scale")]
    ['image', 'text', 'both']
    >>> [tower_of(n) for n in ("text_model.encoder", "vision_model.encoder", "encoder.layer.0")]
    ['text', 'image', 'image']
    """
    if name in ("logit_scale", "logit_bias"):
        return "both"
    return "text" if f"{name}.".startswith(_TEXT) else "image"


def find_places(model: nn.Module, tower: str, modules: str) -> Places:
    """Find where LoRA can go.

    Parameters
    ----------
    model : torch.nn.Module
        Of open_clip or transformers.
    tower : {"both", "image", "text"}
    modules : {"all", "attention"}

    Returns
    -------
    Places

    Raises
    ------
    TrainingError
        If there is no such place.
    """
    wrapped: list[str] = []
    left_out: list[str] = []
    inside: tuple[str, ...] = ()  # an attention is wrapped as a whole
    parents = dict(model.named_modules())
    for name, module in parents.items():
        if not name or (tower != "both" and tower_of(name) != tower) or name.startswith(inside):
            continue
        if isinstance(module, nn.MultiheadAttention):
            inside = (*inside, f"{name}.")
            (wrapped if can_split(module) else left_out).append(name)
        elif isinstance(module, (nn.Linear, nn.Conv2d)):
            if modules == "all" or _in_attention(parents, name):
                (wrapped if _can_wrap(name, module, parents) else left_out).append(name)
        elif isinstance(getattr(module, "in_proj_weight", None), nn.Parameter):
            left_out.append(name)
    if not wrapped:
        cannot = f" (peft cannot wrap {left_out[0]!r})" if left_out else ""
        raise TrainingError(
            f"LoRA finds no layer: tower={tower!r} has no {_what(modules)}{cannot}; use "
            "modules='all', or adapt='all'"
        )
    return Places(tuple(wrapped), tuple(left_out))


def _can_wrap(name: str, module: nn.Module, parents: dict[str, nn.Module]) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.groups == 1
    # open_clip multiplies by it itself unless it is exactly a Linear
    last = type(parents[name.rpartition(".")[0]]).__module__ == "open_clip.transformer"
    return not (last and name.endswith("text_projection"))


def _in_attention(parents: dict[str, nn.Module], name: str) -> bool:
    """Tell by the names of classes whether a layer is in an attention, or in a part of one."""
    parent = name.rpartition(".")[0]
    around = (parent, parent.rpartition(".")[0])
    return any(type(parents[one]).__name__.lower().endswith("attention") for one in around)


def _what(modules: str) -> str:
    return "attention" if modules == "attention" else "linear or convolutional layer"


def import_peft() -> Any:
    """Import peft.

    Returns
    -------
    module

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import peft
    except ImportError:
        raise MissingExtra(
            "adapt='lora' needs peft: pip install 'fgmm[training]', or use adapt='all'"
        ) from None
    return peft


def add_adapter(model: nn.Module, plan: TuningPlan) -> tuple[Any, Places]:
    """Put LoRA beside weights, which no longer learn themselves.

    Parameters
    ----------
    model : torch.nn.Module
        Is changed: its layers become layers with LoRA.
    plan : TuningPlan
        ``tower``, ``modules``, ``rank``, ``alpha``, ``lora_dropout`` and ``seed``.

    Returns
    -------
    adapter : peft.PeftModel
        Around the model; for saving and merging.
    places : Places
        Where it went.

    Raises
    ------
    MissingExtra
        If peft is not installed.
    TrainingError
        If there is no place for it.
    """
    peft = import_peft()
    places = find_places(model, plan.tower, plan.modules)
    layers = _split(model, places.wrapped)
    settings = peft.LoraConfig(
        r=plan.rank,
        lora_alpha=plan.alpha,
        lora_dropout=plan.lora_dropout,
        # whole names: by their endings, those of the text tower would fit the image tower's too
        target_modules=f"^({'|'.join(map(re.escape, layers))})$",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        try:
            adapter = peft.get_peft_model(model, settings)
        except (TypeError, ValueError) as error:
            raise TrainingError(f"peft cannot wrap this encoder: {error}") from error
    return adapter, places


def _split(model: nn.Module, wrapped: Sequence[str]) -> list[str]:
    """Take attentions apart, and name the layers that there are then."""
    kinds = {name: model.get_submodule(name) for name in wrapped}
    fused = [name for name, kind in kinds.items() if isinstance(kind, nn.MultiheadAttention)]
    split_attentions(model, fused)
    parts = {name: [f"{name}.{part}" for part in PARTS] for name in fused}
    return [layer for name in wrapped for layer in parts.get(name, [name])]


def load_into(model: nn.Module, folder: Path, wrapped: Sequence[str]) -> nn.Module:
    """Add what an adapter has learned to a network's weights.

    Parameters
    ----------
    model : torch.nn.Module
        As it was before the adapter was added; is changed.
    folder : Path
        With ``adapter_config.json`` and ``adapter_model.safetensors``.
    wrapped : sequence of str
        Where it went: ``wrapped`` of its `Places`.

    Returns
    -------
    torch.nn.Module
        The same, without LoRA's layers.

    Raises
    ------
    TrainingError
        If there is no adapter in the folder, or it is one of another network.
    """
    peft = import_peft()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / name).is_file():
            raise TrainingError(f"{folder} is no adapter: there is no {name}")
    try:
        _split(model, wrapped)
        merged: nn.Module = peft.PeftModel.from_pretrained(model, folder).merge_and_unload()
        fuse_attentions(merged)
    except (AttributeError, RuntimeError, TypeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(
            f"the adapter in {folder} does not fit this encoder: {reason}"
        ) from error
    return merged
