"""An exported encoder against torch: pictures a second, and what eight bits cost in accuracy.

    python benchmarks/onnx_speed.py              # FGMM_DATA for the accuracy and for tiny's int8

`tiny`, and ViT-B/32 with random weights, as torch computes them, as ONNX in float32 and as ONNX
in int8: prepared pictures in, vectors out, batches of 1 and of 32, on one thread. All three take
turns in one process, and the order changes from round to round; a way's time is its best round,
because a machine that others use too makes rounds longer and never shorter.

`tiny`'s int8 is fitted to photos it was trained on. Accuracy is by name on the test photos of
base classes, as in `benchmarks/tiny.py`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from random_model import write_random_model
from tiny_data import DATA, flowers, grocery, typed_names

import fgmm
from fgmm.prompts import class_matrix

WAYS = ("torch", "onnx", "onnx int8")


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every way in each round; who begins changes."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    orders = list(itertools.permutations(ways))
    for way in ways.values():  # what is done once is not timed
        way()
    for i in range(rounds):
        for name in orders[i % len(orders)]:
            start = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def speed(title: str, encoders: dict[str, object], rounds: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 64, 3), dtype=np.uint8)
    pictures = [Image.fromarray(one) for one in noise]
    for batch, repeats in ((1, 8), (32, 1)):
        ways = {}
        for name, encoder in encoders.items():
            prepared = [encoder.prepare(one) for one in pictures[:batch]]

            def work(encoder=encoder, prepared=prepared, repeats=repeats) -> None:
                for _ in range(repeats):
                    encoder.encode_prepared(prepared)

            ways[name] = work
        seconds = in_turns(ways, rounds)
        best = {name: repeats * batch / min(found) for name, found in seconds.items()}
        for name in encoders:
            pairs = np.array(seconds["torch"]) / np.array(seconds[name])
            print(
                f"{title:9s} batch {batch:2d}  {name:9s} {best[name]:7.1f} pictures/s at best, "
                f"{best[name] / best['torch']:.2f} of torch (median of rounds {np.median(pairs):.2f})",
                flush=True,
            )
    texts = [f"a photo of a {colour} bird" for colour in ("red", "blue", "green", "white")] * 4
    seconds = in_turns(
        {name: lambda encoder=one: encoder.encode_texts(texts) for name, one in encoders.items()},
        rounds,
    )
    for name, found in seconds.items():
        ratio = min(seconds["torch"]) / min(found)
        print(
            f"{title:9s} 16 texts  {name:9s} {16 / min(found):7.1f} texts/s at best, {ratio:.2f} of torch"
        )


def accuracy(encoders: dict[str, object]) -> None:
    names = typed_names(DATA)
    listed = {"grocery": grocery(DATA, "test", novel=False), "flowers": flowers(DATA, "test")}
    for what, pool in listed.items():
        keys = np.array([key for _, key in pool])
        classes = sorted(set(keys.tolist()))
        guesses = {}
        for name, encoder in encoders.items():
            matrix = class_matrix(encoder, {key: names[what][key] for key in classes}).matrix
            pictures = fgmm.embed_images([path for path, _ in pool], encoder=encoder)
            guesses[name] = np.array(classes)[pictures.cosine(matrix).numpy().argmax(1)]
            right = guesses[name] == keys
            macro = np.mean([right[keys == key].mean() for key in classes])
            same = np.mean(guesses[name] == guesses["torch"])
            print(
                f"tiny      {what} by name, {len(keys)} photos, {len(classes)} classes  {name:9s} "
                f"micro {100 * right.mean():.2f}  macro {100 * macro:.2f}  "
                f"answers as torch {100 * same:.2f} %",
                flush=True,
            )


def fitting_photos(count: int) -> list[Path]:
    """Photos `tiny` was trained on, half groceries, half flowers."""
    rng = np.random.default_rng(0)
    pools = (grocery(DATA, "train", novel=False), flowers(DATA, "train"))
    return [pool[i][0] for pool in pools for i in rng.choice(len(pool), count // 2, replace=False)]


def load(source: str, folder: Path, photos: list[Path]) -> dict[str, object]:
    encoders: dict[str, object] = {"torch": fgmm.load_encoder(source, device="cpu")}
    for name, int8 in (("onnx", False), ("onnx int8", True)):
        if int8 and source == "tiny" and not photos:
            print("no photographs at FGMM_DATA: tiny is not written as int8", file=sys.stderr)
            continue
        # of random weights nothing is asked but that they take their time
        least = -1.0 if int8 else None
        start = time.perf_counter()
        export = fgmm.export_encoder(
            encoders["torch"],
            folder / name.replace(" ", "-"),
            int8=int8,
            pictures=photos if int8 else (),
            least_cosine=least,
        )
        size = sum(export.bytes.values()) / 1e6
        told = ", ".join(
            f"{layer} cosine {one.cosine:.6f}" for layer, one in export.agreement.items()
        )
        took = time.perf_counter() - start
        print(f"{source[:20]} {name}: {size:.1f} MB, written in {took:.0f} s; at worst {told}")
        encoders[name] = fgmm.load_encoder(export.name)
    return encoders


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=200, help="to fit tiny's int8 to")
    parser.add_argument("--only", choices=("tiny", "vit"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        if args.only != "vit":
            photos = fitting_photos(args.pictures) if DATA.is_dir() else []
            tiny = load("tiny", root / "tiny", photos)
            speed("tiny", tiny, args.rounds)
            if photos:
                accuracy(tiny)
        if args.only != "tiny":
            write_random_model(root / "vit", "ViT-B-32")
            vit = load(f"openclip:{root / 'vit'}", root / "exports", [])
            speed("ViT-B/32", vit, max(6, args.rounds // 3))


if __name__ == "__main__":
    main()
