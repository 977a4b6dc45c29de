"""What is gained on new species and lost on a model's own classes, level by level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fgmm.errors import ModelError
from fgmm.plurals import counted
from fgmm.recognition.contest import level_from_old
from fgmm.recognition.receipt import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fgmm.recognition.receipt import Receipt

__all__ = ["Addition", "Judged", "Tradeoff", "TradeoffRow", "owners_of", "weigh_up"]

_LOST = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # shares of old pictures
_FOUND = (1.0, 0.9, 0.75, 0.5)  # shares of new photos, where there are no old pictures


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Pictures of which it is known what they show.

    Parameters
    ----------
    margins : Tensor of shape (n,)
        The level below which each is taken for a new species, in nats.
    right : Tensor of shape (n,), bool
        Of old pictures, whether the model is right about it, of new ones, whether the likeliest
        new species is its own.
    """

    margins: Tensor
    right: Tensor

    @classmethod
    def none(cls) -> Judged:
        """Give no pictures."""
        return cls(torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.bool))

    def __len__(self) -> int:
        return len(self.margins)


@dataclass(frozen=True, slots=True)
class TradeoffRow:
    """What one level does.

    Parameters
    ----------
    level : float
        In nats: how much likelier than anything else a new species has to be.
    kept : Share
        Pictures of the model's classes that are still answered by the model.
    right : Share or None
        Those answered rightly; None where it is not known what they show.
    found : Share
        Pictures of new species that are called by their name.
    in_use : bool
    """

    level: float
    kept: Share
    right: Share | None
    found: Share
    in_use: bool


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """What levels there are, the most cautious first, and what each gives and takes.

    Parameters
    ----------
    rows : tuple of TradeoffRow
    before : Share or None
        Old pictures the model was right about before anything was added; None where it is not
        known what they show.
    old_from, new_from : str
        What was judged, in words.

    Examples
    --------
    >>> old = Judged(torch.tensor([-3.0, -1.0, 2.0]), torch.tensor([True, True, False]))
    >>> new = Judged(torch.tensor([4.0, 1.0]), torch.tensor([True, True]))
    >>> print(weigh_up(old, new, 0.0, "3 pictures", "2 photos", labelled=True))
       level  old kept  old right  new found
        2.00    3 of 3     2 of 3     1 of 2
        0.00    2 of 3     2 of 3     2 of 2  <- in use
    the model alone: 2 of 3 old pictures right
    old: 3 pictures; new: 2 photos
    """

    rows: tuple[TradeoffRow, ...]
    before: Share | None
    old_from: str
    new_from: str

    @property
    def in_use(self) -> TradeoffRow:
        """The row of the level that is in use."""
        return next(row for row in self.rows if row.in_use)

    def __str__(self) -> str:
        heads = ("level", "old kept", "old right", "new found")
        cells = [
            (
                f"{row.level:.2f}",
                str(row.kept) if row.kept.of else "?",
                "?" if row.right is None else str(row.right),
                str(row.found) if row.found.of else "?",
            )
            for row in self.rows
        ]
        widths = [max(8, *(len(row[i]) for row in (heads, *cells))) for i in range(4)]
        lines = ["  ".join(f"{c:>{w}}" for c, w in zip(heads, widths, strict=True))]
        for row, own in zip(self.rows, cells, strict=True):
            line = "  ".join(f"{c:>{w}}" for c, w in zip(own, widths, strict=True))
            lines.append(f"{line}  <- in use" if row.in_use else line)
        if self.before is not None:
            lines.append(f"the model alone: {self.before} old pictures right")
        return "\n".join([*lines, f"old: {self.old_from}; new: {self.new_from}"])


@dataclass(frozen=True, slots=True)
class Addition:
    """What adding photos or a species did.

    Parameters
    ----------
    receipt : Receipt
        Of the new species among themselves.
    tradeoff : Tradeoff
        Beside the model's classes.
    beside : int
        How many those are.
    """

    receipt: Receipt
    tradeoff: Tradeoff
    beside: int

    def __str__(self) -> str:
        one = self.receipt
        head = (
            f"{one.species}: {counted(len(one.used), 'photo')} added, {one.n_photos} now; "
            f"{one.n_species} new species beside {counted(self.beside, 'class')} of your model"
        )
        refused = [f"  not used: {each.name}: {each.reason}" for each in one.refused]
        return "\n".join([head, *refused, str(self.tradeoff)])


def weigh_up(
    old: Judged, new: Judged, level: float, old_from: str, new_from: str, *, labelled: bool
) -> Tradeoff:
    """Make the table.

    Parameters
    ----------
    old, new : Judged
        Pictures of the model's classes, and of new species; perhaps none.
    level : float
        The one in use.
    old_from, new_from : str
        What was judged, in words.
    labelled : bool
        Whether it is known what old pictures show.

    Returns
    -------
    Tradeoff
        A row for the level in use and for others that lose so many old pictures, or, without any,
        find so many new ones; levels that do the same are left out.
    """
    if len(old):
        tried = [level_from_old(old.margins, int(share * len(old))) for share in _LOST]
    else:
        found = new.margins[new.right].double()
        tried = [float(found.quantile(1 - share)) - 1e-6 for share in _FOUND if len(found)]
    known = labelled and len(old) > 0
    rows = [_row(old, new, level, known, in_use=True)]
    for one in sorted(tried, reverse=True):
        row = _row(old, new, one, known, in_use=False)
        if all((row.kept, row.found) != (other.kept, other.found) for other in rows):
            rows.append(row)
    rows.sort(key=lambda row: -row.level)
    before = Share(int(old.right.sum()), len(old)) if known else None
    return Tradeoff(tuple(rows), before, old_from, new_from)


def _row(old: Judged, new: Judged, level: float, known: bool, *, in_use: bool) -> TradeoffRow:
    stays = old.margins <= level
    return TradeoffRow(
        level,
        Share(int(stays.sum()), len(old)),
        Share(int((stays & old.right).sum()), len(old)) if known else None,
        Share(int(((new.margins > level) & new.right).sum()), len(new)),
        in_use,
    )


def owners_of(labels: Sequence[str] | None, n: int, known: Sequence[str]) -> Tensor:
    """Give the place of each picture's label among those that are known.

    Parameters
    ----------
    labels : sequence of n str, optional
        Without them all are of the first.
    n : int
    known : sequence of str

    Returns
    -------
    Tensor of shape (n,), int64

    Raises
    ------
    ModelError
        If there is not one known label for each.

    Examples
    --------
    >>> owners_of(["rose", "daisy"], 2, ["daisy", "rose"])
    tensor([1, 0])
    """
    if labels is None:
        return torch.zeros(n, dtype=torch.int64)
    if isinstance(labels, str) or len(labels) != n:
        raise ModelError(f"labels are {labels!r:.60} for {n} pictures: give a list, one for each")
    place = {label: at for at, label in enumerate(known)}
    unknown = next((label for label in labels if label not in place), None)
    if unknown is not None:
        raise ModelError(
            f"{unknown!r} is no label of the model and no new species: labels say what the "
            "pictures show, in the words that classify answers with"
        )
    return torch.tensor([place[label] for label in labels], dtype=torch.int64)
