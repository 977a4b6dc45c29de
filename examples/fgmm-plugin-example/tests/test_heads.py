import pytest
import torch

from fewshot import Support, check_head, evaluate, head_names, load_head


def test_fewshot_finds_it_by_name():
    assert "city-block" in head_names()
    assert load_head("city-block", scale=2.0).scale == 2.0


def test_it_keeps_every_head_s_promises():
    check_head(load_head("city-block"))


def test_distances_by_hand():
    support = Support(
        torch.tensor([[0.0, 0.0], [2.0, 2.0], [5.0, 1.0]]),
        torch.tensor([0, 0, 1]),
        torch.ones(2, dtype=torch.bool),
    )
    logits = load_head("city-block", scale=1.0).fit(support).logits(torch.tensor([[3.0, 0.0]]))
    # means (1, 1) and (5, 1): 2 + 1 and 2 + 1
    assert logits.tolist() == [[-3.0, -3.0]]


def test_it_can_be_evaluated():
    x = torch.eye(4).repeat_interleave(5, 0)
    labels = [i // 5 for i in range(20)]
    assert evaluate(load_head("city-block"), x, labels, n_way=3, n_shot=1, n_query=2).mean == 1


def test_a_scale_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="scale is -1"):
        load_head("city-block", scale=-1)
