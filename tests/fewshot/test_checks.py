"""check_head: every promise broken once, on purpose, and the check that sees it."""

from __future__ import annotations

import random
import types

import numpy as np
import pytest
import torch

from fewshot import Head, PrototypeHead, SimpleShotHead, ZeroShotHead, check_head, checks
from fewshot.checks import (
    CONDUCT_CHECKS,
    QUERY_CHECKS,
    SUPPORT_CHECKS,
    check_absent_classes,
    check_batch,
    check_class_order,
    check_copies,
    check_inference_mode,
    check_inner_products,
    check_labels,
    check_one_class,
    check_one_shot,
    check_padding,
    check_precision,
    check_purity,
    check_queries_refused,
    check_query_order,
    check_query_padding,
    check_randomness,
    check_support_order,
    check_transductive,
    check_zero_shots,
)
from fewshot.errors import HeadBroken
from fewshot.queries import check_queries, mask_absent


class Plain(PrototypeHead):
    """Prototypes from features, written so that one thing at a time can be spoilt."""

    def logits_of(self, means, queries, support, mask):
        z = queries if mask is None else queries.masked_fill(~mask.unsqueeze(-1), 0)
        return -(z.unsqueeze(-2) - means.unsqueeze(-3)).square().sum(-1)

    def means(self, support):
        member = support.one_hot.to(self.numbers(support.features).dtype)
        weights = member / member.sum(-2, keepdim=True).clamp(min=1)
        return weights.mT @ self.numbers(support.features)

    def numbers(self, x):
        return x if x.dtype == torch.float64 else x.float()

    def refuse(self, support, queries, mask):
        self.check_support(support)
        check_queries(queries, support, self, mask)

    def finish(self, logits, support):
        return mask_absent(logits, support.class_mask)

    def fit(self, support):
        self.check_support(support)
        means = self.means(support)

        def logits(queries, *, query_mask=None):
            self.refuse(support, queries, query_mask)
            scores = self.logits_of(means, self.numbers(queries), support, query_mask)
            return self.finish(scores, support)

        return types.SimpleNamespace(logits=logits)


class IgnoresLabels(Plain):
    def means(self, support):
        return super().means(support).roll(1, -2)


class SortedLabels(Plain):
    """Takes the rows for sorted by class."""

    def means(self, support):
        order = support.labels.sort(-1).values
        return Plain.means(
            self,
            types.SimpleNamespace(
                features=support.features,
                one_hot=(order.unsqueeze(-1) == torch.arange(support.n_classes)).to(
                    support.features.dtype
                ),
            ),
        )


class WidthOfAnswer(Plain):
    def finish(self, logits, support):
        return logits.mean(-2)


class Spread(Plain):
    """Divides by the spread of class means: none for a single class."""

    def logits_of(self, means, queries, support, mask):
        scores = super().logits_of(means, queries, support, mask)
        return scores / (means - means.mean(-2, keepdim=True)).abs().amax((-1, -2), keepdim=True)


class Variance(Plain):
    """Divides by each class's variance: none for a single photo."""

    def means(self, support):
        n = support.counts.unsqueeze(-1)
        return super().means(support) * (n - 1) / (n - 1)


class TakesNothing(Plain):
    """Says it needs photos and takes a class without any."""

    def check_support(self, support):
        pass


class HalfWords(ZeroShotHead):
    """Zero-shot logits at another scale."""

    def logits_from_inner(self, inner, labels, class_mask, *, query_mask=None):
        return super().logits_from_inner(inner, labels, class_mask) / 2


class FirstClassFirst(Plain):
    def finish(self, logits, support):
        bonus = torch.zeros(support.n_classes, dtype=logits.dtype)
        bonus[0] = 1e-3
        return super().finish(logits + bonus, support)


class LastRowCountsTwice(Plain):
    def means(self, support):
        features = support.features.clone()
        features[..., -1, :] *= 1.01
        return super().means(types.SimpleNamespace(features=features, one_hot=support.one_hot))


class PaddingInMean(Plain):
    """Centres by the mean of all rows, padding too."""

    def means(self, support):
        self.centre = support.features.mean(-2, keepdim=True)
        return super().means(support) - 0.1 * self.centre


class AbsentAtZero(Plain):
    def finish(self, logits, support):
        return logits.masked_fill(~support.class_mask.unsqueeze(-2), -1e9)


class AbsentMoves(Plain):
    """Centres by the mean of all class means, absent ones too."""

    def means(self, support):
        means = super().means(support)
        return means - means.mean(-2, keepdim=True)


class Reversed(Plain):
    def finish(self, logits, support):
        order = logits.sum(-1).argsort(-1)
        return super().finish(logits.gather(-2, order.unsqueeze(-1).expand_as(logits)), support)


class Transductive(Plain):
    """Centres by the queries' mean, and says so."""

    transductive = True

    def logits_of(self, means, queries, support, mask):
        real = torch.ones(queries.shape[:-1]) if mask is None else mask
        z = queries.masked_fill(real.unsqueeze(-1) == 0, 0)
        total = real.sum(-1, keepdim=True).unsqueeze(-1)
        centre = z.sum(-2, keepdim=True) / total
        return super().logits_of(means + 0.1 * centre, z, support, None)


class SecretlyTransductive(Transductive):
    transductive = False


class FalselyTransductive(Plain):
    transductive = True


class TakesOne(Transductive):
    def refuse(self, support, queries, mask):
        pass


class PaddingMoves(Transductive):
    def logits_of(self, means, queries, support, mask):
        return super().logits_of(means, queries, support, None)


class OneForTheBatch(Plain):
    """Means over episodes where it should be over rows."""

    def means(self, support):
        means = super().means(support)
        over = tuple(range(means.ndim - 2))
        return means + 0.1 * means.mean(over, keepdim=True) if over else 1.1 * means


class FlatBatch(Plain):
    """Cannot have more than one leading dimension."""

    def means(self, support):
        means = super().means(support)
        return means.reshape(-1, *means.shape[-2:]) if means.ndim > 3 else means


class OtherFromFeatures(SimpleShotHead):
    def fit(self, support):
        fitted = super().fit(support)
        return types.SimpleNamespace(
            logits=lambda x, query_mask=None: 1.5 * fitted.logits(x, query_mask=query_mask)
        )


class ChangesTogether(PrototypeHead):
    """A transform that looks at all rows."""

    def transform(self, features, background=None):
        return features - features.mean(-2, keepdim=True)


class NoKey(PrototypeHead):
    def transform_key(self):
        return ["a list"]


class TakesAnything(Plain):
    def refuse(self, support, queries, mask):
        pass


class TakesNaN(Plain):
    def refuse(self, support, queries, mask):
        super().refuse(support, queries.nan_to_num(), mask)


class TakesEmpty(Plain):
    def refuse(self, support, queries, mask):
        if queries.shape[-2]:
            super().refuse(support, queries, mask)


class TakesWide(Plain):
    """Cuts queries of another width."""

    def fit(self, support):
        fitted = super().fit(support)
        d = support.features.shape[-1]
        return types.SimpleNamespace(
            logits=lambda x, query_mask=None: fitted.logits(x[..., :d], query_mask=query_mask)
        )


class NotCopied(Plain):
    def __init__(self):
        super().__init__()
        self.rule = lambda x: x


class CopiesWrong(Plain):
    """Forgets a parameter when copied."""

    factor = 1.0

    def __init__(self):
        super().__init__()
        self.factor = 2.0

    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k != "factor"}

    def finish(self, logits, support):
        return super().finish(self.factor * logits, support)


class Counting(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def means(self, support):
        self.seen += 1
        return super().means(support)


class NewBuffer(Plain):
    def means(self, support):
        self.register_buffer("kept", super().means(support)[..., 0, 0])
        return super().means(support)


class WritesFeatures(Plain):
    def means(self, support):
        means = super().means(support)
        support.features.mul_(1.0 + 1e-12)
        return means


class WritesQueries(Plain):
    def logits_of(self, means, queries, support, mask):
        queries[..., 0, 0] += 1e-13
        return super().logits_of(means, queries, support, mask)


class RemembersLast(Plain):
    """Keeps what it learnt in the head, so the next fit spoils the one before."""

    def fit(self, support):
        self.kept = super().fit(support)
        self.support = support
        return types.SimpleNamespace(logits=self.last)

    def last(self, queries, *, query_mask=None):
        return self.kept.logits(queries, query_mask=query_mask)


class LeavesEval(Plain):
    def means(self, support):
        self.train()
        return super().means(support)


class Noisy(Plain):
    def means(self, support):
        means = super().means(support)
        return means + 0.01 * torch.rand_like(means)


class UsesUp(Plain):
    def means(self, support):
        torch.rand(1)
        return super().means(support)


class UsesNumpy(Plain):
    def means(self, support):
        np.random.rand()  # noqa: NPY002
        return super().means(support)


class UsesPython(Plain):
    def means(self, support):
        random.random()
        return super().means(support)


class NeedsGradients(Plain):
    def means(self, support):
        means = super().means(support).clone().requires_grad_()
        (gradient,) = torch.autograd.grad(means.square().sum(), means)
        return (means - 0.01 * gradient).detach()


class RoundsEarly(Plain):
    """Computes in bfloat16 what comes in float32."""

    def means(self, support):
        means = super().means(support)
        return means.bfloat16().float() if means.dtype == torch.float32 else means


class Float32Only(Plain):
    def numbers(self, x):
        return x.float()


class NoBfloat(Plain):
    def numbers(self, x):
        if x.dtype == torch.bfloat16:
            raise RuntimeError("not implemented for BFloat16")
        return super().numbers(x)


class Single(Plain):
    """Works one by one, and says so."""

    batched = False

    def fit(self, support):
        if support.labels.shape[:-1] not in ((), (1,)):
            raise RuntimeError("one episode at a time")
        return super().fit(support)


BROKEN = [
    (IgnoresLabels, check_labels, "8 of 8 easy queries were answered wrongly"),
    (SortedLabels, check_labels, "easy queries were answered wrongly"),
    (WidthOfAnswer, check_labels, r"logits have shape \(4,\), not \(8, 4\)"),
    (Spread, check_one_class, "not all finite"),
    (Variance, check_one_shot, "not all finite"),
    (TakesNothing, check_zero_shots, r"photos are needed, and shots \(2, 0, 1\) were taken"),
    (HalfWords, check_zero_shots, "without any photo and by words alone"),
    (FirstClassFirst, check_class_order, "numbering the classes otherwise"),
    (LastRowCountsTwice, check_support_order, "support in reverse"),
    (PaddingInMean, check_padding, r"without and with padding \(large"),
    (AbsentAtZero, check_absent_classes, "an absent class got the logit -1e[+]09"),
    (AbsentMoves, check_absent_classes, "without and with two absent ones"),
    (Reversed, check_query_order, "queries in reverse"),
    (PaddingMoves, check_query_padding, "logits are NaN without and with padding"),
    (SecretlyTransductive, check_transductive, "among other queries"),
    (FalselyTransductive, check_transductive, "other queries change nothing"),
    (TakesOne, check_transductive, "a single query was taken"),
    (OneForTheBatch, check_batch, "of episode 0 alone and in"),
    (FlatBatch, check_batch, "it raised RuntimeError"),
    (OtherFromFeatures, check_inner_products, "from features and from inner products"),
    (ChangesTogether, check_inner_products, "transformed row in company and alone"),
    (NoKey, check_inner_products, "no hashable value"),
    (TakesAnything, check_queries_refused, "no query at all was taken"),
    (TakesEmpty, check_queries_refused, "no query at all was taken"),
    (TakesNaN, check_queries_refused, "a query with NaN was taken"),
    (TakesWide, check_queries_refused, "queries of width 13 for a support of width 12 was taken"),
    (NotCopied, check_copies, "it raised (PicklingError|AttributeError)"),
    (CopiesWrong, check_copies, "its copy by deepcopy"),
    (Counting, check_purity, "changed seen"),
    (NewBuffer, check_purity, "changed kept"),
    (WritesFeatures, check_purity, "the input features was changed"),
    (WritesQueries, check_purity, "the input queries was changed"),
    (RemembersLast, check_purity, "before and after fitting another"),
    (LeavesEval, check_purity, "left eval mode"),
    (Noisy, check_randomness, "torch were used up"),
    (UsesUp, check_randomness, "torch were used up"),
    (UsesNumpy, check_randomness, "numpy were used up"),
    (UsesPython, check_randomness, "random were used up"),
    (NeedsGradients, check_inference_mode, "it raised RuntimeError"),
    (RoundsEarly, check_precision, "from torch.float32 and from the same numbers in float64"),
    (Float32Only, check_precision, "torch.float64 gave logits of torch.float32"),
    (NoBfloat, check_precision, "it raised RuntimeError .not implemented for BFloat16"),
]


@pytest.mark.parametrize(
    ("kind", "check", "message"), BROKEN, ids=lambda x: getattr(x, "__name__", "")
)
def test_a_broken_head_is_seen(kind, check, message):
    with pytest.raises(HeadBroken, match=message) as caught:
        check(kind())
    assert f"{kind.__name__} breaks {check.__name__}: " in str(caught.value)
    assert check.__doc__.splitlines()[0] in str(caught.value)


def test_every_check_is_broken_at_least_once():
    broken = {check for _, check, _ in BROKEN}
    assert broken == {*SUPPORT_CHECKS, *QUERY_CHECKS, *CONDUCT_CHECKS}


@pytest.mark.parametrize("kind", [Plain, Transductive])
def test_what_the_broken_ones_are_made_of_is_whole(kind):
    for check in (*SUPPORT_CHECKS, *QUERY_CHECKS, *CONDUCT_CHECKS):
        if check is not check_inner_products or kind is Plain:
            check(kind())


@pytest.mark.parametrize("kind", [kind for kind, _, _ in BROKEN])
def test_check_head_sees_it_too(kind):
    with pytest.raises(HeadBroken, match=f"{kind.__name__} breaks check_"):
        check_head(kind())


def test_any_other_error_is_a_broken_head_that_names_it():
    class Raises(Plain):
        def means(self, support):
            raise KeyError("lost")

    with pytest.raises(HeadBroken, match=r"check_purity: it raised KeyError \('lost'\)") as caught:
        check_head(Raises())
    assert isinstance(caught.value.__cause__, KeyError)


def complaint(check, head) -> str:
    """What one check says of a head, or nothing."""
    try:
        check(head)
    except HeadBroken as error:
        return str(error)
    return ""


def test_every_promise_that_is_broken_is_told_in_one_error():
    class TwoFaults(RoundsEarly):
        """Rounds, and writes nothing for absent classes."""

        def finish(self, logits, support):
            return logits

    with pytest.raises(HeadBroken) as caught:
        check_head(TwoFaults())
    text = str(caught.value)
    asked = [complaint(check, TwoFaults()) for check in checks.EVERY_CHECK]
    alone = [message for message in asked if message]
    assert 2 <= len(alone) < 10
    assert text.startswith(f"TwoFaults breaks {len(alone)} promises")
    assert all(message in text for message in alone)
    # what a head is comes before how exactly it computes
    assert text.index("check_absent_classes") < text.index("check_precision")


def test_shapes_batches_and_absent_classes_come_first():
    every = [check.__name__ for check in checks.EVERY_CHECK]
    assert every[:4] == ["check_purity", "check_labels", "check_batch", "check_absent_classes"]
    assert every[-1] == "check_precision"
    assert sorted(every) == sorted(
        check.__name__ for check in (*SUPPORT_CHECKS, *QUERY_CHECKS, *CONDUCT_CHECKS)
    )


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (PrototypeHead, r"the class PrototypeHead: give an instance, PrototypeHead\(\)"),
        (3, "3 has no fit, eval, needs, batched, transductive: give a fewshot.Head"),
    ],
)
def test_what_is_no_head_is_told_so(head, message):
    with pytest.raises(HeadBroken, match=message):
        check_head(head)


def test_a_head_that_works_one_by_one_need_not_work_in_batches(monkeypatch):
    check_head(Single())
    monkeypatch.setattr(Single, "batched", True)
    with pytest.raises(HeadBroken, match="one episode at a time"):
        check_batch(Single())


def test_checking_puts_the_head_into_eval_mode_and_leaves_random_numbers_alone():
    head = PrototypeHead().train()
    before = torch.get_rng_state()
    check_head(head)
    assert not head.training
    assert torch.equal(torch.get_rng_state(), before)


def test_a_tolerance_wide_enough_lets_a_small_fault_pass():
    check_class_order(FirstClassFirst(), tolerance=0.01)
    with pytest.raises(HeadBroken):
        check_class_order(FirstClassFirst(), tolerance=1e-6)


def test_a_head_of_any_class_is_checked():
    """No inheritance is needed, only what a head has; without inner products it is fine."""
    head = PrototypeHead()
    other = types.SimpleNamespace(
        needs=head.needs, transductive=False, batched=True, fit=head.fit, eval=lambda: head
    )
    check_inner_products(other)
    check_labels(other)
    assert isinstance(head, Head)
