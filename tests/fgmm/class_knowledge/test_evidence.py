"""Evidence of a graph: the sum it is defined as, by hand, by loops, and by what never changes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fgmm import load_encoder
from fgmm.class_knowledge.evidence import Evidence, evidence_of_joint, evidence_of_words
from fgmm.embeddings import Embeddings
from knowledge import Concept, KnowledgeGraph, Relation, Text

NAN = math.nan


class Phrasebook:
    """Texts with vectors given by hand, in a plane."""

    logit_scale, logit_bias, scoring, space, dim = 10.0, 0.0, "softmax", "a plane", 2

    def __init__(self, vectors):
        self.vectors = vectors
        self.space = f"a plane {id(vectors)}"

    def encode_texts(self, texts):
        return Embeddings(torch.tensor([self.vectors[t] for t in texts]), self.space)


def test_words_by_hand():
    """z: 10 * (1 - 0) for red, 10 * (0.8 - 0) for green; a strength alone of its kind counts 1."""
    graph = KnowledgeGraph()
    for stone, told in {"ruby": {"red": 1.0}, "moss": {"green": 0.5}}.items():
        graph.add(Concept(stone, source="s"))
        for colour, strength in told.items():
            graph.add(Relation(stone, "has-attribute", colour, strength=strength, source="s"))
    for colour, strength in (("red", 1.0), ("green", 0.25)):
        graph.add(Relation("both", "has-attribute", colour, strength=strength, source="s"))
    graph.add(Concept("both", source="s"))
    book = Phrasebook(
        {"a stone": [1.0, 0.0], "a red stone": [0.0, 1.0], "a green stone": [0.6, 0.8]}
    )
    found = evidence_of_words(book, graph, ["ruby", None, "moss", "both"], "stone")
    scores = found.scores(Embeddings(torch.tensor([[0.0, 1.0]]), book.space))
    # 10, 8 and 10 * 0.8 + 8 * 0.2 = 9.6; their mean is 9.2
    assert found.nats(scores).tolist()[0] == pytest.approx([0.8, 0.0, -1.2, 0.4], abs=1e-5)
    # a picture that looks like any stone: 10 * (0.8 - 0.6) for red, 10 * (1 - 0.6) for green
    (beyond,) = found.scores(Embeddings(torch.tensor([[0.6, 0.8]]), book.space)).tolist()
    told = dict(zip(found.says, beyond, strict=True))
    assert told == pytest.approx({"red": 2.0, "green": 4.0}, abs=1e-5)


def evidence(strengths, weights=None) -> Evidence:
    """Evidence whose scores are given to it; NaN is what nobody said."""
    given_ = np.array(strengths, dtype=float)
    there = np.argwhere(~np.isnan(given_))
    told = sparse.csr_array((given_[tuple(there.T)], tuple(there.T)), shape=given_.shape)
    own = sparse.csr_array(np.nan_to_num(given_) if weights is None else np.array(weights))
    says = tuple(f"thing {i}" for i in range(given_.shape[1]))
    return Evidence(says, ("",) * len(says), told, own, lambda e: e.vectors, "made up")


tables = st.integers(1, 5).flatmap(
    lambda columns: st.lists(
        st.lists(
            st.sampled_from([NAN, 0.0, 0.2, 0.5, 0.8, 1.0]), min_size=columns, max_size=columns
        ),
        min_size=1,
        max_size=6,
    )
)


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(0, 10**6), st.data())
def test_what_always_holds(table, seed, data):
    rng = np.random.default_rng(seed)
    signs = np.where(np.isnan(table), 0, rng.normal(size=np.shape(table)))
    found = evidence(table, signs * np.nan_to_num(np.array(table)))
    scores = torch.tensor(rng.normal(size=(3, len(table[0])))).float()
    nats = found.nats(scores)
    weights = found.weights.toarray()
    known = [c for c in range(len(table)) if any(weights[c])]
    for q in range(3):
        raw = [sum(w * float(z) for w, z in zip(row, scores[q], strict=True)) for row in weights]
        mean = sum(raw[c] for c in known) / len(known) if known else 0.0
        for c in range(len(table)):
            expected = raw[c] - mean if c in known else 0.0
            assert float(nats[q, c]) == pytest.approx(expected, abs=1e-5)
            assert float(found.parts(scores[q], c).sum()) == pytest.approx(expected, abs=1e-4)
            assert c in known or float(nats[q, c]) == 0.0
    order = data.draw(st.permutations(range(len(table))))
    turned = evidence([table[i] for i in order], weights[order]).nats(scores)
    torch.testing.assert_close(turned, nats[:, order], atol=1e-5, rtol=1e-5)


def test_words_are_loops_over_what_is_said(stones, plain):
    encoder = load_encoder("fake")
    ids = ["opal", "ruby", None, "sapphire", "emerald", "pebble"]
    found = evidence_of_words(encoder, stones, ids, "stone")
    pictures = encoder.encode_images([plain("red"), plain("white"), plain("#204060")])

    def text(words):
        return encoder.encode_texts([words]).vectors[0]

    raw = {}
    for id in ids[:2] + ids[3:5]:
        told = {stones[a].name: s for a, s in stones.attributes(id).items()}
        raw[id] = [
            sum(
                s * 20.0 * float(x @ (text(f"a {colour} stone") - text("a stone")))
                for colour, s in told.items()
            )
            / sum(told.values())
            for x in pictures.vectors
        ]
    nats = found.nats(found.scores(pictures))
    for q in range(3):
        mean = sum(row[q] for row in raw.values()) / len(raw)
        expected = [raw[id][q] - mean if id in raw else 0.0 for id in ids]
        assert nats[q].tolist() == pytest.approx(expected, abs=1e-4)
    assert nats[:, 2].tolist() == nats[:, 5].tolist() == [0.0] * 3  # unknown; nothing said


def test_what_is_inherited_counts_and_what_was_stated_as_0_is_kept(stones):
    stones.add(Relation("corundum", "has-attribute", "colour: green", source="notes"))
    found = evidence_of_words(load_encoder("fake"), stones, ["ruby", "opal"], "stone")
    rows = {
        label: {
            found.says[i]: value
            for i, value in zip(
                found.strengths[[c]].indices, found.strengths[[c]].data, strict=True
            )
        }
        for c, label in enumerate(["ruby", "opal"])
    }
    assert rows == {
        "ruby": {"red": 1.0, "white": 0.2, "green": 1.0},
        "opal": {"white": 0.8, "green": 0.0},
    }
    assert found.weights[[1]].nnz == 1, "a 0 adds nothing"


def test_descriptions_speak_for_a_class_without_attributes():
    graph = KnowledgeGraph()
    for id, texts in {"a": ["a red circle", "red"], "b": ["a blue square"]}.items():
        graph.add(Concept(id, descriptions=tuple(Text(t, source="s") for t in texts), source="s"))
    graph.add(Concept("c", descriptions=(Text("a white thing", source="s"),), source="s"))
    graph.add(Relation("c", "has-attribute", "green", source="s"))
    encoder = load_encoder("fake")
    found = evidence_of_words(encoder, graph, ["a", "b", "c"], "thing")
    assert set(found.says) == {"a red circle", "red", "a blue square", "green"}
    rows = found.weights.toarray()
    assert sorted(rows[0]) == pytest.approx([0, 0, 0.5, 0.5])
    assert rows.sum(1) == pytest.approx([1, 1, 1])


def test_a_joint_embedding_is_its_logits_without_their_mean(stones, joint, plain):
    ids = ["emerald", None, "pebble", "ruby", "opal"]
    found = evidence_of_joint(joint, stones, ids)
    features = load_encoder("fake").encode_images(
        [plain("red"), plain("#118844")], layer="features"
    )
    scores = found.scores(features)
    nats = found.nats(scores)
    own = joint.logits(stones, features, ["emerald", "ruby", "opal"])
    torch.testing.assert_close(
        nats[:, [0, 3, 4]], own - own.mean(1, keepdim=True), atol=1e-4, rtol=1e-4
    )
    assert nats[:, 1:3].abs().max() == 0, "nothing is known of these"
    for q in range(2):
        for c in range(len(ids)):
            parts = found.parts(scores[q], c)
            assert float(parts.sum()) == pytest.approx(float(nats[q, c]), abs=1e-3)


def test_strengths_of_a_joint_embedding_are_what_the_graph_states(stones, joint):
    found = evidence_of_joint(joint, stones, [None, "sapphire", "opal"])
    row = found.strengths[[1]]
    told = {found.says[i]: float(v) for i, v in zip(row.indices, row.data, strict=True)}
    told.pop("corundum", None)  # an ancestor
    assert told == {"blue": 0.9, "red": 0.0}
    assert found.strengths[[0]].nnz == 0
    assert len(found.says) == len(joint.inputs.traits) + len(joint.inputs.ancestors)
    stones.add(Relation("corundum", "has-attribute", "colour: green", source="notes"))
    row = evidence_of_joint(joint, stones, ["sapphire"]).strengths
    inherited = {found.says[i]: float(v) for i, v in zip(row.indices, row.data, strict=True)}
    inherited.pop("corundum", None)
    assert inherited == {"blue": 0.9, "red": 0.0, "green": 1.0}


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")
def test_what_was_learned_may_be_kept_on_a_gpu(stones, joint, plain):
    names = ("mean", "image_map", "centre", "class_map")
    there = replace(
        joint.fitted, **{name: getattr(joint.fitted, name).to("cuda") for name in names}
    )
    features = load_encoder("fake").encode_images([plain("red")], layer="features")
    ids = ["ruby", "opal"]
    here, moved = (
        evidence_of_joint(one, stones, ids) for one in (joint, replace(joint, fitted=there))
    )
    torch.testing.assert_close(
        moved.nats(moved.scores(features)), here.nats(here.scores(features)), atol=1e-3, rtol=1e-3
    )
