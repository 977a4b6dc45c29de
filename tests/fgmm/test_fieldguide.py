"""The field guide: is everything it says about a picture true, and is it hard enough?"""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgmm.fieldguide import ATTRIBUTES, PARTS, FieldGuide
from fgmm.fieldguide.drawing import draw_bird
from fgmm.fieldguide.species import describe, invent_species

SIZE = 160
DEFAULTS = {"plain", "no"}
PLAIN_BIRD = {
    "size": "large",
    "bill shape": "dagger",
    "bill colour": "orange",
    "back colour": "brown",
    "breast colour": "buff",
    "breast pattern": "plain",
    "crown": "plain",
    "crest": "no",
    "eyebrow": "no",
    "eye ring": "no",
    "throat": "plain",
    "wing bars": "no",
    "tail shape": "short",
    "legs": "red",
}
# Where a mark is looked for. What is not here (size, back, tail) changes the outline itself.
HOME_OF = {
    "bill shape": "bill",
    "bill colour": "bill",
    "breast pattern": "breast",
    "crown": "crown",
    "crest": "crown",
    "eye ring": "eye",
    "throat": "throat",
    "wing bars": "wing",
    "legs": "legs",
}
ALONE_IN_ITS_BOX = {  # colours that fill their part's box from edge to edge
    "bill colour": ("black", "yellow"),
    "crown": ("red", "yellow"),
    "throat": ("black", "red"),
    "eye ring": ("white", "yellow"),
}
PAIRS = [
    (key, *pair) for key, values in ATTRIBUTES.items() for pair in itertools.combinations(values, 2)
]


class Calm:
    """A generator without chance: every draw lies at the same place in its range.

    Two birds drawn with it differ in nothing but their attributes, in however many draws an
    attribute takes, so every pixel that differs is due to the attribute.
    """

    def __init__(self, place: float) -> None:
        self.place = place

    def uniform(self, low, high, size=None):
        value = np.asarray(low, float) + self.place * (np.asarray(high, float) - low)
        if size is not None:
            return np.broadcast_to(value, size).copy()
        return float(value) if value.ndim == 0 else value

    def normal(self, mean=0.0, spread=1.0, size=None):
        return mean if size is None else np.full(size, float(mean))

    def random(self):
        return self.place

    def choice(self, values):
        return values[int(self.place * len(values))]

    def integers(self, low, high=None):
        return int(self.place * low) if high is None else int(low + self.place * (high - low))

    def permutation(self, colours):
        return colours[::-1]  # sky first, the birds' own colours last


def pixels(image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


def changed(key: str, one: str, other: str, place: float) -> tuple[np.ndarray, dict, dict]:
    """Where the picture changes if one attribute does, and the boxes before and after."""
    first, boxes = draw_bird({**PLAIN_BIRD, key: one}, Calm(place), SIZE)
    second, other_boxes = draw_bird({**PLAIN_BIRD, key: other}, Calm(place), SIZE)
    return np.abs(pixels(first) - pixels(second)).max(-1), boxes, other_boxes


@pytest.fixture(scope="module")
def guide() -> FieldGuide:
    return FieldGuide()


# --- the species


def test_two_hundred_and_forty_species_with_names_of_their_own(guide):
    assert len(guide.species) == 240
    assert len({s.name for s in guide.species}) == 240
    assert len({s.scientific_name for s in guide.species}) == 240
    assert len({tuple(s.attributes.values()) for s in guide.species}) == 240


def test_every_species_has_a_value_for_every_attribute(guide):
    for species in guide.species:
        assert list(species.attributes) == list(ATTRIBUTES)
        assert all(species.attributes[key] in values for key, values in ATTRIBUTES.items())


def test_every_value_of_every_attribute_is_worn_by_a_base_and_a_novel_species(guide):
    for part in (guide.base, guide.novel):
        for key, values in ATTRIBUTES.items():
            assert {s.attributes[key] for s in part} == set(values)


def test_base_and_novel_part_the_guide(guide):
    assert len(guide.novel) == 80
    assert {s.name for s in guide.base}.isdisjoint(s.name for s in guide.novel)
    names = sorted(s.name for s in (*guide.base, *guide.novel))
    assert names == sorted(s.name for s in guide.species)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_every_species_has_a_neighbour_that_differs_in_one_or_two_attributes(seed):
    species = FieldGuide(seed).species
    table = np.array([list(s.attributes.values()) for s in species])
    apart = (table[:, None] != table[None]).sum(-1)
    np.fill_diagonal(apart, len(ATTRIBUTES))
    assert apart.min(1).max() <= 2
    assert apart.min() >= 1


def test_another_seed_is_another_guide(guide):
    other = FieldGuide(1)
    assert not {tuple(s.attributes.values()) for s in guide.species} >= {
        tuple(s.attributes.values()) for s in other.species
    }
    assert [s.name for s in FieldGuide(0).species] == [s.name for s in guide.species]


def test_differences_name_both_values(guide):
    one, two = guide.species[0], guide.species[1]
    there, back = one.differences(two), two.differences(one)
    assert there == {key: (a, b) for key, (b, a) in back.items()}
    assert one.differences(one) == {}


def test_what_is_known_of_a_species_cannot_be_changed(guide):
    with pytest.raises(TypeError, match="does not support item assignment"):
        guide.species[0].attributes["size"] = "huge"
    with pytest.raises(AttributeError, match="cannot assign"):
        guide.species[0].name = "phoenix"


@pytest.mark.parametrize(("genera", "each"), [(0, 6), (136, 6), (40, 0), (40, 11)])
def test_a_guide_that_cannot_be_named_is_refused(genera, each):
    with pytest.raises(ValueError, match=rf"no guide of {genera} genera with {each} species"):
        invent_species(genera, each)


# --- the sentence

birds = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in ATTRIBUTES.items()})


def test_the_sentence_says_every_mark(guide):
    for species in guide.species:
        words = species.sentence.replace(",", "").split()
        for key, value in species.attributes.items():
            if value not in DEFAULTS:
                assert value in words, (species.sentence, key)
        for mark in ("crown", "crest", "eyebrow", "eye ring", "throat", "wing bars"):
            worn = species.attributes[mark] not in DEFAULTS
            assert (mark.removesuffix("s") in species.sentence) == worn, (species.sentence, mark)


def test_a_sentence_worked_by_hand():
    bird = {**PLAIN_BIRD, "eye ring": "white", "wing bars": "two", "breast pattern": "barred"}
    assert describe(bird) == (
        "a large brown bird with a dagger orange bill, a white eye ring, a barred buff breast, "
        "two white wing bars, a short tail and red legs"
    )


@given(bird=birds, key=st.sampled_from(sorted(ATTRIBUTES)), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_bird_that_differs_reads_differently(bird, key, data):
    other = {**bird, key: data.draw(st.sampled_from(ATTRIBUTES[key]))}
    assert (describe(bird) == describe(other)) == (bird == other)


# --- the picture


def fingerprint() -> str:
    seen = hashlib.sha256()
    guide = FieldGuide()
    for i in (0, 17, 101, 239):
        plate = guide.draw(guide.species[i], seed=i, size=64)
        seen.update(plate.image.tobytes() + repr(sorted(plate.boxes.items())).encode())
    return seen.hexdigest()


def test_the_same_seed_is_the_same_picture_in_another_process_too():
    code = "\n".join(
        [
            "import hashlib",
            "from fgmm.fieldguide import FieldGuide",
            "seen, guide = hashlib.sha256(), FieldGuide()",
            "for i in (0, 17, 101, 239):",
            "    plate = guide.draw(guide.species[i], seed=i, size=64)",
            "    seen.update(plate.image.tobytes() + repr(sorted(plate.boxes.items())).encode())",
            "print(seen.hexdigest())",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == fingerprint() == fingerprint()


def test_another_seed_another_species_or_another_guide_is_another_picture(guide):
    def drawn(of: FieldGuide, species: int, seed: int) -> bytes:
        return of.draw(of.species[species], seed=seed, size=48).image.tobytes()

    four = [drawn(guide, 3, 5), drawn(guide, 3, 6), drawn(guide, 4, 5), drawn(FieldGuide(1), 3, 5)]
    assert len(set(four)) == 4


def test_a_plate_carries_the_whole_truth(guide):
    species = guide.species[42]
    plate = guide.draw(species.name, seed=8, size=50)
    assert plate.species is species
    assert plate.attributes is species.attributes
    assert plate.sentence == describe(species.attributes)
    assert (plate.image.mode, plate.image.size) == ("RGB", (50, 50))


def test_an_unknown_name_is_answered_with_the_nearest(guide):
    name = guide.species[0].name
    assert name in guide
    assert name[:-1] not in guide
    with pytest.raises(KeyError, match=rf"no species named .* did you mean '{name}'"):
        guide.draw(name[:-1], seed=0)


@pytest.mark.parametrize(("seed", "size"), [(-1, 160), (0, 31)])
def test_what_cannot_be_drawn_is_refused(guide, seed, size):
    with pytest.raises(ValueError, match=f"seed {seed} at {size} pixels"):
        guide.draw(guide.species[0], seed=seed, size=size)


@pytest.mark.parametrize("size", [32, 96, 160])
def test_every_part_has_a_box_inside_the_picture(guide, size):
    for i, species in enumerate(guide.species[::4]):
        plate = guide.draw(species, seed=i, size=size)
        assert set(plate.boxes) == set(PARTS)
        for part, (left, top, right, bottom) in plate.boxes.items():
            assert 0 <= left < right <= size, (species.name, part)
            assert 0 <= top < bottom <= size, (species.name, part)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("key", "one", "other"), PAIRS)
def test_every_attribute_can_be_seen(key, one, other, place):
    difference, boxes, other_boxes = changed(key, one, other, place)
    seen = difference > 10
    assert seen.sum() >= 10
    if key in HOME_OF:
        rows, columns = np.nonzero(seen)
        part = HOME_OF[key]
        corners = np.array([boxes[part], other_boxes[part]])
        (left, top), (right, bottom) = corners[:, :2].min(0), corners[:, 2:].max(0)
        inside = (columns >= left - 2) & (columns < right + 2)
        inside &= (rows >= top - 2) & (rows < bottom + 2)
        assert inside.mean() > 0.95


def test_no_two_species_of_the_guide_look_alike(guide):
    # A white throat on a white breast is a mark that cannot be seen: no twin may hang on it.
    seen = {draw_bird(s.attributes, Calm(0.5), 64)[0].tobytes() for s in guide.species}
    assert len(seen) == len(guide.species)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("key", ALONE_IN_ITS_BOX)
def test_the_box_is_where_the_part_is(key, place):
    difference, boxes, _ = changed(key, *ALONE_IN_ITS_BOX[key], place)
    rows, columns = np.nonzero(difference)
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    # A part may be overlapped a little by the next: two pixels at 160.
    np.testing.assert_allclose(boxes[HOME_OF[key]], found, atol=2.5)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_the_box_of_the_legs_reaches_up_under_the_feathers(place):
    # Belly and branch hide some of the legs; what can be seen fills the lower half at least.
    difference, boxes, _ = changed("legs", "black", "yellow", place)
    rows, columns = np.nonzero(difference)
    left, top, right, bottom = boxes["legs"]
    assert columns.min() >= left - 2
    assert columns.max() + 1 <= right + 2
    assert top <= rows.min() <= (top + bottom) / 2
    assert abs(rows.max() + 1 - bottom) <= 5


def test_a_small_picture_is_the_large_one_seen_from_afar(guide):
    # Boxes scale with the picture: a part is where it was, whatever the size.
    large = guide.draw(guide.species[9], seed=4, size=160)
    small = guide.draw(guide.species[9], seed=4, size=80)
    for part in PARTS:
        np.testing.assert_allclose(np.array(large.boxes[part]) / 2, small.boxes[part], atol=1.5)


# --- is it hard enough?

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
                pixels(guide.draw(guide.species[i], seed=2 * j + 1, size=64).image)
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
def test_the_measure_would_notice_an_easy_guide(guide, look):
    # The same birds in nearly one pose, light and place: the measure names most of them.
    rng = np.random.default_rng(2)
    chosen = rng.choice(len(guide.species), 30, replace=False)
    easy = np.array(
        [
            [
                pixels(draw_bird(guide.species[i].attributes, Calm(rng.uniform(0.5, 0.52)), 64)[0])
                for _ in range(SHOTS + QUERIES)
            ]
            for i in chosen
        ]
    )
    assert nearest_neighbour_accuracy(easy, look, rng) > 0.60
