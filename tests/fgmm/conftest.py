"""Small models with random weights, written to disk in each library's own format.

Every folder is built once a session; `model_folder("openclip_clip")` gives its path. A test
that changes files asks for `copied_folder`.
"""

# ruff: noqa: S106  the tokens here are words

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORDS = ["a", "an", "the", "photo", "of", "red", "green", "blue", "yellow"]
WORDS += ["circle", "square", "triangle", "bird", "with", "wings"]
CONTEXT = 16


def write_tokenizer(folder: Path, *, masks: bool = True, begin: bool = True) -> None:
    """A tokenizer of words in the format of transformers."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {
        word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if begin else "$A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=CONTEXT,
        model_input_names=["input_ids", "attention_mask"] if masks else ["input_ids"],
    ).save_pretrained(folder)


def write_openclip(folder: Path, config: dict, *, mean: float = 0.45, std: float = 0.27) -> None:
    """A model of open_clip with random weights, as `open_clip.push_to_hf_hub` writes it."""
    import open_clip
    import safetensors.torch
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    arguments = {key: value for key, value in config.items() if key != "custom_text"}
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = kind(**arguments)
        for tensor in model.state_dict().values():  # some begin as zero, and would hide mistakes
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.add_(0.02 * torch.randn_like(tensor))
    safetensors.torch.save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    preprocessing = {
        "mean": [mean] * 3,
        "std": [std] * 3,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": preprocessing}), encoding="utf-8"
    )


def _openclip_clip(folder: Path) -> None:
    vision = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
    text = {"context_length": CONTEXT, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    write_openclip(folder, {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text})


def _openclip_resnet(folder: Path) -> None:
    vision = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}
    text = {"context_length": CONTEXT, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    write_openclip(folder, {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text})


def _openclip_timm(folder: Path) -> None:
    vision = {"image_size": 64, "timm_model_name": "test_efficientnet", "timm_pool": "avg"}
    vision |= {"timm_proj": "linear", "timm_drop": 0.5}
    text = {"context_length": CONTEXT, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1}
    text |= {"hf_tokenizer_name": "somebody/words", "tokenizer_kwargs": {"clean": "lower"}}
    text |= {"pool_type": "eos", "eos_id": 2}
    config = {"embed_dim": 24, "custom_text": True, "vision_cfg": vision, "text_cfg": text}
    write_openclip(folder, config)
    write_tokenizer(folder)


def _openclip_siglip(folder: Path) -> None:
    vision = {"image_size": 160, "timm_model_name": "test_vit", "timm_pool": "map"}
    vision |= {"timm_proj": "none"}
    text = {"context_length": CONTEXT, "vocab_size": 20, "width": 64, "heads": 2, "layers": 1}
    text |= {"hf_tokenizer_name": "somebody/words", "tokenizer_kwargs": {"clean": "canonicalize"}}
    text |= {"no_causal_mask": True, "proj_bias": True, "pool_type": "last"}
    config = {"embed_dim": 64, "custom_text": True, "vision_cfg": vision, "text_cfg": text}
    config |= {"init_logit_scale": 2.3, "init_logit_bias": -10}
    write_openclip(folder, config, mean=0.5, std=0.5)
    write_tokenizer(folder, begin=False)


_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
_VISION |= {"num_attention_heads": 2, "image_size": 32, "patch_size": 8}
_TEXT = {"vocab_size": 20, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1}
_TEXT |= {"num_attention_heads": 2, "max_position_embeddings": CONTEXT}
_TEXT |= {"eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}


def _save_hf(folder: Path, model_class: str, config: object, processor: object) -> None:
    import torch
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = getattr(transformers, model_class)(config)
        for name, parameter in model.named_parameters():
            if "logit" not in name:
                torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)  # type: ignore[attr-defined]


def _hf_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPImageProcessor

    config = CLIPConfig(text_config=_TEXT, vision_config=_VISION, projection_dim=24)
    processor = CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    _save_hf(folder, "CLIPModel", config, processor)
    write_tokenizer(folder)


def _hf_siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipImageProcessor

    config = SiglipConfig(text_config=_TEXT, vision_config=_VISION)
    _save_hf(folder, "SiglipModel", config, SiglipImageProcessor(size={"height": 32, "width": 32}))
    write_tokenizer(folder, masks=False, begin=False)


def _hf_siglip2(folder: Path) -> None:
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Tokenizer

    vision = {key: value for key, value in _VISION.items() if key != "image_size"}
    config = Siglip2Config(
        text_config=_TEXT | {"vocab_size": 25}, vision_config=vision | {"num_patches": 16}
    )
    _save_hf(
        folder, "Siglip2Model", config, Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    )
    # transformers reads this model's vocabulary as characters and merges, whatever wrote it
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581", *"abcdefgilnopqrstuwy"]
    Siglip2Tokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=[],
        padding_side="right",
        model_max_length=CONTEXT,
        model_input_names=["input_ids"],
    ).save_pretrained(folder)


def _hf_dinov2(folder: Path) -> None:
    from transformers import BitImageProcessor, Dinov2Config

    config = Dinov2Config(**{key: _VISION[key] for key in _VISION if key != "intermediate_size"})
    processor = BitImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    _save_hf(folder, "Dinov2Model", config, processor)


def _timm(folder: Path) -> None:
    import timm
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = timm.create_model("test_resnet", num_classes=7)
    timm.models.save_for_hf(model, str(folder), safe_serialization=True)


_BUILDERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "openclip_clip": ("openclip", _openclip_clip),
    "openclip_resnet": ("openclip", _openclip_resnet),
    "openclip_timm": ("openclip", _openclip_timm),
    "openclip_siglip": ("openclip", _openclip_siglip),
    "hf_clip": ("hf", _hf_clip),
    "hf_siglip": ("hf", _hf_siglip),
    "hf_siglip2": ("hf", _hf_siglip2),
    "hf_dinov2": ("hf", _hf_dinov2),
    "timm": ("timm", _timm),
}


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a small model, by the model's name."""
    import torch

    torch.set_num_threads(1)  # networks this small only wait for a second thread
    built: dict[str, Path] = {}

    def find(model: str) -> Path:
        if model not in built:
            folder = tmp_path_factory.mktemp(model)
            _BUILDERS[model][1](folder)
            built[model] = folder
        return built[model]

    return find


@pytest.fixture(scope="session")
def encoder_name(model_folder: Callable[[str], Path]) -> Callable[[str], str]:
    """What `load_encoder` is given for a small model, by the model's name."""

    def name(model: str) -> str:
        if model in ("fake", "fake:sigmoid"):
            return model
        return f"{_BUILDERS[model][0]}:{model_folder(model)}"

    return name


@pytest.fixture
def copied_folder(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> Callable[[str], tuple[str, Path]]:
    """A copy of a small model that the test may damage: its encoder's name, and its folder."""

    def copy(model: str) -> tuple[str, Path]:
        folder = tmp_path / model
        shutil.copytree(model_folder(model), folder)
        return f"{_BUILDERS[model][0]}:{folder}", folder

    return copy
