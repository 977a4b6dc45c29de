"""The example of another package's head, through its own entry point.

Continuous integration installs the package and runs its own tests; here its entry point is
read from its pyproject.toml, so that the example is tested where nothing can be installed.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
import torch

from fewshot import check_head, evaluate, head_names, load_head, registry

EXAMPLE = Path(__file__).parents[2] / "examples" / "fgmm-plugin-example"


@pytest.fixture
def installed(monkeypatch):
    text = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition('[project.entry-points."fewshot.heads"]')[2].partition("\n[")[0]
    points = [
        importlib.metadata.EntryPoint(name, value, "fewshot.heads")
        for name, value in re.findall(r'^([\w-]+) = "(.+)"$', section, flags=re.MULTILINE)
    ]
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setattr(registry, "entry_points", lambda *, group: points)


def test_it_is_found_by_name_and_keeps_its_promises(installed):
    assert head_names()[-1] == "city-block"
    check_head(load_head("city-block"))


def test_it_is_evaluated_beside_ours(installed):
    draw = torch.Generator().manual_seed(0)
    x = torch.eye(5).repeat_interleave(8, 0) + 0.5 * torch.randn(40, 5, generator=draw)
    labels = [i // 8 for i in range(40)]
    heads = {name: load_head(name) for name in ("city-block", "prototype")}
    found = evaluate(heads, x, labels, n_way=3, n_shot=2, n_query=3, n_episodes=200)
    assert found["city-block"].mean > 0.5  # chance is a third
    assert abs(found.difference("city-block", "prototype").mean) < 0.1
