"""An encoder without weights: it sees colours and simple shapes, and reads their words.

For examples, documentation and tests: deterministic *and meaningful*, so an example gives a
true answer with nothing to download.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from fgmm.embeddings import Embeddings, unit_rows
from fgmm.encoders.fake_senses import (
    FEATURE_DIM,
    JOINT_DIM,
    SIDE,
    add_word,
    feature_row,
    joint_row,
)
from fgmm.encoders.inputs import check_images, check_layer, check_lengths, check_texts
from fgmm.errors import EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from fgmm.encoders.base import Layer, Scoring
    from fgmm.encoders.registry import OnLong

__all__ = ["FakeEncoder"]


class FakeEncoder:
    """Encode pictures by colour and shape, texts by the words for them.

    The first components of a vector are colours, then shapes; a picture's colour is that of
    its middle, its shape how much of its bounding box the figure fills. A word that is
    neither colour nor shape gets a small direction of its own, the same on every machine.

    Parameters
    ----------
    scoring : {"softmax", "sigmoid"}, default="softmax"
        How logits are to be read. The name ``fake:sigmoid`` gives the second.
    device, dtype
        Taken and not used: there is nothing to move.
    on_long : {"error", "truncate"}, default="error"
        What becomes of a text of more than ``context_length`` words.

    Attributes
    ----------
    space : str
        Name of the joint space.
    dim : int
        48.
    logit_scale, logit_bias : float
        20 and 0; for sigmoid 20 and -12, so that a cosine of 0.6 is an even bet.
    context_length : int
        32 words.

    Examples
    --------
    >>> from PIL import Image
    >>> encoder = FakeEncoder()
    >>> picture = encoder.encode_images([Image.new("RGB", (20, 20), "red")])
    >>> texts = encoder.encode_texts(["a red circle", "a blue square"])
    >>> picture.cosine(texts).argmax(dim=1)
    tensor([0])
    """

    dim = JOINT_DIM
    logit_scale = 20.0
    context_length = 32

    def __init__(
        self,
        scoring: str = "softmax",
        *,
        device: object = "auto",
        dtype: object = None,
        on_long: OnLong = "error",
    ) -> None:
        if scoring not in ("", "softmax", "sigmoid"):
            raise EncoderNotFound(
                f"no encoder 'fake:{scoring}'. There are 'fake' and 'fake:sigmoid'"
            )
        self.scoring = cast("Scoring", scoring or "softmax")
        self.logit_bias = -12.0 if scoring == "sigmoid" else 0.0
        self.space = "fake/1"
        self.on_long = on_long

    def __repr__(self) -> str:
        return f"FakeEncoder(scoring={self.scoring!r})"

    def encode_images(self, images: Sequence[Image], *, layer: Layer = "joint") -> Embeddings:
        """Encode pictures.

        Parameters
        ----------
        images : sequence of PIL images
        layer : {"joint", "features"}, default="joint"
            "features" is a 4 x 4 thumbnail in colour: 49 components, a space of its own.

        Returns
        -------
        Embeddings of n rows

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        check_layer(layer)
        check_images(images)
        look = joint_row if layer == "joint" else feature_row
        width = JOINT_DIM if layer == "joint" else FEATURE_DIM
        rows = np.zeros((len(images), width), dtype=np.float32)
        for row, image in zip(rows, images, strict=True):
            small = image.convert("RGB").resize((SIDE, SIDE))
            row[:] = look(np.asarray(small, dtype=np.float32))
        space = self.space if layer == "joint" else f"{self.space}+features"
        return Embeddings(unit_rows(torch.from_numpy(rows)), space)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        Embeddings of n rows

        Raises
        ------
        TextTooLong
            If a text has more than 32 words, unless ``on_long="truncate"``.
        TypeError
            If ``texts`` is one string, or something in it is none.
        """
        check_texts(texts)
        split = [re.findall(r"\w+", text.lower()) for text in texts]
        lengths = [len(words) for words in split]
        check_lengths(texts, lengths, self.context_length, name="fake", on_long=self.on_long)
        rows = np.zeros((len(split), JOINT_DIM), dtype=np.float32)
        rows[:, -1] = 0.3
        for row, words in zip(rows, split, strict=True):
            for word in words[: self.context_length]:
                add_word(row, word)
        return Embeddings(unit_rows(torch.from_numpy(rows)), self.space)
