"""FusedHead: against loops, by hand, in its limits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

import fewshot
from fewshot import Background, FusedHead, Support, Words, ZeroShotHead
from fewshot.errors import SupportError
from fewshot.evidence_weights import PHOTO_STEPS, WORD_WEIGHTS


def spread(d: int, seed: int = 0) -> Background:
    draw = torch.Generator().manual_seed(seed)
    within, between = torch.randn(2, d, 2 * d, generator=draw, dtype=torch.float64)
    within = within @ within.mT / (4 * d)
    total = within + between @ between.mT / (2 * d)
    return Background(0.1 * torch.ones(d).double(), within, total, 99, "here", "made up")


# ---------------------------------------------------------------- the definition, slowly


def covariances(support: Support):
    """m_0, W and B as matrices."""
    x = support.features[support.labels >= 0].numpy()
    labels = support.labels[support.labels >= 0].tolist()
    d = x.shape[1]
    if support.background is not None:
        within, total = support.background.within.numpy(), support.background.total.numpy()
        between = total - within  # positive in every direction here
        sphere = [np.mean(np.diag(m)) * np.eye(d) for m in (within, between)]
        means = [x[np.array(labels) == c].mean(0) for c in set(labels)]
        m_0 = (5 * support.background.mean.numpy() + sum(means)) / (5 + len(means))
        return m_0, 0.1 * within + 0.9 * sphere[0], 0.4 * between + 0.6 * sphere[1]
    m_0, classes = x.mean(0), set(labels)
    around = 0.0
    for c in classes:
        own = np.array([v for v, label in zip(x, labels, strict=True) if label == c])
        around += ((own - own.mean(0)) ** 2).sum() / d
    whole = ((x - m_0) ** 2).sum() / x.size
    within = (1.4 * whole + around) / (2 + len(x) - len(classes))
    return m_0, within * np.eye(d), max(whole - within, 0.05 * within) * np.eye(d)


def evidence_of(model, own, query) -> float:
    m_0, within, between = model
    if not len(own):
        return 0.0
    gain = between @ np.linalg.inv(between + within / len(own))
    predicted = multivariate_normal(
        m_0 + gain @ (np.mean(own, 0) - m_0), within + between - gain @ between
    )
    return predicted.logpdf(query) - multivariate_normal(m_0, within + between).logpdf(query)


def doubted(nats: float) -> float:
    return nats if nats > 0 else -1.5 * math.log(1 - nats / 1.5)


def log_softmax_at(logits, place) -> float:
    return logits[place] - math.log(sum(math.exp(v) for v in logits))


def weights_slowly(support: Support):
    """Posterior means over the grid, a photo and a pair of weights at a time."""
    model, k = covariances(support), support.n_classes
    photos = [
        (x, label)
        for x, label in zip(support.features.numpy(), support.labels.tolist(), strict=True)
        if label >= 0
    ]
    _, within, between = model
    after = within + between - between @ np.linalg.inv(between + within) @ between
    claim = 0.5 * (np.linalg.slogdet(within + between)[1] - np.linalg.slogdet(after)[1])
    believed = min(1.0, 1.2 / claim)
    exist = [c for c in range(k) if support.class_mask[c]]
    complete = {label for _, label in photos} == set(exist)
    words, left_out = [], []
    for i, (x, label) in enumerate(photos):
        unit, told = x / np.linalg.norm(x), support.words
        cosines = told.embeddings.numpy() @ unit
        words.append([told.logit_scale * cosines[c] + told.logit_bias for c in exist])
        others = [p for j, p in enumerate(photos) if j != i]
        own = {c: [v for v, other in others if other == c] for c in exist}
        if not own[label]:
            left_out.append(None)
            continue
        row = (support.features == torch.tensor(x)).all(-1)
        rest = replace(support, labels=torch.where(row, -1, support.labels))
        model = covariances(rest)
        left_out.append([evidence_of(model, own[c], x) for c in exist])
    scores = {}
    for weight in WORD_WEIGHTS:
        for step in PHOTO_STEPS:
            score = math.log(8) if weight == 0 else 0.0
            score -= (math.log(step) / 0.5) ** 2 / 2
            for (_, label), text, photo in zip(photos, words, left_out, strict=True):
                place = exist.index(label)
                alone = log_softmax_at([weight * t for t in text], place)
                score += alone * min(1.0, 7 / len(photos))
                if photo is not None:
                    scaled = [doubted(min(1, believed * step) * p) for p in photo]
                    both = [weight * t + p for t, p in zip(text, scaled, strict=True)]
                    score += log_softmax_at(both, place)
                    score += log_softmax_at(scaled, place) if complete else 0.0
            scores[weight, step] = score
    top = max(scores.values())
    mass = {pair: math.exp(score - top) for pair, score in scores.items()}
    whole = sum(mass.values())
    w_words = sum(weight * m for (weight, _), m in mass.items()) / whole
    w_photos = sum(min(1, believed * step) * m for (_, step), m in mass.items()) / whole
    return w_words, w_photos


@pytest.mark.parametrize("counts", [(3, 1, 2), (2, 0, 4), (1, None, 5), (1, 1, 1), (6, 5, 4)])
@pytest.mark.parametrize("known", [True, False])
def test_weights_are_the_definition(word_episode, counts, known):
    support, _ = word_episode(0, counts, d=4, scale=8.0, bias=-3.0)
    support = replace(support, background=spread(4) if known else None)
    fitted = FusedHead().fit(support)
    w_words, w_photos = weights_slowly(support)
    assert fitted.word_weight.item() == pytest.approx(w_words, rel=1e-9)
    assert fitted.photo_weight.item() == pytest.approx(w_photos, rel=1e-9)


@pytest.mark.parametrize("known", [True, False])
def test_at_one_shot_logits_are_the_definition(word_episode, known):
    # nothing refines the covariance there; with more photos see test_photo_evidence
    support, queries = word_episode(1, (1, 1, 0), d=4, scale=8.0)
    support = replace(support, background=spread(4) if known else None)
    w_words, w_photos = weights_slowly(support)
    model = covariances(support)
    own = [support.features[support.labels == c].numpy() for c in range(3)]
    unit = functional.normalize(queries, dim=-1)
    text = support.words.logit_scale * unit @ support.words.embeddings.mT
    photos = [
        [doubted(w_photos * evidence_of(model, own[c], q)) for c in range(3)]
        for q in queries.numpy()
    ]
    expected = w_words * text + torch.tensor(photos).double()
    torch.testing.assert_close(FusedHead()(support, queries), expected)


def test_a_case_by_hand():
    # Words and photos both along the axes, logit scale log 3, one photo a class.
    # Words: each photo is told right with probability 3^w / (3^w + 1), so weight w has mass
    # (3^w / (3^w + 1))^2; no words at all has 8 times (1/2)^2 = 2.
    # Photos: none can be left out, so w_P is the prior mean of the steps (they claim 0.094
    # nats, below 1.2), none above 1.
    # m_0 = (1/2, 1/2), spread 1/4, within 0.7 / 4 = 0.175, between 3/7 of it.
    # Coordinates of the query (1, 0): +-p with p^2 = (1/4) / 0.175 = 10/7. Class means lie at
    # 3/10 of +-p, predicted variance 1 + 3/10, background variance 10/7. In nats:
    #   class 0:  -0.49 (10/7) / 1.3 - log 1.3 + 1 + log(10/7) =  0.555849
    #   class 1:  -1.69 (10/7) / 1.3 - log 1.3 + 1 + log(10/7) = -0.762832
    mass = {w: (3**w / (3**w + 1)) ** 2 for w in WORD_WEIGHTS} | {0.0: 2.0}
    w_words = sum(w * m for w, m in mass.items()) / sum(mass.values())
    prior = {s: math.exp(-2 * math.log(s) ** 2) for s in PHOTO_STEPS}
    w_photos = sum(min(1, s) * m for s, m in prior.items()) / sum(prior.values())
    axes = torch.eye(2, dtype=torch.float64)
    support = Support(
        axes, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool), Words(axes, math.log(3))
    )
    # What speaks against class 1 is doubted: -1.5 log(1 + w_P 0.762832 / 1.5).
    against = -1.5 * math.log(1 + w_photos * 0.762832 / 1.5)
    expected = [w_words * math.log(3) + w_photos * 0.555849, against]
    found = FusedHead().fit(support).logits(axes[:1])
    torch.testing.assert_close(found, torch.tensor([expected]).double(), rtol=0, atol=1e-5)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_without_photos_it_is_zero_shot_to_the_bit(word_episode, dtype):
    support, queries = word_episode(2, (0, 0, None, 0), bias=-4.0, dtype=dtype)
    for known in (None, spread(6)):
        support = replace(support, background=known)
        expected = ZeroShotHead()(support, queries)
        assert torch.equal(FusedHead()(support, queries), expected)


def test_without_words_it_is_photo_evidence_times_a_constant_doubted(photo_episode):
    support, queries = photo_episode(3, (3, 1, 2))
    fitted = FusedHead().fit(support)
    assert fitted.word_weight == 0
    raw = fewshot.photo_evidence.evidence(
        fitted.model, fitted.model.coordinates(queries), fitted.sums, fitted.counts
    )
    found = fitted.logits(queries)
    weighed = fitted.photo_weight * raw
    assert (weighed > 0).any()
    assert (weighed < 0).any()
    expected = torch.tensor([[doubted(e) for e in row] for row in weighed.tolist()]).double()
    torch.testing.assert_close(found, expected)
    assert torch.equal(found.argsort(-1), raw.argsort(-1))
    assert fitted.photo_weight > 0
    worse = replace(support, labels=support.labels[torch.tensor([1, 2, 0, 4, 5, 3])])
    with_words = replace(support, words=Words(torch.eye(3, 6).double(), 10.0))
    for other in (worse, with_words):
        assert FusedHead().fit(other).photo_weight != fitted.photo_weight


def test_evidence_adds_up_to_the_logits(word_episode):
    support, queries = word_episode(4, (3, 0, 2), bias=-2.0)
    fitted = FusedHead().fit(support)
    told = fitted.evidence(queries)
    assert torch.equal(told["text"] + told["photos"], fitted.logits(queries))
    zero_shot = ZeroShotHead()(support, queries)
    torch.testing.assert_close(told["text"], fitted.word_weight * zero_shot)
    assert (told["photos"][:, 1] == 0).all()


def test_photo_evidence_knows_no_text_and_no_common_shift(word_episode):
    support, queries = word_episode(5, (3, 2, 0, 1))
    support = replace(support, background=spread(6))
    fitted = FusedHead().fit(support)
    photos = fitted.evidence(queries)["photos"]
    others = replace(support.words, embeddings=support.words.embeddings.flip(0))
    # words may change how much the photos weigh, not what they say
    misled = FusedHead().fit(replace(support, words=others))
    same = replace(misled, photo_weight=fitted.photo_weight)
    torch.testing.assert_close(same.evidence(queries)["photos"], photos)
    shift = 3.0
    moved = replace(
        support,
        features=support.features + shift,
        words=None,
        background=replace(support.background, mean=support.background.mean + shift),
    )
    alone = FusedHead()(replace(support, words=None), queries)
    torch.testing.assert_close(FusedHead()(moved, queries + shift), alone)


# ---------------------------------------------------------------- promises


@pytest.mark.parametrize("known", [True, False])
@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_promises(known, seed):
    same, close = torch.testing.assert_close, {"rtol": 1e-7, "atol": 1e-7}
    head, background = FusedHead(), spread(6) if known else None
    draw = torch.Generator().manual_seed(seed)
    alone, episodes = [], []
    for counts in ((3, 1, 2), (2, 0, 4), (1, None, 5), (6, 0, None), (0, 0, 0), (1, 1, 0)):
        exist = torch.tensor([n is not None for n in counts])
        labels = torch.tensor([c for c, n in enumerate(counts) for _ in range(n or 0)]).long()
        texts = functional.normalize(torch.randn(3, 6, generator=draw).double(), dim=-1)
        x = texts[labels] + 0.5 * torch.randn(len(labels), 6, generator=draw).double()
        support = Support(x, labels, exist, Words(texts, 20.0), background)
        queries = torch.randn(5, 6, generator=draw).double()
        logits = head(support, queries)
        assert torch.isfinite(logits[:, exist]).all()
        assert (logits[:, ~exist] == float("-inf")).all()
        order = torch.randperm(3, generator=draw)
        permuted = replace(
            support,
            labels=order.argsort()[labels],
            class_mask=exist[order],
            words=Words(texts[order], 20.0),
        )
        same(head(permuted, queries), logits[:, order], **close)
        blank = torch.full((8 - len(labels), 6), float("nan")).double()
        blank[: len(blank) // 2] = 1e3
        order = torch.randperm(8, generator=draw)
        padded = replace(
            support,
            features=torch.cat([x, blank])[order],
            labels=torch.cat([labels, torch.full((len(blank),), -1)])[order],
        )
        same(head(padded, queries), logits, **close)
        alone.append(logits)
        episodes.append((padded, queries))
    batch = Support(
        *(
            torch.stack([getattr(s, name) for s, _ in episodes])
            for name in ("features", "labels", "class_mask")
        ),
        Words(torch.stack([s.words.embeddings for s, _ in episodes]), 20.0),
        background,
    )
    same(head(batch, torch.stack([q for _, q in episodes])), torch.stack(alone), **close)


@settings(max_examples=3)
@given(st.integers(0, 10**6))
def test_promises_of_heads_with_words(keeps_promises, seed):
    keeps_promises(FusedHead(), seed)


def test_half_precision(works_in_half_precision, word_episode):
    works_in_half_precision(FusedHead())
    support, queries = word_episode(6, (3, 1, 0), dtype=torch.bfloat16)
    found = FusedHead()(replace(support, background=spread(6)), queries)
    assert found.dtype == torch.float32


def test_words_and_queries_may_be_of_another_type(word_episode):
    support, queries = word_episode(7)
    exact = FusedHead()(support, queries)
    words = replace(support.words, embeddings=support.words.embeddings.float())
    found = FusedHead()(replace(support, words=words), queries)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-4)
    single = replace(support, features=support.features.float())
    found = FusedHead()(single, queries)
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-3)


def test_photos_of_one_class_leave_the_words_to_decide_where_there_is_no_background(word_episode):
    # One photo, or a burst of the same: nothing tells how pictures differ in general.
    support, queries = word_episode(8, (1, 0, 0))
    for copies in (1, 4):
        x = support.features.repeat(copies, 1)
        burst = replace(support, features=x, labels=torch.zeros(copies).long())
        fitted = FusedHead().fit(burst)
        torch.testing.assert_close(fitted.evidence(queries)["photos"], torch.zeros(7, 3).double())


def test_one_class_gets_a_finite_logit(word_episode):
    for counts in ((1,), (4,), (0,)):
        support, queries = word_episode(9, counts)
        for background in (None, spread(6)):
            found = FusedHead()(replace(support, background=background), queries)
            assert found.isfinite().all()
            assert found.argmax(-1).eq(0).all()


def test_neither_words_nor_photos_is_refused():
    nothing = Support(torch.zeros(0, 2), torch.zeros(0).long(), torch.ones(2, dtype=torch.bool))
    with pytest.raises(SupportError, match="neither words nor photos"):
        FusedHead().fit(nothing)
    x, labels = torch.randn(2, 2, 3), torch.tensor([[0, 1], [-1, -1]])
    with pytest.raises(SupportError, match="neither words nor photos"):
        FusedHead().fit(Support(x, labels, torch.ones(2, 2, dtype=torch.bool)))


def test_it_keeps_the_contract():
    fewshot.check_head(FusedHead())
