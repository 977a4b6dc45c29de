"""An encoder for fgmm: pictures as colour histograms, texts by the colours they name."""

from __future__ import annotations

import numpy as np
import torch

from fgmm import Embeddings
from fgmm.errors import TextTooLong

HUES = ["red", "yellow", "green", "cyan", "blue", "magenta"]  # around the wheel, evenly


class HistogramEncoder:
    """Six hues and one more component for all that has no colour."""

    space = "histogram/1"
    dim = len(HUES) + 1
    logit_scale, logit_bias, scoring, context_length = 10.0, 0.0, "softmax", 1000

    def __init__(self, rest="", *, device="auto", dtype=None, on_long="error"):
        if rest:
            raise LookupError(f"histogram has no options, got {rest!r}")

    def encode_images(self, images, *, layer="joint"):
        if layer not in ("joint", "features"):
            raise ValueError(f"no layer {layer!r}")
        rows = torch.zeros(len(images), self.dim)
        for row, image in zip(rows, images, strict=True):
            pixels = torch.tensor(np.asarray(image.convert("HSV").resize((16, 16)))).reshape(-1, 3)
            hue, saturation, value = pixels.T.float() / 255
            weight = saturation * value
            row.index_add_(0, (hue * len(HUES)).round().long() % len(HUES), weight)
            row[-1] = (1 - weight).sum() + 1e-3
        return Embeddings(torch.nn.functional.normalize(rows), self.space)

    def encode_texts(self, texts):
        rows = torch.full((len(texts), self.dim), 1e-3)
        for row, text in zip(rows, texts, strict=True):
            words = text.lower().split()
            if len(words) > self.context_length:
                raise TextTooLong(f"{len(words)} words are more than {self.context_length}")
            for word in words:
                row[HUES.index(word) if word in HUES else -1] += 1 if word in HUES else 0.1
        return Embeddings(torch.nn.functional.normalize(rows), self.space)
