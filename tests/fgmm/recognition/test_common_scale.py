"""Words and photos on one scale: levels, the group of species with photos, strangers."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fewshot import Background
from fgmm.library import Collection, Photos, Species
from fgmm.recognition.levels import balance, draw_pictures
from fgmm.recognition.scorer import Scorer
from fgmm.recognition.weights import believe
from tests.fgmm.recognition.conftest import READING, D, background, draws, scorer


def slow_doubt(nats: float) -> float:
    return nats if nats > 0 else -1.5 * math.log(1 - nats / 1.5)


def believed(made: Scorer) -> float:
    """1.2 nats over what the model claims that a photo tells, at most 1."""
    return min(1.0, 1.2 / float(made.photos.rough.claim(D)))


def text_of(made: Scorer, joint: torch.Tensor) -> torch.Tensor:
    return joint @ made.texts.T * READING.scale + READING.bias


def slow_questions(made: Scorer, told: torch.Tensor, text: torch.Tensor) -> list[list[float]]:
    """Whether it is this species, of those with photos: from the module's formulas."""
    words, weight = (made.scale.words, made.scale.photos)
    mixed = not bool(made.has_photos.all())
    shown = made.has_photos.nonzero().flatten().tolist()
    found = []
    for i in range(len(told)):
        centred = text[i] - text[i].mean()
        found.append(
            [
                slow_doubt(0.6 * believed(made) * float(told[i, c])) + words / 4 * float(centred[c])
                if mixed
                else slow_doubt(weight * float(told[i, c])) + words * float(centred[c])
                for c in shown
            ]
        )
    return found


def test_the_mean_ratio_over_other_pictures_is_one():
    """The levels, from the definition: pictures in general count 5 times, each species once."""
    made, shown = scorer([0, 3, 2, 0, 4]), [1, 2, 4]
    generator = torch.Generator().manual_seed(0)
    photos = made.photos.general(512, generator)
    joint = draw_pictures(background(4), 512, generator)
    general = slow_questions(made, photos, text_of(made, joint))
    own = made.photos.owners.tolist()
    left_out = slow_questions(
        made, made.photos.left_out(torch.arange(9)), text_of(made, made.joint)
    )
    level = made.scale.levels[1]
    in_general = np.mean([math.exp(u - level) for row in general for u in row])
    of_others = np.mean(
        [
            math.exp(u - level)
            for row, mine in zip(left_out, own, strict=True)
            for c, u in zip(shown, row, strict=True)
            if c != mine
        ]
    )
    assert (5 * in_general + 3 * of_others) / 8 == pytest.approx(1, rel=1e-4)
    text = text_of(made, joint)
    ratios = [
        math.exp(float(row[c] - row.mean()) - made.scale.levels[0]) for row in text for c in (0, 3)
    ]
    assert np.mean(ratios) == pytest.approx(1, rel=1e-4)


def test_where_all_have_photos_each_photo_is_once_known_and_once_a_stranger():
    """As many are doubted that are known as are believed whose species is taken out."""
    shots = [2, 3, 2, 1, 4]
    made = scorer(shots)
    rows = slow_questions(
        made, made.photos.left_out(torch.arange(sum(shots))), text_of(made, made.joint)
    )
    bar, doubted, believed = made.scale.levels[1] + math.log(5), [], []
    for row, own in zip(rows, made.photos.owners.tolist(), strict=True):
        known = math.log(sum(map(math.exp, row)))
        stranger = math.log(sum(math.exp(u) for c, u in enumerate(row) if c != own))
        if shots[own] > 1:  # one alone is known by nothing
            doubted.append(1 / (1 + math.exp(known - bar)))
            believed.append(1 / (1 + math.exp(bar - stranger)))
    assert len(doubted) == len(believed) == 11
    assert np.mean(doubted) == pytest.approx(np.mean(believed), abs=1e-5)
    joint = draws(20, D, seed=9)
    expected = made.scale.words * text_of(made, joint).mean(1) + made.scale.levels[1]
    torch.testing.assert_close(made.none_of_these(joint, 20), expected)


@pytest.mark.parametrize("shots", [[4], [1, 1, 1]])
def test_where_no_photo_can_be_a_known_one_pictures_in_general_are_the_strangers(shots):
    made = scorer(shots)
    generator = torch.Generator().manual_seed(0)
    photos = made.photos.general(512, generator)
    joint = draw_pictures(background(4), 512, generator)
    general = slow_questions(made, photos, text_of(made, joint))
    level = made.scale.levels[1]
    in_general = np.mean([math.exp(u - level) for row in general for u in row])
    assert in_general == pytest.approx(1, rel=1e-4)


def test_photos_alone_in_their_species_do_not_judge_the_levels():
    """Nothing is known of them as if they had not been given; their rows are nought."""
    made = scorer([0, 3, 1, 0, 1])
    generator = torch.Generator().manual_seed(0)
    photos = made.photos.general(512, generator)
    joint = draw_pictures(background(4), 512, generator)
    general = slow_questions(made, photos, text_of(made, joint))
    left_out = slow_questions(
        made, made.photos.left_out(torch.arange(5)), text_of(made, made.joint)
    )
    level = made.scale.levels[1]
    in_general = np.mean([math.exp(u - level) for row in general for u in row])
    of_others = np.mean([math.exp(u - level) for row in left_out[:3] for u in row[1:]])
    assert (5 * in_general + 3 * of_others) / 8 == pytest.approx(1, rel=1e-4)


def test_pictures_in_general_have_the_background_s_mean_and_spread():
    spread = torch.diag(torch.tensor([4e-4, 1e-4, 9e-4, 1e-4, 1e-4, 1e-4]))
    spread[0, 2] = spread[2, 0] = 4e-4
    mean = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.6, 0.8])  # a unit vector, so that little is cut off
    given = Background(mean, 0.5 * spread, spread, 99, "there", "made up")
    drawn = draw_pictures(given, 100_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones(100_000))
    torch.testing.assert_close(drawn.mean(0), mean, atol=2e-3, rtol=0)
    found = torch.cov(drawn.T)[:4, :4]  # across the mean, where unit length takes nothing
    torch.testing.assert_close(found, spread[:4, :4], atol=2e-5, rtol=0.03)


def test_photos_are_believed_by_the_width_of_the_features():
    """Without a background each dimension claims alike: 1.2 nats over the sum of the claims."""
    species = {}
    for i in range(3):  # far apart, so that much is claimed
        rows = normalize(torch.eye(D)[[i, i]] + 0.01 * draws(2, D, seed=i), dim=1)
        digests = [hashlib.sha256(f"{i} {j}".encode()).hexdigest() for j in range(2)]
        species[f"s{i}"] = Species(f"s{i}", f"species {i}", photos=Photos(rows.numpy(), digests))
    side = Scorer.of(Collection("features", D, "made up", species)).photos
    between = float(side.rough.between)
    claimed = D * 0.5 * math.log((1 + between) / (1 + between / (between + 1)))
    assert claimed > 1.5 * 1.2
    assert believe(side) == pytest.approx(1.2 / claimed)


def test_the_bar_lies_between_known_pictures_and_strangers():
    known, strangers = torch.tensor([7.0, 9.0, 30.0]), torch.tensor([-40.0, 1.0])
    assert 1 < balance(known, strangers) < 7
    # the same bar, wherever nought is
    assert balance(known + 5, strangers + 5) == pytest.approx(balance(known, strangers) + 5)
    # of one and one, the middle; where both are alike, their place
    assert balance(torch.tensor([2.0]), torch.tensor([-4.0])) == pytest.approx(-1)
    assert balance(torch.tensor([3.0, 3.0]), torch.tensor([3.0])) == pytest.approx(3)


def test_between_species_with_photos_and_by_words_photos_are_favoured():
    """Group and level, from the definition; within the group it is the fused score."""
    shots, shown = [0, 3, 2, 0, 4], [1, 2, 4]
    made = scorer(shots)
    queries, joint = draws(20, D, seed=8), draws(20, D, seed=9)
    told, text = made.photos.evidence(queries), text_of(made, joint)
    found = made.evidence(queries, joint)
    scores = found["text"] + found["photos"]
    words, weight = (made.scale.words, made.scale.photos)
    questions = slow_questions(made, told, text)
    for i in range(20):
        mean = float(text[i].mean())
        among = [
            slow_doubt(weight * float(told[i, c])) + words * (float(text[i, c]) - mean)
            for c in shown
        ]
        whole = math.log(sum(map(math.exp, among)))
        group = (
            math.log(sum(map(math.exp, questions[i])))
            - made.scale.levels[1]
            + made.scale.levels[0]
            + 2.5
        )
        for c, one in zip(shown, among, strict=True):
            assert float(scores[i, c]) - mean == pytest.approx(group + one - whole, abs=1e-3)
        for c in (0, 3):
            assert float(scores[i, c]) == pytest.approx(float(text[i, c]), abs=1e-5)


def test_a_species_alone_is_compared_with_pictures_in_general_only():
    made = scorer([0, 3, 0, 0, 0])
    generator = torch.Generator().manual_seed(0)
    photos, joint = (
        made.photos.general(512, generator),
        draw_pictures(background(4), 512, generator),
    )
    rows = slow_questions(made, photos, text_of(made, joint))
    assert np.mean([math.exp(row[0] - made.scale.levels[1]) for row in rows]) == pytest.approx(
        1, 1e-4
    )


def test_without_photos_of_others_and_a_background_the_level_is_nought():
    assert scorer([0, 3, 0, 0, 0], general=False).scale.levels[1] == 0
