"""``fgmm joint train`` and ``fgmm joint evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fgmm.command.graph_argument import GRAPH_HELP, open_graph
from fgmm.command.joint_pictures import (
    SPLIT_SETS,
    Pool,
    embed_pools,
    find_concepts,
    keep_back,
    open_pictures,
)
from fgmm.command.joint_setup import check_base, check_folder, next_commands, read_base
from fgmm.command.terminal import PARTLY, announced, list_failures, note

if TYPE_CHECKING:
    from fgmm.datasets import LabelledImages

__all__ = ["evaluate_joint", "train_joint"]

_PICTURES = (
    "A folder with a folder of pictures for each class; or grocery, flowers, fieldguide, "
    "torchvision:NAME."
)
_NAMES = (
    "What the graph calls the classes, where their folders do not say it: a line a class, its "
    'folder, a tab, its name. Or JSON: {"folder": "name"}.'
)
Knowledge = Annotated[str, typer.Option("--knowledge", metavar="GRAPH", help=GRAPH_HELP)]
Names = Annotated[Path | None, typer.Option("--names", metavar="FILE", help=_NAMES)]
SkipUnknown = Annotated[
    bool, typer.Option("--skip-unknown", help="Leave out classes that the graph does not know.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FOLDER",
        help="Where the named sets lie. By default what FGMM_DATA says.",
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")]
BatchSize = Annotated[
    int, typer.Option("--batch-size", metavar="N", min=1, help="Pictures to encode at a time.")
]
Cache = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Keep vectors of pictures for the next run.")
]


def train_joint(
    source: Annotated[str, typer.Argument(metavar="PICTURES", help=_PICTURES)],
    knowledge: Knowledge,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FOLDER", help="Where to write what was learned."),
    ],
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", "-e", metavar="NAME", help="Which encoder; see **fgmm encoders**."
        ),
    ] = "tiny",
    layer: Annotated[
        Literal["features", "joint"],
        typer.Option(
            "--layer",
            metavar="features|joint",
            help="Which of the encoder's vectors to learn from. features: what comes before the "
            "space shared with words, and is usually better here. joint: that space.",
        ),
    ] = "features",
    names: Names = None,
    skip_unknown: SkipUnknown = False,
    keep: Annotated[
        int,
        typer.Option(
            "--keep",
            metavar="N",
            min=0,
            help="Keep every so many-th picture of a class back, for **fgmm joint evaluate** to "
            "judge by; 0: none. Sets that have queries of their own keep those back.",
        ),
    ] = 5,
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            metavar="N",
            min=2,
            help="Into how many parts the classes are split to choose parameters.",
        ),
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the split.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Write over what was learned before.")
    ] = False,
    data: Data = None,
    device: Device = "auto",
    batch_size: BatchSize = 32,
    cache: Cache = True,
) -> None:
    """Learn from pictures what the attributes of a graph look like.

    **Examples**

    fgmm joint train birds/ --knowledge birds.csv --out learned/

    fgmm joint train flowers --knowledge flowers --out learned/

    What is learned then names classes of which there was no picture, by the attributes that the
    graph gives them. Of flowers, grocery and fieldguide, base classes are learned from.

    Exit code 0: all went well. 1: some pictures could not be read. 2: nothing could be done.
    """
    check_folder(out, force=force)
    graph = open_graph(knowledge)
    dataset = open_pictures(source, data, "base", names)
    ids = find_concepts(dataset, graph, skip_unknown)
    every = keep if dataset.query_labels is None else 0
    back = keep_back(dataset.labels, every)
    concepts = tuple(
        None if kept else ids.get(label) for label, kept in zip(dataset.labels, back, strict=True)
    )
    check_base(graph, sorted({one for one in concepts if one is not None}), folds)
    with announced(f"loading the encoder {encoder} ..."):
        from fgmm.encoders.registry import load_encoder

        model = load_encoder(encoder, device=device)
    with announced("encoding the pictures ..."):
        found = embed_pools(
            [Pool(dataset.images, concepts)], model, layer, batch_size=batch_size, cache=cache
        )
    list_failures([(failure.name, failure.error) for failure in found.failures])
    from dataclasses import replace

    from fgmm.command.joint_report import print_training
    from fgmm.joint import JointEmbedding

    with announced("learning ..."):
        learned = JointEmbedding.train(
            graph, found.features, found.concepts, folds=folds, seed=seed
        )
    about = {
        "encoder": encoder,
        "layer": layer,
        "folds": folds,
        "pictures": list(found.marks),
    }
    learned = replace(learned, about={**learned.about, **about})
    learned.save(out)
    kept = sum(back) + len(dataset.query_labels or ())
    print_training(
        learned,
        dataset.name,
        kept,
        out,
        next_commands(
            out,
            source,
            knowledge,
            encoder=encoder,
            names=names,
            data=data,
            skip_unknown=skip_unknown,
        ),
    )
    if found.failures:
        raise typer.Exit(PARTLY)


def evaluate_joint(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What **fgmm joint train** wrote.")
    ],
    source: Annotated[str, typer.Argument(metavar="PICTURES", help=_PICTURES)],
    knowledge: Knowledge,
    names: Names = None,
    skip_unknown: SkipUnknown = False,
    draws: Annotated[
        int,
        typer.Option(
            "--draws", metavar="N", min=1, help="How often controls are drawn; their mean is told."
        ),
    ] = 5,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            metavar="NAME",
            help="Which encoder.",
            show_default="the one it was trained with",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write all figures as JSON."),
    ] = None,
    data: Data = None,
    device: Device = "auto",
    batch_size: BatchSize = 32,
    cache: Cache = True,
) -> None:
    """Measure what was learned on classes that were not learned from, beside controls.

    **Examples**

    fgmm joint evaluate learned/ new-birds/ --knowledge birds.csv

    fgmm joint evaluate learned/ flowers --knowledge flowers

    Classes that were not trained on are told from each other; then among those that were, too.
    Pictures that were trained on are left out. The controls: names alone; knowledge of another
    class; names with their letters shuffled. Who does no better than those has learned nothing.

    Exit code 0: all went well. 1: some pictures could not be read. 2: nothing could be done.
    """
    if out is not None and not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    from fgmm.joint import JointEmbedding

    learned = JointEmbedding.load(folder)
    graph = open_graph(knowledge)
    base = read_base(learned, graph)
    pools = []
    for classes in ("novel", "base")[: 2 if source in SPLIT_SETS else 1]:
        dataset = open_pictures(source, data, classes, names)
        pools += _pools(dataset, find_concepts(dataset, graph, skip_unknown), classes == "base")
    novel = sorted({c for pool in pools for c in pool.concepts if c} - set(base))
    if len(novel) < 2:
        raise typer.BadParameter(
            f"{source} has {len(novel)} classes that were not trained on: give two or more, so "
            "that there is something to tell apart",
            param_hint="PICTURES",
        )
    encoder = encoder or str(learned.about.get("encoder", "tiny"))
    layer: Literal["joint", "features"] = (
        "joint" if learned.about.get("layer") == "joint" else "features"
    )
    with announced(f"loading the encoder {encoder} ..."):
        from fgmm.encoders.registry import load_encoder

        # names with their letters shuffled make more tokens than an encoder may read
        model = load_encoder(encoder, device=device, on_long="truncate")
    trained = learned.about.get("pictures")
    with announced("encoding the pictures ..."):
        found = embed_pools(
            pools,
            model,
            layer,
            words=hasattr(model, "encode_texts"),
            known=trained if isinstance(trained, list) else (),
            batch_size=batch_size,
            cache=cache,
        )
    list_failures([(failure.name, failure.error) for failure in found.failures])
    if found.left_out:
        note("note", f"left out: {found.left_out:,} pictures that were trained on")
    from fgmm.command.joint_report import print_judgement, write_judgement
    from fgmm.joint.comparison import judge_embedding

    with announced("judging ..."):
        judged = judge_embedding(
            learned,
            graph,
            found.features,
            found.concepts,
            base=base,
            encoder=model if found.joint is not None else None,
            joint=found.joint,
            draws=draws,
        )
    print_judgement(judged, f"{folder}, on {source}", encoder)
    if out is not None:
        write_judgement(judged, out)
    if found.failures:
        raise typer.Exit(PARTLY)


def _pools(dataset: LabelledImages, ids: dict[str, str], asked_only: bool) -> list[Pool]:
    """Both pools of new classes; of base classes the queries, where there are some."""
    pools = []
    if dataset.query_images is not None and dataset.query_labels is not None:
        pools.append(Pool(dataset.query_images, tuple(map(ids.get, dataset.query_labels))))
    if not (pools and asked_only):
        pools.append(Pool(dataset.images, tuple(map(ids.get, dataset.labels))))
    return pools
