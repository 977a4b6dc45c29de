"""Predictions: ranking, words, tables, JSON."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm.prediction import Prediction, Wording
from fgmm.predictions import Predictions


def made(logits, labels=None, **more):
    logits = torch.tensor(logits, dtype=torch.float32)
    given_here = {
        "labels": tuple(labels or (f"label {i}" for i in range(len(logits)))),
        "probabilities": logits.softmax(0),
        "logits": logits,
        "cosines": logits / 10,
        "evidence": {"text": logits},
        "scoring": "softmax",
        "provenance": {"encoder_space": "here", "class_set": "x", "fgmm": "0", "torch": "0"},
    }
    return Prediction(**{**given_here, **more})


def test_label_and_probability_are_those_of_the_largest_logit():
    prediction = made([1.0, 3.0, 2.0], "abc")
    assert prediction.label == "b"
    # 1 / (1 + e^-1 + e^-2) = 1 / 1.50321...
    assert prediction.probability == pytest.approx(0.66524, abs=1e-5)
    assert [label for label, _ in prediction.top(2)] == ["b", "c"]


def test_top_gives_all_there_are_and_no_more():
    assert len(made([1.0, 2.0]).top(5)) == 2
    assert len(made([1.0, 2.0]).ranking()) == 2


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "2"])
def test_top_takes_whole_numbers_from_one(k):
    with pytest.raises(ValueError, match="whole number from 1"):
        made([1.0, 2.0]).top(k)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.integers(1, 15))
def test_ranking_is_a_stable_sort(logits, k):
    expected = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[:k]
    assert made([float(x) for x in logits]).ranking(k) == expected


def test_many_equals_stay_in_the_order_given():
    assert made([0.0, 1.0] * 2_000).ranking(3_000) == [*range(1, 4_000, 2), *range(0, 2_000, 2)]


def test_ranking_goes_by_logits_where_probabilities_have_run_out():
    prediction = made([-300.0, 0.0, -200.0])
    assert prediction.probabilities[0] == prediction.probabilities[2] == 0
    assert prediction.ranking() == [1, 2, 0]


def test_numbers_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"probabilities has shape \(3,\) for 2 labels"):
        made([1.0, 2.0], probabilities=torch.ones(3) / 3)
    with pytest.raises(ValueError, match=r"text has shape \(1, 2\)"):
        made([1.0, 2.0], evidence={"text": torch.ones(1, 2)})
    with pytest.raises(ValueError, match="at least one label"):
        made([])


def test_explanations_add_up_in_words():
    prediction = made(
        [5.0, 7.5, 1.0],
        "abc",
        name="x.jpg",
        evidence={"text": torch.tensor([4.0, 7.0, 1.0]), "more": torch.tensor([1.0, 0.5, 0.0])},
        nearest_text=lambda i: Wording(f"text of {i}", 0.25, 2 if i == 1 else 1),
    )
    assert prediction.explain(2).splitlines() == [
        "x.jpg: b, probability 0.923 (softmax over 3 candidates, not calibrated)",
        "  b: 7.50 nats = 7.00 text + 0.50 more; cosine 0.750; "
        "nearest of 2 texts: 'text of 1' (0.250)",
        "  a: 5.00 nats = 4.00 text + 1.00 more, 2.50 behind; cosine 0.500",
    ]


def test_the_meaning_of_a_probability_is_said():
    assert "softmax over 2 candidates" in str(made([1.0, 2.0]))
    assert "each of 2 by itself" in str(made([1.0, 2.0], scoring="sigmoid"))
    single = made([3.0], "x", generic=("a photo.", 2.0))
    assert "1 candidate against 'a photo.'" in str(single)
    assert single.explain().endswith("weighed against 'a photo.': 2.00 nats")
    assert single.to_dict()["generic"] == {"text": "a photo.", "logit": 2.0}


def test_a_dict_is_json_and_complete():
    row = made([1.0, 2.0], ["tit", "鳥"], name="x.jpg").to_dict()
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["label"] == "鳥"
    assert [entry["label"] for entry in row["top"]] == ["鳥", "tit"]
    assert row["top"][1]["evidence"] == {"text": 1.0}
    assert row["top"][1]["logit"] == 1.0
    assert row["provenance"]["encoder_space"] == "here"
    assert len(made([1.0] * 9).to_dict(2)["top"]) == 2
    assert made([1.0] * 9).to_dict(2)["candidates"] == 9


def test_tables_line_up_in_any_script():
    labels = ["tit", "大きな鳥", "a" * 90, "b", "c", "d", "e"]
    lines = str(made([7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], labels)).splitlines()
    assert lines[0].split() == ["picture", "probability", "cosine"]
    assert "a" * 45 + "..." in lines[3]
    assert lines[6].strip() == "2 more"
    long = str(made([7.0, 6.0], name="folder/" * 20 + "end.png")).splitlines()
    assert long[0].startswith("...")
    assert long[0].split()[0].endswith("folder/end.png")
    assert long[0].index("cosine") + len("cosine") == len(long[1])
    assert lines[1].index("0.700") == lines[2].index("0.600") + 4  # four signs, eight cells wide


def test_repr_is_short():
    assert repr(made([0.0, 0.0], name="x.jpg")) == "<Prediction 'x.jpg': 'label 0' 0.500, of 2>"
    both = Predictions([made([0.0])], [("y.jpg", ValueError("bad"))])
    assert repr(both) == "<Predictions of 1 picture, 1 failed>"
    assert str(both).endswith("failed: 'y.jpg': bad")
    assert repr(Predictions([])) == "<Predictions of 0 pictures>"
    six, seven = (Predictions([made([0.0])] * n) for n in (6, 7))
    assert str(six).endswith("... and 1 more picture")
    assert str(seven).endswith("... and 2 more pictures")


def test_a_single_candidate_says_what_it_was_weighed_against():
    single = made([3.0], "x", name="y.jpg", probabilities=torch.ones(1) / 2, generic=("a p.", 3.0))
    assert repr(single) == "<Prediction 'y.jpg': 'x' 0.500, against 'a p.'>"


def test_predictions_are_a_sequence():
    items = [made([float(i), 0.5]) for i in range(4)]
    predictions = Predictions(items, [("y.jpg", ValueError("bad"))])
    assert predictions[0] is items[0]
    assert predictions[-1] is items[3]
    assert list(predictions) == items
    assert isinstance(predictions[1:3], Predictions)
    assert list(predictions[::-2]) == [items[3], items[1]]
    # what could not be read is of the whole, and still there
    assert predictions[1:3].failures == predictions[:].failures == []
    assert [given for given, _ in predictions.failures] == ["y.jpg"]
    assert repr(predictions[:1]) == "<Predictions of 1 picture>"
    assert len(predictions.to_dicts()) == len(predictions) == 4


def test_a_prediction_is_frozen():
    with pytest.raises(AttributeError, match="cannot assign"):
        made([1.0]).name = "y"
