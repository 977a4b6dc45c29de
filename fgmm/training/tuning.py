"""Training an encoder on one's own pictures and texts: read this file first."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fewshot.training.processes import Processes
from fgmm.encoders.device import choose_device
from fgmm.encoders.registry import load_encoder, name_encoder
from fgmm.errors import TrainingError
from fgmm.training.batches import Batches, PictureViews
from fgmm.training.outline import prepare_trainee
from fgmm.training.picture_checks import find_unreadable, write_skipped
from fgmm.training.plan import TuningPlan
from fgmm.training.result import TunedEncoder, write_result
from fgmm.training.run import CHECKPOINT, Run
from fgmm.training.teaching import Teaching

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from fgmm.embedding.stores import CacheChoice
    from fgmm.encoders.base import ImageEncoder
    from fgmm.training.pairs import Pairs
    from fgmm.training.records import Record

__all__ = ["tune_encoder"]

_log = logging.getLogger(__name__)
_READERS = 8


def tune_encoder(
    encoder: str | ImageEncoder,
    pairs: Pairs,
    folder: str | os.PathLike[str],
    *,
    plan: TuningPlan | None = None,
    teacher: str | ImageEncoder | None = None,
    cache: CacheChoice = None,
    resume: bool = False,
    device: str | torch.device = "auto",
    workers: int | None = None,
    tensorboard: bool = False,
    progress: bool = True,
    watch: Callable[[Record], None] | None = None,
) -> TunedEncoder:
    """Train an encoder on pictures with texts; its own files stay as they are.

    Parameters
    ----------
    encoder : str or ImageEncoder
        Of open_clip or transformers.
    pairs : Pairs
        From `read_folder_pairs`, `read_table_pairs`, `read_shard_pairs`, `pair_labelled` or
        `pair_with_graph`.
    folder : path
        Where checkpoint, log, drawing and result are kept.
    plan : TuningPlan, optional
        What learns, how, and how long.
    teacher : str or ImageEncoder, optional
        A larger encoder to learn from as well.
    cache : EmbeddingCache, path or bool, optional
        Where the teacher's vectors are kept, by the content of pictures; True is the user's own.
    resume : bool, default=False
        Go on with what was interrupted in the folder, to the weights it would have reached: the
        very same on a processor.
    device : str or torch.device, default="auto"
        Where an encoder that is given by name computes.
    workers : int, optional
        Processes that read pictures; 0: this one. By default 0 on a processor, else one a core and
        eight at most.
    tensorboard : bool, default=False
        Whether a log for it is kept in the folder too.
    progress : bool, default=True
        Show a bar on a terminal when it takes more than two seconds.
    watch : callable, optional
        Called with each `Record`, in the first process, once its checkpoint is written.

    Returns
    -------
    TunedEncoder

    Raises
    ------
    TrainingError
        If there is nothing to learn or to learn from, or the folder holds a training.
    TrainingDiverged
        If the loss or its gradient is not finite; the message names the pictures.
    TextTooLong
        If a text is longer than the encoder reads: none is ever cut.
    MissingExtra
        If an optional package is needed and not installed.

    Notes
    -----
    Every picture is read once before the first step. Those that cannot be read are listed in
    ``skipped.csv`` and left out; one that fails later stops the training.

    With several processes (``torchrun``, ``accelerate launch``) each computes its share of a batch,
    losses are over the whole, and all end with the same weights.
    """
    folder, plan = Path(folder), plan or TuningPlan()
    given = getattr(encoder, "_device", None)
    processes = Processes(choose_device(device) if given is None else given)
    if processes.size > 1:
        device = processes.device
        encoder = encoder if given is None or given == device else name_encoder(encoder)
    model = load_encoder(encoder, device=device)
    trainee, plan = prepare_trainee(model, pairs, plan)
    started = (folder / CHECKPOINT).is_file()
    if started and not resume:
        raise TrainingError(f"{folder} holds a training already: resume it, or give another folder")
    if resume and not started:
        raise TrainingError(f"there is nothing to resume: {folder} has no {CHECKPOINT}")
    readable, skipped = _readable(pairs, folder, resume, processes, progress)
    learned, held_out = readable.split(plan.validation, plan.seed)
    teaching = None
    if teacher is not None:
        taught = load_encoder(teacher, device=processes.device)
        teaching = Teaching(
            taught, learned, plan.distil, cache=cache, device=processes.device, progress=progress
        )
    if workers is None:
        workers = 0 if processes.device.type == "cpu" else min(_READERS, os.cpu_count() or 1)
    told = (model.space, readable.mark, teaching.space if teaching else "")
    run = Run(
        trainee,
        Batches(learned, plan),
        PictureViews(learned, trainee.encoder, plan),
        None if held_out is None else PictureViews(held_out, trainee.encoder),
        processes,
        folder,
        teaching=teaching,
        mark=hashlib.sha256(repr(told).encode()).hexdigest()[:16],
        workers=workers,
    )
    if resume:
        run.take_up()
    elif processes.first:
        folder.mkdir(parents=True, exist_ok=True)
        write_skipped(skipped, folder / "skipped.csv")
        text = json.dumps(plan.as_dict(), indent=2)
        (folder / "plan.json").write_text(text + "\n", encoding="utf-8")
    run.go(tensorboard, progress, watch)
    trainee.take(run.best)
    result = TunedEncoder(
        folder, model, trainee.eval(), tuple(run.records), run.best_step, tuple(skipped)
    )
    if processes.first:
        write_result(result, pairs.name, len(learned))
    return result


def _readable(
    pairs: Pairs, folder: Path, resume: bool, processes: Processes, progress: bool
) -> tuple[Pairs, list[tuple[str, str]]]:
    """Leave out pictures that cannot be read; those that were left out before, when resuming."""
    import csv

    if resume:
        skipped: list[tuple[str, str]] = []
        if (folder / "skipped.csv").is_file():
            with (folder / "skipped.csv").open(encoding="utf-8", newline="") as file:
                skipped = [(row[0], row[1]) for row in csv.reader(file)][1:]
        titles = {title for title, _ in skipped}
        rows = [row for row, pair in enumerate(pairs.items) if pair.title in titles]
        return pairs.without(rows), skipped
    found = find_unreadable(pairs, progress=progress) if processes.first else {}
    told = processes.agree([float(row in found) for row in range(len(pairs))])
    bad = [row for row, said in enumerate(told) if said]
    if len(bad) == len(pairs):
        raise TrainingError(
            f"no picture of {pairs.name} can be read; the first: {found.get(0, '')}"
        )
    skipped = [(pairs.items[row].title, found.get(row, "")) for row in bad]
    for title, reason in skipped[:5]:
        if processes.first:
            _log.warning("left out: %s", reason if title in reason else f"{title}: {reason}")
    if len(skipped) > 5 and processes.first:
        _log.warning("left out: %d more, listed in skipped.csv", len(skipped) - 5)
    return pairs.without(bad), skipped
