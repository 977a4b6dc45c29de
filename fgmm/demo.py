"""``make demo``: two photographs and a sheet of drawn birds, named from words alone.

Prints a table and draws a contact sheet: each picture, the true name, and bars for the
names the encoder thought likely.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from fgmm.command.terminal import announced
from fgmm.errors import FgmmError

if TYPE_CHECKING:
    from fgmm.prediction import Prediction

__all__ = ["Shown", "draw_sheet", "gather", "main"]

_PAPER, _INK, _GREY = (250, 249, 246), (34, 34, 38), (214, 214, 210)
_RIGHT, _WRONG = (46, 125, 80), (190, 96, 44)
_SIDE, _WIDE, _ROW, _GAP = 168, 232, 22, 14


@dataclass(frozen=True)
class Shown:
    """A picture, what it truly is, and what it was taken for."""

    image: Image.Image
    truth: str
    prediction: Prediction

    @property
    def right(self) -> bool:
        """Whether the first guess is the truth."""
        return self.prediction.label == self.truth


def gather(encoder: str = "tiny", n_birds: int = 10) -> list[Shown]:
    """Name the demo's pictures.

    Parameters
    ----------
    encoder : str, default="tiny"
        Any name `fgmm.load_encoder` takes.
    n_birds : int, default=10
        How many birds to draw; the candidates are the true names and as many others, of other
        genera. Near relatives would be much harder.

    Returns
    -------
    list of Shown
    """
    from sklearn.datasets import load_sample_image

    import fgmm
    from fgmm.fieldguide import FieldGuide

    things = [
        "orange dahlia",
        "sunflower",
        "water lily",
        "banana",
        "school bus",
        "golden retriever",
    ]
    places = [
        "triumphal arch",
        "suspension bridge",
        "seashore",
        "lighthouse",
        "pizza",
        "a Chinese pavilion",
    ]
    shown = []
    for name, truth, candidates in (
        ("flower.jpg", things[0], things),
        ("china.jpg", places[-1], places),
    ):
        image = Image.fromarray(load_sample_image(name))
        shown.append(Shown(image, truth, fgmm.classify(image, candidates, encoder=encoder)))

    guide = FieldGuide()
    species = guide.base[:: len(guide.base) // (2 * n_birds)][: 2 * n_birds]
    plates = [guide.draw(s, seed=100_001) for s in species[::2]]
    names = [s.name for s in species]
    predictions = fgmm.classify([p.image for p in plates], names, encoder=encoder, concept="bird")
    shown += [Shown(p.image, p.species.name, q) for p, q in zip(plates, predictions, strict=True)]
    return shown


def draw_sheet(shown: list[Shown], path: Path, columns: int = 3, top: int = 4) -> None:
    """Draw the contact sheet.

    Parameters
    ----------
    shown : list of Shown
    path : Path
        Where the PNG goes.
    columns : int, default=3
    top : int, default=4
        How many bars stand beside each picture.
    """
    rows = -(-len(shown) // columns)
    wide, high = _SIDE + _WIDE + 3 * _GAP, _SIDE + 2 * _GAP
    sheet = Image.new("RGB", (columns * wide, rows * high + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    bold, plain = ImageFont.load_default(15), ImageFont.load_default(13)
    for i, one in enumerate(shown):
        x, y = (i % columns) * wide + _GAP, (i // columns) * high + _GAP
        edge = min(one.image.size)
        left, upper = (one.image.width - edge) // 2, (one.image.height - edge) // 2
        square = one.image.crop((left, upper, left + edge, upper + edge))
        sheet.paste(square.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (x, y))
        x += _SIDE + _GAP
        pen.text((x, y), f"truly: {one.truth}", fill=_INK, font=bold)
        for j, (label, probability) in enumerate(one.prediction.top(top)):
            line = y + 28 + j * (_ROW + 10)
            colour = _RIGHT if label == one.truth else _WRONG if j == 0 else _GREY
            pen.text((x, line), f"{label}", fill=_INK, font=plain)
            pen.text((x + _WIDE, line), f"{probability:.0%}", fill=_INK, font=plain, anchor="ra")
            pen.rectangle((x, line + 17, x + _WIDE, line + 21), fill=(236, 235, 230))
            pen.rectangle((x, line + 17, x + round(_WIDE * probability), line + 21), fill=colour)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def main() -> None:
    """Run the demo from the command line."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(prog="python -m fgmm.demo", description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny", help="any encoder fgmm can load")
    parser.add_argument("--out", type=Path, default=Path("demo/contact-sheet.png"))
    args = parser.parse_args()
    try:
        with announced(f"naming some pictures with the encoder {args.encoder} ..."):
            shown = gather(args.encoder)
    except FgmmError as error:
        parser.exit(2, f"{error}\n")
    table = Table(title=f"Named from words alone by the encoder {args.encoder!r}")
    for column in ("picture shows", "named", "probability", ""):
        table.add_column(column, justify="right" if column == "probability" else "left")
    for one in shown:
        table.add_row(
            one.truth,
            one.prediction.label,
            f"{one.prediction.probability:.0%}",
            "[green]right[/]" if one.right else "[red]wrong[/]",
        )
    console = Console()
    console.print(table)
    console.print(f"{sum(s.right for s in shown)} of {len(shown)} right. Contact sheet: {args.out}")
    if args.encoder == "tiny":
        console.print(
            "tiny knows little of real photographs: for your own use "
            "--encoder openclip:ViT-B-16/openai."
        )
    console.print(
        "The birds' 20 candidates are of different genera; near relatives are much harder to tell "
        "apart from words."
    )
    draw_sheet(shown, args.out)


if __name__ == "__main__":
    main()
