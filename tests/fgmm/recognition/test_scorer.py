"""Scores of a collection: zero-shot and FusedHead as its two limits, and what lies between."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fewshot import Background, FusedHead, Support, Words
from fgmm.library import Collection, Photos, Species
from fgmm.recognition.common_scale import Told
from fgmm.recognition.levels import balance, draw_pictures
from fgmm.recognition.scorer import Scorer
from fgmm.scoring import Reading

D, K = 6, 5
READING = Reading(12.0, 0.5, "softmax")


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def background(seed: int = 3, d: int = D) -> Background:
    rows = draws(400, d, seed=seed)
    spread = torch.cov(rows.T)
    return Background(rows.mean(0), 0.6 * spread, spread, 400, "there", "made up")


def collection(shots: list[int], seed: int = 1, start: int = 0) -> Collection:
    """Species with so many photos each, both layers end to end."""
    found = {}
    for i, n in enumerate(shots):
        rows = torch.cat([draws(n, D, seed=seed + 9 * i), draws(n, D, seed=77 + seed + i)], 1)
        digests = [hashlib.sha256(f"{start} {i} {j}".encode()).hexdigest() for j in range(n)]
        photos = Photos(rows.numpy() / math.sqrt(2), digests) if n else Photos.none(2 * D)
        found[f"s{i}"] = Species(f"s{i}", f"species {i}", photos=photos)
    return Collection("joint and features", 2 * D, "made up", found)


def scorer(shots: list[int], *, texts: bool = True, general: bool = True, **more) -> Scorer:
    return Scorer.of(
        collection(shots),
        draws(len(shots), D, seed=50) if texts else None,
        READING if texts else None,
        background() if general else None,
        joint_background=background(4) if general else None,
        joint_dim=D,
        **more,
    )


def logits(of: Scorer, n: int = 20) -> torch.Tensor:
    told = of.evidence(draws(n, D, seed=8), draws(n, D, seed=9))
    return told["text"] + told["photos"]


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
    assert len(doubted) == 11
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
    if len(shots) == 1:
        assert in_general == pytest.approx(1, rel=1e-4)
    else:
        rows = slow_questions(
            made, made.photos.left_out(torch.arange(3)), text_of(made, made.joint)
        )
        of_others = np.mean(
            [math.exp(rows[i][c] - level) for i in range(3) for c in range(3) if c != i]
        )
        assert (5 * in_general + 3 * of_others) / 8 == pytest.approx(1, rel=1e-4)


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
