"""Files of evaluations: whole, or not there."""

from __future__ import annotations

import pytest
import torch

import fewshot
import fgmm
from fewshot.errors import EvaluationError
from fgmm.evaluation_file import save_evaluations, write_whole


def found(seed: int) -> fewshot.Comparison:
    x = torch.randn(24, 4, generator=torch.Generator().manual_seed(seed))
    told = {"n_way": 3, "n_shot": 1, "n_query": 2, "n_episodes": 9}
    return fewshot.evaluate(["prototype", "ridge"], x, [i % 4 for i in range(24)], **told)


def test_what_was_saved_is_read(tmp_path):
    saved = {1: found(0), 5: found(1)}
    save_evaluations(tmp_path / "r.json", saved, {"source": "made up"})
    read = fgmm.load_evaluations(tmp_path / "r.json")
    assert list(read) == [1, 5]
    for shots, comparison in saved.items():
        assert list(read[shots]) == ["prototype", "ridge"]
        for name, one in comparison.items():
            assert torch.equal(read[shots][name].accuracies, one.accuracies)
            assert read[shots][name].setting == one.setting
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_where_writing_fails_the_file_of_before_stays(tmp_path):
    path = tmp_path / "r.json"
    write_whole(path, "of before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half of it \ud800")  # half a pair, which no file can hold
    assert path.read_text() == "of before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["[]", '{"format": "fewshot-evaluation-1"}'])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(EvaluationError, match="give what `fgmm evaluate` saved"):
        fgmm.load_evaluations(tmp_path / "r.json")
