"""``fgmm export``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import Annotated, Optional

import typer
from rich.table import Table
from rich.text import Text

from fgmm.command.terminal import announced, console

__all__ = ["export_as_onnx"]

_LAYERS = {"joint": "pictures", "features": "pictures, features", "texts": "texts"}


def export_as_onnx(
    encoder: Annotated[
        str, typer.Argument(metavar="ENCODER", help="Which encoder; see **fgmm encoders**.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write it; new or empty.")
    ],
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Compute in whole numbers of eight bits: smaller, often faster, and a little off.",
        ),
    ] = False,
    pictures: Annotated[
        Optional[list[str]],  # noqa: UP045 (typer reads it under Python 3.10 too)
        typer.Option(
            "--pictures",
            metavar="PICTURES",
            help="Files, folders or patterns, a hundred pictures of the kind to come: what int8 "
            "of a convolutional network is fitted to. May be given several times.",
        ),
    ] = None,
    least_cosine: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--least-cosine",
            metavar="NUMBER",
            help="Keep nothing if a vector's cosine with the encoder's is smaller. "
            "0.99999 if not given, 0.95 with --int8.",
        ),
    ] = None,
) -> None:
    """Write an encoder as ONNX, for fast work on a processor.

    **Examples**

    fgmm export tiny fast/

    fgmm export openclip:ViT-B-32/openai fast/ --int8

    fgmm classify bird.jpg --labels "great tit, blue tit" --encoder onnx:fast

    What is written is compared with the encoder, and kept only if it gives the same vectors.
    It is a space of its own: what was made with the one encoder cannot be compared with what
    the other makes. Needs: pip install 'fgmm[onnx]'

    Exit code 0: all went well. 2: nothing was written.
    """
    from fgmm.command.picture_list import list_pictures

    shown = list_pictures(pictures or [])
    with announced(f"loading the encoder {encoder}, writing and checking it ..."):
        from fgmm.encoders.onnx_export import export_encoder

        export = export_encoder(
            encoder, folder, int8=int8, pictures=shown, least_cosine=least_cosine
        )
    table = Table(box=None, padding=(0, 2, 0, 1))
    for heading in ("compared with the encoder", "smallest cosine", "largest difference"):
        table.add_column(heading, header_style="bold")
    for layer, one in export.agreement.items():
        table.add_row(_LAYERS[layer], f"{one.cosine:.6f}", f"{one.difference:.2g}")
    console().print(table)
    for file, size in export.bytes.items():
        told = f"{size / 1e6:.1f} MB, {export.numbers[file].partition(' ')[0]}"
        console().print(Text(f"{folder / file}: {told}"), soft_wrap=True)
    console().print(Text(f"Use it with --encoder onnx:{folder}"), soft_wrap=True)
