"""torch and torchvision of different builds: what the command line makes of it."""

from __future__ import annotations

import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from fgmm.command.application import app
from fgmm.command.torch_builds import DIFFERENT_BUILDS, check_builds, is_build_error
from fgmm.errors import WeightsNotFound

NMS = "operator torchvision::nms does not exist"
HALF = (
    "partially initialized module 'torchvision' has no attribute 'extension' (most likely due to "
    "a circular import)"
)


class Refusing:
    """Finds torchvision, and fails as one of another build does."""

    def __init__(self, error):
        self.error = error

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            raise self.error


@pytest.fixture
def failing(monkeypatch):
    def fail(error):
        monkeypatch.delitem(sys.modules, "torchvision", raising=False)
        monkeypatch.setattr(sys, "meta_path", [Refusing(error), *sys.meta_path])

    return fail


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_builds_that_fit_are_listed_and_nothing_is_said(monkeypatch):
    assert check_builds() is None
    told = run("doctor").stdout
    assert "torchvision" in told
    assert "different builds" not in told


@pytest.mark.parametrize("error", [RuntimeError(NMS), AttributeError(HALF)])
def test_doctor_names_a_torchvision_that_does_not_load(error, failing):
    failing(error)
    result = run("doctor")
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    assert "torch and torchvision are different builds; install both from one index" in told


def test_doctor_gives_other_errors_as_they_are(failing):
    failing(OSError("libjpeg.so: no such file"))
    assert check_builds() == "torchvision cannot be imported: OSError: libjpeg.so: no such file"


def test_builds_that_load_and_differ_are_named(monkeypatch):
    import torch
    import torchvision

    monkeypatch.setattr(torch, "__version__", "2.9.0+cpu")
    monkeypatch.setattr(torchvision, "__version__", "0.24.0+cu130")
    assert check_builds() == f"{DIFFERENT_BUILDS} (torch is +cpu, torchvision +cu130)"
    monkeypatch.setattr(torchvision, "__version__", "0.24.0")  # says nothing of its build
    assert check_builds() is None


@pytest.mark.parametrize("wrapped", [False, True])
def test_elsewhere_it_is_said_in_words_and_is_no_fault_of_ours(wrapped, monkeypatch, tmp_path):
    def load(*_, **__):
        try:
            raise RuntimeError(NMS)
        except RuntimeError as error:
            if wrapped:
                raise WeightsNotFound("no model") from error
            raise

    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", load)
    result = run("classify", str(tmp_path / "a.png"), "--labels", "a,b")
    assert result.exit_code == 2
    assert result.stderr == f"error: {DIFFERENT_BUILDS}\n"


def test_other_errors_are_not_taken_for_it():
    assert not is_build_error(None)
    assert not is_build_error(ValueError("torchvision:Flowers102 is not there"))
