"""Random numbers by counting: uniform, without repeats, and a function of (seed, i) alone."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from torch.overrides import TorchFunctionMode

from fewshot.counter_random import below, hash_counters, sample_without_replacement

MASK = (1 << 64) - 1


def splitmix(x: int) -> int:
    """The finaliser of SplitMix64 as its authors print it, on Python's integers."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def slow_hash(seed: int, episode: int, draw: int) -> int:
    golden = 0x9E3779B97F4A7C15
    start = splitmix((seed * golden + 1) & MASK)
    key = splitmix((start + (episode + 1) * golden) & MASK)
    return splitmix((key + (draw + 1) * golden) & MASK) & 0xFFFFFFFF


def uniform(counts: torch.Tensor) -> float:
    """How likely counts at least this uneven are if all values are equally likely."""
    expected = counts.sum() / len(counts)
    return float(chi2.sf(float(((counts - expected) ** 2 / expected).sum()), len(counts) - 1))


@settings(max_examples=60)
@given(st.integers(-(2**70), 2**70), st.integers(0, 2**50), st.integers(0, 2**51))
def test_the_hash_is_splitmix_on_whole_numbers(seed, episode, draw):
    found = hash_counters(seed, torch.tensor([episode]), torch.tensor([draw]))
    assert found.tolist() == [[slow_hash(seed, episode, draw)]]


def test_it_is_a_function_of_seed_episode_and_draw_alone():
    draws = torch.arange(12).view(3, 4)
    every = hash_counters(7, torch.arange(50), draws)
    assert every.shape == (50, 3, 4)
    some = torch.tensor([31, 4, 31])
    assert torch.equal(hash_counters(7, some, draws), every[some])
    assert torch.equal(hash_counters(7, some, draws[1:, 2]), every[some][:, 1:, 2])


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, -1), (1, 2**32), (5, 5 + 2**33)])
def test_seeds_differ(one, other):
    episodes, draws = torch.arange(100), torch.arange(100)
    same = hash_counters(one, episodes, draws) == hash_counters(other, episodes, draws)
    # ten thousand pairs of 32-bit numbers: one chance in 400,000 that any agree
    assert not same.any()


def test_no_number_comes_back_in_another_episode_more_than_by_chance():
    numbers = hash_counters(0, torch.arange(1000), torch.arange(60)).flatten()
    # birthday: 60,000^2 / 2 / 2^32 = 0.42 pairs expected
    assert len(numbers) - len(numbers.unique()) <= 5


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_values_are_uniform_by_chi_square(seed):
    numbers = hash_counters(seed, torch.arange(2000), torch.arange(50)).flatten()
    assert 0 <= int(numbers.min()) <= int(numbers.max()) < 2**32
    for limit in (2, 7, 100):
        counts = below(numbers, limit).bincount(minlength=limit)
        assert len(counts) == limit
        assert uniform(counts) > 1e-4
    low_bits = (numbers & 15).bincount(minlength=16)
    assert uniform(low_bits) > 1e-4


@pytest.mark.parametrize("lag", [(0, 1), (1, 0), (1, 1)])
def test_neighbours_are_independent_by_chi_square(lag):
    """Pairs of numbers side by side, of one episode or of two that follow one another."""
    fours = below(hash_counters(3, torch.arange(501), torch.arange(101)), 4)
    e, d = lag
    pairs = 4 * fours[:500, :100] + fours[e : 500 + e, d : 100 + d]
    assert uniform(pairs.flatten().bincount(minlength=16)) > 1e-4


def test_below_is_exact_at_both_ends():
    ends = torch.tensor([0, 2**32 - 1])
    assert below(ends, 6).tolist() == [0, 5]
    assert below(ends, torch.tensor([1, 2**31])).tolist() == [0, 2**31 - 1]


# --- samples


def shuffled(numbers: list[int], size: int) -> list[int]:
    """First steps of a Fisher-Yates shuffle of a list that is really there."""
    things = list(range(size))
    for j, number in enumerate(numbers):
        spot = j + (number * (size - j) >> 32)
        things[j], things[spot] = things[spot], things[j]
    return things[: len(numbers)]


@given(st.data(), st.integers(1, 12))
def test_samples_are_those_of_a_shuffled_list(data, size):
    m = data.draw(st.integers(0, size))
    numbers = data.draw(st.lists(st.integers(0, 2**32 - 1), min_size=m, max_size=m))
    drawn = sample_without_replacement(torch.tensor([numbers]).long(), torch.tensor([size]))
    assert drawn.tolist() == [shuffled(numbers, size)]


def test_each_row_has_its_own_size():
    source = random.Random(0)
    sizes = [[3, 50, 1000], [4, 3, 7]]
    numbers = torch.tensor([[[source.getrandbits(32) for _ in range(3)] for _ in r] for r in sizes])
    drawn = sample_without_replacement(numbers, torch.tensor(sizes))
    for i, j in itertools.product(range(2), range(3)):
        assert drawn[i, j].tolist() == shuffled(numbers[i, j].tolist(), sizes[i][j])


@pytest.mark.parametrize(("m", "size"), [(20, 20), (20, 21), (5, 1000)])
def test_samples_are_distinct_and_inside(m, size):
    numbers = hash_counters(1, torch.arange(500), torch.arange(m))
    drawn = sample_without_replacement(numbers, torch.full((500,), size))
    assert 0 <= int(drawn.min()) <= int(drawn.max()) < size
    ordered = drawn.sort(-1).values
    assert (ordered[:, 1:] > ordered[:, :-1]).all()


def test_a_long_sample_takes_calls_in_proportion_and_not_squared():
    class Calls(TorchFunctionMode):
        n = 0

        def __torch_function__(self, function, types, args=(), kwargs=None):
            self.n += 1
            return function(*args, **(kwargs or {}))

    counted = []
    for m in (50, 100):
        numbers = hash_counters(1, torch.arange(3), torch.arange(m))
        with Calls() as calls:
            sample_without_replacement(numbers, torch.full((3,), 150))
        counted.append(calls.n)
    assert counted[0] < counted[1] < 2.2 * counted[0]


def test_every_ordered_sample_is_equally_likely():
    numbers = hash_counters(9, torch.arange(24_000), torch.arange(3))
    drawn = sample_without_replacement(numbers, torch.full((24_000,), 4))
    code = (drawn * torch.tensor([16, 4, 1])).sum(-1)
    counts = code.bincount(minlength=64)
    there = torch.tensor([16 * a + 4 * b + c for a, b, c in itertools.permutations(range(4), 3)])
    assert counts[there].sum() == 24_000
    assert uniform(counts[there]) > 1e-4
