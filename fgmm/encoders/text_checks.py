"""The sentences about texts, each a check."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from fgmm.encoders.check_tools import SOME_TEXTS, agree, fail, message, some_pictures
from fgmm.errors import EncoderBroken, TextTooLong

__all__ = ["TEXT_CHECKS"]


def logits_can_be_read(encoder: Any, tolerance: float) -> None:
    """``logit_scale``, ``logit_bias``, ``scoring`` and ``context_length`` make sense."""
    scale, bias = getattr(encoder, "logit_scale", None), getattr(encoder, "logit_bias", None)
    if not isinstance(scale, float) or not 0 < scale < float("inf"):
        fail(encoder, logits_can_be_read, f"logit_scale is {scale!r}, not a positive float")
    if not isinstance(bias, float) or not abs(bias) < float("inf"):
        fail(encoder, logits_can_be_read, f"logit_bias is {bias!r}, not a finite float")
    scoring = getattr(encoder, "scoring", None)
    if scoring not in ("softmax", "sigmoid"):
        fail(encoder, logits_can_be_read, f"scoring is {scoring!r}, not 'softmax' or 'sigmoid'")
    length = getattr(encoder, "context_length", None)
    if not isinstance(length, int) or length < 1:
        fail(encoder, logits_can_be_read, f"context_length is {length!r}")


def texts_do_not_depend_on_their_batch(encoder: Any, tolerance: float) -> None:
    """Row i depends on text i alone, and no texts give no rows."""
    together = encoder.encode_texts(list(SOME_TEXTS)).vectors
    alone = torch.cat([encoder.encode_texts([text]).vectors for text in SOME_TEXTS])
    check = texts_do_not_depend_on_their_batch
    agree(encoder, check, together, alone, tolerance, "alone and in company")
    shape = tuple(encoder.encode_texts([]).vectors.shape)
    if shape != (0, encoder.dim):
        fail(encoder, check, f"no texts gave {shape}, not {(0, encoder.dim)}")


def pictures_and_texts_share_a_space(encoder: Any, tolerance: float) -> None:
    """Pictures and texts can be compared: one space, one width."""
    pictures = encoder.encode_images(some_pictures()[:1])
    texts = encoder.encode_texts(["a red circle"])
    if pictures.space != texts.space:
        fail(
            encoder,
            pictures_and_texts_share_a_space,
            f"pictures are in {pictures.space!r} and texts in {texts.space!r}",
        )


def texts_are_never_cut_silently(encoder: Any, tolerance: float) -> None:
    """A text far too long raises TextTooLong, or a warning says that it is cut."""
    limit = encoder.context_length
    text = " ".join(["circle"] * (limit + 1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            encoder.encode_texts(["red", text])
        except TextTooLong:
            return
        except Exception as error:
            reason = f"a text of {limit + 1} words raised {type(error).__name__}, not TextTooLong"
            raise EncoderBroken(message(encoder, texts_are_never_cut_silently, reason)) from error
    if not caught:
        fail(
            encoder,
            texts_are_never_cut_silently,
            f"a text of {limit + 1} words was taken without a word; context_length is {limit}",
        )


TEXT_CHECKS = (
    logits_can_be_read,
    texts_do_not_depend_on_their_batch,
    pictures_and_texts_share_a_space,
    texts_are_never_cut_silently,
)
