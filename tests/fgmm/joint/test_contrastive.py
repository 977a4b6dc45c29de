"""ContrastiveEmbedding: against ridge regressions written with numpy, by hand, in limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgmm.errors import DatasetError
from fgmm.joint import ContrastiveEmbedding, SemanticAutoencoder
from fgmm.joint.class_regression import held_out_scores


def data(seed=0, n=60, d=8, k=6, m=5):
    draw = torch.Generator().manual_seed(seed)
    classes = torch.rand(k, m, generator=draw, dtype=torch.float64)
    labels = torch.cat([torch.arange(k), torch.randint(k, (n - k,), generator=draw)])
    mix = torch.randn(m, d, generator=draw, dtype=torch.float64)
    noise = torch.randn(n, d, generator=draw, dtype=torch.float64)
    return classes[labels] @ mix + 0.3 * noise, labels, classes


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.parametrize("penalty", [0.01, 1.0, 30.0])
def test_without_steps_it_is_a_ridge_regression_in_which_classes_count_the_same(penalty):
    x, labels, classes = data()
    fitted = ContrastiveEmbedding(penalty).fit(x, labels, classes)
    c, z, y = classes.numpy(), x.numpy(), labels.numpy()
    known = unit(c - c.mean(0))
    centred = z - z.mean(0)
    pictures = np.stack([centred[y == label].mean(0) for label in range(len(c))])
    size = penalty * np.mean((known**2).sum(0))
    # the same as least squares with the penalty as m more rows
    rows = np.concatenate([known, np.sqrt(size) * np.eye(5)])
    w = np.linalg.lstsq(rows, np.concatenate([pictures, np.zeros((5, z.shape[1]))]), rcond=None)[0]
    expected = unit(centred) @ unit(known @ w).T
    np.testing.assert_allclose(fitted.scores(x, classes).numpy(), expected, atol=1e-8)


def test_without_steps_it_is_an_end_of_the_semantic_autoencoder():
    """Both blocks unit rows, classes of one size: SAE sums over pictures what is a mean here."""
    x, labels, classes = data(n=60)
    labels = torch.arange(60) % 6
    x, known = x - x.mean(0), torch.nn.functional.normalize(classes - classes.mean(0), dim=1)
    size = known.square().sum(0).mean()
    other = SemanticAutoencoder(balance=0.0, penalty=float(0.7 * 10 * size), compare_in="pictures")
    expected = other.fit(x, labels, known).scores(x, known)
    found = ContrastiveEmbedding(0.7).fit(x, labels, classes).scores(x, classes)
    torch.testing.assert_close(found, expected)


def test_a_block_of_weight_0_changes_nothing():
    x, labels, classes = data()
    alone = ContrastiveEmbedding(0.3, steps=3).fit(x, labels, classes).scores(x, classes)
    more = torch.cat([classes, torch.rand(6, 4, generator=torch.Generator().manual_seed(1))], 1)
    both = ContrastiveEmbedding(0.3, 3, (5, 4), (1.0, 0.0)).fit(x, labels, more)
    torch.testing.assert_close(both.scores(x, more), alone)


def test_classes_of_which_the_same_is_known_are_not_told_apart():
    x, labels, classes = data()
    fitted = ContrastiveEmbedding().fit(x, labels, torch.ones_like(classes))
    assert (fitted.scores(x, classes) == 0).all()


def test_blocks_by_hand():
    # Two blocks of two columns, two classes; block means (1/2, 1/2) and (0, 1/2).
    classes = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    fitted = ContrastiveEmbedding(widths=(2, 2), weights=(1.0, 0.5)).fit(
        torch.eye(2), torch.tensor([0, 1]), classes
    )
    root = 0.5**0.5
    # the second class says nothing in its second block: it stays 0
    expected = torch.tensor([[root, -root, 0.0, 0.5], [-root, root, 0.0, 0.0]])
    torch.testing.assert_close(fitted.blocks(classes), expected)


def test_a_class_of_which_nothing_is_known_scores_0():
    x, labels, classes = data()
    fitted = ContrastiveEmbedding().fit(x, labels, classes)
    assert (fitted.scores(x, torch.zeros(1, 5).double()) == 0).all()


def test_the_contrast_tells_base_classes_apart_better_than_the_ridge_alone():
    x, labels, classes = data(n=200, k=12, m=4)
    x = x + 0.7 * torch.randn(x.shape, generator=torch.Generator().manual_seed(5)).double()

    def loss(steps):
        scores = ContrastiveEmbedding(steps=steps).fit(x, labels, classes).scores(x, classes)
        return torch.nn.functional.cross_entropy(scores / 0.1, labels)

    assert loss(60) < loss(0) - 0.02


def test_leaving_the_ridge_has_its_price(monkeypatch):
    """Both maps stay nearer to where they began with the penalty than without it."""
    from fgmm.joint import contrastive

    x, labels, classes = data()
    start = ContrastiveEmbedding().fit(x, labels, classes)

    def ways():
        moved = ContrastiveEmbedding(steps=60).fit(x, labels, classes)
        image = (moved.image_map - start.image_map).norm()
        return float(image), float((moved.class_map - start.class_map).norm())

    held = ways()
    monkeypatch.setattr(contrastive, "_STAY", 0.0)
    free = ways()
    assert 0 < held[0] < free[0]
    assert 0 < held[1] < free[1]


def test_it_is_the_same_every_time_and_does_not_touch_gradients_of_others():
    x, labels, classes = data()
    method = ContrastiveEmbedding(steps=5)
    with torch.inference_mode():
        first = method.fit(x, labels, classes).scores(x, classes)
    assert torch.equal(method.fit(x, labels, classes).scores(x, classes), first)
    assert not torch.equal(
        ContrastiveEmbedding(steps=5, seed=1).fit(x, labels, classes).scores(x, classes), first
    )


def test_permuted_classes_permute_scores():
    x, labels, classes = data()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    place = order.argsort()
    for steps in (0, 3):
        method = ContrastiveEmbedding(steps=steps)
        scores = method.fit(x, labels, classes).scores(x, classes)
        again = method.fit(x, place[labels], classes[order]).scores(x, classes[order])
        torch.testing.assert_close(again, scores[:, order])


def test_held_out_scores_are_fitted_without_the_classes_that_are_asked():
    x, labels, classes = data(k=6)
    method = ContrastiveEmbedding()
    held = held_out_scores(method, x, labels, classes, folds=2, seed=3)
    assert sum(len(truth) for _, truth in held) == len(x)
    for scores, truth in held:
        assert scores.shape[1] == 3
        # find the part by its number of pictures, class by class, and fit it again
        counts = torch.bincount(truth, minlength=3).tolist()
        part = [
            sorted(p)
            for p in torch.combinations(torch.arange(6), 3).tolist()
            if [int((labels == c).sum()) for c in sorted(p)] == counts
        ]
        again = []
        for asked in part:
            rest = [c for c in range(6) if c not in asked]
            base = torch.tensor([c in rest for c in labels.tolist()])
            own = torch.tensor([rest.index(c) for c in labels[base].tolist()])
            fitted = method.fit(x[base], own, classes[rest])
            again.append(fitted.scores(x[~base], classes[asked]))
        assert any(a.shape == scores.shape and torch.allclose(a, scores) for a in again)


@pytest.mark.parametrize(
    "wrong",
    [
        {"penalty": 0.0},
        {"steps": -1},
        {"widths": (2, 3), "weights": (1.0,)},
        {"penalty": float("nan")},
    ],
)
def test_parameters_out_of_range(wrong):
    with pytest.raises(ValueError, match=r"penalty|steps"):
        ContrastiveEmbedding(**wrong)


def test_data_that_do_not_fit():
    x, labels, classes = data()
    with pytest.raises(ValueError, match="blocks are"):
        ContrastiveEmbedding(widths=(2, 2)).fit(x, labels, classes)
    with pytest.raises(DatasetError, match="no picture"):
        ContrastiveEmbedding().fit(x[labels > 0], labels[labels > 0], classes)
    fitted = ContrastiveEmbedding().fit(x, labels, classes)
    with pytest.raises(DatasetError, match="width"):
        fitted.scores(x[:, :3], classes)
