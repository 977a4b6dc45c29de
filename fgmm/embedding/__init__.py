"""Embedding many pictures or texts: at bounded memory, in order, and not twice.

Read `pictures.py` first.
"""

from __future__ import annotations

from fgmm.embedding.files import load_embeddings
from fgmm.embedding.pictures import embed_images
from fgmm.embedding.results import Failure, ImageEmbeddings
from fgmm.embedding.texts import embed_texts

__all__ = ["Failure", "ImageEmbeddings", "embed_images", "embed_texts", "load_embeddings"]
