"""Ways to ask, and the exhaustive optimum: by hand, by slow recursion, as invariants."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import Concept, Inquiry, KnowledgeGraph, Relation

NEVER = {"error_rate": 0.0, "sure": 1.0, "least_gain": 0.0, "most": 99}


@pytest.fixture
def module(benchmark_module):
    return benchmark_module("knowledge_asking")


def inquiry(has, probabilities, **options):
    graph, notes = KnowledgeGraph(), {"source": "notes"}
    for t in range(has.shape[1]):
        graph.add(Concept(f"t{t}", kind="attribute", **notes))
    for i, row in enumerate(has):
        graph.add(Concept(f"s{i:02d}", **notes))
        graph.add(*(
            Relation(f"s{i:02d}", "has-attribute", f"t{t}", strength=float(v), **notes)
            for t, v in enumerate(row)
        ))  # fmt: skip
    given = {f"s{i:02d}": float(p) for i, p in enumerate(probabilities)}
    found = Inquiry.of(graph, given, **(NEVER | options))
    assert [t.attribute for t in found.traits] == [f"t{t}" for t in range(has.shape[1])]
    return found


def told_apart(rng, k, traits):
    """Random traits by which every two of k differ."""
    codes = rng.choice(2**traits, size=k, replace=False)
    return (codes[:, None] >> np.arange(traits) & 1).astype(bool)


def slow_optimum(has, probabilities, sure):
    """The definition, word by word."""

    @cache
    def value(left):
        chances = [probabilities[i] for i in left]
        if max(chances) >= sure * sum(chances) or len(left) == 1:
            return 0.0
        each = []
        for t in range(has.shape[1]):
            parts = [tuple(i for i in left if has[i, t] == a) for a in (True, False)]
            if all(parts):
                spread = sum(sum(probabilities[i] for i in p) * value(p) for p in parts)
                each.append(1 + spread / sum(chances))
        return min(each)

    return value(tuple(range(len(has))))


def test_the_optimum_is_what_its_definition_says(benchmark_module):
    module = benchmark_module("knowledge_asking")

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([1.0, 0.95, 0.7]))
    def check(seed, sure):
        rng = np.random.default_rng(seed)
        has = told_apart(rng, 6, 5)
        rows = rng.dirichlet(np.full(6, 0.4), size=3) + 1e-9
        rows /= rows.sum(1, keepdims=True)
        optimum = module.Optimum(has, rows, sure)
        wanted = [slow_optimum(has, row.tolist(), sure) for row in rows]
        assert optimum.expected == pytest.approx(wanted)
        for picture, row in enumerate(rows):
            taken = [optimum.taken(picture, truth) for truth in range(6)]
            assert np.dot(row, taken) == pytest.approx(optimum.expected[picture])

    check()


def test_the_optimum_by_hand(module):
    one_each = np.eye(4, dtype=bool)  # only "is it this one?" can be asked
    even, skewed = np.full(4, 0.25), np.array([0.7, 0.1, 0.1, 0.1])
    optimum = module.Optimum(one_each, np.stack([even, skewed]), 1.0)
    assert optimum.expected == pytest.approx([(1 + 2 + 3 + 3) / 4, 0.7 + 0.1 * (2 + 3 + 3)])
    assert optimum.taken(1, 0) == 1
    halves = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=bool)
    assert module.Optimum(halves, even[None], 1.0).expected == pytest.approx([2])
    assert module.Optimum(halves, skewed[None], 0.7).expected == pytest.approx([0])


def test_asking_by_gain_is_never_better_than_the_optimum(benchmark_module):
    module = benchmark_module("knowledge_asking")

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([1.0, 0.9]))
    def check(seed, sure):
        rng = np.random.default_rng(seed)
        has = told_apart(rng, 7, 6)
        row = rng.dirichlet(np.ones(7))
        start = inquiry(has, row, sure=sure)
        tree = module.outcomes(start, module.by_gain, has)
        assert sorted(tree) == list(range(7))
        expected = sum(row[t] * o.questions for t, o in tree.items())
        assert expected >= module.Optimum(has, row[None], sure).expected[0] - 1e-9
        assert expected <= 6, "each question leaves fewer"
        for truth, outcome in tree.items():
            assert module.ask(start, module.by_gain, has, truth, repeat(False)) == outcome
            if sure == 1:
                assert outcome.right

    check()


@pytest.mark.parametrize("seed", range(5))
def test_at_random_asks_only_what_splits_the_rest_and_every_such_question(module, seed):
    rng = np.random.default_rng(seed)
    has = told_apart(rng, 6, 4)
    begun = inquiry(has, np.full(6, 1 / 6))
    asked = {
        begun.traits.index(module.at_random(np.random.default_rng(i))(begun)) for i in range(99)
    }
    assert asked == {t for t in range(4) if 0 < has[:, t].sum() < 6}
    for truth in range(6):
        one, left = begun, np.ones(6, dtype=bool)
        while (trait := module.at_random(rng)(one)) is not None:
            column = has[:, one.traits.index(trait)]
            assert (left & column).any() and (left & ~column).any()
            left &= column == column[truth]
            one = one.answered(trait, "yes" if column[truth] else "no")
        assert np.flatnonzero(left).tolist() == [truth]


def test_what_is_known_already_is_not_asked(module):
    has = told_apart(np.random.default_rng(0), 4, 4)
    sure = inquiry(has, [0.97, 0.01, 0.01, 0.01], sure=0.95)
    assert module.ask(sure, module.by_gain, has, 0, repeat(False)) == (0, True)
    assert module.ask(sure, module.by_gain, has, 1, repeat(False)) == (0, False)
    assert module.at_random(np.random.default_rng(0))(sure) is None


def test_wrong_answers_mislead(module):
    has = np.array([[True], [False]])
    start = inquiry(has, [0.5, 0.5], error_rate=0.05, sure=0.9)
    assert module.ask(start, module.by_gain, has, 0, repeat(False)) == (1, True)
    assert module.ask(start, module.by_gain, has, 0, repeat(True)) == (1, False)


# ---------------------------------------------------------------- the benchmark


@pytest.fixture
def guide(benchmark_module, monkeypatch):
    """The field guide with scores made up: the truth is ahead in most pictures."""
    import fgmm.fieldguide

    questions = benchmark_module("knowledge_questions")
    made = object.__new__(questions.Guide)
    names = sorted(s.name for s in fgmm.fieldguide.FieldGuide().species)
    truth = np.repeat(np.arange(len(names)), 2)
    noise = np.random.default_rng(0).normal(size=(len(truth), len(names)))
    made.graph, made.names, made.truth = fgmm.fieldguide.graph(), names, truth
    made.logits = noise + 3 * np.eye(len(names))[truth]
    monkeypatch.setattr(questions, "FEW_DRAWS", 1)
    monkeypatch.setattr(questions, "MANY_DRAWS", 1)
    monkeypatch.setattr(questions, "MANY", 20)
    return questions, made


def test_draws_are_novel_species_and_whole_genera(guide):
    import fgmm.fieldguide

    questions, made = guide
    rng = np.random.default_rng(0)
    find = fgmm.fieldguide.FieldGuide().find
    novel = [find(made.names[i]) for i in questions.novel_12(made)(rng)]
    assert len({s.name for s in novel}) == 12
    assert all(s.novel for s in novel)
    genera = [find(made.names[i]).genus for i in questions.two_genera(made)(rng)]
    assert sorted(genera.count(g) for g in set(genera)) == [6, 6]


def test_what_species_have_is_what_the_guide_says(guide):
    import fgmm.fieldguide

    _, made = guide
    those = np.arange(0, 24, 2)
    begun, has = made.begin(those, error_rate=0.05)
    assert [made.names[s] for s in those] == list(begun.concepts)
    assert has.sum(1).tolist() == [len(fgmm.fieldguide.ATTRIBUTES)] * 12
    assert np.unique(has, axis=0).shape == has.shape, "all differ"
    assert np.where(has, begun.yes, 1 - begun.yes) == pytest.approx(0.95)
    chances, truth = made.pictures(those, None, np.random.default_rng(0))
    assert truth.tolist() == np.repeat(np.arange(12), 2).tolist()
    one = replace(begun, probabilities=chances[0])
    assert one.probabilities.sum() == pytest.approx(1)


def test_the_figures_hang_together(guide):
    questions, made = guide
    row = questions.few(made, questions.two_genera(made), 1.0)
    assert row["pictures"] == 24
    assert row["right, by gain"]["mean"] == 1
    assert row["expected, by gain - optimum"]["mean"] == pytest.approx(
        row["expected, by gain"]["mean"] - row["expected, optimum"]["mean"]
    )
    assert 0 <= row["expected, by gain - optimum"]["mean"] <= row["largest expected difference"]
    many = {name: questions.many(made, *regime) for name, regime in questions.REGIMES.items()}
    exact = many["never wrong, until certain"]["ways"]
    assert all(way["right"]["mean"] == 1 for way in exact.values())
    assert exact["at random"]["questions"]["mean"] >= np.log2(20) - 1
    told = {"encoder": "e", "space": "s", "date": "d", "12": {"two genera": row}, "200": many}
    lines = questions.markdown(told).splitlines()
    assert len({line.count("|") for line in lines[2 : lines.index("", 2)]}) == 1
    assert sum(line.startswith(("| never", "| error")) for line in lines) == len(many)
