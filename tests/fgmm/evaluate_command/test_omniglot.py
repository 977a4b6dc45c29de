"""Omniglot's official runs, judged run by run."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fgmm.evaluate_command.conftest import run


@pytest.fixture
def runs(tmp_path):
    """Two runs of three characters; in the second one test picture shows the wrong one."""
    from io import BytesIO

    def picture(row: int) -> bytes:
        pixels = np.full((12, 12), 255, np.uint8)
        pixels[4 * row : 4 * row + 3] = 0
        file = BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    (tmp_path / "omniglot").mkdir()
    with zipfile.ZipFile(tmp_path / "omniglot" / "all_runs.zip", "w") as zipped:
        for run, shows in (("run01", [1, 2, 0]), ("run02", [0, 0, 2])):
            told = ""
            for at, answer in enumerate([1, 2, 0] if run == "run01" else [0, 1, 2]):
                zipped.writestr(f"{run}/training/class{at}.png", picture(at))
                zipped.writestr(f"{run}/test/item{at}.png", picture(shows[at]))
                told += f"{run}/test/item{at}.png {run}/training/class{answer}.png\n"
            zipped.writestr(f"{run}/class_labels.txt", told)
    return tmp_path


@pytest.mark.parametrize("encoder", ["pixels", "pixels-28", "fake"])
def test_omniglots_runs_count_errors_run_by_run(runs, encoder):
    result = run("omniglot-runs", "--data", runs, "--encoder", encoder, "--out", "o.json")
    assert result.exit_code == 0, result.output
    told = json.loads(Path("o.json").read_text())
    if encoder != "fake":  # which sees colours, and may see no rows
        assert told["heads"]["prototype"]["errors"] == pytest.approx([0, 1 / 3])
        assert told["heads"]["prototype"]["error"] == pytest.approx(1 / 6)
        assert "16.7 %" in result.stdout
    assert told["runs"] == ["run01", "run02"]
    for published in ("38.8 %", "4.5 %"):
        assert published in result.stdout


def test_omniglots_runs_take_any_head(runs):
    heads = ["--head", "prototype", "--head", "simple-shot"]
    result = run("omniglot-runs", "--data", runs, "--encoder", "pixels", *heads)
    assert result.exit_code == 0, result.output
    assert "simple-shot" in result.stdout


@pytest.mark.data
def test_the_published_runs_with_pixels(data_folder):
    """The error by loops over pixels, run by run."""
    os.environ["FGMM_DATA"] = str(data_folder)
    try:
        result = run("omniglot-runs", "--encoder", "pixels", "--out", "o.json")
    finally:
        del os.environ["FGMM_DATA"]
    assert result.exit_code == 0, result.output
    from io import BytesIO

    def pixels(content: bytes) -> np.ndarray:
        return np.asarray(Image.open(BytesIO(content))).astype(int)

    with zipfile.ZipFile(data_folder / "omniglot" / "all_runs.zip") as archive:
        errors = json.loads(Path("o.json").read_text())["heads"]["prototype"]["errors"]
        for at, error in enumerate(errors[:3], 1):
            lines = archive.read(f"run{at:02d}/class_labels.txt").decode().split("\n")
            pairs = [line.split() for line in lines if line]
            shown = {right: pixels(archive.read(right)) for _, right in pairs}
            wrong = 0
            for asked, right in pairs:
                x = pixels(archive.read(asked))
                distance = {name: int(((x - y) ** 2).sum()) for name, y in shown.items()}
                wrong += distance[right] > min(distance.values())
            assert error == pytest.approx(wrong / 20)
