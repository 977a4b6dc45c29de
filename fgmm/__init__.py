"""Recognise fine-grained things from words, knowledge and a handful of photos.

>>> import fgmm
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fgmm._neighbours import warn_if_shadowed
from fgmm._version import __version__

if TYPE_CHECKING:
    from fgmm.cache import EmbeddingCache
    from fgmm.classification import classify
    from fgmm.embedding import ImageEmbeddings, embed_images, embed_texts
    from fgmm.embeddings import ClassMatrix, Embeddings
    from fgmm.encoders.checks import check_encoder
    from fgmm.encoders.onnx_export import export_encoder
    from fgmm.encoders.registry import encoder_names, load_encoder
    from fgmm.evaluation_file import load_evaluations
    from fgmm.prediction import Prediction
    from fgmm.predictions import Predictions
    from fgmm.recognition.extension import ExtendedClassifier
    from fgmm.recognition.receipt import Receipt
    from fgmm.recognizer import Recognizer

_HOME = {
    "ClassMatrix": "fgmm.embeddings",
    "EmbeddingCache": "fgmm.cache",
    "Embeddings": "fgmm.embeddings",
    "ExtendedClassifier": "fgmm.recognition.extension",
    "ImageEmbeddings": "fgmm.embedding",
    "Prediction": "fgmm.prediction",
    "Predictions": "fgmm.predictions",
    "Receipt": "fgmm.recognition.receipt",
    "Recognizer": "fgmm.recognizer",
    "check_encoder": "fgmm.encoders.checks",
    "classify": "fgmm.classification",
    "embed_images": "fgmm.embedding",
    "embed_texts": "fgmm.embedding",
    "encoder_names": "fgmm.encoders.registry",
    "export_encoder": "fgmm.encoders.onnx_export",
    "load_encoder": "fgmm.encoders.registry",
    "load_evaluations": "fgmm.evaluation_file",
}

__all__ = [
    "ClassMatrix",
    "EmbeddingCache",
    "Embeddings",
    "ExtendedClassifier",
    "ImageEmbeddings",
    "Prediction",
    "Predictions",
    "Receipt",
    "Recognizer",
    "__version__",
    "check_encoder",
    "classify",
    "embed_images",
    "embed_texts",
    "encoder_names",
    "export_encoder",
    "load_encoder",
    "load_evaluations",
]

# Here and not on first use: `import fgmm, knowledge` would otherwise fail in the other's
# `knowledge`, in words that say nothing about the cause.
warn_if_shadowed()


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fgmm' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
