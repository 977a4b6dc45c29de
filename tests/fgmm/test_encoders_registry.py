from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from fgmm import encoder_names, load_encoder
from fgmm.encoders import registry
from fgmm.encoders.fake import FakeEncoder
from fgmm.errors import EncoderBroken, EncoderNotFound, FgmmError


class Loud:
    """Another package's encoder: remembers what it was loaded with."""

    space, dim = "loud/1", 1

    def __init__(self, rest, *, device, dtype, on_long):
        self.asked = (rest, device, dtype, on_long)

    def encode_images(self, images, *, layer="joint"):
        raise NotImplementedError


def explode(rest, **_):
    return "no encoder"


@pytest.fixture
def entry_points(monkeypatch):
    """Pretend that packages are installed that offer encoders."""

    def offer(**values):
        points = [
            importlib.metadata.EntryPoint(name.rstrip("_"), value, "fgmm.encoders")
            for name, value in values.items()
        ]
        monkeypatch.setattr(
            importlib.metadata,
            "entry_points",
            lambda *, group: (
                importlib.metadata.EntryPoints(points)
                if group == "fgmm.encoders"
                else importlib.metadata.EntryPoints()
            ),
        )

    registry.forget_encoders()
    monkeypatch.setitem(sys.modules, "somebodys_encoders", sys.modules[__name__])
    yield offer
    registry.forget_encoders()


def test_names_are_sorted_and_hold_those_of_other_packages(entry_points):
    entry_points(loud="somebodys_encoders:Loud")
    assert encoder_names() == ["fake", "hf", "loud", "onnx", "openclip", "timm", "tiny"]


def test_listing_names_and_importing_fgmm_load_no_library():
    code = (
        "import sys, fgmm; names = fgmm.encoder_names()\n"
        "heavy = {'torch', 'open_clip', 'transformers', 'timm', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'openclip' in names"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_packages_encoder_gets_what_was_asked_for(entry_points):
    entry_points(loud="somebodys_encoders:Loud")
    encoder = load_encoder(
        "loud:some/thing:else", device="cpu", dtype="float16", on_long="truncate"
    )
    assert encoder.asked == ("some/thing:else", "cpu", "float16", "truncate")


def test_another_package_cannot_replace_an_encoder_of_ours(entry_points):
    entry_points(fake="somebodys_encoders:Loud")
    assert isinstance(load_encoder("fake"), FakeEncoder)
    assert encoder_names().count("fake") == 1


def test_two_packages_with_one_name_are_not_guessed_between(entry_points):
    entry_points(loud="somebodys_encoders:Loud", loud_="elsewhere:Loud")
    with pytest.raises(EncoderBroken, match=r"more than one package: elsewhere:Loud, somebodys"):
        load_encoder("loud")


def test_a_package_that_does_not_import_is_named(entry_points):
    entry_points(loud="no_such_module_at_all:Loud")
    with pytest.raises(EncoderBroken, match=r"'no_such_module_at_all:Loud', which does not load"):
        load_encoder("loud")


def test_a_factory_that_gives_no_encoder_is_refused(entry_points):
    entry_points(loud="somebodys_encoders:explode")
    with pytest.raises(EncoderBroken, match=r"'loud:x'.* gave str, which is no encoder"):
        load_encoder("loud:x")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("opneclip:ViT-B-16/openai", r"no encoder 'opneclip'. Did you mean 'openclip'\?"),
        ("Fake", r"no encoder 'Fake'. Did you mean 'fake'\?"),
        ("ViT-B-16/openai", r"before a colon, such as 'openclip:ViT-B-16/openai'"),
        ("fake:softsign", r"no encoder 'fake:softsign'. There are 'fake' and 'fake:sigmoid'"),
        ("openclip", r"'openclip' needs a model after the colon"),
        ("openclip:", r"'openclip' needs a model after the colon"),
        ("hf", r"'hf' needs a model after the colon"),
        ("timm:", r"'timm' needs a model after the colon"),
        ("tiny:large", r"no encoder 'tiny:large'"),
        ("", r"no encoder ''"),
    ],
)
def test_what_is_not_there_is_said_shortly(name, words):
    with pytest.raises(EncoderNotFound, match=words) as caught:
        load_encoder(name)
    assert isinstance(caught.value, LookupError)
    assert isinstance(caught.value, FgmmError)
    assert len(str(caught.value)) < 300


def test_an_encoder_is_given_back_as_it_is():
    encoder = FakeEncoder("sigmoid")
    assert load_encoder(encoder, device="cuda:77") is encoder


@pytest.mark.parametrize("thing", [FakeEncoder, 7, None])
def test_what_cannot_encode_is_refused(thing):
    with pytest.raises(EncoderNotFound, match="neither the name of an encoder nor an encoder"):
        load_encoder(thing)


def test_asking_again_gives_the_same_object_unless_asked_differently():
    first = load_encoder("fake")
    assert load_encoder("fake") is first
    assert load_encoder("fake", on_long="truncate") is not first
    registry.forget_encoders()
    assert load_encoder("fake") is not first


def test_a_wrong_on_long_is_refused():
    with pytest.raises(ValueError, match="on_long is 'error' or 'truncate', not 'cut'"):
        load_encoder("fake", on_long="cut")
