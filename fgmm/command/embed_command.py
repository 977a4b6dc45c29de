"""``fgmm embed``."""

from __future__ import annotations

import csv
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from fgmm.command.terminal import BAD, PARTLY, announced, console, list_failures
from fgmm.plurals import counted

if TYPE_CHECKING:
    from fgmm.embedding import ImageEmbeddings

__all__ = ["embed_pictures"]

_ENDINGS = (".safetensors", ".npz", ".csv")


def embed_pictures(
    images: Annotated[
        list[str],
        typer.Argument(metavar="PICTURES", help='Files, folders, or patterns like "birds/*.jpg".'),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The file to write; its name ends in .safetensors, .npz or .csv.",
        ),
    ],
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", "-e", metavar="NAME", help="Which encoder; see **fgmm encoders**."
        ),
    ] = "tiny",
    layer: Annotated[
        Literal["joint", "features"],
        typer.Option(
            "--layer",
            metavar="joint|features",
            help="joint: vectors that can be compared with those of words. features: what comes "
            "before them in the network, often better for comparing pictures with pictures.",
        ),
    ] = "joint",
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")
    ] = "auto",
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", metavar="N", min=1, help="Pictures to encode at a time."),
    ] = 32,
) -> None:
    """Turn pictures into vectors of numbers, and write them to a file.

    **Examples**

    fgmm embed holiday/ --out holiday.safetensors

    fgmm embed "birds/*.jpg" --out birds.csv --layer features

    Stop it whenever you like: the same command continues where it stopped. Run again on a
    finished .safetensors file, it encodes only pictures that are new. Read that file with
    fgmm.embedding.load_embeddings.

    Exit code 0: all went well. 1: some pictures could not be read. 2: nothing could be done.
    """
    ending = out.suffix.lower()
    if ending not in _ENDINGS:
        raise typer.BadParameter(
            f"{out.name!r} ends in none of {', '.join(_ENDINGS)}", param_hint="--out"
        )
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")

    from fgmm.command.picture_list import list_pictures, missing_pictures
    from fgmm.command.unfinished import partial_of, tell_unfinished

    pictures = list_pictures(images)
    if missing := missing_pictures(pictures):
        list_failures(missing)
        raise typer.Exit(BAD)
    # The other formats are made from the one that can be taken up again.
    into = out if ending == ".safetensors" else out.with_name(f".{out.name}.safetensors")
    older, whole = partial_of(into).exists(), False
    try:
        with announced(f"loading the encoder {encoder} ..."):
            from fgmm.embedding import embed_images
            from fgmm.encoders.registry import load_encoder

            model = load_encoder(encoder, device=device)
        embedded = embed_images(
            pictures, encoder=model, layer=layer, batch_size=batch_size, into=into
        )
        whole = into != out
        if into != out:
            _convert(embedded, out)
            into.unlink()
    except KeyboardInterrupt:
        told = tell_unfinished(into, out, len(pictures), embedded=whole, older=older)
        raise KeyboardInterrupt(told) from None
    count, width = embedded.vectors.shape
    vectors = counted(count, "vector")
    console().print(Text(f"{vectors} of {width:,} numbers in {out}"), soft_wrap=True)
    list_failures([(failure.name, failure.error) for failure in embedded.failures])
    if embedded.failures:
        raise typer.Exit(PARTLY if count else BAD)


def _convert(embedded: ImageEmbeddings, out: Path) -> None:
    """Write the file that was asked for; it appears under its name only when it is whole."""
    ending = out.suffix.lower()
    draft = out.with_name(f".{out.name}.part{ending}")
    try:
        (_write_npz if ending == ".npz" else _write_csv)(embedded, draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _write_npz(embedded: ImageEmbeddings, path: Path) -> None:
    import numpy as np

    np.savez(
        path,
        vectors=embedded.vectors.numpy(),
        names=np.array(embedded.names, dtype=np.str_),
        positions=np.array(embedded.positions, dtype=np.int64),
        space=np.array(embedded.space),
    )


def _write_csv(embedded: ImageEmbeddings, path: Path) -> None:
    from fgmm.command.report_files import safe_cell

    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["name", *(f"v{i}" for i in range(embedded.dim))])
        for name, vector in zip(embedded.names, embedded.vectors, strict=True):
            # nine digits give back every float32
            rows.writerow([safe_cell(name), *(f"{number:.9g}" for number in vector.tolist())])
