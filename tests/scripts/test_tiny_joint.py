"""CutMix, and where the second stage may start."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

TINY = Path(__file__).parents[2] / "fgmm" / "weights" / "tiny"


@pytest.fixture
def joint(script):
    return script("tiny_training.stage_joint")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_quarter_cut_in_by_hand(joint):
    """0.75 of 4 x 4 stays: a square of side 4 sqrt(0.25) = 2, 4 pixels of 16."""
    views, others = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    mixed, share = joint.cut_in(views, others, 0.75, generator())
    assert share == 0.75
    assert (mixed.sum((2, 3)) == 4).all()
    rows, columns = mixed[0, 0].amax(1), mixed[0, 0].amax(0)
    assert rows.sum() == columns.sum() == 2
    assert (mixed == mixed[:1, :1]).all()  # at the same place in every picture
    assert (views == 0).all()  # what was given is as it was


def test_the_share_is_what_is_left_of_the_pictures(joint):
    @given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 1000))
    def check(side, wanted, seed):
        views, others = torch.zeros(2, 1, side, side), torch.ones(2, 1, side, side)
        mixed, share = joint.cut_in(views, others, wanted, generator(seed))
        assert share == pytest.approx((mixed == 0).double().mean().item(), abs=1e-12)
        assert abs(share - wanted) <= (side + 0.25) / side**2  # half a pixel along two edges

    check()


def test_the_cut_goes_everywhere(joint):
    views, others = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    found = sum(joint.cut_in(views, others, 0.75, generator(s))[0] for s in range(60))
    assert (found > 0).all()


def test_own_pixels_of_each_picture_and_its_partner(joint):
    views = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 1, 6, 6)
    mixed, _ = joint.cut_in(views, views + 10, 0.5, generator())
    for k, picture in enumerate(mixed):
        assert set(picture.unique().tolist()) == {k, k + 10}


def test_from_the_first_stage_come_trunk_and_heads(joint, tmp_path):
    state = {"trunk.a": torch.ones(2), "heads.b": torch.zeros(1), "own.c": torch.ones(3)}
    torch.save({"average": state, "model": {"trunk.a": torch.zeros(2)}}, tmp_path / "classes.pt")
    found = joint.first_weights(tmp_path / "classes.pt")
    assert set(found) == {"trunk.a", "heads.b"}
    assert torch.equal(found["trunk.a"], torch.ones(2))


def test_from_a_shipped_folder_comes_the_image_tower_in_full_precision(joint, tmp_path):
    shipped = {
        "visual.trunk.conv": torch.full((2, 2), 0.5).half(),
        "visual.trunk.seen": torch.tensor(7),
        "visual.head.proj.weight": torch.eye(2).half(),
        "text.table": torch.ones(2, 2).half(),
        "logit_scale": torch.tensor(3.0),
    }
    save_file(shipped, tmp_path / "open_clip_model.safetensors")
    found = joint.first_weights(tmp_path)
    assert {k: v.dtype for k, v in found.items()} == {
        "trunk.conv": torch.float32,
        "trunk.seen": torch.int64,
        "proj.weight": torch.float32,
    }
    assert torch.equal(found["trunk.conv"], torch.full((2, 2), 0.5))
    assert torch.equal(found["proj.weight"], torch.eye(2))


def test_the_shipped_encoder_fills_the_whole_image_tower(joint):
    model = joint.Joint({"general": 3})
    loaded = model.load_state_dict(joint.first_weights(TINY), strict=False)
    assert loaded.unexpected_keys == []
    left = {key.split(".")[0] for key in loaded.missing_keys}
    assert left == {"meaning", "own", "heads", "turns", "log_scale"}
    stored = load_file(TINY / "open_clip_model.safetensors")
    assert torch.equal(model.proj.weight, stored["visual.head.proj.weight"].float())
