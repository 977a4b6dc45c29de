"""What `tiny` may see: the rules of its card, held on the lists of files it is trained on."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def data_module(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module("tiny_training.data")
    for name in [name for name in sys.modules if name.startswith("tiny_training")]:
        del sys.modules[name]


@pytest.mark.data
def test_no_photo_of_a_novel_or_test_grocery_is_listed(data_module, data_folder):
    root = data_folder / "grocery"
    numbers = {c["name"]: c["id"] for c in json.loads((root / "classes.json").read_text())}
    files = data_module.grocery_files(root, ("train", "val"))
    assert len({name for _, name in files}) == 60
    assert len(files) > 2_000
    for path, name in files:
        assert path.parts[-3:-1] in {("train", name), ("val", name)}
        assert numbers[name] % 4 != 0


@pytest.mark.data
def test_no_novel_or_test_flower_is_listed(data_module, data_folder):
    root = data_folder / "flowers"
    train = data_module.flower_files(root, steer=False)
    steer = data_module.flower_files(root, steer=True)
    assert len({name for _, name in train}) == 61
    assert not set(train) & set(steer)
    assert len(steer) > 100
    for path, name in train + steer:
        assert path.parent.name == name
        assert int(name) % 3 != 0
        assert int(path.stem.split("_")[1]) % 5 != 0


def test_birds_are_base_species_and_even_seeds(data_module, monkeypatch):
    drawn = []
    guide = data_module.FieldGuide()
    original = data_module.FieldGuide.draw

    def draw(self, species, seed, size=160):
        drawn.append((species, seed))
        return original(self, species, seed, 32)

    class Here:
        """Runs jobs in this process, so that they are seen."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def map(self, work, jobs, chunksize):
            return map(work, jobs)

    monkeypatch.setattr(data_module.FieldGuide, "draw", draw)
    monkeypatch.setattr(data_module, "ProcessPoolExecutor", Here)
    found = data_module.field_guide((0, 2))
    assert len(found) == 2 * len(guide.base)
    assert {name for name, _ in drawn} == {s.name for s in guide.base}
    assert {seed for _, seed in drawn} == {0, 2}


def test_only_even_seeds_are_asked_for(data_module, monkeypatch, tmp_path):
    asked = []

    class Asked(Exception):
        pass

    def field_guide(seeds):
        asked.extend(seeds)
        raise Asked

    empty = data_module.PictureSet("x", data_module.torch.zeros(0), data_module.torch.zeros(0), ())
    monkeypatch.setattr(data_module, "general", lambda *_: empty)
    monkeypatch.setattr(data_module, "_pack", lambda *_: empty)
    monkeypatch.setattr(data_module, "grocery_files", lambda *_: [])
    monkeypatch.setattr(data_module, "flower_files", lambda *_, **__: [])
    monkeypatch.setattr(data_module, "field_guide", field_guide)
    with pytest.raises(Asked):
        data_module.load_sets(tmp_path, tmp_path / "cache", birds_per_species=5)
    assert asked == [0, 2, 4, 6, 8]
