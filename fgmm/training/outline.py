"""What a training is going to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fgmm.encoders.inputs import check_lengths
from fgmm.encoders.registry import load_encoder, name_encoder
from fgmm.errors import TrainingError
from fgmm.plurals import counted
from fgmm.training.batches import Batches
from fgmm.training.plan import TuningPlan
from fgmm.training.trainee import Trainee

if TYPE_CHECKING:
    import torch

    from fgmm.encoders.base import ImageEncoder
    from fgmm.training.pairs import Pairs

__all__ = ["Outline", "outline_training", "prepare_trainee"]


@dataclass(frozen=True, slots=True)
class Outline:
    """What a training will do, before it does anything.

    Parameters
    ----------
    encoder : str
        Its name.
    loss : {"clip", "siglip", "prototypes"}
    pictures, held_out, texts, classes : int
        How many there are; pictures are those to learn from.
    learning, all_parameters : int
        Numbers that learn, and all of the encoder.
    wrapped, left_out : tuple of str
        Layers with LoRA, and layers that cannot have it.
    steps, batch : int
    epochs : float
        How often each picture is shown.
    """

    encoder: str
    loss: str
    pictures: int
    held_out: int
    texts: int
    classes: int
    learning: int
    all_parameters: int
    wrapped: tuple[str, ...]
    left_out: tuple[str, ...]
    steps: int
    batch: int
    epochs: float


def outline_training(
    encoder: str | ImageEncoder,
    pairs: Pairs,
    plan: TuningPlan | None = None,
    *,
    device: str | torch.device = "auto",
) -> Outline:
    """Say what `tune_encoder` would do; pictures are not read.

    Parameters
    ----------
    encoder : str or ImageEncoder
    pairs : Pairs
    plan : TuningPlan, optional
    device : str or torch.device, default="auto"

    Returns
    -------
    Outline

    Raises
    ------
    TrainingError, TextTooLong, MissingExtra
        As in `tune_encoder`.
    """
    model = load_encoder(encoder, device=device)
    trainee, plan = prepare_trainee(model, pairs, plan or TuningPlan())
    learned, held_out = pairs.split(plan.validation, plan.seed)
    batches = Batches(learned, plan)
    parameters = list(trainee.parameters())
    learning = sum(p.numel() for p in parameters if p.requires_grad)
    added = sum(p.numel() for n, p in trainee.named_parameters() if "lora_" in n or "spare_" in n)
    return Outline(
        name_encoder(encoder),
        trainee.loss,
        len(learned),
        0 if held_out is None else len(held_out),
        len(pairs.texts),
        len(pairs.classes),
        learning,
        sum(p.numel() for p in parameters) - added,
        trainee.places.wrapped,
        trainee.places.left_out,
        plan.steps,
        plan.batch,
        plan.steps / batches.steps_an_epoch,
    )


def prepare_trainee(model: Any, pairs: Pairs, plan: TuningPlan) -> tuple[Trainee, TuningPlan]:
    """Make what is to learn, and refuse texts it cannot read and losses that have no texts.

    Parameters
    ----------
    model : ImageEncoder
    pairs : Pairs
    plan : TuningPlan

    Returns
    -------
    trainee : Trainee
    plan : TuningPlan
        With pictures of a class together where the loss needs that.
    """
    if plan.loss == "prototypes" or not hasattr(model, "encode_texts"):
        plan = replace(plan, per_class=plan.per_class or 4)
    trainee = Trainee(model, plan)
    if trainee.loss == "prototypes":
        if plan.per_class < 2:
            raise TrainingError(
                f"per_class is {plan.per_class}: the loss 'prototypes' compares pictures of a "
                "class, so two of each have to come together"
            )
        return trainee, plan
    wordless = [pair.title for pair in pairs.items if not pair.texts]
    if wordless:
        raise TrainingError(
            f"{wordless[0]} has no text ({counted(len(wordless), 'picture')} without): loss "
            f"{trainee.loss!r} needs one; loss 'prototypes' does not"
        )
    texts, reader = pairs.texts, trainee.encoder
    counts = reader._count_tokens(texts)  # type: ignore[attr-defined]
    limit = reader.context_length  # type: ignore[attr-defined]
    check_lengths(texts, counts, limit, name=reader.name, on_long="error")
    return trainee, plan
