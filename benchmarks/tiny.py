"""How well an encoder names and tells apart pictures it was never trained on.

    python benchmarks/tiny.py                    # the embedded encoder
    python benchmarks/tiny.py --encoder hf:/path # any other, same protocol

Words only: grocery test photos (other shops than training) over the 60 base classes,
flowers' test photos over the base classes, field-guide birds in new poses among 20
candidates; the first two beside a linear probe on the same features. Macro is the mean of
class accuracies, with its interval; micro is the mean over pictures, and the ratio to the
probe is of micro. Novel classes (grocery ``id % 4 == 0``, flowers with an Oxford id
divisible by 3) 20-way by name and by description, macro, beside two controls on the same
tasks: texts swapped between classes, letters scrambled, ten draws of each; "ahead" is the
true words' lead over a control, paired by class.

Photos only ("base-trained"): 5-way episodes on novel classes, cosine to the class mean
after taking away the mean of base photos, half grocery and half flowers. Grocery: support
from train and val, queries from test.

Intervals are 95 %: a bootstrap over classes, which is the honest one (there are only 21 and
28 novel classes), and over episodes where there are any.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
from pathlib import Path

import torch
from tiny_data import DATA, descriptions, embed, flowers, grocery, typed_names
from tiny_intervals import percent
from tiny_photos import episodes, linear_probe
from tiny_words import birds_among_20, by_words, control

import fgmm
from fgmm.fieldguide import FieldGuide


class Report:
    """Prints every figure as it comes, and keeps it for ``--json``."""

    def __init__(self, **about: str) -> None:
        self.figures: dict[str, object] = dict(about)

    def say(self, row: str, text: object, value: object) -> None:
        print(f"{row:58s} {text}", flush=True)
        kept = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value
        self.figures[row] = kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    args = parser.parse_args()
    # scrambled letters make more tokens than an encoder may read; true texts are far shorter
    encoder = fgmm.load_encoder(args.encoder, on_long="truncate")
    report = Report(
        encoder=args.encoder, space=encoder.space, date=datetime.date.today().isoformat()
    )
    names, looks = typed_names(DATA), descriptions(DATA)
    base = {
        "grocery": [
            embed(encoder, grocery(DATA, split, novel=False)) for split in ("train", "val", "test")
        ],
        "flowers": [embed(encoder, flowers(DATA, role)) for role in ("train", "steer", "test")],
    }
    for what, pools in base.items():
        named = by_words(encoder, pools[2], names[what])
        report.say(f"{what} base test by name, {len(pools[2].classes)} classes", named, named)
        probe, strength = linear_probe(*pools)
        row = f"{what} base test, linear probe on all base training photos"
        ratio = named.micro / probe.micro
        report.say(row, f"{probe}  (C = {strength})", probe)
        report.say(f"{what} base test, by name / linear probe, micro", f"{ratio:.3f}", ratio)
    birds = birds_among_20(encoder, FieldGuide())
    report.say("field guide, base species in new poses, 20 candidates", birds, birds)

    asked = embed(encoder, grocery(DATA, "test", novel=True))
    shown = embed(encoder, grocery(DATA, "train", "val", novel=True))
    blooms = embed(encoder, flowers(DATA, "novel"))
    for what, pool, kind, texts in (
        ("grocery", asked, "name", names),
        ("grocery", asked, "description", looks),
        ("flowers", blooms, "name", names),
        ("flowers", blooms, "description", looks),
    ):
        found, row = control(encoder, pool, texts[what]), f"{what} novel 20-way by {kind}"
        report.say(row, percent(found.true, found.true_interval), found)
        for name, accuracy in found.control.items():
            ahead = percent(found.ahead[name], found.ahead_interval[name])
            report.say(f"{row}, {name}", f"{100 * accuracy:5.1f}  ahead by {ahead}", accuracy)

    # the mean of grocery's training photos and that of all base flowers that are not test
    photos = [
        base["grocery"][0].features.vectors,
        torch.cat([pool.features.vectors for pool in base["flowers"][:2]]),
    ]
    centre = torch.stack([vectors.mean(0) for vectors in photos]).mean(0)
    for what, support, query in (("grocery", shown, asked), ("flowers", blooms, blooms)):
        for shots in (1, 5):
            result = episodes(support, query, centre, shots)
            row = f"{what} novel 5-way {shots}-shot prototypes, 2,000 episodes"
            report.say(row, result, result)
    if args.json:
        args.json.write_text(json.dumps(report.figures, indent=1))


if __name__ == "__main__":
    main()
