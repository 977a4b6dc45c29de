"""Several pictures of one individual: every number of the prediction, from those of each."""

from __future__ import annotations

import math

import pytest
import torch

from fgmm import Recognizer

SHARES = torch.tensor([0.75, 0.25])
WORTH = 1.6 / 1.3  # weights 3 and 1 are 16/10 pictures, of which any two half agree


@pytest.fixture
def pictures(shades):
    return shades("ruby", 9) + shades("sky", 9)


def pooled(values) -> torch.Tensor:
    """Tempered sum of what each of the two pictures says."""
    return WORTH * (SHARES @ torch.as_tensor(values))


def test_unknown_is_that_of_the_pooled_logits(colours, pictures):
    moment = colours._moment()
    found = colours.classify_together(pictures, [3, 1])
    each = [moment.weigh(colours._layers.encode_one(picture)) for picture in pictures]
    none = float(pooled([float(one.none) for one in each]))
    ratios = [math.exp(float(logit) - none) for logit in found.logits]
    assert found.unknown == pytest.approx(1 / (1 + sum(ratios) / len(ratios)), rel=1e-4)


def test_a_single_candidate_is_weighed_against_the_pooled_rival(colours, pictures):
    each = [one.generic[1] for one in colours.classify(pictures, ["ruby"])]
    found = colours.classify_together(pictures, [3, 1], ["ruby"])
    assert found.generic[1] == pytest.approx(float(pooled(each)), rel=1e-4)
    expected = 1 / (1 + math.exp(found.generic[1] - float(found.logits[0])))
    assert found.probability == pytest.approx(expected, rel=1e-4)


def test_cosines_are_the_weighted_mean_and_stay_cosines(colours, pictures):
    each = torch.stack([one.cosines for one in colours.classify(pictures)])
    found = colours.classify_together(pictures, [3, 1])
    torch.testing.assert_close(found.cosines, SHARES @ each)


def test_the_nearest_photo_is_looked_for_in_every_picture(colours, shades):
    found = colours.classify_together(shades("ruby", 9) + shades("sky", 2))
    photo = found.nearest_photo("sky")  # one that it knows is the second picture
    assert (photo.number, photo.cosine) == (3, pytest.approx(1, abs=1e-5))


def test_what_a_graph_says_is_pooled_like_the_rest(pictures):
    made = Recognizer("fake")
    made.add_species("one", attributes={"red": 1.0})
    made.add_species("two", attributes={"blue": 1.0})
    each = torch.stack([one.evidence["knowledge"] for one in made.classify(pictures)])
    assert not torch.allclose(each[0], each[1])
    found = made.classify_together(pictures, [3, 1])
    torch.testing.assert_close(found.evidence["knowledge"], pooled(each), rtol=1e-4, atol=1e-5)
    scores = torch.stack([one.known.scores for one in made.classify(pictures)])
    torch.testing.assert_close(found.known.scores, pooled(scores), rtol=1e-4, atol=1e-5)
