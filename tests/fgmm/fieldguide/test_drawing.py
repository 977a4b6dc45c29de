"""The pictures: the same again when asked again, and what is said of them is true."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest

from fgmm.fieldguide import ATTRIBUTES, PARTS, FieldGuide
from fgmm.fieldguide.drawing import draw_bird
from fgmm.fieldguide.species import describe

SIZE = 160
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


def pixels(image) -> np.ndarray:
    return np.asarray(image, dtype=np.int16)


def changed(calm, key: str, one: str, other: str) -> tuple[np.ndarray, dict, dict]:
    """Where the picture changes if one attribute does, and the boxes before and after."""
    first, boxes = draw_bird({**PLAIN_BIRD, key: one}, calm, SIZE)
    second, other_boxes = draw_bird({**PLAIN_BIRD, key: other}, calm, SIZE)
    return np.abs(pixels(first) - pixels(second)).max(-1), boxes, other_boxes


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
def test_every_attribute_can_be_seen(calm, key, one, other, place):
    difference, boxes, other_boxes = changed(calm(place), key, one, other)
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


def test_no_two_species_of_the_guide_look_alike(guide, calm):
    # A white throat on a white breast is a mark that cannot be seen: no twin may hang on it.
    seen = {draw_bird(s.attributes, calm(0.5), 64)[0].tobytes() for s in guide.species}
    assert len(seen) == len(guide.species)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("key", ALONE_IN_ITS_BOX)
def test_the_box_is_where_the_part_is(calm, key, place):
    difference, boxes, _ = changed(calm(place), key, *ALONE_IN_ITS_BOX[key])
    rows, columns = np.nonzero(difference)
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    # A part may be overlapped a little by the next: two pixels at 160.
    np.testing.assert_allclose(boxes[HOME_OF[key]], found, atol=2.5)


@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_the_box_of_the_legs_reaches_up_under_the_feathers(calm, place):
    # Belly and branch hide some of the legs; what can be seen fills the lower half at least.
    difference, boxes, _ = changed(calm(place), "legs", "black", "yellow")
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


def test_guide_and_plate_say_what_they_are():
    guide = FieldGuide(seed=3)
    novel = sum(s.novel for s in guide.species)
    assert repr(guide).startswith(f"<FieldGuide 3: {len(guide.species)} species in ")
    assert repr(guide).endswith(f"{len(guide.species) - novel} base and {novel} novel>")
    name = guide.species[0].name
    assert repr(guide.draw(name, seed=1, size=48)) == f"<Plate of {name!r}, 48 x 48 pixels>"
