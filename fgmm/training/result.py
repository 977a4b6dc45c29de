"""What a training gave: an adapter or a model on disk, and an encoder to use."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.registry import load_encoder
from fgmm.errors import SpaceMismatch, TrainingError
from fgmm.training.adapters import load_into
from fgmm.training.encoder_copies import copy_encoder, settle
from fgmm.training.model_folder import write_model
from fgmm.training.records import draw_progress

if TYPE_CHECKING:
    import os

    import torch

    from fgmm.encoders.base import ImageEncoder
    from fgmm.encoders.neural import NeuralImageEncoder
    from fgmm.training.records import Record
    from fgmm.training.trainee import Trainee

__all__ = ["TunedEncoder", "load_adapter", "merge_adapter", "write_result"]

_ABOUT = "fgmm_adapter.json"
_FORMAT = "fgmm-adapter-1"


@dataclass(frozen=True, slots=True, eq=False)
class TunedEncoder:
    """An encoder that has learned.

    Parameters
    ----------
    folder : Path
        Of the training: ``log.csv``, ``curves.png``, ``plan.json``, ``skipped.csv`` where a
        picture was left out, ``adapter`` or ``model``, and the checkpoint.
    base : NeuralImageEncoder
        What it was made from.
    trainee : Trainee
        With the weights that were kept.
    records : tuple of Record
        The first is from before the first step.
    best_step : int
        Whose weights were kept: the last, or the best where pictures were held out.
    skipped : tuple of (str, str)
        Pictures that could not be read, and why.
    """

    folder: Path
    base: Any
    trainee: Trainee
    records: tuple[Record, ...]
    best_step: int
    skipped: tuple[tuple[str, str], ...]

    @property
    def best(self) -> Record:
        """The record of the weights that were kept."""
        return next(record for record in self.records if record.step == self.best_step)

    def encoder(self) -> NeuralImageEncoder:
        """Give it as an encoder, for `fgmm.classify` and all others.

        Returns
        -------
        NeuralImageEncoder
            Its space is another than the base's.
        """
        return self.trainee.settled()

    def write_model(self, folder: str | os.PathLike[str]) -> str:
        """Write it whole, in the format of its library.

        Parameters
        ----------
        folder : path
            Must not exist, or be empty.

        Returns
        -------
        str
            Its name for `fgmm.load_encoder`.
        """
        return write_model(self.encoder(), folder)


def write_result(result: TunedEncoder, pairs: str, pictures: int) -> None:
    """Write what is kept of a training: the drawing, and the adapter or the model.

    Parameters
    ----------
    result : TunedEncoder
    pairs : str
        Name of what it learned from.
    pictures : int
        How many.
    """
    folder, trainee = result.folder, result.trainee
    title = f"{result.base.name} on {pairs}"
    draw_progress(result.records, folder / "curves.png", title, result.best_step)
    if trainee.adapter is None:
        shutil.rmtree(folder / "model", ignore_errors=True)
        write_model(result.encoder(), folder / "model")
        return
    draft, target = folder / ".adapter.part", folder / "adapter"
    shutil.rmtree(draft, ignore_errors=True)
    # not asking the hub for the base's configuration, which "auto" would
    trainee.adapter.save_pretrained(draft, save_embedding_layers=False)
    (draft / "README.md").unlink(missing_ok=True)  # a form that nobody has filled in
    network: Any = trainee.network
    bias = getattr(network, "logit_bias", None)
    told = {
        "format": _FORMAT,
        "encoder": result.base.name,
        "space": result.base.space,
        "logit_scale": float(network.logit_scale.detach()) if trainee.reads_texts else None,
        "logit_bias": None if bias is None else float(bias.detach()),
        "pairs": pairs,
        "pictures": pictures,
        "steps": result.best_step,
        "plan": trainee.plan.as_dict(),
        "wrapped": list(trainee.places.wrapped),
    }
    (draft / _ABOUT).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    draft.replace(target)


def load_adapter(
    folder: str | os.PathLike[str],
    encoder: str | ImageEncoder | None = None,
    *,
    device: str | torch.device = "auto",
) -> NeuralImageEncoder:
    """Load an encoder with what an adapter has learned.

    Parameters
    ----------
    folder : path
        The ``adapter`` of a training's folder.
    encoder : str or ImageEncoder, optional
        What it was trained on; by default of the name it had then.
    device : str or torch.device, default="auto"

    Returns
    -------
    NeuralImageEncoder

    Raises
    ------
    TrainingError
        If it is no adapter of fgmm, or does not fit.
    SpaceMismatch
        If the encoder is another than the one it was trained on.
    MissingExtra
        If peft is not installed.
    """
    where = Path(folder)
    try:
        told = json.loads((where / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{where} is no adapter of fgmm: {error}") from error
    if not isinstance(told, dict) or told.get("format") != _FORMAT:
        raise TrainingError(f"{where} is no adapter of fgmm: {_ABOUT} is another file")
    base = load_encoder(told["encoder"] if encoder is None else encoder, device=device)
    if base.space != told["space"]:
        raise SpaceMismatch(
            f"the adapter in {where} was trained on {told['encoder']!r} with other weights or "
            f"preprocessing ({told['space']}) than those given ({base.space}): give that encoder"
        )
    found = copy_encoder(base)
    load_into(found._model, where, told["wrapped"])
    for name in ("logit_scale", "logit_bias"):
        if told[name] is not None:
            getattr(found._model, name).data.fill_(told[name])
    return settle(found)


def merge_adapter(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    encoder: str | ImageEncoder | None = None,
) -> str:
    """Write an encoder and what an adapter has learned as one model.

    Parameters
    ----------
    folder : path
        Of the adapter.
    out : path
        Must not exist, or be empty.
    encoder : str or ImageEncoder, optional
        As in `load_adapter`.

    Returns
    -------
    str
        Its name for `fgmm.load_encoder`.

    Raises
    ------
    TrainingError, SpaceMismatch, MissingExtra
        As in `load_adapter`, and if something is in ``out`` already.
    """
    return write_model(load_adapter(folder, encoder, device="cpu"), out)
