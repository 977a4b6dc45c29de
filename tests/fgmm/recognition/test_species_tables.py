"""Sums arranged for many species are those of `fewshot`; what is carried over is the same."""

from __future__ import annotations

import dataclasses
import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from fewshot import Background
from fewshot.left_out import leave_one_out
from fewshot.photo_evidence import evidence
from fgmm.library import Collection, Photos, Species
from fgmm.recognition.scorer import Scorer
from fgmm.recognition.statistics import PhotoStatistics
from fgmm.recognition.weights import _rivals
from fgmm.scoring import Reading

D, JOINT = 7, 4


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1)


def background(d: int, seed: int) -> Background:
    some = rows(300, d, seed)
    spread = torch.cov(some.T)
    return Background(some.mean(0), 0.6 * spread, spread, 300, "there", "made up")


BACKGROUND, JOINT_BACKGROUND = background(D, 3), background(JOINT, 4)


def species(number: int, shots: int) -> Species:
    both = torch.cat([rows(shots, JOINT, number), rows(shots, D, 1_000 + number)], 1) / 2**0.5
    digests = [hashlib.sha256(f"{number} {i}".encode()).hexdigest() for i in range(shots)]
    photos = Photos(both.numpy(), digests) if shots else Photos.none(JOINT + D)
    return Species(f"s{number}", f"species {number}", photos=photos)


def collection(shots: list[int]) -> Collection:
    every = [species(i, n) for i, n in enumerate(shots)]
    return Collection("both", JOINT + D, "made up", {one.id: one for one in every})


def scorer(of: Collection, previous: Scorer | None = None, *, general: bool = True) -> Scorer:
    texts = torch.stack([rows(1, JOINT, int(key[1:]))[0] for key in of.species])
    return Scorer.of(
        of,
        texts,
        Reading(12.0, 0.0, "softmax"),
        BACKGROUND if general else None,
        joint_background=JOINT_BACKGROUND if general else None,
        joint_dim=JOINT,
        previous=previous,
    )


@pytest.mark.parametrize("shots", [[5, 5, 5], [1, 2, 0, 4, 2, 9], [1, 1, 1], [3]])
def test_tables_are_the_evidence_and_the_leave_one_out_of_fewshot(shots):
    side = scorer(collection(shots)).photos
    model = side.rough
    points = model.coordinates(side.vectors)
    sums = torch.zeros(len(shots), D).index_add_(0, side.owners, points)
    queries = rows(11, D, 50)
    expected = evidence(model, model.coordinates(queries), sums, side.counts)
    told = side.evidence(queries, as_judged=True)
    torch.testing.assert_close(told, expected, rtol=1e-4, atol=1e-4)
    expected = leave_one_out(model, points, side.owners, sums, side.counts)
    told = side.left_out(torch.arange(len(points)))
    torch.testing.assert_close(told, expected, rtol=1e-4, atol=1e-4)
    some = torch.arange(0, len(points), 2)
    torch.testing.assert_close(side.left_out(some), told[some])


def test_the_refined_model_is_that_of_fewshot():
    side = scorer(collection([4, 2, 0, 3])).photos
    model, member = side.rough, torch.nn.functional.one_hot(side.owners, 4).float()
    points = model.coordinates(side.vectors)
    refined = model.refined(points, member)
    sums = (member.T @ points) @ refined.lens.T
    queries = rows(11, D, 51)
    expected = evidence(refined, refined.coordinates(queries), sums, side.counts)
    torch.testing.assert_close(side.evidence(queries), expected, rtol=1e-4, atol=1e-4)


steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "fewer", "words"]), st.integers(0, 9)), max_size=6
)


@pytest.mark.parametrize("general", [True, False])
@settings(max_examples=15, deadline=None)
@given(steps=steps)
def test_changes_one_after_another_give_what_a_fresh_start_gives(general, steps):
    now = collection([2, 0, 3, 1])
    held = scorer(now, general=general)
    joint, features = rows(5, JOINT, 60), rows(5, D, 61)
    held.evidence(features, joint)
    for number, (what, at) in enumerate(steps):
        keys = list(now.species)
        one = now.species[keys[at % len(keys)]]
        if what == "add":
            new = species(100 + number, 1 + at % 4)
            now = now.with_species({new.id: new})
        elif what == "remove" and len(keys) > 1:
            now = now.with_species({one.id: None})
        elif what == "fewer" and len(one.photos) > 1:
            now = now.with_species({one.id: dataclasses.replace(one, photos=one.photos.part(1, 2))})
        elif what == "words":
            none = Photos.none(JOINT + D)
            now = now.with_species({one.id: dataclasses.replace(one, photos=none)})
        held = scorer(now, held, general=general)
        told = held.evidence(features, joint)
        expected = scorer(now, general=general).evidence(features, joint)
        for source in ("text", "photos"):
            torch.testing.assert_close(told[source], expected[source], rtol=2e-4, atol=2e-4)


def test_some_photos_are_those_rows_of_all():
    found = PhotoStatistics.of(collection([2, 0, 3, 1]), slice(JOINT, None), 2**0.5)
    wanted = np.array([5, 0, 2, 4])
    assert np.array_equal(found.select(wanted), found.vectors()[wanted])
    joint = found.select(wanted, slice(0, JOINT))
    np.testing.assert_allclose(np.linalg.norm(joint, axis=1), 1, rtol=1e-5)
    nothing = PhotoStatistics.of(collection([0, 0]), slice(JOINT, None), 1.0)
    assert nothing.select(np.empty(0, np.int64), slice(0, JOINT)).shape == (0, JOINT)


@pytest.mark.parametrize("worded", [True, False])
def test_rivals_are_the_likeliest_by_photos_and_by_words(worded):
    k, generator = 90, torch.Generator().manual_seed(1)
    photos, text = torch.randn(2, 6, k, generator=generator)
    own = torch.tensor([0, 3, 89, 40, 40, 7])
    photos[1, 3] = 9.0  # the likeliest itself
    kept, said, first = _rivals(photos, text if worded else None, own)
    assert first.tolist() == [0] * 6
    for row in range(6):
        chosen = {int(own[row])} | set(photos[row].argsort(descending=True)[:32].tolist())
        if worded:
            chosen |= set(text[row].argsort(descending=True)[:32].tolist())
        real = kept[row] > -torch.inf
        assert int(real.sum()) == len(chosen)  # each once
        assert kept[row, 0] == photos[row, own[row]]
        assert sorted(kept[row][real].tolist()) == sorted(photos[row][list(chosen)].tolist())
        if worded:
            assert sorted(said[row][real].tolist()) == sorted(text[row][list(chosen)].tolist())


def test_left_out_is_the_same_whatever_the_block(monkeypatch):
    made = scorer(collection([5, 3, 0, 1, 4]))
    whole = made.left_out().logits
    monkeypatch.setattr("fgmm.recognition.scorer._ROWS_A_BLOCK", 3)
    torch.testing.assert_close(made.left_out().logits, whole, equal_nan=True)
    assert scorer(collection([0, 0])).left_out().logits.shape == (0, 2)


def test_without_a_background_photos_of_other_species_stand_for_pictures_in_general():
    made = scorer(collection([0, 3, 2, 0, 4]), general=False)
    left_out = made.photos.left_out(torch.arange(9))
    text = made._text_logits(made.joint, 9)
    believed = min(1, 1.2 / float(made.photos.rough.claim(D)))
    told = 0.6 * believed * left_out
    told = torch.where(told > 0, told, -1.5 * torch.log1p(-told.clamp(max=0) / 1.5))
    told += made.scale.words / 4 * (text - text.mean(1, keepdim=True))
    ratios = [
        math.exp(float(told[row, c]) - made.scale.levels[1])
        for row, own in enumerate([1, 1, 1, 2, 2, 4, 4, 4, 4])
        for c in {1, 2, 4} - {own}
    ]
    assert len(ratios) == 18
    assert np.mean(ratios) == pytest.approx(1, rel=1e-4)


def test_nothing_is_carried_over_from_another_background():
    now, other = collection([2, 0, 3, 1]), background(D, 8)
    before = Scorer.of(now, background=other, joint_dim=JOINT)
    features = rows(5, D, 61)
    before.evidence(features)
    held = Scorer.of(now, background=BACKGROUND, joint_dim=JOINT, previous=before)
    fresh = Scorer.of(now, background=BACKGROUND, joint_dim=JOINT)
    told, expected = held.evidence(features), fresh.evidence(features)
    torch.testing.assert_close(told["photos"], expected["photos"])
