"""The embedded encoder: trained by this project, shipped with it, in need of no network."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import TYPE_CHECKING

from fewshot import Background
from fgmm.embeddings import check_space
from fgmm.encoders.inputs import check_layer
from fgmm.encoders.openclip import OpenClipEncoder
from fgmm.errors import EncoderNotFound, WeightsNotFound

if TYPE_CHECKING:
    import torch

    from fgmm.encoders.base import Layer
    from fgmm.encoders.registry import OnLong

__all__ = ["TinyEncoder"]


class TinyEncoder(OpenClipEncoder):
    """The encoder that comes with fgmm, in open_clip's folder format.

    Parameters
    ----------
    rest : str
        Nothing may stand after its name.
    device, dtype, on_long
        As in `fgmm.load_encoder`.

    Attributes
    ----------
    notice : str
        What it is, and how to use a full CLIP instead. `fgmm.load_encoder` says it once: in a
        log line of level INFO, or WARNING where no encoder was named and this is the default.

    Raises
    ------
    WeightsNotFound
        If this copy of fgmm came without its weights.
    """

    notice = (
        "'tiny' is the small encoder that comes with fgmm: for trying out, for tests, and for "
        "pictures like those it was trained on. For real work load a full CLIP, such as "
        "'openclip:ViT-B-16/openai' or 'openclip:/path/to/folder'"
    )

    def __init__(
        self,
        rest: str = "",
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        on_long: OnLong = "error",
    ) -> None:
        if rest:
            raise EncoderNotFound(f"no encoder 'tiny:{rest}': nothing stands after 'tiny'")
        folder = find_folder()
        super().__init__(str(folder), device=device, dtype=dtype, on_long=on_long, name="tiny")

    def background(self, layer: Layer = "features") -> Background:
        """What this encoder's vectors look like in general, as shipped with it.

        Parameters
        ----------
        layer : {"joint", "features"}, default="features"
            Whose vectors: features are the better ones for comparing photos with photos.

        Returns
        -------
        fewshot.Background
            float32. Fitted on pictures that no weight was fitted to; ``source`` names them.

        Raises
        ------
        ValueError
            If there is no such layer.
        WeightsNotFound
            If this copy of fgmm came without it.
        SpaceMismatch
            If the file beside the weights belongs to other weights.
        """
        from safetensors import safe_open

        check_layer(layer)
        file = find_folder() / "background.safetensors"
        if not file.is_file():
            raise WeightsNotFound(f"encoder 'tiny': its background is missing: there is no {file}")
        with safe_open(file, "pt") as stored:
            about = stored.metadata()
            mean, within, total = (
                stored.get_tensor(f"{layer}.{key}") for key in ("mean", "within", "total")
            )
        space = json.loads(about["spaces"])[layer]
        check_space(self._space_of(layer), space)
        return Background(mean, within, total, int(about["n"]), space, about["source"])


def find_folder() -> Path:
    """Find the shipped weights.

    Returns
    -------
    Path
        The folder; it need not be open_clip's alone.

    Raises
    ------
    WeightsNotFound
        If this copy of fgmm came without them.
    """
    folder = Path(str(importlib.resources.files("fgmm"))) / "weights" / "tiny"
    if not (folder / "open_clip_config.json").is_file():
        raise WeightsNotFound(
            "encoder 'tiny': this copy of fgmm came without its weights, which belong in "
            f"{folder}. Install fgmm from its wheel, or load another encoder: 'fake' needs no "
            "weights, 'openclip:ViT-B-16/openai' is a full CLIP"
        )
    return folder
