"""``fgmm evaluate``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import Annotated, Literal

import typer

from fgmm.command.class_names import name_classes
from fgmm.command.evaluation_run import evaluate_by_shots, write_results
from fgmm.command.evaluation_setup import (
    check_files,
    find_background,
    find_device,
    heads_by_shots,
    use_words,
    warn_of_same_words,
    with_enough,
    without_duplicates,
)
from fgmm.command.head_list import show_heads
from fgmm.command.head_marks import find_transductive
from fgmm.command.head_texts import load_heads
from fgmm.command.terminal import PARTLY, announced, list_failures
from fgmm.plurals import counted

__all__ = ["evaluate_heads"]

_USUAL, _USUAL_WITH_WORDS = ("prototype", "simple-shot", "fused"), ("zero-shot",)


def evaluate_heads(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder with a folder of pictures for each class; or grocery, flowers, "
            "fieldguide, omniglot, omniglot-runs, torchvision:NAME.",
        ),
    ],
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head",
            "-H",
            metavar="HEAD",
            help="A way to learn from few photos: NAME, or NAME:PARAMETER=VALUE with commas "
            "between several. May be repeated; **--heads** lists all.",
            show_default="prototype, simple-shot, fused; zero-shot where there are words",
        ),
    ] = None,
    heads: Annotated[
        bool,
        typer.Option(
            "--heads",
            metavar="",
            callback=show_heads,
            is_eager=True,
            help="List every head, what it needs and its parameters, and end.",
        ),
    ] = False,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", "-e", metavar="NAME", help="Which encoder; see **fgmm encoders**."
        ),
    ] = "tiny",
    layer: Annotated[
        Literal["joint", "features"] | None,
        typer.Option(
            "--layer",
            metavar="joint|features",
            help="Which of the encoder's vectors all heads get, one layer for all. joint: can be "
            "compared with words. features: what comes before them in the network.",
            show_default="joint if heads are told the words, else features",
        ),
    ] = None,
    shots: Annotated[
        list[int] | None,
        typer.Option(
            "--shots",
            "-s",
            metavar="N",
            min=0,
            help="Photos of each class. May be repeated.",
            show_default="1 and 5",
        ),
    ] = None,
    ways: Annotated[
        int, typer.Option("--ways", metavar="N", min=2, help="Classes in an episode.")
    ] = 5,
    queries: Annotated[
        int,
        typer.Option("--queries", metavar="N", min=1, help="Pictures to name of each class."),
    ] = 15,
    episodes: Annotated[
        int, typer.Option("--episodes", metavar="N", min=1, help="How many episodes.")
    ] = 2000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="The same seed gives the same episodes.")
    ] = 0,
    words: Annotated[
        bool | None,
        typer.Option(
            "--words/--no-words",
            help="Whether heads are told what the classes are called. By default where that is "
            "known and the encoder reads texts.",
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            "--names",
            metavar="FILE",
            help="What the classes are called, where their folders do not say it: a line a class, "
            'its folder, a tab, its name. Or JSON: {"folder": "name"}.',
        ),
    ] = None,
    words_kind: Annotated[
        str | None,
        typer.Option(
            "--words-kind",
            metavar="KIND",
            help="Which words: name; of grocery also coarse; of the field guide also sentence.",
        ),
    ] = None,
    background: Annotated[
        bool,
        typer.Option(
            "--background/--no-background",
            help="Whether heads are told what the encoder's vectors look like in general.",
        ),
    ] = True,
    classes: Annotated[
        Literal["novel", "base"] | None,
        typer.Option(
            "--classes",
            metavar="novel|base",
            help="Of grocery, flowers and fieldguide: classes that no shipped weight has seen "
            "(the default), or the others.",
        ),
    ] = None,
    skip_small: Annotated[
        bool,
        typer.Option("--skip-small", help="Leave out classes that have too few pictures."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            help="Where the named sets lie. By default what FGMM_DATA says.",
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Let torchvision fetch its dataset.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write all results as JSON; in Python "
            "fgmm.load_evaluations(FILE) reads them back.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw accuracy against shots: .png, .pdf or .svg."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")
    ] = "auto",
    batch_size: Annotated[
        int, typer.Option("--batch-size", metavar="N", min=1, help="Pictures to encode at a time.")
    ] = 32,
    cache: Annotated[
        bool,
        typer.Option("--cache/--no-cache", help="Keep vectors of pictures for the next run."),
    ] = True,
) -> None:
    """Measure ways to learn from few photos, with intervals.

    **Examples**

    fgmm evaluate birds/ --shots 1 --shots 5

    fgmm evaluate grocery --head prototype --head zero-shot -s 1 -s 5 --plot accuracy.png

    fgmm evaluate grocery -H tip-adapter -H tip-adapter:alpha=3,beta=1

    fgmm evaluate omniglot-runs --encoder pixels

    Every head sees the same episodes. The interval over classes is the honest one where classes
    are few. Pictures are encoded once and kept, see **fgmm doctor**.

    Exit code 0: all went well. 1: some pictures could not be read. 2: nothing could be done.
    """
    check_files(out, plot)
    counts = sorted(set(shots or (1, 5)))
    options = {"device": device, "batch_size": batch_size, "cache": cache}
    chosen = load_heads(head) if head else None  # a wrong name is told at once
    if source == "omniglot-runs":
        from fgmm.command.omniglot_command import evaluate_runs

        if plot is not None or shots not in (None, [1]) or words or names:
            raise typer.BadParameter(
                "omniglot-runs have one shot each and no words: leave --plot, --shots, --words and "
                "--names out",
                param_hint="SOURCE",
            )
        evaluate_runs(
            chosen or load_heads(_USUAL[:1]),
            encoder=encoder,
            layer=layer or "features",
            data=data,
            background=background,
            out=out,
            **options,  # type: ignore[arg-type]
        )
        return
    if encoder.startswith("pixels"):
        raise typer.BadParameter("pixels are for omniglot-runs only", param_hint="--encoder")

    from fgmm.datasets import class_words, embed_dataset, open_dataset

    dataset = open_dataset(source, data=data, classes=classes, download=download)
    if names is not None:
        dataset = name_classes(dataset, names)
    dataset = with_enough(dataset, counts[-1], queries, ways, skip_small)
    with announced(f"loading the encoder {encoder} ..."):
        from fgmm.encoders.registry import load_encoder

        model = load_encoder(encoder, device=device)
    with_words = use_words(words, layer, dataset, model)
    layer = layer or ("joint" if with_words else "features")
    used = chosen or load_heads((*_USUAL, *(_USUAL_WITH_WORDS if with_words else ())))
    at = heads_by_shots(used, counts, with_words)
    kind = words_kind or next(iter(dataset.texts)) if with_words else None
    known = class_words(dataset, encoder=model, kind=kind) if with_words else None
    if kind is not None:
        warn_of_same_words(dataset, kind)
    embedded = embed_dataset(
        dataset, encoder=model, layer=layer, batch_size=batch_size, cache=cache
    )
    # before the classes are counted again: a class may be too small for what failed
    list_failures([(failure.name, failure.error) for failure in embedded.failures])
    embedded = without_duplicates(embedded)
    embedded = with_enough(embedded, counts[-1], queries, ways, skip_small)
    general = find_background(model, layer, embedded.space) if background else None
    features = embedded.features.to(find_device(model))
    found = evaluate_by_shots(
        embedded,
        features,
        at,
        ways=ways,
        queries=queries,
        episodes=episodes,
        seed=seed,
        words=known,
        background=general,
    )

    n_classes = len(next(iter(next(iter(found.values())).values())).classes)
    n_pictures = len(embedded.labels) + len(embedded.query_labels or ())
    told = {
        "source": dataset.name,
        "encoder": encoder,
        "layer": layer,
        "words": kind,
        "background": general is not None,
        "pictures": n_pictures,
    }
    footer = (
        f"{counted(n_classes, 'class')}, {counted(n_pictures, 'picture')}; {ways}-way, queries of "
        f"each class: {queries}, {counted(episodes, 'episode')}, seed {seed}; encoder {encoder}, "
        f"layer {layer}, {f'words: {kind}' if kind else 'no words'}; no validation set"
    )
    write_results(found, dataset.name, footer, told, find_transductive(used), out, plot)
    if embedded.failures:
        raise typer.Exit(PARTLY)
