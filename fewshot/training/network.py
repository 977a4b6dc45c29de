"""A network that learns below the head: pictures as tensors in, vectors out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fewshot.training.plan import TrainingPlan
    from fewshot.training.processes import Processes

__all__ = ["check_network", "embed_episodes", "embed_pool"]

_BLOCK = 256  # pictures embedded at once where nothing is learned


def check_network(
    network: nn.Module, pictures: Tensor, plan: TrainingPlan, processes: Processes
) -> int:
    """Refuse a network that cannot learn from these pictures, and tell how wide its vectors are.

    Parameters
    ----------
    network : nn.Module
        Its mode is left as it was.
    pictures : Tensor of shape (n, ...)
        What it will be given.
    plan : TrainingPlan
        Noise and dropout of features are not for networks.
    processes : Processes
        Several cannot share batch statistics.

    Returns
    -------
    int
        d.

    Raises
    ------
    TrainingError
        With what does not fit.
    """
    if plan.noise or plan.dropout:
        raise TrainingError(
            f"noise is {plan.noise} and dropout {plan.dropout}: they are for features that stay as "
            "they are; with a network leave both at 0, and put layers that disturb into it"
        )
    if processes.size > 1 and any(True for _ in network.buffers()):
        raise TrainingError(
            f"{type(network).__name__} has buffers (batch norm's statistics?), which would differ "
            f"between {processes.size} processes: train in one, or use a norm without them"
        )
    vectors = embed_pool(network, pictures[:2])
    if vectors.shape[:-1] != (len(pictures[:2]),) or not vectors.is_floating_point():
        raise TrainingError(
            f"{type(network).__name__} makes {vectors.dtype} of shape {tuple(vectors.shape)} of "
            f"{len(pictures[:2])} pictures: it must make one vector of floating numbers of each"
        )
    return vectors.shape[-1]


def embed_episodes(network: nn.Module | None, pictures: Tensor) -> Tensor:
    """Give the vectors of a batch of episodes; all their pictures go through the network at once.

    Parameters
    ----------
    network : nn.Module, optional
        Without one, pictures are vectors already.
    pictures : Tensor of shape (e, n, ...)
        Supports and queries.

    Returns
    -------
    Tensor of shape (e, n, d)
        As precise as the pictures were.
    """
    if network is None:
        return pictures
    found: Tensor = network(pictures.flatten(0, 1))
    return found.reshape(*pictures.shape[:2], -1).to(pictures.dtype)


def embed_pool(network: nn.Module | None, pictures: Tensor) -> Tensor:
    """Give the vectors of a pool as they are in use: ``eval`` mode, each picture by itself.

    Parameters
    ----------
    network : nn.Module, optional
        Without one, pictures are vectors already; its mode is left as it was.
    pictures : Tensor of shape (n, ...)
        Any number of them.

    Returns
    -------
    Tensor of shape (n, d)
    """
    if network is None:
        return pictures
    before = network.training
    network.eval()
    try:
        with torch.no_grad():
            return torch.cat([network(part) for part in torch.split(pictures, _BLOCK)])
    finally:
        network.train(before)
