"""What a change did: a receipt for photos given, from leave-one-out alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from fgmm.recognition.calibration import may_judge
from fgmm.recognition.newcomers import Unlike, judge_newcomers
from fgmm.recognition.receipt_wording import advise, write_receipt

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.recognition.gathering import Gathered, Refused
    from fgmm.recognition.moment import Moment

__all__ = ["Likeness", "Receipt", "Share", "write_out"]

# Cosine from which two files are taken for one photograph. Of 9,162 pairs of photos of one flower
# or grocery class `tiny` gives 3 more; of 250 photos saved again as JPEG (quality 90), 248. Copies
# made smaller mostly stay below. Never below what photos of two species reach.
_SAME = 0.98


class Share(NamedTuple):
    """So many of so many.

    Examples
    --------
    >>> print(Share(4, 5))
    4 of 5
    """

    right: int
    of: int

    def __str__(self) -> str:
        return f"{self.right:,} of {self.of:,}"


class Likeness(NamedTuple):
    """Two photos, or a photo and a species, and how alike: a cosine, in [-1, 1]."""

    one: str
    other: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """What adding photos or a species did, and what it did to the others.

    A photo is judged by leave-one-out: as if it had not been given, would the others of its
    species recognise it among all species? What a knowledge graph says takes no part in that.

    Parameters
    ----------
    species : str
    used : tuple of str
        Pictures that were added, by path, or "#3" for the fourth given.
    refused : tuple of Refused
        Pictures that were not, and why.
    n_photos : int
        Photos the species has now.
    n_species : int
        Species there are now.
    recognised : Share or None
        Of the species' photos, those that the others recognise. None where that cannot be judged:
        fewer than two photos, or a library too large for it (50 million logits).
    outliers : tuple of Likeness
        Photos that the others of the species would not recognise, though they do recognise most:
        the photo, the species it is taken for, and its cosine with its own species' mean.
    unlike : Unlike or None
        Of the photos that were added, those that do not look like the ones the species had, as
        those tell: `fgmm.recognition.newcomers.judge_newcomers`. None where all do, and where
        that cannot be judged.
    near_duplicates : tuple of Likeness
        Pairs of photos, one of them new, that are probably the same photograph.
    alike : float or None
        Mean cosine between two photos of the species; None below two.
    usual : float or None
        The median of that over the other species.
    nearest : str or None
        The species its photos score highest besides their own.
    told_apart : Share or None
        Of both species' photos, those that score higher as their own than as the other's.
    others_before, others_after : Share or None
        Of the other species' photos, those recognised before and after: the same photos.
    lost : tuple of (str, int)
        Species of which photos are now taken for this one, and were recognised before.
    advice : str
        Whether more photos would help, and of what.
    """

    species: str
    used: tuple[str, ...]
    refused: tuple[Refused, ...]
    n_photos: int
    n_species: int
    recognised: Share | None
    outliers: tuple[Likeness, ...]
    unlike: Unlike | None
    near_duplicates: tuple[Likeness, ...]
    alike: float | None
    usual: float | None
    nearest: str | None
    told_apart: Share | None
    others_before: Share | None
    others_after: Share | None
    lost: tuple[tuple[str, int], ...]
    advice: str

    def __str__(self) -> str:
        return write_receipt(self)


def write_out(before: Moment | None, after: Moment, species: str, gathered: Gathered) -> Receipt:
    """Compare two moments.

    Parameters
    ----------
    before : Moment or None
        None where no species was known.
    after : Moment
    species : str
        The one that was changed.
    gathered : Gathered
        Photos that were added.

    Returns
    -------
    Receipt
    """
    row = after.labels.index(species)
    names = dict(zip(gathered.photos.digests, gathered.names, strict=True))
    own = (after.scorer.photos.owners == row).nonzero().flatten()
    alike, usual = _cohesion(after, row)
    n_photos = len(own)
    nearest = _nearest(after, row, own) if n_photos else None
    recognised = told_apart = others_before = others_after = None
    outliers: tuple[Likeness, ...] = ()
    lost: tuple[tuple[str, int], ...] = ()
    unlike = None
    if _judged(after):
        recognised, outliers = _own(after, row, own, names)
        told_apart = None if nearest is None else _apart(after, row, nearest)
        if before is not None:
            others_before, others_after, lost = _others(before, after, row)
            unlike = judge_newcomers(before, species, gathered.photos)
    facts = {
        "n_photos": n_photos,
        "recognised": recognised,
        "alike": alike,
        "usual": usual,
        "nearest": None if nearest is None else after.labels[nearest],
        "told_apart": told_apart,
        "unlike": unlike,
    }
    return Receipt(
        species=species,
        used=gathered.names,
        refused=gathered.refused,
        n_species=len(after.labels),
        outliers=outliers,
        near_duplicates=_near_duplicates(after, own, names),
        others_before=others_before,
        others_after=others_after,
        lost=lost,
        advice=advise(**facts, reads_words=after.layers.reader is not None),  # type: ignore[arg-type]
        **facts,  # type: ignore[arg-type]
    )


def _judged(moment: Moment) -> bool:
    return may_judge(len(moment.scorer.digests), len(moment.labels))


def _cohesion(moment: Moment, row: int) -> tuple[float | None, float | None]:
    """Mean cosine between two photos of a species, and the median of that over the others.

    Of n unit rows with the sum s it is ``(|s|^2 - n) / (n (n - 1))``.
    """
    photos = moment.scorer.photos
    n = photos.counts.double()
    sums = torch.from_numpy(photos.statistics.sums)
    mean = (sums.square().sum(dim=1) - n) / (n * (n - 1))
    others = (n > 1) & (torch.arange(len(n)) != row)
    alike = float(mean[row]) if n[row] > 1 else None
    return alike, float(mean[others].median()) if bool(others.any()) else None


def _nearest(moment: Moment, row: int, own: Tensor) -> int | None:
    """Row of the species that a species' photos score highest besides their own."""
    if len(moment.labels) < 2:
        return None
    scorer = moment.scorer
    joint = None if scorer.joint is None else scorer.joint[own]
    nats = scorer.evidence(scorer.photos.vectors[own], joint)
    mean = (nats["text"] + nats["photos"]).mean(dim=0)
    mean[row] = -torch.inf
    return int(mean.argmax())


def _own(
    moment: Moment, row: int, own: Tensor, names: dict[str, str]
) -> tuple[Share | None, tuple[Likeness, ...]]:
    """How many of its photos a species recognises, and those that stand out."""
    logits = moment.left_out.logits[own]
    if len(own) < 2 or len(moment.labels) < 2:
        return None, ()
    taken = logits.argmax(dim=1)
    recognised = Share(int((taken == row).sum()), len(own))
    if 2 * recognised.right <= recognised.of:  # the species as a whole is not told apart
        return recognised, ()
    vectors = moment.scorer.photos.vectors[own]
    mean = torch.nn.functional.normalize(vectors.sum(dim=0), dim=0)
    album = moment.album
    return recognised, tuple(
        Likeness(
            _called(own_at, album.digests, album.origins, names),
            moment.labels[int(taken[at])],
            float(vectors[at] @ mean),
        )
        for at, own_at in enumerate(own.tolist())
        if int(taken[at]) != row
    )


def _called(
    at: int, digests: tuple[str, ...], origins: tuple[str, ...], names: dict[str, str]
) -> str:
    return names.get(digests[at]) or origins[at] or digests[at][:12]


def _apart(moment: Moment, row: int, other: int) -> Share | None:
    """Photos of two species that score higher as their own, of those that can be judged."""
    labels, logits = moment.left_out.labels, moment.left_out.logits
    which = ((labels == row) | (labels == other)) & ~logits[:, 0].isnan()
    if not bool(which.any()):
        return None
    own, rival = labels[which], (row + other) - labels[which]
    told = logits[which]
    ahead = told.gather(1, own[:, None]) > told.gather(1, rival[:, None])
    return Share(int(ahead.sum()), int(which.sum()))


def _others(
    before: Moment, after: Moment, row: int
) -> tuple[Share | None, Share | None, tuple[tuple[str, int], ...]]:
    """The other species' photos, those judged both times: recognised before, and after."""
    then, now = before.left_out, after.left_out
    old = {digest: at for at, digest in enumerate(then.digests)}
    was = torch.tensor([old.get(digest, -1) for digest in now.digests], dtype=torch.int64)
    both = (was >= 0) & (now.labels != row)
    both &= ~now.logits[:, 0].isnan() if len(now.labels) else both
    pairs = both.nonzero().flatten()
    pairs = pairs[~then.logits[was[pairs], 0].isnan()] if len(pairs) else pairs
    if not len(pairs):
        return None, None, ()
    right_then = then.logits[was[pairs]].argmax(dim=1) == then.labels[was[pairs]]
    answers = now.logits[pairs].argmax(dim=1)
    right_now = answers == now.labels[pairs]
    stolen = now.labels[pairs][right_then & (answers == row)]
    counts = torch.bincount(stolen, minlength=len(after.labels))
    lost = tuple((after.labels[at], int(counts[at])) for at in counts.nonzero().flatten().tolist())
    n = len(pairs)
    return Share(int(right_then.sum()), n), Share(int(right_now.sum()), n), lost


def _near_duplicates(moment: Moment, own: Tensor, names: dict[str, str]) -> tuple[Likeness, ...]:
    """Pairs of a species' photos of which at least one is new."""
    album = moment.album
    new = [at for at in own.tolist() if album.digests[at] in names]
    if not new:
        return ()
    with_all = album.vectors[new] @ album.vectors.T
    cosines = with_all[:, own]
    with_all[:, own] = -1.0
    least = max(_SAME, float(with_all.max()) + 1e-6)
    found = (cosines >= least).nonzero().tolist()
    everyone = own.tolist()
    pairs = ((new[i], everyone[j], float(cosines[i, j].clamp(max=1))) for i, j in found)
    return tuple(
        Likeness(
            _called(a, album.digests, album.origins, names),
            _called(b, album.digests, album.origins, names),
            cosine,
        )
        for a, b, cosine in pairs
        if a > b  # new photos come after those that were there
    )
