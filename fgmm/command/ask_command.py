"""``fgmm ask``: what a picture shows, by questions to someone who sees it."""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fgmm.command.graph_argument import GRAPH_HELP, find_classes, list_unknown, open_graph
from fgmm.command.label_list import check_labels, read_label_file, split_labels
from fgmm.command.terminal import announced, console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from fgmm.candidates import CandidateTexts
    from knowledge import Concept, Inquiry, KnowledgeGraph

__all__ = ["ask_about_picture"]

_SHOWN = 3
_CURE = "Give names that the graph has"
_ANSWERS = {
    **dict.fromkeys(("y", "yes"), "yes"),
    **dict.fromkeys(("n", "no"), "no"),
    **dict.fromkeys(("?", "don't know", "dont know"), "don't know"),
    **dict.fromkeys(("q", "quit"), "quit"),
}


def ask_about_picture(
    image: Annotated[str, typer.Argument(metavar="PICTURE", help="A file.")],
    knowledge: Annotated[str, typer.Option("--knowledge", metavar="GRAPH", help=GRAPH_HELP)],
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            "-l",
            metavar="TEXT",
            help='What the picture may show: "gazania, sunflower, oxeye daisy". The graph must '
            "know each by this name.",
            show_default="all that the graph has nothing below",
        ),
    ] = None,
    labels_file: Annotated[
        Path | None,
        typer.Option(
            "--labels-file",
            "-L",
            metavar="FILE",
            help="The same from a file, as **fgmm classify** reads it.",
        ),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", "-e", metavar="NAME", help="Which encoder; see **fgmm encoders**."
        ),
    ] = "tiny",
    joint: Annotated[
        Path | None,
        typer.Option(
            "--joint",
            metavar="FOLDER",
            help="What was learned of the graph's attributes with **fgmm joint train**: it has a "
            "say in the first probabilities.",
        ),
    ] = None,
    error_rate: Annotated[
        float,
        typer.Option(
            "--error-rate",
            metavar="SHARE",
            min=0.001,
            max=0.499,
            help="Share of your answers that may be wrong.",
        ),
    ] = 0.05,
    questions: Annotated[
        int, typer.Option("--questions", metavar="N", min=0, help="Ask no more than this.")
    ] = 20,
    floor: Annotated[
        float,
        typer.Option(
            "--floor",
            metavar="PROBABILITY",
            min=0,
            max=1,
            help="Ask no more once a name is this probable.",
        ),
    ] = 0.95,
) -> None:
    """Name a picture by asking you what you see in it.

    **Examples**

    fgmm ask flower.jpg --knowledge flowers

    fgmm ask flower.jpg --knowledge flowers --labels "gazania, sunflower, oxeye daisy"

    The picture gives the first probabilities, by names, and by what was learned if you name that
    (**--joint**). Then comes the question that tells most, and your answer changes them: y (yes),
    n (no), ? (don't know) or q (enough). Answers may also come through a pipe, one a line.

    The answer is among the names given: nothing is said of other things.
    """
    graph = open_graph(knowledge)
    candidates, ids = _candidates(graph, labels, labels_file)
    with announced(f"loading the encoder {encoder} ..."):
        from fgmm.classification import classify
        from fgmm.encoders.registry import load_encoder

        model = load_encoder(encoder)
    from knowledge import Inquiry
    from knowledge.question_wording import ask_in_words

    with_graph = {} if joint is None else {"knowledge": graph, "joint": joint}
    prediction = classify(Path(image), candidates, encoder=model, **with_graph)  # type: ignore[call-overload]
    # one of them it is: also for encoders that give each label a probability of its own
    chances = prediction.logits.double().softmax(0).tolist()
    given = dict(zip((ids[label] for label in prediction.labels), chances, strict=True))
    named = {id: label for label, id in ids.items()}
    inquiry = Inquiry.of(graph, given, error_rate=error_rate, sure=floor, most=questions)

    screen = console()
    screen.print()
    screen.print(Text(f" {image}", style="bold"), soft_wrap=True)
    _show(screen, inquiry, named)
    states, enough = [inquiry], False
    while not enough and (question := inquiry.question()):
        said = _read_answer(screen, len(states), ask_in_words(graph, question.trait))
        enough = said == "quit"
        if not enough:
            inquiry = inquiry.answered(question.trait, said)
            states.append(inquiry)
            _show(screen, inquiry, named)
    _conclude(screen, graph, states, named, stopped=enough)


def _candidates(
    graph: KnowledgeGraph, labels: str | None, labels_file: Path | None
) -> tuple[CandidateTexts, dict[str, str]]:
    """What `fgmm.classify` takes, and the concept of each label."""
    candidates: CandidateTexts
    if labels is not None and labels_file is not None:
        raise typer.BadParameter(
            "both --labels and --labels-file given; give one of them, or neither for all that the "
            "graph knows",
            param_hint="--labels",
        )
    if labels is None and labels_file is None:
        ids = {_label(graph, leaf): leaf.id for leaf in graph.leaves()}
        candidates = {label: graph[id].name for label, id in ids.items()}
    else:
        candidates = (
            split_labels(labels or "") if labels_file is None else read_label_file(labels_file)
        )
        check_labels(candidates)
        named = candidates if isinstance(candidates, dict) else {label: [] for label in candidates}
        ids, unknown = find_classes(graph, named, option="--labels", cure=_CURE)
        if unknown:
            raise typer.BadParameter(f"{list_unknown(unknown)}. {_CURE}", param_hint="--labels")
    check_labels(candidates)
    if len(ids) < 2:
        raise typer.BadParameter(
            f"there is only one name, {next(iter(ids))!r}, and nothing to tell it from: give two "
            "or more",
            param_hint="--labels",
        )
    return candidates, ids


def _label(graph: KnowledgeGraph, leaf: Concept) -> str:
    """Its name; its id if something else is called so too. The encoder reads the name anyway."""
    from knowledge.errors import AmbiguousName

    try:
        return leaf.name if graph.find(leaf.name).id == leaf.id else leaf.id
    except AmbiguousName:
        return leaf.id


def _show(screen: Console, inquiry: Inquiry, named: Mapping[str, str]) -> None:
    from fgmm.command.report import draw_ranking

    chance = dict(zip(inquiry.concepts, inquiry.probabilities.tolist(), strict=True))
    screen.print(draw_ranking([(named[id], chance[id]) for id in inquiry.ranking[:_SHOWN]]))
    screen.print()


def _read_answer(screen: Console, number: int, question: str) -> str:
    """Ask until there is an answer; the end of the input is one: "quit"."""
    while True:
        screen.print(f" {number}. {question} [y/n/?/q]", end=" ", soft_wrap=True)
        screen.file.flush()
        line = sys.stdin.readline()
        if not sys.stdin.isatty():  # nobody typed it here, so it is not on the screen
            screen.print(line.strip() or ("" if line else "q"), soft_wrap=True)
        answer = _ANSWERS.get(line.strip().lower()) if line else "quit"
        if answer is not None:
            return answer
        screen.print(Text(" y: yes, n: no, ?: don't know, q: enough", style="dim"))


def _conclude(
    screen: Console,
    graph: KnowledgeGraph,
    states: list[Inquiry],
    named: Mapping[str, str],
    *,
    stopped: bool,
) -> None:
    from fgmm.plurals import counted

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
    if not last.traits:
        return "The graph says nothing of what any of them looks like."
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
    from rich import box
    from rich.table import Table

    from knowledge.question_wording import say_in_words

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
