"""``fgmm train``."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fgmm.command.terminal import PARTLY, announced

# typer reads the annotations
from fgmm.command.train_options import Columns, Concept, Knowledge, LabelColumn, Names, Template  # noqa: TC001
from fgmm.command.train_report import print_outline, print_tuned
from fgmm.command.train_sources import open_pairs

if TYPE_CHECKING:
    from fgmm.training import TuningPlan

__all__ = ["train_encoder"]

_HOW, _RUN = "How it learns", "How it runs"


def train_encoder(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PICTURES",
            help="A folder with a folder of pictures for each class; or with a text file beside "
            "each picture, such as tit.txt beside tit.jpg. A table of pictures and texts (.csv, "
            ".tsv). Shards of webdataset (.tar, or a folder of them). Or grocery, flowers, "
            "fieldguide, torchvision:NAME.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FOLDER", help="Where to keep all that comes of it."),
    ],
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder",
            "-e",
            metavar="NAME",
            help="What is to learn: tiny, openclip:..., hf:... Its own files are never touched.",
        ),
    ] = "tiny",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where the same command stopped, or was stopped."),
    ] = False,
    merged: Annotated[
        Path | None,
        typer.Option(
            "--merged",
            metavar="FOLDER",
            help="Write the encoder whole too, with what it has learned; **--encoder** of every "
            "command takes it.",
        ),
    ] = None,
    names: Names = None,
    template: Template = None,
    concept: Concept = None,
    knowledge: Knowledge = None,
    columns: Columns = ("image", "text"),
    label_column: LabelColumn = None,
    adapt: Annotated[
        Literal["lora", "all"] | None,
        typer.Option(
            "--adapt",
            metavar="lora|all",
            help="lora: small matrices beside the weights, a file of a few MB. all: the weights.",
            show_default="lora",
            rich_help_panel=_HOW,
        ),
    ] = None,
    tower: Annotated[
        Literal["both", "image", "text"] | None,
        typer.Option(
            "--tower",
            metavar="both|image|text",
            help="Which half of the encoder learns.",
            show_default="both",
            rich_help_panel=_HOW,
        ),
    ] = None,
    loss: Annotated[
        Literal["auto", "clip", "siglip", "prototypes"] | None,
        typer.Option(
            "--loss",
            metavar="NAME",
            help="clip, siglip, or prototypes, which needs classes and no words.",
            show_default="what fits the encoder",
            rich_help_panel=_HOW,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", metavar="N", show_default="1000", rich_help_panel=_HOW),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch", metavar="N", help="Pictures a step.", show_default="32", rich_help_panel=_HOW
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            metavar="X",
            help="Learning rate at its highest.",
            show_default="0.0002; 0.00001 with --adapt all",
            rich_help_panel=_HOW,
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            "--validation",
            metavar="SHARE",
            help="Hold out so many of the pictures, such as 0.1, and keep what does best on them.",
            show_default="none",
            rich_help_panel=_HOW,
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            metavar="NAME",
            help="A larger encoder to learn from as well.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", show_default="0", rich_help_panel=_HOW),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="All this and more as JSON, such as the plan.json that a training leaves: "
            '{"steps": 500, "ema": 0.999, "rank": 16}. See docs/training.md.',
            rich_help_panel=_HOW,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="Where the named sets lie. By default what FGMM_DATA says.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="NAME", help="auto, cpu, cuda or mps.", rich_help_panel=_RUN
        ),
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=0,
            help="Processes that read pictures.",
            show_default="0 on a processor, up to 8 on a GPU",
            rich_help_panel=_RUN,
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Keep a log for it too.", rich_help_panel=_RUN),
    ] = False,
    cache: Annotated[
        bool,
        typer.Option(
            "--cache/--no-cache",
            help="Keep what the teacher makes of pictures for the next run.",
            rich_help_panel=_RUN,
        ),
    ] = True,
) -> None:
    """Train an encoder on your own pictures and words.

    **Examples**

    fgmm train birds/ --out tuned --concept bird --validation 0.1 --dry-run

    fgmm train birds/ --out tuned --concept bird --validation 0.1 --merged my-encoder

    fgmm classify new.jpg --labels birds.txt --encoder openclip:my-encoder

    It learns that each picture goes with its words and not with the others'. What is learned is
    kept beside the encoder. Stop it whenever you like: the same command with **--resume** goes on.
    What it says of other things than those in your pictures may become worse: try both.

    Exit code 0: all went well. 1: some pictures could not be read. 2: nothing could be done.
    """
    told = {
        "adapt": adapt,
        "tower": tower,
        "loss": loss,
        "steps": steps,
        "batch": batch,
        "rate": rate,
        "validation": validation,
        "seed": seed,
    }
    changed = {name: value for name, value in told.items() if value is not None}
    if merged is not None and merged.exists() and (merged.is_file() or any(merged.iterdir())):
        raise typer.BadParameter(f"{merged} is there already", param_hint="--merged")
    pairs = open_pairs(
        source,
        data=data,
        names=names,
        knowledge=knowledge,
        templates=template,
        concept=concept,
        columns=(*columns, label_column),
    )
    with announced(f"loading the encoder {encoder} ..."):
        from fgmm.training import outline_training, tune_encoder

        how = _read_plan(plan, out, resume, changed)
        outline = outline_training(encoder, pairs, how, device=device)
    first = os.environ.get("RANK", "0") == "0"
    if first:
        print_outline(outline, pairs.name)
    if dry_run:
        return
    try:
        found = tune_encoder(
            encoder,
            pairs,
            out,
            plan=how,
            teacher=teacher,
            cache=cache,
            resume=resume,
            device=device,
            workers=workers,
            tensorboard=tensorboard,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command with --resume goes on") from None
    if not first:
        return
    name = None if merged is None else found.write_model(merged)
    print_tuned(found, pairs.name, name)
    if found.skipped:
        raise typer.Exit(PARTLY)


def _read_plan(given: Path | None, out: Path, resume: bool, changed: dict[str, Any]) -> TuningPlan:
    """Read the plan that was given, or that of the training which is taken up."""
    from fgmm.training import TuningPlan, read_plan

    if given is None and resume and (out / "plan.json").is_file():
        given = out / "plan.json"
    return TuningPlan(**changed) if given is None else read_plan(given, **changed)
