"""A tally: by hand, and on a device that knows no float64."""

from __future__ import annotations

import pytest
import torch

from fewshot import Episodes
from fewshot.tally import Tally


def episodes():
    """Two episodes of two of three classes; the last query of the second is padding."""
    fields = {name: torch.zeros(2, 1, dtype=torch.int64) for name in Episodes.__dataclass_fields__}
    fields["classes"] = torch.tensor([[2, 0], [1, 2]])
    fields["class_mask"] = torch.ones(2, 2, dtype=torch.bool)
    fields["query_labels"] = torch.tensor([[0, 1, 1], [0, 1, -1]])
    return Episodes(**fields)


LOGITS = torch.tensor([[[9.0, 0], [0, 9], [9, 0]], [[1, 1], [float("nan"), 1], [1, 0]]])


@pytest.mark.parametrize("wide", [torch.float64, torch.float32])
def test_by_hand(monkeypatch, wide):
    monkeypatch.setattr("fewshot.tally.widest", lambda like: wide)
    tally = Tally(3, torch.device("cpu"))
    assert tally.right.dtype == tally.tried.dtype == tally.bins.dtype == wide
    tally.add(LOGITS, episodes())
    assert tally.accuracies[0].dtype == wide
    accuracies, right, tried, bins = tally.result()
    # first: right, right, wrong. Second: a tie of two, which counts half, and NaN, which is wrong.
    assert accuracies.tolist() == pytest.approx([2 / 3, 0.25])
    # class 2 (columns 0 and 1) right once of two, class 0 once of two, class 1 half of one
    assert right.tolist() == [1, 0.5, 1]
    assert tried.tolist() == [2, 1, 2]
    # three queries sure to 1 / (1 + e^-9) in the last bin, one at 1/2 in the eighth, NaN in the
    # first
    assert bins[2].tolist() == [1, *[0] * 6, 1, *[0] * 6, 3]
    assert bins[1].tolist() == [0, *[0] * 6, 0.5, *[0] * 6, 2]
    sure = 1 / (1 + torch.tensor(-9.0, dtype=torch.float64).exp())
    assert float(bins[0, -1]) == pytest.approx(3 * float(sure), rel=1e-6)
    assert {t.dtype for t in (accuracies, right, tried, bins)} == {torch.float64}
