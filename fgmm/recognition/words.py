"""The words of a collection's species as vectors, each encoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fgmm.candidates import candidates_key, read_candidates
from fgmm.embeddings import unit_rows
from fgmm.encoders.shelf import text_shelf
from fgmm.library.phrasing import Phrasing
from fgmm.progress import ProgressBar
from fgmm.prompts import GENERIC_TEXT, class_matrix, text_vectors
from fgmm.templates import check_concept, check_templates, texts_of
from fgmm.text_cache import text_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from fgmm.encoders.base import Encoder
    from fgmm.library import Collection, Species
    from fgmm.templates import Template, Templates
    from fgmm.text_cache import TextStore

__all__ = ["SpeciesWords", "phrasing_of"]

_AT_ONCE = 256
# names, description, templates, concept
_Said = tuple[tuple[str, ...], str | None, "tuple[Template, ...]", str | None]


class SpeciesWords:
    """Text vectors of species: of their names in the templates, and of their description as it is.

    Parameters
    ----------
    encoder : Encoder
    templates : str, callable, or list of them, optional
        As of `fgmm.classify`; in place of the collection's own.
    concept : str, optional
        What kind of thing all species are; in place of the collection's own.
    store : callable, optional
        Gives the place where vectors of texts are kept from one process to the next.

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> from fgmm.library import Collection, add_species
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren", description="small and brown")
    >>> SpeciesWords(load_encoder("fake")).vectors(birds).shape
    torch.Size([1, 48])
    """

    def __init__(
        self,
        encoder: Encoder,
        templates: Templates | None = None,
        concept: str | None = None,
        *,
        store: Callable[[], TextStore | None] = lambda: None,
    ) -> None:
        self._encoder = encoder
        self._templates = templates
        self._concept = concept
        self._store = store
        self._kept: dict[_Said, Tensor] = {}

    def vectors(self, collection: Collection, *, progress: bool | None = None) -> Tensor:
        """Give a unit vector a species (k, d), in the collection's order.

        Parameters
        ----------
        collection : Collection
        progress : bool, optional
            False: no bar. By default there is one after two seconds, on a terminal.

        Returns
        -------
        Tensor of shape (k, d)

        Raises
        ------
        CandidateError
            If the templates cannot be filled, or the texts of a species cancel out.
        TextTooLong
            If a name or description is longer than the encoder reads.
        """
        around = self._around(collection)
        said = [(one.all_names, one.description, *around) for one in collection]
        missing = [at for at, key in enumerate(said) if key not in self._kept]
        species = list(collection)
        with ProgressBar("Reading names", len(missing), progress) as bar:
            for start in range(0, len(missing), _AT_ONCE):
                some = missing[start : start + _AT_ONCE]
                rows = self._encode([species[at] for at in some], collection)
                for at, row in zip(some, rows, strict=True):
                    self._kept[said[at]] = row
                    bar.advance()
        return torch.stack([self._kept[key] for key in said])

    def follow(
        self, templates: Templates | None = None, concept: str | None = None
    ) -> tuple[Templates | None, str | None]:
        """Say names as the collection does, or as is given here; give what was given before."""
        before = self._templates, self._concept
        self._templates, self._concept = templates, concept
        return before

    def keeps_up(self, collection: Collection) -> bool:
        """Tell whether a collection's own words are those that are used."""
        own = collection.phrasing
        return self._around(collection) == (check_templates(own.templates), own.concept)

    def keys(self, collection: Collection) -> list[bytes]:
        """Give the keys under which the vectors of a collection's texts are kept in a store."""
        texts = [one.description for one in collection if one.description]
        if len(collection):
            templates, concept = self._around(collection)
            for names in read_candidates(candidates_key(_named(list(collection)))).names:
                texts += texts_of(names, templates, concept)
        shelf = text_shelf(self._encoder)
        return [text_key(shelf, text) for text in (*texts, GENERIC_TEXT)]

    def _around(self, collection: Collection) -> tuple[tuple[Template, ...], str | None]:
        """What is put around names: what was given, else what the collection says."""
        own = collection.phrasing
        templates = own.templates if self._templates is None else self._templates
        return check_templates(templates), check_concept(self._concept or own.concept)

    def _encode(self, species: Sequence[Species], collection: Collection) -> Tensor:
        store = self._store()
        classes = class_matrix(
            self._encoder, _named(species), *self._around(collection), store=store
        )
        rows = classes.matrix.vectors.float()
        described = [at for at, one in enumerate(species) if one.description]
        if not described:
            return rows
        texts = [species[at].description or "" for at in described]
        rows = rows.clone()
        # a name and what it looks like, half each: where one tells nothing, the other may
        rows[described] = unit_rows(
            rows[described] + text_vectors(self._encoder, texts, store=store)
        )
        return rows


def _named(species: Sequence[Species]) -> dict[str, tuple[str, ...]]:
    return {str(at): one.all_names for at, one in enumerate(species)}


def phrasing_of(templates: Templates | None, concept: str | None, *, reads_words: bool) -> Phrasing:
    """Give what a library can keep of templates and a concept: functions it cannot.

    Examples
    --------
    >>> phrasing_of("the {}", "bird", reads_words=True).templates
    ('the {}',)
    """
    kept = []
    if templates is not None:
        kept = [one for one in check_templates(templates) if isinstance(one, str)]
        if len(kept) < len(check_templates(templates)):
            kept = []
    return Phrasing(reads_words, check_concept(concept), tuple(kept) or None)
