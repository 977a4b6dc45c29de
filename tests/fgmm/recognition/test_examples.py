"""Examples of a model's classes: whose they are, and what the model says of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fgmm import load_encoder
from fgmm.recognition.examples import gather_examples
from fgmm.recognition.layers import PictureLayers
from fgmm.recognition.own_model import read_model

LABELS = ("red", "green", "blue")


def plain(red, green, blue):
    return Image.new("RGB", (8, 8), (red, green, blue))


@pytest.fixture
def gather():
    layers = PictureLayers(load_encoder("fake"))
    model = read_model(
        lambda ps: [9 * np.asarray(p, dtype=np.float64).mean((0, 1)) / 255 for p in ps], LABELS
    )

    def gather(given):
        failures = []
        return gather_examples(given, model, layers, failures, progress=False), failures

    return gather


def test_each_is_of_the_class_it_is_given_for_whatever_the_model_says(gather):
    given = {
        "blue": [plain(0, 0, 200), plain(0, 190, 0)],
        "red": [plain(200, 0, 0)],
        "green": [plain(0, 0, 180)],
    }
    found, failures = gather(given)
    assert found.owners.tolist() == [2, 2, 0, 1]
    assert found.right.tolist() == [True, False, True, False]
    assert (found.labelled, failures) == (True, [])
    found, _ = gather([one for several in given.values() for one in several])
    assert found.owners.tolist() == [2, 1, 0, 2]
    assert found.right.tolist() == [True] * 4
    assert not found.labelled


def test_one_content_given_for_two_classes_is_of_the_first(gather):
    found, _ = gather({"green": [plain(200, 0, 0)], "red": [plain(200, 0, 0), plain(190, 0, 0)]})
    assert found.owners.tolist() == [1, 0]
    assert found.right.tolist() == [False, True]
    assert found.groups(3) == [[1], [0], []]


def test_a_file_that_is_no_picture_leaves_the_others_with_their_classes(gather, tmp_path):
    bad, good = tmp_path / "bad.png", tmp_path / "good.png"
    bad.write_bytes(b"no picture at all")
    plain(0, 0, 210).save(good)
    found, failures = gather({"red": [bad, plain(200, 0, 0)], "blue": [good], "green": []})
    assert found.owners.tolist() == [0, 2]
    assert found.right.tolist() == [True, True]
    assert found.origins == ("", str(good))
    assert found.digests == (gather([plain(200, 0, 0)])[0].digests + gather([good])[0].digests)
    assert [source for source, _ in failures] == [bad]
