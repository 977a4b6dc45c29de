from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from fgmm import load_encoder
from fgmm.encoders.fake_senses import COLOURS, SHAPES
from fgmm.errors import TextTooLong


def draw(colour: str, shape: str, ground: str) -> Image.Image:
    picture = Image.new("RGB", (100, 100), ground)
    pencil = ImageDraw.Draw(picture)
    if shape == "circle":
        pencil.ellipse((20, 20, 80, 80), fill=colour)
    elif shape == "square":
        pencil.rectangle((20, 20, 80, 80), fill=colour)
    else:
        pencil.polygon([(50, 20), (80, 80), (20, 80)], fill=colour)
    return picture


@pytest.mark.parametrize("ground", ["white", "grey", "cyan"])
def test_every_drawing_is_named_rightly(ground):
    encoder = load_encoder("fake")
    names = [(c, s) for c in ("red", "green", "yellow", "blue", "pink") for s in SHAPES]
    texts = encoder.encode_texts([f"a photo of a {c} {s}" for c, s in names])
    pictures = encoder.encode_images([draw(c, s, ground) for c, s in names])
    assert pictures.cosine(texts).argmax(dim=1).tolist() == list(range(len(names)))


@pytest.mark.parametrize("colour", COLOURS)
def test_every_plain_colour_is_named_rightly(colour):
    encoder = load_encoder("fake")
    picture = encoder.encode_images([Image.new("RGB", (9, 9), COLOURS[colour])])
    cosines = picture.cosine(encoder.encode_texts(list(COLOURS)))
    assert list(COLOURS)[int(cosines.argmax())] == colour


def test_sigmoid_says_yes_to_the_right_text_and_no_to_the_wrong_one():
    encoder = load_encoder("fake:sigmoid")
    assert encoder.scoring == "sigmoid"
    picture = encoder.encode_images([Image.new("RGB", (9, 9), "red")])
    texts = encoder.encode_texts(["red", "blue", "an umbrella"])
    logits = encoder.logit_scale * picture.cosine(texts)[0] + encoder.logit_bias
    assert (logits > 0).tolist() == [True, False, False]


def test_softmax_and_sigmoid_share_a_space():
    assert load_encoder("fake").space == load_encoder("fake:sigmoid").space


def test_unknown_words_have_directions_that_differ():
    encoder = load_encoder("fake")
    cosines = encoder.encode_texts(["albatross", "booby"])
    assert float(cosines.cosine(cosines)[0, 1]) < 0.999


def test_vectors_are_the_same_in_every_process():
    code = (
        "import fgmm, json; e = fgmm.load_encoder('fake')\n"
        "print(json.dumps(e.encode_texts(['Laysan albatross, red']).vectors[0].tolist()))"
    )
    given = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    here = load_encoder("fake").encode_texts(["Laysan albatross, red"]).vectors[0]
    assert torch.equal(torch.tensor(json.loads(given)), here)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_gets_a_unit_vector_of_its_own(texts):
    encoder = load_encoder("fake")
    together = encoder.encode_texts(texts).vectors
    assert together.shape == (len(texts), encoder.dim)
    for row, text in zip(together, texts, strict=True):
        assert torch.equal(row, encoder.encode_texts([text]).vectors[0])


def test_thirty_two_words_are_read_and_thirty_three_are_not():
    encoder = load_encoder("fake")
    encoder.encode_texts([" ".join(["moss"] * 32)])
    with pytest.raises(TextTooLong, match=r"a text of 33 tokens is longer than the 32 that 'fake'"):
        encoder.encode_texts([" ".join(["moss"] * 33)])


def test_truncating_keeps_the_beginning_and_says_so():
    encoder = load_encoder("fake", on_long="truncate")
    long = " ".join(["moss"] * 32 + ["red"])
    with pytest.warns(UserWarning, match="1 of 2 texts were cut to the 32 tokens that 'fake'"):
        cut = encoder.encode_texts(["red", long])
    assert torch.equal(cut.vectors[1], encoder.encode_texts([" ".join(["moss"] * 32)]).vectors[0])


@pytest.mark.parametrize("wrong", ["red", ["red", 7]])
def test_texts_are_a_list_of_strings(wrong):
    with pytest.raises(TypeError, match=r"texts is a list|text 1 is a int"):
        load_encoder("fake").encode_texts(wrong)


@pytest.mark.parametrize("wrong", [Image.new("RGB", (4, 4)), ["a.jpg"]])
def test_images_are_a_list_of_pictures(wrong):
    with pytest.raises(
        TypeError, match=r"images is a list|picture 0 is a str: .*fgmm.embed_images takes"
    ):
        load_encoder("fake").encode_images(wrong)
