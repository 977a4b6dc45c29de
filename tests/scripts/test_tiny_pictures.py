"""Packed pictures: written whole or not at all, and anew when a rule changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.fixture
def pictures(script):
    return script("tiny_training.pictures")


@pytest.fixture
def make(pictures):
    """A maker of a small set that counts how often it is asked."""

    class Maker:
        asked = 0
        shade = 5

        def __call__(self):
            self.asked += 1
            pixels = torch.full((2, 3, 4, 4), self.shade, dtype=torch.uint8)
            return pictures.PictureSet("x", pixels, torch.tensor([1, 0]), ("b", "ä"))

    return Maker()


def test_what_is_kept_is_what_was_made(pictures, make, tmp_path):
    first, again = (pictures.packed(tmp_path / "x.npz", "called", make) for _ in range(2))
    assert make.asked == 1
    for found in (first, again):
        assert found.name == "called"
        assert found.classes == ("b", "ä")
        assert found.labels.tolist() == [1, 0]
        assert found.labels.dtype == torch.long
        assert found.pictures.dtype == torch.uint8
        assert torch.equal(found.pictures, torch.full((2, 3, 4, 4), 5, dtype=torch.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_a_broken_off_write_is_never_read(pictures, make, tmp_path, monkeypatch):
    whole = np.savez

    def break_off(path, **arrays):
        whole(path, **arrays)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", break_off)
    with pytest.raises(KeyboardInterrupt):
        pictures.packed(tmp_path / "x.npz", "x", make)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(np, "savez", whole)
    assert len(pictures.packed(tmp_path / "x.npz", "x", make)) == 2
    assert make.asked == 2


def test_what_another_run_is_writing_is_not_read(pictures, make, tmp_path, monkeypatch):
    """In the middle of writing the file's own name is not there yet."""
    whole, seen = np.savez, []

    def look(path, **arrays):
        seen.append((path.name, (tmp_path / "x.npz").exists()))
        whole(path, **arrays)

    monkeypatch.setattr(np, "savez", look)
    for process in (11, 12):
        monkeypatch.setattr(pictures.os, "getpid", lambda process=process: process)
        pictures.packed(tmp_path / "x.npz", "x", make)
        (tmp_path / "x.npz").unlink()
    (one, early), (other, _) = seen
    assert not early
    assert one != other  # two runs never write into one file


def test_the_key_changes_with_every_source_and_setting(pictures, tmp_path):
    sources = [tmp_path / "a.py", tmp_path / "b.py"]
    for source in sources:
        source.write_text("x = 1")
    keys = [pictures.rules_key(sources, 80), pictures.rules_key(sources, 81)]
    for source in sources:
        source.write_text("x = 2")
        keys.append(pictures.rules_key(sources, 80))
    assert len(set(keys)) == 4
    for source in sources:
        source.write_text("x = 1")
    assert pictures.rules_key(sources, 80) == keys[0]


def test_a_changed_rule_packs_anew(script, make, tmp_path, monkeypatch):
    data = script("tiny_training.data")
    for name in ("general", "grocery_train", "_pack", "field_guide"):
        monkeypatch.setattr(data, name, lambda *_: make())
    for name in ("grocery_files", "flower_files"):
        monkeypatch.setattr(data, name, lambda *_, **__: [])
    rule = tmp_path / "rule.py"
    rule.write_text("first")
    monkeypatch.setattr(data, "PACKERS", (rule,))

    def shade():
        train, steer = data.load_sets(tmp_path, tmp_path / "cache")
        return {int(s.pictures.max()) for s in train + steer}

    assert shade() == {5}
    make.shade = 9
    assert shade() == {5}  # the rules are the same: nothing is made
    rule.write_text("second")
    assert shade() == {9}
    rule.write_text("first")
    assert shade() == {5}  # and the old ones are still there


def test_rules_are_the_lists_the_studio_and_the_drawing_of_birds(script):
    names = {(p.parent.name, p.name) for p in script("tiny_training.data").PACKERS}
    assert {("tiny_training", "data.py"), ("tiny_training", "studio.py")} < names
    assert ("fieldguide", "drawing.py") in names
