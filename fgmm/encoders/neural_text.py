"""What the networks share that read texts: counting tokens before any is cut, and batches."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch

from fgmm.embeddings import Embeddings
from fgmm.encoders.inputs import check_lengths, check_texts
from fgmm.encoders.neural import NeuralImageEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from fgmm.encoders.base import Scoring
    from fgmm.encoders.registry import OnLong

__all__ = ["NeuralEncoder"]

_TEXTS_AT_ONCE = 256


class NeuralEncoder(NeuralImageEncoder):
    """A network that turns pictures and texts into vectors of one space.

    Parameters
    ----------
    logit_scale, logit_bias, scoring, context_length
        As in `fgmm.encoders.base.Encoder`.
    on_long : {"error", "truncate"}
        What becomes of a text of more than ``context_length`` tokens.
    **others
        As in `NeuralImageEncoder`.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        *,
        logit_scale: float,
        logit_bias: float,
        scoring: Scoring,
        context_length: int,
        on_long: OnLong,
        **others: Any,
    ) -> None:
        super().__init__(name, model, **others)
        self.logit_scale = logit_scale
        self.logit_bias = logit_bias
        self.scoring = scoring
        self.context_length = context_length
        self.on_long = on_long

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        Embeddings of n rows
            On the processor, float32.

        Raises
        ------
        TextTooLong
            If a text has more than ``context_length`` tokens, unless the encoder was loaded
            with ``on_long="truncate"``.
        TypeError
            If ``texts`` is one string, or something in it is none.
        """
        check_texts(texts)
        texts = list(texts)
        check_lengths(
            texts,
            self._count_tokens(texts) if texts else [],
            self.context_length,
            name=self.name,
            on_long=self.on_long,
        )
        rows = [torch.empty(0, self.dim)]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            batch = self._place(self._tokenize(texts[start : start + _TEXTS_AT_ONCE]))
            with torch.inference_mode():
                vectors = self._encode_tokens(batch)
            rows.append(self._settle(vectors))
        return Embeddings(torch.cat(rows), self.space)

    @abstractmethod
    def _count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    @abstractmethod
    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]: ...

    @abstractmethod
    def _encode_tokens(self, batch: dict[str, Any]) -> Tensor: ...
