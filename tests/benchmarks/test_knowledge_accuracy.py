"""What a graph adds to words: whose knowledge a row reads, what it learns from, and its judging."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fgmm
from fgmm.joint import ESZSL, ContrastiveEmbedding, GraphRegression
from knowledge import Adjacency, Concept, KnowledgeGraph, Relation, describe, load_pack

TRAITS, BASE, NOVEL = 10, 12, 20
DIM = 64


class Texts:
    """An encoder that gives every text a direction of its own."""

    space, dim, scoring, name = "texts/1", DIM, "softmax", "texts"
    logit_scale, logit_bias, context_length = 10.0, 0.0, 99

    def encode_texts(self, texts):
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIM) for text in texts]
        units = torch.nn.functional.normalize(torch.from_numpy(np.stack(rows)).float(), dim=1)
        return fgmm.Embeddings(units, self.space)


def made_up(benchmark_module, pool, seed=0):
    """Classes with random attributes; features are the attributes turned, the joint layer noise."""
    sets = benchmark_module("knowledge_sets")
    rng = np.random.default_rng(seed)
    keys = [f"class {chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(BASE + NOVEL)]
    has = rng.random((len(keys), TRAITS)) < 0.5
    has[:BASE][np.arange(BASE), np.arange(BASE) % TRAITS] = True
    has[0], has[1] = True, False
    has[1, 0] = True
    graph, notes = KnowledgeGraph(), {"source": "notes"}
    graph.add(Concept("thing", **notes))
    for g in range(3):
        graph.add(Concept(f"group {g}", **notes), Relation(f"group {g}", "is-a", "thing", **notes))
    for t in range(TRAITS):
        graph.add(Concept(f"trait {t}", kind="attribute", **notes))
    for i, key in enumerate(keys):
        graph.add(Concept(key, **notes), Relation(key, "is-a", f"group {i % 3}", **notes))
        for t in range(TRAITS):
            strength = float(has[i, t])
            graph.add(Relation(key, "has-attribute", f"trait {t}", strength=strength, **notes))
    turn = rng.normal(size=(TRAITS, DIM))
    told = sets.Told(
        {key: key for key in keys},
        {key: [s.text for s in describe(graph, key, count=2)] for key in keys},
        {key: f"looks of {key}" for key in keys},
        "thing",
        {name: name for name in ("thing", "group 0", "group 1", "group 2")},
    )

    def pictures(which, n):
        at = np.repeat(which, n)
        shown = (2.0 * has[at] - 1) @ turn + 0.1 * rng.normal(size=(len(at), DIM))
        features = pool(shown, [keys[i] for i in at], "texts/1 features").features
        joint = pool(rng.normal(size=(len(at), DIM)), [keys[i] for i in at], "texts/1").joint
        return benchmark_module("tiny_data").Pool(joint, features, np.array([keys[i] for i in at]))

    base, novel = np.arange(BASE), np.arange(BASE, BASE + NOVEL)
    pools = {
        "train": pictures(base, 8), "steer": pictures(base, 2),
        "test": pictures(base, 2), "novel": pictures(novel, 3),
    }  # fmt: skip
    return sets.World("made up", graph, {key: key for key in keys}, told, pools)


@pytest.fixture
def world(benchmark_module, pool):
    return made_up(benchmark_module, pool)


# ---------------------------------------------------------------- sets


def test_every_class_gets_the_knowledge_of_another(benchmark_module):
    ring = benchmark_module("knowledge_sets").ring

    @given(st.integers(2, 40), st.integers(0, 99))
    def check(n, seed):
        keys = [f"{i}" for i in range(n)]
        found = ring(keys, seed)
        assert sorted(found) == sorted(found.values()) == sorted(keys)
        assert all(found[key] != key for key in keys)
        assert found == ring(keys[::-1], seed)

    check()


def test_drawings_have_one_role_each_and_odd_seeds(benchmark_module):
    module = benchmark_module("knowledge_sets")
    roles = {role: module.listed("field guide", role) for role in module.ROLES}
    every = [picture for pairs in roles.values() for picture, _ in pairs]
    assert len(set(every)) == len(every)
    assert all(seed % 2 == 1 for _, seed in every)
    names = {role: {key for _, key in pairs} for role, pairs in roles.items()}
    assert names["train"] == names["steer"] == names["test"]
    assert not names["train"] & names["novel"]


@pytest.mark.parametrize("data", ["flowers", "grocery"])
def test_photos_have_one_role_each(benchmark_module, data_folder, data):
    module = benchmark_module("knowledge_sets")
    roles = {role: module.listed(data, role) for role in module.ROLES}
    every = [picture for pairs in roles.values() for picture, _ in pairs]
    assert len(set(every)) == len(every) > 0
    novel = {key for _, key in roles["novel"]}
    for role in ("train", "steer", "test"):
        assert not novel & {key for _, key in roles[role]}


@pytest.mark.data
@pytest.mark.parametrize(("data", "classes"), [("flowers", 102), ("grocery", 81)])
def test_every_class_is_in_its_pack_by_the_name_a_user_types(benchmark_module, data, classes):
    module = benchmark_module("tiny_data")
    if not (module.DATA / data).is_dir():
        pytest.skip(f"no {module.DATA / data}")
    graph, names = load_pack(data), module.typed_names(module.DATA)[data]
    assert len(names) == classes
    found = {key: graph.find(name).id for key, name in names.items()}
    assert set(found.values()) == {c.id for c in graph.leaves()}
    if data == "grocery":  # keys of flowers are numbers
        assert found == {key: graph.find(key).id for key in names}


def test_vectors_are_kept_for_one_space_and_one_list(benchmark_module, tmp_path, monkeypatch):
    module = benchmark_module("knowledge_sets")
    calls, pairs = [], {role: [((role, 1), "x")] for role in module.ROLES}

    def encode(encoder, wanted):
        calls.append(wanted)
        return {layer: torch.eye(len(wanted), 4) for layer in ("joint", "features")}

    monkeypatch.setattr(module, "encode", encode)
    monkeypatch.setattr(module, "listed", lambda data, role: pairs[role])
    encoder, cache = SimpleNamespace(space="one"), tmp_path / "deep" / "vectors.safetensors"
    for _ in range(2):
        found = module.pools(encoder, "flowers", cache)
    assert calls == list(pairs.values())
    assert found["train"].features.space != found["train"].joint.space == "one"
    pairs["test"].append((("test", 3), "y"))
    assert module.pools(encoder, "flowers", cache)["test"].keys.tolist() == ["x", "y"]
    assert calls[4:] == [pairs["test"]]
    module.pools(encoder, "grocery", cache)
    encoder.space = "another"
    module.pools(encoder, "flowers", cache)
    assert len(calls) == 5 + 4 + 4


# ---------------------------------------------------------------- words


def test_what_is_added_is_exchanged_and_names_stay(benchmark_module, world):
    module, encoder = benchmark_module("knowledge_words"), Texts()
    keys = world.pools["novel"].classes
    donors = benchmark_module("knowledge_sets").ring(keys, 0)
    names = module.WordRow(encoder, "names").vectors(world, keys)
    row = module.WordRow(encoder, "r", ("descriptions",))
    looks = encoder.encode_texts([world.told.descriptions[donors[key]] for key in keys]).vectors
    wanted = torch.nn.functional.normalize(names + looks, dim=1)
    torch.testing.assert_close(row.vectors(world, keys, donors), wanted)
    alone = module.WordRow(encoder, "r", ("descriptions",), with_name=False)
    torch.testing.assert_close(alone.vectors(world, keys, donors), looks)
    torch.testing.assert_close(
        module.WordRow(encoder, "names").vectors(world, keys, donors),
        names[[keys.index(donors[key]) for key in keys]],
    )


def test_a_row_reads_worthless_words_only_where_it_adds_words(benchmark_module, world):
    module, encoder = benchmark_module("knowledge_words"), Texts()
    keys, bad = world.pools["novel"].classes, world.told.scrambled(0)
    for added, wording in (("word", "told"), ("attributes", "told"), ("tree", "none")):
        row = module.WordRow(encoder, "r", (added,), alpha=0.3)
        true, worthless = row.vectors(world, keys), row.vectors(world, keys, told=bad)
        assert torch.equal(true, worthless) == (wording == "none")
        assert ("scrambled" in row.controls) == (wording == "told")


def test_names_spread_over_the_tree_as_the_equation_says(benchmark_module, world):
    module, encoder = benchmark_module("knowledge_words"), Texts()
    keys = world.pools["novel"].classes
    donors = benchmark_module("knowledge_sets").ring(keys, 1)
    row = module.WordRow(encoder, "r", ("tree",), alpha=0.4)
    adjacency = Adjacency.of(world.graph, relations="is-a")
    spread = np.linalg.inv(np.eye(len(adjacency.concepts)) - 0.4 * adjacency.normalised().toarray())
    for given_donors in ({}, donors):
        start = np.zeros((len(adjacency.concepts), DIM))
        place = {
            key: adjacency.concepts.index(given_donors.get(key, key)) for key in world.concepts
        }
        for key, at in place.items():
            start[at] = row.names(world.told, [key])[0]
        found = 0.6 * spread @ start
        wanted = torch.nn.functional.normalize(torch.from_numpy(found), dim=1)
        torch.testing.assert_close(
            row.vectors(world, keys, given_donors),
            wanted[[place[key] for key in keys]].float(), atol=1e-5, rtol=1e-4,
        )  # fmt: skip


# ---------------------------------------------------------------- what is learned


def right(row, world, **options):
    novel = world.pools["novel"]
    best = row.scores(world, novel, novel.classes, **options).argmax(1).numpy()
    return float((np.array(novel.classes)[best] == novel.keys).mean())


@pytest.mark.parametrize(
    ("method", "inputs"),
    [(ESZSL(0.1, 0.1), "centred"), (ContrastiveEmbedding(0.1), "as it is")],
)
def test_exact_attributes_tell_novel_classes_and_others_do_not(
    benchmark_module, world, method, inputs
):
    module, ring = benchmark_module("knowledge_learned"), benchmark_module("knowledge_sets").ring
    row = module.LearnedRow("r", method, inputs).fit(world, world.pools["train"])
    own = right(row, world)
    keys = world.pools["novel"].classes
    assert own > 0.6
    assert right(row, world, donors=ring(keys, 0)) < 0.2
    wrong = row.fit(world, world.pools["train"], ring(world.pools["train"].classes, 0))
    assert right(wrong, world) < own - 0.3


def test_fitting_anew_leaves_a_row_as_it_was(benchmark_module, world):
    sets, module = benchmark_module("knowledge_sets"), benchmark_module("knowledge_learned")
    train, novel = world.pools["train"], world.pools["novel"]
    row = module.LearnedRow("r", ESZSL(), "centred").fit(world, train)
    before = row.scores(world, novel, novel.classes)
    part = sets.part_of(train, np.isin(train.keys, train.classes[:6]))
    less = row.fit(world, part)
    assert torch.equal(row.scores(world, novel, novel.classes), before)
    assert not torch.equal(less.scores(world, novel, novel.classes), before)


def test_a_graph_of_worthless_names_is_fitted_anew(benchmark_module, world):
    module, encoder = benchmark_module("knowledge_learned"), Texts()
    links = torch.from_numpy(
        Adjacency.of(world.graph, relations="is-a").normalised("row", self_loops=True).toarray()
    ).float()
    nodes = module.node_vectors(encoder, world, world.told)
    row = module.GraphRow(
        "r", GraphRegression(nodes, links, hidden=8, steps=5), "nodes", encoder=encoder
    ).fit(world, world.pools["train"])
    novel = world.pools["novel"]
    own = row.scores(world, novel, novel.classes)
    again = row.scores(world, novel, novel.classes, told=world.told)
    torch.testing.assert_close(again, own)
    bad = world.told.scrambled(0)
    assert sorted("".join(bad.above.values())) == sorted("".join(world.told.above.values()))
    worthless = row.scores(world, novel, novel.classes, told=bad)
    assert not torch.allclose(worthless, own)
    names = benchmark_module("knowledge_words").WordRow(encoder, "names")
    both = module.Sum(names, row).scores(world, novel, novel.classes, told=bad)
    torch.testing.assert_close(both, names.scores(world, novel, novel.classes) + worthless)


def test_the_joint_row_is_the_joint_embedding_added_to_names(benchmark_module, world):
    module, words = benchmark_module("knowledge_learned"), benchmark_module("knowledge_words")
    novel, train = world.pools["novel"], world.pools["train"]
    row = module.joint_row(world)
    made = fgmm.joint.JointEmbedding.train(world.graph, train.features, train.keys.tolist())
    wanted = made.logits(world.graph, novel.features, novel.classes)
    torch.testing.assert_close(row.scores(world, novel, novel.classes), wanted)
    again = row.fit(world, train)
    torch.testing.assert_close(again.scores(world, novel, novel.classes), wanted)
    names = words.WordRow(Texts(), "names")
    both = module.Sum(names, row)
    logits = names.scores(world, novel, novel.classes)
    torch.testing.assert_close(both.scores(world, novel, novel.classes), logits + wanted)


def test_the_worth_of_a_score_is_that_of_the_likeliest_truth(benchmark_module):
    """Scores that are logits already are worth 1; a tenth of them, 10."""
    module = benchmark_module("knowledge_learned")
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20000, 4, generator=random)
    truth = torch.multinomial(logits.softmax(1), 1, generator=random).squeeze(1)
    assert module.sharpest([(logits, truth)]) == pytest.approx(1)
    assert module.sharpest([(logits / 10, truth)]) == pytest.approx(10)


def test_no_row_is_made_with_a_picture_of_a_novel_class(benchmark_module, world, monkeypatch):
    module = benchmark_module("knowledge_accuracy")
    monkeypatch.setattr(benchmark_module("knowledge_learned"), "POWERS", (0.1, 1.0))  # in less time
    pools = {role: world.pools[role] for role in ("train", "steer")}
    blind = dataclasses.replace(world, pools=pools)
    found = module.entries(Texts(), blind)
    names = [entry.row.name for entry in found]
    assert len(set(names)) == len(names)
    assert names[0] == "names"
    assert {"JointEmbedding", "names + JointEmbedding", "names + ESZSL"} <= set(names)
    for entry in found:
        assert np.isfinite(module.gamma_of(entry, blind))


# ---------------------------------------------------------------- judging


def test_accuracy_by_class_among_all(benchmark_module):
    module = benchmark_module("knowledge_judging")
    scores, truth = torch.eye(20).repeat_interleave(2, 0), np.repeat(np.arange(20), 2)
    scores[1] = torch.eye(20)[5]  # one of two pictures of class 0
    found = module.by_class(scores, truth)
    assert found["all"].tolist() == [0.5] + [1.0] * 19
    assert found["20-way"].tolist() == [0.5] + [1.0] * 19  # 20 of 20 are all
    lead = module.difference(found, {way: np.full(20, 0.5) for way in found})
    assert lead["all"]["mean"] == pytest.approx(0.475)
    same = module.difference(found, found)["20-way"]
    assert (same["mean"], same["class_ci95"]) == (0, (0, 0))


def test_gamma_is_the_best_of_all_there_are(benchmark_module):
    """Against every cut between two leads, by way of `calibrated`."""
    module = benchmark_module("knowledge_judging")

    @settings(max_examples=20)
    @given(st.integers(0, 2**16))
    def check(seed):
        rng = np.random.default_rng(seed)
        truth = np.concatenate([np.arange(6), rng.integers(6, size=24)])
        seen = np.arange(6) < 4
        scores = torch.from_numpy(rng.normal(size=(30, 6)) + np.eye(6)[truth] + 2 * seen)

        def value(gamma):
            parts = module.usual_and_calibrated(scores, truth, seen, gamma)["calibrated"]
            return module.harmonic(parts["U"].mean(), parts["S"].mean())

        lead = scores[:, :4].max(1).values - scores[:, 4:].max(1).values
        cuts = np.sort(lead.numpy())
        every = [value(g) for g in [0.0, *(cuts[1:] + cuts[:-1]) / 2, cuts[0] - 1, cuts[-1] + 1]]
        assert value(module.pick_gamma([(scores, truth, seen)])) == pytest.approx(max(every))

    check()


def test_of_equal_gammas_the_one_nearest_to_nothing(benchmark_module):
    module = benchmark_module("knowledge_judging")
    scores, truth = 9 * torch.eye(4), np.arange(4)
    assert module.pick_gamma([(scores, truth, np.arange(4) < 2)]) == 0


def test_seen_and_unseen_by_hand(benchmark_module):
    """Class 1 is novel and its second picture goes to class 0, until that loses 0.2."""
    module = benchmark_module("knowledge_judging")
    scores = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.5, 0.4]])
    truth, seen = np.array([0, 1, 1]), np.array([True, False])
    found = module.usual_and_calibrated(scores, truth, seen, 0.2)
    assert {k: v.tolist() for k, v in found["usual"].items()} == {"U": [0.5], "S": [1.0]}
    assert {k: v.tolist() for k, v in found["calibrated"].items()} == {"U": [1.0], "S": [1.0]}
    assert module.harmonic_summary(found["calibrated"])["H"] == 1
    lead = module.harmonic_difference(found["calibrated"], found["usual"])
    assert lead["mean"] == pytest.approx(1 - 2 / 3)
    same = module.harmonic_difference(found["usual"], found["usual"])
    assert same == {"mean": 0, "class_ci95": [0, 0]}


def test_the_whole_set_is_judged(benchmark_module, world, monkeypatch):
    module, learned = benchmark_module("knowledge_accuracy"), benchmark_module("knowledge_learned")
    eszsl = learned.LearnedRow("ESZSL", ESZSL(0.1, 0.1), "centred", worth=30.0)
    monkeypatch.setattr(module, "classical_rows", lambda encoder, world: [eszsl])
    told = module.judge_set(Texts(), world)
    rows = told["rows"]
    table = benchmark_module("knowledge_table")
    assert told["names, best H"] >= rows["names"]["calibrated"]["H"] - 1e-9
    assert (told["novel classes"], told["base classes"]) == (NOVEL, BASE)
    assert rows["names"]["minus names"]["all"]["mean"] == 0
    assert set(rows["ESZSL"]["controls"]) == {"swapped", "swapped in training"}
    assert table.earned(rows["ESZSL"]) == (True, True)
    assert not any(table.earned(rows["names + descriptions"]))
    assert rows["names + ESZSL"]["all"]["mean"] > rows["names"]["all"]["mean"] + 0.3
    for name in ("ESZSL", "names + ESZSL"):
        rival = name.replace("ESZSL", "JointEmbedding")
        lead = rows[name][f"minus {rival}"]["all"]["mean"]
        assert lead == pytest.approx(rows[name]["all"]["mean"] - rows[rival]["all"]["mean"])
        assert f"H minus {rival}" in rows[name]
    assert not [key for key in rows["names + descriptions"] if key.endswith("JointEmbedding")]
    text = table.markdown({
        "encoder": "e", "space": "sp", "date": "today", "draws": 5, "sets": {"made up": told},
    })  # fmt: skip
    assert "| **ESZSL** |" in text
    assert "| names + descriptions |" in text
    assert "20 novel classes, 60 pictures; learned from 12 base classes, 96 pictures" in text


def test_held_out_base_classes_are_told_apart_by_what_the_others_taught(
    benchmark_module, world, monkeypatch
):
    module, learned = benchmark_module("knowledge_held_out"), benchmark_module("knowledge_learned")
    eszsl = learned.LearnedRow("ESZSL", ESZSL(0.1, 0.1), "centred", worth=30.0)
    monkeypatch.setattr(module, "classical_rows", lambda *_: [eszsl])
    shown = []

    def spied(given):
        shown.append(set(given.pools["train"].classes))
        return learned.joint_row(given)

    monkeypatch.setattr(module, "joint_row", spied)
    monkeypatch.setattr(module, "held_out", lambda keys: [set(keys[:2]), set(keys[2:4])])
    only = dataclasses.replace(world, pools={"train": world.pools["train"]})
    found = module.judge_held_out(Texts(), only)
    keys = world.pools["train"].classes
    assert shown == [set(keys[2:]), set(keys[:2] + keys[4:])]
    own, other = found["JointEmbedding"]["all"]["mean"], found["ESZSL"]["all"]["mean"]
    lead = found["ESZSL"]["JointEmbedding minus it"]["all"]["mean"]
    assert lead == pytest.approx(own - other)
    assert found["JointEmbedding"]["JointEmbedding minus it"]["all"]["mean"] == 0


# ---------------------------------------------------------------- table


@pytest.mark.parametrize(
    ("names", "control", "wanted"),
    [(0.01, 0.01, (True, True)), (-0.01, 0.01, (False, True)), (0.01, 0.0, (True, False))],
)
def test_a_row_is_ahead_where_its_interval_is_above_nothing(
    benchmark_module, names, control, wanted
):
    row = {
        "minus names": {"20-way": {"mean": 0.1, "class_ci95": (names, 0.2)}},
        "minus controls": {
            "swapped": {"20-way": {"mean": 0.1, "class_ci95": (0.05, 0.2)}},
            "scrambled": {"20-way": {"mean": 0.1, "class_ci95": (control, 0.2)}},
        },
    }
    assert benchmark_module("knowledge_table").earned(row) == wanted


def test_no_benchmark_hides_the_package(benchmark_module):
    """A script's folder comes first where Python looks: `knowledge.py` would be the package."""
    sets = benchmark_module("knowledge_sets")
    assert not (sets.Path(sets.__file__).parent / "knowledge.py").exists()
