"""Evidence weights that were learned: FusedHead where they are zero, the formula where not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import Background, FusedHead, LearnedFusedHead, Support, ZeroShotHead, check_head


def known(d):
    eye = torch.eye(d, dtype=torch.float64)
    return Background(0.1 * torch.ones(d, dtype=torch.float64), 0.3 * eye, eye, 50, "x", "made up")


def slow_spread(fitted, support):
    """Variance within classes in the model's units, a photo and a number at a time."""
    model = fitted.model
    points = (support.features - model.mean) @ model.basis
    d, total, free = points.shape[1], 0.0, 0
    for c in range(support.n_classes):
        own = [p for p, y in zip(points, support.labels.tolist(), strict=True) if y == c]
        if not own:
            continue
        mean = sum(own) / len(own)
        total += sum(float((p - mean).square().sum()) for p in own) / d
        free += len(own) - 1
    return (2 + total) / (2 + free)


@pytest.mark.parametrize("counts", [(3, 1, 2), (1, 1, 1), (4, 0, 2)])
def test_weights_are_the_formula(word_episode, counts):
    support, _ = word_episode(0, counts)
    support = replace(support, background=known(6))
    plain = FusedHead().fit(support)
    told = (0.3, -0.2, 0.1, -0.9, 0.1, -0.4)
    learned = LearnedFusedHead(*told).fit(support)
    photos = [n for n in counts if n]
    shots = math.log(sum(photos) / len(photos))
    spread = math.log(slow_spread(replace(plain, model=unrefined(support)), support))
    words = float(plain.word_weight) * math.exp(0.3 - 0.2 * shots + 0.1 * spread)
    shown = min(1.0, float(plain.photo_weight) * math.exp(-0.9 + 0.1 * shots - 0.4 * spread))
    assert float(learned.word_weight) == pytest.approx(words)
    assert float(learned.photo_weight) == pytest.approx(shown)


def unrefined(support):
    """The model before photos refine it: that of the same photos, one a class at most."""
    from fewshot.photo_evidence import PhotoModel

    x, member = support.features, support.one_hot
    return PhotoModel.of_background(support.background, x).centred(x, member)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.booleans())
def test_with_nothing_learned_it_is_fused_head(word_episode, seed, with_background):
    support, queries = word_episode(seed, (2, 0, 3))
    if with_background:
        support = replace(support, background=known(6))
    found, plain = (h.fit(support).logits(queries) for h in (LearnedFusedHead(), FusedHead()))
    torch.testing.assert_close(found, plain)


def test_without_photos_it_is_zero_shot_whatever_was_learned(word_episode):
    support, queries = word_episode(1, (0, 0, 0))
    found = LearnedFusedHead(1.0, 1.0, 1.0, 1.0, 1.0, 1.0).fit(support).logits(queries)
    torch.testing.assert_close(found, ZeroShotHead().fit(support).logits(queries))


def test_words_that_count_for_nothing_leave_the_photos(word_episode):
    support, queries = word_episode(2, (3, 2, 2))
    alone = replace(support, words=None)
    found = LearnedFusedHead(words=-60.0).fit(support)
    evidence = found.evidence(queries)
    assert evidence["text"].abs().max() < 1e-12
    order = LearnedFusedHead().fit(alone).logits(queries).argmax(-1)
    assert torch.equal(evidence["photos"].argmax(-1), order)


def test_photos_never_weigh_more_than_one(word_episode):
    support, _ = word_episode(3, (3, 2, 2))
    assert float(LearnedFusedHead(photos=20.0).fit(support).photo_weight) == 1.0


def test_the_order_of_photos_and_classes_and_episodes_is_nothing(word_episode):
    head = LearnedFusedHead(0.3, -0.2, 0.4, -0.3, 0.2, -0.5)
    support, queries = word_episode(4, (2, 1, 3))
    whole = head.fit(support).logits(queries)
    turn = torch.tensor([5, 3, 1, 0, 2, 4])
    turned = Support(
        support.features[turn], support.labels[turn], support.class_mask, support.words
    )
    torch.testing.assert_close(head.fit(turned).logits(queries), whole)


def test_it_keeps_the_promises_of_heads_when_trained():
    check_head(LearnedFusedHead(0.3, -0.2, 0.4, -0.3, 0.2, -0.5))


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="photos_spread is inf: it must be finite"):
        LearnedFusedHead(photos_spread=float("inf"))
