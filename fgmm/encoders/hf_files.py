"""Loading a model of transformers together with its preprocessing and its tokenizer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.fingerprint import hash_description
from fgmm.encoders.folders import find_weights, looks_like_path, read_json, require_mean_and_std
from fgmm.encoders.hub import Wanted, fetch_repository
from fgmm.errors import EncoderBroken, WeightsNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LoadedModel", "load_model", "load_preparation"]

_CONFIG = "config.json"
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_TOKENIZERS = ("tokenizer.json", "spiece.model", "vocab.json", "tokenizer.model")
_TOKENIZER_EXTRAS = ("tokenizer_config.json", "special_tokens_map.json", "merges.txt")
# what changes with the library that wrote the file, and not what a model computes
_VOLATILE = {
    "_name_or_path",
    "architectures",
    "dtype",
    "feature_extractor_type",
    "image_processor_type",
    "processor_class",
    "torch_dtype",
    "transformers_version",
}
_PROBE = "A photo of Gallirallus sylvestris, the Lord-Howe woodhen (1869): 12 cafe."


@dataclass(frozen=True)
class LoadedModel:
    """A model of transformers with what belongs to it; no tokenizer if it reads no texts."""

    name: str
    model: Any
    processor: Any
    tokenizer: Any = None
    description: dict[str, object] = field(default_factory=dict)


def load_model(source: str) -> LoadedModel:
    """Load a repository of the hub or a folder.

    Parameters
    ----------
    source : str
        As in `fgmm.encoders.hf.load_hf`.

    Returns
    -------
    LoadedModel
        In float32 on the processor.

    Raises
    ------
    EncoderBroken, EncoderNotFound, WeightsNotFound
        As in `fgmm.encoders.hf.load_hf`.
    """
    name = f"hf:{source}"
    folder = _find_folder(source, name)
    config = read_json(folder / _CONFIG, name=name, rule="transformers writes one with a model")
    preprocessing = _read_preprocessing(folder, name)
    weights = find_weights(folder, _WEIGHTS, name=name)
    reads_texts = "text_config" in config and "vision_config" in config
    if reads_texts and not any((folder / file).is_file() for file in _TOKENIZERS):
        raise EncoderBroken(
            f"encoder {name!r}: {folder} has no tokenizer for its text tower; it needs one of "
            f"{', '.join(_TOKENIZERS)}"
        )
    with _quiet():
        try:
            model, processor, tokenizer = _load(folder, reads_texts)
        except Exception as error:  # transformers raises whatever its parts do
            reason = " ".join(str(error).split())[:300]
            raise EncoderBroken(
                f"encoder {name!r}: transformers cannot load {weights}: {reason}"
            ) from error
    _check_kind(model, reads_texts, name)
    return LoadedModel(
        name,
        model,
        processor,
        tokenizer,
        {"architecture": _lasting(config), **_describe_preparation(preprocessing, tokenizer)},
    )


def load_preparation(
    folder: Path, name: str, reads_texts: bool
) -> tuple[Any, Any, dict[str, object]]:
    """Load what belongs to a model without the model.

    Parameters
    ----------
    folder : Path
    name : str
        The encoder's name, for messages.
    reads_texts : bool
        Whether there has to be a tokenizer.

    Returns
    -------
    tuple of processor, tokenizer or None, and their description

    Raises
    ------
    EncoderBroken
        If the preprocessing is missing or does not say how pictures are normalised.
    """
    preprocessing = _read_preprocessing(folder, name)
    processor, tokenizer = _load_preparation(folder, reads_texts)
    return processor, tokenizer, _describe_preparation(preprocessing, tokenizer)


def _describe_preparation(preprocessing: Any, tokenizer: Any) -> dict[str, object]:
    return {
        "preprocessing": _lasting(preprocessing),
        "tokenizer": _describe(tokenizer) if tokenizer is not None else None,
    }


def _find_folder(source: str, name: str) -> Path:
    if looks_like_path(source):
        folder = Path(source).expanduser()
        if not folder.is_dir():
            raise WeightsNotFound(f"encoder {name!r}: there is no folder {str(folder)!r}")
        return folder
    needed = ((_CONFIG,), _PROCESSORS, _WEIGHTS)
    extras = (*_TOKENIZERS, *_TOKENIZER_EXTRAS)
    folder = fetch_repository(source, Wanted(needed, extras), name=name, scheme="hf")
    config = read_json(folder / _CONFIG, name=name, rule="transformers writes one with a model")
    if "text_config" in config:  # somebody may have cached the model without its tokenizer
        return fetch_repository(
            source, Wanted((*needed, _TOKENIZERS), extras), name=name, scheme="hf"
        )
    return folder


def _read_preprocessing(folder: Path, name: str) -> dict[str, Any]:
    present = next((file for file in _PROCESSORS if (folder / file).is_file()), _PROCESSORS[0])
    rule = "The right preprocessing has to come with the weights"
    content = read_json(folder / present, name=name, rule=rule)
    preprocessing = content.get("image_processor", content)
    if preprocessing.get("do_normalize", True):
        keys = ("image_mean", "image_std")
        require_mean_and_std(preprocessing, keys, name=name, source=folder / present)
    return dict(preprocessing)


def _load(folder: Path, reads_texts: bool) -> tuple[Any, Any, Any]:
    import transformers as library

    transformers: Any = library
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    model, report = transformers.AutoModel.from_pretrained(
        folder, output_loading_info=True, **options
    )
    missing = sorted({*report["missing_keys"], *report["mismatched_keys"]})
    if missing:
        raise EncoderBroken(
            f"{len(missing)} weights are not in the file and would be random, first {missing[0]!r}"
        )
    return model.float(), *_load_preparation(folder, reads_texts)


def _load_preparation(folder: Path, reads_texts: bool) -> tuple[Any, Any]:
    import transformers as library

    transformers: Any = library
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    # Pillow's resizing is what CLIP and SigLIP were trained with
    if int(transformers.__version__.partition(".")[0]) >= 5:
        backend: dict[str, Any] = {"backend": "pil"}
    else:
        backend = {"use_fast": False}
    processor = transformers.AutoImageProcessor.from_pretrained(folder, **options, **backend)
    tokenizer = None
    if reads_texts:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
    return processor, tokenizer


def _check_kind(model: Any, reads_texts: bool, name: str) -> None:
    kind = model.config.model_type
    two_towers = all(
        hasattr(model, part) for part in ("get_text_features", "vision_model", "logit_scale")
    )
    if reads_texts and not two_towers:
        raise EncoderBroken(
            f"encoder {name!r}: a model of type {kind!r} does not put pictures and texts into one "
            "space the way CLIP does; of transformers fgmm takes CLIP, SigLIP and SigLIP 2"
        )
    if not reads_texts and model.main_input_name != "pixel_values":
        raise EncoderBroken(
            f"encoder {name!r}: a model of type {kind!r} takes {model.main_input_name!r}, no "
            "pictures"
        )


def _lasting(description: Any) -> Any:
    if isinstance(description, dict):
        return {key: _lasting(value) for key, value in description.items() if key not in _VOLATILE}
    return description


def _describe(tokenizer: Any) -> str:
    numbers = tokenizer([_PROBE])["input_ids"]
    return hash_description({"vocabulary": tokenizer.get_vocab(), "probe": numbers})


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from drawing its own progress bar over a load of seconds."""
    from transformers.utils import logging as library_logging

    logging: Any = library_logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
