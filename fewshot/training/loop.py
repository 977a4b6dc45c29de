"""The loop of meta-training: episodes in, a head that has learned out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fewshot.errors import TrainingError
from fewshot.evaluation_input import background_on, check_pools
from fewshot.training.base_classes import BaseClasses
from fewshot.training.learner import Learner
from fewshot.training.network import check_network
from fewshot.training.plan import TrainingPlan
from fewshot.training.processes import Processes
from fewshot.training.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from torch import Tensor, nn

    from fewshot.background import Background
    from fewshot.head import Head
    from fewshot.support import Words
    from fewshot.training.records import Record
    from fewshot.training.result import Training

__all__ = ["meta_train"]


def meta_train(
    head: Head,
    features: Tensor,
    labels: Sequence[Any],
    *,
    plan: TrainingPlan | None = None,
    network: nn.Module | None = None,
    validation: float | Collection[Any] = 0.25,
    words: Words | None = None,
    background: Background | None = None,
    space: str | None = None,
    folder: str | Path | None = None,
    tensorboard: bool = False,
    progress: bool = True,
    watch: Callable[[Record], None] | None = None,
) -> Training:
    """Let a head learn over many episodes of base classes.

    Parameters
    ----------
    head : Head
        With parameters or learnable numbers; it is copied, not changed.
    features : Tensor of shape (n, d)
        Pictures of base classes, one row each; training happens on their device. With a network,
        of shape (n, ...): whatever it takes.
    labels : sequence of n labels
        Any strings or numbers, all of one kind.
    plan : TrainingPlan, optional
        How long and how; all defaults otherwise.
    network : nn.Module, optional
        Learns below the head, by the same steps: pictures of shape (m, ...) in, vectors of shape
        (m, d) out. It is copied, not changed; layers that need no gradients stay as they are.
    validation : float or collection of labels, default=0.25
        Share of the classes that are held out to judge by, or which.
    words : Words, optional
        As in `evaluate`; for heads that read words.
    background : Background, optional
        As in `evaluate`; give the same when the head is used.
    space : str, optional
        Fingerprint of the features; the head is then refused for features of another.
    folder : str or Path, optional
        Where ``checkpoint.safetensors`` and ``log.csv`` are kept. If training was interrupted
        there it goes on from the checkpoint, to the very parameters it would have reached.
    tensorboard : bool, default=False
        Whether a TensorBoard log is kept in the folder too.
    progress : bool, default=True
        Show a bar on a terminal when it takes more than two seconds.
    watch : callable, optional
        Called with each `Record`, in the first process, once its checkpoint is written.

    Returns
    -------
    Training
        The head with the parameters that did best on held-out classes, those it came with among
        them, and what was measured on the way.

    Raises
    ------
    TrainingError
        If there is nothing to learn, classes are too few, or the folder holds another training.
    TrainingDiverged
        If the loss or its gradient is NaN or infinite; the message names the episodes.
    EvaluationError
        If features are not finite, or features, labels and words do not fit together.
    MissingExtra
        If an optional package is needed and not installed.

    Notes
    -----
    All pictures of a step go through the network at once, in ``train`` mode: batch norm takes its
    means over them, supports and queries of ``batch`` episodes together, as the published code
    of prototypical networks does with one episode. Held-out classes are judged in ``eval`` mode:
    by running means, each picture by itself, as the network is used later.

    With several processes (``accelerate launch``) each computes its share of every batch, and all
    end with the same parameters. The loss is the mean cross-entropy of the queries.

    Examples
    --------
    >>> import torch
    >>> from fewshot import RidgeHead, TrainingPlan, meta_train
    >>> noise = torch.Generator().manual_seed(0)
    >>> x = torch.eye(8).repeat_interleave(20, 0) + 0.4 * torch.randn(160, 8, generator=noise)
    >>> y = [i // 20 for i in range(160)]
    >>> plan = TrainingPlan(steps=20, batch=4, n_way=3, n_shot=1, validate_every=10)
    >>> found = meta_train(RidgeHead(), x, y, plan=plan, validation=0.5)
    >>> found.records[0].validation_loss > found.records[-1].validation_loss
    True
    """
    plan = TrainingPlan() if plan is None else plan
    check_pools(_rows(features, network), labels, None, None)
    if network is not None and not (words is None and background is None):
        raise TrainingError(
            "words and background are of features that stay as they are, and a network changes "
            "them: leave them out"
        )
    processes = Processes(features.device)
    features = features.to(processes.device)
    background = background_on(background, features)
    base = BaseClasses(features, labels, plan, validation, words, background)
    if tensorboard and folder is None:
        raise TrainingError("tensorboard=True needs a folder: give folder=...")
    width = features.shape[1]
    if network is not None:
        network = copy.deepcopy(network).to(processes.device)
        width = check_network(network, features, plan, processes)
    learner = Learner(head, width, features, network)
    run = Run(learner, base, plan, processes, None if folder is None else Path(folder), space)
    run.go(tensorboard, progress, watch)
    return run.result()


def _rows(features: Tensor, network: nn.Module | None) -> Tensor:
    wide = network is not None and isinstance(features, torch.Tensor) and features.ndim > 2
    return features.flatten(1) if wide else features
