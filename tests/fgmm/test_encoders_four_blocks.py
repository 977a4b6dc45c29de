"""Conv-4: its shape, a picture by hand, and what batch norm does in episodes."""

from __future__ import annotations

import pytest
import torch

from fgmm.encoders.four_blocks import Conv4
from fgmm.errors import ModelError


@pytest.mark.parametrize(
    ("channels", "side", "width", "d"), [(1, 28, 64, 64), (3, 84, 64, 1600), (1, 16, 5, 5)]
)
def test_shape(channels, side, width, d):
    network = Conv4(channels, width).eval()
    vectors = network(torch.rand(2, channels, side, side))
    assert vectors.shape == (2, d)
    assert (vectors >= 0).all()


def test_number_of_parameters():
    # 3 x 3 filters with biases, and batch norm's two numbers a filter, as published
    first, others = 64 * 9 + 64 + 128, 64 * 64 * 9 + 64 + 128
    assert sum(p.numel() for p in Conv4().parameters()) == first + 3 * others


def handmade(weight):
    """Make every filter read its middle pixel alone, times a weight."""
    network = Conv4(1, 1)
    with torch.no_grad():
        for block in network.blocks:
            block.convolution.weight.zero_()
            block.convolution.weight[0, 0, 1, 1] = weight
            block.convolution.bias.zero_()
    return network


def test_a_picture_by_hand():
    picture = torch.zeros(1, 1, 16, 16)
    picture[0, 0, 3, 9], picture[0, 0, 8, 1] = 2.0, -7.0
    # in eval mode a fresh norm divides by sqrt(1 + 1e-5); the largest of all pixels is left
    told = handmade(3.0).eval()(picture)
    assert told.item() == pytest.approx(2 * (3 / (1 + 1e-5) ** 0.5) ** 4, rel=1e-5)
    # times -1: ReLU leaves the 7 of the first block, and nothing after the second
    network = handmade(-1.0).eval()
    assert network.blocks[0](picture).max().item() == pytest.approx(7.0, rel=1e-4)
    assert network(picture).item() == 0.0


def test_one_block_by_loops():
    torch.manual_seed(0)
    block = Conv4(2, 3).blocks[0].train().requires_grad_(False)
    x = torch.randn(2, 2, 5, 4)
    w, b = block.convolution.weight, block.convolution.bias
    padded = torch.zeros(2, 2, 7, 6)
    padded[:, :, 1:6, 1:5] = x
    made = torch.zeros(2, 3, 5, 4)
    for n in range(2):
        for f in range(3):
            for i in range(5):
                for j in range(4):
                    made[n, f, i, j] = (w[f] * padded[n, :, i : i + 3, j : j + 3]).sum() + b[f]
    expected = torch.zeros(2, 3, 2, 2)  # the fifth row is dropped
    for f in range(3):
        own = made[:, f]
        normed = (own - own.mean()) / (own.var(unbiased=False) + 1e-5).sqrt()
        for n in range(2):
            for i in range(2):
                for j in range(2):
                    part = normed[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                    expected[n, f, i, j] = max(0.0, float(part.max()))
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-5)


def test_a_vector_depends_on_the_others_in_train_mode_alone():
    torch.manual_seed(0)
    network = Conv4(1, 4)
    x = torch.rand(6, 1, 16, 16)
    together, fewer = network(x)[:3], network(x[:3])
    assert not torch.allclose(together, fewer, atol=1e-3)
    network.eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    torch.testing.assert_close(network(x)[:3], network(x[:3]))
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_running_means_go_a_tenth_of_the_way():
    network = handmade(1.0)
    network(torch.full((2, 1, 16, 16), 5.0))
    assert network.blocks[0].norm.running_mean.item() == pytest.approx(0.5)


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 3, 28, 28), (2, 1, 15, 28)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ModelError, match=r"give \(n, 1, h, w\)"):
        Conv4()(torch.zeros(shape))


def test_no_filters_are_refused():
    with pytest.raises(ModelError, match="channels is 1 and width 0"):
        Conv4(width=0)
