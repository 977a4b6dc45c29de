"""Counts of a receipt from logits made up by hand."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from fgmm.recognition.calibration import LeftOut
from fgmm.recognition.receipt import Share, _apart, _others

NAN = float("nan")


def moment(labels: str, photos: list[tuple[str, str, list[float]]]) -> SimpleNamespace:
    """Of each photo its digest, its species, and its logits."""
    digests, owners, logits = zip(*photos, strict=True)
    rows = torch.tensor([labels.index(owner) for owner in owners])
    return SimpleNamespace(
        labels=tuple(labels), left_out=LeftOut(torch.tensor(logits), rows, digests)
    )


def test_lost_photos_are_those_that_went_from_their_own_species_to_the_new_one():
    before = moment(
        "abc",
        [
            ("to the new one", "a", [3.0, 1.0, 0.0]),
            ("to another", "a", [3.0, 2.0, 0.0]),
            ("never right", "b", [3.0, 1.0, 0.0]),
            ("still right", "b", [0.0, 1.0, 0.0]),
            ("alone then", "c", [NAN, NAN, NAN]),
        ],
    )
    # a photo more of c, and the new species n, which comes first: rows are not the same
    after = moment(
        "nabc",
        [
            ("its own", "n", [1.0, 0.0, 0.0, 0.0]),
            ("to the new one", "a", [4.0, 3.0, 1.0, 0.0]),
            ("to another", "a", [0.0, 1.0, 2.0, 0.0]),
            ("never right", "b", [4.0, 3.0, 1.0, 0.0]),
            ("still right", "b", [0.0, 0.0, 1.0, 0.0]),
            ("alone then", "c", [0.0, 0.0, 0.0, 1.0]),
            ("one more", "c", [0.0, 0.0, 0.0, 1.0]),
        ],
    )
    assert _others(before, after, 0) == (Share(3, 4), Share(1, 4), (("a", 1),))


def test_two_species_are_told_apart_whatever_a_third_scores():
    found = moment(
        "abc",
        [
            ("as its own", "a", [3.0, 1.0, 0.0]),
            ("as a third", "a", [3.0, 1.0, 9.0]),
            ("as the other", "b", [3.0, 1.0, 0.0]),
            ("alone", "b", [NAN, NAN, NAN]),
            ("a third's", "c", [0.0, 0.0, 1.0]),
        ],
    )
    assert _apart(found, 0, 1) == _apart(found, 1, 0) == Share(2, 3)
