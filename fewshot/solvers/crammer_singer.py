"""An interior-point method for the multiclass support vector machine of Crammer and Singer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["solve_crammer_singer"]

_STEPS = 60  # 10 to 20 are usual
_NUMBERS_AT_ONCE = 1 << 22  # 32 MB in float64: what the inverses of one part may take


def solve_crammer_singer(
    gram: Tensor, member: Tensor, exists: Tensor, cost: float | Tensor, *, tolerance: float = 1e-12
) -> Tensor:
    """Minimise ``tr(A^T G A) / 2 - tr(Y^T A)`` where ``A <= cost * Y`` and rows of A sum to 0.

    Parameters
    ----------
    gram : Tensor of shape (..., s, s)
        G, inner products of the photos, positive semidefinite; float64 is wanted.
    member : Tensor of shape (..., s, k)
        Y, one-hot labels; rows of padding are zero.
    exists : Tensor of shape (..., k), bool
        Which classes exist.
    cost : float or Tensor
        The largest coefficient, positive; one number.
    tolerance : float, default=1e-12
        An episode is done when the duality gap, which bounds how far the objective is from
        its minimum, is this small beside ``cost`` times the number of photos.

    Returns
    -------
    Tensor of shape (..., s, k)
        A; zero for padding and absent classes. It is differentiable in ``gram`` and ``cost``.

    Notes
    -----
    Mehrotra's predictor and corrector (Nocedal and Wright 2006, algorithm 16.4), from a start
    that fulfils all constraints, so that they stay fulfilled. The Hessian couples photos within
    a class, the constraint on rows couples classes within a photo: eliminating one after the
    other leaves k + 1 systems of size s instead of one of size s k. Episodes that are done stand
    still, so that none depends on its neighbours in the batch. Derivatives are those of the
    optimality conditions (Amos and Kolter: OptNet, ICML 2017, equation 6), by one more solution
    of the equations of a step; where a bound is only just reached there is no derivative, and
    some value between those of both sides is given.

    Examples
    --------
    >>> two = torch.eye(2, dtype=torch.float64)
    >>> solve_crammer_singer(two, two, torch.tensor([True, True]), 0.1).round(decimals=4)
    tensor([[ 0.1000, -0.1000],
            [-0.1000,  0.1000]], dtype=torch.float64)
    """
    lead, (s, k) = gram.shape[:-2], member.shape[-2:]
    price = torch.as_tensor(cost, dtype=gram.dtype, device=gram.device)
    flat = gram.reshape(-1, s, s), member.reshape(-1, s, k), exists.reshape(-1, k)
    found: Tensor = _Solution.apply(*flat, price, tolerance)
    return found.reshape(*lead, s, k)


class _Solution(torch.autograd.Function):
    """The minimum, differentiated through its optimality conditions, not through the steps."""

    @staticmethod
    def forward(
        ctx: Any, gram: Tensor, member: Tensor, exists: Tensor, cost: Tensor, tolerance: float
    ) -> Tensor:
        found, ratio = torch.empty_like(member), torch.empty_like(member)
        price = float(cost)
        for part in _parts(member):
            found[part], ratio[part] = _solve(
                gram[part], member[part], exists[part], price, tolerance
            )
        ctx.save_for_backward(gram, member, exists, found, ratio)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        # At the minimum (G + ratio) dA + row multipliers = ratio Y dC - dG A, rows of dA sum to 0:
        # the equations of a step, whose matrix is symmetric, so one more solution is the adjoint.
        gram, member, exists, found, ratio = ctx.saved_tensors
        (gradient,), back, pull = gradients, torch.zeros_like(gram), torch.zeros_like(found)
        for part in _parts(member):
            free = _free(member[part], exists[part])
            system = _System(_blocks(gram[part], free), ratio[part], free, exists[part])
            pull[part], _ = system.solve(gradient[part])
            change = -pull[part] @ found[part].mT
            back[part] = (change + change.mT) / 2
        return back, None, None, (ratio * member * pull).sum(), None


def _parts(member: Tensor) -> list[slice]:
    """Episodes that are solved together, so that the inverses take little memory."""
    s, k = member.shape[-2:]
    size = max(1, _NUMBERS_AT_ONCE // max(1, k * s * s))
    return [slice(start, start + size) for start in range(0, len(member), size)]


def _free(member: Tensor, exists: Tensor) -> Tensor:
    """(e, s, k): 1 where there is a coefficient."""
    return member.sum(-1, keepdim=True) * exists.unsqueeze(-2).to(member)


def _blocks(gram: Tensor, free: Tensor) -> Tensor:
    """(e, k, s, s): the Gram matrix of the coefficients of each class."""
    return gram.unsqueeze(-3) * free.mT.unsqueeze(-1) * free.mT.unsqueeze(-2)


def _solve(
    gram: Tensor, member: Tensor, exists: Tensor, cost: float, tolerance: float
) -> tuple[Tensor, Tensor]:
    """The coefficients, and multipliers over slacks: huge where a bound holds, 1 for padding."""
    real = member.sum(-1, keepdim=True)
    free = _free(member, exists)
    classes = exists.sum(-1).clamp(min=1).reshape(-1, 1, 1)
    point = cost * (member - free / classes)
    slack = torch.where(free > 0, cost * member - point, 1)
    # Multipliers of the bounds: as the rows' multipliers are free, any shift of a row is feasible.
    pull = member - gram @ point
    least = pull.masked_fill(free == 0, float("inf")).amin(-1, keepdim=True)
    above = (pull - torch.where(real > 0, least, 0)) * free
    multiplier = free * (above + above.amax((-2, -1), keepdim=True).clamp(min=1))
    blocks = _blocks(gram, free)
    number = _sum(free).clamp(min=1)
    goal = tolerance * cost * _sum(real)
    going = torch.ones_like(number, dtype=torch.bool)
    for _ in range(_STEPS):
        gap = _sum(slack * multiplier)
        going = going & (gap > goal)
        if not going.any():
            break
        system = _System(blocks, _ratio(free, multiplier, slack), free, exists)
        mean = gap / number
        change, multiplier_change = system.solve(multiplier)
        far = _room(slack, -change, multiplier, multiplier_change, 1.0)
        ahead = _sum((slack - far * change) * (multiplier + far * multiplier_change)) / number
        aim = mean * (ahead / mean.clamp(min=1e-300)).clamp(0, 1) ** 3
        change, multiplier_change = system.solve(
            multiplier - (aim + change * multiplier_change) / slack
        )
        far = _room(slack, -change, multiplier, multiplier_change, 0.995)
        far = torch.where(going, far, 0)
        point = point + far * change
        slack = slack - far * change
        multiplier = multiplier + far * multiplier_change
    return point, _ratio(free, multiplier, slack)


def _ratio(free: Tensor, multiplier: Tensor, slack: Tensor) -> Tensor:
    return torch.where(free > 0, multiplier / slack, 1)


class _System:
    """The equations of one step, with their k + 1 inverses."""

    def __init__(self, blocks: Tensor, ratio: Tensor, free: Tensor, exists: Tensor) -> None:
        self.ratio, self.free = ratio, free
        factor = torch.linalg.cholesky(blocks + torch.diag_embed(ratio.mT))
        here = exists.unsqueeze(-1).unsqueeze(-1)
        self.inverses = torch.cholesky_inverse(factor) * here  # (e, k, s, s)
        self.together = torch.linalg.cholesky(self.inverses.sum(-3))

    def solve(self, right: Tensor) -> tuple[Tensor, Tensor]:
        right = right * self.free
        alone = (self.inverses @ right.mT.unsqueeze(-1)).squeeze(-1).mT
        row = torch.cholesky_solve(alone.sum(-1, keepdim=True), self.together)
        shared = (self.inverses @ row.unsqueeze(-3)).squeeze(-1).mT
        change = (alone - shared) * self.free
        return change, (self.ratio * change - right) * self.free


def _room(
    slack: Tensor, slack_change: Tensor, multiplier: Tensor, change: Tensor, share: float
) -> Tensor:
    """How far one may go, at most 1, until a slack or a multiplier has lost ``share`` of it."""
    bound = torch.ones_like(slack[..., :1, :1])
    for value, slope in ((slack, slack_change), (multiplier, change)):
        fraction = torch.where(slope < 0, -share * value / slope, 1)
        bound = torch.minimum(bound, fraction.amin((-2, -1), keepdim=True))
    return bound


def _sum(matrix: Tensor) -> Tensor:
    return matrix.sum((-2, -1), keepdim=True)
