"""Heads as scikit-learn estimators."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from fewshot import LogisticHead, PrototypeHead, RidgeHead, SVMHead, head_names
from fewshot.sklearn import FewShotClassifier

HEADS = [
    "prototype",
    "nearest-neighbour",
    "matching",
    "gda",
    RidgeHead(normalise=False),
    LogisticHead(normalise=False),
    SVMHead(normalise=False),
]


@parametrize_with_checks([FewShotClassifier(head) for head in HEADS])
def test_it_is_an_estimator(estimator, check):
    check(estimator)


@pytest.fixture
def birds():
    draw = np.random.default_rng(0)
    labels = np.array(["wren"] * 5 + ["tit"] * 3 + ["owl"] * 2)
    centres = {"wren": (3, 0, 0, 0), "tit": (0, 3, 0, 0), "owl": (0, 0, 3, 0)}
    return np.array([centres[y] for y in labels]) + 0.3 * draw.normal(size=(10, 4)), labels


@pytest.mark.parametrize(
    "head", ["prototype", "matching", "ridge", "svm", "logistic", "gda", "simple-shot"]
)
def test_labels_are_strings_and_classes_sorted(birds, head):
    x, y = birds
    model = FewShotClassifier(head).fit(x, y)
    assert model.classes_.tolist() == ["owl", "tit", "wren"]
    assert model.predict(x).tolist() == y.tolist()
    assert model.predict_proba(x).shape == model.decision_function(x).shape == (10, 3)
    assert model.score(x, y) == 1
    assert model.n_features_in_ == 4


def test_logistic_regression_is_scikit_learns(birds):
    x, y = birds
    ours = FewShotClassifier(LogisticHead(normalise=False)).fit(x, y)
    theirs = LogisticRegression(tol=1e-10).fit(x, y)
    for name in ("decision_function", "predict_proba"):
        found, expected = (getattr(m, name)(x) for m in (ours, theirs))
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_of_two_classes_the_decision_is_the_difference(birds):
    x, y = (part[:8] for part in birds)
    model = FewShotClassifier().fit(x, y)
    means = {name: x[y == name].mean(0) for name in ("tit", "wren")}
    away = {name: ((x - mean) ** 2).sum(1) for name, mean in means.items()}
    np.testing.assert_allclose(model.decision_function(x), away["tit"] - away["wren"])
    np.testing.assert_allclose(
        model.predict_proba(x)[:, 1], 1 / (1 + np.exp(away["wren"] - away["tit"]))
    )


def test_the_head_given_is_copied(birds):
    head = PrototypeHead("cosine").train()
    model = FewShotClassifier(head).fit(*birds)
    before = model.decision_function(birds[0])
    head.scale = 99.0
    np.testing.assert_array_equal(model.decision_function(birds[0]), before)
    assert head.training
    assert model.head is head


def test_single_precision_stays_single(birds):
    x, y = birds
    model = FewShotClassifier().fit(x.astype(np.float32), y)
    assert model.decision_function(x).dtype == np.float32


def test_a_grid_over_heads(birds):
    grid = GridSearchCV(FewShotClassifier(), {"head": ["prototype", SVMHead()]}, cv=2)
    assert grid.fit(*birds).best_score_ == 1


def test_parameters_of_a_named_head_are_given_and_searched(birds):
    x, y = birds
    model = FewShotClassifier("ridge", params={"penalty": 0.3, "normalise": False}).fit(x, y)
    own = FewShotClassifier(RidgeHead(penalty=0.3, normalise=False)).fit(x, y)
    np.testing.assert_array_equal(model.decision_function(x), own.decision_function(x))
    several = [{"penalty": p} for p in (0.1, 1.0, 10.0)]
    grid = GridSearchCV(FewShotClassifier("ridge"), {"params": several}, cv=2).fit(x, y)
    assert grid.best_params_["params"] in several
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("head", "params", "message"),
    [
        ("ridge", {"penlty": 1.0}, "ridge has no parameter 'penlty': it has penalty=1.0"),
        (RidgeHead(), {"penalty": 1.0}, r"params is \{'penalty': 1.0\} and head is RidgeHead"),
        ("ridge", [1.0], r"params is \[1.0\]: give a dict"),
        (RidgeHead, None, r"head is the class RidgeHead: give an instance, RidgeHead\(\)"),
    ],
)
def test_parameters_that_cannot_be_given_are_refused(birds, head, params, message):
    with pytest.raises((TypeError, ValueError), match=message):
        FewShotClassifier(head, params=params).fit(*birds)


def test_a_grid_over_a_head_s_own_parameter_is_told_the_way():
    grid = GridSearchCV(FewShotClassifier("ridge"), {"head__penalty": [0.1, 1.0]}, cv=2)
    message = r"'head__penalty'.*: search over params=\[\{'penalty': \.\.\.\}, \.\.\.\]"
    with pytest.raises(ValueError, match=message):
        grid.fit(np.eye(4), ["a", "b", "a", "b"])


def test_the_heads_that_qualify_are_listed_and_no_others(birds):
    names = head_names(inductive=True, words=False)
    assert {"prototype", "ridge", "fused"} <= set(names)
    for name in names:
        assert FewShotClassifier(name).fit(*birds).predict(birds[0]).shape == (10,)
    for name in set(head_names()) - set(names):
        with pytest.raises(ValueError, match=r"needs words|learns from the queries together"):
            FewShotClassifier(name).fit(*birds)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("zero-shot", "ZeroShotHead needs words and scikit-learn has a place for features alone"),
        ("no-such-head", "no head is called 'no-such-head'"),
        (torch.nn.Identity(), r"head is Identity\(\): give a name"),
    ],
)
def test_heads_that_do_not_fit_are_refused(birds, head, message):
    with pytest.raises((ValueError, LookupError), match=message):
        FewShotClassifier(head).fit(*birds)


def test_transductive_heads_are_refused(birds):
    class Together(PrototypeHead):
        transductive = True

    with pytest.raises(ValueError, match="Together learns from the queries together"):
        FewShotClassifier(Together()).fit(*birds)


def test_fewshot_alone_does_not_import_scikit_learn():
    code = (
        "import sys, fewshot; fewshot.PrototypeHead, fewshot.GDAHead, fewshot.LogisticHead; "
        "assert 'sklearn' not in sys.modules; import fewshot.sklearn; "
        "assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
