"""evaluate: what it refuses, and what it takes as it comes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import fewshot
from fewshot import (
    PrototypeHead,
    SimpleShotHead,
    Words,
    ZeroShotHead,
    load_head,
)
from fewshot.duplicates import find_duplicates
from fewshot.errors import EpisodeError, EvaluationError
from fewshot.pools import FeaturePool
from tests.fewshot.evaluate.conftest import SIZES, background, made, texts


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": ["a"] * 71}, EvaluationError, r"features have shape \(72, 10\) with 71 labels"),
        ({"n_episodes": 0}, EvaluationError, "n_episodes is 0: give 1 or more"),
        ({"head": {}}, EvaluationError, "no head was given"),
        ({"n_shot": 6}, EpisodeError, r"class 'crow' has 8 pictures, and 6 \+ 3 are needed"),
        ({"n_way": 6}, EpisodeError, "n_way is 6 and 5 classes have enough"),
        ({"n_shot": 0}, EvaluationError, "PrototypeHead needs photos and n_shot is"),
        ({"n_shot": (0, 2)}, EvaluationError, r"PrototypeHead needs photos and n_shot is \(0, 2"),
        ({"head": {"a": ZeroShotHead()}}, EvaluationError, r"a needs words: give words=Words"),
        ({"words": Words(torch.eye(4, 10), 1.0)}, EvaluationError, r"\(4, 10\) for 5 labels"),
        ({"query_features": torch.ones(9, 10)}, EvaluationError, "query_labels together"),
        ({"query_labels": ["owl"]}, EvaluationError, "query_features and query_labels together"),
        (
            {"query_features": torch.ones(9, 11), "query_labels": ["owl"] * 9},
            EvaluationError,
            "queries have width 11, features 10: embed both",
        ),
        (
            {"query_features": torch.ones(9, 10), "query_labels": ["owl"] * 8},
            EvaluationError,
            r"query_features have shape \(9, 10\) with 8 labels",
        ),
    ],
)
def test_bad_input_is_refused_with_its_cure(change, error, message):
    x, y = made(2)
    told = {"head": PrototypeHead(), "features": x, "labels": y, "n_way": 3, "n_query": 3}
    with pytest.raises(error, match=message):
        fewshot.evaluate(**{**told, "n_shot": 2, "n_episodes": 5, **change})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_no_numbers_are_told_by_row(value):
    x, y = made(2)
    x[[4, 20], 3] = value
    with pytest.raises(
        EvaluationError, match="2 of 72 features rows hold NaN or infinity, the first is row 4"
    ):
        fewshot.evaluate(PrototypeHead(), x, y)
    good, labels = made(2)
    with pytest.raises(EvaluationError, match="2 of 72 query_features rows"):
        fewshot.evaluate(PrototypeHead(), good, labels, query_features=x, query_labels=y)


def test_queries_that_are_in_the_support_are_refused_by_row():
    x, y = made(2)
    message = r"row 0 of query_features is row 0 of features \(71 more rows .*leave such rows out"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), x, y, n_query=2, query_features=x, query_labels=y)
    z, v = made(3)
    z[7] = x[30]
    told = {"n_query": 2, "query_labels": v, "n_episodes": 3}
    message = "row 7 of query_features is row 30 of features, and"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), x, y, query_features=z, **told)
    z[7, -1] = torch.nextafter(x[30, -1], x[30, -1] + 1)  # one bit is enough to differ
    fewshot.evaluate(PrototypeHead(), x, y, query_features=z, **told)


@settings(max_examples=40)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 99), st.booleans())
def test_rows_that_pools_share_are_those_of_a_loop(n, m, seed, single):
    draw = torch.Generator().manual_seed(seed)
    # few values, so that some rows are the same; transposed, so that rows are not contiguous
    x = torch.randint(3, (2, n), generator=draw).double().mT
    z = torch.randint(3, (2, m), generator=draw).double().mT
    expected = []
    for i, query in enumerate(z.tolist()):
        equal = [j for j, row in enumerate(x.tolist()) if row == query]
        expected += [(i, equal[0])] if equal else []
    assert find_duplicates(x.float() if single else x, z) == expected


@pytest.mark.parametrize("what", ["features", "query_features"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_features_that_are_no_floating_numbers_are_refused(what, dtype):
    x, y = made(2)
    told = {"query_features": x.to(dtype), "query_labels": y} if what == "query_features" else {}
    message = rf"{what} are {dtype}: .*\.float\(\)"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), x if told else x.to(dtype), y, n_query=2, **told)


@pytest.mark.parametrize("what", ["features", "query_features"])
def test_features_that_are_no_tensor_are_refused(what):
    x, y = made(2)
    other = {"features": x, "query_features": x, "query_labels": y}
    message = rf"{what} are a ndarray: .*torch\.from_numpy\({what}\)"
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(PrototypeHead(), labels=y, **{**other, what: x.numpy()})
    with pytest.raises(EvaluationError, match=rf"{what} are a list: give a torch tensor"):
        fewshot.evaluate(PrototypeHead(), labels=y, **{**other, what: x.tolist()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": torch.eye(5, 10)}, r"words are a Tensor: give Words\(embeddings, logit_scale"),
        ({"words": Words(torch.eye(5, 11), 9.0)}, "words have width 11 and features 10"),
        (
            {"words": Words(torch.eye(5, 11), 9.0, classes=sorted(SIZES))},
            "words have width 11 and features 10",
        ),
        ({"background": torch.eye(5)}, "background is a Tensor: give a fewshot.Background"),
        ({"background": background(9)}, "the background has width 9 and features 10"),
        ({"head": PrototypeHead}, r"head is the class PrototypeHead: .*PrototypeHead\(\)"),
        ({"head": {"a": ZeroShotHead}}, r"'a' is the class ZeroShotHead: .*ZeroShotHead\(\)"),
        ({"head": torch.nn.Identity()}, r"head is Identity\(\): give a fewshot.Head, a name"),
        ({"head": 3}, "head is 3: give a fewshot.Head, a name"),
        ({"head": ["ridge", 3]}, "head 1 of the list is 3: give a fewshot.Head, a name"),
        ({"head": []}, "no head was given"),
        ({"head": ["ridge", "ridge"]}, "two heads are called 'ridge': give a mapping"),
        (
            {"head": [PrototypeHead(), PrototypeHead("cosine")]},
            "two heads are called 'PrototypeHead': give a mapping",
        ),
    ],
)
def test_what_is_no_head_no_words_and_no_background_is_refused(change, message):
    x, y = made(2)
    told = {"head": PrototypeHead(), "features": x, "labels": y, "n_way": 3, "n_query": 3}
    with pytest.raises(EvaluationError, match=message):
        fewshot.evaluate(**{**told, "n_shot": 2, "n_episodes": 5, **change})


def test_a_result_tells_whether_its_head_saw_the_queries_together():
    x, y = made(2)
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 5}
    both = fewshot.evaluate(["prototype", "tim"], x, y, **told)
    assert [both[name].setting["transductive"] for name in both] == [False, True]
    assert both.difference("tim", "prototype").mean == pytest.approx(
        both["tim"].mean - both["prototype"].mean
    )


def test_heads_may_be_named_and_listed():
    x, y = made(2)
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 20}
    plain = fewshot.evaluate(PrototypeHead(), x, y, **told)
    named = fewshot.evaluate("prototype", x, y, **told)
    assert named.head == "prototype"
    assert torch.equal(named.accuracies, plain.accuracies)
    several = fewshot.evaluate(["prototype", SimpleShotHead()], x, y, **told)
    assert list(several) == ["prototype", "SimpleShotHead"]
    assert torch.equal(several["prototype"].accuracies, plain.accuracies)
    one = fewshot.evaluate(("prototype",), x, y, **told)
    assert isinstance(one, fewshot.Comparison)
    mapped = fewshot.evaluate({"mean": "prototype", "other": SimpleShotHead()}, x, y, **told)
    assert mapped.difference("mean", "other") == several.difference("prototype", "SimpleShotHead")
    with pytest.raises(LookupError, match=r"no head is called 'prototyp'. Did you mean"):
        fewshot.evaluate("prototyp", x, y, **told)


@pytest.mark.parametrize("name", ["prototype", "clip-adapter"])
def test_pools_and_words_may_differ_in_type_and_lie_anyhow_in_memory(name, monkeypatch):
    (x, y), (z, v) = made(2), made(3)
    told = {"n_way": 3, "n_shot": 2, "n_query": 2, "n_episodes": 20, "query_labels": v}
    told |= {"words": texts()}
    plain = fewshot.evaluate(load_head(name), x, y, query_features=z, **told)
    for gram in (True, False):
        monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_, gram=gram: gram)
        for one, other in ((x, z.float()), (x.float(), z), (x.mT.contiguous().mT, z)):
            one = one.clone(memory_format=torch.preserve_format).requires_grad_()
            found = fewshot.evaluate(load_head(name), one, y, query_features=other, **told)
            torch.testing.assert_close(found.accuracies, plain.accuracies)
            assert not found.accuracies.requires_grad


def test_a_wish_for_small_classes_that_is_not_known_is_refused():
    x, y = made(2)
    with pytest.raises(EpisodeError, match="small_classes is 'drop': use 'error' or 'skip'"):
        fewshot.evaluate(PrototypeHead(), x, y, n_query=2, small_classes="drop")
