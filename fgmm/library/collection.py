"""All that is known at one moment: the species, in the order they came, of one encoder's space."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError, SpeciesNotFound
from fgmm.library.names import nearest_name
from fgmm.library.phrasing import Phrasing
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fgmm.library.species import Species

__all__ = ["Collection"]


@dataclass(frozen=True, slots=True)
class Collection:
    """The species a recogniser knows: a value that never changes.

    A name, or another name, belongs to one species: case and spaces aside, no two share one. A
    photo belongs to one species: no digest is there twice. What changes a collection gives
    another one, see `fgmm.library.changes`; two are equal if they hold the same, in the same order.

    Parameters
    ----------
    space : str
        Fingerprint of the encoder that all vectors come from.
    dim : int
        Length of a vector.
    encoder : str
        Name the encoder was loaded by, such as ``"tiny"``.
    species : mapping of str to Species
        By id, in the order they came.
    phrasing : Phrasing
        What is put around their names.

    Raises
    ------
    LibraryError
        If a name or a photo is there twice, or a photo's vector is of another length.

    Examples
    --------
    >>> from fgmm.library import Photos, Species
    >>> wren = Species("w", "wren", names=("Zaunkönig",), photos=Photos.none(2))
    >>> collection = Collection("fake/1", 2, "fake", {"w": wren})
    >>> collection.find("zaunkönig").name, len(collection), collection.n_photos
    ('wren', 1, 0)
    >>> collection.find("wern")
    Traceback (most recent call last):
    fgmm.errors.SpeciesNotFound: no species is called 'wern' among 1; did you mean 'wren'?
    """

    space: str
    dim: int
    encoder: str
    species: Mapping[str, Species] = field(default_factory=dict)
    phrasing: Phrasing = field(default_factory=Phrasing)
    _names: dict[str, str] = field(init=False, repr=False, compare=False)
    _digests: dict[str, str] = field(init=False, repr=False, compare=False)

    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for what, text in (("space", self.space), ("encoder", self.encoder)):
            if not isinstance(text, str) or not text.strip() or "\\udc" in ascii(text):
                raise LibraryError(f"the {what} of a collection is {text!r}: it is a name")
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or self.dim < 1:
            raise LibraryError(f"a collection of {self.dim!r} dimensions: at least 1")
        species = dict(self.species)
        self._fill(species, {}, {})
        for key, one in species.items():
            _check_place(key, one)
            self._enter(one)

    def _fill(
        self, species: dict[str, Species], names: dict[str, str], digests: dict[str, str]
    ) -> None:
        object.__setattr__(self, "species", MappingProxyType(species))
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_digests", digests)

    def _enter(self, species: Species) -> None:
        """Take names and photos of a species into the look-ups, or say who has them."""
        if species.photos.dim != self.dim:
            raise LibraryError(
                f"vectors of {species.name!r} have {species.photos.dim} numbers and this "
                f"collection's have {self.dim}: encode the photos with {self.encoder!r}"
            )
        for name in species.all_names:
            holder = self._names.setdefault(fold_name(name), species.id)
            if holder != species.id:
                known = self.species[holder].name
                raise LibraryError(
                    f"{name!r} is taken: it is a name of {known!r}. Names are told apart by more "
                    f"than case and spaces; choose another, add photos to {known!r}, or merge the "
                    "two"
                )
        before = len(self._digests)
        self._digests.update(dict.fromkeys(species.photos.digests, species.id))
        if len(self._digests) - before < len(species.photos):
            self._refuse_shared_photo()

    def _refuse_shared_photo(self) -> None:
        seen: dict[str, str] = {}
        for one in self.species.values():
            for digest in one.photos.digests:
                if digest in seen:
                    raise LibraryError(
                        f"the photo {digest} is of {seen[digest]!r} and of {one.name!r}: a photo "
                        "shows one species; remove it from one of them, or merge the two"
                    )
                seen[digest] = one.name

    def with_species(
        self, changed: Mapping[str, Species | None], order: Iterable[str] | None = None
    ) -> Collection:
        """Give a collection in which some species are others, new, or gone.

        Parameters
        ----------
        changed : mapping of str to Species or None
            By id: what is there instead; None where it is to be gone. New ones come last.
        order : iterable of str, optional
            All ids in the order to have instead.

        Returns
        -------
        Collection

        Raises
        ------
        LibraryError
            If a name or a photo would be there twice. This collection stays as it is.
        """
        species, names, digests = dict(self.species), self._names.copy(), self._digests.copy()
        for key, new in changed.items():
            old = species.pop(key, None) if new is None else species.get(key)
            if old is not None:
                for name in old.all_names:
                    del names[fold_name(name)]
                for digest in old.photos.digests:
                    del digests[digest]
            if new is not None:
                _check_place(key, new)
                species[key] = new
        if order is not None:
            species = {key: species[key] for key in order}
        made = object.__new__(Collection)
        for name in ("space", "dim", "encoder", "phrasing"):
            object.__setattr__(made, name, getattr(self, name))
        made._fill(species, names, digests)
        for new in changed.values():
            if new is not None:
                made._enter(new)
        return made

    def with_phrasing(self, phrasing: Phrasing) -> Collection:
        """Give a collection of the same species, with something else around their names.

        Parameters
        ----------
        phrasing : Phrasing

        Returns
        -------
        Collection
        """
        if phrasing == self.phrasing:
            return self
        made = self.with_species({})
        object.__setattr__(made, "phrasing", phrasing)
        return made

    def find(self, name: str) -> Species:
        """Give the species of a name or another name, whatever its case and spaces.

        Parameters
        ----------
        name : str

        Returns
        -------
        Species

        Raises
        ------
        SpeciesNotFound
            If none has that name; the message gives the nearest.
        """
        key = self._names.get(fold_name(name)) if isinstance(name, str) else None
        if key is not None:
            return self.species[key]
        near = None
        if isinstance(name, str):
            names = (n for one in self.species.values() for n in one.all_names)
            near = nearest_name(name, names)
        hint = f"; did you mean {near!r}?" if near else ""
        raise SpeciesNotFound(f"no species is called {name!r} among {len(self)}{hint}")

    def holder(self, digest: str) -> Species | None:
        """Give the species that has the photo of this digest, or None.

        Parameters
        ----------
        digest : str

        Returns
        -------
        Species or None
        """
        key = self._digests.get(digest)
        return None if key is None else self.species[key]

    @property
    def digests(self) -> list[str]:
        """The digests of all photos."""
        return list(self._digests)

    @property
    def n_photos(self) -> int:
        """How many photos all species have together."""
        return len(self._digests)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and fold_name(name) in self._names

    def __iter__(self) -> Iterator[Species]:
        return iter(self.species.values())

    def __len__(self) -> int:
        return len(self.species)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Collection):
            return NotImplemented
        return (self.space, self.dim, self.encoder, self.phrasing) == (
            other.space,
            other.dim,
            other.encoder,
            other.phrasing,
        ) and list(self.species.values()) == list(other.species.values())


def _check_place(key: str, species: Species) -> None:
    if species.id != key:
        raise LibraryError(
            f"{species.name!r} has the id {species.id!r} and stands under {key!r}: a collection is "
            "by id, and a species keeps its own"
        )
