"""JointEmbedding: columns from a graph, training, controls, files."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

from fgmm.embeddings import Embeddings
from fgmm.errors import DatasetError, SpaceMismatch, StoreError
from fgmm.joint import JointEmbedding, embedding_choice
from fgmm.joint.class_inputs import ClassInputs
from fgmm.joint.contrastive import ContrastiveEmbedding, FittedContrastiveEmbedding
from fgmm.joint.embedding_choice import class_accuracies, find_sharpness
from knowledge import Concept, KnowledgeGraph, Relation, Trait
from knowledge.errors import ConceptNotFound

COLOURS, SHAPES = ("red", "blue", "white", "green"), ("round", "long", "flat")


def world(seed=0, shown=6, d=24):
    """Things of every colour and shape; pictures are the sum of a direction of each, and noise."""
    graph = KnowledgeGraph()
    graph.add(Concept("thing", source="test"), Concept("part", kind="part", source="test"))
    for word in COLOURS + SHAPES:
        graph.add(Concept(word, kind="attribute", source="test"))
    draw = torch.Generator().manual_seed(seed)
    look = {w: torch.randn(d, generator=draw) for w in COLOURS + SHAPES}
    pictures, labels = [], []
    for colour in COLOURS:
        for shape in SHAPES:
            name = f"{colour} {shape}"
            graph.add(
                Concept(name, source="test"),
                Relation(name, "is-a", "thing", source="test"),
                Relation(name, "has-attribute", colour, source="test"),
                Relation(name, "has-attribute", shape, source="test"),
            )
            pictures += [
                look[colour] + look[shape] + torch.randn(d, generator=draw) for _ in range(shown)
            ]
            labels += [name] * shown
    return graph, torch.nn.functional.normalize(torch.stack(pictures), dim=1), labels


def held_out(seed=0):
    """Classes split so that every colour and shape is seen, but not these together."""
    graph, x, labels = world(seed)
    novel = [f"{c} {s}" for c, s in zip(COLOURS, ("round", "long", "flat", "round"), strict=True)]
    base = torch.tensor([label not in novel for label in labels])
    truth = torch.tensor([novel.index(label) for label in labels if label in novel])
    seen = [label for label in labels if label not in novel]
    return graph, Embeddings(x[base], "s"), seen, Embeddings(x[~base], "s"), novel, truth


def test_columns_are_what_differs_between_base_classes():
    graph, _, _ = world()
    graph.add(Relation("thing", "has-attribute", "flat", part="part", source="test"))
    inputs = ClassInputs.of(graph, ["red round", "blue round"])
    assert inputs.traits == (Trait("red"), Trait("blue"))  # all are round, and flat in part
    assert inputs.ancestors == ()  # both are things
    rows = inputs.rows(graph, ["blue flat", "thing", "red long"])
    assert rows.tolist() == [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]


def test_ancestors_are_columns_and_attributes_are_inherited():
    graph = KnowledgeGraph()
    graph.add(
        Concept("red", kind="attribute", source="t"),
        *(Concept(name, source="t") for name in ("life", "rose", "tree", "tea rose", "oak")),
        Relation("rose", "is-a", "life", source="t"),
        Relation("tree", "is-a", "life", source="t"),
        Relation("tea rose", "is-a", "rose", source="t"),
        Relation("oak", "is-a", "tree", source="t"),
        Relation("rose", "has-attribute", "red", strength=0.8, source="t"),
    )
    inputs = ClassInputs.of(graph, ["tea rose", "oak"])
    assert (inputs.ancestors, inputs.widths) == (("rose", "tree"), (1, 2))
    rows = inputs.rows(graph, ["tea rose", "oak"])
    torch.testing.assert_close(rows, torch.tensor([[0.8, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    (above,) = inputs.rows(graph, ["rose"]).tolist()
    assert above == pytest.approx([0.8, 0.0, 0.0]), "nothing is above itself"


def test_it_names_combinations_it_never_saw_and_a_swapped_graph_does_not():
    graph, x, seen, asked, novel, truth = held_out()
    joint = JointEmbedding.train(graph, x, seen, folds=2)
    right = (joint.logits(graph, asked, novel).argmax(1) == truth).double().mean()
    assert right > 0.8
    assert joint.about["held-out accuracy"] > 0.5
    turned = novel[1:] + novel[:1]  # every class described as another one
    swapped = (joint.logits(graph, asked, turned).argmax(1) == truth).double().mean()
    assert swapped < 0.2


def test_logits_are_sharpness_times_cosines_and_follow_the_candidates():
    graph, x, seen, asked, novel, _ = held_out()
    joint = JointEmbedding.train(graph, x, seen, folds=2)
    logits = joint.logits(graph, asked, novel)
    assert logits.abs().max() <= joint.sharpness * (1 + 1e-5)
    backwards = joint.logits(graph, asked, novel[::-1])
    torch.testing.assert_close(backwards, logits.flip(1))
    one = joint.logits(graph, Embeddings(asked.vectors[:1], "s"), novel)
    torch.testing.assert_close(one, logits[:1])


@pytest.mark.parametrize("steps", [0, 30])
def test_columns_add_up_to_the_logits(steps):
    """Against cosines of what the two maps give, one picture and one class at a time."""
    graph, x, seen, asked, novel, _ = held_out()
    joint = JointEmbedding.train(graph, x, seen, folds=2)
    order = sorted(set(seen))
    rows, y = joint.inputs.rows(graph, order), torch.tensor([order.index(s) for s in seen])
    fitted = ContrastiveEmbedding(1.0, steps, joint.inputs.widths).fit(x.vectors, y, rows)
    joint = dataclasses.replace(joint, fitted=fitted)
    pictures, weights = joint.picture_scores(asked), joint.class_weights(graph, novel)
    columns = len(joint.inputs.traits) + len(joint.inputs.ancestors)
    assert (pictures.shape[1], weights.shape) == (columns, (len(novel), columns))
    told = joint.inputs.rows(graph, novel) - fitted.centre
    for i, picture in enumerate(asked.vectors):
        here = (picture - fitted.mean) @ fitted.image_map
        for j, row in enumerate(told):
            there = row / row.norm() @ fitted.class_map
            cosine = float(here @ there / here.norm() / there.norm())
            added = sum(float(pictures[i, c] * weights[j, c]) for c in range(columns))
            assert added == pytest.approx(joint.sharpness * cosine, abs=1e-5)
    torch.testing.assert_close(
        joint.logits(graph, asked, novel), pictures @ weights.mT, rtol=0, atol=1e-5
    )


def test_weights_of_classes_and_scores_of_pictures_by_hand():
    """Two colours: the mean is (1/2, 1/2), so a red thing is (1, -1) of length root 2."""
    graph = KnowledgeGraph()
    for word in ("red", "blue"):
        graph.add(
            Concept(word, kind="attribute", source="test"),
            Concept(f"{word} thing", source="test"),
            Relation(f"{word} thing", "has-attribute", word, source="test"),
        )
    graph.add(Concept("riddle", source="test"))
    inputs = ClassInputs.of(graph, ["red thing", "blue thing"])
    fitted = FittedContrastiveEmbedding(
        torch.zeros(2), torch.eye(2), torch.full((2,), 0.5), torch.eye(2), (2, 0), (1.0, 0.0)
    )
    joint = JointEmbedding(inputs, fitted, 10.0, "s", {})
    half = 0.5**0.5
    torch.testing.assert_close(
        joint.class_weights(graph, ["red thing", "riddle"]),
        torch.tensor([[half, -half], [0.0, 0.0]]),
    )
    seen = Embeddings(torch.tensor([[0.6, 0.8]]), "s")
    torch.testing.assert_close(joint.picture_scores(seen), torch.tensor([[6.0, 8.0]]))
    torch.testing.assert_close(
        joint.logits(graph, seen, ["red thing", "blue thing", "riddle"]),
        torch.tensor([[-2 * half, 2 * half, 0.0]]),
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_sharpness_is_the_likeliest_for_all_pictures_however_they_are_split(seed):
    """Each picture counts the same, and no other value of 1 to 55 is likelier by much."""
    draw = torch.Generator().manual_seed(seed)
    truth = torch.arange(4).repeat(8)
    scores = 0.3 * torch.eye(4)[truth] + 0.12 * torch.randn(32, 4, generator=draw)
    scores[:2] -= 1.2 * torch.eye(4)[truth[:2]]  # a small part that is named quite wrongly
    whole = find_sharpness([(scores, truth)])
    assert find_sharpness([(scores[:2], truth[:2]), (scores[2:], truth[2:])]) == whole

    def likelihood(scale):
        shares = [
            row[y].exp() / row.exp().sum() for row, y in zip(scale * scores, truth, strict=True)
        ]
        return sum(math.log(share) for share in shares)

    assert likelihood(whole) >= max(likelihood(whole * 1.6), likelihood(whole / 1.6))


def test_accuracies_of_classes_that_were_held_out():
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    first = class_accuracies([(scores, torch.tensor([0, 0, 0, 1]))])
    torch.testing.assert_close(first, torch.tensor([2 / 3, 0.0]).double())
    both = class_accuracies([(scores, torch.tensor([0, 0, 0, 1])), (scores[:1], torch.tensor([0]))])
    assert both.tolist()[:3] == [*first.tolist(), 1.0]


@pytest.mark.parametrize(("gains", "wanted"), [((0.6, 0.1), 10), ((0.9, -0.8), 0), ((0, 0), 0)])
def test_a_contrast_is_taken_where_its_gain_is_above_its_standard_error(monkeypatch, gains, wanted):
    """Gains of 0.6 and 0.1 have the mean 0.35 and the error 0.25; 0.9 and -0.8, 0.05 and 0.85."""

    def accuracies(held):
        return torch.tensor([0.1, 0.9]) + (held == 10) * torch.tensor(gains)

    monkeypatch.setattr(embedding_choice, "class_accuracies", accuracies)
    monkeypatch.setattr(embedding_choice, "find_sharpness", float)
    monkeypatch.setattr(embedding_choice, "held_out_scores", lambda way, *_, **__: way.method.steps)
    graph, x, seen, *_ = held_out()
    assert JointEmbedding.train(graph, x, seen, folds=2).about["steps"] == wanted


def test_saved_and_read_back(tmp_path):
    graph, x, seen, asked, novel, _ = held_out()
    joint = JointEmbedding.train(graph, x, seen, folds=2)
    joint.save(tmp_path / "deep" / "joint")
    again = JointEmbedding.load(tmp_path / "deep" / "joint")
    told, expected = again.logits(graph, asked, novel), joint.logits(graph, asked, novel)
    torch.testing.assert_close(told, expected, rtol=1e-5, atol=1e-5)
    assert again.about == joint.about


@pytest.mark.parametrize("harm", ["gone", "cut", "format", "other"])
def test_damaged_files_are_refused(tmp_path, harm):
    graph, x, seen, *_ = held_out()
    JointEmbedding.train(graph, x, seen, folds=2).save(tmp_path)
    told, tensors = tmp_path / "joint.json", tmp_path / "joint.safetensors"
    if harm == "gone":
        tensors.unlink()
    elif harm == "cut":
        tensors.write_bytes(tensors.read_bytes()[:50])
    elif harm == "format":
        told.write_text(json.dumps({**json.loads(told.read_text()), "format": "newer"}))
    else:
        told.write_text("[1, 2]")
    with pytest.raises(StoreError, match=r"joint"):
        JointEmbedding.load(tmp_path)


def test_what_cannot_be_trained_or_asked():
    graph, x, seen, asked, novel, _ = held_out()
    with pytest.raises(ConceptNotFound, match="reed round"):
        JointEmbedding.train(graph, x, ["reed round", *seen[1:]], folds=2)
    with pytest.raises(DatasetError, match="labels for"):
        JointEmbedding.train(graph, x, seen[:-1], folds=2)
    with pytest.raises(DatasetError, match="folds"):
        JointEmbedding.train(graph, x, seen, folds=5)
    plain = KnowledgeGraph()
    plain.add(*(Concept(name, source="t") for name in dict.fromkeys(seen)))
    with pytest.raises(DatasetError, match="no attribute differs"):
        JointEmbedding.train(plain, x, seen, folds=2)
    joint = JointEmbedding.train(graph, x, seen, folds=2)
    with pytest.raises(SpaceMismatch, match="another"):
        joint.logits(graph, Embeddings(asked.vectors, "another"), novel)
