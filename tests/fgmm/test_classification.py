"""`classify`: one picture and many, and what its numbers mean."""

from __future__ import annotations

import io
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import fgmm
from fgmm import Prediction, Predictions, classify
from fgmm.embeddings import Embeddings
from fgmm.encoders.fake import FakeEncoder
from fgmm.errors import CandidateError, EncoderBroken, EncoderNotFound, ImageError, SpaceMismatch
from fgmm.prompts import forget_texts

COLOURS = ["red", "green", "blue", "yellow", "white", "black"]


def plain(colour: str) -> Image.Image:
    return Image.new("RGB", (24, 24), colour)


class Counting(FakeEncoder):
    def __init__(self, scoring: str = "softmax") -> None:
        super().__init__(scoring)
        self.space = f"counting/{id(self)}"
        self.text_calls = 0
        self.texts = 0

    def encode_texts(self, texts):
        self.text_calls += 1
        self.texts += len(texts)
        return Embeddings(super().encode_texts(texts).vectors, self.space)


class PicturesOnly:
    space = "pictures only"
    dim = 4

    def encode_images(self, images, *, layer="joint"):
        return Embeddings(torch.eye(4)[[0] * len(images)], self.space)


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget_texts()


@pytest.fixture
def folder(tmp_path):
    for colour in ("red", "green", "blue"):
        plain(colour).save(tmp_path / f"{colour}.png")
    return tmp_path


def test_colours_are_named():
    for colour in COLOURS:
        assert classify(plain(colour), COLOURS, encoder="fake").label == colour


def test_the_numbers_are_the_formula_by_hand():
    encoder = FakeEncoder()
    prediction = classify(plain("red"), ["red", "blue"], encoder=encoder, templates="{}")
    picture = encoder.encode_images([plain("red")]).vectors[0].double()
    texts = encoder.encode_texts(["red", "blue"]).vectors.double()
    cosines = [float(picture @ text) for text in texts]
    logits = [20 * cosine for cosine in cosines]
    total = sum(math.exp(logit) for logit in logits)
    np.testing.assert_allclose(prediction.cosines, cosines, atol=1e-6)
    np.testing.assert_allclose(prediction.logits, logits, atol=1e-5)
    np.testing.assert_allclose(
        prediction.probabilities, [math.exp(logit) / total for logit in logits], atol=1e-6
    )


def test_sigmoid_encoders_judge_each_by_itself():
    pair = classify(plain("red"), ["red", "blue"], encoder="fake:sigmoid", templates="{}")
    alone = classify(plain("red"), ["blue"], encoder="fake:sigmoid", templates="{}")
    assert pair.scoring == "sigmoid"
    # fake:sigmoid reads 20 * cosine - 12.
    np.testing.assert_allclose(pair.logits, 20 * pair.cosines - 12, atol=1e-5)
    np.testing.assert_allclose(
        pair.probabilities, 1 / (1 + np.exp(-pair.logits.numpy())), atol=1e-6
    )
    assert alone.probability == pytest.approx(float(pair.probabilities[1]), abs=1e-6)
    assert alone.generic is None


def test_evidence_adds_up_to_the_logits():
    for name in ("fake", "fake:sigmoid"):
        prediction = classify(plain("red"), COLOURS, encoder=name)
        assert set(prediction.evidence) == {"text"}
        torch.testing.assert_close(sum(prediction.evidence.values()), prediction.logits)


def test_a_single_candidate_gets_nothing_for_nothing():
    right = classify(plain("red"), ["red"], encoder="fake")
    wrong = classify(plain("red"), ["blue"], encoder="fake")
    text, logit = right.generic
    assert text == "a photo."
    assert wrong.probability < 0.5 < right.probability < 1
    # A softmax of two: the candidate and the generic text.
    share = math.exp(right.logits[0]) / (math.exp(right.logits[0]) + math.exp(logit))
    assert right.probability == pytest.approx(share, abs=1e-6)
    two = classify(plain("red"), {"red": "red", "generic": "a photo."}, encoder="fake")
    assert two.generic is None
    assert repr(right).endswith(", against 'a photo.'>")


class Angles:
    """Pictures at 0 degrees; "bird" at a cosine of 0.6 from them, all other texts at 0.28."""

    dim, context_length = 2, 9
    logit_scale, logit_bias = 10.0, -3.0

    def __init__(self, scoring: str) -> None:
        self.scoring = scoring
        self.space = f"angles/{scoring}"

    def encode_images(self, images, *, layer="joint"):
        return Embeddings(torch.tensor([[1.0, 0.0]] * len(images)), self.space)

    def encode_texts(self, texts):
        rows = [[0.6, 0.8] if text == "bird" else [0.28, 0.96] for text in texts]
        return Embeddings(torch.tensor(rows), self.space)


def test_a_single_candidate_of_an_encoder_with_a_bias_by_hand():
    softmax = classify(plain("red"), ["bird"], encoder=Angles("softmax"), templates="{}")
    # 10 x 0.6 - 3 = 3 against 10 x 0.28 - 3 = -0.2: a share of 1 / (1 + e^-3.2)
    assert float(softmax.logits[0]) == pytest.approx(3.0, abs=1e-5)
    assert softmax.generic == ("a photo.", pytest.approx(-0.2, abs=1e-5))
    assert softmax.probability == pytest.approx(0.960834, abs=1e-5)
    sigmoid = classify(plain("red"), ["bird"], encoder=Angles("sigmoid"), templates="{}")
    # by itself: 1 / (1 + e^-3)
    assert sigmoid.probability == pytest.approx(0.952574, abs=1e-5)
    assert sigmoid.generic is None


def test_labels_are_returned_as_given_whatever_their_texts():
    prediction = classify(
        plain("red"), {"Röt ": ["red", "crimson"], "鳥": "blue"}, encoder="fake", templates="{}"
    )
    assert prediction.label == "Röt "
    assert prediction.labels == ("Röt ", "鳥")


def test_equal_texts_score_equally():
    prediction = classify(plain("red"), {"a": "red", "b": "blue", "c": "red"}, encoder="fake")
    assert prediction.logits[0] == pytest.approx(float(prediction.logits[2]), abs=1e-5)
    assert prediction.label in ("a", "c")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(COLOURS), st.sampled_from(["fake", "fake:sigmoid"]))
def test_permuting_candidates_permutes_the_answer(order, name):
    picture = plain("teal")
    here, there = (classify(picture, labels, encoder=name) for labels in (COLOURS, order))
    where = [COLOURS.index(label) for label in order]
    torch.testing.assert_close(there.logits, here.logits[where])
    torch.testing.assert_close(there.probabilities, here.probabilities[where])
    assert there.label == here.label
    assert there.provenance == here.provenance


def test_the_nearest_text_is_named():
    encoder = FakeEncoder()
    words = classify(plain("red"), {"x": ["blue", "red"], "y": "green"}, encoder=encoder).explain()
    assert "x: " in words
    assert "nearest of 4 texts: 'red'" in words
    assert "nats = " in words


def test_provenance_names_encoder_classes_and_versions():
    provenance = classify(plain("red"), ["red", "blue"], encoder="fake").provenance
    assert provenance["encoder_space"] == FakeEncoder().space
    assert provenance["encoder_name"] == "fake"
    assert provenance["fgmm"] == fgmm.__version__
    assert provenance["torch"] == torch.__version__
    other = classify(plain("red"), ["red", "green"], encoder="fake").provenance
    assert provenance["class_set"] != other["class_set"]


def test_an_encoder_is_called_what_it_was_named_or_calls_itself(folder, encoder_name):
    def name_of(encoder, image):
        answer = classify(image, ["red", "blue"], encoder=encoder)
        one = answer if isinstance(answer, Prediction) else answer[0]
        return one.provenance["encoder_name"]

    loaded = encoder_name("openclip_clip")
    for image in (plain("red"), folder):
        assert name_of("fake:sigmoid", image) == "fake:sigmoid"
        assert name_of(fgmm.load_encoder(loaded), image) == loaded
        assert name_of(Angles("softmax"), image) == "Angles"  # has no name of its own


@pytest.mark.parametrize(
    "given_as",
    [
        lambda path: path,
        lambda path: str(path),
        lambda path: path.read_bytes(),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: Image.open(path),
        lambda path: np.asarray(Image.open(path)),
        lambda path: torch.from_numpy(np.array(Image.open(path))),
    ],
    ids=["Path", "str", "bytes", "file", "PIL", "numpy", "torch"],
)
def test_one_picture_however_given_is_one_prediction(folder, given_as):
    prediction = classify(given_as(folder / "red.png"), COLOURS, encoder="fake")
    assert isinstance(prediction, Prediction)
    assert prediction.label == "red"


def test_a_name_with_brackets_is_a_file_before_it_is_a_glob(folder):
    path = folder / "img[1].png"
    plain("red").save(path)
    assert isinstance(classify(str(path), COLOURS, encoder="fake"), Prediction)
    assert classify(path, COLOURS, encoder="fake").name == str(path)


@pytest.mark.parametrize(
    "given_as",
    [
        lambda folder: folder,
        lambda folder: str(folder),
        lambda folder: str(folder / "*.png"),
        lambda folder: sorted(folder.glob("*.png")),
        lambda folder: tuple(sorted(folder.glob("*.png"))),
        lambda folder: iter(sorted(folder.glob("*.png"))),
        lambda folder: (plain(colour) for colour in ("blue", "green", "red")),
        lambda folder: np.stack([np.asarray(plain(c)) for c in ("blue", "green", "red")]),
    ],
    ids=["folder", "str", "glob", "list", "tuple", "iterator", "generator", "array"],
)
def test_many_pictures_however_given_are_predictions_in_order(folder, given_as):
    predictions = classify(given_as(folder), COLOURS, encoder="fake")
    assert isinstance(predictions, Predictions)
    assert [prediction.label for prediction in predictions] == ["blue", "green", "red"]


def test_one_in_a_list_is_still_many_and_none_is_none():
    assert len(classify([plain("red")], COLOURS, encoder="fake")) == 1
    assert len(classify([], COLOURS, encoder="fake")) == 0


def test_a_bad_picture_fails_alone(folder):
    bad = folder / "broken.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n cut")
    pictures = [folder / "red.png", bad, folder / "none.png", folder / "blue.png"]
    predictions = classify(pictures, COLOURS, encoder="fake")
    assert [prediction.label for prediction in predictions] == ["red", "blue"]
    assert [prediction.name for prediction in predictions] == [str(pictures[0]), str(pictures[3])]
    assert [given for given, _ in predictions.failures] == [bad, folder / "none.png"]
    assert all(isinstance(error, ImageError) for _, error in predictions.failures)
    with pytest.raises(ImageError, match=r"broken\.png"):
        classify(bad, COLOURS, encoder="fake")


def test_a_picture_given_twice_is_answered_twice(folder):
    path = folder / "red.png"
    predictions = classify([path, folder / "blue.png", path], COLOURS, encoder="fake")
    assert [prediction.label for prediction in predictions] == ["red", "blue", "red"]
    assert len(predictions.to_dicts()) == 3


def test_many_and_one_agree():
    pictures = [plain(colour) for colour in COLOURS]
    many = classify(pictures, COLOURS, encoder="fake")
    for picture, prediction in zip(pictures, many, strict=True):
        alone = classify(picture, COLOURS, encoder="fake")
        torch.testing.assert_close(alone.logits, prediction.logits)


def test_a_thousand_pictures_take_one_text_encoding():
    encoder = Counting()
    pictures = [plain(COLOURS[i % 6]) for i in range(1_000)]
    predictions = classify(pictures, COLOURS, encoder=encoder)
    assert (encoder.text_calls, encoder.texts) == (1, 12)
    assert [prediction.label for prediction in predictions] == [COLOURS[i % 6] for i in range(1000)]
    for picture in pictures[:5]:
        classify(picture, list(COLOURS), encoder=encoder)
    assert encoder.text_calls == 1


def test_texts_come_before_pictures_so_that_mistakes_cost_nothing():
    def pictures():
        raise AssertionError("a picture was asked for")
        yield

    with pytest.raises(CandidateError, match="given twice"):
        classify(pictures(), ["red", "Red"], encoder="fake")


class Quick(FakeEncoder):
    """Knows "red", and takes every other text for "thing"."""

    def encode_texts(self, texts):
        vectors = super().encode_texts(["thing", "red"]).vectors
        return Embeddings(vectors[[int(text == "red") for text in texts]], self.space)


def test_forty_thousand_labels_fit():
    labels = [f"thing {i}" for i in range(39_999)] + ["red"]
    encoder = Quick()
    predictions = classify([plain("red")] * 110, labels, encoder=encoder, templates="{}")
    assert predictions[109].top(2)[0][0] == "red"
    assert [predictions[i].name for i in (103, 104, 109)] == ["#103", "#104", "#109"]
    # 110 x 40,000 logits are more than one block holds.
    assert len(predictions._items._last[1]) == 110 % 104
    exact = encoder.encode_images([plain("red")]).cosine(encoder.encode_texts(["thing", "red"]))
    halves = predictions[0].cosines[[7, -1]]
    torch.testing.assert_close(halves, exact[0], atol=1e-3, rtol=0)


def test_predictions_are_made_when_asked_for_and_the_same_each_time():
    predictions = classify([plain("red"), plain("blue")], COLOURS, encoder="fake")
    assert predictions[0] is predictions[0]
    assert predictions[-1].label == "blue"
    with pytest.raises(IndexError, match="2 predictions, none at 2"):
        _ = predictions[2]
    with pytest.raises(IndexError, match="none at -3"):
        _ = predictions[-3]


def test_a_prediction_survives_pickling():
    prediction = classify(plain("red"), COLOURS, encoder="fake")
    again = pickle.loads(pickle.dumps(prediction))  # noqa: S301
    assert again.explain() == prediction.explain()


def test_what_cannot_work_says_so():
    red = plain("red")
    with pytest.raises(
        CandidateError, match=r"knowledge is a object, not a KnowledgeGraph: .*read_graph"
    ):
        classify(red, COLOURS, encoder="fake", knowledge=object())
    with pytest.raises(EncoderBroken, match="reads pictures only"):
        classify(red, COLOURS, encoder=PicturesOnly())
    with pytest.raises(EncoderNotFound, match="Did you mean 'fake'"):
        classify(red, COLOURS, encoder="fkae")
    with pytest.raises(CandidateError, match="its letters"):
        classify(red, "red", encoder="fake")
    with pytest.raises(ImageError, match="int"):
        classify(3, COLOURS, encoder="fake")


def test_vectors_of_another_space_are_refused():
    class Confused(FakeEncoder):
        def encode_images(self, images, *, layer="joint"):
            return Embeddings(super().encode_images(images).vectors, "confused")

    with pytest.raises(SpaceMismatch, match="'confused'"):
        classify(plain("red"), COLOURS, encoder=Confused())
