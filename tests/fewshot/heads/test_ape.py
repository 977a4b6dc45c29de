"""APE: against loops, by hand, and beside Tip-Adapter."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import APEHead, Support, TipAdapterHead, Words


def slowly(support, queries, head):
    """Equal shots: channels by loops over pairs of pictures, as the paper writes them."""
    f = functional.normalize(support.features, dim=-1)
    z = functional.normalize(queries, dim=-1)
    t, y, scale = support.words.embeddings, support.labels.tolist(), support.words.logit_scale
    k, d = t.shape
    samples = [(c, t[c]) for c in range(k)] + list(zip(y, f, strict=True))
    worth = []
    for j in range(d):
        pairs = [float(a[j] * b[j]) for c, a in samples for e, b in samples if c != e]
        middle = sum(float(t[c, j]) for c in range(k)) / k
        spread = sum((float(t[c, j]) - middle) ** 2 for c in range(k)) / (k - 1)
        worth.append(head.balance[1] * spread - head.balance[0] * sum(pairs) / len(pairs))
    kept = sorted(range(d), key=lambda j: -worth[j])[: round(head.channels * d)]
    keys, texts, looks = (functional.normalize(v[:, kept], dim=-1) for v in (f, t, z))
    logits = torch.empty(len(z), k, dtype=f.dtype)
    for q in range(len(z)):
        for c in range(k):
            vote = 0.0
            for i, label in enumerate(y):
                if label == c:
                    chance = float((keys[i] @ texts.T).softmax(-1)[c])
                    affinity = math.exp(-head.cache.beta * (1 - float(looks[q] @ keys[i])))
                    vote += affinity * math.exp(-head.gamma * math.log(chance))
            logits[q, c] = scale * (z[q] @ t[c]) + head.cache.alpha * vote
    return logits


@pytest.mark.parametrize("channels", [0.3, 0.78])
def test_it_is_the_definition(word_episode, channels):
    support, queries = word_episode(0, (2, 2, 2), d=10)
    head = APEHead(2.0, 3.0, 1.5, channels)
    torch.testing.assert_close(head.fit(support).logits(queries), slowly(support, queries, head))


def test_a_case_by_hand():
    # Words (.6, 0, .8) and (0, .6, .8): the third channel does not tell them apart (variance 0,
    # product .64) and is dropped of three. The photo (.6, 0, .8) of class 0 leaves the key
    # (1, 0); words leave (1, 0) and (0, 1), so its chance is e / (e + 1) = .731059, and with
    # gamma 2 it is worth .731059^-2 = 1.871093. The query (.48, .36, .8) leaves (.8, .6):
    #   class 0:  10 (.48 * .6 + .8 * .8) + 3 * exp(-(1 - .8)) * 1.871093
    #           = 9.28 + 3 * .818731 * 1.871093 = 13.875785
    #   class 1:  10 (.36 * .6 + .8 * .8) = 8.56, and no photo ("sum")
    words = torch.tensor([[0.6, 0.0, 0.8], [0.0, 0.6, 0.8]])
    support = Support(
        words[:1], torch.tensor([0]), torch.ones(2, dtype=torch.bool), Words(words, 10.0)
    )
    head = APEHead(3.0, 1.0, 2.0, channels=2 / 3, values="sum")
    found = head.fit(support).logits(torch.tensor([[0.48, 0.36, 0.8]]))
    torch.testing.assert_close(found, torch.tensor([[13.875785, 8.56]]))


def test_with_all_channels_and_equal_photos_it_is_tip_adapter(word_episode):
    support, queries = word_episode(1, (3, 0, 1))
    found = APEHead(2.0, 4.0, gamma=0.0, channels=1.0).fit(support).logits(queries)
    torch.testing.assert_close(found, TipAdapterHead(2.0, 4.0).fit(support).logits(queries))


def test_at_least_one_channel_is_kept(word_episode):
    support, queries = word_episode(2)
    assert torch.isfinite(APEHead(channels=1e-6).fit(support).logits(queries)).all()


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(APEHead(), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(APEHead())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beta": -1.0}, "beta is -1.0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
        ({"channels": 0.0}, "channels is 0.0: give a fraction"),
        ({"balance": (0.2, -0.1)}, r"balance is \(0.2, -0.1\)"),
        ({"values": "most"}, "values is 'most'"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        APEHead(**wrong)
