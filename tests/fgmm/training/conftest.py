"""A folder of drawn birds, and small encoders to train."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fgmm.fieldguide import FieldGuide
from fgmm.training import Pairs, read_folder_pairs, tune_encoder

GUIDE = FieldGuide()
SPECIES = (GUIDE.species[0], GUIDE.species[30], GUIDE.species[60], GUIDE.species[90])
EACH = 6


@pytest.fixture(scope="session")
def birds(tmp_path_factory) -> Path:
    """Four species, six drawings of each, in folders called as they are."""
    folder = tmp_path_factory.mktemp("birds")
    for species in SPECIES:
        place = folder / species.name.replace(" ", "_")
        place.mkdir()
        for seed in range(EACH):
            GUIDE.draw(species, 2 * seed, size=40).image.save(place / f"{seed}.png")
    return folder


@pytest.fixture
def pairs(birds) -> Pairs:
    return read_folder_pairs(birds)


@pytest.fixture
def name(encoder_name) -> str:
    return encoder_name("openclip_clip")


@pytest.fixture
def run():
    """Train on the processor: ``run(name, pairs, folder, plan)``."""

    def train(name, pairs, folder, plan, **options):
        return tune_encoder(name, pairs, folder, plan=plan, device="cpu", progress=False, **options)

    return train


@pytest.fixture
def same():
    """Whether two trainings learned the very same."""

    def compare(one, other) -> bool:
        a, b = (
            load_file(Path(folder) / "adapter" / "adapter_model.safetensors")
            for folder in (one, other)
        )
        return set(a) == set(b) and all(torch.equal(a[key], b[key]) for key in a)

    return compare
