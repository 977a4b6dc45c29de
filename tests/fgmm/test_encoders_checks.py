"""check_encoder: every sentence broken once, on purpose."""

from __future__ import annotations

import threading
import types
import warnings

import pytest
import torch
from PIL import Image

from fgmm import Embeddings, check_encoder, load_encoder
from fgmm.embeddings import unit_rows
from fgmm.encoders.base import PreparingEncoder, prepares
from fgmm.encoders.fake import FakeEncoder
from fgmm.encoders.image_checks import IMAGE_CHECKS
from fgmm.encoders.preparing_checks import PREPARING_CHECKS
from fgmm.encoders.text_checks import TEXT_CHECKS
from fgmm.errors import EncoderBroken, ImageError


class BatchMean(FakeEncoder):
    """Sees what else is in the batch, as batch norm does in training."""

    def encode_images(self, images, *, layer="joint"):
        given = super().encode_images(images, layer=layer)
        if len(given) < 2:
            return given
        return Embeddings(
            unit_rows(given.vectors + 0.1 * given.vectors.mean(0, keepdim=True)), given.space
        )


class Drawing(FakeEncoder):
    """Draws torch's random numbers, and so changes those of its caller."""

    def encode_images(self, images, *, layer="joint"):
        torch.rand(1)
        return super().encode_images(images, layer=layer)


class Long(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        given = super().encode_images(images, layer=layer)
        return types.SimpleNamespace(vectors=2 * given.vectors, space=given.space)


class LongTexts(FakeEncoder):
    def encode_texts(self, texts):
        given = super().encode_texts(texts)
        return types.SimpleNamespace(vectors=2 * given.vectors, space=given.space)


class Double(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        given = super().encode_images(images, layer=layer)
        return types.SimpleNamespace(vectors=given.vectors.double(), space=given.space)


class WrongDim(FakeEncoder):
    dim = 47


class NoName(FakeEncoder):
    def __init__(self):
        super().__init__()
        self.space = ""


class NoRowsNoWidth(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        if not images:
            return Embeddings(torch.empty(0, 1), self.space)
        return super().encode_images(images, layer=layer)


class Sorting(FakeEncoder):
    """Gives rows in an order of its own."""

    def encode_images(self, images, *, layer="joint"):
        return super().encode_images(sorted(images, key=lambda x: x.tobytes()), layer=layer)


class Blind(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        grey = [Image.new("RGB", (9, 9), "grey") for _ in images]
        return super().encode_images(grey, layer=layer)


class Picky(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        if any(min(image.size) < 4 for image in images):
            raise ImageError("too small")
        return super().encode_images(images, layer=layer)


class OneSpace(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        given = super().encode_images(images, layer=layer)
        return Embeddings(given.vectors, self.space)


class AnyLayer(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        return super().encode_images(images, layer="features" if layer == "features" else "joint")


class Restless(FakeEncoder):
    """Names its space anew with every call."""

    calls = 0

    def encode_images(self, images, *, layer="joint"):
        self.calls += 1
        given = super().encode_images(images, layer=layer)
        return Embeddings(given.vectors, f"{given.space}/{self.calls}")


class Learning(FakeEncoder):
    """Remembers what it has seen."""

    seen = 0.0

    def encode_images(self, images, *, layer="joint"):
        given = super().encode_images(images, layer=layer)
        if len(images) < 4 or layer != "joint":
            return given
        self.seen += 0.01
        return Embeddings(unit_rows(given.vectors + self.seen), given.space)


class Scribbler(FakeEncoder):
    def encode_images(self, images, *, layer="joint"):
        given = super().encode_images(images, layer=layer)
        for image in images:
            image.putpixel((0, 0), (1, 2, 3))
        return given


class BadScale(FakeEncoder):
    logit_scale = 0.0


class BadScoring(FakeEncoder):
    def __init__(self):
        super().__init__()
        self.scoring = "maximum"


class TextBatch(FakeEncoder):
    def encode_texts(self, texts):
        given = super().encode_texts(texts)
        if len(given) < 2:
            return given
        return Embeddings(unit_rows(given.vectors + given.vectors.mean(0)), given.space)


class TwoSpaces(FakeEncoder):
    def encode_texts(self, texts):
        return Embeddings(super().encode_texts(texts).vectors, "words/1")


class CutsSilently(FakeEncoder):
    def __init__(self):
        super().__init__(on_long="truncate")

    def encode_texts(self, texts):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().encode_texts(texts)


class WrongError(FakeEncoder):
    def encode_texts(self, texts):
        if any(len(text) > 40 for text in texts):
            raise RuntimeError("index out of range in self")
        return super().encode_texts(texts)


class Preparing(FakeEncoder):
    """Keeps its promises, in two steps."""

    def prepare(self, image):
        return image.copy()

    def encode_prepared(self, pictures, *, layer="joint"):
        return self.encode_images(pictures, layer=layer)


class PreparesOtherwise(Preparing):
    """Loses a little more colour when it prepares."""

    def prepare(self, image):
        return image.point(lambda value: value // 64 * 64)


class PreparedElsewhere(Preparing):
    def encode_prepared(self, pictures, *, layer="joint"):
        return Embeddings(super().encode_prepared(pictures, layer=layer).vectors, "elsewhere")


class PreparesJointOnly(Preparing):
    def encode_prepared(self, pictures, *, layer="joint"):
        return self.encode_images(pictures)


class OneAtATime(Preparing):
    """Prepares in a place that all calls share."""

    def __init__(self):
        super().__init__()
        self.meeting = threading.Barrier(2)

    def prepare(self, image):
        self.place = image.copy()
        self.meeting.wait(9)
        return self.place


class PreparesInPlace(Preparing):
    def prepare(self, image):
        copy = image.copy()
        image.putpixel((0, 0), (1, 2, 3))
        return copy


class CannotPrepare(Preparing):
    def prepare(self, image):
        raise RuntimeError("no workers here")


BROKEN = [
    (NoName, "its_parts_are_there", "space is ''"),
    (WrongDim, "vectors_have_length_one", r"pictures came as \(4, 48\), and dim is 47"),
    (Long, "vectors_have_length_one", "a row's length is off one by 1"),
    (LongTexts, "vectors_have_length_one", "a row's length is off one by 1"),
    (Double, "vectors_have_length_one", "pictures came as torch.float64"),
    (NoRowsNoWidth, "no_pictures_no_rows", r"layer 'joint' gave \(0, 1\), not \(0, 48\)"),
    (Sorting, "a_picture_has_its_row", "in reverse order"),
    (BatchMean, "rows_do_not_depend_on_their_batch", r"row \d differs by 0\.\d+ alone and in a"),
    (Blind, "pictures_are_told_apart", "two different pictures have the same vector"),
    (Picky, "picture_size_does_not_matter", "raised ImageError: too small"),
    (OneSpace, "layers_have_their_own_space", "are both called 'fake/1'"),
    (AnyLayer, "layers_have_their_own_space", "'fgmm-no-such-layer' is not refused"),
    (Restless, "space_is_stable", "the space is now fake/1 now fake/1/1"),
    (Learning, "asking_changes_nothing", "differs by 0.0"),
    (Scribbler, "asking_changes_nothing", "a picture was changed"),
    (Drawing, "asking_changes_nothing", "it drew torch's random numbers"),
    (PreparesOtherwise, "prepared_pictures_give_the_same_rows", r"differs by .* in 4 threads"),
    (PreparedElsewhere, "prepared_pictures_give_the_same_rows", "'joint' is in 'elsewhere' and"),
    (PreparesJointOnly, "prepared_pictures_give_the_same_rows", "'features' is in 'fake/1' and in"),
    (OneAtATime, "prepared_pictures_give_the_same_rows", r"row \d+ differs by .* in 4 threads"),
    (CannotPrepare, "prepared_pictures_give_the_same_rows", "RuntimeError: no workers here"),
    (PreparesInPlace, "preparing_changes_no_picture", "a picture was changed"),
    (BadScale, "logits_can_be_read", "logit_scale is 0.0, not a positive float"),
    (BadScoring, "logits_can_be_read", "scoring is 'maximum'"),
    (TextBatch, "texts_do_not_depend_on_their_batch", r"row \d differs by"),
    (TwoSpaces, "pictures_and_texts_share_a_space", "'fake/1' and texts in 'words/1'"),
    (CutsSilently, "texts_are_never_cut_silently", "a text of 33 words was taken without a word"),
    (WrongError, "texts_are_never_cut_silently", "raised RuntimeError, not TextTooLong"),
]
CHECKS = {check.__name__: check for check in (*IMAGE_CHECKS, *PREPARING_CHECKS, *TEXT_CHECKS)}


@pytest.mark.parametrize(
    ("kind", "sentence", "words"), BROKEN, ids=lambda x: getattr(x, "__name__", "")
)
def test_a_broken_sentence_is_caught_by_its_check(kind, sentence, words):
    with pytest.raises(EncoderBroken, match=words) as caught:
        CHECKS[sentence](kind(), 2e-3)
    assert f"breaks {sentence}" in str(caught.value)
    with pytest.raises(EncoderBroken):
        check_encoder(kind())


def test_every_sentence_is_broken_here_once():
    assert {sentence for _, sentence, _ in BROKEN} == set(CHECKS)


@pytest.mark.parametrize("model", ["openclip_timm", "timm"])
def test_a_model_left_in_training_mode_is_caught(model, encoder_name, copied_folder):
    name, _ = copied_folder(model)
    encoder = load_encoder(name)
    check_encoder(encoder)
    encoder._model.train()
    with pytest.raises(EncoderBroken, match=r"breaks \w+: row \d differs by") as caught:
        check_encoder(encoder)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_encoder_without_texts_gets_the_image_checks_alone():
    class Pictures:
        space, dim = FakeEncoder().space, 48

        def encode_images(self, images, *, layer="joint"):
            return FakeEncoder().encode_images(images, layer=layer)

    check_encoder(Pictures())


def test_an_encoder_that_prepares_is_checked_for_that_too():
    assert isinstance(Preparing(), PreparingEncoder)
    check_encoder(Preparing())

    class OneStep(FakeEncoder):
        """Whatever its `prepare` is for, it is not asked."""

        def prepare(self):
            raise AssertionError

    assert not prepares(OneStep())
    check_encoder(OneStep())


def test_an_encoder_that_imports_nothing_of_ours_passes():
    class Plain:
        space, dim = "plain/1", 3

        def encode_images(self, images, *, layer="joint"):
            if layer not in ("joint", "features"):
                raise KeyError(layer)
            rows = [torch.tensor(image.resize((1, 1)).getpixel((0, 0))) + 1.0 for image in images]
            vectors = torch.stack(rows) if rows else torch.empty(0, 3)
            vectors = torch.nn.functional.normalize(vectors, dim=1)
            return types.SimpleNamespace(
                vectors=vectors, space=f"plain/1/{layer}"[: 7 + 9 * (layer != "joint")]
            )

    check_encoder(Plain())


def test_tolerance_is_the_callers():
    class Rough(FakeEncoder):
        def encode_images(self, images, *, layer="joint"):
            given = super().encode_images(images, layer=layer)
            return Embeddings(unit_rows(given.vectors + 0.0005 * len(images)), given.space)

    check_encoder(Rough(), tolerance=0.05)
    with pytest.raises(EncoderBroken, match="differs by"):
        check_encoder(Rough(), tolerance=1e-3)
