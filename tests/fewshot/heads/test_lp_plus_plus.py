"""LP++: against descent on the vectors themselves, by hand, and against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from fewshot import LPPlusPlusHead, Support, Words


def without_absent(support):
    """The same episode with no column for classes that do not exist."""
    there = support.class_mask
    words = replace(support.words, embeddings=support.words.embeddings[there])
    labels = (there.cumsum(-1) - 1)[support.labels]
    return Support(support.features, labels, there[there], words)


def slowly(support, queries, steps, start):
    """One episode; vectors and not coefficients; gradients from autograd; torch's own SGD."""
    f = functional.normalize(support.features, dim=-1)
    t, y, k = support.words.embeddings, support.labels, support.n_classes
    n = len(f)
    shots = [int((y == c).sum()) for c in range(k)]
    seen = [c for c in range(k) if shots[c]]
    w = torch.zeros(k, f.shape[1], dtype=f.dtype)
    for c in seen:
        share = 1.0 if start == "sum" else n / len(seen) / shots[c]
        w[c] = share * f[y == c].sum(0)
    own = sum(float((f[y == c] @ t[c]).mean()) for c in seen) / len(seen)
    w.requires_grad_()
    b = torch.zeros(k, dtype=f.dtype, requires_grad=True)
    a = torch.full((k,), 250 * own, dtype=f.dtype, requires_grad=True)
    wide = torch.cat([f, torch.ones(n, 1, dtype=f.dtype)], 1)
    sgd = torch.optim.SGD(
        [w, b], lr=float(4 * n / torch.linalg.matrix_norm(wide, 2) ** 2), momentum=0.9
    )
    slow = n / (4 * max(float((f @ t[c]).square().sum()) for c in range(k)))
    for step in range(steps):
        sgd.zero_grad()
        a.grad = None
        functional.cross_entropy(f @ w.T + b + a * (f @ t.T), y).backward()
        sgd.step()
        if (step + 1) % 10 == 0:
            a.data -= slow * a.grad
    z = functional.normalize(queries, dim=-1)
    return (z @ w.T + b + a * (z @ t.T)).detach()


@pytest.mark.parametrize("start", ["mean", "sum"])
@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2), (3, None, 2), (None, 2, 0, 1)])
def test_it_is_descent_on_the_vectors(word_episode, start, counts):
    support, queries = word_episode(0, counts)
    there = support.class_mask
    if not there.all():  # words that would bend the objective most, were their class there
        strong = support.words.embeddings.clone()
        strong[~there] = functional.normalize(support.features.mean(0), dim=-1)
        support = replace(support, words=replace(support.words, embeddings=strong))
    found = LPPlusPlusHead(steps=35, start=start).fit(support).logits(queries)
    expected = slowly(without_absent(support), queries, 35, start)
    torch.testing.assert_close(found[:, there], expected)
    assert (found[:, ~there] == float("-inf")).all()


def test_one_step_by_hand():
    # Photos f_0 = (.8, .6) and f_1 = (.6, .8), words along the axes. Own cosines are .8, so with
    # a word strength of 1 every a is .8, and photo 0 has logits
    #     1 + .8 * .8 = 1.64  and  .96 + .8 * .6 = 1.44:  p_1 = 1 / (1 + e^.2) = .450166.
    # Its error is -+ .450166 / 2 = -+ .225083. G + 1 = [[2, 1.96], [1.96, 2]] has the eigenvalue
    # 3.96, so the step is 4 * 2 / 3.96 = 2.020202 and coefficients move by .454713:
    #     w_0 = 1.454713 f_0 - .454713 f_1,  and the bias by .454713 - .454713 = 0.
    # The query (1, 0):  1.454713 * .8 - .454713 * .6 + .8 = 1.690943
    #                   -0.454713 * .8 + 1.454713 * .6     = 0.509057
    photos = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    support = Support(
        photos, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool), Words(torch.eye(2), 10.0)
    )
    found = LPPlusPlusHead(1.0, steps=1).fit(support).logits(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.690943, 0.509057]]), atol=1e-5, rtol=0)


def test_in_the_end_it_is_logistic_regression():
    # Words add nothing that w cannot do, so the only minimum is the one of photos alone.
    draw = torch.Generator().manual_seed(5)
    labels = torch.arange(60) % 3
    angles = labels + 1.2 * torch.randn(60, generator=draw, dtype=torch.float64)
    photos = torch.stack([angles.cos(), angles.sin()], -1)
    words = Words(torch.tensor([[1.0, 0.0], [0.6, 0.8], [-0.6, 0.8]]).double(), 10.0)
    support = Support(photos, labels, torch.ones(3, dtype=torch.bool), words)
    found = LPPlusPlusHead(1.0, steps=2000).fit(support).logits(photos).softmax(-1)
    oracle = LogisticRegression(C=1e12, tol=1e-10, max_iter=10**4).fit(photos, labels)
    torch.testing.assert_close(found, torch.tensor(oracle.predict_proba(photos)), atol=1e-5, rtol=0)


def test_more_photos_do_not_start_ahead():
    # Thirty copies of a photo against one: before any step the middle belongs to nobody.
    photos = torch.tensor([[1.0, 0.0]] * 30 + [[0.0, 1.0]])
    words = Words(torch.eye(2), 10.0)
    support = Support(photos, torch.tensor([0] * 30 + [1]), torch.ones(2, dtype=torch.bool), words)
    middle = torch.tensor([[1.0, 1.0]])
    fair = LPPlusPlusHead(steps=0).fit(support).logits(middle)[0]
    unfair = LPPlusPlusHead(steps=0, start="sum").fit(support).logits(middle)[0]
    torch.testing.assert_close(fair[0], fair[1])
    assert unfair[0] > unfair[1] + 20


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(LPPlusPlusHead(steps=20), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(LPPlusPlusHead(steps=20))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"word_strength": 0.0}, "word_strength is 0.0: it must be positive"),
        ({"steps": -1}, "steps is -1"),
        ({"start": "random"}, "start is 'random': use 'mean' or 'sum'"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        LPPlusPlusHead(**wrong)
