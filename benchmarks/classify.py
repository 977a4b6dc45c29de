"""What `fgmm.classify` costs beyond the model itself.

    python benchmarks/classify.py

One PIL picture, ViT-B/16 with random weights written to disk, a hundred labels seen
before. Left: `fgmm.classify`. Right: open_clip's own preprocessing, `encode_image`, one
matrix product and a softmax. Both in this process, taking turns; the ratio is the median
over pairs. Goal: 1.03. The text encoder's calls are counted: none.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

import fgmm

RUNS = 40
LABELS = [f"species number {i}" for i in range(100)]


def write_random_model(folder: Path) -> None:
    model = open_clip.create_model("ViT-B-16", pretrained=None)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    config = {
        "model_cfg": open_clip.get_model_config("ViT-B-16"),
        "preprocess_cfg": {
            "mean": open_clip.OPENAI_DATASET_MEAN,
            "std": open_clip.OPENAI_DATASET_STD,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))


def main() -> None:
    image = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_random_model(folder)
        encoder = fgmm.load_encoder(f"openclip:{folder}", device="cpu")
        model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        model.eval()
        tokens = open_clip.get_tokenizer("ViT-B-16")([f"a photo of a {x}." for x in LABELS])
        with torch.inference_mode():
            texts = torch.nn.functional.normalize(model.encode_text(tokens), dim=-1)

        def bare() -> torch.Tensor:
            with torch.inference_mode():
                features = model.encode_image(preprocess(image).unsqueeze(0))
                features = torch.nn.functional.normalize(features, dim=-1)
                return (model.logit_scale.exp() * features @ texts.T).softmax(-1)

        calls = 0
        encode_texts = type(encoder).encode_texts

        def counted(self, texts):
            nonlocal calls
            calls += 1
            return encode_texts(self, texts)

        type(encoder).encode_texts = counted
        fgmm.classify(image, LABELS, encoder=encoder, templates="a photo of a {}.")
        first = calls
        ratios, ours, theirs = [], [], []
        for _ in range(RUNS):
            start = time.perf_counter()
            fgmm.classify(image, LABELS, encoder=encoder, templates="a photo of a {}.")
            middle = time.perf_counter()
            bare()
            end = time.perf_counter()
            ours.append(middle - start)
            theirs.append(end - middle)
            ratios.append(ours[-1] / theirs[-1])
        print(f"fgmm.classify            {1000 * statistics.median(ours):7.1f} ms")
        print(f"preprocessing + forward  {1000 * statistics.median(theirs):7.1f} ms")
        print(f"ratio                    {statistics.median(ratios):7.3f}   (goal 1.03)")
        print(f"calls of the text encoder: {first} the first time, {calls - first} in {RUNS} more")


if __name__ == "__main__":
    main()
