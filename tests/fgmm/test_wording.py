"""Predictions in words: what a table says of the picture and of the encoder."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fgmm.prediction import Prediction
from fgmm.wording import shorten_path


def predict(probabilities, name=None, generic=None, **provenance):
    values = torch.tensor(probabilities)
    return Prediction(
        labels=tuple(f"label {i}" for i in range(len(values))),
        probabilities=values,
        logits=values.logit(),
        cosines=values / 10,
        evidence={"text": values.logit()},
        scoring="softmax",
        provenance=provenance,
        name=name,
        generic=generic,
    )


def test_the_encoder_is_called_what_the_caller_called_it():
    table = str(predict([0.7, 0.3], encoder_name="tiny", encoder_space="openclip/256d/0f4b"))
    assert table.endswith("; encoder tiny")
    assert str(predict([0.7, 0.3], encoder_space="here")).endswith("; encoder here")


def test_a_single_candidate_stands_beside_what_it_was_weighed_against():
    lines = str(predict([0.75], generic=("a photo.", 0.0))).splitlines()
    assert lines[1].split() == ["label", "0", "0.750", "0.075"]
    assert lines[2].split() == ["against", "'a", "photo.'", "0.250"]
    assert lines[1].index("0.750") == lines[2].index("0.250")


@pytest.mark.parametrize("file", ["robin.png", "on_a_branch_" * 3 + ".png", "鳥" * 12 + ".png"])
@pytest.mark.parametrize("folder", ["", "holiday/2026/", "very/" * 30])
def test_a_table_never_cuts_a_files_name(folder, file):
    lines = str(predict([0.7, 0.3], name=folder + file)).splitlines()
    assert file in lines[0]
    head = next(line for line in lines if line.endswith("cosine"))
    assert cell_len(head) == cell_len(lines[lines.index(head) + 1])


names = st.text("aé鳥 .", min_size=1, max_size=20)


@given(st.lists(names, max_size=4), names, st.integers(1, 50))
def test_folders_give_way_and_the_files_name_does_not(folders, file, width):
    path = "/".join([*folders, file])
    short = shorten_path(path, width)
    assert short.endswith(file)
    assert short == path or cell_len(short) <= max(width, cell_len(file) + 2)
    assert short == path or cell_len(path) > width
