"""What a recogniser's prediction says beyond others': photos, candidates, several pictures."""

from __future__ import annotations

import math
import pickle

import pytest
import torch

from fgmm import Recognizer
from fgmm.errors import ImageError
from fgmm.recognition.together import pool_weights


def test_the_nearest_photo_is_named(folder):
    made = Recognizer("fake")
    made.add_species("ruby", sorted((folder / "ruby").iterdir()))
    made.add_species("sky", folder / "sky")
    found = made.classify(folder / "ruby" / "2.png")  # one it knows: it is like itself
    photo = found.nearest_photo()
    assert (photo.species, photo.number, photo.origin) == ("ruby", 3, str(folder / "ruby/2.png"))
    assert photo.cosine == pytest.approx(1, abs=1e-5)
    assert f"looks most like photo 3 of ruby, {photo.origin} (cosine 1.000)" in found.explain()
    assert found.to_dict()["nearest_photo"]["number"] == 3
    vectors = made.collection.find("sky").photos.vectors[:, 48:]
    mine = made.collection.find("ruby").photos.vectors[2, 48:]
    expected = vectors @ mine / mine.dot(mine)
    assert found.nearest_photo("sky").cosine == pytest.approx(expected.max(), abs=1e-5)
    assert found.nearest_photo("sky").number == expected.argmax() + 1
    with pytest.raises(ValueError, match="did you mean 'ruby'"):
        found.nearest_photo("rubi")


def test_evidence_adds_up_to_the_logits(colours, shades):
    colours.add_species("moss")
    for found in colours.classify(shades("moss", 0, 1)):
        assert torch.allclose(sum(found.evidence.values()), found.logits, atol=1e-5)
        assert float(found.probabilities.sum()) == pytest.approx(1)


def test_candidates_restrict_the_answer_and_the_whole_one_is_kept(colours, shades):
    colours.add_species("moss", shades("moss", 0, 1, 2))
    picture = shades("moss", 9)[0]
    whole = colours.classify(picture)
    found = colours.classify(picture, ["SKY", "ruby", "sky"])
    assert found.labels == ("sky", "ruby")
    places = [whole.labels.index(label) for label in found.labels]
    assert torch.equal(found.logits, whole.logits[places])
    assert torch.allclose(found.probabilities, whole.logits[places].softmax(0))
    assert found.unrestricted.label == "moss"
    assert torch.equal(found.unrestricted.logits, whole.logits)
    assert "of all species: moss" in found.explain()
    assert found.to_dict()["unrestricted"]["label"] == "moss"
    assert whole.unrestricted is None


def test_a_single_species_is_never_certain_for_nothing(colours, shades):
    alone = colours.classify(shades("moss", 9)[0], ["ruby"])
    assert alone.generic[0] == "none of these"
    expected = 1 / (1 + math.exp(alone.generic[1] - float(alone.logits[0])))
    assert alone.probability == pytest.approx(expected, rel=1e-5)
    assert colours.classify(shades("ruby", 9)[0], ["ruby"]).probability > alone.probability
    words = Recognizer("fake")
    words.add_species("red")
    found = words.classify(shades("sky", 0)[0])
    assert found.generic[0] == "a photo."
    expected = 1 / (1 + math.exp(found.generic[1] - float(found.logits[0])))
    assert found.probability == pytest.approx(expected, rel=1e-5)


def test_sigmoid_scores_stay_each_by_itself(shades):
    made = Recognizer("fake:sigmoid")
    made.add_species("red")
    made.add_species("blue")
    found = made.classify(shades("ruby", 0)[0])
    assert torch.equal(found.probabilities, found.logits.sigmoid())


def test_one_picture_together_is_that_picture(colours, shades):
    picture = shades("ruby", 9)
    assert torch.equal(
        colours.classify_together(picture).logits, colours.classify(picture[0]).logits
    )


def test_pictures_together_are_the_weighted_sum_tempered(colours, shades):
    pictures = shades("ruby", 9) + shades("sky", 9)
    each = torch.stack([one.logits for one in colours.classify(pictures)])
    # two pictures are worth 2 / (1 + 0.5) = 4/3 independent ones: each counts 2/3
    together = colours.classify_together(pictures)
    assert torch.allclose(together.logits, 2 / 3 * each.sum(0), atol=1e-5)
    # weights 3 and 1: 16/10 pictures, worth 1.6 / 1.3, shared 3 to 1
    weighted = colours.classify_together(pictures, [3, 1])
    worth = 1.6 / 1.3
    assert torch.allclose(weighted.logits, worth * (0.75 * each[0] + 0.25 * each[1]), atol=1e-5)
    assert weighted.label == "ruby"
    assert colours.classify_together(pictures, [0, 5]).label == "sky"
    assert colours.classify_together(pictures, candidates=["sky"]).labels == ("sky",)


def test_any_number_of_pictures_says_at_most_twice_what_one_does():
    totals = [float(pool_weights(None, n).sum()) for n in (1, 2, 5, 50, 5000)]
    assert totals[0] == 1
    assert totals == sorted(totals)
    assert totals[-1] < 2


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_only_the_ratios_of_weights_count(size):
    assert torch.allclose(pool_weights([3 * size, size], 2), pool_weights([3, 1], 2))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0], "1 weights for 2"),
        ([1, -1], "0 or more"),
        ([0, 0], "all 0"),
        ([1, math.inf], "finite"),
    ],
)
def test_weights_that_are_none_are_refused(weights, words):
    with pytest.raises(ValueError, match=words):
        pool_weights(weights, 2)


def test_a_picture_that_cannot_be_read_spoils_them_all(colours, shades):
    with pytest.raises(ImageError):
        colours.classify_together([*shades("ruby", 0), b"no picture"])


def test_a_prediction_outlives_its_recogniser(colours, shades):
    found = colours.classify(shades("ruby", 9)[0])
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 (our own)
    assert again.label == found.label
    assert again.nearest_photo() == found.nearest_photo()


def test_provenance_tells_one_class_set_from_another(colours, shades):
    before = colours.classify(shades("ruby", 9)[0]).provenance
    assert before["encoder_name"] == "fake"
    colours.add_photos("ruby", shades("ruby", 7))
    after = colours.classify(shades("ruby", 9)[0]).provenance
    assert before["class_set"] != after["class_set"]
    colours.undo()
    assert colours.classify(shades("ruby", 9)[0]).provenance == before
    colours.set_words(concept="stone")  # other texts, other logits
    assert colours.classify(shades("ruby", 9)[0]).provenance["class_set"] != before["class_set"]
