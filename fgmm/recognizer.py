"""A recogniser that learns species from words and a few photos: read this file first.

It joins three parts: a library of species (`fgmm.library`: values, changes, one file), an encoder,
and the scores of a collection (`fgmm.recognition`). Everything but the library is computed from the
collection it holds, and made again when that changes.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from fgmm.encoders.registry import DEFAULT_ENCODER, load_encoder, name_encoder
from fgmm.errors import LibraryError
from fgmm.library import Collection, LibraryFile, MemoryLibrary, acts, changes
from fgmm.library.photo_choice import choose_photos
from fgmm.recognition.adding import Adding
from fgmm.recognition.asking import Asking
from fgmm.recognition.extending import Extending
from fgmm.recognition.keeping import Keeping
from fgmm.recognition.layers import PictureLayers
from fgmm.recognition.naming import Naming
from fgmm.recognition.words import SpeciesWords, phrasing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fewshot import Background
    from fgmm.encoders.base import ImageEncoder
    from fgmm.library.photo_choice import Choice
    from fgmm.recognition.moment import Moment
    from fgmm.recognition.receipt import Receipt
    from fgmm.templates import Templates
    from knowledge import KnowledgeGraph

__all__ = ["Recognizer"]


class Recognizer(Adding, Naming, Keeping, Asking, Extending):
    """Species learned one by one, from words and photos, and told apart in pictures.

    Nothing is trained: a photo is encoded once, and what is known is a sum over photos. So a
    species is added at once, removing it is exact, and order does not matter. A species may have
    any number of photos, none if the encoder reads its words.

    Parameters
    ----------
    encoder : str or encoder, default="tiny"
        A name as `fgmm.load_encoder` takes, or what it gave. One that reads pictures only is
        enough for species with photos.
    knowledge : KnowledgeGraph, optional
        What is known of the species; they are found in it by their names. It gives evidence
        ``"knowledge"``, reasons, and answers at other levels, as in `fgmm.classify`.
    background : fewshot.Background, optional
        What pictures of this encoder look like in general, by its features. By default what the
        encoder brings (``tiny`` does); without any the spread is guessed from the photos.
    templates : str, callable, or list of them, optional
        Sentences that names are put into, as in `fgmm.classify`. A library keeps those that are
        texts, and the concept.
    concept : str, optional
        What kind of thing all species are, such as "bird".
    thumbnails : bool, optional
        Whether to keep a small picture of each photo that is added, see `thumbnail`. By default
        if the library has some already: not in a new one.

    Attributes
    ----------
    library : MemoryLibrary or LibraryFile
        What is kept.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm import Recognizer
    >>> def plain(colour):
    ...     return Image.new("RGB", (32, 32), colour)
    >>> recognizer = Recognizer("fake")  # leave it out for "tiny"
    >>> _ = recognizer.add_species("ruby", [plain("#e01020"), plain("#c81030")])
    >>> _ = recognizer.add_species("sky", [plain("#4090f0"), plain("#70b0f0")])
    >>> recognizer
    <Recognizer fake: 2 species, 4 photos>
    >>> recognizer.classify(plain("red")).label
    'ruby'
    """

    def __init__(
        self,
        encoder: str | ImageEncoder = DEFAULT_ENCODER,
        knowledge: KnowledgeGraph | None = None,
        *,
        background: Background | None = None,
        templates: Templates | None = None,
        concept: str | None = None,
        thumbnails: bool | None = None,
    ) -> None:
        self._layers = PictureLayers(load_encoder(encoder))
        self._name = name_encoder(encoder)
        self._graph = knowledge
        self._concept = concept
        self._thumbnails = thumbnails
        self._background = self._layers.background(background)
        self._joint_background = self._layers.joint_background()
        reader = self._layers.reader
        self._words = (
            None
            if reader is None
            else SpeciesWords(reader, templates, concept, store=lambda: self.library.texts)
        )
        self._held: Moment | None = None
        self.library: MemoryLibrary | LibraryFile = MemoryLibrary(
            Collection(
                self._layers.space,
                self._layers.dim,
                self._name,
                phrasing=phrasing_of(templates, concept, reads_words=reader is not None),
            )
        )

    def add_species(
        self,
        name: str,
        photos: Any = (),
        *,
        names: Iterable[str] = (),
        description: str | None = None,
        attributes: Mapping[str, float] | None = None,
        parent: str | None = None,
        progress: bool | None = None,
    ) -> Receipt:
        """Learn a species, all of it or nothing.

        Parameters
        ----------
        name : str
        photos : picture or pictures
            A folder, a glob, paths, PIL images, arrays: what `fgmm.classify` takes. May be left
            out where the encoder reads words.
        names : iterable of str
            Other names.
        description : str, optional
            What it looks like, in a sentence the encoder can read.
        attributes : mapping of str to float, optional
            How far it has each attribute, 0 to 1: facts in a copy of the graph, in place of what
            the graph says of its having them.
        parent : str, optional
            What it is a kind of: a fact too, beside those of the graph.
        progress : bool, optional
            False: no bar. By default there is one after two seconds, on a terminal.

        Returns
        -------
        Receipt
            What was used, what it did to the others, and whether more photos would help.

        Raises
        ------
        LibraryError
            If the name is taken, or it has neither photos nor words that can be read.
        ImageError
            If none of the photos can be read.
        TextTooLong
            If a name or the description is longer than the encoder reads.
        knowledge.errors.GraphError
            If a strength is not from 0 to 1. `knowledge.errors.CyclicGraph`, if the parent is a
            kind of the species itself.
        """
        about: dict[str, Any] = {
            "names": names if isinstance(names, str) else tuple(names),
            "description": description,
            "attributes": attributes,
            "parent": parent,
            "id": uuid.uuid4().hex,
        }
        changes.add_species(self.collection, name, **about)  # before anything is encoded
        found = self._gather(photos, None, progress)
        self._check_recognisable(name, found.photos)
        detail = {"name": name, "photos": len(found.photos)}
        return self._add(
            lambda now: changes.add_species(now, name, found.photos, **about),
            ("add_species", detail),
            found,
            name,
        )

    def add_photos(self, name: str, photos: Any, *, progress: bool | None = None) -> Receipt:
        """Learn more photos of a species, all of them or, after an error, none.

        Parameters
        ----------
        name : str
            Of the species, or another name of it.
        photos : picture or pictures
            As of `add_species`.
        progress : bool, optional
            False: no bar.

        Returns
        -------
        Receipt
            Photos it has already are listed as refused.

        Raises
        ------
        SpeciesNotFound
            If no species is called that; the message gives the nearest.
        LibraryError
            If all photos are another species'.
        ImageError
            If none of the photos can be read.
        """
        found = self._gather(photos, name, progress)
        detail = {"name": name, "photos": len(found.photos)}
        return self._add(
            lambda now: changes.add_photos(now, name, found.photos),
            ("add_photos", detail),
            found,
            name,
        )

    def remove(
        self,
        name: str,
        photos: Choice | Iterable[Choice] | None = None,
    ) -> None:
        """Forget a species, or some of its photos: exactly as if they had never been given.

        Parameters
        ----------
        name : str
        photos : path, int, or iterable of them, optional
            Paths they came from, or their files' names; digests, or how they begin; or numbers,
            from 1. All of the species, words too, if not given.

        Raises
        ------
        SpeciesNotFound
            If no species is called that.
        LibraryError
            If it has no such photo, several fit, or nothing to be recognised by would be left.
        """
        species = self.collection.find(name)
        digests = None if photos is None else choose_photos(species, photos)
        if digests is not None and self._words is None and len(digests) == len(species.photos):
            raise LibraryError(
                f"{species.name!r} would be left without a photo, and the encoder {self._name!r} "
                "reads no words: remove the species, or keep a photo"
            )
        self._change(*acts.removing(self.collection, name, digests))

    def merge(self, into: str, other: str) -> None:
        """Make two species one, with the photos and names of both.

        Parameters
        ----------
        into : str
            Keeps its name and its place.
        other : str
            Its name becomes another name.

        Raises
        ------
        SpeciesNotFound
            If one of them is not there.
        LibraryError
            If both are the same species.
        """
        self._change(*acts.merging(self.collection, into, other))
