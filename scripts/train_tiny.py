"""Train the embedded encoder `tiny`, from pictures to the folder that is shipped.

    pip install --group train
    python scripts/train_tiny.py classes --minutes 24    # image tower, 64 px, no words
    python scripts/train_tiny.py joint --minutes 62      # into a space that words can reach
    python scripts/train_tiny.py words --minutes 20      # the text tower
    python scripts/train_tiny.py ship                    # fgmm/weights/tiny

Every step reads what the one before it wrote into ``--runs``; two cores are enough.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from tiny_training.background import write_background
from tiny_training.data import PictureSet, field_guide, load_sets
from tiny_training.phrases import class_texts, typed_names
from tiny_training.scale import fit_scale, steering_cosines
from tiny_training.ship import staged, write_folder, write_scale
from tiny_training.stage_classes import train_classes
from tiny_training.stage_joint import Joint, phrase_bank, train_joint
from tiny_training.stage_words import picture_bank, text_tower, train_words
from tiny_training.teacher import Teacher
from tiny_training.vocabulary import build_tokenizer

from fgmm import load_encoder
from fgmm.encoders.registry import forget_encoders

ROOT = Path(__file__).parents[1]
VIEWS = {"general": 1, "grocery": 4, "flowers": 4, "birds": 1}
NEW_POSES = tuple(range(200_000, 200_020, 2))


def load_joint(runs: Path, sets: list[PictureSet]) -> Joint:
    model = Joint({s.name: len(s.classes) for s in sets})
    model.load_state_dict(torch.load(runs / "joint.pt", weights_only=True)["average"])
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=("classes", "joint", "words", "ship"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "tiny")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FGMM_DATA", ROOT.parent / "shared" / "data")),
    )
    parser.add_argument(
        "--go-on", action="store_true", help="words: start from an earlier words.pt"
    )
    parser.add_argument(
        "--start-from", type=Path, help="joint: a shipped folder, in place of stage classes"
    )
    parser.add_argument("--px", type=int, default=160, help="side of the pictures at inference")
    parser.add_argument("--out", type=Path, default=ROOT / "fgmm" / "weights" / "tiny")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    sets, steer = load_sets(args.data, args.runs / "pictures")
    texts = class_texts(args.data)

    if args.step == "classes":
        train_classes(sets, steer, args.runs / "classes.pt", minutes=args.minutes)
        return
    if args.step == "joint":
        bank = phrase_bank(sets, texts, Teacher())
        train_joint(
            sets,
            steer,
            bank,
            args.start_from or args.runs / "classes.pt",
            args.runs / "joint.pt",
            minutes=args.minutes,
        )
        return

    model = load_joint(args.runs, sets)
    tokenizer = build_tokenizer(texts)
    tower = text_tower(len(tokenizer))
    if args.step == "words":
        steering = picture_bank(model, steer, args.px, {s.name: 1 for s in steer})
        pictures = picture_bank(model, sets, args.px, VIEWS)
        if args.go_on:
            tower.load_state_dict(torch.load(args.runs / "words.pt", weights_only=True)["text"])
        train_words(
            model,
            tower,
            tokenizer,
            sets,
            texts,
            pictures,
            steering,
            Teacher(),
            args.runs / "words.pt",
            minutes=args.minutes,
        )
        return

    words = torch.load(args.runs / "words.pt", weights_only=True)
    tower.load_state_dict(words["text"])
    tower.eval()
    with staged(args.out) as folder:
        write_folder(folder, model, tower, tokenizer, float(words["log_scale"].exp()), args.px)
        ship_scale(folder, steer, typed_names(args.data))
        ship_background(folder, steer)


def ship_scale(folder: Path, steer: list[PictureSet], names: dict[str, dict[str, str]]) -> None:
    """Fit the logit scale through the shipped encoder, on pictures not trained on."""
    encoder = load_encoder(f"openclip:{folder}")
    scale = fit_scale(steering_cosines(encoder, steer, names))
    print(f"logit scale {scale:.2f}; the text tower was trained with {encoder.logit_scale:.2f}")
    write_scale(folder, scale)


def ship_background(folder: Path, steer: list[PictureSet]) -> None:
    """Fit the background through the shipped encoder, on pictures not trained on."""
    # loaded anew, not from memory: the scale is one of the weights that the space is named after
    forget_encoders()
    encoder = load_encoder(f"openclip:{folder}")
    write_background(folder, encoder, [*steer, field_guide(NEW_POSES)])


if __name__ == "__main__":
    main()
