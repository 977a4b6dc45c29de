"""Benchmarks are no package: a test imports them as ``python benchmarks/tiny.py`` would."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch):
    """``benchmark_module("tiny_words")`` imports a module; it is forgotten after the test."""
    path, before = list(sys.path), set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module
    sys.path[:] = path  # tiny_data adds scripts/
    ours = {p.stem for p in BENCHMARKS.glob("*.py")} | {"tiny_training"}
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ours:
            del sys.modules[name]


@pytest.fixture
def pool(benchmark_module):
    """A factory of pools: ``pool(vectors, keys)``, the same unit vectors in both layers."""
    import numpy as np
    import torch

    import fgmm

    def make(vectors, keys, space="fake/1"):
        units = torch.nn.functional.normalize(torch.as_tensor(vectors).float(), dim=1)
        both = fgmm.Embeddings(units, space)
        return benchmark_module("tiny_data").Pool(both, both, np.array(keys))

    return make
