"""Levels and judged pictures, against loops over left-out scores and counting one by one."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch

from fgmm import Embeddings, Recognizer
from fgmm.recognition import calibration
from fgmm.recognition.contest import HEED

LABELS = ("bright", "dim", "murky")


def model(pictures):
    """Logits that depend on how light a picture is."""
    light = np.array([np.asarray(p.convert("L")).mean() / 64 for p in pictures])
    return np.stack([light, 4 - light, 2 - abs(light - 2)], 1)


def top_of(picture):
    logits = model([picture])[0]
    return float(logits.max() - np.log(np.exp(logits).sum()))


def right_of(picture, label):
    return LABELS[int(model([picture])[0].argmax())] == label


def extend(groups=None, **more):
    return Recognizer.extend(model, LABELS, encoder="fake", examples=groups, **more)


def margin_of(scores, none, top, c):
    """Up to which level a picture is taken for a new species, from the definition."""
    bar = math.log(sum(math.exp(one) for one in scores[c:]) + math.exp(none))
    odds = min(max(top - math.log(-math.expm1(top)), -math.log(99)), math.log(99))
    return max(scores[:c]) - bar - HEED * odds - top


def slow_margins(standing, tops):
    """Margins of all photos and examples that are not alone, by digest."""
    told, scorer, c = standing.moment.left_out, standing.moment.scorer, len(standing.collection)
    found = {}
    for row, digest in enumerate(told.digests):
        if bool(told.logits[row].isnan().any()):
            continue
        none = float(scorer.none_of_these(scorer.joint[[row]], 1))
        found[digest] = margin_of(told.logits[row].tolist(), none, tops[digest], c)
    return found


def by_digest(pictures):
    """What each picture is known by, from its pixels."""

    def digest(picture):
        head = f"{picture.mode} {picture.width} {picture.height} ".encode()
        return hashlib.sha256(head + picture.tobytes()).hexdigest()

    return {digest(picture): picture for picture in pictures}


@pytest.fixture
def groups(shades):
    """22 examples; those nearest to ruby are called murky, which the model does not say."""
    return {
        "bright": shades("sky", *range(8)),
        "dim": shades("moss", *range(8)),
        "murky": shades("ruby", *range(20, 26)),
    }


def test_every_example_and_photo_is_judged_by_its_own_scores(groups, shades):
    made = extend(groups)
    made.add_species("moss green", shades("moss", 30))  # alone: not judged
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    standing = made._standing()
    pictures = [one for several in groups.values() for one in several]
    known = by_digest(pictures + shades("ruby", 0, 1, 2, 3))
    expected = slow_margins(standing, {key: top_of(one) for key, one in known.items()})
    old = [expected[key] for key in by_digest(pictures)]
    new = [expected[key] for key in by_digest(shades("ruby", 0, 1, 2, 3))]
    assert standing.old.margins.tolist() == pytest.approx(old, abs=1e-4)
    assert standing.new.margins.tolist() == pytest.approx(new, abs=1e-4)
    right = [right_of(one, label) for label, several in groups.items() for one in several]
    assert 0 < sum(right) < 22
    assert standing.old.right.tolist() == right


@pytest.mark.parametrize("lose", [0.0, 0.1, 0.2])
def test_the_level_is_the_least_that_few_examples_lose_their_right_answer_at(groups, lose, shades):
    made = extend(groups, lose=lose)
    made.add_species("ruby", shades("ruby", *range(5)))
    old = made._standing().old
    assert not bool(old.right[old.margins.argmax()])  # wrong before, and nothing to be lost

    def lost(level):
        pairs = zip(old.margins.tolist(), old.right.tolist(), strict=True)
        return sum(right and margin > level for margin, right in pairs)

    # of 22 examples, of which the model is right about 16 or fewer, a tenth is 2.2
    allowed = int(lose * 22)
    rule = made.level if made.level > 0 else 2 * made.level
    assert lost(rule) == allowed
    assert lost(rule - 1e-5 * max(1.0, abs(rule))) == allowed + 1


def test_a_level_below_0_is_halved(shades):
    # examples far from the new species: even at level 0 none would be lost
    far = {"bright": shades("sky", *range(6)), "dim": shades("moss", *range(6))}
    made = extend(far)
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    highest = float(made._standing().old.margins[made._standing().old.right].max())
    assert highest < -0.1
    assert made.level == pytest.approx(highest / 2, rel=1e-4)


def test_the_model_is_taken_to_be_undecided_about_photos_it_never_saw(groups, tmp_path, shades):
    place = tmp_path / "new.fgmm"
    extend(groups, library=place).add_species("ruby", shades("ruby", 0, 1, 2, 3))
    standing = Recognizer.extend(model, LABELS, examples=groups, library=place)._standing()
    photos = by_digest(shades("ruby", 0, 1, 2, 3))
    tops = {key: math.log(0.5) for key in standing.moment.scorer.digests}
    slow = slow_margins(standing, tops)
    expected = [slow[key] for key in photos]
    assert standing.new.margins.tolist() == pytest.approx(expected, abs=1e-4)


def test_an_example_alone_in_its_class_is_judged_as_left_out_photos_are(shades):
    made = extend({"bright": shades("sky", 0), "dim": shades("moss", 0, 1, 2)})
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    standing = made._standing()
    scorer, one = standing.moment.scorer, shades("sky", 0)[0]
    layers = standing.moment.layers
    kept = Embeddings(layers.embed([one], progress=False).vectors, layers.space)
    features, joint = (part.vectors for part in layers.split(kept))
    margins = []
    for as_judged in (True, False):
        told = scorer.evidence(features, joint, as_judged=as_judged)
        scores = (told["text"] + told["photos"])[0].tolist()
        none = float(scorer.none_of_these(joint, 1))
        margins.append(margin_of(scores, none, top_of(one), 1))
    assert abs(margins[0] - margins[1]) > 0.01
    assert float(standing.old.margins[-1]) == pytest.approx(margins[0], abs=1e-4)


def test_of_very_many_examples_a_sample_sets_the_level(groups, monkeypatch, shades):
    whole = extend(groups, lose=0.0)
    whole.add_species("ruby", shades("ruby", *range(6)))
    every = whole._standing()
    assert str(whole.tradeoff()).endswith(
        "old: 22 examples, each left out; new: 6 photos, each left out"
    )
    monkeypatch.setattr(calibration, "_MOST_LOGITS", 4 * 12)  # four columns: twelve pictures
    few = extend(groups, lose=0.0)
    few.add_species("ruby", shades("ruby", *range(6)))
    some = few._standing()
    assert str(few.tradeoff()).endswith(
        "old: 6 of 22 examples, evenly spread, each left out; new: 6 photos, each left out"
    )
    assert few.tradeoff().in_use.kept.of == 6
    # evenly spread: some of every class
    chosen = torch.tensor([0, 3, 7, 11, 14, 18])
    torch.testing.assert_close(some.old.margins, every.old.margins[chosen])
    assert torch.equal(some.old.right, every.old.right[chosen])
    highest = float(some.old.margins[some.old.right].max())
    assert few.level == pytest.approx(highest if highest > 0 else highest / 2, rel=1e-4)


def test_a_sample_leaves_room_for_examples_beside_many_new_photos(groups, monkeypatch, shades):
    monkeypatch.setattr(calibration, "_MOST_LOGITS", 10)
    made = extend(groups | {"murky": shades("ruby", 20)})
    table = made.add_species("ruby", shades("ruby", *range(6))).tradeoff
    assert (table.in_use.kept.of, table.in_use.found.of) == (1, 1)
    assert table.old_from == "1 of 17 examples, evenly spread, each left out"
    assert table.new_from == "1 of 6 photos, evenly spread, each left out"
    monkeypatch.setattr(calibration, "_MOST_LOGITS", 4 * 30)
    alone = extend(groups | {"murky": shades("ruby", 20)})
    alone.add_species("ruby", shades("ruby", *range(6)))
    assert alone.tradeoff().old_from == "17 examples, each left out"


def test_a_sample_holds_examples_that_are_alone_in_their_class(shades, monkeypatch):
    def judged(most):
        monkeypatch.setattr(calibration, "_MOST_LOGITS", 4 * most)
        groups = {"bright": shades("sky", 0), "dim": shades("moss", 0), "murky": shades("ruby", 20)}
        made = extend(groups)
        made.add_species("ruby", shades("ruby", 0, 1))
        return made._standing().old

    every, some = judged(5), judged(4)
    assert (len(every), len(some)) == (3, 2)
    torch.testing.assert_close(some.margins, every.margins[:2])
    assert len(set(every.margins.tolist())) == 3
