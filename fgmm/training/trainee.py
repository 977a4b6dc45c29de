"""An encoder that learns: a copy of one, its vectors with gradients."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.errors import TrainingError
from fgmm.training.adapters import Places, add_adapter, tower_of
from fgmm.training.encoder_copies import (
    HIGHEST_SCALE,
    copy_encoder,
    name_anew,
    settle,
    shared_parts,
)
from fgmm.training.split_attention import fuse_attentions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from fgmm.encoders.base import ImageEncoder
    from fgmm.encoders.neural import NeuralImageEncoder, Prepared
    from fgmm.training.plan import TuningPlan

__all__ = ["Trainee"]

_SPARE_RATE = 0.01
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class Trainee(nn.Module):
    """A copy of an encoder, in which something learns.

    Parameters
    ----------
    encoder : ImageEncoder
        Is not changed.
    plan : TuningPlan
        What learns.

    Attributes
    ----------
    encoder : NeuralImageEncoder
        The copy.
    adapter : peft.PeftModel or None
        Around its network, where LoRA learns.
    places : Places
        Where LoRA went.
    reads_texts : bool
        Whether it has a text tower.

    Raises
    ------
    TrainingError
        If it cannot be trained, or there is nothing to train.
    MissingExtra
        If LoRA is asked for and peft is not installed.
    """

    def __init__(self, encoder: ImageEncoder, plan: TuningPlan) -> None:
        super().__init__()
        self.encoder = copy_encoder(encoder)
        self.plan = plan
        self.reads_texts = isinstance(self.encoder, NeuralEncoder)
        if plan.tower == "text" and not self.reads_texts:
            raise TrainingError(f"tower is 'text', and {self.encoder.name!r} reads no texts")
        model = self.encoder._model
        self.adapter: Any = None
        self.places = Places((), ())
        if plan.adapt == "lora":
            self.adapter, self.places = add_adapter(model, plan)
        else:
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(plan.tower in ("both", tower_of(name)))
        self.network: nn.Module = model
        self.loss = choose_loss(plan.loss, self.encoder)
        # of losses that need a number which the encoder has not; not part of what is kept of it
        device, bare = self.encoder._device, getattr(model, "logit_bias", None) is None
        self.spare_scale = nn.Parameter(
            torch.tensor(math.log(10.0), device=device), requires_grad=self.loss == "prototypes"
        )
        self.spare_bias = nn.Parameter(
            torch.tensor(-10.0, device=device), requires_grad=self.loss == "siglip" and bare
        )
        for name in ("logit_scale", "logit_bias"):
            own = getattr(model, name, None)
            if isinstance(own, nn.Parameter):
                own.requires_grad_(plan.learn_scale and self.reads_texts)
        self.eval()  # as the encoder is; a new module says of itself that it is in training

    def train(self, mode: bool = True) -> Trainee:
        """Switch dropout on or off; batch norms only where they learn from batches.

        Parameters
        ----------
        mode : bool, default=True

        Returns
        -------
        Trainee
            Itself.
        """
        super().train(mode)
        if not self.plan.batch_statistics:
            for module in self.modules():
                if isinstance(module, _BATCH_NORMS):
                    module.eval()
        return self

    @property
    def scale(self) -> Tensor:
        """The logit scale, at most 100."""
        raw: Tensor = self.network.logit_scale  # type: ignore[assignment]
        return raw.clamp(max=max(HIGHEST_SCALE, math.log(self._first_scale))).exp().float()

    @property
    def bias(self) -> Tensor:
        """The logit bias; one for the training alone where the encoder has none."""
        own = getattr(self.network, "logit_bias", None)
        return self.spare_bias if own is None else own.float()

    @property
    def _first_scale(self) -> float:
        return float(getattr(self.encoder, "logit_scale", 1.0))

    def pictures(self, prepared: Sequence[Prepared]) -> Tensor:
        """Encode pictures.

        Parameters
        ----------
        prepared : sequence of n dict
            As the encoder's ``prepare`` gives them.

        Returns
        -------
        Tensor of shape (n, d)
            Unit rows, float32.
        """
        vectors = self.encoder._encode_pictures(self.encoder._stack(prepared), "joint")
        return functional.normalize(vectors.float(), dim=-1)

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Encode texts, whose lengths were checked before.

        Parameters
        ----------
        texts : sequence of n str

        Returns
        -------
        Tensor of shape (n, d)
            Unit rows, float32.
        """
        encoder: Any = self.encoder
        batch = encoder._place(encoder._tokenize(texts))
        return functional.normalize(encoder._encode_tokens(batch).float(), dim=-1)

    def trained(self) -> dict[str, Tensor]:
        """Give what learns, by name: parameters, and the statistics of batch norms.

        Returns
        -------
        dict of str to Tensor
            The tensors themselves.
        """
        found = {n: p.detach() for n, p in self.named_parameters() if p.requires_grad}
        if self.plan.batch_statistics:
            for name, module in self.named_modules():
                if isinstance(module, _BATCH_NORMS):
                    found |= {f"{name}.{key}": value for key, value in module.named_buffers()}
        return found

    @torch.no_grad()
    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Put tensors in the place of what learns.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            As `trained` gives them.

        Raises
        ------
        TrainingError
            If names are others.
        """
        own = self.trained()
        if set(own) != set(tensors):
            name = min(set(own) ^ set(tensors))
            raise TrainingError(f"these are weights of another training: {name!r} is in one alone")
        for name, value in tensors.items():
            own[name].copy_(value)

    def groups(self) -> list[dict[str, Any]]:
        """Sort parameters for an optimiser: matrices decay, vectors and numbers do not.

        Numbers that are of the training alone start far from where they belong, and go faster.

        Returns
        -------
        list of dict
        """
        spare = [self.spare_scale, self.spare_bias]
        own = [p for p in self.parameters() if p.requires_grad and all(p is not s for s in spare)]
        decay, rate = self.plan.weight_decay, self.plan.rate
        kinds = [
            ([p for p in own if p.ndim >= 2], decay, rate),
            ([p for p in own if p.ndim < 2], 0.0, rate),
            ([p for p in spare if p.requires_grad], 0.0, max(rate, _SPARE_RATE)),
        ]
        return [
            {"params": params, "weight_decay": decay, "lr": rate}
            for params, decay, rate in kinds
            if params
        ]

    def settled(self) -> NeuralImageEncoder:
        """Give an encoder that has learned: LoRA added to the weights, and nothing learns.

        Returns
        -------
        NeuralImageEncoder
            A copy.
        """
        if self.adapter is None:
            found = copy_encoder(self.encoder)
        else:
            twin = copy.deepcopy(self, shared_parts(self.encoder))
            twin.adapter.merge_and_unload()
            fuse_attentions(twin.encoder._model)
            found = name_anew(twin.encoder)
        return settle(found)


def choose_loss(asked: str, encoder: NeuralImageEncoder) -> str:
    """Choose the loss that fits an encoder, or refuse one that does not.

    Parameters
    ----------
    asked : {"auto", "clip", "siglip", "prototypes"}
    encoder : NeuralImageEncoder

    Returns
    -------
    str
        "clip", "siglip" or "prototypes".

    Raises
    ------
    TrainingError
        If it does not fit.
    """
    scoring = getattr(encoder, "scoring", None)
    if asked == "auto":
        return {"softmax": "clip", "sigmoid": "siglip"}.get(str(scoring), "prototypes")
    if asked != "prototypes" and scoring is None:
        raise TrainingError(
            f"loss is {asked!r}, and {encoder.name!r} reads no texts: use loss='prototypes'"
        )
    if asked == "clip" and scoring == "sigmoid":
        raise TrainingError(
            f"loss is 'clip', and {encoder.name!r} scores by sigmoid: its probabilities would lose "
            "their meaning; use loss='siglip'"
        )
    return asked
