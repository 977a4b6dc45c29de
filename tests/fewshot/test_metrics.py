"""Every measure against loops from its definition, a case by hand, and a sibling."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import fewshot
from fewshot.errors import EvaluationError

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def by_class(labels, predicted):
    """Right and all, of each class."""
    found = {}
    for truth, answer in zip(labels, predicted, strict=True):
        right, tried = found.get(truth, (0, 0))
        found[truth] = (right + (truth == answer), tried + 1)
    return found


def drawn(n=60, k=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)), rng.integers(0, k, n)


@given(PAIRS)
def test_accuracies_are_those_of_loops(pairs):
    labels, predicted = zip(*pairs, strict=True)
    rates = [right / tried for right, tried in by_class(labels, predicted).values()]
    right = sum(t == a for t, a in pairs)
    assert fewshot.accuracy(labels, predicted) == pytest.approx(right / len(pairs))
    assert fewshot.macro_accuracy(labels, predicted) == pytest.approx(sum(rates) / len(rates))


@given(PAIRS)
def test_f1_and_confusion_are_those_of_loops(pairs):
    labels, predicted = zip(*pairs, strict=True)
    classes = sorted({*labels, *predicted})
    f1 = []
    for c in classes:
        hit = sum(t == a == c for t, a in pairs)
        precise, recalled = sum(a == c for a in predicted), sum(t == c for t in labels)
        f1.append(2 * hit / (precise + recalled))  # 2 P R / (P + R), multiplied out
    assert fewshot.macro_f1(labels, predicted) == pytest.approx(sum(f1) / len(f1))
    table = fewshot.confusion_matrix(labels, predicted)
    for i, c in enumerate(classes):
        for j, d in enumerate(classes):
            assert table[i, j] == sum(t == c and a == d for t, a in pairs)


def test_confusion_follows_the_order_of_the_classes_given():
    table = fewshot.confusion_matrix(["b", "b", "a"], ["b", "a", "a"], ["b", "c", "a"])
    assert table.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_calibration_error_is_that_of_loops_and_of_an_evaluation():
    scores, labels = drawn(200)
    p = torch.tensor(scores).softmax(1)
    total = 0.0
    for low in range(15):
        inside = [i for i in range(200) if low <= 15 * float(p[i].max()) < low + 1]
        if inside:
            said = sum(float(p[i].max()) for i in inside) / len(inside)
            right = sum(int(p[i].argmax()) == labels[i] for i in inside) / len(inside)
            total += len(inside) / 200 * abs(right - said)
    assert fewshot.calibration_error(p, labels) == pytest.approx(total)

    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    run = {"n_way": 2, "n_shot": 1, "n_query": 19, "n_episodes": 1}
    classes = [i // 20 for i in range(40)]
    found = fewshot.evaluate(fewshot.PrototypeHead(), rows, classes, **run)
    episode = fewshot.EpisodeSampler(classes, 2, 1, 19).sample(0, 1)
    support, _ = fewshot.label_support(
        rows[episode.support[0]], episode.support_labels[0].tolist(), classes=[0, 1]
    )
    logits = fewshot.PrototypeHead().fit(support).logits(rows[episode.query[0]])
    again = fewshot.calibration_error(logits.softmax(-1), episode.query_labels[0])
    assert again == pytest.approx(found.ece, abs=1e-6)


def test_calibration_error_by_hand():
    # bins of 1/2: [0.6, 0.8] say 0.7 on average and are right once of two: |0.5 - 0.7| = 0.2
    assert fewshot.calibration_error([[0.6, 0.4], [0.8, 0.2]], [0, 1], bins=2) == pytest.approx(0.2)
    assert fewshot.calibration_error([[1.0, 0.0]], [0]) == 0
    # the last bin holds its end: [1.0, 0.8] say 0.9 and are right once of two: 0.4. In a bin of
    # its own the 1.0 would be 1 off and the 0.8 be 0.2 off, which is 0.6 on average.
    found = fewshot.calibration_error([[1.0, 0.0], [0.8, 0.2]], [1, 0], bins=2)
    assert found == pytest.approx(0.4)


def test_top_k_is_that_of_loops_and_of_scikit_learn():
    from sklearn.metrics import top_k_accuracy_score

    scores, labels = drawn()
    for k in range(1, 5):
        best = [sorted(range(5), key=row.__getitem__)[-k:] for row in scores.tolist()]
        hits = sum(y in top for y, top in zip(labels, best, strict=True))
        assert fewshot.top_k_accuracy(scores, labels, k=k) == pytest.approx(hits / 60)
        assert top_k_accuracy_score(labels, scores, k=k) == pytest.approx(hits / 60)
    assert fewshot.top_k_accuracy(scores, labels, k=9) == 1
    assert fewshot.top_k_accuracy(scores, labels, k=1) == fewshot.accuracy(labels, scores.argmax(1))


def test_equal_scores_are_no_answer():
    assert fewshot.top_k_accuracy(torch.zeros(3, 4), [0, 1, 2], k=3) == 0
    assert fewshot.top_k_accuracy([[2.0, 2.0, 1.0]], [0], k=2) == 1


def test_mean_average_precision_is_that_of_loops():
    scores, labels = drawn()
    every = []
    for c in range(5):
        order = sorted(range(60), key=lambda i: -scores[i, c])
        hits, found = 0, []
        for rank, i in enumerate(order, 1):
            if labels[i] == c:
                hits += 1
                found.append(hits / rank)
        every.append(sum(found) / len(found))
    assert fewshot.mean_average_precision(scores, labels) == pytest.approx(sum(every) / 5)


def test_mean_average_precision_by_hand():
    # class 0, best first: picture 0 (right, 1/1), 1, 2 (right, 2/3): mean 5/6.
    # class 1, best first: picture 2, 1 (right, 1/2), 0: 1/2. Together (5/6 + 1/2) / 2.
    scores = [[0.9, 0.1], [0.5, 0.3], [0.4, 0.6]]
    assert fewshot.mean_average_precision(scores, [0, 1, 0]) == pytest.approx(2 / 3)
    # a class without a picture counts for nothing
    assert fewshot.mean_average_precision([[0.2, 0.5, 0.1]], [0]) == 1


def test_scores_of_absent_classes_rank_below_all_others():
    # class 0, best first: picture 2, 1 (right, 1/2), 0: 1/2.
    # class 1, best first: picture 0 (right, 1/1), then 1 and 2 alike (one right: 2/3): 5/6.
    none = float("-inf")
    scores = [[none, 0.1], [-5.0, none], [2.0, none]]
    found = fewshot.mean_average_precision(scores, [1, 0, 1])
    assert found == pytest.approx((1 / 2 + 5 / 6) / 2)
    assert fewshot.top_k_accuracy(scores, [1, 0, 1], k=1) == pytest.approx(2 / 3)
    low = [[-1e9 if v == none else v for v in row] for row in scores]
    assert fewshot.mean_average_precision(low, [1, 0, 1]) == pytest.approx(found)


def test_hierarchical_cost_of_a_tree():
    # two genera of two species: a sibling costs 1, a stranger 2
    cost = [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]]
    assert fewshot.hierarchical_cost([0, 1, 2, 3], [1, 1, 0, 3], cost) == 0.75  # (1+0+2+0)/4
    # rows are the truth: to miss a mushroom (1) costs 9, to fear one costs 1
    assert fewshot.hierarchical_cost([0, 0, 1], [1, 1, 1], [[0, 1], [9, 0]]) == pytest.approx(2 / 3)
    assert fewshot.hierarchical_cost([1, 0, 1], [0, 0, 1], [[0, 1], [9, 0]]) == 3
    same = 1 - np.eye(5)
    labels, predicted = drawn()[1], drawn(seed=1)[1]
    wrong = 1 - fewshot.accuracy(labels, predicted)
    assert fewshot.hierarchical_cost(labels, predicted, torch.tensor(same)) == pytest.approx(wrong)


@given(PAIRS)
def test_u_s_and_h_are_those_of_loops(pairs):
    labels, predicted = zip(*pairs, strict=True)
    unseen = {0, 1}
    rates = {c: right / tried for c, (right, tried) in by_class(labels, predicted).items()}
    u = [rate for c, rate in rates.items() if c in unseen]
    s = [rate for c, rate in rates.items() if c not in unseen]
    if not u or not s:
        with pytest.raises(EvaluationError, match="pictures of both kinds"):
            fewshot.generalised_zero_shot(labels, predicted, unseen)
        return
    found = fewshot.generalised_zero_shot(labels, predicted, unseen)
    u, s = sum(u) / len(u), sum(s) / len(s)
    assert found[:2] == pytest.approx((u, s))
    assert found.harmonic == pytest.approx(
        0 if u == s == 0 else 2 / (1 / u + 1 / s) if u * s else 0
    )


def test_tensors_of_any_precision_are_taken():
    scores = torch.tensor([[0.5, 0.25], [0.25, 0.5]], dtype=torch.bfloat16)
    assert fewshot.top_k_accuracy(scores, torch.tensor([0, 0]), k=1) == 0.5
    assert fewshot.accuracy(torch.tensor([1, 2]), [1, 1]) == 0.5


def objects(*values):
    """As pandas keeps texts."""
    return np.array(values, dtype=object)


def test_strings_that_are_objects_are_strings():
    truth, answers = objects("tit", "owl", "owl"), ["tit", "owl", "tit"]
    for measure in (fewshot.accuracy, fewshot.macro_accuracy, fewshot.macro_f1):
        assert measure(truth, answers) == measure(truth.tolist(), answers)
        assert measure(answers, truth) == measure(answers, truth.tolist())
    assert fewshot.confusion_matrix(truth, answers, objects("owl", "tit")).tolist() == [
        [1, 1],
        [0, 1],
    ]
    assert fewshot.macro_f1(objects(1, 2), [1, 2]) == 1
    assert fewshot.top_k_accuracy([[1.0, 2.0]], objects(1), k=1) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fewshot.accuracy(objects("a"), [1]), "such as 'a' and predictions such as 1:"),
        (lambda: fewshot.accuracy(objects("a", None), ["a", "b"]), "NoneType .*all as strings"),
        (lambda: fewshot.accuracy([1, "1"], ["1", "1"]), "a number .such as 1. and a string"),
        (lambda: fewshot.macro_f1([{"a"}], ["a"]), "labels hold a set"),
        (
            lambda: fewshot.confusion_matrix(objects("a"), objects("b"), ["a"]),
            "label 'b' is not among the 1",
        ),
        (lambda: fewshot.top_k_accuracy(np.eye(3)[:2], [0, 7]), "label 7 of picture 1 is no"),
        (lambda: fewshot.top_k_accuracy(np.eye(3), [0, 2, -1]), "label -1 of picture 2 is no"),
        (lambda: fewshot.accuracy([1, 2], [1]), r"labels have shape \(2,\)"),
        (lambda: fewshot.macro_f1([], []), "at least one picture"),
        (lambda: fewshot.accuracy(["1"], [1]), "both as strings, or both as numbers"),
        (lambda: fewshot.confusion_matrix([1], [3], [1, 2]), "label 3 is not among the 2"),
        (lambda: fewshot.calibration_error([[2.0, -1.0]], [0]), "no probabilities"),
        (lambda: fewshot.calibration_error([[1.0]], [0], bins=0), "bins is 0"),
        (lambda: fewshot.top_k_accuracy([[1.0, 2.0]], [2]), "whole numbers from 0 to 1"),
        (lambda: fewshot.top_k_accuracy([[1.0, 2.0]], [0], k=0), "k is 0"),
        (lambda: fewshot.top_k_accuracy([[float("nan"), 2.0]], [0]), "1 of 1 rows"),
        (lambda: fewshot.mean_average_precision([[1.0]], [0, 0]), r"shape \(1, 1\)"),
        (lambda: fewshot.hierarchical_cost([0], [0], [[0, 1]]), r"shape \(1, 2\)"),
        (lambda: fewshot.hierarchical_cost([0], [0], [[1.0]]), "zero from a class to itself"),
        (lambda: fewshot.hierarchical_cost(["a"], ["a"], [[0.0]]), "label 'a' of picture 0"),
    ],
)
def test_what_cannot_be_measured_is_said(call, words):
    with pytest.raises(EvaluationError, match=words):
        call()


def test_the_names_load_neither_torch_nor_scikit_learn():
    code = "import sys, fewshot; fewshot.accuracy; print({'torch', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
