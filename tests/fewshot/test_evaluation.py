"""What an evaluation says: means, intervals, differences, and its file."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from fewshot import Comparison, Evaluation, evaluate
from fewshot.errors import EvaluationError
from fewshot.intervals import class_interval, normal_interval


def told(accuracies, right=(6, 2), tried=(8, 4), head="one", **setting) -> Evaluation:
    bins = torch.zeros(3, 15, dtype=torch.float64)
    bins[:, 14] = torch.tensor([7.0, 5.0, 8.0])  # 8 queries, sure 7/8, right 5/8
    bins[:, 7] = torch.tensor([2.0, 3.0, 4.0])  # 4 queries, sure 2/4, right 3/4
    numbers = {"n_way": 2, "n_shot": (1, 5), "n_query": 1, "seed": 3, "space": None}
    numbers |= {"n_episodes": len(accuracies), "split_id": "abc", **setting}
    return Evaluation(
        head,
        "no-val",
        numbers,
        ("tit", "wren"),
        torch.tensor(accuracies, dtype=torch.float64),
        torch.tensor(right, dtype=torch.float64),
        torch.tensor(tried, dtype=torch.float64),
        bins,
    )


def test_numbers_by_hand():
    one = told([0.5, 1.0, 0.75, 0.75])
    assert one.mean == 0.75
    # deviations -.25 .25 0 0: variance 0.125 / 3, standard error sqrt(0.125 / 3 / 4) = 0.102062
    half = 1.959964 * 0.1020621
    assert one.ci95 == pytest.approx((0.75 - half, 0.75 + half), abs=1e-6)
    assert one.per_class == {"tit": 0.75, "wren": 0.5}
    assert one.macro == 0.625
    # 8/12 * |7/8 - 5/8| + 4/12 * |2/4 - 3/4| = 2/12 + 1/12
    assert one.ece == pytest.approx(0.25)


def test_a_class_that_was_never_drawn_has_no_accuracy():
    one = told([0.5, 1.0], right=(3, 0), tried=(4, 0))
    assert one.per_class == {"tit": 0.75}
    assert one.macro == 0.75
    assert one.class_ci95 == (0.0, 1.0)


def test_paired_differences_by_hand():
    one, other = told([0.5, 1.0, 0.75, 0.75]), told([0.25, 1.0, 0.5, 0.75], right=(4, 3))
    difference = one.minus(other)
    # gaps .25 0 .25 0: mean 0.125, variance 0.0625 / 3, standard error sqrt(0.0625 / 12)
    assert difference.mean == pytest.approx(0.125)
    half = 1.959964 * 0.0721688
    assert difference.ci95 == pytest.approx((0.125 - half, 0.125 + half), abs=1e-6)
    # by class: (6 - 4) / 8 = 0.25 and (2 - 3) / 4 = -0.25: two say next to nothing
    assert difference.class_ci95 == (-1, 1)
    back = other.minus(one)
    assert back.mean == -difference.mean
    assert back.ci95 == pytest.approx((-difference.ci95[1], -difference.ci95[0]))


def test_pairing_makes_the_interval_narrow():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.2, 0.8, 500)
    one, other = told((hard + 0.1).tolist()), told((hard + rng.normal(0, 0.01, 500)).tolist())
    low, high = one.minus(other).ci95
    assert high - low < 0.003 < one.ci95[1] - one.ci95[0]


@pytest.mark.parametrize("setting", [{"split_id": "other"}, {"n_episodes": 3}])
def test_other_episodes_are_not_compared(setting):
    with pytest.raises(EvaluationError, match=r"one and two saw other episodes.*in one call"):
        told([0.5, 1.0]).minus(told([0.5, 1.0], head="two", **setting))


def test_a_difference_leaves_out_classes_that_were_never_drawn():
    drawn, tried = [6, 2, 3], [8, 4, 6]
    one, other = told([0.5, 1.0], drawn, tried), told([0.5, 0.5], [4, 3, 3], tried)
    more = told([0.5, 1.0], [*drawn, 0], [*tried, 0])
    most = told([0.5, 0.5], [4, 3, 3, 0], [*tried, 0])
    # by class 0.25, -0.25 and 0, and of the fourth nothing is known
    assert more.minus(most) == one.minus(other)
    assert not any(map(math.isnan, more.minus(most).class_ci95))


def test_the_normal_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(4)
    draws = torch.tensor(rng.binomial(75, 0.7, size=(2000, 100)) / 75)
    inside = [low <= 0.7 <= high for low, high in map(normal_interval, draws)]
    assert 0.925 < np.mean(inside) < 0.965  # 0.95, less a little for 100 episodes


def test_an_interval_over_episodes_ends_where_accuracies_end():
    one, other = told([1.0, 1.0, 1.0, 0.6]), told([0.0, 0.0, 0.0, 0.4])
    # standard error 0.2 / 2: 1.96 of them on both sides of 0.9 and of 0.1
    assert one.ci95 == pytest.approx((0.9 - 0.1959964, 1.0))
    assert other.ci95 == pytest.approx((0.0, 0.1 + 0.1959964))
    # gaps 1, 1, 1, 0.2: mean 0.8, standard error 0.4 / 2
    assert one.minus(other).ci95 == pytest.approx((0.8 - 0.3919928, 1.0))
    assert other.minus(one).ci95 == pytest.approx((-1.0, -0.8 + 0.3919928))


@pytest.mark.parametrize("k", [2, 3, 5, 8, 20])
def test_the_interval_over_classes_covers_as_often_as_it_says(k):
    """Accuracies of classes, skewed as they are: Beta(6, 2), whose mean is 0.75."""
    rng = np.random.default_rng(k)
    draws = rng.beta(6, 2, size=(3000 if k < 8 else 1000, k))
    inside = [low <= 0.75 <= high for low, high in map(class_interval, draws)]
    assert 0.91 < np.mean(inside) < 0.975  # a plain bootstrap: 0.5 of 2 classes, 0.84 of 5


def test_of_few_classes_the_interval_is_student_s():
    # t of one degree of freedom is tan(pi (p - 1/2)) = 12.7062 at p = 0.975, of two 4.30265
    assert class_interval(np.array([0.50, 0.52])) == pytest.approx((0.382938, 0.637062), abs=1e-5)
    three = np.array([0.4, 0.5, 0.6])  # standard error 0.1 / sqrt(3)
    half = 4.30265 * 0.1 / math.sqrt(3)
    assert class_interval(three) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)
    assert class_interval(np.array([0.2, 0.9])) == (0.0, 1.0)
    assert class_interval(np.array([-0.2, 0.3]), (-1, 1)) == (-1.0, 1.0)


def test_of_one_class_nothing_is_known():
    assert class_interval(np.array([0.3])) == (0.0, 1.0)
    assert class_interval(np.array([0.3]), (-1, 1)) == (-1.0, 1.0)


def test_of_many_classes_it_is_the_bootstrap_and_the_same_every_time():
    values = np.random.default_rng(5).uniform(size=400)
    rng = np.random.default_rng(99)
    means = sorted(rng.choice(values, 400).mean() for _ in range(10_000))
    found = class_interval(values)
    assert found == class_interval(values)
    # with 400 the expansion is nothing: the quantile's own error is some 0.0005
    assert found == pytest.approx((means[249], means[9749]), abs=0.002)


def test_with_eight_classes_the_bootstrap_is_as_wide_as_student_s_interval():
    values = np.linspace(0.3, 0.7, 8)
    low, high = class_interval(values)
    half = 2.364624 * values.std(ddof=1) / math.sqrt(8)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.012)


def test_one_episode_has_no_interval():
    assert all(map(math.isnan, told([0.5]).ci95))


# --- files


def test_a_file_is_read_back_as_it_was(tmp_path):
    one = told([0.5, 1 / 3, 0.1], versions={"torch": "2.4"})
    one.save(tmp_path / "one.json")
    back = Evaluation.load(tmp_path / "one.json")
    assert (back.head, back.protocol, back.classes) == (one.head, one.protocol, one.classes)
    for name in ("accuracies", "class_right", "class_tried", "bins"):
        assert torch.equal(getattr(back, name), getattr(one, name))
    assert back.setting["versions"] == {"torch": "2.4"}
    assert back.minus(one).mean == 0
    assert repr(back).split(";")[0] == repr(one).split(";")[0]


def test_a_setting_is_the_same_after_it_was_saved_and_read(tmp_path):
    x = torch.eye(4, dtype=torch.float64).repeat_interleave(12, 0)
    one = evaluate(
        "prototype",
        x,
        np.repeat(np.arange(4), 12),
        n_way=(2, np.int64(3)),
        n_shot=[1, 4],
        n_query=np.int32(5),
        n_episodes=np.int64(3),
        seed=np.int64(1),
    )
    assert (one.setting["n_way"], one.setting["n_shot"]) == ((2, 3), (1, 4))
    assert {type(one.setting[k]) for k in ("n_query", "n_episodes", "seed")} == {int}
    one.save(tmp_path / "one.json")
    back = Evaluation.load(tmp_path / "one.json")
    assert back.setting == one.setting
    assert repr(back) == repr(one)
    assert (back.classes, back.per_class) == (one.classes, one.per_class)
    plain = evaluate(
        "prototype",
        x,
        [i // 12 for i in range(48)],
        n_way=(2, 3),
        n_shot=(1, 4),
        n_query=5,
        n_episodes=3,
        seed=1,
    )
    assert plain.setting == one.setting


def test_a_file_says_its_summary_first_and_holds_json_alone(tmp_path):
    told([0.5]).save(tmp_path / "one.json")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    found = json.loads((tmp_path / "one.json").read_text(), parse_constant=refuse)
    assert list(found)[:2] == ["format", "summary"]
    assert found["summary"]["mean"] == 0.5
    assert found["summary"]["ci95"] is None


def test_a_comparison_is_read_back(tmp_path):
    both = Comparison({"a": told([0.5, 1.0]), "b": told([0.75, 0.25])})
    both.save(tmp_path / "both.json")
    back = Comparison.load(tmp_path / "both.json")
    assert list(back) == ["a", "b"]
    assert back.difference("a", "b") == both.difference("a", "b")


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Evaluation, "{", "is not JSON"),
        (Evaluation, "[1]", "format is None, not 'fewshot-evaluation-1'"),
        (Evaluation, '{"format": "x"}', "format is 'x', not"),
        (Evaluation, '{"format": "fewshot-evaluation-1"}', "there is no 'head' in it"),
        (Comparison, "{", "is not JSON"),
        (Comparison, "[1]", "does not hold a comparison"),
        (Comparison, '{"format": "fewshot-evaluation-1"}', "does not hold a comparison"),
        (Comparison, '{"a": 3}', "format is None"),
    ],
)
def test_another_file_is_refused_by_what_it_is(kind, text, message, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(EvaluationError, match=message):
        kind.load(tmp_path / "x.json")


def test_a_transductive_head_is_marked():
    plain, joint = told([0.5, 0.5], transductive=False), told([1.0, 1.0], transductive=True)
    assert (plain.transductive, joint.transductive) == (False, True)
    assert repr(joint).endswith("no-val, transductive: queries together>")
    assert "transductive" not in repr(plain)
    lines = repr(Comparison({"plain": plain, "joint": joint})).splitlines()
    assert ["transductive" in line for line in lines] == [True, False]


def test_a_file_of_before_says_nothing_of_it_and_is_read(tmp_path):
    told([0.5, 0.5]).save(tmp_path / "one.json")
    assert Evaluation.load(tmp_path / "one.json").transductive is False
    told([0.5, 0.5], transductive=True).save(tmp_path / "one.json")
    assert Evaluation.load(tmp_path / "one.json").transductive is True


def test_the_docstring_lists_all_that_can_be_read():
    own = {name for name, value in vars(Evaluation).items() if isinstance(value, property)}
    section = Evaluation.__doc__.partition("Attributes\n")[2].partition("Examples\n")[0]
    assert {name for name in own if f"    {name} : " in section} == own
    assert own >= {"mean", "ci95", "macro", "class_ci95", "ece", "per_class"}


def test_what_it_is_in_a_line():
    text = repr(told([0.5, 0.5], head="mean"))
    intervals = "50.0 % [50.0, 50.0], over classes [0.0, 100.0]"
    assert text == f"<mean: {intervals}; 2-way (1, 5)-shot, 2 episodes, no-val>"
    lines = repr(Comparison({"a": told([0.5, 0.5]), "b": told([1.0, 1.0])})).splitlines()
    assert [line.split()[1] for line in lines] == ["100.0", "50.0"]
