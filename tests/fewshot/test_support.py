"""Support, words, labels of any kind, and inner products."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from fewshot import (
    Background,
    FusedHead,
    InnerProducts,
    PrototypeHead,
    Support,
    Words,
    label_support,
)
from fewshot.errors import QueryError, SupportError

BOTH = torch.ones(2, dtype=torch.bool)


def some(**changes):
    told = {
        "features": torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]),
        "labels": torch.tensor([0, 1, -1]),
        "class_mask": BOTH,
    }
    return Support(**{**told, **changes})


def test_counts_and_membership_leave_padding_out():
    assert some().counts.tolist() == [1, 1]
    assert some().one_hot.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert some().n_classes == 2


def test_many_episodes_at_once_have_their_own_counts():
    labels = torch.tensor([[0, 0, 1], [-1, 1, 1]])
    both = Support(torch.zeros(2, 3, 4), labels, torch.ones(2, 2, dtype=torch.bool))
    assert both.counts.tolist() == [[2, 1], [0, 2]]


def test_an_empty_support_of_classes_known_by_words_is_fine():
    none = Support(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), BOTH)
    assert none.counts.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": torch.zeros(3)}, r"shape \(3,\) and labels \(3,\): give \(..., s, d\)"),
        ({"labels": torch.tensor([0, 1])}, r"\(3, 2\) and labels \(2,\)"),
        ({"labels": torch.tensor([0, 1, 2])}, "label 2 among 2 classes.*use label_support"),
        ({"labels": torch.tensor([0, 1, -2])}, "label -2 among 2 classes"),
        ({"labels": torch.tensor([0.0, 1.0, 1.0])}, "labels are torch.float32"),
        ({"class_mask": torch.ones(2)}, "class_mask is torch.float32"),
        ({"class_mask": BOTH[None]}, r"class_mask has shape \(1, 2\)"),
        ({"class_mask": BOTH[:0]}, r"class_mask has shape \(0,\)"),
        ({"class_mask": torch.tensor([True, False])}, "class_mask says is absent"),
        ({"features": torch.ones(3, 2).long()}, "features are torch.int64: give floating"),
        ({"features": torch.ones(3, 2).bool()}, r"features are torch.bool: .*features.float\(\)"),
        (
            {"features": torch.tensor([[1.0, 0], [torch.nan, 2], [torch.inf, 0]])},
            "1 of 2 support features hold NaN or infinity: embed those pictures again",
        ),
        ({"words": Words(torch.eye(3), 1.0)}, r"words have shape \(3, 3\), but there are 2 cl"),
        ({"words": Words(torch.eye(2, 3), 1.0)}, r"features of width 2"),
        (
            {"words": Words(torch.eye(2).expand(5, 2, 2), 1.0)},
            r"\(5, 2, 2\) and the features \(3, 2\): their leading",
        ),
        (
            {"background": Background(torch.zeros(3), torch.eye(3), torch.eye(3), 9, "a", "b")},
            "background has width 3, the features 2",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(changes, message):
    with pytest.raises(SupportError, match=message):
        some(**changes)


def test_an_unchecked_support_still_has_its_shapes_checked():
    nan = torch.full((3, 2), torch.nan)
    assert some(features=nan, check=False).features is nan
    with pytest.raises(SupportError, match=r"labels \(2,\)"):
        some(labels=torch.tensor([0, 1]), check=False)


def test_padding_may_hold_anything_and_is_kept_as_zeros_if_not_finite():
    given = torch.tensor([[1.0, 0.0], [0.0, 2.0], [torch.nan, 5.0]])
    assert some(features=given).features.tolist() == [[1, 0], [0, 2], [0, 0]]
    assert given.isnan().any()  # the caller's tensor is as it was
    finite = some().features
    assert some(features=finite).features is finite


def test_words_fit_one_episode_all_episodes_or_each():
    features, labels = torch.ones(4, 3, 2), torch.tensor([0, 1, 1]).expand(4, 3)
    masks = BOTH.expand(4, 2)
    for texts in (torch.eye(2), torch.eye(2).expand(4, 2, 2)):
        assert Support(features, labels, masks, Words(texts, 1.0)).counts.shape == (4, 2)
    with pytest.raises(SupportError, match="leading"):
        Support(features, labels, masks, Words(torch.eye(2).expand(3, 2, 2), 1.0))


def test_other_features_keep_everything_else():
    words = Words(torch.eye(2), 3.0)
    changed = some(words=words).with_features(torch.zeros(3, 2))
    assert changed.words is words
    assert changed.features.sum() == 0
    assert changed.labels.tolist() == [0, 1, -1]


def _pickled(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301 - our own bytes


@pytest.mark.parametrize("make", [copy.deepcopy, _pickled])
def test_it_is_copied_whole(make):
    twin = make(some(words=Words(torch.eye(2), 3.0)))
    assert torch.equal(twin.features, some().features)
    assert twin.words.logit_scale == 3.0


# --- words


def test_zero_shot_logits_are_scale_times_cosine_plus_bias():
    words = Words(torch.tensor([[0.6, 0.8], [1.0, 0.0]]), logit_scale=10.0, logit_bias=-1.0)
    # 10 * (0 * 0.6 + 1 * 0.8) - 1 = 7 and 10 * 0 - 1 = -1
    assert words.logits(torch.tensor([[0.0, 1.0]]))[0].tolist() == pytest.approx([7.0, -1.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings": torch.ones(2)}, r"words have shape \(2,\)"),
        ({"embeddings": torch.full((2, 2), torch.nan)}, "words hold NaN"),
        ({"embeddings": torch.tensor([[1, 0], [0, torch.inf]])}, "words hold NaN or infinity"),
        ({"embeddings": torch.eye(2).long()}, r"words are torch.int64: .*embeddings.float\(\)"),
        ({"embeddings": torch.eye(2).bool()}, "words are torch.bool: give floating numbers"),
        ({"logit_scale": 0.0}, "logit_scale is 0.0: it must be positive"),
        ({"logit_scale": float("nan")}, "logit_scale is nan"),
        ({"logit_scale": float("inf")}, "logit_scale is inf"),
        ({"scoring": "argmax"}, "scoring is 'argmax': use 'softmax' or 'sigmoid'"),
    ],
)
def test_words_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(SupportError, match=message):
        Words(**{"embeddings": torch.eye(2), "logit_scale": 1.0, **changes})


@pytest.mark.parametrize(
    ("rows", "which", "length"),
    [
        ([[1.0, 0.0], [0.6, 0.9], [2.0, 0.0]], r"row \[1\]", 1.0817),
        ([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], r"row \[0\]", 0.0),
        ([[[1.0, 0.0], [0.0, 1.0]], [[0.0, -1.0], [3.0, 4.0]]], r"row \[1, 1\]", 5.0),
    ],
)
def test_words_that_are_no_unit_rows_are_told_by_the_first(rows, which, length):
    message = rf"words' {which} has length {length:.3g}: .*torch.nn.functional.normalize"
    with pytest.raises(SupportError, match=message):
        Words(torch.tensor(rows), 1.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("d", [2, 48, 1024])
def test_unit_rows_rounded_to_any_type_are_unit_rows(dtype, d):
    draw = torch.Generator().manual_seed(d)
    rows = torch.nn.functional.normalize(torch.randn(200, d, generator=draw).double(), dim=-1)
    assert Words(rows.to(dtype), 1.0).embeddings.dtype == dtype
    with pytest.raises(SupportError, match=r"has length 1\.0"):
        Words((1.02 * rows).to(dtype), 1.0)


def test_features_and_words_may_lie_anyhow_in_memory_and_learn():
    draw = torch.Generator().manual_seed(0)
    wide = torch.randn(4, 6, generator=draw, dtype=torch.float64)
    x, t = wide[:, ::2], torch.eye(3, 2, dtype=torch.float64).mT
    assert not x.is_contiguous()
    assert not t.is_contiguous()
    labels, queries = torch.tensor([0, 1, 1, 0]), wide[:2, 1::2]

    def logits(x, t):
        return FusedHead().fit(Support(x, labels, BOTH, Words(t, 5.0))).logits(queries)

    plain = logits(x.contiguous(), t.contiguous())
    torch.testing.assert_close(logits(x, t), plain)
    taught = [one.clone().requires_grad_() for one in (x, t)]
    found = logits(*taught)
    torch.testing.assert_close(found.detach(), plain)
    cosines = Words(taught[1], 5.0).logits(queries)  # and words alone
    for grad in torch.autograd.grad(cosines.sum(), taught[1:]):
        assert grad.abs().sum() > 0
    for grad in torch.autograd.grad(found.logsumexp(-1).sum(), taught):
        assert torch.isfinite(grad).all()
        assert grad.abs().sum() > 0


# --- labels of any kind


def test_strings_are_numbered_as_they_first_appear():
    support, classes = label_support(torch.eye(4), ["wren", "tit", "wren", "robin"])
    assert classes == ("wren", "tit", "robin")
    assert support.labels.tolist() == [0, 1, 0, 2]
    assert support.class_mask.tolist() == [True] * 3


def test_labels_0_2_5_are_three_classes():
    support, classes = label_support(torch.eye(3), [5, 0, 2], classes=[0, 2, 5])
    assert classes == (0, 2, 5)
    assert support.labels.tolist() == [2, 0, 1]


def test_a_class_may_be_named_without_a_photo():
    words = Words(torch.eye(2), 1.0)
    support, _ = label_support(torch.eye(2)[:1], ["b"], classes=["a", "b"], words=words)
    assert support.counts.tolist() == [0, 1]
    assert support.words is words


def test_labels_that_are_not_among_the_classes_are_refused():
    with pytest.raises(SupportError, match="label 'wren' is not among the 1 classes"):
        label_support(torch.eye(2), ["tit", "wren"], classes=["tit"])
    with pytest.raises(SupportError, match="class 'tit' is given twice"):
        label_support(torch.eye(2), ["tit", "tit"], classes=["tit", "wren", "tit"])


def test_labels_may_be_an_array_or_a_tensor():
    for labels in (torch.tensor([5, 2, 5]), torch.tensor([5, 2, 5]).numpy()):
        support, classes = label_support(torch.eye(3), labels)
        assert classes == (5, 2)
        assert all(type(c) is int for c in classes)
        assert support.labels.tolist() == [0, 1, 0]


def test_arrays_are_refused_in_every_place_of_a_tensor():
    x, rule = torch.eye(2), "are a ndarray: give a torch tensor, torch.from_numpy"
    with pytest.raises(SupportError, match=f"features {rule}"):
        label_support(x.numpy(), ["tit", "wren"])
    with pytest.raises(SupportError, match=f"features {rule}"):
        Support(x.numpy(), torch.tensor([0, 1]), BOTH)
    with pytest.raises(SupportError, match=f"labels {rule}"):
        Support(x, torch.tensor([0, 1]).numpy(), BOTH)
    with pytest.raises(SupportError, match=f"class_mask {rule}"):
        Support(x, torch.tensor([0, 1]), BOTH.numpy())
    with pytest.raises(SupportError, match=f"words' embeddings {rule}"):
        Words(x.numpy(), 5.0)
    with pytest.raises(SupportError, match="features are a list: give a torch tensor"):
        label_support(x.tolist(), ["tit", "wren"])
    with pytest.raises(QueryError, match=f"queries {rule}"):
        PrototypeHead().fit(some()).logits(x.numpy())


def test_words_that_are_a_tensor_and_labels_of_another_number_are_refused():
    with pytest.raises(SupportError, match=r"words are a Tensor: give Words\(embeddings, logit_sc"):
        label_support(torch.eye(2), ["tit", "wren"], words=torch.eye(2))
    with pytest.raises(SupportError, match=r"features have shape \(2, 2\) with 3 labels"):
        label_support(torch.eye(2), ["tit", "wren", "tit"])


def test_words_that_know_their_classes_follow_the_photos():
    rows = torch.eye(3)
    words = Words(rows, 5.0, -1.0, classes=["tit", "wren", "owl"])
    assert words.classes == ("tit", "wren", "owl")
    support, classes = label_support(torch.eye(3), ["wren", "owl", "wren"], words=words)
    assert classes == ("wren", "owl")
    assert torch.equal(support.words.embeddings, rows[[1, 2]])
    assert support.words.classes == ("wren", "owl")
    assert (support.words.logit_scale, support.words.logit_bias) == (5.0, -1.0)
    every = ["owl", "wren", "tit"]
    support, _ = label_support(torch.eye(3), ["wren"] * 3, classes=every, words=words)
    assert torch.equal(support.words.embeddings, rows[[2, 1, 0]])


def test_the_classes_of_words_may_be_an_array_or_a_tensor():
    for classes in (torch.tensor([5, 2]), torch.tensor([5, 2]).numpy()):
        words = Words(torch.eye(2), 5.0, classes=classes)
        assert words.classes == (5, 2)
        assert torch.equal(words.rows_of([2, 5]).embeddings, torch.eye(2).flip(0))


def test_words_that_lack_a_class_are_refused_by_its_name():
    words = Words(torch.eye(3), 5.0, classes=("tit", "wren", "owl"))
    with pytest.raises(SupportError, match=r"words have no row for 'kite' \(1 of 2 classes\)"):
        label_support(torch.eye(3), ["wren", "kite", "wren"], words=words)


@pytest.mark.parametrize(
    ("rows", "classes", "message"),
    [
        (torch.eye(2), ["tit"], r"words have shape \(2, 2\) and 1 classes"),
        (torch.eye(2), ["tit", "tit"], "words name class 'tit' twice"),
        (torch.eye(2).expand(4, 2, 2), ["tit", "wren"], r"shape \(4, 2, 2\) and 2 classes"),
        (torch.eye(2), "ab", "classes of words are the text 'ab'"),
    ],
)
def test_classes_that_do_not_fit_the_words_are_refused(rows, classes, message):
    with pytest.raises(SupportError, match=message):
        Words(rows, 5.0, classes=classes)


# --- inner products and queries


def test_inner_products_by_a_slow_loop():
    draw = torch.Generator().manual_seed(3)
    x, z, t = (torch.randn(n, 4, generator=draw, dtype=torch.float64) for n in (3, 5, 2))
    t = t / t.norm(dim=-1, keepdim=True)
    words = Words(t, 7.0, -2.0)
    support = Support(x, torch.tensor([0, 1, 1]), BOTH, words)
    inner = InnerProducts.of(support, z, transductive=True)

    def dots(a, b):
        return torch.tensor(
            [
                [sum(u * v for u, v in zip(r, s, strict=True)) for s in b.tolist()]
                for r in a.tolist()
            ]
        )

    for found, one, other in (
        (inner.support, x, x),
        (inner.cross, z, x),
        (inner.queries, z, z),
        (inner.support_words, x, t),
        (inner.query_words, z, t),
        (inner.words, t, t),
    ):
        torch.testing.assert_close(found, dots(one, other).double(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(inner.query_norms, inner.queries.diagonal())
    assert (inner.logit_scale, inner.logit_bias) == (7.0, -2.0)


def test_inner_products_are_float32_at_least_and_between_queries_only_when_asked():
    support = some(features=torch.ones(3, 2).bfloat16())
    inner = InnerProducts.of(support, torch.ones(1, 2))
    assert inner.cross.dtype == inner.support.dtype == torch.float32
    assert inner.queries is inner.words is inner.query_words is None


@pytest.mark.parametrize(
    ("queries", "mask", "message"),
    [
        (torch.ones(2).long(), None, "queries have shape"),
        (torch.ones(1, 2).long(), None, "queries are torch.int64: give floating"),
        (torch.ones(0, 2), None, "there is no query"),
        (torch.ones(1, 3), None, r"give \(..., q, 2\) from the same encoder"),
        (torch.ones(4, 1, 2), None, "leading"),
        (torch.tensor([[torch.inf, 0.0]]), None, "queries hold NaN or infinity"),
        (torch.ones(2, 2), torch.ones(2), "query_mask is torch.float32"),
        (torch.ones(2, 2), BOTH[:1], r"query_mask is torch.bool of shape \(1,\)"),
    ],
)
def test_queries_that_cannot_be_answered_are_refused(queries, mask, message):
    with pytest.raises(QueryError, match=message):
        PrototypeHead().fit(some()).logits(queries, query_mask=mask)


def test_what_a_head_needs_is_asked_for_with_its_cure():
    from fewshot import ZeroShotHead

    with pytest.raises(SupportError, match=r"ZeroShotHead needs words.*Words\(...\)"):
        ZeroShotHead().fit(some())
    one = some(labels=torch.tensor([0, 0, -1]))
    with pytest.raises(SupportError, match="class 1 has no photo and PrototypeHead needs"):
        PrototypeHead().fit(one)
    absent = some(labels=torch.tensor([0, 0, -1]), class_mask=torch.tensor([True, False]))
    logits = PrototypeHead().fit(absent).logits(torch.ones(1, 2))
    assert logits[0, 1] == -torch.inf
