"""Pages that need photographs are skipped where there are none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("FGMM_DATA") or HERE.parent.parent / "shared" / "data")
NEED_PHOTOGRAPHS = {"five-real-photos.md"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip them, and say what is missing."""
    if DATA.is_dir():
        return
    reason = f"no photographs at {DATA}: set FGMM_DATA to their folder"
    for item in items:
        if item.path.parent == HERE and item.path.name in NEED_PHOTOGRAPHS:
            item.add_marker(pytest.mark.skip(reason=reason))
