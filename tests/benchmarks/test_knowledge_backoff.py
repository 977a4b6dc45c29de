"""Back-off beside answers of the leaves: levels, sweeps and areas by hand and by slow loops."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fgmm
from fewshot.intervals import class_interval
from knowledge import Answer, Concept, KnowledgeGraph, Relation, Taxonomy

NOTES = {"source": "notes"}
# dog and fox in one family, each in a genus; the cat's genus is missing; the rose by itself
TREE = {
    "dog": "Canis", "wolf": "Canis", "fox": "Vulpes", "Canis": "Canidae", "Vulpes": "Canidae",
    "cat": "Felidae", "Canidae": "living", "Felidae": "living", "rose": "living",
}  # fmt: skip
RANKS = {"Canis": "genus", "Vulpes": "genus", "Canidae": "family", "Felidae": "family"}
LEAVES = ["dog", "wolf", "fox", "cat", "rose"]


def tree() -> KnowledgeGraph:
    graph = KnowledgeGraph()
    for id in dict.fromkeys([*TREE, *TREE.values()]):
        graph.add(Concept(id, rank=RANKS.get(id, ""), **NOTES))
    graph.add(*(Relation(child, "is-a", parent, **NOTES) for child, parent in TREE.items()))
    return graph


@pytest.fixture
def module(benchmark_module):
    return benchmark_module("knowledge_levels")


@pytest.fixture
def levels(module):
    return module.Levels.of(Taxonomy.of(tree(), LEAVES), ("genus", "family"))


def some(rng, n):
    return rng.dirichlet(np.full(len(LEAVES), 0.5), size=n)


def groups(row):
    """Which are together, whatever the groups are called."""
    return [[j for j, other in enumerate(row) if other == cell] for cell in row]


# ---------------------------------------------------------------- levels


def test_levels_by_hand(levels):
    assert levels.names == ("leaf", "genus", "family")
    assert [groups(row) for row in levels.cells.tolist()] == [
        [[0], [1], [2], [3], [4]],
        [[0, 1], [0, 1], [2], [3], [4]],  # cat and rose stand for themselves
        [[0, 1, 2], [0, 1, 2], [0, 1, 2], [3], [4]],
    ]
    rolled = levels.at(2, np.array([[0.1, 0.2, 0.3, 0.25, 0.15]]))[0]
    assert rolled[levels.cells[2, [0, 3, 4]]] == pytest.approx([0.6, 0.25, 0.15])


def test_an_answer_is_at_the_levels_that_hold_it_whole(levels):
    answers = [Answer(node, 1.0) for node in ("wolf", "Canis", "Canidae", "living", "Felidae")]
    leaf, genus, family = levels.of_answers((*answers, Answer(None, 1.0)))
    assert leaf.tolist() == [1, -1, -1, -1, 3, -1], "a family of one candidate says which it is"
    assert genus.tolist() == [
        levels.cells[1, 0],
        levels.cells[1, 0],
        -1,
        -1,
        levels.cells[1, 3],
        -1,
    ]
    assert family.tolist() == [*[levels.cells[2, 0]] * 3, -1, levels.cells[2, 3], -1]


def test_a_candidate_in_two_nodes_of_a_rank_is_refused(module):
    graph = tree()
    graph.add(Relation("rose", "is-a", "Canidae", **NOTES))
    graph.add(Relation("rose", "is-a", "Felidae", **NOTES))
    with pytest.raises(ValueError, match="two nodes of the rank 'family'"):
        module.Levels.of(Taxonomy.of(graph, LEAVES), ("family",))


# ---------------------------------------------------------------- sweeps


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("method", [0, 1, 2])
def test_a_sweep_ends_with_every_picture_answered_by_its_best(module, levels, level, method):
    rows = some(np.random.default_rng(3), 40)
    *_, last = module.swept(levels, level, module.METHODS[method], rows)
    above_top = levels.cells[level][rows.argmax(1)]
    best = levels.at(level, rows).argmax(1)
    wanted = best if module.METHODS[method] == "rolled-up maximum" else above_top
    assert last.tolist() == wanted.tolist()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_above_one_half_back_off_is_the_rolled_up_maximum(module, levels, level):
    """Two nodes of one level cannot both have more than half."""
    rows = some(np.random.default_rng(level), 200)
    sure = levels.at(level, rows).max(1)
    rows = rows[sure > 0.51]
    ways = [module.swept(levels, level, m, rows) for m in ("back-off", "rolled-up maximum")]
    for mine, other in zip(*map(list, ways), strict=False):  # back-off has one threshold more
        assert mine.tolist() == other.tolist()


def test_of_leaves_back_off_is_maximum_softmax(module, levels):
    rng = np.random.default_rng(5)
    rows, truth = some(rng, 60), np.arange(60) % 5
    found = module.curves(levels, rows, truth)["leaf"]
    for method in ("maximum softmax", "rolled-up maximum"):
        assert found["back-off minus"][method]["mean"] == pytest.approx(0, abs=1e-9)


# ---------------------------------------------------------------- areas


def test_areas_by_hand(module):
    """Two classes; one is answered first and right, the other always wrong."""
    answered = np.array([[1.0, 0.0], [1.0, 1.0]])
    wrong = np.array([[0.0, 0.0], [0.0, 1.0]])
    even, first, second = module.areas(answered, wrong, np.array([[0.5, 0.5], [1, 0], [0, 1]]))
    assert even == pytest.approx(0.5 * (0 + 0.5) / 2)  # from coverage 1/2, risk 0 to 1/2
    assert (first, second) == (0, 1)


def test_areas_against_a_slow_loop(benchmark_module):
    module = benchmark_module("knowledge_levels")

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10**6))
    def check(seed):
        rng = np.random.default_rng(seed)
        n, k = 12, 3
        truth = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
        sure, bad = rng.random(n), rng.random(n) < 0.4
        order = np.argsort(-sure)
        given = np.stack([np.isin(np.arange(n), order[: i + 1]) for i in range(n)])
        weight = {c: 1 / k / (truth == c).sum() for c in range(k)}
        coverage, risk, points = 0.0, 0.0, []
        for i in order:
            coverage += weight[truth[i]]
            risk += weight[truth[i]] * bad[i]
            points.append((coverage, risk / coverage))
        area, (x, y) = points[0][0] * points[0][1], points[0]
        for c, r in points[1:]:
            area += (c - x) * (r + y) / 2
            x, y = c, r
        shares = module.by_class(given, truth), module.by_class(given & bad, truth)
        assert module.areas(*shares, np.full((1, k), 1 / k))[0] == pytest.approx(area)

    check()


def test_a_perfect_order_is_better_and_nothing_right_is_one(module, levels):
    truth = np.arange(50) % 5
    right = np.arange(50) % 2 == 0
    top = np.where(right, 0.9, 0.5)
    rows = np.full((50, 5), 0.0)
    rows[np.arange(50), np.where(right, truth, (truth + 1) % 5)] = top
    rows += (1 - top)[:, None] * (rows == 0) / 4
    found = module.curves(levels, rows, truth)["leaf"]["area"]["back-off"]["mean"]
    assert 0 < found < 0.2, "half are wrong, all of them less sure"
    hopeless = module.curves(levels, np.eye(5)[(truth + 3) % 5], truth)["leaf"]["area"]
    assert all(area["mean"] == pytest.approx(1) for area in hopeless.values())


def test_the_interval_of_a_mean_is_that_of_fewshot(module):
    values = np.random.default_rng(0).random(20)
    found = module.estimate(module.draws(20) @ values, 20)
    assert found["mean"] == pytest.approx(values.mean())
    assert found["class_ci95"] == pytest.approx(class_interval(values), abs=0.01)


# ---------------------------------------------------------------- the floor


def test_the_floor_by_hand(module, levels):
    rows = np.array([
        [0.95, 0.05, 0.00, 0.00, 0.00],  # dog, and it is
        [0.95, 0.05, 0.00, 0.00, 0.00],  # dog, and it is a wolf
        [0.50, 0.45, 0.05, 0.00, 0.00],  # Canis, a wolf
        [0.30, 0.30, 0.30, 0.10, 0.00],  # Canidae, a fox
        [0.30, 0.30, 0.00, 0.30, 0.10],  # living
    ])  # fmt: skip
    found = module.at_floor(levels, rows, np.array([0, 1, 1, 2, 3]), 0.9)
    shares = {name: row["share"]["mean"] for name, row in found.items()}
    # four classes, the wolf has two pictures
    assert shares == pytest.approx(
        {"leaf": 1.5 / 4, "genus": 0.5 / 4, "family": 1 / 4, "any of these": 3 / 4, "above": 1 / 4}
    )
    assert found["leaf"]["accuracy"]["mean"] == pytest.approx(1 / 1.5)
    assert found["any of these"]["accuracy"]["mean"] == pytest.approx(2.5 / 3)
    assert found["any of these"]["stated"]["mean"] == pytest.approx((0.95 * 2 + 0.9) / 3)
    assert (found["leaf"]["pictures"], found["leaf"]["classes"]) == (2, 2)


def test_the_floor_holds_where_probabilities_are_true(module, levels):
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.full(5, 0.3), size=4000)
    truth = np.array([rng.choice(5, p=row) for row in rows])
    found = module.at_floor(levels, rows, truth, 0.8)["any of these"]
    assert found["accuracy"]["mean"] > 0.8
    # some 2,500 answers; classes are of about one size, so weights hardly matter
    assert found["accuracy"]["mean"] == pytest.approx(found["stated"]["mean"], abs=0.03)


# ---------------------------------------------------------------- the benchmark


def test_the_temperature_is_the_one_that_logits_were_multiplied_by(benchmark_module):
    module = benchmark_module("knowledge_backoff")
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20000, 4, generator=random)
    truth = torch.multinomial(logits.softmax(1), 1, generator=random).squeeze(1).numpy()
    # the classes are of one size within sampling error, and sharper by a factor of two
    assert module.temperature(2 * logits.double().numpy(), truth) == pytest.approx(2, rel=0.05)


def test_a_set_from_end_to_end(benchmark_module, pool, monkeypatch):
    """Pictures near their class's name are answered right, told in JSON and in a table."""
    module, sets = benchmark_module("knowledge_backoff"), benchmark_module("knowledge_sets")
    monkeypatch.setattr(module, "RANKS", {"made up": ("genus", "family")})
    monkeypatch.setattr(benchmark_module("knowledge_levels"), "RESAMPLES", 50)
    rng = np.random.default_rng(0)
    direction = {leaf: rng.normal(size=16) for leaf in LEAVES}

    class Texts:
        space, dim, scoring, name = "fake/1", 16, "softmax", "texts"
        logit_scale, logit_bias, context_length = 10.0, 0.0, 99

        def encode_texts(self, texts):
            rows = [next(v for k, v in direction.items() if k in text) for text in texts]
            units = torch.nn.functional.normalize(torch.tensor(np.stack(rows)).float(), dim=1)
            return fgmm.Embeddings(units, self.space)

    def pictures(keys):
        every = list(np.repeat(keys, 6))
        return pool(np.stack([direction[key] + 0.3 * rng.normal(size=16) for key in every]), every)

    names = {leaf: leaf for leaf in LEAVES}
    told = sets.Told(names, {leaf: [] for leaf in LEAVES}, names, "thing")
    base, novel = ["dog", "wolf", "cat"], ["fox", "rose"]
    pools = {"train": pictures(base), "steer": pictures(base), "test": pictures(base)}
    world = sets.World("made up", tree(), names, told, pools | {"novel": pictures(novel)})
    found = module.judge_set(Texts(), world)
    assert {name: row["candidates"] for name, row in found.items()} == {
        "novel among novel": 2, "novel among all": 5, "all among all": 5,
    }  # fmt: skip
    assert found["all among all"]["pictures"] == 30
    for row in found.values():
        family = row["as it is"]["curves"]["family"]["area"]["back-off"]["mean"]
        assert family < 0.2
    told = {"encoder": "texts", "space": "fake/1", "date": "today", "sets": {"made up": found}}
    lines = module.markdown(json.loads(json.dumps(told))).splitlines()
    assert sum(line.startswith("| all among all") for line in lines) == 2 * 3 + 2 * 5
