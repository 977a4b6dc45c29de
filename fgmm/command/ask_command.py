"""``fgmm ask``: what a picture shows, by questions to someone who sees it."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fgmm.command.ask_candidates import check_picture, check_told, find_candidates
from fgmm.command.graph_argument import GRAPH_HELP, open_graph
from fgmm.command.terminal import announced, console
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from fgmm.joint import JointEmbedding
    from knowledge import Inquiry

__all__ = ["ask_about_picture"]

_SHOWN = 3
_MANY = 1_000  # names, from which on reading them takes a while
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
    unknown: Annotated[
        float,
        typer.Option(
            "--unknown",
            metavar="SHARE",
            min=0,
            max=1,
            help="How many of a kind have what the graph does not speak of. 0: none, so that it "
            "counts as no. 0.5: nobody knows.",
        ),
    ] = 0.0,
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
    check_picture(image)
    graph = open_graph(knowledge)
    candidates, ids = find_candidates(graph, labels, labels_file)
    from fgmm.command.ask_report import print_conclusion
    from knowledge import Inquiry
    from knowledge.question_wording import ask_in_words

    begin = partial(
        Inquiry.of, graph, error_rate=error_rate, unknown=unknown, sure=floor, most=questions
    )
    check_told(begin(dict.fromkeys(ids.values(), 1 / len(ids))))
    with_graph = {} if joint is None else {"knowledge": graph, "joint": _load(joint)}
    with announced(f"loading the encoder {encoder} ..."):
        from fgmm.classification import classify
        from fgmm.encoders.registry import load_encoder

        model = load_encoder(encoder)
    many = announced(f"reading {counted(len(ids), 'name')} ...")
    with many if len(ids) >= _MANY else contextlib.nullcontext():
        prediction = classify(Path(image), candidates, encoder=model, **with_graph)  # type: ignore[call-overload]
    # one of them it is: also for encoders that give each label a probability of its own
    chances = prediction.logits.double().softmax(0).tolist()
    given = dict(zip((ids[label] for label in prediction.labels), chances, strict=True))
    named = {id: label for label, id in ids.items()}
    inquiry = begin(given)

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
    print_conclusion(screen, graph, states, named, stopped=enough)


def _load(joint: Path) -> JointEmbedding:
    from fgmm.joint import JointEmbedding

    return JointEmbedding.load(joint)


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
