"""``fgmm embed``."""

from __future__ import annotations

import csv
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from fgmm.command.terminal import BAD, PARTLY, console, list_failures

if TYPE_CHECKING:
    from fgmm.embedding import ImageEmbeddings

__all__ = ["embed_pictures"]

_ENDINGS = (".safetensors", ".npz", ".csv")


def embed_pictures(
    images: Annotated[
        list[str],
        typer.Argument(metavar="PICTURES", help="Files, folders, or globs in quotes."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where to: a name in .safetensors, .npz or .csv.")
    ],
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help="Which encoder; see **fgmm encoders**.")
    ] = "tiny",
    layer: Annotated[
        Literal["joint", "features"],
        typer.Option(
            help="joint: the space shared with words. features: what comes before it, often "
            "better for comparing pictures with pictures."
        ),
    ] = "joint",
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Pictures to encode at a time.")
    ] = 32,
) -> None:
    """Turn pictures into vectors of numbers, and write them to a file.

    **Examples**

    fgmm embed holiday/ --out holiday.safetensors

    fgmm embed "birds/*.jpg" --out birds.csv --layer features

    Stop it whenever you like: the same command again goes on where it stopped. Once a
    .safetensors file is done, the same command again encodes only pictures that are new.
    Exit code 1 means that some pictures could not be read.
    """
    ending = out.suffix.lower()
    if ending not in _ENDINGS:
        raise typer.BadParameter(
            f"{out.name!r} ends in none of {', '.join(_ENDINGS)}", param_hint="--out"
        )
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")

    from fgmm.command.picture_list import list_pictures
    from fgmm.embedding import embed_images
    from fgmm.encoders.registry import load_encoder

    pictures = list_pictures(images)
    # The other formats are made from the one that can be taken up again.
    into = out if ending == ".safetensors" else out.with_name(f".{out.name}.safetensors")
    embedded = embed_images(
        pictures,
        encoder=load_encoder(encoder, device=device),
        layer=layer,
        batch_size=batch_size,
        into=into,
    )
    if into != out:
        draft = out.with_name(f".{out.name}.part{ending}")
        try:
            (_write_npz if ending == ".npz" else _write_csv)(embedded, draft)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
        into.unlink()
    count, width = embedded.vectors.shape
    console().print(Text(f"{count:,} vectors of {width:,} numbers in {out}"), soft_wrap=True)
    list_failures([(failure.name, failure.error) for failure in embedded.failures])
    if embedded.failures:
        raise typer.Exit(PARTLY if count else BAD)


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
    from fgmm.command.report import safe_cell

    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["name", *(f"v{i}" for i in range(embedded.dim))])
        for name, vector in zip(embedded.names, embedded.vectors, strict=True):
            # nine digits give back every float32
            rows.writerow([safe_cell(name), *(f"{number:.9g}" for number in vector.tolist())])
