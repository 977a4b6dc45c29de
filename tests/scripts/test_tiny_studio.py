"""Studio pictures laid on grounds: worked by hand on pictures of plain colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

RED, BLUE = (200, 30, 30), (20, 40, 180)
SIDE = 96


@pytest.fixture
def paste_studio(script):
    return script("tiny_training.studio").paste_studio


@pytest.fixture
def carton(tmp_path):
    """A red square frame on white, and white inside it: the label of a milk carton."""
    image = Image.new("RGB", (120, 120), "white")
    image.paste(RED, (20, 20, 100, 100))
    image.paste("white", (40, 40, 80, 80))
    image.save(tmp_path / "carton.png")
    return tmp_path / "carton.png"


@pytest.fixture
def grounds():
    return np.full((3, 40, 50, 3), BLUE, np.uint8)


def near(pixels, colour, tolerance=12):
    return (np.abs(pixels.astype(int) - colour) <= tolerance).all(-1)


def test_every_file_gives_its_copies_in_order(paste_studio, carton, tmp_path, grounds):
    Image.new("RGB", (50, 50), (10, 120, 10)).save(tmp_path / "green.png")
    made = paste_studio([carton, tmp_path / "green.png"], grounds, SIDE, 4)
    assert made.shape == (8, SIDE, SIDE, 3)
    assert made.dtype == np.uint8
    green = near(made, (10, 120, 10)).any((1, 2))
    assert green.tolist() == [False] * 4 + [True] * 4


def test_the_seed_alone_decides(paste_studio, carton, grounds):
    one, again, other = (paste_studio([carton], grounds, SIDE, 5, seed) for seed in (7, 7, 8))
    assert (one == again).all()
    assert (one != other).any()


def test_white_around_a_product_goes_and_white_inside_it_stays(paste_studio, carton, grounds):
    """The frame is 80 wide and its window 40: on a copy w wide the window is w / 2.

    The frame is cut out at its own edge, so it alone is w wide, between 0.45 and 1 of the
    side. Red and white together are the whole product, the rest is ground.
    """
    for copy in paste_studio([carton], grounds, SIDE, 20):
        white, red, blue = (near(copy, c) for c in ((255, 255, 255), RED, BLUE))
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        wide = columns[-1] - columns[0] + 1
        assert abs(wide - (rows[-1] - rows[0] + 1)) <= 1
        assert 0.45 * SIDE - 4 <= wide <= SIDE
        # soft edges are neither: a band of a few pixels on each of the eight sides
        assert abs(white.sum() - (wide / 2) ** 2) < 5 * wide
        middle = (rows[0] + rows[-1]) // 2, (columns[0] + columns[-1]) // 2
        assert white[middle]
        outside = np.ones_like(white)
        outside[max(0, rows[0] - 3) : rows[-1] + 4, max(0, columns[0] - 3) : columns[-1] + 4] = 0
        assert blue[outside].all()
        assert not white[outside].any()


def test_ground_shows_in_the_corners_of_a_round_product(paste_studio, tmp_path, grounds):
    """A disc covers pi / 4 of its box: the corners of the box are cut away with the white."""
    from PIL import ImageDraw

    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).ellipse((0, 0, 199, 199), fill=RED)
    image.save(tmp_path / "disc.png")
    for copy in paste_studio([tmp_path / "disc.png"], grounds, SIDE, 10):
        red = near(copy, RED)
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        box = copy[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert near(box[[0, 0, -1, -1], [0, -1, 0, -1]], BLUE).all()
        assert abs(near(box, RED).mean() - np.pi / 4) < 0.08


def test_grounds_are_drawn_from_all(paste_studio, carton):
    grounds = np.stack([np.full((30, 30, 3), shade, np.uint8) for shade in (0, 60, 120)])
    copies = paste_studio([carton], grounds, SIDE, 30)
    seen = {
        shade
        for copy in copies
        for shade in (0, 60, 120)
        if near(copy, (shade, shade, shade), 2).mean() > 0.05
    }
    assert seen == {0, 60, 120}


def test_a_picture_that_is_all_white_is_no_product_but_no_crash(paste_studio, tmp_path, grounds):
    Image.new("RGB", (40, 40), "white").save(tmp_path / "white.png")
    (copy,) = paste_studio([tmp_path / "white.png"], grounds, SIDE, 1)
    assert near(copy, BLUE).all()
