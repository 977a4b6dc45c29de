"""Draws, roles, rules and figures of the benchmark of five photos, on made-up vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

import fewshot
from fewshot import Background, Support, TunedHead, Words

BASE, NOVEL, EACH, D = 4, 3, 12, 8


def rows(n, d=D, seed=0):
    return normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1)


def background(seed):
    some = rows(200, seed=seed)
    return Background(some.mean(0), 0.5 * torch.cov(some.T), torch.cov(some.T), 200, "x", "made up")


@pytest.fixture
def made(benchmark_module):
    """Classes around means; words of base classes are right, those of novel ones are noise."""
    sets = benchmark_module("five_photos_sets")
    k = BASE + NOVEL
    means, labels = rows(k, seed=1), np.repeat(np.arange(k), EACH)
    x = normalize(means[labels] + 0.1 * torch.randn(len(labels), D), dim=1)
    texts = means.clone()
    texts[BASE:] = rows(NOVEL, seed=2)
    novel = labels >= BASE
    gives = novel & (np.arange(len(labels)) % 2 == 0)  # two shops
    return sets.Scene(
        "made up",
        tuple(f"class {i}" for i in range(k)),
        BASE,
        texts,
        15.0,
        x,
        x,
        labels,
        gives,
        ~gives,
        background(5),
        background(6),
    )


def test_what_is_given_is_of_the_right_class_and_shop_and_never_asked(made, benchmark_module):
    draw = benchmark_module("five_photos_sets").draw
    found = draw(made, 5, 0)
    assert found.photos.shape == (NOVEL, 5)
    assert (made.labels[found.photos] == np.arange(BASE, BASE + NOVEL)[:, None]).all()
    assert made.may_give[found.photos].all()
    assert all(len(set(row)) == 5 for row in found.photos.tolist())
    assert not set(found.photos.ravel()) & set(found.asked)
    assert made.may_ask[found.asked].all()
    assert np.array_equal(draw(made, 5, 0).photos, found.photos)
    assert not np.array_equal(draw(made, 5, 1).photos, found.photos)


def test_one_at_a_time_is_a_library_of_base_classes_and_that_species(made, benchmark_module):
    main, sets = benchmark_module("five_photos"), benchmark_module("five_photos_sets")
    drawn = sets.draw(made, 5, 0)
    one, every = (main.tasks(made, drawn)[way] for way in main.WAYS)
    assert one.classes.tolist() == [[0, 1, 2, 3, c] for c in (4, 5, 6)]
    assert np.array_equal(one.photos, drawn.photos)
    assert every.classes.tolist() == [list(range(7))]
    assert sorted(every.photos[0]) == sorted(drawn.photos.ravel())


def test_accuracies_worked_by_hand(made, benchmark_module):
    main, sets = benchmark_module("five_photos"), benchmark_module("five_photos_sets")
    drawn = sets.draw(made, 5, 0)
    truth = made.labels[drawn.asked]
    answers = np.stack([truth, truth, truth])
    answers[0][truth == 0] = 4  # the first library loses a base class to its species
    answers[1][truth == 5] = 1  # the second does not know its own
    answers[0][truth == 6] = 0  # not asked of this library
    found = main.sides(made, drawn, main.WAYS[0], answers)
    assert found["S"] == pytest.approx([2 / 3, 1, 1, 1])
    assert found["U"] == pytest.approx([1, 0, 1])
    before = np.ones(BASE)
    told = main.compare([{"ours": found, "it": {"U": np.ones(3), "S": before}}], before)
    assert told["ours"]["fall"] == pytest.approx(1 / 12)
    h = 2 * (2 / 3) * (11 / 12) / (2 / 3 + 11 / 12)
    assert told["ours"]["H"] == pytest.approx(h)
    assert told["it"]["ours less it"]["H"]["mean"] == pytest.approx(h - 1)
    assert told["it"]["ours less it"]["U"]["mean"] == pytest.approx(-1 / 3)


def test_a_method_of_fewer_draws_is_compared_on_them(made, benchmark_module):
    main = benchmark_module("five_photos")
    good, bad = ({"U": np.full(3, v), "S": np.full(4, v)} for v in (0.9, 0.5))
    told = main.compare([{"ours": good, "dear": bad}, {"ours": bad}], np.ones(4))
    assert told["dear"]["draws"] == 1
    assert told["dear"]["ours less it"]["S"]["mean"] == pytest.approx(0.4)
    assert told["ours"]["S"] == pytest.approx(0.7)


def test_every_method_answers_with_classes_of_its_library(made, benchmark_module):
    main, sets = benchmark_module("five_photos"), benchmark_module("five_photos_sets")
    rivals = benchmark_module("five_photos_methods")
    drawn = sets.draw(made, 5, 0)
    right = {}
    for method in rivals.methods():
        for way, task in main.tasks(made, drawn).items():
            found = method.answers(made, task, drawn.asked)
            assert found.shape == (len(task.classes), len(drawn.asked))
            for row, classes in zip(found, task.classes, strict=True):
                assert set(row) <= set(classes)
            right[method.name, way] = main.sides(made, drawn, way, found)
    assert right["Recognizer", main.WAYS[1]]["U"].mean() > 0.9  # the classes are far apart
    assert right["prototypes", main.WAYS[1]]["U"].mean() > 0.9
    assert right["zero-shot", main.WAYS[1]]["U"].mean() < 0.6
    assert right["zero-shot", main.WAYS[0]]["S"].mean() > 0.6


def test_with_one_species_the_strength_is_that_of_leave_one_out(made, benchmark_module):
    main, sets = benchmark_module("five_photos"), benchmark_module("five_photos_sets")
    rivals = benchmark_module("five_photos_methods")
    drawn = sets.draw(made, 5, 2)
    task = main.tasks(made, drawn)[main.WAYS[0]]
    heads = rivals.strengths("tip-adapter", {"values": "sum"})
    found = rivals.ByHead("it", heads).answers(made, task, drawn.asked)
    queries = made.joint[torch.from_numpy(drawn.asked)]
    for row, classes, photos in zip(found, task.classes, task.photos, strict=True):
        support = Support(
            made.joint[torch.from_numpy(photos)],
            torch.full((5,), BASE),
            torch.ones(BASE + 1, dtype=torch.bool),
            words=Words(made.texts[classes.tolist()], made.scale),
        )
        expected = TunedHead(heads).fit(support).logits(queries).argmax(1)
        assert np.array_equal(row, classes[expected.numpy()])


def test_a_prototype_is_judged_without_the_photo(made, benchmark_module):
    rivals = benchmark_module("five_photos_methods")
    points, own, words = rows(5, seed=8), torch.tensor([1, 1, 2, 2, 2]), rows(3, seed=9)
    member = torch.nn.functional.one_hot(own, 3).float()
    told = rivals.Prototypes("it", (0.3, 1.0)).loss(
        points, own, words, member.T @ points, member.sum(0).unsqueeze(1), 0.3, 10.0
    )
    losses = []
    for i in range(5):
        kept = [j for j in range(5) if j != i]
        vectors = words.clone()
        for c in (1, 2):
            mean = sum(points[j] for j in kept if own[j] == c)
            vectors[c] = normalize(0.3 * normalize(mean, dim=0) + 0.7 * words[c], dim=0)
        losses.append(float(cross_entropy(10.0 * points[i : i + 1] @ vectors.T, own[i : i + 1])))
    assert told == pytest.approx(np.mean(losses), rel=1e-4)


def test_photos_are_left_out_in_turns(benchmark_module):
    turns = benchmark_module("five_photos_methods").turns_of
    assert turns(torch.tensor([[3, 3, 1, 3, 1]])).tolist() == [0, 1, 0, 2, 1]


def test_texts_among_the_photos_do_not_judge(made, benchmark_module):
    """A logistic regression whose strength is chosen on photos only: from the definition."""
    rivals = benchmark_module("five_photos_methods")
    points, own, words = rows(4, seed=11), torch.tensor([0, 0, 2, 2]), rows(3, seed=12)
    seen = rivals._Seen(points[None], own[None], words[None], 5.0, None, True)
    head = fewshot.load_head("logistic", C=3.0)
    total = 0.0
    for kept, out in (([1, 3], [0, 2]), ([0, 2], [1, 3])):
        x = torch.cat([points[kept], words])
        y = torch.cat([own[kept], torch.arange(3)])
        fitted = head.fit(Support(x, y, torch.ones(3, dtype=torch.bool)))
        total += float(cross_entropy(fitted.logits(points[out]).float(), own[out], reduction="sum"))
    assert float(seen.loss(head)) == pytest.approx(total, rel=1e-4)


def test_auroc_is_the_share_of_pairs(benchmark_module):
    from sklearn.metrics import roc_auc_score

    judging = benchmark_module("five_photos_judging")
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(6, size=200), rng.integers(9, size=200).astype(float)
    unknown = np.array([False, True, False, True, False, False])
    wins = judging.wins_by_class(scores, labels, unknown, 6)
    expected = roc_auc_score(~unknown[labels], scores)
    assert judging.auroc([wins]) == pytest.approx(expected)
    # a class drawn twice counts as if its pictures were there twice
    weights = np.array([1.0, 2, 0, 1, 1, 1])
    twice = np.concatenate([labels[labels != 2], labels[labels == 1]])
    again = np.concatenate([scores[labels != 2], scores[labels == 1]])
    expected = roc_auc_score(~unknown[twice], again)
    assert judging.auroc([wins], weights) == pytest.approx(expected)
    same = judging.auroc_summary([wins], [wins], n_base=3)
    assert same == {"mean": 0.0, "class_ci95": [0.0, 0.0]}


def test_half_of_the_novel_classes_are_added_and_base_is_asked_in_one_library(
    made, benchmark_module
):
    unknown, sets = benchmark_module("five_photos_unknown"), benchmark_module("five_photos_sets")
    chosen = unknown.added(made, 0)
    assert len(chosen) == NOVEL // 2
    assert set(chosen) <= set(made.novel)
    drawn = sets.draw(made, 5, 0)
    wide, narrow = (unknown.question(made, drawn, lib) for lib in unknown.LIBRARIES)
    assert (made.labels[narrow] >= BASE).all()
    assert set(made.labels[wide]) == set(range(BASE + NOVEL))
    told = unknown.unknown_species(made, 3)
    for library in unknown.LIBRARIES:
        assert told[library][unknown.OURS]["ours less it"]["mean"] == 0
        assert told[library][unknown.OURS]["auroc"]["mean"] > 0.7  # far apart
        nearest = told[library]["maximum cosine, mean photo"]["auroc"]["mean"]
        assert nearest > 0.7


def test_figures_of_sets_by_hand(benchmark_module):
    figures = benchmark_module("five_photos_promises").set_figures
    sets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1]], bool)
    told = figures(sets, np.array([0, 2, 1, 2]))
    assert told == {"coverage": 0.5, "size": 1.5, "empty": 0.25, "coverage by class": 0.5}


def test_sets_of_a_library_hold_the_truth_about_as_often_as_asked(made, benchmark_module):
    promises = benchmark_module("five_photos_promises")
    told = promises.sets_kept(made, 4, 5, words=False)
    assert told["coverage"]["mean"] > 0.7
    assert 0 < told["size"]["mean"] <= NOVEL


def test_rows_of_one_method_are_told_together(benchmark_module):
    table = benchmark_module("five_photos_table")
    rivals = ["prototypes and texts (tuned)", "prototypes, both layers", "lp++ (tuned)"]
    names = ["Recognizer", *rivals]
    ci = {f"{side} class_ci95": [0.1, 0.2] for side in ("U", "S", "H", "fall")}
    less = {"H": {"mean": -0.01, "class_ci95": [-0.02, 0.0]}}
    rows = {
        name: {"U": 0.5, "S": 0.5, "H": h, "fall": 0.0, "draws": 3, "ours less it": less, **ci}
        for name, h in zip(names, (0.6, 0.4, 0.5, 0.1), strict=True)
    }
    rows["lp++ (tuned)"]["draws"] = 2
    assert table.families(rows)["prototypes"] == names[2:0:-1]
    lines = table.accuracy_table(rows)[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| **Recognizer**",
        "| prototypes, both layers",
        "| lp++ (tuned)\\*",
    ]
    assert lines[1].endswith("| -1.0 [-2.0, +0.0] | and texts (tuned) 40.0 |")
