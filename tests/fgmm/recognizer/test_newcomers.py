"""Photos of another thing, added to a species that is there: the receipt doubts them."""

from __future__ import annotations

import pytest

from fgmm import Recognizer
from fgmm.recognition.newcomers import judge_newcomers


def test_a_folder_of_another_known_species_is_noticed(colours, shades):
    receipt = colours.add_photos("ruby", shades("sky", *range(20, 26)))
    assert receipt.unlike == (6, 6, "sky")
    assert receipt.advice.startswith(
        "These photos do not look like the ones before: 6 of 6 would be taken for sky."
    )
    assert receipt.advice in str(receipt)


def test_more_of_the_same_is_like_the_photos_before(colours, shades):
    receipt = colours.add_photos("ruby", shades("ruby", *range(20, 26)))
    assert receipt.unlike is None
    assert "Enough" in receipt.advice


def test_one_strange_photo_of_several_is_counted_and_is_no_doubt(colours, shades):
    receipt = colours.add_photos("ruby", [*shades("ruby", 20, 21, 22), *shades("sky", 20)])
    assert receipt.unlike == (1, 4, "sky")
    assert "look like the ones before" not in receipt.advice
    one = colours.add_photos("ruby", shades("sky", 21))
    assert one.advice.startswith("This photo does not look like the ones before: it would be")


def test_many_species_at_once_tell_it_too(colours, shades):
    told = colours.add_all({"ruby": shades("sky", *range(20, 24)), "moss": shades("moss", 0, 1)})
    assert "not like the photos before: ruby: 4 of 4, taken for sky" in str(told)
    assert told[1].unlike is None


def test_nothing_is_said_where_the_photos_before_tell_nothing(shades):
    """New species; one photo; and photos that do not recognise one another."""
    made = Recognizer("fake")
    made.add_species("sky", shades("sky", 0, 1, 2, 3))
    assert made.add_species("ruby", shades("ruby", 0)).unlike is None
    assert made.add_photos("ruby", shades("sky", 4, 5)).unlike is None  # one before
    here = made.collection.find("sky").photos
    before = made._moment()
    own = before.left_out.logits[4:]
    assert 2 * int((own.argmax(1) == 1).sum()) <= len(own)  # ruby's: more of sky than of ruby
    assert judge_newcomers(before, "ruby", here) is None


FLOWERS = {"daffodil": "042", "snapdragon": "011", "monkshood": "009", "fire lily": "021"}


@pytest.mark.parametrize("among", [["daffodil", "snapdragon", "monkshood"], ["daffodil"]])
def test_fire_lilies_among_daffodils(data_folder, among):
    """The case that was reported: the wrong folder, and the right one."""
    folders = {name: data_folder / "flowers" / "images" / at for name, at in FLOWERS.items()}
    for folder in folders.values():
        if not folder.is_dir():
            pytest.skip(f"no photos at {folder}")
    six = {name: sorted(folder.iterdir())[:12] for name, folder in folders.items()}
    made = Recognizer("tiny", concept="flower")
    for name in among:
        made.add_species(name, six[name][:6])
    wrong = made.add_photos("daffodil", six["fire lily"][:6])
    assert wrong.unlike.half
    if len(among) == 1:  # nothing else is known
        assert str(wrong.unlike).endswith("of 6, taken for none of the species")
    assert "do not look like the ones before" in wrong.advice
    made.undo()
    right = made.add_photos("daffodil", six["daffodil"][6:])
    assert "do not look like the ones before" not in right.advice
