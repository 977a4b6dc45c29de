"""A folder of pictures against what the processor could do at best.

    python benchmarks/folder.py

The limit is ``cores / (decode + forward)``: core-seconds to decode and preprocess one
picture, and to push it through the network, each measured alone on one thread. Ours is
`fgmm.classify` on the whole folder, reading files included. Both in one run; goal: 0.9 of
the limit, for the embedded encoder and for ViT-B/32 with random weights, and one call of
the text encoder in all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from random_model import write_random_model
from text_calls import counted_texts

import fgmm
from fgmm.fieldguide import FieldGuide
from fgmm.images import read_image

LABELS = [s.name for s in FieldGuide().species[:50]]


def write_pictures(folder: Path, n: int, side: int = 480) -> list[Path]:
    """JPEG files of some 40 kB, all different."""
    folder.mkdir()
    guide = FieldGuide()
    for i in range(n):
        plate = guide.draw(
            guide.species[i % len(guide.species)], seed=2 * (i // 240) + 1, size=side
        )
        plate.image.save(folder / f"{i:05d}.jpg", quality=90)
    return sorted(folder.glob("*.jpg"))


def core_seconds(encoder, files: list[Path], batch: int = 32) -> tuple[float, float]:
    """Seconds of one core per picture: decoding with preprocessing, and the network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        files = files[:96]
        start = time.perf_counter()
        prepared = [encoder.prepare(read_image(f)) for f in files]
        decode = (time.perf_counter() - start) / len(files)
        encoder.encode_prepared(prepared[:batch])
        runs = []
        for i in range(0, len(files), batch):
            start = time.perf_counter()
            encoder.encode_prepared(prepared[i : i + batch])
            runs.append((time.perf_counter() - start) / len(prepared[i : i + batch]))
        return decode, statistics.median(runs)
    finally:
        torch.set_num_threads(threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_random_model(root / "vit", "ViT-B-32")
        for title, source, n in (
            ("tiny", "tiny", 1000),
            ("ViT-B/32", f"openclip:{root / 'vit'}", 400),
        ):
            files = write_pictures(root / title.replace("/", "-"), n)
            encoder = fgmm.load_encoder(source, device="cpu")
            ratios = []
            with counted_texts(encoder) as calls:
                for _ in range(args.runs):
                    decode, forward = core_seconds(encoder, files)
                    limit = cores / (decode + forward)
                    start = time.perf_counter()
                    predictions = fgmm.classify(
                        files[0].parent, LABELS, encoder=encoder, progress=False
                    )
                    rate = len(predictions) / (time.perf_counter() - start)
                    ratios.append(rate / limit)
                    print(
                        f"{title:9s} decode {1000 * decode:6.2f} ms  forward {1000 * forward:6.2f} ms  limit {limit:6.1f}/s  ours {rate:6.1f}/s  ratio {ratios[-1]:.2f}",
                        flush=True,
                    )
            print(
                f"{title:9s} median ratio {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f} (goal 0.9), {len(calls)} call(s) of the text encoder for {args.runs * n} pictures"
            )


if __name__ == "__main__":
    main()
