"""evaluate: words of classes, in any order, of some or all."""

from __future__ import annotations

import pytest
import torch

import fewshot
from fewshot import (
    EpisodeSampler,
    Words,
    ZeroShotHead,
)
from fewshot.errors import EvaluationError
from tests.fewshot.evaluate.conftest import SIZES, made, texts


def test_words_of_classes_that_are_left_out_are_left_out():
    x, y = made(2, {**SIZES, "crow": 2})
    found = fewshot.evaluate(
        ZeroShotHead(), x, y, n_way=4, n_shot=0, n_query=5, words=texts(), small_classes="skip",
        n_episodes=40,
    )  # fmt: skip
    assert found.classes == ("kite", "owl", "tit", "wren")
    z = torch.nn.functional.normalize(x, dim=-1).numpy()
    t = {name: row.numpy() for name, row in zip(sorted(SIZES), texts().embeddings, strict=True)}
    sampler = EpisodeSampler(y, 4, 0, 5, small_classes="skip")
    for i, accuracy in enumerate(found.accuracies.tolist()):
        e = sampler.sample(i, i + 1)
        classes = [sampler.classes[c] for c in e.classes[0].tolist()]
        hits = 0
        for r, own in zip(e.query[0].tolist(), e.query_labels[0].tolist(), strict=True):
            cosines = [sum(z[r] * t[name]) for name in classes]
            hits += cosines.index(max(cosines)) == own
        assert accuracy == pytest.approx(hits / 20)


def test_words_that_know_their_classes_may_come_in_any_order():
    x, y = made(2)
    names, rows = sorted(SIZES), texts().embeddings
    told = {"n_way": 4, "n_shot": 1, "n_query": 4, "n_episodes": 30}
    plain = fewshot.evaluate(ZeroShotHead(), x, y, words=texts(), **told)
    for order in ([3, 0, 4, 1, 2], [4, 3, 2, 1, 0]):
        more = torch.cat([rows[order], rows[:1]])  # and of a class that is not here
        classes = (*(names[i] for i in order), "heron")
        words = Words(more, 15.0, -3.0, classes=classes)
        found = fewshot.evaluate(ZeroShotHead(), x, y, words=words, **told)
        assert torch.equal(found.accuracies, plain.accuracies)


def test_one_object_of_words_does_for_a_support_and_for_an_evaluation():
    """Labels first appear in another order than the sorted one."""
    x = torch.eye(3).repeat_interleave(6, 0)
    y = ["wren"] * 6 + ["owl"] * 6 + ["tit"] * 6
    words = Words(torch.eye(3), 10.0, classes=("wren", "owl", "tit"))
    support, classes = fewshot.label_support(x, y, words=words)
    best = ZeroShotHead()(support, x).argmax(-1).tolist()
    assert [classes[i] for i in best] == y
    found = fewshot.evaluate(ZeroShotHead(), x, y, words=words, n_way=3, n_shot=1, n_query=2)
    assert found.mean == 1


def test_words_that_lack_a_class_that_may_be_drawn_are_refused():
    x, y = made(2)
    words = Words(texts().embeddings[:4], 15.0, classes=["crow", "kite", "owl", "tit"])
    with pytest.raises(EvaluationError, match="words have no row for 'wren'"):
        fewshot.evaluate(ZeroShotHead(), x, y, n_query=2, n_shot=1, words=words)
