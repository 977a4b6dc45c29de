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
import json
import os
from pathlib import Path

import torch
from tiny_training.data import PictureSet, field_guide, load_sets
from tiny_training.phrases import class_texts
from tiny_training.ship import fit_background, fit_scale, write_folder
from tiny_training.stage_classes import train_classes
from tiny_training.stage_joint import Joint, phrase_bank, train_joint
from tiny_training.stage_words import encode_tokens, picture_bank, text_tower, train_words
from tiny_training.teacher import Teacher
from tiny_training.vocabulary import build_tokenizer

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
    steering = picture_bank(model, steer, args.px, {s.name: 1 for s in steer})
    tokenizer = build_tokenizer(texts)
    tower = text_tower(len(tokenizer))
    if args.step == "words":
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

    tower.load_state_dict(torch.load(args.runs / "words.pt", weights_only=True)["text"])
    tower.eval()
    with torch.inference_mode():
        judged = [
            (
                steering[s.name][0],
                encode_tokens(tower, tokenizer, [texts[s.name][c].names[0] for c in s.classes]),
                steering[s.name][1],
            )
            for s in steer
        ]
    scale = fit_scale([tuple(t.clone() for t in one) for one in judged])
    write_folder(args.out, model, tower, tokenizer, scale, args.px)
    ship_background(args.out, steer)


def ship_background(folder: Path, steer: list[PictureSet]) -> None:
    """Fit the background through the shipped encoder, on pictures no weight was fitted to."""
    from PIL import Image
    from safetensors.torch import save_file

    import fgmm

    encoder = fgmm.load_encoder(f"openclip:{folder}")
    pools = [*steer, field_guide(NEW_POSES)]
    pictures = [Image.fromarray(p) for s in pools for p in s.pictures.permute(0, 2, 3, 1).numpy()]
    sizes = [len(s.classes) for s in pools]
    labels = torch.cat([s.labels + sum(sizes[:i]) for i, s in enumerate(pools)])
    layers = {
        x: fgmm.embed_images(pictures, encoder=encoder, layer=x, batch_size=128)
        for x in ("joint", "features")
    }
    fitted = fit_background({k: v.vectors for k, v in layers.items()}, labels)
    source = (
        "tiny_imagenet val, grocery val (base), flowers base (image number 1 modulo 20), "
        "field guide base species in new poses; none of them trained on"
    )
    about = {
        "n": str(len(labels)),
        "source": source,
        "spaces": json.dumps({k: v.space for k, v in layers.items()}),
    }
    save_file(fitted, folder / "background.safetensors", metadata=about)


if __name__ == "__main__":
    main()
