"""A receipt in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fgmm.plurals import counted

if TYPE_CHECKING:
    from fgmm.recognition.newcomers import Unlike
    from fgmm.recognition.receipt import Receipt, Share

__all__ = ["advise", "told_of_likeness", "write_receipt"]

_SHOWN = 5
_FEW, _ENOUGH = 5, 16
_TIGHT = 0.5  # of the others' distance between two photos: below, photos are alike
_SURE = 0.9


def write_receipt(receipt: Receipt) -> str:
    """Write a receipt, a line for each thing worth knowing."""
    r = receipt
    now = f"{counted(r.n_photos, 'photo')} now" if r.n_photos else "known by its words"
    lines = [f"{r.species}: {counted(len(r.used), 'photo')} added, {now}; {_species(r.n_species)}"]
    lines += _some("not used", [f"{one.name}: {one.reason}" for one in r.refused])
    alike = [
        f"{pair.one} and {pair.other} (cosine {pair.cosine:.3f}); one photograph counts twice"
        for pair in r.near_duplicates
    ]
    lines += _some("nearly the same", alike)
    strange = [f"{one.one}: without it, it would be taken for {one.other}" for one in r.outliers]
    lines += _some("look again at", strange)
    if r.recognised is not None:
        lines.append(f"recognised: {r.recognised} of its photos, each judged by the others")
    if r.alike is not None:
        lines.append(told_of_likeness(r.alike, r.usual))
    if r.nearest is not None:
        told = "" if r.told_apart is None else f"; told apart: {r.told_apart} of their photos"
        lines.append(f"nearest species: {r.nearest}{told}")
    if r.others_before is not None and r.others_after is not None:
        lines.append(_told_of_others(r.others_before, r.others_after))
    lost = [
        f"{counted(n, 'photo')} of {name} {'is' if n == 1 else 'are'} now taken for it"
        for name, n in r.lost
    ]
    lines += _some("", lost)
    return "\n  ".join([*lines, r.advice])


def _some(what: str, of_them: list[str]) -> list[str]:
    """Write the first few, and how many more there are."""
    begin = f"{what}: " if what else ""
    lines = [f"{begin}{one}" for one in of_them[:_SHOWN]]
    more = len(of_them) - _SHOWN
    return [*lines, f"{begin}{more:,} more"] if more > 0 else lines


def advise(
    *,
    n_photos: int,
    recognised: Share | None,
    told_apart: Share | None,
    alike: float | None,
    usual: float | None,
    nearest: str | None,
    unlike: Unlike | None,
    reads_words: bool,
) -> str:
    """Say whether more photos would help, and of what.

    Parameters
    ----------
    n_photos : int
    recognised, told_apart : Share or None
    alike, usual : float or None
    nearest : str or None
    unlike : Unlike or None
        All as in `fgmm.recognition.receipt.Receipt`.
    reads_words : bool
        Whether the species is also known by its words.

    Returns
    -------
    str
        A sentence or two.
    """
    if not n_photos:
        return "More would help: it has no photo yet; about five, of different individuals."
    if unlike is not None and unlike.half:
        return _told_of_unlike(unlike)
    advice = []
    if n_photos == 1:
        by = " beyond its words" if reads_words else ""
        advice.append(f"More would help: one photo{by}; nothing can be checked with one.")
    elif n_photos < _FEW:
        advice.append(f"More would help: {_FEW} or more, of different individuals.")
    if alike is not None and usual is not None and 1 - alike < _TIGHT * (1 - usual):
        advice.append("Its photos are much alike: take some from other sides, days and places.")
    if nearest is not None and told_apart is not None and told_apart.right < _SURE * told_apart.of:
        advice.append(f"Photos of what tells it from {nearest} would help most, of both.")
    if advice:
        return " ".join(advice)
    if recognised is not None and recognised.right < _SURE * recognised.of:
        return "More would help: not all of its photos are recognised by the others."
    if n_photos >= _ENOUGH:
        return "More of the same would change little."
    return "Enough for pictures like these; of other places or seasons more would help."


def _told_of_unlike(unlike: Unlike) -> str:
    """Doubt that new photos show the species; what follows is no reason to be calm."""
    these = "This photo does" if unlike.of == 1 else "These photos do"
    them = "it" if unlike.of == 1 else f"{unlike.photos:,} of {unlike.of:,}"
    like = unlike.looks_like or "none of the species here"
    return (
        f"{these} not look like the ones before: {them} would be taken for {like}. Look again at "
        "what was added; undo takes it back."
    )


def told_of_likeness(alike: float, usual: float | None) -> str:
    """Compare how alike a species' photos are with how alike other species' are.

    Parameters
    ----------
    alike : float
    usual : float or None
        Cosines, as in `fgmm.recognition.receipt.Receipt`.

    Returns
    -------
    str

    Examples
    --------
    >>> told_of_likeness(0.25, None)
    'its photos are alike by 0.25 (cosine: 1 the same, 0 nothing in common)'
    """
    if usual is None:
        return f"its photos are alike by {alike:.2f} (cosine: 1 the same, 0 nothing in common)"
    own, theirs = f"{alike:.2f}", f"{usual:.2f}"
    how = "less alike than" if alike < usual else "more alike than"
    how = "as alike as" if own == theirs else how
    return (
        f"its photos are {how} other species' usually are: {own}, theirs {theirs} "
        "(cosine: 1 the same, 0 nothing in common)"
    )


def _species(n: int) -> str:
    return "1 species in all" if n == 1 else f"{n:,} species in all"


def _told_of_others(before: Share, after: Share) -> str:
    if before.right == after.right:
        return f"the other species: {after} photos recognised, as before"
    return f"the other species: {after} photos recognised, {before.right:,} before"
