"""Questions by hand, by enumeration of answers, and against the best that can be asked."""

from __future__ import annotations

import math
import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import Concept, Inquiry, KnowledgeGraph, Question, Relation, Trait
from knowledge.errors import ConceptNotFound, GraphError
from knowledge.information_gain import expected_gains
from knowledge.questions import ANSWERS

NOTES = {"source": "notes"}
NAN = float("nan")


def table(rows: dict[str, dict[str, float]]) -> KnowledgeGraph:
    """``table({"robin": {"red": 0.9}})``"""
    graph = KnowledgeGraph()
    for id, traits in rows.items():
        graph.add(
            Concept(id, **NOTES),
            *(
                Relation(id, "has-attribute", trait, strength=strength, **NOTES)
                for trait, strength in traits.items()
            ),
        )
    return graph


def binary(truth: np.ndarray, prior: np.ndarray, **how) -> Inquiry:
    rows = {f"c{i}": {f"t{j}": float(v) for j, v in enumerate(row)} for i, row in enumerate(truth)}
    return Inquiry.of(table(rows), {f"c{i}": p for i, p in enumerate(prior)}, **how)


def entropy(probabilities) -> float:
    return -sum(p * math.log2(p) for p in probabilities if p > 0)


def test_four_classes_two_halves():
    """Each of two traits halves the four: one bit each, and the two settle it."""
    truth = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1], [0, 0, 1]])
    inquiry = binary(truth, np.full(4, 0.25), error_rate=0)
    assert inquiry.gains().tolist() == [1, 1, 0]
    assert inquiry.question() == Question(Trait("t0"), 1.0, 0.5), "the first of equal ones"
    inquiry = inquiry.answered(Trait("t0"), "yes")
    assert inquiry.probabilities.tolist() == [0.5, 0.5, 0, 0]
    assert inquiry.gains().tolist() == [0, 1, 0]
    inquiry = inquiry.answered("t1", "no")
    assert inquiry.probabilities.tolist() == [0, 1, 0, 0]
    assert inquiry.top == "c1"
    assert inquiry.question() is None
    assert inquiry.answers == ((Trait("t0"), "yes"), (Trait("t1"), "no"))


def test_bayes_by_hand():
    """0.6 * (0.9 * 0.9 + 0.1 * 0.1) = 0.492 against 0.4 * (0.2 * 0.9 + 0.8 * 0.1) = 0.104."""
    inquiry = Inquiry.of(
        table({"robin": {"red": 0.9}, "wren": {"red": 0.2}}),
        {"robin": 0.6, "wren": 0.4},
        error_rate=0.1,
    )
    assert inquiry.yes[:, 0].tolist() == pytest.approx([0.82, 0.26])
    yes = inquiry.answered("red", "yes")
    assert yes.probabilities.tolist() == pytest.approx([0.492 / 0.596, 0.104 / 0.596])
    no = inquiry.answered("red", "no")
    assert no.probabilities.tolist() == pytest.approx([0.108 / 0.404, 0.296 / 0.404])
    unknown = inquiry.answered("red", "don't know")
    assert unknown.probabilities.tolist() == [0.6, 0.4]
    assert unknown.question() is None, "it is not asked again"
    assert inquiry.answers == (), "the one before stays as it was"
    assert inquiry.question().yes == pytest.approx(0.596)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.4, 0.5]))
def test_gains_against_enumeration(seed, error):
    """Entropy now, less the mean entropy after each answer, by Bayes' rule in slow loops."""
    rng = np.random.default_rng(seed)
    k, m = rng.integers(1, 7, size=2)
    prior = rng.dirichlet(np.ones(k))
    prior[rng.random(k) < 0.2] = 0
    prior = prior / prior.sum() if prior.sum() else np.full(k, 1 / k)
    strengths = rng.random((k, m)).round(1)
    yes = strengths * (1 - error) + (1 - strengths) * error
    found = expected_gains(prior, yes)
    for j in range(m):
        left = 0.0
        for answers in (yes[:, j], 1 - yes[:, j]):
            joint = [p * a for p, a in zip(prior, answers, strict=True)]
            if sum(joint):
                left += sum(joint) * entropy([p / sum(joint) for p in joint])
        assert found[j] == pytest.approx(entropy(prior) - left, abs=1e-12)
        if error == 0.5:
            assert found[j] == pytest.approx(0, abs=1e-15)
    assert (found >= 0).all()
    assert (found <= min(1, entropy(prior)) + 1e-12).all()


def test_an_error_rate_of_one_half_tells_nothing():
    inquiry = binary(np.eye(3), [0.5, 0.3, 0.2], error_rate=0.5)
    assert inquiry.gains() == pytest.approx(np.zeros(3), abs=1e-15)
    assert inquiry.question() is None
    for answer in ("yes", "no", "don't know"):
        assert inquiry.answered("t0", answer).probabilities == pytest.approx([0.5, 0.3, 0.2])


def test_a_question_of_just_the_least_gain_is_asked():
    """Two classes as likely as each other, and an answer that is never wrong: one bit."""
    halves = {"robin": 0.5, "wren": 0.5}
    told = table({"robin": {"red": 1.0}, "wren": {"red": 0.0}})
    assert Inquiry.of(told, halves, error_rate=0, least_gain=1).question().gain == 1
    assert Inquiry.of(told, halves, error_rate=0.01, least_gain=1).question() is None


def test_more_errors_tell_less():
    gains = [
        binary(np.eye(3), [0.5, 0.3, 0.2], error_rate=e).gains()[0] for e in (0, 0.1, 0.3, 0.5)
    ]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] == pytest.approx(1)
    assert gains[1] == pytest.approx(1 - entropy([0.1, 0.9])), "what a noisy channel carries"


@given(st.integers(0, 10**6))
def test_the_order_of_answers_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    inquiry = binary(rng.random((4, 5)), rng.dirichlet(np.ones(4)))
    answers = rng.choice(["yes", "no", "don't know"], 5)
    one = another = inquiry
    likely = inquiry.probabilities.copy()
    for j in range(5):
        one = one.answered(f"t{j}", str(answers[j]))
    for j in rng.permutation(5):
        another = another.answered(f"t{j}", str(answers[j]))
        if answers[j] != "don't know":
            likely *= inquiry.yes[:, j] if answers[j] == "yes" else 1 - inquiry.yes[:, j]
    assert one.probabilities == pytest.approx(likely / likely.sum())
    assert another.probabilities == pytest.approx(one.probabilities)
    assert one.question() is None


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1]))
def test_on_average_an_answer_changes_nothing(seed, error):
    """The mean of the probabilities after, over the answers, is what they were before."""
    rng = np.random.default_rng(seed)
    inquiry = binary(rng.random((4, 3)), rng.dirichlet(np.ones(4)), error_rate=error, sure=1)
    question = inquiry.question()
    if question:
        yes = inquiry.answered(question.trait, "yes").probabilities
        no = inquiry.answered(question.trait, "no").probabilities
        mean = question.yes * yes + (1 - question.yes) * no
        assert mean == pytest.approx(inquiry.probabilities)


@given(st.integers(0, 10_000), st.lists(st.sampled_from(ANSWERS), max_size=4))
def test_reasons_account_for_all_that_the_answers_changed(seed, answers):
    rng = np.random.default_rng(seed)
    begin = binary(rng.random((3, 4)), rng.dirichlet(np.ones(3)) + 1e-9, error_rate=0.1, sure=1)
    inquiry = begin
    for trait, answer in zip(begin.traits, answers, strict=False):
        inquiry = inquiry.answered(trait, answer)
    assert set(inquiry.ranking) == set(begin.concepts)
    first, second, _ = inquiry.ranking
    reasons = inquiry.reasons(first, second)
    assert [(trait, answer) for trait, answer, _ in reasons] == list(inquiry.answers)
    assert all(reason.nats == 0 for reason in reasons if reason.answer == "don't know")
    for reason, back in zip(reasons, inquiry.reasons(second, first), strict=True):
        assert reason.nats == pytest.approx(-back.nats)
    a, b = begin.concepts.index(first), begin.concepts.index(second)
    changed = np.log(inquiry.probabilities / begin.probabilities)
    assert sum(reason.nats for reason in reasons) == pytest.approx(changed[a] - changed[b])
    assert inquiry.probabilities[a] >= inquiry.probabilities[b]


def test_reasons_by_hand():
    """Of ten answers one is wrong: a yes is nine times likelier of what has the trait."""
    inquiry = binary(np.array([[1, 1], [0, 1]]), [0.5, 0.5], error_rate=0.1)
    inquiry = inquiry.answered("t0", "yes").answered("t1", "yes")
    assert [r.nats for r in inquiry.reasons("c0", "c1")] == pytest.approx([math.log(9), 0])
    certain = binary(np.array([[1, 1], [0, 0], [1, 0]]), [0.4, 0.3, 0.3], error_rate=0)
    certain = certain.answered("t0", "yes").answered("t1", "no")
    assert [r.nats for r in certain.reasons("c0", "c1")] == [math.inf, -math.inf]
    assert [r.nats for r in certain.reasons("c0", "c2")] == [0, -math.inf]


def fewest_questions(truth: np.ndarray, prior: np.ndarray) -> float:
    """Expected number of questions of the best plan, by trying all of them."""
    columns = [sum(1 << i for i, v in enumerate(column) if v) for column in truth.T]

    @cache
    def cost(alive: int) -> float:
        """Sum over the classes still alive of prior times questions to come."""
        if not alive & (alive - 1):
            return 0.0
        splits = {(alive & c, alive & ~c) for c in columns}
        weight = sum(p for i, p in enumerate(prior) if alive >> i & 1)
        best = min((cost(a) + cost(b) for a, b in splits if a and b), default=None)
        return 0.0 if best is None else weight + best  # None: no question tells them apart

    return cost((1 << len(truth)) - 1)


def questions_asked(inquiry: Inquiry, truth: np.ndarray, of: int) -> int:
    count = 0
    while question := inquiry.question():
        column = int(question.trait.attribute[1:])
        inquiry = inquiry.answered(question.trait, "yes" if truth[of, column] else "no")
        count += 1
    assert (
        truth[[int(c[1:]) for c in np.array(inquiry.concepts)[inquiry.probabilities > 0]]]
        == truth[of]
    ).all(), "what is left is the truth, and what no trait tells from it"
    return count


@pytest.mark.parametrize("seed", range(25))
def test_greedy_is_within_one_question_of_the_best_plan(seed):
    rng = np.random.default_rng(seed)
    k, m = int(rng.integers(2, 13)), int(rng.integers(3, 11))
    truth = rng.random((k, m)) < rng.uniform(0.2, 0.8)
    prior = rng.dirichlet(np.full(k, rng.choice([0.5, 1, 100])))
    start = binary(truth, prior, error_rate=0, sure=1, least_gain=0)
    greedy = sum(p * questions_asked(start, truth, i) for i, p in enumerate(prior))
    best = fewest_questions(truth, prior)
    assert best - 1e-9 <= greedy <= best + 1


def test_200_classes_need_about_as_many_questions_as_bits():
    truth = np.random.default_rng(0).random((200, 60)) < 0.5
    start = binary(truth, np.full(200, 1 / 200), error_rate=0, sure=1, least_gain=0)
    asked = [questions_asked(start, truth, i) for i in range(0, 200, 10)]
    assert math.log2(200) - 1 <= np.mean(asked) <= math.log2(200) + 1


def test_with_errors_in_the_answers_the_truth_still_comes_out():
    rng = np.random.default_rng(0)
    truth = rng.random((12, 40)) < 0.5
    right = 0
    for of in np.repeat(np.arange(12), 5):
        inquiry = binary(truth, np.full(12, 1 / 12), error_rate=0.1, most=40)
        while question := inquiry.question():
            column = int(question.trait.attribute[1:])
            said = truth[of, column] ^ (rng.random() < 0.1)
            inquiry = inquiry.answered(question.trait, "yes" if said else "no")
        right += inquiry.top == f"c{of}"
    assert right >= 50, "it stops when 95 % sure: of 60, some 57 are right"


def test_when_to_stop():
    truth = np.eye(4)
    prior = [0.7, 0.1, 0.1, 0.1]
    assert binary(np.eye(2), [0.5, 0.5], sure=0.5).question() is None, "sure is sure enough"
    assert binary(truth, prior, sure=0.69).question() is None
    assert binary(truth, prior, sure=0.71).question() is not None
    assert binary(truth, prior, most=0).question() is None
    gain = binary(truth, prior).question().gain
    assert binary(truth, prior, least_gain=gain + 1e-6).question() is None
    assert binary(truth, prior, least_gain=gain - 1e-6).question() is not None
    once = binary(truth, prior, most=1).answered("t1", "don't know")
    assert once.question() is None
    assert binary(np.zeros((2, 0)), [0.5, 0.5]).question() is None, "nothing to ask"
    assert binary(np.ones((2, 1)), [0.5, 0.5], least_gain=0).question() is None


def test_equal_questions_stay_equal_in_spite_of_rounding():
    """Each tells one class from the other three; the third's gain is larger in its last digit."""
    inquiry = binary(1 - np.eye(4)[::-1], np.full(4, 0.25), error_rate=0.1)
    assert inquiry.gains() == pytest.approx(np.full(4, inquiry.gains()[0]), rel=1e-12)
    assert inquiry.question().trait == Trait("t0")


def test_the_graph_gives_parts_the_lineage_and_what_is_not_known(colours):
    prior = {"Robins": 0.4, "wren": 0.3, "magpie": 0.3}
    inquiry = Inquiry.of(colours, prior, error_rate=0, unknown=0.5)
    assert inquiry.concepts == ("robin", "wren", "magpie")
    yes = dict(zip(inquiry.traits, inquiry.yes.T.tolist(), strict=True))
    assert yes[Trait("black", "tail")] == [0.5, 0.5, 1.0]
    assert yes[Trait("red")] == pytest.approx([0.8, 0.0, 0.2])
    assert yes[Trait("feathered")] == [1, 1, 1]
    closed = Inquiry.of(colours, prior, error_rate=0)
    assert dict(zip(closed.traits, closed.yes.T.tolist(), strict=True))[Trait("black", "tail")] == [
        0,
        0,
        1,
    ]
    with pytest.raises(ValueError, match="read-only"):
        closed.probabilities[0] = 1


def test_choosing_among_312_questions_for_200_classes_is_fast():
    rng = np.random.default_rng(0)
    inquiry = binary(rng.random((200, 312)), np.full(200, 1 / 200))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        assert inquiry.question() is not None
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.01


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda g: Inquiry.of(g, {"emu": 1.0}), ConceptNotFound, "emu"),
        (lambda g: Inquiry.of(g, {"robin": 0.5, "wren": 0.4}), GraphError, "sum to 0.9"),
        (lambda g: Inquiry.of(g, {"robin": 0.5, "wren": NAN}), GraphError, "is nan"),
        (lambda g: Inquiry.of(g, {"robin": 0.5, "Robins": 0.5}), GraphError, "give it once"),
        (lambda g: Inquiry.of(g, ["robin", "wren"]), GraphError, r"give \{name: probability\}"),
        (lambda g: start(g).reasons("robin", "Wren"), GraphError, "'Wren'.* nearest is 'wren'"),
        (lambda g: start(g).answered("red", None), GraphError, "answer is None; it must be one"),
        (lambda g: Inquiry.of(g, {}), GraphError, "0 candidates"),
        (lambda g: start(g, error_rate=0.6), GraphError, "error_rate is 0.6; give 0 to 0.5"),
        (lambda g: start(g, error_rate=NAN), GraphError, "error_rate is nan"),
        (lambda g: start(g, sure=1.5), GraphError, "sure is 1.5; give 0 to 1"),
        (lambda g: start(g, most=-1), GraphError, "most is -1"),
        (lambda g: start(g, unknown=-1), GraphError, "unknown is -1"),
        (
            lambda g: start(g).answered("blue", "yes"),
            GraphError,
            "'blue'.* is none of the 4 traits",
        ),
        (lambda g: start(g).answered("red", "maybe"), GraphError, "'maybe'; it must be one of"),
        (
            lambda g: start(g).answered("red", "yes").answered("red", "no"),
            GraphError,
            "answered already",
        ),
        (lambda g: start(g).reasons("robin", "emu"), GraphError, "'emu' is none of the 3 classes"),
        (
            lambda g: start(g, error_rate=0).answered("feathered", "no"),
            GraphError,
            "leaves no class possible: begin with an error rate above 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(colours, ask, error, message):
    with pytest.raises(error, match=message):
        ask(colours)


@pytest.mark.parametrize(
    ("short", "long"),
    [("Y", "yes"), ("YES ", "yes"), ("n", "no"), ("No", "no"), ("?", "don't know"),
     ("Don't know", "don't know")],
)  # fmt: skip
def test_answers_may_be_short_and_in_capitals(colours, short, long):
    one, other = start(colours).answered("red", short), start(colours).answered("red", long)
    assert one.answers == other.answers == ((Trait("red"), long),)
    assert (one.probabilities == other.probabilities).all()


def start(graph: KnowledgeGraph, **how) -> Inquiry:
    return Inquiry.of(graph, {"robin": 0.4, "wren": 0.3, "magpie": 0.3}, **how)
