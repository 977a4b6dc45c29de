"""DAP against scikit-learn's logistic regression, its objective and the sum over attributes."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fgmm.errors import DatasetError
from fgmm.joint import DirectAttributePrediction
from fgmm.joint.dap import FittedAttributePrediction


@pytest.fixture
def pictures():
    random = torch.Generator().manual_seed(5)
    labels = torch.arange(5).repeat(6)
    centres = torch.randn(5, 3, generator=random, dtype=torch.float64)
    spread = torch.randn(30, 3, generator=random, dtype=torch.float64)
    return 2 + centres[labels] + spread, labels


BINARY = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 0, 0]], dtype=torch.float64)


@pytest.mark.parametrize("penalty", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("classes", [torch.eye(5, dtype=torch.float64), BINARY])
def test_each_attribute_is_a_logistic_regression_by_itself(pictures, classes, penalty):
    # with one-hot attributes: one class against the rest
    features, labels = pictures
    fitted = DirectAttributePrediction(penalty).fit(features, labels, classes)
    for m in range(classes.shape[1]):
        alone = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
        alone.fit(features.numpy(), classes[labels, m].numpy())
        expected = torch.tensor(alone.coef_[0])
        torch.testing.assert_close(fitted.weights[:, m], expected, rtol=1e-5, atol=1e-6)
        assert fitted.intercepts[m].item() == pytest.approx(alone.intercept_[0], abs=1e-5)


def test_strengths_are_soft_targets(pictures):
    features, labels = pictures
    classes = torch.rand(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fitted = DirectAttributePrediction(0.5).fit(features, labels, classes)
    weights, intercepts = (x.requires_grad_() for x in (fitted.weights, fitted.intercepts))
    value = weights.square().sum() / 4
    for x, y in zip(features, labels, strict=True):
        p = (x @ weights + intercepts).sigmoid()
        value = value - (classes[y] * p.log() + (1 - classes[y]) * (1 - p).log()).sum()
    for slope in torch.autograd.grad(value, [weights, intercepts]):
        torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-6)


def test_a_soft_target_is_pictures_with_and_without_the_attribute(pictures):
    # strength 3/4 and 1/4: three copies with, one without; four pictures against the penalty
    features, labels = pictures[0], pictures[1] % 2
    soft = DirectAttributePrediction(1.0).fit(features, labels, torch.tensor([[0.75], [0.25]]))
    copies = features.repeat_interleave(4, 0)
    hard = [[1, 1, 1, 0], [1, 0, 0, 0]]
    target = [bit for y in labels.tolist() for bit in hard[y]]
    expected = LogisticRegression(C=0.25, tol=1e-10, max_iter=10_000).fit(copies.numpy(), target)
    torch.testing.assert_close(
        soft.weights[:, 0], torch.tensor(expected.coef_[0]), rtol=1e-5, atol=1e-6
    )


def test_by_hand():
    # probabilities 0.8 and 0.3 for both attributes of one picture; priors 0.5 and 0.25
    fitted = FittedAttributePrediction(
        torch.zeros(1, 2, dtype=torch.float64),
        torch.tensor([0.8, 0.3], dtype=torch.float64).logit(),
        torch.tensor([0.5, 0.25], dtype=torch.float64),
    )
    torch.testing.assert_close(
        fitted.probabilities(torch.ones(1, 1)), torch.tensor([[0.8, 0.3]], dtype=torch.float64)
    )
    classes = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    scores = fitted.scores(torch.ones(1, 1), classes)
    expected = [math.log(1.6 * 1.2), math.log(1.6 * 0.7 / 0.75), math.log(0.4 * 1.2)]
    assert scores[0].tolist() == pytest.approx(expected)


def test_scores_are_the_sum_over_all_attribute_vectors(pictures):
    # equation 1: p(z|x) / p(z) = sum_a p(a|z) p(a|x) / p(a)
    features, labels = pictures
    random = torch.Generator().manual_seed(8)
    base = torch.rand(5, 3, generator=random, dtype=torch.float64)
    new = torch.rand(2, 3, generator=random, dtype=torch.float64)
    fitted = DirectAttributePrediction().fit(features, labels, base)
    scores = fitted.scores(features[:4], new)
    shown = fitted.probabilities(features[:4])
    prior = base.mean(0)

    def coin(p, bit):
        return (p if bit else 1 - p).item()

    for i, j in itertools.product(range(4), range(2)):
        total = 0.0
        for bits in itertools.product((0, 1), repeat=3):
            term = 1.0
            for m, bit in enumerate(bits):
                term *= coin(new[j, m], bit) * coin(shown[i, m], bit) / coin(prior[m], bit)
            total += term
        assert scores[i, j].item() == pytest.approx(math.log(total))


def test_a_class_of_mean_strengths_scores_zero(pictures):
    # it says nothing: a p / q + (1 - a) (1 - p) / (1 - q) = 1 where a = q
    features, labels = pictures
    fitted = DirectAttributePrediction().fit(features, labels, BINARY)
    scores = fitted.scores(features, BINARY.mean(0, keepdim=True))
    torch.testing.assert_close(scores, torch.zeros_like(scores), rtol=0, atol=1e-12)


def test_attributes_that_all_base_classes_share_do_not_count(pictures):
    features, labels = pictures
    ones = torch.ones(5, 1, dtype=torch.float64)
    wider = torch.cat([BINARY, ones, 0 * ones], 1)
    one = DirectAttributePrediction().fit(features, labels, BINARY)
    other = DirectAttributePrediction().fit(features, labels, wider)
    new = torch.tensor([[1.0, 0.0, 1.0, 0.0, 1.0]])
    torch.testing.assert_close(
        one.scores(features, new[:, :3]), other.scores(features, new), rtol=1e-9, atol=1e-9
    )
    with pytest.raises(DatasetError, match="all 1 attributes are 0 for every base class, or 1"):
        DirectAttributePrediction().fit(features, labels, ones)


def test_pictures_far_out_still_have_finite_scores(pictures):
    features, labels = pictures
    fitted = DirectAttributePrediction(0.01).fit(features, labels, BINARY)
    for kind in (torch.float32, torch.float64):
        assert fitted.scores(1e6 * features.to(kind), BINARY).isfinite().all()


def test_scoring_in_parts_changes_nothing(pictures, monkeypatch):
    features, labels = pictures
    fitted = DirectAttributePrediction().fit(features, labels, BINARY)
    whole = fitted.scores(features, BINARY)
    monkeypatch.setattr("fgmm.joint.dap._AT_ONCE", 7 * BINARY.numel())
    assert torch.equal(fitted.scores(features, BINARY), whole)


def test_what_is_no_strength_is_refused(pictures):
    features, labels = pictures
    with pytest.raises(DatasetError, match=r"the number -0.5: attributes' strengths are 0 to 1"):
        DirectAttributePrediction().fit(features, labels, BINARY - 0.5)
    fitted = DirectAttributePrediction().fit(features, labels, BINARY)
    with pytest.raises(DatasetError, match=r"the number 2.0"):
        fitted.scores(features, 2 * BINARY)
    for penalty in (0.0, float("nan")):
        with pytest.raises(ValueError, match="penalty is"):
            DirectAttributePrediction(penalty)


def test_the_prior_is_of_classes_however_many_pictures_they_have():
    """Three classes, of one, two and seven pictures; the strengths' means by hand."""
    classes = torch.tensor([[1.0, 0.0], [0.5, 1.0], [0.0, 0.5]])
    labels = torch.tensor([0] + [1] * 2 + [2] * 7)
    x = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    fitted = DirectAttributePrediction().fit(x, labels, classes)
    assert fitted.prior.tolist() == pytest.approx([0.5, 0.5])
