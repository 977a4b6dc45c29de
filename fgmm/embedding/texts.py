"""Many texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from fgmm.embedding.keys import text_key
from fgmm.embedding.stores import CacheChoice, open_cache
from fgmm.embeddings import Embeddings
from fgmm.encoders.registry import DEFAULT_ENCODER, load_encoder
from fgmm.encoders.shelf import text_shelf
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.cache import EmbeddingCache
    from fgmm.cache.rows import Vector
    from fgmm.encoders.base import Encoder, ImageEncoder

__all__ = ["embed_texts"]


def embed_texts(
    texts: Iterable[str],
    *,
    encoder: str | ImageEncoder = DEFAULT_ENCODER,
    batch_size: int = 256,
    cache: CacheChoice = None,
) -> Embeddings:
    """Turn texts into unit vectors; a text that stands there twice is encoded once.

    Parameters
    ----------
    texts : iterable of n str
    encoder : str or encoder, default="tiny"
        A name for `fgmm.load_encoder`, or an encoder that reads texts.
    batch_size : int, default=256
        How many are encoded at once. It changes nothing but time and memory.
    cache : EmbeddingCache, path or bool, optional
        Where vectors are kept between runs; True is the user's own. By default nowhere.

    Returns
    -------
    Embeddings of n rows
        In the order of the texts, on the processor.

    Raises
    ------
    TypeError
        If ``texts`` is one string, or something in it is none.
    TextTooLong
        If a text is longer than the encoder reads.
    EncoderBroken
        If the encoder reads pictures only, or breaks its protocol.

    Examples
    --------
    >>> from fgmm import embed_texts
    >>> embed_texts(["a red circle", "a blue square"], encoder="fake").vectors.shape
    torch.Size([2, 48])
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is a list of texts, not one text: pass [{texts!r}]")
    if batch_size < 1:
        raise ValueError(f"batch_size is at least 1, not {batch_size}")
    texts = list(texts)
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {position} is {text!r}, of type {type(text).__name__}")
    model = load_encoder(encoder)
    if not hasattr(model, "encode_texts"):
        raise EncoderBroken(f"encoder {encoder!r} reads pictures only: it has no encode_texts")
    if not texts:
        return Embeddings(torch.empty(0, model.dim), model.space)
    with open_cache(cache) as store:
        known = _encode_missing(model, list(dict.fromkeys(texts)), batch_size, store)
    return Embeddings(torch.from_numpy(np.stack([known[text] for text in texts])), model.space)


def _encode_missing(
    model: Encoder, texts: list[str], batch_size: int, store: EmbeddingCache | None
) -> dict[str, Vector]:
    known: dict[str, Vector] = {}
    space = model.space
    shelf = text_shelf(model)
    if store is not None:
        keys = {text_key(text): text for text in texts}
        known = {keys[key]: row for key, row in store.get_many(shelf, list(keys)).items()}
    missing = [text for text in texts if text not in known]
    for start in range(0, len(missing), batch_size):
        batch = missing[start : start + batch_size]
        encoded = model.encode_texts(batch)
        if encoded.space != space or len(encoded) != len(batch):
            raise EncoderBroken(
                f"{model!r} gave {len(encoded)} rows of {encoded.space!r} for {len(batch)} texts, "
                f"and its space is {space!r}"
            )
        rows = encoded.vectors.detach().cpu().numpy()
        known |= dict(zip(batch, rows, strict=True))
        if store is not None:
            store.put_many(shelf, [text_key(text) for text in batch], rows)
    return known
