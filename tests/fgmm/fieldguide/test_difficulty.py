"""Is the guide fine-grained? Colours and thumbnails must not be enough to name a species."""

from __future__ import annotations

import numpy as np
import pytest

from fgmm.fieldguide.drawing import draw_bird

WAYS, TRIALS, SHOTS, QUERIES = 20, 40, 12, 6


def histogram(picture: np.ndarray) -> np.ndarray:
    codes = (picture // 43).reshape(-1, 3) @ [36, 6, 1]
    return np.sqrt(np.bincount(codes, minlength=216))


def thumbnail(picture: np.ndarray) -> np.ndarray:
    return picture.reshape(8, 8, 8, 8, 3).mean((1, 3)).ravel()


def border(picture: np.ndarray) -> np.ndarray:
    small = picture.reshape(16, 4, 16, 4, 3).mean((1, 3))
    edge = np.ones((16, 16), bool)
    edge[2:-2, 2:-2] = False
    return small[edge].ravel()


def nearest_neighbour_accuracy(pictures: np.ndarray, look, rng: np.random.Generator) -> float:
    """20-way accuracy of the nearest of 12 pictures a species; (species, 18, 64, 64, 3)."""
    seen = np.array([[look(p) for p in row] for row in pictures], dtype=np.float32)
    scores = []
    for _ in range(TRIALS):
        some = seen[rng.choice(len(seen), WAYS, replace=False)]
        support = some[:, :SHOTS].reshape(WAYS * SHOTS, -1)
        query = some[:, SHOTS:].reshape(WAYS * QUERIES, -1)
        squares = (support**2).sum(1) - 2 * query @ support.T
        named = squares.argmin(1) // SHOTS
        scores.append((named == np.repeat(np.arange(WAYS), QUERIES)).mean())
    return float(np.mean(scores))


@pytest.fixture(scope="module")
def pictures(guide) -> np.ndarray:
    chosen = np.random.default_rng(0).choice(len(guide.species), 60, replace=False)
    return np.array(
        [
            [
                np.asarray(guide.draw(guide.species[i], seed=2 * j + 1, size=64).image)
                for j in range(SHOTS + QUERIES)
            ]
            for i in chosen
        ]
    )


@pytest.mark.parametrize("look", [histogram, thumbnail])
def test_colours_and_thumbnails_do_not_name_the_species(pictures, look):
    assert nearest_neighbour_accuracy(pictures, look, np.random.default_rng(1)) <= 0.40


def test_the_surroundings_say_nothing_about_the_species(pictures):
    # Chance is 5 %; the standard error over 40 x 120 queries is about a point.
    assert nearest_neighbour_accuracy(pictures, border, np.random.default_rng(1)) <= 0.10


@pytest.mark.parametrize("look", [histogram, thumbnail])
def test_the_measure_would_notice_an_easy_guide(guide, calm, look):
    # The same birds in nearly one pose, light and place: the measure names most of them.
    rng = np.random.default_rng(2)
    chosen = rng.choice(len(guide.species), 30, replace=False)
    places = rng.uniform(0.5, 0.52, SHOTS + QUERIES)
    easy = np.array(
        [
            [np.asarray(draw_bird(attributes, calm(place), 64)[0]) for place in places]
            for attributes in (guide.species[i].attributes for i in chosen)
        ]
    )
    assert nearest_neighbour_accuracy(easy, look, rng) > 0.60
