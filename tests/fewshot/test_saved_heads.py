"""Heads in files: the same when read back, and nothing else is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from fewshot import (
    FEATHead,
    LearnedFusedHead,
    ProjectedHead,
    PrototypeHead,
    RelationHead,
    RidgeHead,
    SVMHead,
    TunedHead,
    evaluate,
    head_names,
    load_head,
    save_head,
)
from fewshot.check_cases import Case
from fewshot.errors import EvaluationError, HeadParameterError, SavedHeadError
from fewshot.saved_heads import read_card

if TYPE_CHECKING:
    from pathlib import Path


def filled(head):
    draw = torch.Generator().manual_seed(2)
    for one in head.parameters():
        one.data = 0.1 * torch.randn(one.shape, generator=draw)
    return head.eval()


@pytest.mark.parametrize("name", head_names())
def test_every_head_comes_back(tmp_path, name):
    case, path = Case(3, words=True, background=True), tmp_path / "head.safetensors"
    head = load_head(name)
    head.set_width(12)
    filled(head)
    save_head(head, path)
    back = load_head(path)
    assert repr(back) == repr(head)
    assert not back.training
    assert not any(p.requires_grad for p in back.parameters())
    one, other = (h.fit(case.support).logits(case.queries) for h in (head, back))
    assert torch.equal(one, other)
    assert [p.name for p in tmp_path.iterdir()] == ["head.safetensors"]


def test_numbers_origin_and_notes_come_back(tmp_path):
    path = tmp_path / "head.safetensors"
    head = ProjectedHead(RidgeHead(0.1, 1 / 3), 4)
    head.protocol, head.space = "base-trained", "here"
    save_head(head, path, notes={"episodes": 7})
    back = load_head(str(path))
    assert (back.head.penalty, back.head.scale) == (0.1, 1 / 3)
    assert (back.protocol, back.space) == ("base-trained", "here")
    card = read_card(path)
    assert card["head"] == "projected"
    assert card["parameters"]["head"]["head"] == "ridge"
    assert card["notes"] == {"episodes": 7}
    save_head(back, tmp_path / "again.safetensors", notes={"episodes": 7})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


@pytest.fixture
def pool():
    noise = torch.Generator().manual_seed(0)
    x = torch.eye(4).repeat_interleave(12, 0) + 0.3 * torch.randn(48, 4, generator=noise)
    return x, [i // 12 for i in range(48)]


TOLD = {"n_way": 3, "n_shot": 1, "n_query": 4, "n_episodes": 20}


def test_a_file_stands_in_evaluate_s_list(tmp_path, pool):
    path = str(tmp_path / "mine.safetensors")
    head = filled(ProjectedHead(RidgeHead(), 4))
    head.protocol = "base-trained"
    save_head(head, path)
    found = evaluate(["prototype", path], *pool, **TOLD)
    assert list(found) == ["prototype", path]
    assert torch.equal(found[path].accuracies, evaluate(head, *pool, **TOLD).accuracies)
    assert [one.protocol for one in found.values()] == ["no-val", "base-trained"]


def test_a_head_is_refused_in_another_space(tmp_path, pool):
    path = tmp_path / "mine.safetensors"
    head = RidgeHead()
    head.space = "tiny features"
    save_head(head, path)
    told = {**TOLD, "space": "tiny features"}
    assert evaluate(load_head(path), *pool, **told).setting["space"] == "tiny features"
    with pytest.raises(EvaluationError, match="the space 'tiny features' and these are of 'other'"):
        evaluate(load_head(path), *pool, **{**TOLD, "space": "other"})
    with pytest.raises(EvaluationError, match="and no space was told"):
        evaluate({"mine": load_head(path)}, *pool, **TOLD)


@pytest.mark.parametrize("head", [FEATHead(5), RelationHead(5), ProjectedHead(width=5)], ids=repr)
def test_a_head_is_refused_for_another_width(pool, head):
    with pytest.raises(EvaluationError, match="made for features of width 5 and these have 4"):
        evaluate(head, *pool, **TOLD)


class Stranger(PrototypeHead):
    pass


@pytest.mark.parametrize(
    ("head", "name", "told"),
    [
        (Stranger(), "x.safetensors", "Stranger has no name"),
        (TunedHead([RidgeHead()]), "x.safetensors", "TunedHead has no name"),
        (RidgeHead(), "x.pt", "let the name end in '.safetensors'"),
        (ProjectedHead(Stranger()), "x.safetensors", "Stranger has no name"),
    ],
    ids=str,
)
def test_what_no_file_can_hold_is_refused(tmp_path, head, name, told):
    with pytest.raises(SavedHeadError, match=told):
        save_head(head, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_none_are_not_kept(tmp_path):
    head = RidgeHead()
    head.scale = float("nan")
    with pytest.raises(SavedHeadError, match="scale of RidgeHead is nan"):
        save_head(head, tmp_path / "x.safetensors")


def changed(path: Path, **change):
    card = {**read_card(path), **change}
    save_file(load_file(path), path, {"card": json.dumps(card)})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "fewshot-head-9"}, "says format 'fewshot-head-9'"),
        ({"head": "os.system"}, "no head is called 'os.system'"),
        ({"head": "fewshot.heads.feat:FEATHead"}, "no head is called"),
        ({"parameters": {"width": 4, "hidden": 2, "scale": 1.0, "sed": 0}}, "no parameter 'sed'"),
        ({"parameters": {"width": 9, "hidden": 2}}, "size mismatch"),
        ({"parameters": {"width": None}}, "Unexpected key"),
        ({"head": "ridge", "parameters": {}}, "Unexpected key"),
        ({"parameters": {"scale": -1.0}}, "scale is -1.0"),
    ],
    ids=str,
)
def test_a_file_that_was_changed_is_refused(tmp_path, change, told):
    path = tmp_path / "head.safetensors"
    save_head(FEATHead(4, 2), path)
    changed(path, **change)
    with pytest.raises(SavedHeadError, match=told):
        load_head(path)


def test_tensors_of_nan_are_refused(tmp_path):
    path, head = tmp_path / "head.safetensors", FEATHead(4, 2)
    head.out.data[0, 0] = float("nan")
    save_head(head, path)
    with pytest.raises(SavedHeadError, match=r"out in .* holds NaN"):
        load_head(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"PK\x03\x04" + b"\0" * 99])
def test_other_files_are_not_read(tmp_path, content):
    path = tmp_path / "head.safetensors"
    path.write_bytes(content)
    with pytest.raises(SavedHeadError, match="cannot be read"):
        load_head(path)


def test_safetensors_of_something_else_are_refused(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(SavedHeadError, match="says format None"):
        load_head(tmp_path / "weights.safetensors")
    with pytest.raises(SavedHeadError, match="there is no file"):
        load_head("nowhere.safetensors")


def test_a_saved_head_has_its_parameters_already(tmp_path):
    save_head(SVMHead(), tmp_path / "x.safetensors")
    with pytest.raises(HeadParameterError, match="leave out C"):
        load_head(tmp_path / "x.safetensors", C=3.0)


def test_numbers_learned_for_evidence_come_back(tmp_path):
    head = LearnedFusedHead(0.1, -0.2, 0.3, -0.4, 0.5, -0.6)
    save_head(head, tmp_path / "x.safetensors")
    assert repr(load_head(tmp_path / "x.safetensors")) == repr(head)
