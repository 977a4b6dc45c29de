"""Table, TensorBoard and drawing of what was measured."""

from __future__ import annotations

import csv
import math
import sys
import types

import pytest

from fewshot import RidgeHead, meta_train
from fewshot.errors import MissingExtra, TrainingError
from fewshot.training.records import Record, TensorBoardLog, draw_curves, write_table

ROWS = [
    Record(0, 0, math.nan, math.nan, 1.5, 0.25, 1.0, 0.5),
    Record(10, 160, 1.25, 0.5, 1.0, 0.75, 0.5, 2.0),
]


def test_a_row_a_record(tmp_path):
    write_table(ROWS[:1], tmp_path / "log.csv")
    write_table(ROWS, tmp_path / "log.csv")  # replaces
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "step": "10",
        "episodes": "160",
        "loss": "1.25",
        "accuracy": "0.5",
        "validation_loss": "1.0",
        "validation_accuracy": "0.75",
        "rate": "0.5",
        "seconds": "2.0",
    }
    assert math.isnan(float(rows[0]["loss"]))
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_curves_are_drawn(tmp_path, ending):
    path = tmp_path / f"curves.{ending}"
    draw_curves(ROWS, path, "what", 10)
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[ending]
    assert path.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_curves_show_what_was_measured(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: (drawn.append(self), path.touch()))
    draw_curves(ROWS, tmp_path / "x.png", "what", 10)
    loss, accuracy = drawn[0].axes
    training, held_out, kept = loss.get_lines()
    assert list(held_out.get_xdata()) == [0, 160]
    assert list(held_out.get_ydata()) == [1.5, 1.0]
    assert training.get_ydata()[1] == 1.25
    assert list(accuracy.get_lines()[1].get_ydata()) == [25.0, 75.0]
    assert kept.get_xdata()[0] == 160


def test_without_matplotlib_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match="pip install matplotlib"):
        draw_curves(ROWS, tmp_path / "x.png", "what", 10)


def test_without_tensorboard_it_says_so_before_anything_is_trained(
    base, short, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.setattr("fewshot.training.run.Run._learn", None)
    with pytest.raises(ImportError, match=r"pip install 'fgmm\[training\]'"):
        meta_train(RidgeHead(), *base, plan=short, folder=tmp_path, tensorboard=True)
    with pytest.raises(TrainingError, match="tensorboard=True needs a folder"):
        meta_train(RidgeHead(), *base, plan=short, tensorboard=True)


class Writer:
    """In the place of TensorBoard's, which need not be installed."""

    made: list = []  # noqa: RUF012 - all of a test

    def __init__(self, folder, purge_step):
        self.folder, self.purge_step, self.told, self.closed = folder, purge_step, [], False
        self.made.append(self)

    def add_scalar(self, name, value, step):
        self.told.append((name, value, step))

    def flush(self):
        pass

    def close(self):
        self.closed = True


@pytest.fixture
def writer(monkeypatch):

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    Writer.made = []
    return Writer


def test_tensorboard_is_told_each_record_and_what_was_learned(writer, tmp_path):
    log = TensorBoardLog(tmp_path)
    for row in ROWS:
        log.add(row, {"scale": 2.0 + row.step})
    log.close()
    (made,) = writer.made
    assert ("validation_accuracy", 0.25, 0) in made.told
    assert ("loss", 1.25, 10) in made.told
    assert ("numbers/scale", 12.0, 10) in made.told
    assert not [t for t in made.told if t[1] != t[1]]  # no NaN
    assert (made.purge_step, made.closed) == (None, True)


def test_training_that_goes_on_hides_what_was_logged_beyond(writer, base, short, tmp_path):
    def stop(record):
        if record.step == 8:
            raise KeyboardInterrupt

    told = {"plan": short, "validation": 0.5, "folder": tmp_path, "tensorboard": True}
    with pytest.raises(KeyboardInterrupt):
        meta_train(RidgeHead(), *base, watch=stop, **told)
    meta_train(RidgeHead(), *base, **told)
    one, other = writer.made
    assert other.purge_step == 9
    assert {step for _, _, step in other.told} == {12}
    assert one.closed
    assert other.closed


def test_the_real_tensorboard_writes_a_file(base, short, tmp_path):
    pytest.importorskip("tensorboard")
    meta_train(RidgeHead(), *base, plan=short, validation=0.5, folder=tmp_path, tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_a_training_draws_itself(base, short, tmp_path):
    found = meta_train(RidgeHead(), *base, plan=short, validation=0.5)
    found.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
