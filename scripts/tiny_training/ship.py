"""Last step: one folder in open_clip's format, in half precision.

The scale and the background are fitted through the folder's own encoder, so the folder is
made whole in a place of its own and only then put where users find it.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from open_clip.transformer import TextTransformer
from safetensors.torch import load_file, save_file
from torch import Tensor

from tiny_training.stage_classes import MEAN, STD, TRUNK
from tiny_training.stage_joint import DIM, Joint
from tiny_training.stage_words import TEXT
from tiny_training.vocabulary import CONTEXT

__all__ = ["configuration", "staged", "write_folder", "write_scale"]

WEIGHTS = "open_clip_model.safetensors"


def configuration(vocabulary: int, px: int) -> dict[str, Any]:
    """The model in open_clip's words."""
    return {
        "model_cfg": {
            "embed_dim": DIM,
            "custom_text": True,
            "vision_cfg": {
                "timm_model_name": TRUNK,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "linear",
                "timm_proj_bias": False,
                "image_size": px,
            },
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": vocabulary,
                "hf_tokenizer_name": "tiny",
                "pool_type": "eos",
                "eos_id": 3,
                "pad_id": 0,
                **TEXT,
            },
        },
        "preprocess_cfg": {
            "size": px,
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }


def write_folder(
    folder: Path, model: Joint, tower: TextTransformer, tokenizer: Any, scale: float, px: int
) -> None:
    """Write configuration, weights and vocabulary.

    ``scale`` stands in until `write_scale` knows better.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"visual.trunk.{k}": v for k, v in model.trunk.state_dict().items()}
    weights["visual.head.proj.weight"] = model.proj.weight
    weights |= {f"text.{k}": v for k, v in tower.state_dict().items() if k != "attn_mask"}
    weights["logit_scale"] = torch.tensor(scale).log()
    stored = {k: _halve(v.detach()) for k, v in weights.items()}
    save_file(stored, folder / WEIGHTS, metadata={"format": "pt"})
    text = json.dumps(configuration(len(tokenizer), px), indent=2)
    (folder / "open_clip_config.json").write_text(text + "\n")
    tokenizer.save_pretrained(folder)


def _halve(value: Tensor) -> Tensor:
    """Matrices in half precision; biases and statistics cost nothing and stay whole."""
    value = value.contiguous()
    return value.half() if value.dtype == torch.float32 and value.ndim > 1 else value


def write_scale(folder: Path, scale: float) -> None:
    """Put another logit scale into the weights; the name of the space changes with it."""
    stored = load_file(folder / WEIGHTS)
    stored["logit_scale"] = torch.tensor(scale).log()
    # the old file may be mapped into memory, by `stored` itself: never write over it
    save_file(stored, folder / f"{WEIGHTS}.new", metadata={"format": "pt"})
    (folder / f"{WEIGHTS}.new").replace(folder / WEIGHTS)


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder to write into; its files reach ``folder`` when all went well, else none do.

    The background goes last: one that is older than the weights names another space, and
    loading it is refused. Whatever else lies in ``folder`` stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        yield Path(name)
        made = sorted(Path(name).iterdir(), key=lambda p: (p.stem == "background", p.name))
        for file in made:
            file.chmod(0o644)
        for file in made:
            file.replace(folder / file.name)
