"""What `fgmm.classify` costs beyond the model itself.

    python benchmarks/classify.py

One PIL picture, ViT-B/16 with random weights written to disk, a hundred labels seen
before. Ours: `fgmm.classify`. Theirs: open_clip's own preprocessing, `encode_image`, one
matrix product and a softmax, in the memory format that fgmm uses (channels last). Both in
this process, taking turns, each first in every other pair; the ratio is the median over
pairs, beside the range of the middle half. Goal: 1.03. The text encoder's calls are
counted: none once the labels are known.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image
from random_model import write_random_model
from taking_turns import take_turns
from text_calls import counted_texts

import fgmm

RUNS = 40
LABELS = [f"species number {i}" for i in range(100)]
LAYOUT = torch.channels_last


def main() -> None:
    image = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_random_model(folder, "ViT-B-16")
        encoder = fgmm.load_encoder(f"openclip:{folder}", device="cpu")
        model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        model.eval().requires_grad_(False).to(memory_format=LAYOUT)
        tokens = open_clip.get_tokenizer("ViT-B-16")([f"a photo of a {x}." for x in LABELS])
        with torch.inference_mode():
            texts = torch.nn.functional.normalize(model.encode_text(tokens), dim=-1)

        def ours() -> object:
            return fgmm.classify(image, LABELS, encoder=encoder, templates="a photo of a {}.")

        def bare() -> torch.Tensor:
            with torch.inference_mode():
                pixels = preprocess(image).unsqueeze(0).contiguous(memory_format=LAYOUT)
                features = torch.nn.functional.normalize(model.encode_image(pixels), dim=-1)
                return (model.logit_scale.exp() * features @ texts.T).softmax(-1)

        with counted_texts(encoder) as calls:
            ours()
            bare()
            first = len(calls)
            turns = take_turns(ours, bare, RUNS)
        print(f"fgmm.classify            {1000 * statistics.median(turns.ours):7.1f} ms")
        print(f"preprocessing + forward  {1000 * statistics.median(turns.theirs):7.1f} ms")
        print(f"ratio                    {turns}   (goal 1.03)")
        print(
            f"calls of the text encoder: {first} the first time, {len(calls) - first} in {RUNS} more"
        )


if __name__ == "__main__":
    main()
