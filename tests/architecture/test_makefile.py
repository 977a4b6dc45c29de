"""`make` says what it will download, before it does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Stands for python: makes its "environment" by copying itself, and says which pip it would run.
STUB = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *find_spec*torch*) test -e torch-is-there ;;
  *"pip install"*) echo "pip runs: $*" ;;
esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize("there", [False, True])
def test_a_long_download_is_announced(tmp_path, there):
    for file in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    stub = tmp_path / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)
    if there:
        (tmp_path / "torch-is-there").touch()
    done = subprocess.run(
        ["make", "demo", "PYTHON=./stub"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    before, installs, _ = done.stdout.partition("pip runs: -m pip install --quiet --editable .")
    assert installs
    for words in ("downloads PyTorch", "6 GB", "some minutes", "CPU build"):
        assert (words in before) is not there
    if not there:  # of different indexes the two do not fit
        (line,) = (line for line in before.splitlines() if "--index-url" in line)
        assert "install torch torchvision --index-url" in line
