"""What all zero-shot methods promise, and how one is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm.errors import DatasetError
from fgmm.joint import (
    ESZSL,
    DeViSE,
    DirectAttributePrediction,
    GraphRegression,
    SemanticAutoencoder,
    calibrated,
    choose,
)
from fgmm.joint.regression_inputs import sum_by_class

METHODS = [
    ESZSL(),
    SemanticAutoencoder(),
    SemanticAutoencoder(compare_in="pictures"),
    SemanticAutoencoder(balance=0.0, penalty=1.0),
    DirectAttributePrediction(),
    DeViSE(steps=20),
]
by_name = pytest.mark.parametrize("method", METHODS, ids=lambda m: str(m))


def task(k=6, m=4, d=5, per_class=4, noise=0.1, seed=0):
    """Pictures that are a linear picture of their class's strengths, with noise."""
    random = torch.Generator().manual_seed(seed)
    classes = torch.rand(k, m, generator=random, dtype=torch.float64)
    mapped = (classes - 0.5) @ torch.randn(m, d, generator=random, dtype=torch.float64)
    labels = torch.arange(k).repeat_interleave(per_class)
    spread = torch.randn(len(labels), d, generator=random, dtype=torch.float64)
    return mapped[labels] + noise * spread, labels, classes


@by_name
def test_the_order_of_base_classes_does_not_matter(method):
    features, labels, classes = task()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    place = order.argsort()
    one = method.fit(features, labels, classes).scores(features, classes)
    other = method.fit(features, place[labels], classes[order]).scores(features, classes)
    # trained by 20 steps of Adam, whose sums run in another order
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@by_name
def test_the_order_of_pictures_does_not_matter(method):
    features, labels, classes = task()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    one = method.fit(features, labels, classes).scores(features, classes)
    other = method.fit(features[order], labels[order], classes).scores(features, classes)
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@by_name
def test_a_class_is_scored_alone_as_among_others(method):
    features, labels, classes = task()
    fitted = method.fit(features, labels, classes)
    new = torch.rand(3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    together = fitted.scores(features, torch.cat([classes, new]))
    assert together.shape == (24, 9)
    torch.testing.assert_close(together[:, 7:8], fitted.scores(features, new[1:2]))
    torch.testing.assert_close(
        together[3:4], fitted.scores(features[3:4], torch.cat([classes, new]))
    )


@by_name
def test_classes_never_seen_are_told_apart(method):
    if isinstance(method, DeViSE):
        method = DeViSE(steps=300)
    features, labels, classes = task(k=40, m=4, d=12, noise=0.02)
    base = labels < 32
    centre = 0 if isinstance(method, DirectAttributePrediction) else classes.mean(0)
    fitted = method.fit(features[base], labels[base], classes[:32] - centre)
    answers = fitted.scores(features[~base], classes[32:] - centre).argmax(1) + 32
    right = (answers == labels[~base]).double().mean().item()
    assert right >= 0.75  # by chance 0.125


@by_name
@pytest.mark.parametrize("kind", [torch.float16, torch.float32])
def test_pictures_in_other_precisions_score_alike(method, kind):
    features, labels, classes = task()
    fitted = method.fit(features, labels, classes)
    scores = fitted.scores(features.to(kind), classes.to(kind))
    assert scores.dtype == torch.float32
    tolerance = {torch.float16: 3e-2, torch.float32: 1e-5}[kind]
    expected = fitted.scores(features, classes).float()
    torch.testing.assert_close(scores, expected, rtol=tolerance, atol=tolerance)


@by_name
def test_bad_data_is_refused_by_name(method):
    features, labels, classes = task()
    hole = features.clone()
    hole[2, 1] = float("nan")
    with pytest.raises(DatasetError, match=r"features, row 2, column 1 is nan"):
        method.fit(hole, labels, classes)
    endless = classes.clone()
    endless[0, 3] = float("inf")
    with pytest.raises(DatasetError, match=r"classes, row 0, column 3 is inf"):
        method.fit(features, labels, endless)
    with pytest.raises(DatasetError, match="label 6 is no class: with 6 they are 0 to 5"):
        method.fit(features, labels.where(labels != 2, 6), classes)
    with pytest.raises(DatasetError, match="label -1 is no class"):
        method.fit(features, labels - 1, classes)
    with pytest.raises(DatasetError, match="class 3 has no picture"):
        method.fit(features[labels != 3], labels[labels != 3], classes)
    with pytest.raises(DatasetError, match="give one int64 for each of the 24 pictures"):
        method.fit(features, labels[:-1], classes)
    with pytest.raises(DatasetError, match=r"type torch.float64: give one int64"):
        method.fit(features, labels.double(), classes)
    with pytest.raises(DatasetError, match="give a table of floating-point numbers"):
        method.fit(features[0], labels, classes)
    with pytest.raises(DatasetError, match="give a table of floating-point numbers"):
        method.fit(features[:0], labels[:0], classes)


@by_name
def test_queries_of_another_width_are_refused(method):
    features, labels, classes = task()
    fitted = method.fit(features, labels, classes)
    with pytest.raises(DatasetError, match="features have width 4, but those of the fit had 5"):
        fitted.scores(features[:, :4], classes)
    with pytest.raises(DatasetError, match="classes have width 3, but those of the fit had 4"):
        fitted.scores(features, classes[:, :3])
    with pytest.raises(DatasetError, match="row 0, column 0 is nan"):
        fitted.scores(torch.full_like(features, float("nan")), classes)


@by_name
def test_nothing_given_is_changed(method):
    features, labels, classes = task()
    before = [x.clone() for x in (features, labels, classes)]
    method.fit(features, labels, classes).scores(features, classes)
    for x, y in zip((features, labels, classes), before, strict=True):
        assert torch.equal(x, y)


def test_choose_agrees_with_a_slow_loop():
    features, labels, classes = task(k=7, per_class=3, noise=0.8)
    candidates = [ESZSL(gamma=g, lambda_=0.1) for g in (1e-3, 1.0, 1e3)]
    found = choose(candidates, features, labels, classes, folds=3, seed=5)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(5)).tolist()
    expected = []
    for candidate in candidates:
        by_class = {}
        for part in range(3):
            held = sorted(order[part::3])
            base = [c for c in range(7) if c not in held]
            x = torch.cat([features[labels == c] for c in base])
            y = torch.tensor([i for i, c in enumerate(base) for _ in range(3)])
            fitted = candidate.fit(x, y, classes[base])
            for c in held:
                answers = fitted.scores(features[labels == c], classes[held]).argmax(1).tolist()
                by_class[c] = sum(held[a] == c for a in answers) / 3
        expected.append(sum(by_class.values()) / 7)
    assert found.accuracies == pytest.approx(expected)
    assert found.best is candidates[expected.index(max(expected))]
    assert len(set(expected)) > 1


@dataclass(frozen=True)
class Recording:
    """Keeps what it was fitted on."""

    seen: list

    def fit(self, features, labels, classes):
        self.seen.append((features.clone(), labels.clone(), classes.clone()))
        return self

    def scores(self, features, classes):
        return -torch.cdist(features, classes)


def test_choose_never_shows_a_held_out_class():
    # class c has the number c for a vector, and so have its pictures
    labels = torch.tensor([4, 0, 1, 2, 3, 0, 5, 4])
    method = Recording([])
    classes = torch.arange(6.0).unsqueeze(1)
    found = choose([method], classes[labels], labels, classes, folds=3)
    assert found.accuracies == (1.0,)
    assert len(method.seen) == 3
    held = []
    for features, rows, vectors in method.seen:
        assert torch.equal(vectors[rows], features)
        assert set(features.flatten().tolist()) == set(vectors.flatten().tolist())
        held += sorted(set(range(6)) - set(vectors.flatten().int().tolist()))
    assert sorted(held) == list(range(6))


def test_choose_takes_the_first_of_equals_and_the_same_split_for_a_seed():
    features, labels, classes = task()
    same = [ESZSL(), ESZSL()]
    assert choose(same, features, labels, classes, folds=2).best is same[0]
    one, other = (choose(METHODS[:4], features, labels, classes, folds=3, seed=7) for _ in "ab")
    assert one == other


def test_choose_knows_graphs():
    features, labels, classes = task(k=6)
    # node 5 - c is class c
    graph = GraphRegression(classes.flip(0) - 0.5, torch.eye(6), steps=5, hidden=8)
    found = choose([graph], features, labels, torch.arange(6).flip(0), folds=3)
    assert 0 <= found.accuracies[0] <= 1


def test_choose_refuses_what_cannot_be_split():
    features, labels, classes = task()
    with pytest.raises(ValueError, match="no candidate"):
        choose([], features, labels, classes)
    with pytest.raises(ValueError, match="folds is 1: give 2 or more"):
        choose([ESZSL()], features, labels, classes, folds=1)
    with pytest.raises(DatasetError, match="6 classes in 4 folds"):
        choose([ESZSL()], features, labels, classes, folds=4)
    with pytest.raises(DatasetError, match="class 5 has no picture"):
        choose([ESZSL()], features[labels < 5], labels[labels < 5], classes)


@given(st.floats(-5, 5), st.integers(1, 6))
def test_calibration_moves_seen_classes_alone(gamma, k):
    random = torch.Generator().manual_seed(k)
    scores = torch.randn(3, k, generator=random)
    seen = torch.rand(k, generator=random) < 0.5
    moved = calibrated(scores, seen, gamma)
    assert torch.equal(moved[:, ~seen], scores[:, ~seen])
    torch.testing.assert_close(moved[:, seen], scores[:, seen] - gamma)


def test_calibration_by_infinity_and_bad_masks():
    scores, seen = torch.tensor([[5.0, 1.0, 2.0]]), torch.tensor([True, False, False])
    assert calibrated(scores, seen, float("inf")).argmax(1).tolist() == [2]
    with pytest.raises(ValueError, match="give a bool for each of the 3 classes"):
        calibrated(scores, seen[:2], 1.0)
    with pytest.raises(ValueError, match="give a bool"):
        calibrated(scores, seen.float(), 1.0)
    with pytest.raises(ValueError, match="gamma is nan"):
        calibrated(scores, seen, float("nan"))


def test_sums_by_class_against_a_loop():
    features, labels, _ = task(per_class=3)
    labels = labels.roll(5)
    for c, row in enumerate(sum_by_class(features, labels, 6)):
        expected = sum(x for x, y in zip(features, labels.tolist(), strict=True) if y == c)
        torch.testing.assert_close(row, expected)
