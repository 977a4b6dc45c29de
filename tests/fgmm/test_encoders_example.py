"""The example of another package's encoder, through its own entry point.

Continuous integration installs the package and runs its own tests; here its entry point is
read from its pyproject.toml, so that the example is tested where nothing can be installed.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from PIL import Image

from fgmm import check_encoder, encoder_names, load_encoder
from fgmm.encoders.registry import forget_encoders

EXAMPLE = Path(__file__).parents[2] / "examples" / "fgmm-plugin-example"


@pytest.fixture
def installed(monkeypatch):
    text = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition('[project.entry-points."fgmm.encoders"]')[2].partition("\n[")[0]
    points = [
        importlib.metadata.EntryPoint(name, value, "fgmm.encoders")
        for name, value in re.findall(r'^(\w+) = "(.+)"$', section, flags=re.MULTILINE)
    ]
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda *, group: importlib.metadata.EntryPoints(points)
    )
    forget_encoders()
    yield
    forget_encoders()


def test_it_is_found_by_name_and_keeps_its_promises(installed):
    assert "histogram" in encoder_names()
    check_encoder(load_encoder("histogram"))


@pytest.mark.parametrize("colour", ["red", "yellow", "green", "cyan", "blue", "magenta"])
def test_it_names_colours(colour, installed):
    encoder = load_encoder("histogram")
    picture = encoder.encode_images([Image.new("RGB", (32, 32), colour)])
    texts = [f"a {name} box" for name in ("red", "yellow", "green", "cyan", "blue", "magenta")]
    cosines = picture.cosine(encoder.encode_texts(texts))
    assert texts[int(cosines.argmax())] == f"a {colour} box"
