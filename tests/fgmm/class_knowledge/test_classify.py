"""`classify` with a graph, from pictures to answers."""

from __future__ import annotations

import json
import logging
import pickle
import re

import pytest
import torch
from PIL import Image

import fgmm
from fgmm import classify, load_encoder
from fgmm.cache import EmbeddingCache
from fgmm.class_knowledge import Level
from fgmm.encoders.fake import FakeEncoder
from fgmm.errors import CandidateError, SpaceMismatch, StoreError
from fgmm.prompts import forget_texts
from knowledge import Concept, KnowledgeGraph, Relation, load_pack

STONES = ["ruby", "emerald", "sapphire", "opal"]
COLOURS = {"ruby": "red", "emerald": "green", "sapphire": "blue", "opal": "white"}


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget_texts()


@pytest.fixture
def pictures(plain):
    return [plain(colour, 24, 24) for colour in COLOURS.values()]


def test_a_graph_tells_what_names_do_not(stones, pictures):
    found = classify(pictures, STONES, encoder="fake", knowledge=stones)
    assert [p.label for p in found] == [*COLOURS]
    assert [p.label for p in classify(pictures, STONES, encoder="fake")] != [*COLOURS]


@pytest.mark.parametrize("encoder", ["fake", "fake:sigmoid"])
def test_evidence_adds_up_and_text_is_what_it_is_without_a_graph(stones, joint, pictures, encoder):
    names = [*STONES, "unicorn"]
    plain_ = classify(pictures, names, encoder=encoder)
    for learned in (None, joint):
        for p, q in zip(
            classify(pictures, names, encoder=encoder, knowledge=stones, joint=learned),
            plain_,
            strict=True,
        ):
            assert list(p.evidence) == ["text", "knowledge"]
            assert list(q.evidence) == ["text"]
            if learned is None:
                assert torch.equal(p.evidence["text"], q.evidence["text"])
            else:  # two halves of one vector, taken apart
                torch.testing.assert_close(p.evidence["text"], q.evidence["text"])
            torch.testing.assert_close(p.logits, p.evidence["text"] + p.evidence["knowledge"])
            assert float(p.evidence["knowledge"][:4].mean()) == pytest.approx(0, abs=1e-5)
            assert float(p.evidence["knowledge"][4]) == 0.0
            expected = p.logits.softmax(0) if encoder == "fake" else p.logits.sigmoid()
            torch.testing.assert_close(p.probabilities, expected)


def test_the_unknown_are_warned_of(stones, pictures, caplog):
    with caplog.at_level(logging.WARNING, logger="fgmm"):
        classify(pictures[0], ["ruby", "saphire"], encoder="fake", knowledge=stones)
    assert "'saphire'; the nearest is 'sapphire'" in caplog.text


def test_knowledge_without_effect_is_warned_of(stones, joint, pictures, caplog):
    """By the evidence itself: the warning comes where all of it is 0, and only there."""
    stones.add(
        Concept("coal", source="notes"),
        Concept("moon", source="notes"),
        Concept("shiny", kind="attribute", source="notes"),
        Relation("coal", "has-attribute", "shiny", source="notes"),
    )
    cases = [
        (["ruby", "opal"], None, ""),
        (["ruby", "moon", "pebble"], joint, ""),
        (["pebble", "moon"], None, "says nothing of what these candidates look like"),
        (["coal", "moon"], joint, "nothing that was learned speaks of these candidates"),
        (["coal", "ruby"], None, ""),
    ]
    for names, learned, told in cases:
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="fgmm"):
            p = classify(pictures[0], names, encoder="fake", knowledge=stones, joint=learned)
        assert told in caplog.text
        assert bool(caplog.text) == bool(told)
        assert bool(told) == (not p.known.classes.evidence.known.any())
        assert not told or bool((p.evidence["knowledge"] == 0).all())


def test_why_there_are_no_reasons(stones, joint, pictures):
    def said(names, picture=pictures[0], **given):
        p = classify(picture, names, encoder="fake", knowledge=stones, **given)
        (line,) = [x for x in p.explain(1).splitlines() if "reasons" in x]
        assert p.reasons() == []
        return line

    assert "only of ruby is anything known" in said({"ruby": "red", "pebble": "blue"})
    told = said({"pebble": "red", "opal": "blue", "emerald": "green"})
    assert "no reasons: the graph does not say what pebble looks like" in told
    told = said({"pebble": "red", "opal": "blue", "emerald": "green"}, joint=joint)
    assert "no reasons: nothing that was learned speaks of pebble" in told
    weak = {"opal": "red", "sapphire": "blue"}  # of a red picture: it is neither white nor blue
    assert "nothing that is known of opal adds 0.05 nats or more" in said(weak)
    assert "fgmm joint train" in said(weak)


def test_permuting_candidates_permutes(stones, joint, pictures):
    for learned in (None, joint):
        one = classify(pictures[1], STONES, encoder="fake", knowledge=stones, joint=learned)
        turned = classify(
            pictures[1], STONES[::-1], encoder="fake", knowledge=stones, joint=learned
        )
        torch.testing.assert_close(turned.logits, one.logits.flip(0))
        assert [r.text for r in turned.reasons()] == [r.text for r in one.reasons()]
        for a, b in zip(turned.rollup("family"), one.rollup("family"), strict=True):
            assert a == b._replace(probability=pytest.approx(b.probability))
        assert turned.backoff(0.9).label == one.backoff(0.9).label


def test_a_joint_embedding_is_its_logits(stones, joint, pictures, tmp_path):
    features = load_encoder("fake").encode_images(pictures, layer="features")
    own = joint.logits(stones, features, STONES)
    expected = own - own.mean(1, keepdim=True)
    joint.save(tmp_path / "learned")
    for learned in (joint, tmp_path / "learned", str(tmp_path / "learned")):
        for i, p in enumerate(
            classify(pictures, STONES, encoder="fake", knowledge=stones, joint=learned)
        ):
            torch.testing.assert_close(p.evidence["knowledge"], expected[i], atol=1e-3, rtol=1e-3)


def test_a_single_candidate_is_not_changed(stones, pictures):
    p = classify(pictures[0], ["ruby"], encoder="fake", knowledge=stones)
    q = classify(pictures[0], ["ruby"], encoder="fake")
    assert torch.equal(p.probabilities, q.probabilities)
    (level,) = p.rollup("family")
    assert level == Level("corundum", "family", pytest.approx(p.probability))
    assert p.backoff(0.999) == Level(None, "", 1.0)
    answer = p.backoff(p.probability * 0.9)
    assert answer.label == "ruby"
    assert answer.probability == pytest.approx(p.probability)


@pytest.mark.parametrize("encoder", ["fake", "fake:sigmoid"])
def test_levels_add_up_to_one(stones, pictures, encoder):
    for p in classify(pictures, [*STONES, "unicorn"], encoder=encoder, knowledge=stones):
        share = p.logits.softmax(0)
        told = {level.label: level.probability for level in p.rollup("family")}
        assert set(told) == {"corundum", "beryl", "opal", "unicorn"}
        assert sum(told.values()) == pytest.approx(1, abs=1e-5)
        assert told["corundum"] == pytest.approx(float(share[0] + share[2]), abs=1e-5)
        assert told["unicorn"] == pytest.approx(float(share[4]), abs=1e-5)
        answer = p.backoff(0.99)
        assert answer.label is None or answer.probability >= 0.99 - 1e-6


def test_reasons_of_a_prediction(stones, pictures):
    ruby, *_ = classify(pictures, STONES, encoder="fake", knowledge=stones)
    (reason,) = ruby.reasons(n=1)
    assert (reason.text, reason.strength, reason.rival) == ("red", 1.0, None)
    against = ruby.reasons(against="sapphire")
    assert against[0].text == "red"
    assert against[0].rival == 0.0
    assert "not red" not in [r.text for r in ruby.reasons("sapphire", against="ruby")]
    said = ruby.explain(2)
    assert re.search(r"\n    for ruby: red \+\d+\.\d(, .*)? nats\n", said)
    assert re.search(r"\n    told from \w+ by: red \+\d+\.\d(, .*)? nats\n", said)
    assert " text + " in said or " text - " in said
    assert " knowledge" in said
    row = json.loads(json.dumps(ruby.to_dict(2)))
    assert row["reasons"][0] == {"text": "red", "nats": reason.nats}
    assert set(row["top"][0]["evidence"]) == {"text", "knowledge"}


def test_what_was_learned_of_ancestors_is_no_reason(stones, joint, pictures):
    assert set(joint.inputs.ancestors) & {"corundum", "beryl"}
    for p in classify(pictures, STONES, encoder="fake", knowledge=stones, joint=joint):
        assert p.known.classes.evidence.says[-1] in ("corundum", "beryl", "stone")
        for rival in (None, *(label for label in STONES if label != p.label)):
            said = {r.text.removeprefix("not ") for r in p.reasons(against=rival, n=9)}
            assert said <= {"red", "green", "blue", "white"}


def test_what_needs_a_graph_says_so(stones, pictures):
    p = classify(pictures[0], STONES, encoder="fake")
    assert "reasons" not in p.to_dict()
    for ask in (p.reasons, p.backoff, lambda: p.rollup("family")):
        with pytest.raises(ValueError, match="give classify knowledge=graph"):
            ask()
    p = classify(pictures[0], STONES, encoder="fake", knowledge=stones)
    with pytest.raises(ValueError, match="did you mean 'ruby'"):
        p.reasons("rubi")
    with pytest.raises(ValueError, match="'moon' is none of the 4 candidates: give one such as"):
        p.reasons(against="moon")
    with pytest.raises(ValueError, match="ranks here are family, species"):
        p.rollup("genus")
    for floor in (0, -0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="above 0 and up to 1"):
            p.backoff(floor)
    for n in (0, True, 1.5):
        with pytest.raises(ValueError, match="a whole number from 1"):
            p.reasons(n=n)


def test_what_cannot_be_used_says_so(stones, joint, pictures, tmp_path):
    def ask(**given):
        return classify(pictures[0], STONES, encoder="fake", **given)

    with pytest.raises(CandidateError, match="give that graph, knowledge=graph"):
        ask(joint=joint)
    with pytest.raises(CandidateError, match=r"is a dict, not a KnowledgeGraph.*read_graph"):
        ask(knowledge={})
    with pytest.raises(
        CandidateError, match=r"'flowers', .*give knowledge\.load_pack\('flowers'\)"
    ):
        ask(knowledge="flowers")
    with pytest.raises(CandidateError, match=r"give fgmm\.fieldguide\.graph\(\)"):
        ask(knowledge="fieldguide")
    for given in ("birds.csv", tmp_path / "birds.csv"):
        call = re.escape(f"give knowledge.read_graph({str(given)!r})")
        with pytest.raises(CandidateError, match=call):
            ask(knowledge=given)
    with pytest.raises(CandidateError, match=r"joint is a int, not a JointEmbedding.*folder that"):
        ask(knowledge=stones, joint=3)
    with pytest.raises(StoreError, match=r"holds no joint embedding.*JointEmbedding\.save"):
        ask(knowledge=stones, joint=tmp_path)
    with pytest.raises(
        CandidateError, match=r"knows none of the 2 candidates.*leave knowledge out"
    ):
        classify(pictures[0], ["unicorn", "moon"], encoder="fake", knowledge=stones)
    elsewhere = type(joint)(joint.inputs, joint.fitted, joint.sharpness, "elsewhere", {})
    with pytest.raises(
        SpaceMismatch, match=r"'elsewhere', and this encoder's spaces are '.*' and '"
    ):
        ask(knowledge=stones, joint=elsewhere)


def test_a_prediction_survives_pickling(stones, joint, pictures):
    for learned in (None, joint):
        every = classify(pictures, STONES, encoder="fake", knowledge=stones, joint=learned)
        for p in (every[0], classify(pictures[0], STONES, encoder="fake", knowledge=stones)):
            q = pickle.loads(pickle.dumps(p))  # noqa: S301  (our own)
            assert q.explain() == p.explain()
            assert q.backoff(0.9) == p.backoff(0.9)
            assert q.rollup("family") == p.rollup("family")
            assert q.reasons(against="opal") == p.reasons(against="opal")


class Watched(FakeEncoder):
    """Counts the pictures it is given."""

    seen = 0

    def encode_images(self, images, *, layer="joint"):
        self.seen += len(images)
        return super().encode_images(images, layer=layer)


def test_a_folder_with_features_and_a_cache(stones, joint, pictures, tmp_path):
    folder = tmp_path / "stones"
    folder.mkdir()
    for label, picture in zip(COLOURS, pictures, strict=True):
        picture.save(folder / f"{label}.png")
    (folder / "broken.png").write_text("no picture")
    cache = EmbeddingCache(tmp_path / "kept.sqlite")
    encoder = Watched()

    def ask():
        return classify(
            folder, STONES, encoder=encoder, knowledge=stones, joint=joint, cache=cache, workers=0
        )

    first = ask()
    assert [p.label for p in first] == sorted(COLOURS)
    assert len(first.failures) == 1
    assert encoder.seen == 8, "both layers"
    again = ask()
    assert encoder.seen == 8
    for p, q in zip(first, again, strict=True):
        torch.testing.assert_close(p.logits, q.logits)
    one = classify(
        folder / "ruby.png", STONES, encoder=encoder, knowledge=stones, joint=joint, cache=cache
    )
    torch.testing.assert_close(one.logits, first[2].logits)
    assert encoder.seen == 8


def test_a_generator_is_read_once(stones, joint, pictures):
    drawn = []

    def draw():
        for i, picture in enumerate(pictures):
            drawn.append(i)
            yield picture.copy()

    found = classify(draw(), STONES, encoder="fake", knowledge=stones, joint=joint)
    assert drawn == [0, 1, 2, 3]
    for p, picture in zip(found, pictures, strict=True):
        alone = classify(picture, STONES, encoder="fake", knowledge=stones, joint=joint)
        torch.testing.assert_close(p.logits, alone.logits, atol=1e-4, rtol=1e-4)


def test_the_graph_is_read_when_it_is_given(stones, pictures):
    p = classify(pictures[0], STONES, encoder="fake", knowledge=stones)
    before = p.explain(), p.rollup("family")
    stones.add(
        Concept("gem", rank="family", source="s"), Relation("opal", "is-a", "gem", source="s")
    )
    assert (p.explain(), p.rollup("family")) == before
    after = classify(pictures[0], STONES, encoder="fake", knowledge=stones)
    assert "gem" in {level.label for level in after.rollup("family")}


def test_of_a_pack_something_is_known_of_every_flower(plain):
    flowers = load_pack("flowers")
    p = classify(
        Image.new("RGB", (16, 16), "yellow"),
        [c.id for c in flowers.leaves()],
        encoder=fgmm.load_encoder("fake", on_long="truncate"),
        knowledge=flowers,
    )
    assert all(p.known.classes.evidence.known)
    assert sum(level.probability for level in p.rollup("family")) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("encoder", ["fake", "fake:sigmoid"])
def test_a_tree_alone_gives_levels_and_changes_nothing(pictures, encoder):
    tree = KnowledgeGraph()
    for stone, family in (("ruby", "corundum"), ("sapphire", "corundum"), ("emerald", "beryl")):
        for id, rank in ((stone, "species"), (family, "family")):
            if id not in tree:
                tree.add(Concept(id, rank=rank, source="notes"))
        tree.add(Relation(stone, "is-a", family, source="notes"))
    names = ["ruby", "sapphire", "emerald"]
    p = classify(pictures[0], names, encoder=encoder, knowledge=tree)
    q = classify(pictures[0], names, encoder=encoder)
    assert torch.equal(p.logits, q.logits)
    assert p.reasons() == p.reasons(against="emerald") == []
    said = p.explain()
    assert "no reasons: the graph does not say what any of these names looks like" in said
    assert "give one with attributes" in said
    assert " nats\n" not in said
    assert {level.label for level in p.rollup("family")} == {"corundum", "beryl"}
    assert pickle.loads(pickle.dumps(p)).backoff(0.9) == p.backoff(0.9)  # noqa: S301
