"""Many pictures and some candidates: the same as each picture, and as the columns of all."""

from __future__ import annotations

import pytest
import torch

from fgmm import Recognizer
from fgmm.recognition import answers


def test_predictions_are_the_same_whatever_the_block(colours, folder, monkeypatch):
    whole = list(colours.classify(folder, progress=False))
    monkeypatch.setattr(answers, "_ROWS_A_BLOCK", 4)
    blocks = colours.classify(folder, progress=False)
    for at in (14, 0, 5, 3, 4, 11, 7, -1):  # back and forth over the edges of blocks
        assert blocks[at].name == whole[at].name
        torch.testing.assert_close(blocks[at].logits, whole[at].logits)
    assert len({one.name for one in blocks}) == 15
    with pytest.raises(IndexError):
        blocks[15]


def test_of_candidates_those_are_plausible_that_are_so_among_all(colours, shades):
    colours.add_species("moss", shades("moss", 0, 1, 2, 3))
    for picture in [*shades("ruby", 11), *shades("sky", 12), *shades("moss", 13)]:
        for coverage in (0.5, 0.8):
            all_of = colours.classify(picture, coverage=coverage).plausible
            for candidates in (["moss", "sky"], ["sky", "ruby"], ["moss"]):
                found = colours.classify(picture, candidates, coverage=coverage)
                assert set(found.plausible) == set(all_of) & set(candidates)


def test_of_candidates_a_graph_tells_one_from_the_other_candidates(shades):
    made = Recognizer("fake")
    for name, attribute in (("one", "red"), ("two", "green"), ("three", "blue")):
        made.add_species(name, attributes={attribute: 1.0})
    picture = shades("ruby", 0)[0]
    whole, some = made.classify(picture), made.classify(picture, ["three", "one"])
    nats = whole.evidence["knowledge"][[2, 0]]
    torch.testing.assert_close(some.evidence["knowledge"], nats - nats.mean())
    # what one of n has counts by what the others lack: 1 - 1/n of its score
    (of_three,), (of_two,) = whole.reasons(), some.reasons()
    assert (of_three.text, of_two.text) == ("red", "red")
    assert of_two.nats / (1 - 1 / 2) == pytest.approx(of_three.nats / (1 - 1 / 3), rel=1e-4)


def test_a_species_known_by_words_is_weighed_against_words_though_others_have_photos(
    colours, shades
):
    colours.add_species("moss")
    picture = shades("moss", 9)[0]
    assert colours.classify(picture, ["moss"]).generic[0] == "a photo."
    assert colours.classify(picture, ["ruby"]).generic[0] == "none of these"


def test_without_words_a_cosine_is_that_of_the_mean_photo(pictures_only, shades):
    made = Recognizer(pictures_only)
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    made.add_species("sky", shades("sky", 0, 1))
    for found in made.classify([*shades("ruby", 1, 9), *shades("moss", 9)]):
        for label, cosine in zip(found.labels, found.cosines.tolist(), strict=True):
            photos = made.collection.find(label).photos.vectors
            mean = photos.sum(axis=0, dtype=float)
            told = float(mean @ found.features[0].numpy()) / float(mean @ mean) ** 0.5
            assert cosine == pytest.approx(told, abs=1e-5)


def test_what_is_plausible_is_told_by_the_model_that_photos_were_judged_by(shades):
    made = Recognizer("fake")
    for name, other in (("one", "sky"), ("two", "moss"), ("three", "ruby")):  # hard to tell apart
        made.add_species(name, shades("ruby", *range(len(name), 99, 7)) + shades(other, 1))
    moment = made._moment()
    kept = made._layers.embed(shades("ruby", *range(100, 120)), progress=False)
    features, joint = made._layers.split(kept)
    sets = {}
    for judged in (True, False):
        told = moment.scorer.evidence(features.vectors, joint.vectors, as_judged=judged)
        shares = ((told["text"] + told["photos"]) / moment.calibration.temperature).softmax(1)
        sets[judged] = [shares >= moment.calibration.threshold(c / 14) for c in range(3, 12)]
    found = [moment.plausible(kept, c / 14) for c in range(3, 12)]
    assert all(map(torch.equal, found, sets[True]))
    assert not all(map(torch.equal, sets[True], sets[False]))  # so that the test can tell
