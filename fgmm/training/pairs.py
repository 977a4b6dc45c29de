"""Pictures with texts: what contrastive training learns from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from fewshot.training.base_classes import number_of
from fgmm.errors import DatasetError
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["ListedPicture", "Pair", "Pairs"]

_HELD_OUT = 1 << 46  # far from the numbers of steps


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """A picture of a sequence that draws or decodes it when it is asked for.

    Parameters
    ----------
    images : sequence of pictures
    row : int
        Which of them.
    """

    images: Sequence[Any]
    row: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and what may be said of it.

    Parameters
    ----------
    picture : path, object with ``read()``, PIL image or ListedPicture
        What `fgmm.images.read_image` takes and can be read again and again.
    texts : tuple of str
        One is drawn each time the picture is shown. May be empty where no text is needed.
    label : str, optional
        Class of the picture. Texts of a class are right for all of its pictures.
    name : str, default=""
        What messages call it; the path where it is empty.

    Examples
    --------
    >>> Pair("tit.jpg", ("a great tit",)).title
    'tit.jpg'
    """

    picture: Any
    texts: tuple[str, ...] = ()
    label: str | None = None
    name: str = ""

    @property
    def source(self) -> Any:
        """What `fgmm.images.read_image` takes."""
        found = self.picture
        return found.images[found.row] if isinstance(found, ListedPicture) else found

    @property
    def title(self) -> str:
        """What messages call it."""
        if self.name:
            return self.name
        is_path = isinstance(self.picture, (str, os.PathLike))
        return os.fsdecode(self.picture) if is_path else f"<{type(self.picture).__name__}>"


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A set of pairs.

    Parameters
    ----------
    name : str
        Where they are from.
    items : tuple of Pair

    Raises
    ------
    DatasetError
        If there is none, some have a label and others none, or a text is blank.

    Examples
    --------
    >>> found = Pairs("notes", (Pair("a.jpg", ("an owl", "an owlet")), Pair("b.jpg", ("a tit",))))
    >>> len(found), found.texts
    (2, ('an owl', 'an owlet', 'a tit'))
    """

    name: str
    items: tuple[Pair, ...]

    def __post_init__(self) -> None:
        if not self.items:
            raise DatasetError(f"{self.name}: there are no pictures")
        unlabelled = [pair for pair in self.items if pair.label is None]
        if unlabelled and len(unlabelled) < len(self.items):
            raise DatasetError(
                f"{self.name}: {unlabelled[0].title} has no label and others have one "
                f"({len(unlabelled):,} of {counted(len(self.items), 'picture')}): give all of "
                "them one, or none"
            )
        for pair in self.items:
            if any(not isinstance(text, str) or not text.strip() for text in pair.texts):
                raise DatasetError(f"{self.name}: {pair.title} has a text with nothing in it")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text once, in the order of the pairs."""
        return tuple(dict.fromkeys(text for pair in self.items for text in pair.texts))

    @property
    def classes(self) -> tuple[str, ...]:
        """Every label once, sorted; empty where there are none."""
        return tuple(sorted({pair.label for pair in self.items if pair.label is not None}))

    @property
    def mark(self) -> str:
        """Short hash of names, texts and labels, in their order."""
        digest = hashlib.sha256()
        for pair in self.items:
            digest.update(repr((pair.title, pair.texts, pair.label)).encode())
        return digest.hexdigest()[:16]

    def without(self, rows: Collection[int]) -> Pairs:
        """Leave some out.

        Parameters
        ----------
        rows : collection of int

        Returns
        -------
        Pairs
        """
        gone = set(rows)
        kept = tuple(pair for row, pair in enumerate(self.items) if row not in gone)
        return replace(self, items=kept) if gone else self

    def split(self, share: float, seed: int) -> tuple[Pairs, Pairs | None]:
        """Hold some out, drawn by chance.

        Parameters
        ----------
        share : float
            Of the pictures, in [0, 1).
        seed : int

        Returns
        -------
        pairs : Pairs
        held_out : Pairs or None
            None where the share is 0.

        Raises
        ------
        DatasetError
            If that would be fewer than two pictures on either side.
        """
        if not share:
            return self, None
        draw = torch.Generator().manual_seed(number_of(seed, _HELD_OUT))
        number = round(share * len(self))
        if number < 2 or len(self) - number < 2:
            raise DatasetError(
                f"{self.name}: a share of {share} of {counted(len(self), 'picture')} leaves too "
                "few to learn from or to judge by: two are the least"
            )
        away = set(torch.randperm(len(self), generator=draw)[:number].tolist())
        return self.without(away), self.without(set(range(len(self))) - away)
