"""Strengths chosen by leave-one-out: against loops of refits, in a made-up case, on ties."""

from __future__ import annotations

import pytest
import torch

import fewshot
from fewshot import (
    GDAHead,
    InnerProducts,
    LaplacianShotHead,
    NearestNeighbourHead,
    PrototypeHead,
    SimpleShotHead,
    Support,
    TipAdapterHead,
    Words,
    ZeroShotHead,
    tuning,
)
from fewshot.errors import SupportError
from fewshot.tuning import TunedHead, leave_one_out_logits


def word_episode(seed: int, counts, bias: float = 0.0) -> tuple[Support, torch.Tensor]:
    """One episode: a class with as many photos as ``counts`` says, absent where it is None."""
    draw = torch.Generator().manual_seed(seed)
    words = torch.randn(len(counts), 6, generator=draw, dtype=torch.float64)
    words = words / words.norm(dim=-1, keepdim=True)
    labels = torch.tensor([c for c, n in enumerate(counts) for _ in range(n or 0)]).long()
    features = words[labels] + 0.6 * torch.randn(len(labels), 6, generator=draw).double() + 0.5
    exist = torch.tensor([n is not None for n in counts])
    queries = torch.randn(7, 6, generator=draw, dtype=torch.float64)
    return Support(features, labels, exist, Words(words, 20.0, bias)), queries


def left_out(head, support: Support) -> torch.Tensor:
    x = head.transform(support.features)
    inner = InnerProducts.of(support.with_features(x), x)
    return leave_one_out_logits(head, inner, support.labels, support.class_mask)


def refitted(head, support: Support, i: int) -> torch.Tensor:
    """Fit without photo i and score it, from features."""
    kept = torch.arange(len(support.labels)) != i
    rest = Support(support.features[kept], support.labels[kept], support.class_mask, support.words)
    return head(rest, support.features[i : i + 1])[0]


@pytest.mark.parametrize(
    "head",
    [
        PrototypeHead(),
        PrototypeHead("cosine"),
        NearestNeighbourHead(),
        TipAdapterHead(2.0, 3.0, "sum"),
        TipAdapterHead(2.0, 3.0),
        GDAHead(2.0),
    ],
    ids=lambda head: type(head).__name__,
)
def test_it_is_a_loop_of_refits(head):
    support, _ = word_episode(0, (3, 2, None, 4), bias=-2.0)
    found = left_out(head, support)
    for i in range(9):
        torch.testing.assert_close(found[i], refitted(head, support, i))


def test_the_only_photo_of_a_class_is_judged_by_words():
    support, _ = word_episode(1, (3, 1, 2))
    head = TipAdapterHead(2.0, 3.0)
    alone = (support.labels == 1).nonzero().item()
    torch.testing.assert_close(left_out(head, support)[alone], refitted(head, support, alone))


@pytest.mark.parametrize("at_once", [1, 700, 1400, 1 << 24])
def test_a_few_at_a_time_is_all_at_once(monkeypatch, at_once):
    several = [word_episode(seed, (3, 2, 4)) for seed in (2, 3)]
    x = torch.stack([s.features for s, _ in several])
    words = Words(torch.stack([s.words.embeddings for s, _ in several]), 20.0)
    labels = torch.stack([s.labels for s, _ in several])
    support = Support(x, labels, torch.ones(2, 3, dtype=torch.bool), words)
    head = TipAdapterHead()
    expected = torch.stack([left_out(head, s) for s, _ in several])
    monkeypatch.setattr(tuning, "_NUMBERS", at_once)  # 2 * 9 * 9 numbers a photo left out
    torch.testing.assert_close(left_out(head, support), expected)


def line(numbers, labels, k: int) -> Support:
    """Photos on a line."""
    x = torch.tensor(numbers, dtype=torch.float64).unsqueeze(-1)
    return Support(x, torch.tensor(labels), torch.ones(k, dtype=torch.bool))


def test_a_loss_by_hand():
    # Class 0 at 0 and 1, class 1 at 3 and 5. Without each photo in turn, class means are
    #   0: 1 and 4 -> distances 1, 16;     1: 0 and 4 -> 1, 9
    #   3: 1/2 and 5 -> 25/4, 4;           5: 1/2 and 3 -> 81/4, 4
    support = line([0.0, 1, 3, 5], [0, 0, 1, 1], 2)
    expected = -torch.tensor([[1.0, 16], [1, 9], [25 / 4, 4], [81 / 4, 4]]).double()
    torch.testing.assert_close(left_out(PrototypeHead(), support), expected)
    # The cross-entropy is the sum of log(1 + e^-margin), margins 15, 8, 9/4 and 65/4 times the
    # scale: all are right, so the sharpest wins.
    heads = [PrototypeHead(scale=s) for s in (0.5, 2.0, 1.0)]
    query = torch.tensor([[2.0]]).double()
    assert torch.equal(TunedHead(heads)(support, query), heads[1](support, query))
    # Called class 0 as well, the photo at 3 is 25/4 away from 0's mean without it, and 4 from
    # class 1: scale * 9/4 nats and more. The other margins are 21, 63/4, 121/9 and 121/9, which
    # cost next to nothing at any scale: the softest wins.
    wrong = line([0.0, 1, 3, 5, 5], [0, 0, 0, 1, 1], 2)
    assert torch.equal(TunedHead(heads)(wrong, query), heads[0](wrong, query))


def test_strong_photos_where_words_are_scrambled_and_weak_ones_where_photos_mislead():
    draw = torch.Generator().manual_seed(0)
    axes = torch.eye(4, dtype=torch.float64)
    labels = torch.arange(4).repeat(4)
    x = axes[labels] + 0.05 * torch.randn(16, 4, generator=draw).double()
    exist = torch.ones(4, dtype=torch.bool)
    heads = [TipAdapterHead(alpha=a) for a in (1.0, 0.0, 100.0)]
    scrambled = Support(x, labels, exist, Words(axes.roll(1, 0), 10.0))
    assert torch.equal(TunedHead(heads)(scrambled, x), heads[2](scrambled, x))
    # all pictures look alike, but for a little that words can tell
    blurred = axes[labels] + 3 * torch.randn(16, 4, generator=draw).double()
    words = torch.linalg.lstsq(blurred, axes[labels]).solution.mT
    unit = words / words.norm(dim=-1, keepdim=True)
    misled = Support(blurred, labels, exist, Words(unit, 10.0))
    losses = {}
    for head in heads:
        right = [refitted(head, misled, i).log_softmax(-1)[labels[i]] for i in range(16)]
        losses[head] = -sum(right).item()
    best = min(losses, key=losses.get)
    assert best is not heads[2]
    assert torch.equal(TunedHead(heads)(misled, x), best(misled, x))


def test_each_episode_chooses_for_itself():
    heads = [TipAdapterHead(alpha=a) for a in (1.0, 0.1, 10.0, 100.0)]
    several = [word_episode(seed, (3, 2, 4)) for seed in range(12)]
    chosen = []
    for support, _ in several:
        losses = []
        for head in heads:
            each = [
                -refitted(head, support, i).log_softmax(-1)[label].item()
                for i, label in enumerate(support.labels.tolist())
            ]
            losses.append(sum(each))
        chosen.append(losses.index(min(losses)))
    assert len(set(chosen)) > 1
    words = Words(torch.stack([s.words.embeddings for s, _ in several]), 20.0)
    batch = Support(
        torch.stack([s.features for s, _ in several]),
        torch.stack([s.labels for s, _ in several]),
        torch.ones(12, 3, dtype=torch.bool),
        words,
    )
    expected = [heads[c](*episode) for c, episode in zip(chosen, several, strict=True)]
    found = TunedHead(heads)(batch, torch.stack([q for _, q in several]))
    torch.testing.assert_close(found, torch.stack(expected))


def test_ties_and_nothing_to_leave_out_go_to_the_first():
    support, queries = word_episode(0, (1, 1, 1))  # one photo a class: none can be left out
    for scales in ((3.0, 1.0), (1.0, 3.0)):
        heads = [PrototypeHead(scale=s) for s in scales]
        assert torch.equal(TunedHead(heads)(support, queries), heads[0](support, queries))
    support, queries = word_episode(1, (2, 2))
    heads = [TipAdapterHead(), TipAdapterHead()]
    ours = TunedHead(heads)
    heads[1].values = "sum"  # the same with equal shots, so that it is a tie
    assert torch.equal(ours(support, queries), heads[0](support, queries))
    nothing, queries = word_episode(2, (0, None, 0), bias=-1.0)
    assert torch.equal(ours(nothing, queries), ZeroShotHead()(nothing, queries))


class Undefined(PrototypeHead):
    """Prototypes whose logits are no numbers."""

    def logits_from_inner(self, inner, labels, class_mask, *, query_mask=None):
        found = super().logits_from_inner(inner, labels, class_mask, query_mask=query_mask)
        return found * torch.nan


@pytest.mark.parametrize("place", [0, 1])
def test_a_candidate_whose_loss_is_no_number_does_not_win(place):
    support, queries = word_episode(5, (3, 2))
    heads = [PrototypeHead(), PrototypeHead(scale=0.5)]
    expected = TunedHead(heads)(support, queries)
    heads.insert(place, Undefined())
    assert torch.isfinite(expected).all()
    assert torch.equal(TunedHead(heads)(support, queries), expected)


@pytest.mark.parametrize(
    "heads",
    [
        [TipAdapterHead(alpha=a) for a in (1.0, 0.1, 10.0)],
        [PrototypeHead(), PrototypeHead(scale=3.0)],
        [GDAHead(1.0), GDAHead(10.0)],
        [ZeroShotHead(), TipAdapterHead()],
    ],
    ids=lambda heads: type(heads[-1]).__name__,
)
def test_it_keeps_the_contract(heads):
    fewshot.check_head(TunedHead(heads))


class WithPhotos(TipAdapterHead):
    needs = frozenset({"words", "photos"})


def test_it_needs_what_any_candidate_needs():
    head = TunedHead([ZeroShotHead(), WithPhotos()])
    assert head.needs == {"words", "photos"}
    with pytest.raises(SupportError, match="class 1 has no photo"):
        head.fit(word_episode(4, (2, 0))[0])
    with pytest.raises(SupportError, match="needs words"):
        TunedHead([ZeroShotHead(), TipAdapterHead()]).fit(line([0.0, 1], [0, 1], 2))


@pytest.mark.parametrize(
    ("heads", "error", "message"),
    [
        ([], ValueError, "no candidate was given: give one head or more"),
        ([LaplacianShotHead()], ValueError, "LaplacianShotHead is transductive"),
        ([PrototypeHead(), SimpleShotHead()], ValueError, "change features differently"),
        ([fewshot.FusedHead()], TypeError, "FusedHead does not work on inner products"),
    ],
)
def test_wrong_candidates_are_refused(heads, error, message):
    with pytest.raises(error, match=message):
        TunedHead(heads)
