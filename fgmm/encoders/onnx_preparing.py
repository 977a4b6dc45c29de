"""What goes before an exported network: a picture's preprocessing and a text's tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmm.encoders.folders import require_mean_and_std
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from PIL.Image import Image
    from torch import Tensor

__all__ = ["Preparing", "load_preparing"]

_LARGEST = 4096  # pixels a side: a folder must not ask for pictures that fill the memory


@dataclass(frozen=True)
class Preparing:
    """Pictures and texts, made into what a network takes.

    ``picture`` gives the inputs of one picture, ``texts`` those of several texts, and ``count``
    their tokens before any is cut. ``description`` is what the results depend on.
    """

    picture: Callable[[Image], dict[str, Tensor]]
    texts: Callable[[Sequence[str]], dict[str, Tensor]] | None
    count: Callable[[Sequence[str]], list[int]] | None
    description: Mapping[str, object]


def load_preparing(about: Mapping[str, Any], folder: Path, *, name: str) -> Preparing:
    """Load what an export wrote about pictures and texts.

    Parameters
    ----------
    about : mapping
        With "library", "preprocessing" and, where there are texts, "text".
    folder : Path
        Where the tokenizer's files are.
    name : str
        The encoder's name, for messages.

    Raises
    ------
    EncoderBroken
        If something is missing, or does not load.
    """
    library = about.get("library")
    load = _LOADERS.get(library) if isinstance(library, str) else None
    if load is None:
        raise EncoderBroken(
            f"encoder {name!r}: its pictures are prepared as {library!r} does, which is none of "
            f"{', '.join(_LOADERS)}"
        )
    try:
        return load(about, folder, name)
    except EncoderBroken:
        raise
    except Exception as error:  # the libraries raise whatever their parts do
        reason = " ".join(str(error).split())[:300]
        raise EncoderBroken(
            f"encoder {name!r}: its preprocessing or tokenizer does not load: {reason}"
        ) from error


def _load_openclip(about: Mapping[str, Any], folder: Path, name: str) -> Preparing:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    from fgmm.encoders.openclip_text import load_tokenizer

    seen = dict(about["preprocessing"])
    require_mean_and_std(seen, ("mean", "std"), name=name, source=folder)
    _check_size(seen.get("size"), name)
    transform: Any = image_transform_v2(PreprocessCfg(**seen), is_train=False)
    config = about["text"]
    own = folder if config.get("hf_tokenizer_name") else None
    tokenizer = load_tokenizer(config, own, name=name)
    return Preparing(
        lambda image: {"image": transform(image)},
        lambda texts: {"text": tokenizer.tokenize(texts)},
        tokenizer.count,
        {"preprocessing": seen, "tokenizer": tokenizer.description},
    )


def _load_timm(about: Mapping[str, Any], folder: Path, name: str) -> Preparing:
    from timm import data

    library: Any = data
    seen = dict(about["preprocessing"])
    require_mean_and_std(seen, ("mean", "std"), name=name, source=folder)
    _check_size(seen["input_size"], name)
    transform = library.create_transform(
        **{**seen, "input_size": tuple(seen["input_size"])}, is_training=False
    )
    return Preparing(lambda image: {"image": transform(image)}, None, None, {"preprocessing": seen})


def _load_hf(about: Mapping[str, Any], folder: Path, name: str) -> Preparing:
    from fgmm.encoders.hf_files import load_preparation
    from fgmm.encoders.hf_images import prepare_picture

    config = about["text"]
    processor, tokenizer, description = load_preparation(folder, name, config is not None)

    def tokenize(texts: Sequence[str]) -> dict[str, Tensor]:
        encoded = tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=int(config["context_length"]),
            return_tensors="pt",
        )
        return {key: encoded[key] for key in config["inputs"]}

    def count(texts: Sequence[str]) -> list[int]:
        encoded = tokenizer(list(texts), padding=False, truncation=False, verbose=False)
        return [len(tokens) for tokens in encoded["input_ids"]]

    return Preparing(
        lambda image: prepare_picture(processor, image),
        tokenize if config is not None else None,
        count if config is not None else None,
        description,
    )


def _check_size(size: Any, name: str) -> None:
    sides = size if isinstance(size, (list, tuple)) else [size]
    if not all(type(side) is int and 0 < side <= _LARGEST for side in sides):
        raise EncoderBroken(
            f"encoder {name!r}: its pictures are to be {size!r} pixels a side; that has to be a "
            f"whole number from 1 to {_LARGEST}"
        )


_LOADERS: dict[str, Callable[[Mapping[str, Any], Path, str], Preparing]] = {
    "hf": _load_hf,
    "openclip": _load_openclip,
    "timm": _load_timm,
}
