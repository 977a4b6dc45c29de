"""Learning from a larger encoder's similarities, whatever the length of its vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["match_cosines", "match_probabilities"]


def match_cosines(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the cosines between pictures.

    Parameters
    ----------
    student : Tensor of shape (n, d)
        Unit rows.
    teacher : Tensor of shape (n, e)
        Unit rows of the same pictures.

    Returns
    -------
    Tensor
        A scalar in [0, 4], over pairs of different pictures; 0 for a single one.

    Notes
    -----
    The similarities of a batch are matched as in [1]_, equation 4, here without the row's norm.

    References
    ----------
    .. [1] Tung and Mori, "Similarity-preserving knowledge distillation", ICCV 2019.

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(2)
    >>> float(match_cosines(x, x)), float(match_cosines(x, torch.ones(2, 1)))
    (0.0, 1.0)
    """
    n = len(student)
    apart = (student @ student.T - teacher @ teacher.T).square()
    return (apart.sum() - apart.diagonal().sum()) / max(1, n * (n - 1))


def match_probabilities(student: Tensor, teacher: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a student's texts given pictures from a teacher's.

    Parameters
    ----------
    student, teacher : Tensor of shape (n, k)
        Logits of the same pictures and texts, each with its own scale.

    Returns
    -------
    Tensor
        A scalar in nats, the mean over pictures; 0 where the probabilities agree.

    Notes
    -----
    Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network", with no
    temperature but the encoders' own; over a batch's texts as in [1]_, section 3.1.

    References
    ----------
    .. [1] Wu et al., "TinyCLIP: CLIP distillation via affinity mimicking and weight inheritance",
       ICCV 2023.

    Examples
    --------
    >>> import torch
    >>> float(match_probabilities(torch.zeros(1, 2), torch.zeros(1, 2)))
    0.0
    """
    told, wanted = student.log_softmax(1), teacher.log_softmax(1)
    return functional.kl_div(told, wanted, log_target=True, reduction="batchmean")
