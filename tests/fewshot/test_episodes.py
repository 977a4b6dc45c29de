"""Episodes: what is drawn, from what, and that (seed, i) alone decides."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import Episodes, EpisodeSampler
from fewshot.errors import EpisodeError

FIELDS = [f.name for f in dataclasses.fields(Episodes)]
UNEQUAL = ["b"] * 7 + ["a"] * 12 + ["c"] * 30 + ["d"] * 9


def same(one: Episodes, other: Episodes) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


def check_episodes(sampler, episodes, labels, query_labels=None) -> None:
    """Everything that must hold of every episode, one by one and in plain Python."""
    asked = labels if query_labels is None else query_labels
    for i in range(len(episodes)):
        row = {name: getattr(episodes, name)[i].tolist() for name in FIELDS}
        exist = row["class_mask"]
        ways = sum(exist)
        assert exist == [True] * ways + [False] * (len(exist) - ways)
        assert sampler.ways[0] <= ways <= sampler.ways[1]
        classes = [sampler.classes[c] for c in row["classes"][:ways]]
        assert len(set(classes)) == ways
        support = [
            (r, y) for r, y in zip(row["support"], row["support_labels"], strict=True) if y >= 0
        ]
        query = [(r, y) for r, y in zip(row["query"], row["query_labels"], strict=True) if y >= 0]
        assert all(labels[r] == classes[y] for r, y in support)
        assert all(asked[r] == classes[y] for r, y in query)
        rows = [r for r, _ in support], [r for r, _ in query]
        assert len(set(rows[0])) == len(rows[0])
        assert len(set(rows[1])) == len(rows[1])
        if query_labels is None:
            assert not set(rows[0]) & set(rows[1])
        for place in range(ways):
            n = sum(y == place for _, y in support)
            assert sum(y == place for _, y in query) == sampler.n_query
            assert sampler.shots[0] <= n <= sampler.shots[1]
            have = labels.count(classes[place])
            room = have - sampler.n_query if query_labels is None else have
            if sampler.shots[0] == sampler.shots[1]:
                assert n == sampler.shots[0]
            assert n <= room
        padding = [
            r for r, y in zip(row["support"], row["support_labels"], strict=True) if y < 0
        ] + [r for r, y in zip(row["query"], row["query_labels"], strict=True) if y < 0]
        assert not any(padding)


@pytest.mark.parametrize(
    ("n_way", "n_shot", "n_query"),
    [
        (2, 1, 3),
        (4, 2, 5),
        (1, 6, 1),
        ((1, 4), 2, 4),
        (3, (1, 20), 2),
        ((2, 3), (0, 4), 3),
        (3, 0, 7),
    ],
)
def test_episodes_of_unequal_classes_are_what_was_asked_for(n_way, n_shot, n_query):
    sampler = EpisodeSampler(UNEQUAL, n_way, n_shot, n_query, seed=4)
    check_episodes(sampler, sampler.sample(0, 60), UNEQUAL)


@pytest.mark.parametrize(("n_shot", "n_query"), [(3, 2), ((1, 9), 2), (0, 2), ((0, 3), 1)])
def test_support_and_queries_may_come_from_two_pools(n_shot, n_query):
    shops = ["x"] * 3 + ["y"] * 8 + ["z"] * 4
    others = ["z"] * 2 + ["x"] * 5 + ["y"] * 2
    sampler = EpisodeSampler(shops, 3, n_shot, n_query, query_labels=others)
    episodes = sampler.sample(0, 60)
    check_episodes(sampler, episodes, shops, others)
    if n_shot == 3:  # 9 support and 6 query rows of the two pools: both are used to their end
        assert int(episodes.support.max()) == len(shops) - 1
        assert int(episodes.query.max()) == len(others) - 1


@settings(max_examples=30)
@given(
    st.lists(st.integers(3, 15), min_size=2, max_size=6),
    st.integers(0, 2**63),
    st.integers(1, 2),
    st.data(),
)
def test_any_sizes_and_seeds(sizes, seed, n_query, data):
    labels = [c for c, n in enumerate(sizes) for _ in range(n)]
    low = data.draw(st.integers(0, 3 - n_query))
    shots = (low, data.draw(st.integers(low, 12)))
    ways = (data.draw(st.integers(1, 2)), data.draw(st.integers(2, len(sizes))))
    sampler = EpisodeSampler(labels, ways, shots, n_query, seed)
    check_episodes(sampler, sampler.sample(5, 15), labels)


def test_an_episode_is_a_function_of_its_seed_and_number():
    sampler = EpisodeSampler(UNEQUAL, (2, 3), (1, 4), 2, seed=11)
    every = sampler.sample(0, 40)
    again = EpisodeSampler(UNEQUAL, (2, 3), (1, 4), 2, seed=11)
    for start, stop in ((0, 1), (7, 8), (39, 40), (10, 30)):
        part = Episodes(*(getattr(every, name)[start:stop] for name in FIELDS))
        assert same(again.sample(start, stop), part)
    assert len(every) == 40
    other = EpisodeSampler(UNEQUAL, (2, 3), (1, 4), 2, seed=12).sample(0, 40)
    assert not same(every, other)


def test_random_numbers_of_torch_are_left_alone():
    before = torch.get_rng_state()
    EpisodeSampler(UNEQUAL, 2, 1, 1).sample(0, 10)
    assert torch.equal(before, torch.get_rng_state())


def test_a_smaller_support_is_part_of_a_larger_with_the_same_queries():
    samplers = {m: EpisodeSampler(UNEQUAL, 3, m, 2, seed=1) for m in (0, 1, 2, 5)}
    drawn = {m: sampler.sample(0, 100) for m, sampler in samplers.items()}
    most = drawn[5]
    for m, some in drawn.items():
        for name in ("classes", "class_mask", "query", "query_labels"):
            assert torch.equal(getattr(some, name), getattr(most, name))
        assert torch.equal(some.support.view(100, 3, m), most.support.view(100, 3, 5)[:, :, :m])


def test_support_of_another_pool_does_not_follow_the_queries():
    """Two pools of the same order must not give the same rows to support and query."""
    labels = [c for c in range(3) for _ in range(50)]
    episodes = EpisodeSampler(labels, 3, 5, 5, query_labels=labels).sample(0, 200)
    shared = (episodes.support == episodes.query).float().mean()
    assert shared < 0.04  # one in fifty by chance


def test_every_class_and_every_picture_is_drawn_about_as_often():
    labels = [c for c in range(6) for _ in range(5)]
    episodes = EpisodeSampler(labels, 2, 1, 2, seed=3).sample(0, 3000)
    for drawn, n, expected in (
        (episodes.classes, 6, 1000),
        (episodes.support, 30, 200),
        (episodes.query, 30, 400),
    ):
        counts = drawn.flatten().bincount(minlength=n)
        # six standard deviations of a binomial of that mean
        assert (counts - expected).abs().max() < 6 * expected**0.5


def test_ways_and_shots_of_a_range_are_all_drawn_and_shots_by_class():
    labels = [c for c in range(8) for _ in range(20)]
    episodes = EpisodeSampler(labels, (2, 6), (1, 5), 3, seed=2).sample(0, 2000)
    ways = episodes.class_mask.sum(-1).bincount(minlength=7)
    assert ways[:2].sum() == 0
    assert (ways[2:7] - 400).abs().max() < 6 * 20
    shots = (episodes.support_labels.view(2000, 6, 5) >= 0).sum(-1)
    first = shots[:, 0].bincount(minlength=6)
    assert first[0] == 0
    assert (first[1:] - 400).abs().max() < 6 * 20
    assert (shots[:, 0] != shots[:, 1]).float().mean() > 0.7  # 0.8 if each class has its own


@pytest.mark.parametrize(
    "labels",
    [
        [0, 2, 5] * 4,
        ["wren", "tit", "owl"] * 4,
        np.array([0, 2, 5] * 4),
        torch.tensor([0, 2, 5] * 4),
        ("ä", "汉", "a b") * 4,
    ],
    ids=["0-2-5", "strings", "numpy", "torch", "scripts"],
)
def test_labels_of_any_kind(labels):
    sampler = EpisodeSampler(labels, 3, 1, 2)
    plain = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    assert sampler.classes == tuple(sorted(set(plain)))
    check_episodes(sampler, sampler.sample(0, 20), plain)


def test_the_id_tells_labels_pools_numbers_and_seed_apart():
    def told(*given, **options):
        return EpisodeSampler(*given, **options).id

    shorter = UNEQUAL[1:]
    moved = UNEQUAL[::-1]
    renamed = ["z" if label == "d" else label for label in UNEQUAL]
    ids = [
        told(UNEQUAL, 2, 1, 1),
        told(shorter, 2, 1, 1),
        told(moved, 2, 1, 1),
        told(renamed, 2, 1, 1),
        told(UNEQUAL, 3, 1, 1),
        told(UNEQUAL, 2, 2, 1),
        told(UNEQUAL, 2, 1, 2),
        told(UNEQUAL, 2, 1, 1, 5),
        told(UNEQUAL, 2, 1, 1, query_labels=UNEQUAL),
        told(UNEQUAL, 2, 1, 1, query_labels=shorter),
        told(UNEQUAL, (1, 2), 1, 1),
    ]
    assert len(set(ids)) == len(ids)
    # the same rows in the same order, cut in two at another place
    assert told([*"aaabb"], 2, 1, 1) != told([*"aabbb"], 2, 1, 1)
    assert told(list(UNEQUAL), 2, 1, 1) == told(tuple(UNEQUAL), 2, 1, 1) == ids[0]


def test_classes_with_too_few_pictures_are_refused_by_name_or_left_out():
    labels = ["a"] * 6 + ["few"] * 2 + ["c"] * 6 + ["one"]
    with pytest.raises(
        EpisodeError,
        match=r"class 'few' has 2 pictures, and 2 \+ 3 are needed .*1 more classes like it.*"
        "small_classes='skip'",
    ):
        EpisodeSampler(labels, 2, 2, 3)
    sampler = EpisodeSampler(labels, 2, 2, 3, small_classes="skip")
    assert sampler.classes == ("a", "c")
    check_episodes(sampler, sampler.sample(0, 30), labels)


def test_a_class_that_one_of_two_pools_lacks_is_refused_with_both_numbers():
    with pytest.raises(EpisodeError, match="class 'b' has 0 support and 4 query pictures, and 1"):
        EpisodeSampler(["a"] * 4, 1, 1, 2, query_labels=["a"] * 4 + ["b"] * 4)
    sampler = EpisodeSampler(
        ["a"] * 4, 1, 1, 2, query_labels=["a"] * 4 + ["b"] * 4, small_classes="skip"
    )
    assert sampler.classes == ("a",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((["a", "b"] * 20, 3), "n_way is 3 and 2 classes have enough"),
        ((["a", "b"] * 9, 0), "n_way is 0: give 1 or more"),
        ((["a", "b"] * 9, (2, 1)), r"n_way is \(2, 1\)"),
        ((["a", "b"] * 9, 2, -1), "n_shot is -1: give 0 or more"),
        ((["a", "b"] * 9, 2, 1, 0), "n_query is 0: give 1 or more"),
        (([], 2), r"labels have shape \(0,\)"),
        (([["a"], ["b"]], 2), r"labels have shape \(2, 1\)"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(given, message):
    with pytest.raises(EpisodeError, match=message):
        EpisodeSampler(*given)
    with pytest.raises(EpisodeError, match="small_classes is 'drop': use 'error' or 'skip'"):
        EpisodeSampler(["a"] * 20, 1, small_classes="drop")


def test_whole_numbers_of_numpy_will_do():
    one = EpisodeSampler(UNEQUAL, np.int64(2), np.int64(1), np.int64(2), np.int64(9))
    assert same(one.sample(0, 5), EpisodeSampler(UNEQUAL, 2, 1, 2, 9).sample(0, 5))
    assert one.id == EpisodeSampler(UNEQUAL, 2, 1, 2, 9).id


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            [1, "1"] * 4,
            r"labels mix numbers \(such as 1\) and texts \(such as '1'\).*str\(y\) for y",
        ),
        (["a", 2.5] * 4, r"labels mix numbers \(such as 2.5\) and texts \(such as 'a'\)"),
        (np.array(["a", 1] * 4, dtype=object), "labels mix numbers"),
        (["a", "b", None, "a"] * 2, "a label is None: .*leave those pictures out"),
        ([None] * 8, "a label is None"),
        ([("a", 1), "a"] * 4, r"labels mix texts \(such as 'a'\) and tuples"),
    ],
)
def test_labels_of_two_kinds_are_refused(labels, message):
    with pytest.raises(EpisodeError, match=message):
        EpisodeSampler(labels, 2, 1, 1)
    with pytest.raises(EpisodeError, match=message):
        EpisodeSampler(["a", "b"] * 4, 2, 1, 1, query_labels=labels)


@pytest.mark.parametrize("other", [[1, 2] * 4, np.array([1, 2] * 4), torch.tensor([1, 2] * 4)])
def test_labels_of_two_pools_are_of_one_kind(other):
    with pytest.raises(EpisodeError, match=r"labels are texts .* and query_labels numbers"):
        EpisodeSampler(["1", "2"] * 4, 2, 1, 1, query_labels=other)
    mixed = EpisodeSampler([1.0, 2.0] * 4, 2, 1, 1, query_labels=other)
    assert mixed.classes == (1, 2)


def test_whole_numbers_fractions_and_truth_are_all_numbers():
    assert EpisodeSampler([0, 0.5, True] * 3, 2, 1, 1).classes == (0, 0.5, 1)


def test_every_label_is_told_also_of_classes_that_are_too_small():
    sampler = EpisodeSampler(["b", "c", "a"] * 2 + ["d"], 2, 1, 1, small_classes="skip")
    assert sampler.classes == ("a", "b", "c")
    assert sampler.labels == ("a", "b", "c", "d")
