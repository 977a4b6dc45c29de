"""Embeddings kept on disk, so that nothing is encoded twice."""

from __future__ import annotations

from fgmm.cache.vectors import CacheStats, EmbeddingCache, default_cache_path

__all__ = ["CacheStats", "EmbeddingCache", "default_cache_path"]
