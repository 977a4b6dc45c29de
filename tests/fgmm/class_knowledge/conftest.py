"""A small graph of stones, whose colours the encoder ``fake`` can see."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.joint import ContrastiveEmbedding, JointEmbedding
from fgmm.joint.class_inputs import ClassInputs
from knowledge import Concept, KnowledgeGraph, Relation


def make_stones() -> KnowledgeGraph:
    """Ruby and sapphire are corundum, emerald is a beryl; of opal it is known what it is not."""
    graph = KnowledgeGraph()
    add = graph.add
    add(Concept("stone", source="notes"))
    for colour in ("red", "green", "blue", "white"):
        add(Concept(f"colour: {colour}", common=(colour,), kind="attribute", source="notes"))
    for family in ("corundum", "beryl"):
        add(Concept(family, rank="family", source="notes"))
        add(Relation(family, "is-a", "stone", source="notes"))
    for stone, above in (
        ("ruby", "corundum"),
        ("sapphire", "corundum"),
        ("emerald", "beryl"),
        ("opal", "stone"),
        ("pebble", "stone"),
    ):
        add(Concept(stone, common=(stone,), rank="species", source="notes"))
        add(Relation(stone, "is-a", above, source="notes"))
    for stone, colour, strength in (
        ("ruby", "red", 1.0),
        ("ruby", "white", 0.2),
        ("sapphire", "blue", 0.9),
        ("sapphire", "red", 0.0),
        ("emerald", "green", 1.0),
        ("opal", "white", 0.8),
        ("opal", "green", 0.0),
    ):
        fact = Relation(
            stone, "has-attribute", f"colour: {colour}", strength=strength, source="notes"
        )
        add(fact)
    return graph


@pytest.fixture
def stones() -> KnowledgeGraph:
    """A graph that a test may add to."""
    return make_stones()


@pytest.fixture(scope="session")
def joint() -> JointEmbedding:
    """Trained on pictures of four stones, by the features of ``fake``."""
    colours = {"ruby": "red", "sapphire": "blue", "emerald": "green", "opal": "white"}
    pictures = [
        Image.new("RGB", (16 + 4 * i, 16), colour) for i in range(3) for colour in colours.values()
    ]
    features = load_encoder("fake").encode_images(pictures, layer="features")
    graph = make_stones()
    inputs = ClassInputs.of(graph, colours)
    method = ContrastiveEmbedding(0.1, widths=inputs.widths, weights=(1.0, 0.5))
    labels = torch.arange(4).repeat(3)
    fitted = method.fit(features.vectors, labels, inputs.rows(graph, colours))
    return JointEmbedding(inputs, fitted, 10.0, features.space, {"base": [*colours]})
