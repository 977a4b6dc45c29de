"""Whether reasons are true: what counts as true, whose knowledge is read, and the counting."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import fgmm
import fgmm.fieldguide
from fgmm.fieldguide import FieldGuide
from fgmm.joint import ContrastiveEmbedding, JointEmbedding
from fgmm.joint.class_inputs import ClassInputs
from knowledge import AttributeMatrix

DIM = 64


class Texts:
    """An encoder that gives every text a direction of its own."""

    space, dim, scoring, name = "texts/1", DIM, "softmax", "texts"
    logit_scale, logit_bias, context_length = 10.0, 0.0, 99

    def encode_texts(self, texts):
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIM) for text in texts]
        units = torch.nn.functional.normalize(torch.from_numpy(np.stack(rows)).float(), dim=1)
        return fgmm.Embeddings(units, self.space)


@pytest.fixture
def modules(benchmark_module):
    return SimpleNamespace(
        reasons=benchmark_module("knowledge_reasons"),
        tally=benchmark_module("reason_tally"),
        sets=benchmark_module("knowledge_sets"),
    )


@pytest.fixture
def guide(benchmark_module, modules, pool):
    """Species of the guide; the joint layer is noise, the features are the attributes turned."""
    graph, rng = fgmm.fieldguide.graph(), np.random.default_rng(0)
    matrix = AttributeMatrix.of(graph)
    turn = rng.normal(size=(len(matrix.traits), 2 * DIM))
    row = dict(zip(matrix.concepts, matrix.dense(), strict=True))

    def pictures(species, n):
        keys = [s.name for s in species for _ in range(n)]
        looks = np.stack([row[k] for k in keys]) @ turn + 0.1 * rng.normal(size=(len(keys), 1))
        features = pool(looks, keys, "texts/1 features").features
        joint = pool(rng.normal(size=(len(keys), DIM)), keys, "texts/1").joint
        return benchmark_module("tiny_data").Pool(joint, features, np.array(keys))

    base, novel = FieldGuide().base, FieldGuide().novel[:24]
    names = {s.name: s.name for s in (*base, *novel)}
    told = modules.sets.Told(names, {}, {}, "bird")
    pools = {"train": pictures(base, 2), "test": pictures(base, 1), "novel": pictures(novel, 3)}
    return modules.sets.World("field guide", graph, names, told, pools)


@pytest.fixture
def joint(guide):
    train = guide.pools["train"]
    inputs = ClassInputs.of(guide.graph, train.classes)
    method = ContrastiveEmbedding(0.1, widths=inputs.widths, weights=(1.0, 0.0))
    labels = torch.from_numpy(np.searchsorted(train.classes, train.keys))
    rows = inputs.rows(guide.graph, train.classes)
    fitted = method.fit(train.features.vectors, labels, rows)
    return JointEmbedding(inputs, fitted, 20.0, train.features.space, {})


def test_what_is_true_is_what_the_guide_says(modules):
    graph, guide = fgmm.fieldguide.graph(), FieldGuide()
    found = modules.tally.facts(graph, [s.name for s in guide.species])
    for one, other in zip(guide.species[:60], guide.species[3:63], strict=True):
        differ = one.differences(other)
        apart = found[one.name] - found[other.name] - {one.genus}
        assert len(apart) == len(differ), (apart, differ)
        for key, (own, _) in differ.items():
            words = {"no": "without", "medium": "medium-sized"}.get(own, own)
            noun = key.split()[0] if key not in ("size", "eye ring", "eyebrow") else ""
            assert any(words in text and noun.rstrip("s") in text for text in apart), (key, own)


def test_a_tally_is_the_share_of_the_reasons(modules):
    tally = modules.tally.Tally([3, 0, 1, 0], [3, 2, 1, 0], ["a", "a", "b", "b"])
    told = tally.share()
    assert told["mean"] == pytest.approx(4 / 6)
    assert (told["reasons"], told["pictures"]) == (6, 4)
    assert (told["each"], told["without"]) == (1.5, 0.25)
    empty = modules.tally.Tally([0], [0], ["a"]).share()
    assert np.isnan(empty["mean"])
    assert modules.reasons.shown(empty) == "none"
    # the means there can be: only a (3 of 5), both, only b (1 of 1)
    assert told["class_ci95"] == pytest.approx([0.6, 1.0])


class Said:
    """A prediction that says what it was told to."""

    labels = ("x", "y", "z")

    def __init__(self, order, told):
        self.order, self.told = order, told

    def ranking(self, k):
        return self.order[:k]

    def reasons(self, label, *, against, n):
        return [SimpleNamespace(text=t) for t in self.told.get((label, against), [])[:n]]


def test_reasons_are_judged_by_hand(modules):
    """Labels stand for other classes than they are called after: x for b, y for a, z for c."""
    true = {"x": {"red", "small"}, "y": {"blue", "small"}, "z": {"red", "large"}}
    world = SimpleNamespace(concepts={"a": "x", "b": "y", "c": "z"})
    key = {"x": "b", "y": "a", "z": "c"}
    right = Said([1, 0, 2], {("y", "x"): ["red", "blue", "small", "red"], ("x", "y"): ["blue"]})
    wrong = Said([2, 1, 0], {("z", "y"): ["large", "red"], ("y", "z"): ["small"]})
    answers = modules.tally.Answers([right, wrong], key)
    found = modules.tally.judge(answers, ["a", "a"], world, true)
    # a picture of a: red and small. First: y is a, x is b, so red and blue differ; red is true.
    # Second: z is c, y is a, so small and large differ; neither given reason is right.
    assert found["named"].right == [1, 0]
    assert found["named"].total == [3, 2]
    assert found["wrongly"].right == [0]
    # what was read of y (blue) and not of x: not true of a; of z and not y: red, large
    assert found["any"].right == [0, 0]
    assert found["any"].total == [1, 2]
    # red twice for a over b, blue for b over a; small for a over c, and the two against
    assert found["both sides"].right == [2, 1]
    assert found["both sides"].total == [5, 3]


def test_swapped_keeps_the_name_and_reads_another(modules, guide, joint):
    pool = guide.pools["novel"]
    keys = pool.classes
    donors = modules.sets.ring(keys, 0)
    own = modules.reasons.answer(Texts(), guide, pool, keys, joint)
    swapped = modules.reasons.answer(Texts(), guide, pool, keys, joint, donors)
    names = modules.reasons.answer(Texts(), guide, pool, keys, read=False)
    at = {key: i for i, key in enumerate(own.key.values())}
    for p, q, r in zip(own.predictions, swapped.predictions, names.predictions, strict=True):
        for i, key in enumerate(swapped.key.values()):
            assert q.labels[i] == donors[key]
            assert float(q.evidence["text"][i]) == pytest.approx(
                float(p.evidence["text"][at[key]]), abs=1e-5
            )
            assert float(q.evidence["knowledge"][i]) == pytest.approx(
                float(p.evidence["knowledge"][at[donors[key]]]), abs=1e-3
            )
        assert list(r.evidence) == ["text"]
        torch.testing.assert_close(r.logits, p.evidence["text"])


def test_accuracy_among_20_is_classifys_own(modules, guide, joint, monkeypatch):
    pool = guide.pools["novel"]
    tasks = np.stack([np.random.default_rng(i).choice(24, 20, replace=False) for i in range(3)])
    monkeypatch.setattr(modules.reasons, "draw_tasks", lambda k, way: tasks)
    answers = modules.reasons.answer(Texts(), guide, pool, pool.classes[::-1], joint)
    found = modules.reasons.accuracy(answers, pool)
    right = {key: [] for key in pool.classes}
    for task in tasks:
        keys = [pool.classes[c] for c in task]
        part = modules.sets.part_of(pool, np.isin(pool.keys, keys))
        small = modules.reasons.answer(Texts(), guide, part, keys, joint)
        for p, key in zip(small.predictions, part.keys.tolist(), strict=True):
            right[key].append(small.key[p.label] == key)
    assert found.tolist() == pytest.approx([np.mean(right[key]) for key in pool.classes])


def test_base_classes_that_play_novel_ones_are_not_trained_on(modules, guide):
    given = modules.reasons.without_novel(guide)
    train, novel = (set(given.pools[role].classes) for role in ("train", "novel"))
    base = {s.name for s in FieldGuide().base}
    assert not train & novel
    assert train | novel == base
    assert len(novel) == 54


def test_figures_of_pictures_that_show_everything(modules, guide, joint, monkeypatch):
    monkeypatch.setattr(modules.reasons, "DRAWS", 2)
    monkeypatch.setattr(modules.reasons, "RINGS", 2)
    rings = [modules.sets.ring(guide.pools["novel"].classes, seed) for seed in range(2)]
    own = modules.reasons.reasons(Texts(), guide, joint, [None])
    wrong = modules.reasons.reasons(Texts(), guide, joint, rings)
    assert own["named"]["pictures"] == 2 * 20 * 3
    assert own["named"]["mean"] > 0.9 > 0.6 > wrong["named"]["mean"]
    assert own["both sides"]["mean"] > wrong["both sides"]["mean"]
    rows = modules.reasons.accuracies(Texts(), guide, joint)
    told = {"encoder": "e", "space": "s", "date": "d"}
    told |= {"reasons": {"own": own, "wrong": wrong}, "accuracy": {"field guide": rows}}
    text = modules.reasons.markdown(told)
    for table in re.split(r"\n\n", text)[1:]:
        assert len({line.count("|") for line in table.strip().splitlines()}) == 1
    row = rows["rows"]["names + joint"]
    assert row["accuracy"]["mean"] - row["swapped"]["mean"] == pytest.approx(
        row["minus swapped"]["mean"]
    )
    assert row["accuracy"]["mean"] > 0.9
