"""Advice: each rule by a case just on either side of it."""

from __future__ import annotations

import pytest

from fgmm.recognition.newcomers import Unlike
from fgmm.recognition.receipt import Share
from fgmm.recognition.receipt_wording import advise, told_of_likeness

# ten photos, all recognised and told apart, no more alike than other species' are
FINE = {
    "n_photos": 10,
    "recognised": Share(10, 10),
    "told_apart": Share(20, 20),
    "alike": 0.6,
    "usual": 0.6,
    "nearest": "wren",
    "unlike": None,
    "reads_words": True,
}

CASES = {
    "nothing to say": ({}, "Enough for pictures like these"),
    "no photo": ({"n_photos": 0}, "it has no photo yet"),
    "one photo": ({"n_photos": 1}, "one photo beyond its words"),
    "one, and no words": ({"n_photos": 1, "reads_words": False}, "one photo; nothing"),
    "four photos": ({"n_photos": 4}, "5 or more, of different individuals"),
    "five photos": ({"n_photos": 5}, "Enough for pictures like these"),
    "fifteen photos": ({"n_photos": 15}, "Enough for pictures like these"),
    "sixteen photos": ({"n_photos": 16}, "More of the same would change little"),
    # others are 0.4 apart: less than half of that is much alike
    "much alike": ({"alike": 0.81}, "take some from other sides"),
    "alike, not much": ({"alike": 0.79}, "Enough for pictures like these"),
    "less alike than usual": ({"alike": 0.1}, "Enough for pictures like these"),
    "hard to tell apart": ({"told_apart": Share(17, 20)}, "what tells it from wren would help"),
    "told apart": ({"told_apart": Share(18, 20)}, "Enough for pictures like these"),
    "not recognised": ({"recognised": Share(8, 10)}, "not all of its photos are recognised"),
    "some unlike": ({"unlike": Unlike(1, 3, "wren")}, "Enough for pictures like these"),
    "half unlike": (
        {"unlike": Unlike(2, 4, "wren")},
        "These photos do not look like the ones before: 2 of 4 would be taken for wren.",
    ),
    "one, and unlike": (
        {"unlike": Unlike(1, 1, None)},
        "This photo does not look like the ones before: it would be taken for none of the species",
    ),
    "recognised": ({"recognised": Share(9, 10)}, "Enough for pictures like these"),
}


@pytest.mark.parametrize("case", CASES)
def test_advice_follows_from_what_was_counted(case):
    change, words = CASES[case]
    assert words in advise(**FINE | change)


@pytest.mark.parametrize(
    ("alike", "usual", "words"),
    [
        (0.25, 0.46, "less alike than other species' usually are: 0.25, theirs 0.46"),
        (0.46, 0.25, "more alike than other species' usually are: 0.46, theirs 0.25"),
        (0.461, 0.459, "as alike as other species' usually are: 0.46, theirs 0.46"),
        (0.5, None, "its photos are alike by 0.50 (cosine: 1 the same"),
    ],
)
def test_likeness_is_told_in_words(alike, usual, words):
    assert words in told_of_likeness(alike, usual)
