"""What is asked of an extended classifier as if it were a recogniser."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import fgmm
from fgmm import Recognizer
from fgmm.errors import ModelError


def fitted(shades, layer, names=("sky", "moss")):
    pictures = shades("sky", 30, 31, 32) + shades("moss", 30, 31, 32)
    vectors = fgmm.embed_images(pictures, encoder="fake", layer=layer).vectors
    return LogisticRegression().fit(vectors, np.repeat(names, 3))


@pytest.fixture
def extended(shades):
    made = Recognizer.extend(fitted(shades, "features"), encoder="fake")
    made.add_species("ruby", shades("ruby", 0, 1, 2), names=["garnet"])
    return made


def test_what_it_can_answer_is_in_it_and_undo_takes_back(extended):
    assert "ruby" in extended
    assert "garnet" in extended
    assert "sky" in extended
    assert "moth" not in extended
    assert len(extended) == 3
    assert extended.undo().what == "add_species"
    assert "ruby" not in extended
    assert len(extended) == 2


def test_coverage_is_refused_and_unknown_is_not_known(extended, shades):
    with pytest.raises(ModelError, match=r"coverage is 0\.9.*leave coverage out"):
        extended.classify(shades("ruby", 9), coverage=0.9)
    assert extended.classify(shades("ruby", 9)[0]).unknown is None


def test_a_classifier_of_vectors_of_another_width_is_refused_at_once(shades):
    from fgmm.recognition.own_model import read_model

    narrow = LogisticRegression().fit(np.eye(4)[[0, 1]], ["sky", "moss"])
    with pytest.raises(ModelError, match=r"fitted to 4 numbers .*layer='features'"):
        Recognizer.extend(narrow, encoder="fake")
    taken = Recognizer.extend(narrow, encoder="fake", preprocess=lambda p: np.ones(4))
    assert taken.classify(shades("sky", 1)[0]).labels == ("moss", "sky")
    assert read_model(narrow).width == 4


@pytest.mark.parametrize("labels", [[0, 1], [np.int64(0), np.int64(1)], [False, True]])
def test_labels_that_are_numbers_are_refused_with_the_cure(labels):
    model = lambda pictures: np.zeros((len(pictures), 2))  # noqa: E731
    with pytest.raises(ModelError, match=r"a number: .*\[str\(x\) for x in"):
        Recognizer.extend(model, labels, encoder="fake")


def test_a_classifiers_own_numbers_are_texts_also_in_examples(shades):
    model = fitted(shades, "features", (0, 1))
    examples = {"0": shades("sky", 40), "1": shades("moss", 40)}
    made = Recognizer.extend(model, examples=examples, encoder="fake")
    assert made.labels == ("0", "1")
    with pytest.raises(ModelError, match=r"0 is no label of the model: .*'0', '1'"):
        Recognizer.extend(model, examples={0: shades("sky", 40)}, encoder="fake")
