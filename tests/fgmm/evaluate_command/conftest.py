"""A folder of noisy colours for `fgmm evaluate`, and how its table is read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fgmm.command.application import app

FAKE = ["--encoder", "fake", "--episodes", "20", "--queries", "2", "--ways", "3"]


COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 210)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Three classes of six noisy pictures each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("FGMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FGMM_DATA", raising=False)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (tmp_path / "pics" / name).mkdir(parents=True)
        for at in range(6):
            noise = rng.normal(0, 60, (20, 20, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pics" / name / f"{at}.png")
    return tmp_path / "pics"


def run(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


def rows(result):
    """Cells of the table's rows; the first two are head and shots, the star is none."""
    found, shots = [], ""
    for cells in (line.replace(" * ", " ").split() for line in result.stdout.splitlines()):
        if cells[1:] in (["shot"], ["shots"]):
            shots = cells[0]
        elif len(cells) > 3 and cells[2] == "%":
            found.append([cells[0], shots, *cells[1:]])
    return found
