"""Scores of a collection: zero-shot and FusedHead as its two limits, and what lies between."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch

from fewshot import FusedHead, Support, Words
from fgmm.library import Collection, Photos, Species
from fgmm.recognition.common_scale import Told
from fgmm.recognition.scorer import Scorer
from tests.fgmm.recognition.conftest import (
    READING,
    D,
    K,
    background,
    collection,
    draws,
    logits,
    scorer,
)


def test_words_alone_are_zero_shot_exactly():
    zero_shot = draws(20, D, seed=9) @ draws(K, D, seed=50).T * READING.scale + READING.bias
    assert torch.equal(logits(scorer([0] * K)), zero_shot)


@pytest.mark.parametrize("general", [True, False])
@pytest.mark.parametrize("texts", [True, False])
def test_photos_of_every_species_are_the_fused_head(general, texts):
    # one layer for both, as the head knows it: the library's halves are the same vectors
    shots, d = [1, 2, 3, 5, 2], D
    rows = draws(sum(shots), d, seed=2)
    labels = torch.repeat_interleave(torch.arange(K), torch.tensor(shots))
    species = {}
    for i in range(K):
        own = rows[labels == i]
        digests = [hashlib.sha256(f"{i} {j}".encode()).hexdigest() for j in range(len(own))]
        photos = Photos(torch.cat([own, own], 1).numpy() / math.sqrt(2), digests)
        species[f"s{i}"] = Species(f"s{i}", f"species {i}", photos=photos)
    given, words = background() if general else None, draws(K, d, seed=50)
    made = Scorer.of(
        Collection("x", 2 * d, "made up", species),
        words if texts else None,
        READING if texts else None,
        given,
        joint_background=given,
        joint_dim=d,
    )
    support = Support(
        rows,
        labels,
        torch.ones(K, dtype=torch.bool),
        words=Words(words, READING.scale, READING.bias) if texts else None,
        background=given,
    )
    head = FusedHead().fit(support)
    queries = draws(20, d, seed=8)
    told, expected = made.evidence(queries, queries), head.evidence(queries)
    assert (made.scale.words, made.scale.photos) == pytest.approx(
        (float(head.word_weight), float(head.photo_weight)), 1e-3
    )
    torch.testing.assert_close(told["photos"], expected["photos"], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(told["text"], expected["text"], rtol=1e-3, atol=1e-3)


def test_what_changed_is_updated_as_if_computed_anew():
    before = scorer([0, 3, 2, 0, 4])
    after = collection([0, 3, 2, 0, 4])
    gone = {key: one for key, one in after.species.items() if key != "s1"}
    extra = collection([3], seed=31, start=1).species["s0"]
    gone["new"] = Species("new", "new one", photos=extra.photos)
    # the other species are the very values the first scorer was made of
    kept = before.photos.statistics.species
    gone |= {f"s{i}": kept[i] for i in (0, 2, 3, 4)}
    changed = Collection("joint and features", 2 * D, "made up", gone)
    texts = draws(len(gone), D, seed=50)
    options = {"joint_background": background(4), "joint_dim": D}
    new = Scorer.of(changed, texts, READING, background(), **options)
    updated = Scorer.of(changed, texts, READING, background(), previous=before, **options)
    torch.testing.assert_close(logits(updated), logits(new), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        updated.photos.statistics.scatter, new.photos.statistics.scatter, atol=1e-12
    )


def test_permuting_the_species_permutes_the_scores():
    shots, order = [0, 3, 2, 0, 4], [3, 1, 4, 0, 2]
    whole, texts = collection(shots), draws(K, D, seed=50)
    turned = Collection(
        whole.space, whole.dim, whole.encoder, {f"s{i}": whole.species[f"s{i}"] for i in order}
    )
    options = {"joint_background": background(4), "joint_dim": D}
    first = Scorer.of(whole, texts, READING, background(), **options)
    second = Scorer.of(turned, texts[order], READING, background(), **options)
    torch.testing.assert_close(logits(second), logits(first)[:, order], rtol=1e-4, atol=1e-4)


def test_left_out_is_the_score_without_the_photo():
    """Against a collection in which the photo was never added, at the same weights."""
    shots = [0, 3, 2, 1, 4]
    made = scorer(shots)
    found = made.left_out()
    assert found.labels.tolist() == [1, 1, 1, 2, 2, 3, 4, 4, 4, 4]
    assert torch.isnan(found.logits[5]).all()
    whole = collection(shots)
    row = 0
    for i, n in enumerate(shots):
        for j in range(n):
            if n > 1:
                one = whole.species[f"s{i}"]
                fewer = one.photos.select([x for x in range(n) if x != j])
                less = dict(whole.species) | {one.id: Species(one.id, one.name, photos=fewer)}
                rest = Scorer.of(
                    Collection(whole.space, whole.dim, whole.encoder, less),
                    made.texts,
                    READING,
                    background(),
                    joint_background=background(4),
                    joint_dim=D,
                )
                photo = torch.from_numpy(one.photos.vectors[[j]]) * math.sqrt(2)
                model, sums = rest.photos.rough, rest.photos._sums(rest.photos.rough)
                from fewshot.photo_evidence import evidence

                told = evidence(model, model.coordinates(photo[:, D:]), sums, rest.photos.counts)
                both = made.scale.evidence(Told(told, made._text_logits(photo[:, :D], 1)))
                expected = (both["text"] + both["photos"])[0]
                torch.testing.assert_close(found.logits[row], expected, rtol=1e-3, atol=1e-3)
            row += 1


def test_pictures_are_judged_as_photos_are():
    """A picture is scored as a photo that was left out of nothing."""
    made = scorer([0, 3, 2, 0, 4])
    queries, joint = draws(20, D, seed=8), draws(20, D, seed=9)
    from fewshot.photo_evidence import evidence

    model, sums = made.photos.rough, made.photos._sums(made.photos.rough)
    told = evidence(model, model.coordinates(queries), sums, made.photos.counts)
    torch.testing.assert_close(made.photos.evidence(queries, as_judged=True), told)
    assert not torch.allclose(made.photos.evidence(queries), told, atol=1e-3)
    judged = made.evidence(queries, joint, as_judged=True)
    usual = made.evidence(queries, joint)
    assert torch.equal(judged["text"], usual["text"])


def test_none_of_these_is_a_ratio_of_one():
    made = scorer([0, 3, 2, 0, 4])
    joint = draws(20, D, seed=9)
    none = made.none_of_these(joint, 20)
    text = joint @ made.texts.T * READING.scale + READING.bias
    torch.testing.assert_close(none, text.mean(1) + made.scale.levels[0])
    # species known by photos only, of an encoder that reads no texts
    alone = scorer([3, 2, 4, 2, 2], texts=False)
    assert alone.none_of_these(None, 3).tolist() == pytest.approx([alone.scale.levels[1]] * 3)


def test_many_species_are_judged_by_the_likeliest_only():
    """With hundreds of species the weights come from the likeliest rivals: nearly the same."""
    shots = [2] * 90
    few = scorer(shots)
    from fgmm.recognition import weights as module

    before, module._RIVALS = module._RIVALS, 45
    try:
        every = scorer(shots)
        assert (few.scale.words, few.scale.photos) == pytest.approx(
            (every.scale.words, every.scale.photos), rel=0.05, abs=0.01
        )
    finally:
        module._RIVALS = before
