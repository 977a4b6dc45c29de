"""The part of a recogniser that says what pictures show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fgmm.errors import ImageError, LibraryError
from fgmm.predictions import Predictions
from fgmm.recognition.answers import Answers, answer
from fgmm.recognition.lineages import knowledge_of
from fgmm.recognition.moment import Moment
from fgmm.recognition.scorer import Scorer
from fgmm.recognition.sources import list_sources, origin_of
from fgmm.recognition.together import pool_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fewshot import Background
    from fgmm.embedding.stores import CacheChoice
    from fgmm.library import Collection, LibraryFile, MemoryLibrary
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.species_prediction import SpeciesPrediction
    from fgmm.recognition.words import SpeciesWords
    from knowledge import KnowledgeGraph

__all__ = ["Asking"]


class Asking:
    """Classifies: what a `fgmm.Recognizer` makes of what it knows."""

    library: MemoryLibrary | LibraryFile
    _layers: PictureLayers
    _words: SpeciesWords | None
    _graph: KnowledgeGraph | None
    _concept: str | None
    _name: str
    _background: Background | None
    _joint_background: Background | None
    _held: Moment | None
    if TYPE_CHECKING:

        @property
        def collection(self) -> Collection: ...  # noqa: D102 - that of `Keeping`

    def classify(
        self,
        images: Any,
        candidates: Iterable[str] | None = None,
        *,
        coverage: float | None = None,
        batch_size: int = 32,
        progress: bool | None = None,
        cache: CacheChoice = None,
    ) -> Any:
        """Say which species a picture shows, or each of many.

        Parameters
        ----------
        images : picture or pictures
            As `fgmm.classify` takes them.
        candidates : iterable of str, optional
            Names of species that may be answered. The answer among all species is kept beside,
            ``prediction.unrestricted``.
        coverage : float, optional
            For ``prediction.plausible``: the species among which the right one is so often,
            above 0 and below 1, as the photos given tell (`fgmm.recognition.calibration`).
        batch_size : int, default=32
            Pictures to encode at a time, for many.
        progress : bool, optional
            False: no bar, for many.
        cache : EmbeddingCache, path or bool, optional
            Where pictures' vectors are kept between runs, for many.

        Returns
        -------
        SpeciesPrediction or Predictions
            One for one picture; for many, one each, and in ``failures`` those that could not be
            read.

        Raises
        ------
        LibraryError
            If no species is known; if the coverage is no share, or the library is too large
            to judge each of its photos for it.
        SpeciesNotFound
            If a candidate is none of them.
        ImageError
            If the one picture cannot be read.
        """
        moment, sources = self._moment(), list_sources(images)
        if coverage is not None:
            moment.calibration.threshold(coverage)  # a wrong one is told before pictures are read
        rows = None if candidates is None else _rows_named(moment.collection, candidates)
        if sources is None:
            kept = self._layers.encode_one(images)
            return answer(moment, kept, [origin_of(images) or None], rows, coverage)[0]
        found = self._layers.embed(sources, batch_size=batch_size, progress=progress, cache=cache)
        failures = [(sources[one.position], one.error) for one in found.failures]
        return Predictions(Answers(moment, found, found.names, rows, coverage), failures)

    def classify_together(
        self,
        images: Any,
        weights: Sequence[float] | None = None,
        candidates: Iterable[str] | None = None,
    ) -> SpeciesPrediction:
        """Say which species several pictures of one individual show.

        Their evidence is added up and tempered: pictures of one individual are not independent
        given its species. Two half say the same, so that any number says at most twice what one
        does; see `fgmm.recognition.together.pool_weights`.

        Parameters
        ----------
        images : pictures
        weights : sequence of float, optional
            What each picture is worth beside the others, 0 or more.
        candidates : iterable of str, optional
            As of `classify`.

        Returns
        -------
        SpeciesPrediction

        Raises
        ------
        ImageError
            If one of them cannot be read: weights would go to the wrong pictures.
        ValueError
            If there is not one weight for each.
        """
        moment = self._moment()
        rows = None if candidates is None else _rows_named(moment.collection, candidates)
        listed = list_sources(images)
        sources = [images] if listed is None else listed
        if not sources:
            raise ImageError("there are no pictures to classify together: give at least one")
        pooling = pool_weights(weights, len(sources))
        kept = self._layers.embed(sources, on_error="raise", progress=False)
        name = f"{len(sources)} pictures together"
        return answer(moment, kept, [name], rows, pooling=pooling)[0]

    def _moment(self) -> Moment:
        """Give what is known now, made again where the library has changed."""
        here = self.collection
        if not len(here):
            raise LibraryError("no species is known yet: add one, recognizer.add_species(...)")
        return self._moment_of(here)

    def _moment_of(self, here: Collection) -> Moment:
        """Give what follows from a collection, made again unless it was the last."""
        held = self._held
        if held is None or held.collection is not here:
            held = self._held = self._make(here)
        return held

    def _make(self, collection: Collection) -> Moment:
        layers = self._layers
        concept = self._concept or collection.phrasing.concept
        known = knowledge_of(self._graph, collection, layers.reader, concept)
        scorer = Scorer.of(
            collection,
            None if self._words is None else self._words.vectors(collection),
            layers.reading,
            self._background,
            joint_background=self._joint_background,
            joint_dim=layers.joint_dim,
            previous=None if self._held is None else self._held.scorer,
        )
        graph, knowledge = known or (None, None)
        return Moment(collection, layers, scorer, self._name, graph, knowledge)


def _rows_named(collection: Collection, names: Iterable[str]) -> tuple[int, ...]:
    """Find the rows of species by any of their names, each once, in the order given."""
    if isinstance(names, str):
        raise LibraryError(f"candidates are one text, {names!r}: pass a list, [{names!r}]")
    place = {id: row for row, id in enumerate(collection.species)}
    rows = tuple(dict.fromkeys(place[collection.find(name).id] for name in names))
    if not rows:
        raise LibraryError("there are no candidates: name at least one species, or leave it out")
    return rows
