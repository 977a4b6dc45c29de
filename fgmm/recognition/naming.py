"""The part of a recogniser that changes what its species are called, and how that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fgmm.errors import CandidateError
from fgmm.library import acts
from fgmm.recognition.changing import Changing
from fgmm.recognition.words import phrasing_of
from fgmm.templates import check_templates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.templates import Templates

__all__ = ["Naming"]


class Naming(Changing):
    """Changes words: what a `fgmm.Recognizer` knows besides photos. Each change can be undone."""

    _concept: str | None

    def rename(self, old: str, new: str) -> None:
        """Give a species another name; the old one is not kept.

        Parameters
        ----------
        old, new : str

        Raises
        ------
        SpeciesNotFound
            If no species is called ``old``.
        LibraryError
            If ``new`` is no name, or another species'.
        TextTooLong
            If it is longer than the encoder reads.
        """
        self._change(*acts.renaming(self.collection, old, new))

    def add_names(self, name: str, names: Iterable[str]) -> None:
        """Give a species other names, beside those it has.

        Parameters
        ----------
        name : str
        names : iterable of str

        Raises
        ------
        SpeciesNotFound
            If no species is called ``name``.
        LibraryError
            If one is no name, or another species'.
        TextTooLong
            If one is longer than the encoder reads.
        """
        self._change(*acts.naming(self.collection, name, names))

    def describe(self, name: str, description: str | None) -> None:
        """Say what a species looks like, in place of what was said before.

        Parameters
        ----------
        name : str
        description : str or None
            A sentence the encoder can read; None takes it away.

        Raises
        ------
        SpeciesNotFound
            If no species is called ``name``.
        LibraryError
            If it is no text.
        TextTooLong
            If it is longer than the encoder reads.
        """
        self._change(*acts.describing(self.collection, name, description))

    def set_words(self, *, concept: str | None = None, templates: Templates | None = None) -> None:
        """Change what is put around all names; the library keeps it.

        Parameters
        ----------
        concept : str, optional
            What kind of thing all species are, such as "bird"; nothing if not given.
        templates : str or list of str, optional
            Sentences that names are put into; the usual ones if not given.

        Raises
        ------
        CandidateError
            If a template has no ``{}`` or is a function, or the concept is no text.
        TextTooLong
            If a name is then longer than the encoder reads.
        """
        if templates is not None and not all(
            isinstance(one, str) for one in check_templates(templates)
        ):
            raise CandidateError(
                "a template is a function, and a library keeps texts: give it when the library is "
                "opened"
            )
        new = phrasing_of(templates, concept, reads_words=self._words is not None)
        given = None if self._words is None else self._words.follow()
        own, self._concept = self._concept, None
        try:
            self._change(*acts.phrasing(new))
        except BaseException:
            self._concept = own
            if self._words is not None and given is not None:
                self._words.follow(*given)
            raise
