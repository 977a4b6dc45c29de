"""A whole encoder as a folder, in the format of the library that it is of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.hf import HfEncoder
from fgmm.encoders.hf_images import HfImageEncoder
from fgmm.encoders.openclip import OpenClipEncoder
from fgmm.encoders.openclip_files import find_source
from fgmm.encoders.tiny import TinyEncoder, find_folder
from fgmm.errors import TrainingError

if TYPE_CHECKING:
    import os

    from fgmm.encoders.neural import NeuralImageEncoder

__all__ = ["write_model"]

_TOKENIZER = ("*token*", "*.model", "vocab*", "merges.txt")
_SEEN = ("mean", "std", "interpolation", "resize_mode", "size", "mode", "fill_color")


def write_model(encoder: NeuralImageEncoder, folder: str | os.PathLike[str]) -> str:
    """Write an encoder that `fgmm.load_encoder` opens.

    Parameters
    ----------
    encoder : NeuralImageEncoder
        Of open_clip or transformers.
    folder : path
        Must not exist, or be empty. It is there only when it is whole.

    Returns
    -------
    str
        What to give `fgmm.load_encoder`: ``openclip:`` or ``hf:`` and the folder.

    Raises
    ------
    TrainingError
        If something is there already, or the encoder is of another library.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise TrainingError(f"{target} is there already: give a folder that is not, or is empty")
    draft = target.with_name(f".{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        if isinstance(encoder, OpenClipEncoder):
            scheme = "openclip"
            _write_openclip(encoder, draft)
        elif isinstance(encoder, (HfEncoder, HfImageEncoder)):
            scheme = "hf"
            _write_hf(encoder, draft)
        else:
            raise TrainingError(f"{type(encoder).__name__} has no format of folder")
        if target.exists():
            target.rmdir()
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return f"{scheme}:{target}"


def _write_openclip(encoder: OpenClipEncoder, folder: Path) -> None:
    from safetensors.torch import save_file

    tiny = isinstance(encoder, TinyEncoder)
    source = str(find_folder()) if tiny else encoder.name.partition(":")[2]
    found = find_source(source, encoder.name)
    model: Any = encoder._model
    seen = model.visual.preprocess_cfg
    config = {
        "model_cfg": found.architecture,
        "preprocess_cfg": {key: seen[key] for key in _SEEN if seen.get(key) is not None},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    weights = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors", {"format": "pt"})
    for pattern in _TOKENIZER if found.tokenizer is not None else ():
        for file in sorted(Path(found.tokenizer or "").glob(pattern)):
            if file.is_file():
                shutil.copyfile(file, folder / file.name)


def _write_hf(encoder: HfEncoder | HfImageEncoder, folder: Path) -> None:
    model: Any = encoder._model
    model.save_pretrained(folder)
    encoder._processor.save_pretrained(folder)
    tokenizer = getattr(encoder, "_tokenizer", None)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
