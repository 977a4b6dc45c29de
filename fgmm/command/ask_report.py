"""What ``fgmm ask`` prints in the end: the answer, and what led to it."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from fgmm.plurals import counted
from knowledge.question_wording import say_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from knowledge import Inquiry, KnowledgeGraph

__all__ = ["print_conclusion"]


def print_conclusion(
    screen: Console,
    graph: KnowledgeGraph,
    states: list[Inquiry],
    named: Mapping[str, str],
    *,
    stopped: bool,
) -> None:
    """Print the answer, and what each of the user's answers did to it.

    Parameters
    ----------
    screen : Console
    graph : KnowledgeGraph
    states : list of Inquiry
        Before the first answer, and after each.
    named : mapping of str to str
        Ids to labels.
    stopped : bool
        Whether the user had enough.
    """
    last = states[-1]
    best, second = last.ranking[:2]
    n = len(last.answers)
    chance = float(last.probabilities.max())
    sure = chance >= last.sure
    after = f"after {counted(n, 'answer')}" if n else "by the picture alone"
    why = "" if sure else f" {_why_no_more(last, stopped)}"
    screen.print(
        Text.assemble(
            " Answer: " if sure else " Most likely: ",
            (named[best], "bold green"),
            f", probability {chance:.2f}, {after}.{why}",
        )
    )
    told = f" among the {len(named):,} names asked about; says nothing of other things"
    if n:
        screen.print()
        _print_reasons(screen, graph, states, (best, second), named)
        screen.print()
        told = f" x: how many times likelier the answer is of the one than of the other;\n{told}"
    screen.print(Text(told, style="dim"), soft_wrap=True)
    screen.print()


def _why_no_more(last: Inquiry, stopped: bool) -> str:
    if stopped:
        return "You stopped."
    if len(last.answers) >= last.most:
        return f"No more than {last.most} questions were to be asked."
    return "No question is left that tells anything."


def _print_reasons(
    screen: Console,
    graph: KnowledgeGraph,
    states: list[Inquiry],
    two: tuple[str, str],
    named: Mapping[str, str],
) -> None:
    """Print what each answer did to the winner, and how it speaks against the runner-up."""
    best, second = two
    last, row = states[-1], states[-1].concepts.index(best)
    first = states[0].probabilities[[row, last.concepts.index(second)]]
    reasons = last.reasons(best, second)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("why", no_wrap=True)
    table.add_column("", overflow="fold")
    table.add_column(named[best], overflow="fold")
    table.add_column(f"or {named[second]}?", overflow="fold")
    table.add_row("", "the picture", _number(first[0]), _times(math.log(first[0] / first[1])))
    for (before, after), reason in zip(itertools.pairwise(states), reasons, strict=True):
        then, now = (float(state.probabilities[row]) for state in (before, after))
        table.add_row(
            "?" if reason.answer == "don't know" else reason.answer,
            Text(say_in_words(graph, reason.trait)),
            f"{_number(then)} to {_number(now)}",
            _times(reason.nats),
        )
    screen.print(table)


def _number(chance: float) -> str:
    return f"{chance:.2f}" if chance >= 0.005 else "<0.01"


def _times(nats: float) -> str:
    """How many times likelier of the first than of the second."""
    if abs(nats) < math.log(1.05):
        return "the same for both"
    times = math.exp(min(abs(nats), 50.0))
    told = f"{times:.1f}" if times < 9.95 else f"{times:,.0f}" if times < 1e4 else "over 10,000"
    return f"{told} x {'for' if nats > 0 else 'against'}"
