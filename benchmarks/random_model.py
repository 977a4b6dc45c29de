"""A full-size model with random weights on disk: for speed, weights need not be good."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
from safetensors.torch import save_file

__all__ = ["write_random_model"]


def write_random_model(folder: Path, architecture: str) -> None:
    """Write an architecture of open_clip into ``folder``, as `openclip:folder` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    model = open_clip.create_model(architecture, pretrained=None)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )
    config = {
        "model_cfg": open_clip.get_model_config(architecture),
        "preprocess_cfg": {
            "mean": open_clip.OPENAI_DATASET_MEAN,
            "std": open_clip.OPENAI_DATASET_STD,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
