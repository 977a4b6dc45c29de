"""The plot of accuracy by shots."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fewshot
from fgmm.command.shots_plot import draw_plot, places, shifts
from tests.fgmm.evaluate_command.conftest import FAKE, run


@given(
    st.integers(1, 23),
    st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_heads_stand_beside_each_other_and_never_meet_the_next_shots(n_heads, shots):
    at = list(places(shots).values())
    assert at == sorted(set(at))
    own = shifts(n_heads, at)
    assert len(set(own)) == n_heads
    assert sum(own) == pytest.approx(0, abs=1e-9)
    standing = [place + shift for place in at for shift in own]
    assert standing == sorted(standing)


def test_bars_are_whole_and_no_tick_is_above_100(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: (drawn.append(self), path.touch()))
    x = torch.eye(4).repeat_interleave(10, 0) + 0.35 * torch.randn(
        40, 4, generator=torch.Generator().manual_seed(0)
    )
    heads = {f"head {at}": fewshot.PrototypeHead() for at in range(9)}
    setting = {"n_way": 3, "n_query": 5, "n_episodes": 30}
    found = {
        n: fewshot.evaluate(heads, x, [i // 10 for i in range(40)], n_shot=n, **setting)
        for n in (1, 2)
    }
    draw_plot(found, tmp_path / "p.svg", "t", "s")
    (axes,) = drawn[0].axes
    looks = {(line.get_color(), line.get_marker()) for line in axes.lines if len(line.get_xdata())}
    lines = {tuple(box.lines[0].get_xdata()) for box in axes.containers}
    assert len(lines) == 9  # as many places as heads
    assert len({look for look in looks if look[1] not in "_|"}) == 9
    low, high = axes.get_ylim()
    for n, place in places([1, 2]).items():
        ends = [
            tuple(segment[:, 1])
            for box in axes.containers
            for segment in box.lines[2][0].get_segments()
            if abs(segment[0, 0] - place) < 0.5
        ]
        one = found[n]["head 0"]
        assert ends == [pytest.approx([100 * x for x in one.ci95])] * 9
        assert all(low < end < high for pair in ends for end in pair)
    assert max(axes.get_yticks()) <= 100


def test_an_interval_that_ends_at_100_is_inside_the_plot(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: (drawn.append(self), path.touch()))
    x = torch.eye(4).repeat_interleave(10, 0)
    labels = [i // 10 for i in range(40)]
    found = {
        1: fewshot.evaluate(
            {"a": fewshot.PrototypeHead()}, x, labels, n_way=3, n_shot=1, n_query=5, n_episodes=9
        )
    }
    assert found[1]["a"].ci95 == (1.0, 1.0)
    draw_plot(found, tmp_path / "p.svg", "t", "s")
    (axes,) = drawn[0].axes
    low, high = axes.get_ylim()
    assert low < 100 < high
    assert max(axes.get_yticks()) <= 100


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_plot_is_a_picture(ending):
    result = run("pics", *FAKE, "-s", 0, "-s", 1, "-s", 2, "--plot", f"p.{ending}")
    assert result.exit_code == 0, result.output
    content = Path(f"p.{ending}").read_bytes()
    assert content[:5] in (b"\x89PNG\r", b"<?xml", b"%PDF-")
    assert not list(Path().glob(".p*"))
    if ending == "png":
        image = Image.open("p.png").convert("RGB")
        assert image.width > 800
        assert len(set(image.resize((200, 120)).get_flattened_data())) > 20
