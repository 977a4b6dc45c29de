"""The official runs, read from a made-up archive."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from fgmm.datasets import read_runs
from fgmm.datasets.omniglot import error_interval, ink, read_omniglot
from fgmm.errors import DatasetError


def character(ink_at: list[tuple[int, int]], side: int = 6) -> bytes:
    """White paper, one bit a pixel, with ink at some (row, column)."""
    pixels = np.full((side, side), 255, np.uint8)
    for place in ink_at:
        pixels[place] = 0
    file = io.BytesIO()
    Image.fromarray(pixels).convert("1").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def archive(tmp_path):
    """A run with three characters; test pictures are the training ones, in another order."""

    def make(inside: str = "", lines: str | None = None, extra: dict | None = None):
        path = tmp_path / "runs.zip"
        order = [2, 0, 1]  # test picture i shows character order[i]
        with zipfile.ZipFile(path, "w") as zipped:
            for run in ("run02", "run01"):
                for at in range(3):
                    where = f"{inside}{run}/training/class0{at + 1}.png"
                    zipped.writestr(where, character([(at, at)]))
                    asked = f"{inside}{run}/test/item0{at + 1}.png"
                    zipped.writestr(asked, character([(order[at], order[at]), (5, 5)]))
                told = "".join(
                    f"{run}/test/item0{i + 1}.png {run}/training/class0{order[i] + 1}.png\n"
                    for i in range(3)
                )
                zipped.writestr(f"{inside}{run}/class_labels.txt", told if lines is None else lines)
            for name, content in (extra or {}).items():
                zipped.writestr(name, content)
        return path

    return make


@pytest.mark.parametrize("inside", ["", "all_runs/"])
def test_runs_come_by_name_with_the_answer_of_each_test_picture(archive, inside):
    path = archive(inside, extra={"__MACOSX/run01/class_labels.txt": "x"})
    runs = read_runs(path)
    assert [run.name for run in runs] == ["run01", "run02"]
    assert runs[0].answers == (2, 0, 1)
    assert runs[0].training == tuple(character([(i, i)]) for i in range(3))
    assert runs[0].test[0] == character([(2, 2), (5, 5)])


def test_ink_is_one_where_the_paper_is_black():
    rows = ink([character([(0, 1)]), character([])]).numpy()
    assert rows.shape == (2, 36)
    assert rows.sum(1).tolist() == [1, 0]
    assert rows[0, 1] == 1
    # 3 x 3 of areas of 2 x 2: one pixel of ink is a quarter of the first area
    small = ink([character([(0, 1)])], side=3).numpy()
    assert small[0] == pytest.approx([0.25] + [0] * 8, abs=0.01)


def test_the_interval_is_of_the_mean_over_runs():
    errors = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = error_interval(errors)
    half = 1.96 * 0.1 / 20  # of the mean of 400 with that spread
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)
    assert low < errors.mean() < high


def test_what_is_no_archive_of_runs_is_said(archive, tmp_path):
    with pytest.raises(DatasetError, match=r"there is no .*no\.zip"):
        read_runs(tmp_path / "no.zip")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(DatasetError, match="no zip archive"):
        read_runs(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as zipped:
        zipped.writestr("a.txt", "b")
    with pytest.raises(DatasetError, match=r"holds no class_labels\.txt"):
        read_runs(tmp_path / "other.zip")
    with pytest.raises(DatasetError, match="a line is no pair"):
        read_runs(archive(lines="run01/test/item01.png\n"))
    with pytest.raises(DatasetError, match=r"class09\.png, which is not there"):
        read_runs(archive(lines="run01/test/item01.png run01/training/class09.png\n"))
    # a file that would fill the memory is not read
    big = archive(
        lines="run01/test/big.png run01/training/class01.png\n",
        extra={"run01/test/big.png": b"\0" * (2 << 20)},
    )
    with pytest.raises(DatasetError, match="2,097,152 bytes"):
        read_runs(big)


def test_background_sets_are_one_pool_of_alphabets_and_characters(tmp_path):
    for number, alphabets in ((1, ["Latin", "Greek"]), (2, ["Latin", "Korean"])):
        name = f"images_background_small{number}"
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as zipped:
            for alphabet in alphabets:
                for at in (1, 2):
                    where = f"{name}/{alphabet}/character0{at}/000{at}_01.png"
                    zipped.writestr(where, character([(at, at)]))
    found = read_omniglot(tmp_path)
    assert found.labels == tuple(
        f"{alphabet}/character0{at}" for alphabet in ("Greek", "Korean", "Latin") for at in (1, 2)
    )
    assert found.images[1] == character([(2, 2)])
    second = read_omniglot(tmp_path, [2])
    assert {label.partition("/")[0] for label in second.labels} == {"Korean", "Latin"}
    with pytest.raises(DatasetError, match=r"there is no .*small3\.zip"):
        read_omniglot(tmp_path, [3])


@pytest.mark.data
def test_the_published_runs_are_twenty_of_twenty(data_folder):
    runs = read_runs(data_folder / "omniglot" / "all_runs.zip")
    assert len(runs) == 20
    for run in runs:
        assert (len(run.training), sorted(run.answers)) == (20, list(range(20)))
