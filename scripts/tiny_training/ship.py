"""Last step: one folder in open_clip's format, in half precision, with its background."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from open_clip.transformer import TextTransformer
from safetensors.torch import save_file
from torch import Tensor

from tiny_training.stage_classes import MEAN, STD, TRUNK
from tiny_training.stage_joint import DIM, Joint
from tiny_training.stage_words import TEXT
from tiny_training.vocabulary import CONTEXT

__all__ = ["configuration", "fit_background", "fit_scale", "write_folder"]


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
    """Write configuration, weights and vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"visual.trunk.{k}": v for k, v in model.trunk.state_dict().items()}
    weights["visual.head.proj.weight"] = model.proj.weight
    weights |= {f"text.{k}": v for k, v in tower.state_dict().items() if k != "attn_mask"}
    weights["logit_scale"] = torch.tensor(scale).log()
    stored = {k: _halve(v.detach()) for k, v in weights.items()}
    save_file(stored, folder / "open_clip_model.safetensors", metadata={"format": "pt"})
    text = json.dumps(configuration(len(tokenizer), px), indent=2)
    (folder / "open_clip_config.json").write_text(text + "\n")
    tokenizer.save_pretrained(folder)


def _halve(value: Tensor) -> Tensor:
    """Matrices in half precision; biases and statistics cost nothing and stay whole."""
    value = value.contiguous()
    return value.half() if value.dtype == torch.float32 and value.ndim > 1 else value


def fit_scale(joint: list[tuple[Tensor, Tensor, Tensor]]) -> float:
    """The logit scale that makes steering pictures most likely by name.

    ``joint`` holds (pictures, class texts, labels) for each set.
    """
    log_scale = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([log_scale], lr=0.5, max_iter=60)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = sum(functional.cross_entropy(20 * log_scale.exp() * z @ t.T, y) for z, t, y in joint)
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(20 * log_scale.detach().exp())


def fit_background(vectors: dict[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
    """Mean, within-class and total covariance of each layer's unit vectors."""
    out = {}
    for layer, x in vectors.items():
        x = x.double()
        counts = torch.bincount(labels).double().unsqueeze(1)
        means = torch.zeros(len(counts), x.shape[1], dtype=torch.float64).index_add_(
            0, labels, x
        ) / counts.clamp(min=1)
        around = x - means[labels]
        centred = x - x.mean(0)
        out[f"{layer}.mean"] = x.mean(0).float()
        out[f"{layer}.within"] = (around.T @ around / (len(x) - int((counts > 0).sum()))).float()
        out[f"{layer}.total"] = (centred.T @ centred / (len(x) - 1)).float()
    return out
