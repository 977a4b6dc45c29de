"""Encoders of timm: image towers without words."""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.encoders.fingerprint import choose_keys
from fgmm.encoders.folders import find_weights, looks_like_path, read_json, require_mean_and_std
from fgmm.encoders.hub import Wanted, fetch_repository
from fgmm.encoders.neural import NeuralImageEncoder
from fgmm.errors import EncoderBroken, EncoderNotFound, WeightsNotFound

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.neural import Prepared
    from fgmm.encoders.registry import OnLong

__all__ = ["TimmImageEncoder"]

_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# of what timm fills in: all that decides which pixels the network is shown
_SEEN = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")
# nothing but the folder's own file is to be read
_ELSEWHERE = {"url", "hf_hub_id", "hf_hub_filename", "source", "state_dict", "custom_load", "file"}


class TimmImageEncoder(NeuralImageEncoder):
    """A model of timm, up to its classifier. It reads no texts.

    Parameters
    ----------
    source : str
        A model of timm's with its tag (``vit_small_patch14_dinov2.lvd142m``; without a tag
        timm's default), ``hf-hub:owner/name``, or a folder as timm saves it: ``config.json``
        with ``pretrained_cfg``, and ``model.safetensors``.
    device, dtype
        As in `fgmm.load_encoder`.
    on_long
        Taken and not used.

    Attributes
    ----------
    space : str
        Fingerprint of architecture, weights and preprocessing.
    dim : int
        Length of a vector.

    Raises
    ------
    EncoderNotFound
        If timm has no such model or tag; the message gives the nearest.
    WeightsNotFound
        If the files are neither here nor to be had.
    EncoderBroken
        If they do not make a whole encoder, or hold more than tensors.

    Notes
    -----
    There is no projection: ``layer="features"`` gives the same vectors, under the name of a
    space of its own.
    """

    def __init__(
        self,
        source: str,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        on_long: OnLong = "error",
    ) -> None:
        import timm
        from timm import data

        device, dtype = choose_device(device), choose_dtype(dtype)
        name = f"timm:{source}"
        folder = _find_folder(source, name)
        architecture, pretrained, arguments = _read_config(folder, name)
        weights = find_weights(folder, _WEIGHTS, name=name)
        try:
            # with its classifier, so that every single weight has to be in the file
            model: Any = timm.create_model(
                architecture,
                pretrained=True,
                pretrained_cfg=pretrained,
                pretrained_cfg_overlay={"file": str(weights)},
                **arguments,
            )
            model.reset_classifier(0)
            library: Any = data
            seen = library.resolve_model_data_config(model)
            self._seen = choose_keys(seen, _SEEN)
            self._transform = library.create_transform(**seen, is_training=False)
        except Exception as error:  # timm raises whatever its parts do
            reason = " ".join(str(error).split())[:300]
            raise EncoderBroken(
                f"encoder {name!r}: timm cannot build {architecture!r} from {weights}: {reason}"
            ) from error
        super().__init__(
            name,
            model,
            library="timm",
            dim=int(getattr(model, "head_hidden_size", None) or model.num_features),
            description={
                "architecture": architecture,
                "arguments": arguments,
                "preprocessing": self._seen,
            },
            device=device,
            dtype=dtype,
        )

    def _prepare(self, image: Image) -> Prepared:
        return {"image": self._transform(image)}

    def _write_preparing(self, folder: Path) -> dict[str, Any]:
        return {"library": "timm", "preprocessing": self._seen, "text": None}

    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor:
        vectors: Tensor = self._model(batch["image"])
        return vectors


def _find_folder(source: str, name: str) -> Path:
    import timm

    if not source:
        raise EncoderNotFound(
            "'timm' needs a model after the colon: 'timm:resnet50.a1_in1k' or "
            "'timm:/path/to/folder'"
        )
    wanted = Wanted(((_CONFIG,), _WEIGHTS))
    if source.startswith("hf-hub:"):
        return fetch_repository(source.removeprefix("hf-hub:"), wanted, name=name, scheme="timm")
    if not timm.is_model(source.partition(".")[0]):
        path = source.removeprefix("local-dir:")
        if path == source and not looks_like_path(source):
            raise EncoderNotFound(f"timm has no model {source!r}. {_nearest(source)}")
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise WeightsNotFound(f"encoder {name!r}: there is no folder {str(folder)!r}")
        return folder
    known = timm.list_models(source.partition(".")[0] + ".*", pretrained=True)
    if "." in source and source not in known:
        raise EncoderNotFound(f"timm has no weights {source!r}. {_nearest(source)}")
    tagged = timm.get_pretrained_cfg(source) if known else None
    if tagged is None or not tagged.hf_hub_id:
        raise WeightsNotFound(
            f"encoder {name!r}: timm offers no weights for {source!r} on the hub. Pass a folder as "
            "timm saves it: 'timm:/path/to/folder'"
        )
    return fetch_repository(tagged.hf_hub_id, wanted, name=name, scheme="timm")


def _read_config(folder: Path, name: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    from timm.models import PretrainedCfg

    rule = f"A timm folder has a {_CONFIG} with 'architecture' and 'pretrained_cfg'"
    config = read_json(folder / _CONFIG, name=name, rule=rule)
    architecture = config.get("architecture")
    if not isinstance(architecture, str):
        raise EncoderBroken(f"encoder {name!r}: {folder / _CONFIG} has no 'architecture'. {rule}")
    pretrained = dict(config.get("pretrained_cfg") or config)  # once all was in one dictionary
    require_mean_and_std(pretrained, ("mean", "std"), name=name, source=folder / _CONFIG)
    if "num_classes" in config:
        pretrained["num_classes"] = config["num_classes"]
    known = {field.name for field in dataclasses.fields(PretrainedCfg)} - _ELSEWHERE
    pretrained = {key: value for key, value in pretrained.items() if key in known}
    return architecture, pretrained, dict(config.get("model_args") or {})


def _nearest(name: str) -> str:
    import timm

    known = timm.list_models(pretrained=True)
    tagless = sorted({one.partition(".")[0] for one in known})
    near = difflib.get_close_matches(name, known, n=3) or difflib.get_close_matches(name, tagless)
    return f"Nearest: {', '.join(repr(f'timm:{one}') for one in near)}" if near else ""
