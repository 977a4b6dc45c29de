"""open_clip's tokenizers, made to count before they cut."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Protocol

from fgmm.encoders.fingerprint import hash_description
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

__all__ = ["Tokenizer", "copy_tokenizer", "load_tokenizer"]

_PROBE = "A photo of Gallirallus sylvestris, the Lord-Howe woodhen (1869): ½ café, 木鸡!"
_FILES = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
_MORE_FILES = ("sentencepiece.bpe.model",)
_COPIED = ("*token*.json", "vocab.*", "merges.txt", "*.model")


class Tokenizer(Protocol):
    """Texts to token numbers, and their number before anything is cut."""

    context_length: int
    description: str

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens counted, nothing cut."""
        ...

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Token numbers, (n, context_length) int64; cut where too long."""
        ...


def load_tokenizer(text_cfg: Mapping[str, Any], folder: Path | None, *, name: str) -> Tokenizer:
    """Load the tokenizer that a text tower's configuration asks for.

    Parameters
    ----------
    text_cfg : mapping
        ``text_cfg`` of an open_clip model.
    folder : Path, optional
        Where a Hugging Face tokenizer's files are; CLIP's own where None.
    name : str
        The encoder's name, for messages.

    Raises
    ------
    EncoderBroken
        If the files are missing, are no tokenizer, or want to run code of their own.
    """
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    context_length = int(text_cfg.get("context_length", 77))
    options = dict(text_cfg.get("tokenizer_kwargs") or {})
    if folder is None:
        options.pop("reduction_mask", None)  # cuts at random what is too long: training only
        return _SimpleText(SimpleTokenizer(context_length=context_length, **options))
    if not any((folder / file).is_file() for file in (*_FILES, *_MORE_FILES)):
        raise EncoderBroken(
            f"encoder {name!r}: {folder} has no tokenizer, which its text_cfg asks for with "
            f"'hf_tokenizer_name'; it needs one of {', '.join(_FILES)}"
        )
    if options.pop("trust_remote_code", False):
        raise EncoderBroken(
            f"encoder {name!r}: its tokenizer_kwargs ask to run code from {folder}; "
            "only tokenizers that transformers itself knows are loaded"
        )
    try:
        tokenizer = HFTokenizer(
            str(folder),
            context_length=context_length,
            tokenizer_mode=text_cfg.get("tokenizer_mode"),
            trust_remote_code=False,
            local_files_only=True,
            **options,
        )
    except Exception as error:  # transformers raises whatever its parts do
        reason = " ".join(str(error).split())[:300]
        raise EncoderBroken(
            f"encoder {name!r}: the tokenizer in {folder} does not load: {reason}"
        ) from error
    return _HuggingFaceText(tokenizer)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy a Hugging Face tokenizer's files, and nothing else of a model's folder."""
    for pattern in _COPIED:
        for file in source.glob(pattern):
            shutil.copyfile(file, folder / file.name)


class _SimpleText:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.context_length = int(tokenizer.context_length)
        self.description = _describe(tokenizer, tokenizer.encoder)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode(text)) + 2 for text in texts]

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        tokens: Tensor = self._tokenizer(list(texts))
        return tokens


class _HuggingFaceText:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.context_length = int(tokenizer.context_length)
        self.description = _describe(tokenizer, tokenizer.tokenizer.get_vocab())

    def count(self, texts: Sequence[str]) -> list[int]:
        cleaned = [self._tokenizer.clean_fn(text) for text in texts]
        clips = self._tokenizer.tokenizer_mode == "clips"
        encoded = self._tokenizer.tokenizer(
            cleaned, add_special_tokens=not clips, padding=False, truncation=False, verbose=False
        )
        # in that mode open_clip adds a beginning, an end and a class token itself
        return [len(tokens) + (3 if clips else 0) for tokens in encoded["input_ids"]]

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        tokens: Tensor = self._tokenizer(list(texts))
        return tokens


def _describe(tokenizer: Any, vocabulary: Mapping[str, int]) -> str:
    numbers = tokenizer([_PROBE]).tolist()
    return hash_description({"vocabulary": dict(vocabulary), "probe": numbers})
