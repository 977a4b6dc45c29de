"""Whether photos that are added look like those their species had before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from fgmm.embeddings import Embeddings

if TYPE_CHECKING:
    from fgmm.library import Photos
    from fgmm.recognition.moment import Moment

__all__ = ["Unlike", "judge_newcomers"]


class Unlike(NamedTuple):
    """Photos that do not look like those before: so many, of so many, and what they look like.

    Attributes
    ----------
    photos, of : int
        At least one, and all that were added.
    looks_like : str or None
        The species most of them are taken for; None where that is none of those that are known.

    Examples
    --------
    >>> print(Unlike(5, 6, "fire lily"))
    5 of 6, taken for fire lily
    """

    photos: int
    of: int
    looks_like: str | None

    @property
    def half(self) -> bool:
        """Whether that is half of them, or more."""
        return 2 * self.photos >= self.of

    def __str__(self) -> str:
        taken = self.looks_like or "none of the species"
        return f"{self.photos:,} of {self.of:,}, taken for {taken}"


def judge_newcomers(before: Moment, species: str, photos: Photos) -> Unlike | None:
    """Ask what was known before for what the new photos of a species show.

    A photo is unlike if another species, or none of them, is likelier. There is no bar to choose:
    it is the answer that `Recognizer.classify` would have given, by words and photos alone. Of
    flowers and `tiny`, with 2 or 6 photos before and 1 to 15 species, six photos of another
    species were unlike, half of them or more, 78 to 97 times of 100; six of the same 0 to 5 times.

    Parameters
    ----------
    before : Moment
        Without the new photos.
    species : str
    photos : Photos
        The new ones.

    Returns
    -------
    Unlike or None
        None where all are like; and where the species was not there, or most of the photos it had
        were not recognised by the others of them: what was known then says nothing.
    """
    if species not in before.labels or not len(photos):
        return None
    row = before.labels.index(species)
    own = before.left_out.logits[before.scorer.photos.owners == row]
    if bool(own.isnan().any()) or 2 * int((own.argmax(dim=1) == row).sum()) <= len(own):
        return None
    kept = Embeddings(torch.tensor(photos.vectors), before.layers.space)
    features, joint = before.layers.split(kept)
    told = None if joint is None else joint.vectors
    nats = before.scorer.evidence(features.vectors, told, as_judged=True)
    none = before.scorer.none_of_these(told, len(kept))
    logits = torch.column_stack([nats["text"] + nats["photos"], none])
    answers = logits.argmax(dim=1)
    strange = answers[answers != row]
    if not len(strange):
        return None
    taken = int(strange.bincount().argmax())
    looks_like = before.labels[taken] if taken < len(before.labels) else None
    return Unlike(len(strange), len(answers), looks_like)
