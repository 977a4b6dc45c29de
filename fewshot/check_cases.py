"""What the checks of a head share: episodes, asking, comparing, and failing in words."""

from __future__ import annotations

import copy
import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

import torch
import torch.nn.functional as functional

from fewshot.background import Background
from fewshot.errors import HeadBroken
from fewshot.support import Support, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fewshot.head import Head

__all__ = ["TOLERANCE", "Case", "Check", "agree", "answer", "cases", "fail", "promise", "stack"]

TOLERANCE = 1e-5
"""How far two answers may differ that ought to be one, as a share of the largest logit."""

_WIDTH = 12
_SHOTS = (2, 3, 1, 2)
_ASKED = 2  # queries of each class


class Check(Protocol):
    """A promise of heads as a function; the first line of its docstring is the rule."""

    __name__: str

    def __call__(self, head: Head, tolerance: float = TOLERANCE) -> None:
        """Raise `HeadBroken` unless the head keeps it."""


def promise(check: Check) -> Check:
    """Turn any other error that a head raises in a check into `HeadBroken`, its cause."""

    @functools.wraps(check)
    def checked(head: Head, tolerance: float = TOLERANCE) -> None:
        try:
            check(head, tolerance)
        except HeadBroken:
            raise
        except Exception as error:
            raised = f"it raised {type(error).__name__} ({error})"
            raise HeadBroken(_message(head, check, raised)) from error

    return cast("Check", checked)


class Case:
    """An episode that is easy: four classes far apart, unequal shots, two queries a class.

    Parameters
    ----------
    seed : int
        Of the features; they are drawn without touching torch's own random numbers.
    shots : sequence of int
        Photos of each class.
    words, background : bool
        Whether the support has them.
    """

    def __init__(
        self,
        seed: int = 0,
        shots: Sequence[int] = _SHOTS,
        *,
        words: bool = False,
        background: bool = False,
    ) -> None:
        draw, k = torch.Generator().manual_seed(seed), len(shots)

        def noise(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=draw, dtype=torch.float64)

        centres = torch.linalg.qr(noise(_WIDTH, _WIDTH))[0][:k] + 0.05 * noise(k, _WIDTH)
        labels = torch.tensor([c for c, n in enumerate(shots) for _ in range(n)]).long()
        self.labels = labels[torch.randperm(len(labels), generator=draw)]
        self.features = centres[self.labels] + 0.06 * noise(len(labels), _WIDTH)
        self.answers = torch.arange(k).repeat_interleave(_ASKED)
        self.queries = centres[self.answers] + 0.06 * noise(len(self.answers), _WIDTH)
        self.class_mask = torch.ones(k, dtype=torch.bool)
        texts = functional.normalize(centres + 0.1 * noise(k, _WIDTH), dim=-1)
        self.words = Words(texts, logit_scale=12.0, logit_bias=-2.0) if words else None
        spread = 0.06**2 * torch.eye(_WIDTH, dtype=torch.float64)
        total = spread + 0.08 * torch.eye(_WIDTH, dtype=torch.float64)
        mean = 0.1 * noise(_WIDTH)
        self.background = (
            Background(mean, spread, total, 1000, "checks", "made up") if background else None
        )

    @property
    def support(self) -> Support:
        """The support as it is now."""
        return Support(self.features, self.labels, self.class_mask, self.words, self.background)

    def in_precision(self, dtype: torch.dtype) -> Case:
        """Copy it with features of another type, words and background of float32 at least."""
        wide = torch.promote_types(dtype, torch.float32)
        changed = copy.copy(self)
        changed.features, changed.queries = self.features.to(dtype), self.queries.to(dtype)
        if self.words is not None:
            changed.words = replace(self.words, embeddings=self.words.embeddings.to(wide))
        if self.background is not None:
            parts = {n: getattr(self.background, n).to(wide) for n in ("mean", "within", "total")}
            changed.background = replace(self.background, **parts)
        return changed


def cases(
    head: Head, seed: int = 0, shots: Sequence[int] = _SHOTS, *, photos: bool = True
) -> list[Case]:
    """Make the same episode with the least a head needs, and with all it may be given.

    Parameters
    ----------
    head : Head
        Whose ``needs`` are read.
    seed, shots
        As in `Case`.
    photos : bool, default=True
        False where a class has none, so that there must be words.

    Returns
    -------
    list of Case
    """
    least = "words" in head.needs or not photos
    return [
        Case(seed, shots, words=least),
        Case(seed, shots, words=True, background=True),
    ]


def answer(
    head: Head, support: Support, queries: Tensor, query_mask: Tensor | None = None
) -> Tensor:
    """Fit in ``eval`` mode and score.

    Parameters
    ----------
    head : Head
        Put into ``eval`` mode.
    support : Support
        One episode or a batch of them.
    queries : Tensor of shape (..., q, d)
        Raw features.
    query_mask : Tensor of shape (..., q), optional
        False marks padding.

    Returns
    -------
    Tensor of shape (..., q, k)
        Logits.
    """
    fitted = head.eval().fit(support)
    return fitted.logits(queries, query_mask=query_mask)


def stack(several: Sequence[Case], shape: Sequence[int]) -> tuple[Support, Tensor, Tensor]:
    """Make one batch of episodes that differ in size, padded to the largest.

    Parameters
    ----------
    several : sequence of Case
        All with words, or all without; the background is that of the first.
    shape : sequence of int
        Leading dimensions; their product is the number of cases.

    Returns
    -------
    support : Support
    queries : Tensor of shape (*shape, q, d)
    query_mask : Tensor of shape (*shape, q), bool
    """
    k = max(len(c.class_mask) for c in several)
    first = several[0]

    def padded(rows: list[Tensor], value: float = 0.0) -> Tensor:
        filled = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)
        return filled.view(*shape, *filled.shape[1:])

    masks = torch.stack([torch.arange(k) < len(c.class_mask) for c in several])
    words = None
    if first.words is not None:
        rows = [c.words.embeddings for c in several if c.words is not None]
        texts = torch.stack([t[torch.arange(k).clamp(max=len(t) - 1)] for t in rows])
        texts = texts.view(*shape, k, -1)  # a class that does not exist has the words of another
        words = Words(texts, first.words.logit_scale, first.words.logit_bias)
    support = Support(
        padded([c.features for c in several]),
        padded([c.labels for c in several], -1),
        masks.view(*shape, k),
        words,
        first.background,
    )
    asked = padded([torch.ones(len(c.queries), dtype=torch.bool) for c in several])
    return support, padded([c.queries for c in several]), asked


def agree(head: Head, check: Any, one: Tensor, other: Tensor, tolerance: float, when: str) -> None:
    """Fail unless two answers are the same but for the tolerance.

    Parameters
    ----------
    head : Head
        Whose answers they are.
    check : callable
        The check that asks; its docstring is the rule.
    one, other : Tensor
        Logits; ``-inf`` must stand in the same places.
    tolerance : float
        Allowed difference, as a share of the largest logit (at least of 1).
    when : str
        What the two answers are, in words.
    """
    if one.shape != other.shape:
        fail(head, check, f"logits of shapes {tuple(one.shape)} and {tuple(other.shape)} {when}")
    one, other = one.detach().double(), other.detach().double()
    if one.isnan().any() or other.isnan().any():
        fail(head, check, f"logits are NaN {when}")
    if not torch.equal(torch.isinf(one), torch.isinf(other)):
        fail(head, check, f"logits are infinite in different places {when}")
    finite = torch.isfinite(one)
    one, other = one[finite], other[finite]
    if not one.numel():
        return
    apart = float((one - other).abs().max())
    allowed = tolerance * max(1.0, float(one.abs().max()))
    if not apart <= allowed:
        fail(head, check, f"logits differ by {apart:.3g} {when}; {allowed:.3g} is allowed")


def fail(head: Head, check: Any, found: str) -> NoReturn:
    """Raise `HeadBroken`: which head breaks which sentence, and by what numbers."""
    raise HeadBroken(_message(head, check, found))


def _message(head: Head, check: Any, found: str) -> str:
    rule = (check.__doc__ or "").partition("\n")[0]
    return f"{type(head).__name__} breaks {check.__name__}: {found}. The rule: {rule}"
