"""What every transductive head keeps, whatever its formula."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import (
    BDCSPNHead,
    InnerProducts,
    LaplacianShotHead,
    PTMAPHead,
    Support,
    TIMHead,
    TransCLIPHead,
    Words,
)
from fewshot.class_prior import estimate_prior, expand_prior
from fewshot.errors import QueryError, SupportError

KINDS = [BDCSPNHead, LaplacianShotHead, TIMHead, PTMAPHead, TransCLIPHead]
every_head = pytest.mark.parametrize("kind", KINDS)
NAN = float("nan")


def episode(seed, k=4, q=9, d=12, lead=(), dtype=torch.float64):
    """Unequal shots (1, 2, 3, ...), classes that overlap; words near the class centres."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(k), torch.arange(k) % 3 + 1)
    centres = torch.randn(*lead, k, d, generator=g, dtype=torch.float64)
    noise = torch.randn(*lead, len(labels) + q, d, generator=g, dtype=torch.float64)
    truth = torch.arange(q) % k
    x = centres[..., labels, :] + 0.7 * noise[..., : len(labels), :]
    z = centres[..., truth, :] + 0.7 * noise[..., len(labels) :, :]
    words = torch.nn.functional.normalize(
        centres + torch.randn(*lead, k, d, generator=g, dtype=torch.float64), dim=-1
    )
    support = Support(
        x.to(dtype),
        labels.expand(*lead, -1).contiguous(),
        torch.ones(*lead, k, dtype=torch.bool),
        words=Words(words.to(dtype), logit_scale=20.0),
    )
    return support, z.to(dtype)


def answer(head, support, queries, **more):
    return head.eval().fit(support).logits(queries, **more)


@every_head
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.integers(1, 3))
def test_permuting_classes_permutes_logits(kind, seed, shift):
    support, z = episode(seed)
    order = torch.arange(4).roll(shift)  # new column j is old class order[j]
    words = Words(support.words.embeddings[order], 20.0)
    turned = Support(support.features, order.argsort()[support.labels], support.class_mask, words)
    torch.testing.assert_close(
        answer(kind(), turned, z), answer(kind(), support, z)[:, order], rtol=1e-6, atol=1e-6
    )


@every_head
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_padding_changes_nothing_whatever_it_holds(kind, seed):
    support, z = episode(seed)
    junk = torch.tensor([[NAN], [1e6]], dtype=torch.float64).expand(-1, 12)
    x = torch.cat([junk[:1], support.features, junk[1:]])
    labels = torch.cat([torch.tensor([-1]), support.labels, torch.tensor([-1])])
    padded = Support(x, labels, support.class_mask, support.words)
    mask = torch.tensor([False, *[True] * 9, False])
    got = answer(kind(), padded, torch.cat([junk[1:], z, junk[:1]]), query_mask=mask)
    torch.testing.assert_close(got[1:-1], answer(kind(), support, z), rtol=1e-6, atol=1e-6)


@every_head
def test_a_batch_is_a_loop(kind):
    support, z = episode(3, lead=(2, 2))
    got = answer(kind(), support, z)
    assert got.shape == (2, 2, 9, 4)
    for i in range(2):
        for j in range(2):
            words = Words(support.words.embeddings[i, j], 20.0)
            one = Support(
                support.features[i, j], support.labels[i, j], support.class_mask[i, j], words
            )
            torch.testing.assert_close(
                got[i, j], answer(kind(), one, z[i, j]), rtol=1e-6, atol=1e-6
            )


@every_head
def test_an_absent_class_is_as_if_it_were_not_there(kind):
    support, z = episode(4)
    there = torch.tensor([True, True, True, False, True])
    old = support.words.embeddings
    words = Words(torch.cat([old[:3], old[:1], old[3:]]), 20.0)
    labels = torch.where(support.labels == 3, 4, support.labels)
    got = answer(kind(), Support(support.features, labels, there, words), z)
    assert (got[:, 3] == float("-inf")).all()
    torch.testing.assert_close(got[:, there], answer(kind(), support, z), rtol=1e-6, atol=1e-6)


@every_head
def test_permuting_queries_permutes_answers(kind):
    support, z = episode(5)
    order = torch.tensor([3, 1, 8, 0, 2, 4, 7, 6, 5])
    torch.testing.assert_close(
        answer(kind(), support, z[order]), answer(kind(), support, z)[order], rtol=1e-6, atol=1e-6
    )


@every_head
def test_a_query_depends_on_the_others(kind):
    support, z = episode(6)
    other = answer(kind(), support, torch.cat([z[:1], -z[1:]]))
    assert kind.transductive
    assert not torch.allclose(other[0], answer(kind(), support, z)[0], atol=1e-4)


@every_head
def test_a_single_query_is_refused(kind):
    support, z = episode(7)
    with pytest.raises(QueryError, match="got a single one"):
        answer(kind(), support, z[:1])
    with pytest.raises(QueryError, match="got a single one"):
        answer(kind(), support, z, query_mask=torch.arange(9) == 2)
    # one episode of a batch is enough to refuse
    batch, both = episode(7, lead=(2,))
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 1:] = False
    with pytest.raises(QueryError, match="got a single one"):
        answer(kind(), batch, both, query_mask=mask)


@every_head
def test_one_class_two_queries(kind):
    support, z = episode(8, k=1, q=2)
    got = answer(kind(), support, z)
    assert torch.isfinite(got).all()
    assert (got.softmax(-1) == 1).all()


@every_head
def test_half_precision_is_computed_in_single(kind):
    support, z = episode(9, dtype=torch.bfloat16)
    got = answer(kind(), support, z)
    single = Support(
        support.features.float(),
        support.labels,
        support.class_mask,
        Words(support.words.embeddings.float(), 20.0),
    )
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, answer(kind(), single, z.float()))


@every_head
def test_single_precision_is_near_double(kind):
    support, z = episode(10)
    single = Support(
        support.features.float(),
        support.labels,
        support.class_mask,
        Words(support.words.embeddings.float(), 20.0),
    )
    got = answer(kind(), single, z.float()).double()
    torch.testing.assert_close(got, answer(kind(), support, z), rtol=2e-3, atol=2e-3)


@every_head
def test_copies_and_pickles_answer_alike(kind):
    support, z = episode(11)
    head = kind(class_prior=torch.tensor([1.0, 2.0, 3.0, 4.0])).eval()
    want = answer(head, support, z)
    assert torch.equal(answer(copy.deepcopy(head), support, z), want)
    assert torch.equal(answer(pickle.loads(pickle.dumps(head)), support, z), want)  # noqa: S301


@every_head
def test_a_prior_that_favours_a_class_gives_it_more(kind):
    support, z = episode(12)
    plain = answer(kind(class_prior=torch.ones(4)), support, z).softmax(-1).mean(0)
    for c in range(4):
        prior = torch.ones(4)
        prior[c] = 9.0
        assert answer(kind(class_prior=prior), support, z).softmax(-1).mean(0)[c] > plain[c]


@every_head
def test_a_prior_may_differ_between_episodes(kind):
    support, z = episode(13, lead=(2,))
    priors = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 1.0, 1.0, 1.0]])
    got = answer(kind(class_prior=priors), support, z)
    for i in range(2):
        words = Words(support.words.embeddings[i], 20.0)
        one = Support(support.features[i], support.labels[i], support.class_mask[i], words)
        want = answer(kind(class_prior=priors[i]), one, z[i])
        torch.testing.assert_close(got[i], want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [TIMHead, PTMAPHead])
def test_equal_weights_are_the_assumption_of_the_paper(kind):
    support, z = episode(14)
    want = answer(kind(), support, z)
    torch.testing.assert_close(answer(kind(class_prior=torch.full((4,), 7.0)), support, z), want)


@pytest.mark.parametrize("kind", [TIMHead, PTMAPHead, TransCLIPHead])
def test_an_estimated_prior_follows_skewed_queries(kind):
    support, z = episode(15, q=60)
    skewed = z[torch.arange(60) % 4 == 1]  # all of class 1
    share = answer(kind(class_prior="estimate"), support, skewed).softmax(-1).mean(0)[1]
    assert share > answer(kind(), support, skewed).softmax(-1).mean(0)[1]


@every_head
def test_bad_priors_are_refused(kind):
    support, z = episode(16)
    with pytest.raises(ValueError, match="weight >= 0"):
        kind(class_prior=torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="class_prior is 'guess'"):
        kind(class_prior="guess")
    with pytest.raises(SupportError, match="3 weights and there are 4 classes"):
        answer(kind(class_prior=torch.ones(3)), support, z)
    with pytest.raises(SupportError, match="weight zero to every class"):
        answer(kind(class_prior=torch.zeros(4)), support, z)


@pytest.mark.parametrize("kind", [BDCSPNHead, LaplacianShotHead])
def test_heads_that_cannot_estimate_say_so(kind):
    with pytest.raises(ValueError, match=r"None, a tensor of weights$"):
        kind(class_prior="estimate")


@pytest.mark.parametrize("kind", [BDCSPNHead, LaplacianShotHead, TIMHead, PTMAPHead])
def test_a_class_without_photos_is_refused(kind):
    bare = Support(torch.eye(2), torch.tensor([0, 0]), torch.ones(2, dtype=torch.bool))
    with pytest.raises(SupportError, match="class 1 has no photo"):
        kind().fit(bare)


@pytest.mark.parametrize("kind", [BDCSPNHead, LaplacianShotHead, TIMHead, PTMAPHead])
def test_products_between_queries_are_needed(kind):
    support, z = episode(17)
    inner = InnerProducts.of(support, z)
    with pytest.raises(QueryError, match="transductive=True"):
        kind().logits_from_inner(inner, support.labels, support.class_mask)


def test_expanded_priors_skip_absent_classes():
    exists = torch.tensor([[True, True, False], [False, True, True]])
    got = expand_prior(torch.tensor([1.0, 1.0, 3.0]), exists, torch.ones(1))
    assert got.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]


def test_estimated_shares_of_certain_queries_are_counts_plus_one():
    # queries 0, 1, 2 are surely of class 0, query 3 of class 1, query 4 is padding; class 2 absent
    sure = 200.0
    logits = torch.tensor([[sure] * 3 + [0, 0], [0, 0, 0, sure, sure], [float("-inf")] * 5])
    got = estimate_prior(logits, torch.tensor([[1.0, 1.0, 1.0, 1.0, 0.0]]))
    torch.testing.assert_close(got, torch.tensor([4 / 6, 2 / 6, 0.0]))
