"""The benchmark of extended classifiers: roles, baselines and answers, on made-up vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

BASE, NOVEL, EACH, D = 3, 2, 12, 6


@pytest.fixture
def made(benchmark_module):
    """Classes around means; the first three are the model's."""
    from fewshot import Background

    extend, sets = benchmark_module("extend"), benchmark_module("five_photos_sets")
    generator = torch.Generator().manual_seed(0)
    k = BASE + NOVEL
    labels = np.repeat(np.arange(k), EACH)
    means = normalize(torch.randn(k, D, generator=generator), dim=1)
    noise = 0.1 * torch.randn(len(labels), D, generator=generator)
    x = normalize(means[torch.from_numpy(labels)] + noise, dim=1)
    some = normalize(torch.randn(200, D, generator=generator), dim=1)
    cov = torch.cov(some.T)
    general = Background(some.mean(0), 0.5 * cov, cov, 200, "x", "made up")
    novel = labels >= BASE
    names = tuple(f"class {i}" for i in range(k))
    asked = np.ones(len(novel), bool)
    scene = ("made up", names, BASE, means, 15.0, x, x, labels, novel, asked, general, general)
    given = sets.Scene(*scene)
    train = labels < BASE
    fitted = extend.fit(x.numpy()[train], labels[train])
    said = extend.said_of(fitted, x)
    examples = extend.Examples.none(2 * D)
    return extend, given, extend.Model(fitted, x.numpy()[train], labels[train], said, examples)


def test_answers_by_level_are_old_up_to_the_level(made):
    extend, *_ = made
    old, new = np.array([0, 1, 2]), np.array([7, 8, 9])
    found = extend.answers_by_level(old, np.array([1.0, 2.0, 3.0]), new, 2.0)
    assert found.tolist() == [0, 1, 9]


def test_the_nearest_mean_is_a_loop_over_mean_photos(made):
    extend, given, _ = made
    photos = {3: np.array([36, 37]), 4: np.array([48, 49, 50])}
    cosines, own = extend.nearest_means(given, photos, given.features[:4])
    for row in range(4):
        told = {}
        for c, rows in photos.items():
            mean = sum(given.features[at].double() for at in rows) / len(rows)
            told[c] = float(given.features[row].double() @ mean / mean.norm())
        assert cosines[row] == pytest.approx(max(told.values()), abs=1e-5)
        assert own[row] == max(told, key=told.__getitem__)


@pytest.mark.parametrize("balanced", [False, True])
def test_refitting_sees_all_old_pictures_and_the_photos(made, balanced):
    from sklearn.linear_model import LogisticRegression

    extend, given, model = made
    photos, asked = {3: np.arange(36, 41), 4: np.arange(48, 53)}, np.arange(60)
    found = extend.refitted(given, model, photos, asked, balanced=balanced)
    rows = [*range(36), *range(36, 41), *range(48, 53)]
    weight = "balanced" if balanced else None
    head = LogisticRegression(C=extend.STRENGTH, max_iter=300, class_weight=weight)
    x = extend.SCALE * given.features.numpy()
    assert (found == head.fit(x[rows], given.labels[rows]).predict(x)).all()


def test_photos_are_taken_as_the_model_saw_them(made):
    extend, given, model = made
    said = model.said[:5]
    expected = model.fitted.predict_proba(extend.SCALE * given.features[:5].numpy())
    assert said.exp().numpy() == pytest.approx(expected)
    kept = extend.kept_rows(given, np.arange(3))
    assert kept.shape == (3, 2 * D)
    assert kept.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
