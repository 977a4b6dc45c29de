"""Random views: each range, read off pictures from which it can be read."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

STILL = {"rotate": 0.0, "colour": 0.0, "hue": 0.0, "erase": 0.0}
N = 400


@pytest.fixture
def augment(script):
    return script("tiny_training.augment")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def ramp():
    """Red is the column, green the row: a view tells where each of its points came from."""
    along = torch.arange(256, dtype=torch.uint8)
    picture = torch.stack([along.expand(256, 256), along.view(-1, 1).expand(256, 256)])
    return torch.cat([picture, picture[:1]]).expand(N, 3, 256, 256)


def slopes(views):
    """d(column, row) / d(right, down) at the middle: Tensor of shape (n, 2, 2), 1 = one to one."""
    size = views.shape[-1]
    at = size // 2
    right = views[:, :2, at, at] - views[:, :2, at, at - 1]
    down = views[:, :2, at, at] - views[:, :2, at - 1, at]
    return torch.stack([right, down], -1) * 255 * size / 256


def test_what_is_cut_covers_between_the_smallest_share_and_all(augment):
    views = augment.random_views(ramp(), 32, generator(), smallest=0.35, **STILL)
    slope = slopes(views)
    wide, high = slope[:, 0, 0].abs(), slope[:, 1, 1].abs()
    assert slope[:, 0, 1].abs().max() < 1e-3  # nothing is turned
    assert slope[:, 1, 0].abs().max() < 1e-3
    area = wide * high
    assert 0.35 - 1e-3 <= area.min() < 0.4
    assert 0.9 < area.max() <= 1 + 1e-3
    assert max(wide.max(), high.max()) <= 1 + 1e-3  # never more than the picture
    stretch = (wide / high).log() / 2
    assert stretch.abs().max() <= 0.22 + 1e-3
    assert stretch.abs().max() > 0.2


def test_half_the_views_are_mirrored_and_none_stands_on_its_head(augment):
    slope = slopes(augment.random_views(ramp(), 32, generator(), **STILL))
    mirrored = (slope[:, 0, 0] < 0).float().mean()
    assert abs(mirrored - 0.5) < 4 * 0.5 / N**0.5
    assert (slope[:, 1, 1] > 0).all()


@pytest.mark.parametrize("degrees", [5.0, 25.0])
def test_turns_stay_within_the_largest(augment, degrees):
    found = augment.random_views(
        ramp(), 32, generator(), smallest=0.5, **{**STILL, "rotate": degrees}
    )
    slope = slopes(found)
    angle = torch.atan2(slope[:, 0, 1], slope[:, 0, 0].abs()).abs() * 180 / math.pi
    assert 0.9 * degrees < angle.max() <= degrees + 0.1


def test_brightness_moves_by_no_more_than_colour(augment):
    """On plain grey contrast and saturation change nothing, and brightness is what is left."""
    grey = torch.full((N, 3, 16, 16), 102, dtype=torch.uint8)  # 0.4
    views = augment.random_views(grey, 16, generator(), **{**STILL, "colour": 0.3})
    gain = views.mean((1, 2, 3)) / 0.4
    assert (views - views.mean((1, 2, 3), keepdim=True)).abs().max() < 1e-5
    assert 0.7 - 1e-5 <= gain.min() < 0.73
    assert 1.27 < gain.max() <= 1.3 + 1e-5


def test_hue_is_the_spread_of_the_gains_of_channels(augment):
    grey = torch.full((4 * N, 3, 4, 4), 102, dtype=torch.uint8)
    views = augment.random_views(grey, 4, generator(), **{**STILL, "hue": 0.06})
    gains = views.mean((2, 3)) / 0.4
    assert abs(gains.std() - 0.06) < 0.003
    assert abs(gains.mean() - 1) < 0.003


def test_a_share_of_the_views_is_hidden_behind_a_grey_rectangle(augment):
    size = 100
    white = torch.full((N, 3, 20, 20), 255, dtype=torch.uint8)
    views = augment.random_views(white, size, generator(), **{**STILL, "erase": 0.25})
    hidden = views[:, 0] < 0.75
    assert (views[:, 0][hidden] == 0.5).all()
    assert (views[:, 0][~hidden] > 0.999).all()
    assert abs(hidden.any((1, 2)).float().mean() - 0.25) < 4 * (0.25 * 0.75 / N) ** 0.5
    for view in hidden[hidden.any((1, 2))]:
        tall, broad = view.any(1).sum(), view.any(0).sum()
        assert int(view.sum()) == int(tall * broad)  # a rectangle
        assert max(tall, broad) <= 0.45 * size + 1


def test_without_change_of_colour_a_plain_picture_stays_as_it_is(augment):
    plain = torch.tensor([10, 200, 90], dtype=torch.uint8).view(1, 3, 1, 1).expand(9, 3, 20, 20)
    views = augment.random_views(plain, 24, generator(), **{**STILL, "rotate": 30.0})
    assert torch.allclose(views, plain[:, :, :1, :1].float() / 255, atol=1e-6)


def test_views_are_pictures_whatever_the_ranges(augment):
    @given(
        st.integers(0, 2**20),
        st.floats(0.05, 1),
        st.floats(0, 90),
        st.floats(0, 0.9),
        st.floats(0, 0.2),
        st.floats(0, 1),
    )
    def check(seed, smallest, rotate, colour, hue, erase):
        noise = torch.randint(256, (3, 3, 12, 12), generator=generator(seed), dtype=torch.uint8)
        settings = {
            "smallest": smallest,
            "rotate": rotate,
            "colour": colour,
            "hue": hue,
            "erase": erase,
        }
        views = augment.random_views(noise, 10, generator(seed), **settings)
        assert views.shape == (3, 3, 10, 10)
        assert views.dtype == torch.float32
        assert 0 <= views.min() <= views.max() <= 1
        assert torch.equal(views, augment.random_views(noise, 10, generator(seed), **settings))

    check()


def test_every_set_has_its_look_and_its_share(script):
    stage = script("tiny_training.stage_classes")
    assert set(stage.LOOKS) == set(stage.SHARES)
    assert sum(stage.SHARES.values()) == pytest.approx(1)
