"""``fgmm classify``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from fgmm.command.classify_inputs import (
    check_knowledge,
    check_library_options,
    choose_labels,
    find_graph,
)
from fgmm.command.graph_argument import GRAPH_HELP
from fgmm.command.label_list import check_labels
from fgmm.command.terminal import BAD, PARTLY, announced, console, list_failures
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fgmm.predictions import Predictions

__all__ = ["classify_pictures"]

Format = Literal["table", "jsonl", "csv"]


def classify_pictures(
    images: Annotated[
        list[str],
        typer.Argument(metavar="PICTURES", help='Files, folders, or patterns like "birds/*.jpg".'),
    ],
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            "-l",
            metavar="TEXT",
            help='What the pictures may show: "great tit, blue tit, coal tit".',
        ),
    ] = None,
    labels_file: Annotated[
        Path | None,
        typer.Option(
            "--labels-file",
            "-L",
            metavar="FILE",
            help="The same from a file, one label to a line. After a label may stand a tab and a "
            'text that describes it. Lines that begin with "# " are comments. Or JSON: '
            '{"label": ["text", ...]}.',
        ),
    ] = None,
    library: Annotated[
        Path | None,
        typer.Option(
            "--library",
            "-b",
            metavar="FILE",
            help="The species of a library, made with **fgmm species add**; --labels then names "
            "some of them.",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            metavar="NAME",
            help="Which encoder; see **fgmm encoders**.",
            show_default="tiny, or the library's",
        ),
    ] = None,
    concept: Annotated[
        str | None,
        typer.Option(
            "--concept",
            "-c",
            metavar="TEXT",
            help='What kind of thing they all are: "bird". Helps with names that mean several '
            "things.",
        ),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            "-t",
            metavar="TEXT",
            help='A sentence with {} for the label: "a close-up of a {}." May be given again.',
        ),
    ] = None,
    knowledge: Annotated[
        str | None,
        typer.Option(
            "--knowledge",
            metavar="GRAPH",
            help=f"{GRAPH_HELP} What it says of your labels counts beside their names, and gives "
            "reasons.",
        ),
    ] = None,
    joint: Annotated[
        Path | None,
        typer.Option(
            "--joint",
            metavar="FOLDER",
            help="What was learned of the graph's attributes with **fgmm joint train**; takes the "
            "place of their words.",
        ),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            metavar="RANK",
            help="Add the probabilities up to a rank of the graph, such as family.",
        ),
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(
            "--floor",
            metavar="PROBABILITY",
            min=0.01,
            max=1,
            help="Give the most special answer that is this probable too: if no label is, "
            "perhaps the family of several.",
        ),
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            "--coverage",
            metavar="SHARE",
            help="With --library: also give the species among which the right one is this often, "
            "such as 0.9, judged by the photos it was given.",
        ),
    ] = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="With --library: all pictures show one individual; give one answer.",
        ),
    ] = False,
    top: Annotated[
        int,
        typer.Option(
            "--top",
            "-k",
            metavar="N",
            min=1,
            help="How many labels to give for each picture; a table of several pictures has "
            "room for two.",
        ),
    ] = 5,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="table, jsonl (one JSON object to a line) or csv (one row to a picture). By "
            "default what the name of --output ends in, else a table.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file, not to the screen."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")
    ] = "auto",
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", metavar="N", min=1, help="Pictures to encode at a time."),
    ] = 32,
) -> None:
    """Say which of your labels each picture shows.

    **Examples**

    fgmm classify bird.jpg --labels "great tit, blue tit, coal tit" --concept bird

    fgmm classify holiday/ "more/*.png" --labels-file birds.txt --output birds.csv

    fgmm classify flower.jpg --labels "gazania, sunflower, rose" --knowledge flowers --floor 0.9

    fgmm classify bird.jpg --library birds.fgmm

    A probability says how likely a label is among those you gave, not whether the thing is
    in the picture at all. A library also says how likely it is none of its species.

    Exit code 0: all went well. 1: some pictures could not be read. 2: nothing could be done.
    In csv, text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    candidates = choose_labels(labels, labels_file, library)
    form = form or _form_of(output)
    if output is not None and not output.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="--output")

    check_library_options(library, coverage, together=together)
    if library is None:
        check_labels(candidates)
    elif joint is not None:
        raise typer.BadParameter(
            "what was learned of a graph takes no part in a library's answers: leave it out",
            param_hint="--joint",
        )
    graph = find_graph(knowledge, joint=joint, level=level, floor=floor)
    learned = None
    if graph is not None and library is None:
        learned = check_knowledge(graph, candidates, joint, level)

    from fgmm.command.picture_list import list_pictures, missing_pictures

    pictures = list_pictures(images)
    if missing := missing_pictures(pictures):
        list_failures(missing)
        raise typer.Exit(BAD)
    if library is not None:
        from fgmm.command.library_answers import ask_library

        predictions, called = ask_library(
            pictures,
            library,
            list(candidates) or None,
            encoder=encoder,
            device=device,
            knowledge=graph,
            level=level,
            floor=floor,
            coverage=coverage,
            together=together,
            templates=template or None,
            concept=concept,
            batch_size=batch_size,
        )
    else:
        called = encoder or "tiny"
        with announced(f"loading the encoder {called} ..."):
            from fgmm.classification import classify
            from fgmm.encoders.registry import load_encoder

            model = load_encoder(called, device=device)
        predictions = classify(
            pictures,
            candidates,
            encoder=model,
            templates=template or None,
            concept=concept,
            knowledge=graph,
            joint=learned,
            batch_size=batch_size,
        )
    from fgmm.command.report import print_table
    from fgmm.command.report_files import Wanted, write_csv, write_json_lines

    write = {"table": print_table, "jsonl": write_json_lines, "csv": write_csv}[form]
    with _opened(output) as to:
        write(predictions, to, Wanted(top, called, level, floor))
    list_failures(predictions.failures)
    if output is not None:
        console(sys.stderr).print(_written(predictions, output), soft_wrap=True)
    if predictions.failures:
        raise typer.Exit(PARTLY if len(predictions) else BAD)


def _form_of(output: Path | None) -> Format:
    endings: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
    return "table" if output is None else endings.get(output.suffix.lower(), "table")


def _written(predictions: Predictions, output: Path) -> str:
    count, failed = len(predictions), len(predictions.failures)
    told = f"{counted(count, 'picture')} written to {output}"
    return f"{told}; {failed:,} could not be read" if failed else told


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Open stdout, or a file that appears under its name only when it is whole."""
    if output is None:
        yield sys.stdout
        return
    part = output.with_name(f".{output.name}.part")
    try:
        # File names need not be valid Unicode.
        with part.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
            yield file
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
