"""Scripts are no package: a test imports them as ``python scripts/train_tiny.py`` would."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch):
    """``script("tiny_training.data")`` imports a module; it is forgotten after the test."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"tiny_training", "train_tiny"}:
            del sys.modules[name]
