"""A model that keeps its classes, and new species beside them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fgmm
from fgmm import Recognizer
from fgmm.errors import ImageError, LibraryError, ModelError, SpeciesNotFound
from fgmm.recognition.contest import HEED

LABELS = ("bright", "dim", "murky")


def counted_model(order=(0, 1, 2)):
    """Logits that depend on how light a picture is; and how often each picture was asked about."""
    seen = []

    def model(pictures):
        seen.extend(picture.tobytes() for picture in pictures)
        light = np.array([np.asarray(p.convert("L")).mean() / 64 for p in pictures])
        return np.stack([light, 4 - light, 2 - abs(light - 2)], 1)[:, list(order)]

    return model, seen


def logits_of(picture):
    return counted_model()[0]([picture])[0]


@pytest.fixture
def pictures(shades):
    return shades("ruby", 10, 11) + shades("sky", 10, 11) + shades("moss", 10, 11)


@pytest.fixture
def examples(shades):
    return {"bright": shades("sky", 40, 41, 42, 43), "dim": shades("moss", 40, 41, 42, 43)}


@pytest.fixture
def extended(shades, examples):
    made = Recognizer.extend(counted_model()[0], LABELS, examples=examples, encoder="fake")
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    return made


def test_without_new_species_the_answers_are_the_models(pictures):
    model, seen = counted_model()
    made = Recognizer.extend(model, LABELS, encoder="fake")
    answers = made.classify(pictures)
    for answer, picture in zip(answers, pictures, strict=True):
        p = np.exp(logits_of(picture)) / np.exp(logits_of(picture)).sum()
        assert answer.labels == LABELS
        assert answer.probabilities.numpy() == pytest.approx(p)
    assert seen == [picture.tobytes() for picture in pictures]
    assert (made.level, len(made), len(made.species())) == (0.0, 3, 0)


def test_removing_all_new_species_gives_back_exactly_the_old_answers(extended, pictures):
    fresh = Recognizer.extend(counted_model()[0], LABELS, encoder="fake")
    before = [answer.probabilities for answer in fresh.classify(pictures)]
    assert any(a.label == "ruby" for a in extended.classify(pictures))
    extended.remove("ruby")
    after = [answer.probabilities for answer in extended.classify(pictures)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_old_classes_keep_their_logits_order_and_ratios(extended, pictures, shades):
    fresh = Recognizer.extend(counted_model()[0], LABELS, encoder="fake").classify(pictures)
    for many in range(2):
        for answer, old in zip(extended.classify(pictures), fresh, strict=True):
            assert torch.equal(answer.logits[:3], old.logits)
            ratio = answer.probabilities[:3] / old.probabilities
            assert ratio.numpy() == pytest.approx(float(ratio[0]))
        if not many:
            extended.add_species("sky", shades("sky", 0, 1, 2))


def test_a_new_species_is_found_by_its_photos(extended, shades):
    found = extended.classify(shades("ruby", 20, 21, 22))
    assert [one.label for one in found] == ["ruby"] * 3
    assert {one.label for one in extended.classify(shades("moss", 20, 21))} <= set(LABELS)
    photo = found[0].nearest_photo()
    assert photo is not None and photo.species == "ruby"
    assert "old classes" in found[0].explain()
    assert found[0].to_dict()["label"] == "ruby"


def test_evidence_adds_up_to_logits_and_logits_to_probabilities(extended, pictures):
    extended.set_level(0.7)
    for answer in extended.classify(pictures):
        for column in range(4):
            parts = sum(float(values[column]) for values in answer.evidence.values())
            assert float(answer.logits[column]) == pytest.approx(parts)
        weights = [math.exp(value) for value in answer.logits.tolist()]
        expected = [weight / sum(weights) for weight in weights]
        assert answer.probabilities.tolist() == pytest.approx(expected)
        assert float(answer.evidence["level"][3]) == pytest.approx(-0.7)
        assert float(answer.probabilities.sum()) == pytest.approx(1)


def slow_answer(library, picture, level):
    """Logits of the new species, from the definition: a library of new and old."""
    told = library.classify(picture)
    scores = dict(zip(told.labels, told.logits.tolist(), strict=True))
    # "unknown" says how none of these stands to the mean of all
    mean = math.log(sum(map(math.exp, scores.values())) / len(scores))
    none = mean + math.log(told.unknown / (1 - told.unknown))
    bar = math.log(sum(math.exp(scores[label]) for label in LABELS) + math.exp(none))
    logits = logits_of(picture)
    top = math.exp(max(logits)) / sum(map(math.exp, logits))
    odds = min(max(math.log(top / (1 - top)), -math.log(99)), math.log(99))
    return [scores[one] - bar - HEED * odds - level for one in scores if one not in LABELS]


def test_logits_of_new_species_are_their_definition(extended, examples, pictures, shades):
    extended.add_species("azure", shades("sky", 0, 1, 2))
    extended.set_level(-0.4)
    library = Recognizer("fake")
    library.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    library.add_species("azure", shades("sky", 0, 1, 2))
    for label in LABELS:
        library.add_species(label, examples.get(label, ()))
    for answer, picture in zip(extended.classify(pictures), pictures, strict=True):
        told = library.classify(picture)
        cosines = dict(zip(told.labels, told.cosines.tolist(), strict=True))
        expected = [cosines[label] for label in answer.labels]
        assert answer.cosines.tolist() == pytest.approx(expected, abs=1e-5)
        expected = slow_answer(library, picture, -0.4)
        assert answer.logits[3:].tolist() == pytest.approx(expected, abs=1e-3)


@settings(max_examples=6)
@given(st.permutations(range(3)))
def test_permuting_labels_permutes_the_answers(order):
    red = [Image.new("RGB", (24, 24), (200 + 9 * i, 10 * i, 30)) for i in range(4)]
    asked = [Image.new("RGB", (24, 24), (10, 200, 40)), red[0]]
    answers = []
    for permuted in (range(3), order):
        labels = [LABELS[at] for at in permuted]
        made = Recognizer.extend(counted_model(tuple(permuted))[0], labels, encoder="fake")
        made.add_species("ruby", red)
        answers.append(made.classify(asked))
    for one, other in zip(*answers, strict=True):
        assert [one.labels[at] for at in order] == list(other.labels[:3])
        both = [*order, 3]
        assert other.logits.numpy() == pytest.approx(one.logits[both].numpy(), abs=1e-5)


def test_the_model_sees_each_picture_and_each_photo_once(shades):
    model, seen = counted_model()
    examples = {"bright": shades("sky", 0, 1), "dim": shades("moss", 0, 1, 2)}
    made = Recognizer.extend(model, LABELS, encoder="fake", examples=examples)
    photos = shades("ruby", 0, 1, 2)
    made.add_species("ruby", iter(photos))
    made.add_photos("ruby", [*photos, *shades("ruby", 3)])
    made.tradeoff()
    made.classify(shades("ruby", 9, 10))
    given = [*examples["bright"], *examples["dim"], *shades("ruby", 0, 1, 2, 3, 9, 10)]
    assert seen == [picture.tobytes() for picture in given]


@pytest.mark.parametrize("lose", [0.0, 0.34])
def test_examples_set_the_level_so_that_few_lose_their_right_answer(shades, lose):
    # those nearest to ruby are called "murky" by the user
    groups = {
        "bright": shades("sky", *range(8)),
        "dim": shades("moss", *range(8)),
        "murky": shades("ruby", *range(20, 26)),
    }
    made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=groups, lose=lose)
    added = made.add_species("ruby", shades("ruby", *range(5)))
    table = made.tradeoff()
    assert added.tradeoff == table
    row = table.in_use
    assert table.before is not None and row.right is not None
    assert row.kept.of == row.right.of == 22
    assert table.before.right - row.right.right <= lose * 22
    assert row.level == made.level
    assert "8" in str(added) and "in use" in str(added)


def test_examples_without_labels_count_as_what_the_model_says(shades):
    asked = [*shades("sky", *range(6)), *shades("moss", *range(6))]
    made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=asked)
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    table = made.tradeoff()
    assert table.before is None and table.in_use.right is None
    assert table.in_use.kept == (12, 12)


def test_an_example_alone_in_its_class_is_judged_too(shades):
    examples = {"bright": shades("sky", 0), "dim": shades("moss", 0, 1, 2), "murky": []}
    made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=examples)
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    assert made.tradeoff().in_use.kept.of == 4


def test_an_example_that_is_a_photo_of_a_new_species_counts_as_that(shades):
    examples = {"bright": shades("sky", 0, 1, 2), "murky": shades("ruby", 0, 5)}
    made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=examples)
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    table = made.tradeoff()
    assert table.in_use.kept.of == 4
    assert table.in_use.found.of == 3
    assert made.classify(shades("ruby", 1)[0]).label == "ruby"


def test_examples_that_are_photos_of_a_new_species_change_nothing_else(shades):
    rest = {"bright": shades("sky", 0, 1, 2), "dim": shades("moss", 0), "murky": shades("moss", 5)}
    both = {"murky": shades("ruby", 0)} | rest | {"bright": shades("ruby", 1) + rest["bright"]}
    both["murky"] = shades("ruby", 0) + rest["murky"]
    tables = []
    for groups in (rest, both):
        made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=groups)
        made.add_species("ruby", shades("ruby", 0, 1, 2))
        tables.append(made.tradeoff())
    assert tables[0].old_from == tables[1].old_from == "5 examples, each left out"
    for one, other in zip(tables[0].rows, tables[1].rows, strict=True):
        assert one.level == pytest.approx(other.level, abs=1e-5)
        assert (one.kept, one.right, one.found) == (other.kept, other.right, other.found)


def test_the_tradeoff_of_given_pictures_is_what_classify_does(extended, pictures, shades):
    names = ["ruby", "ruby", "bright", "bright", "dim", "dim", "murky", "dim"]
    pictures += shades("ruby", 12, 13)  # somebody calls them old
    levels = [row.level for row in extended.tradeoff(pictures, names).rows]
    assert len(levels) > 1
    for level in levels:
        extended.set_level(level)
        told = extended.tradeoff(pictures, names).in_use
        answers = [one.label for one in extended.classify(pictures)]
        assert told.level == level == extended.level
        assert told.found == (sum(a == "ruby" for a in answers[:2]), 2)
        assert told.kept == (sum(a in LABELS for a in answers[2:]), 6)
        right = sum(a == b for a, b in zip(answers[2:], names[2:], strict=True))
        assert told.right == (right, 6)
    extended.set_level(None)
    assert extended.level == extended.tradeoff().in_use.level


def test_without_labels_all_pictures_are_old(extended, shades):
    told = extended.tradeoff(shades("sky", 10, 11, 12))
    assert told.before is None
    assert told.in_use.kept.of == 3
    assert told.in_use.found == (4, 4)  # its photos, each left out


def test_a_species_by_words_alone_competes_with_the_labels_words():
    made = Recognizer.extend(lambda ps: [[0.0, 0.0]] * len(ps), ["a blue square", "a grey square"],
                             encoder="fake")  # fmt: skip
    made.add_species("a red square")
    assert made.classify(Image.new("RGB", (32, 32), "red")).label == "a red square"
    assert made.classify(Image.new("RGB", (32, 32), "blue")).label == "a blue square"
    with pytest.raises(ValueError, match="no such file"):
        made.classify("no such file.png")


def test_an_encoder_of_pictures_alone(pictures_only, shades, pictures):
    made = Recognizer.extend(counted_model()[0], LABELS, encoder=pictures_only)
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    # nothing is known of the old classes: pictures in general and the photos alone set it
    answer = made.classify(pictures[2])
    library = Recognizer(pictures_only)
    library.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    moment = library._moment()
    none = float(moment.scorer.none_of_these(None, 1))
    assert float(answer.evidence["old classes"][3]) == pytest.approx(-none, abs=1e-6)
    ahead = moment.left_out.logits[:, 0].double() - none - math.log(0.5)
    assert made.level == pytest.approx(0.5 * float(np.quantile(ahead.numpy(), 0.25)), abs=1e-5)
    assert made.level > 0
    assert "text" not in answer.evidence
    assert answer.nearest_photo("bright") is None
    with pytest.raises(LibraryError, match="reads no words"):
        made.add_species("sky")
    examples = {"bright": shades("sky", 0, 1, 2), "dim": shades("moss", 0, 1)}
    more = Recognizer.extend(counted_model()[0], LABELS, encoder=pictures_only, examples=examples)
    more.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    assert more.tradeoff().in_use.kept.of == 5
    assert [one.label for one in more.classify(shades("ruby", 20, 21))] == ["ruby"] * 2
    assert more.classify(shades("sky", 9)[0]).nearest_photo("bright") is not None


def test_a_classifier_on_the_encoders_vectors(shades, pictures):
    from sklearn.linear_model import LogisticRegression

    known = shades("sky", *range(6)) + shades("moss", *range(6))
    x = fgmm.embed_images(known, encoder="fake", layer="features").vectors.numpy()
    fitted = LogisticRegression().fit(x, ["azure"] * 6 + ["moss"] * 6)
    old = {"azure": shades("sky", 40, 41, 42), "moss": shades("moss", 40, 41, 42)}
    made = Recognizer.extend(fitted, encoder="fake", examples=old)
    q = fgmm.embed_images(pictures, encoder="fake", layer="features").vectors.numpy()
    found = np.stack([one.probabilities.numpy() for one in made.classify(pictures)])
    assert found == pytest.approx(fitted.predict_proba(q), abs=1e-6)
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    labels = [one.label for one in made.classify(pictures)]
    assert labels == ["ruby"] * 2 + ["azure"] * 2 + ["moss"] * 2
    assert made.tradeoff().in_use.found == (4, 4)


def test_a_library_is_an_ordinary_one_and_comes_again(tmp_path, shades, pictures):
    place = tmp_path / "new.fgmm"
    made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", library=place)
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    assert [one.name for one in Recognizer.load(place).species()] == ["ruby"]
    again = Recognizer.extend(counted_model()[0], LABELS, library=place)
    for one, other in zip(made.classify(pictures), again.classify(pictures), strict=True):
        assert torch.equal(one.logits, other.logits)
    made.recognizer.save(tmp_path / "copy.fgmm")
    assert len(Recognizer.load(tmp_path / "copy.fgmm")) == 1
    with pytest.raises(LibraryError, match="'ruby' is a label of your model, 'Ruby'"):
        Recognizer.extend(len, ["Ruby"], library=place)


def test_what_is_refused_leaves_no_new_file_and_one_that_is_there_as_it_was(tmp_path, shades):
    place = tmp_path / "new.fgmm"
    refused = [
        ({"lose": 2}, ModelError),
        ({"examples": [b"nothing"]}, ImageError),
        ({"examples": {"light": []}}, ModelError),
    ]
    for options, error in refused:
        with pytest.raises(error):
            Recognizer.extend(counted_model()[0], LABELS, encoder="fake", library=place, **options)
        assert list(tmp_path.iterdir()) == []
    made = Recognizer.extend(counted_model()[0], LABELS, encoder="fake", library=place)
    made.add_species("ruby", shades("ruby", 0, 1))
    made.recognizer.close()
    before = place.read_bytes()
    for options, error in refused:
        with pytest.raises(error):
            Recognizer.extend(counted_model()[0], LABELS, library=place, **options)
    assert place.read_bytes() == before


def test_a_new_library_keeps_the_words_of_the_labels(tmp_path):
    place = tmp_path / "new.fgmm"
    Recognizer.extend(
        counted_model()[0], LABELS, encoder="fake", library=place, concept="square"
    ).recognizer.close()
    with Recognizer.load(place) as loaded:
        assert loaded.collection.phrasing.concept == "square"
        assert len(loaded.library.texts.get()) >= len(LABELS)


def test_photos_of_a_new_species_are_forgotten_by_number(extended, examples, shades, pictures):
    fresh = Recognizer.extend(counted_model()[0], LABELS, examples=examples, encoder="fake")
    fresh.add_species("ruby", shades("ruby", 1, 3))
    extended.remove("ruby", [1, 3])
    for one, other in zip(extended.classify(pictures), fresh.classify(pictures), strict=True):
        assert one.logits.tolist() == pytest.approx(other.logits.tolist(), abs=1e-4)


def test_a_failed_addition_changes_nothing(extended, shades, pictures):
    before = [one.logits for one in extended.classify(pictures)]
    for names in ({}, {"names": ["DIM "]}):
        name = "dim" if not names else "azure"
        with pytest.raises(LibraryError, match="is a label of your model, 'dim'"):
            extended.add_species(name, shades("sky", 0), **names)
    with pytest.raises(ImageError):
        extended.add_species("azure", [b"nothing"])
    with pytest.raises(SpeciesNotFound):
        extended.remove("azure")
    after = [one.logits for one in extended.classify(pictures)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_model_that_fails_on_a_photo_leaves_all_as_it_was(shades):
    made = Recognizer.extend(lambda ps: [[float("nan")]] * len(ps), ["old"], encoder="fake")
    with pytest.raises(ModelError, match="gave nan"):
        made.add_species("ruby", shades("ruby", 0, 1))
    assert len(made.species()) == 0


def test_a_rename_to_a_label_of_the_model_is_told(extended, pictures):
    extended.recognizer.rename("ruby", "Murky")
    with pytest.raises(LibraryError, match="'Murky' is a label of your model"):
        extended.classify(pictures)
    extended.recognizer.undo()
    assert len(extended.classify(pictures)) == 6


def test_pictures_that_cannot_be_read_fail_alone(shades):
    model, seen = counted_model()
    examples = {"bright": [*shades("sky", 0, 1), b"no picture"]}
    made = Recognizer.extend(model, LABELS, encoder="fake", examples=examples, batch_size=2)
    assert [source for source, _ in made.failures] == [b"no picture"]
    made.add_species("ruby", [*shades("ruby", 0, 1), b"neither"])
    good = shades("moss", 0, 1, 2)
    answers = made.classify([good[0], b"nor this", *good[1:]])
    assert [source for source, _ in answers.failures] == [b"nor this"]
    assert [one.name for one in answers] == ["#0", "#2", "#3"]
    assert [one.name for one in answers[1:]] == ["#2", "#3"]
    assert len(seen) == 2 + 2 + 3


def test_many_answers_are_made_in_blocks(extended, shades):
    one, other = shades("ruby", 30)[0], shades("moss", 30)[0]
    many = extended.classify([one, other] * 150)
    singles = itertools.cycle([extended.classify(one), extended.classify(other)])
    assert len(many) == 300
    for found, single in zip(many, singles, strict=False):
        assert found.logits.numpy() == pytest.approx(single.logits.numpy(), abs=1e-5)
    # back and forth: the last of one block, then the first of another
    assert many[299].name == "#299" and many[0].name == "#0"
    with pytest.raises(IndexError):
        many[300]


def test_nothing_to_compare_photos_with_is_said(caplog, examples):
    Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=examples)
    assert not caplog.records
    Recognizer.extend(counted_model()[0], LABELS, encoder="fake")
    assert "pass examples= or background=" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lose": 1.0}, "lose is 1.0"),
        ({"lose": True}, "lose is True"),
        ({"examples": {"light": []}}, "'light' is no label of the model: its 3 labels begin with"),
    ],
)
def test_what_does_not_fit_is_told(options, message):
    with pytest.raises(ModelError, match=message):
        Recognizer.extend(counted_model()[0], LABELS, encoder="fake", **options)


def test_more_that_does_not_fit_is_told(extended, pictures):
    with pytest.raises(ImageError, match="none of the examples"):
        Recognizer.extend(counted_model()[0], LABELS, encoder="fake", examples=[b"nothing"])
    for level in (float("nan"), float("inf"), "high"):
        with pytest.raises(ModelError, match="finite number of nats"):
            extended.set_level(level)
    with pytest.raises(ModelError, match="for 6 pictures"):
        extended.tradeoff(pictures, ["bright"])
    with pytest.raises(ModelError, match="'sky' is no label of the model and no new species"):
        extended.tradeoff(pictures, ["sky"] * 6)
    extended.remove("ruby")
    with pytest.raises(LibraryError, match="no new species"):
        extended.tradeoff()
