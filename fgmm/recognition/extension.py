"""A classifier somebody already has, which goes on answering and learns new species."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from fgmm._version import __version__
from fgmm.errors import ModelError
from fgmm.plurals import counted
from fgmm.predictions import Predictions
from fgmm.recognition.beside import Beside
from fgmm.recognition.examples import check_names, gather_examples
from fgmm.recognition.extended_answers import ExtendedAnswers
from fgmm.recognition.looking import look_at
from fgmm.recognition.sources import list_sources, origin_of
from fgmm.recognition.tradeoff import Addition
from fgmm.recognition.weighing import Weighing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fgmm.library import Collection, HistoryEntry
    from fgmm.library.photo_choice import Choice
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.moment import Moment
    from fgmm.recognition.own_model import OwnModel
    from fgmm.recognition.receipt import Receipt
    from fgmm.recognition.species_list import SpeciesList
    from fgmm.recognizer import Recognizer

__all__ = ["ExtendedClassifier"]

_log = logging.getLogger("fgmm")


class ExtendedClassifier(Weighing):
    """A model of one's own with new species beside its classes. Make it with `Recognizer.extend`.

    The model's classes keep their order and the ratios of their probabilities; without a new
    species, or when all are removed, the answers are the model's. New ones compete by how much
    likelier a picture is of them than of an old class or of pictures in general, see
    `fgmm.recognition.contest`.

    Parameters
    ----------
    model : OwnModel
    recognizer : Recognizer
        Knows the new species and nothing else.
    layers : PictureLayers
        Of its encoder.
    make : callable
        Makes all that a collection's scores need.
    examples : pictures, or mapping of str to pictures, optional
    lose : float, default=0.01
        Share of the examples that may lose their right answer to new species.
    brings_background : bool, default=True
        Whether it is known what pictures of the encoder look like in general.
    progress : bool, optional
        False: no bar.

    Attributes
    ----------
    recognizer : Recognizer
        ``recognizer.save("new.fgmm")`` writes the new species; `rename` and `merge` are there.
    labels : tuple of str
        Of the model.
    failures : list of (input, error)
        Examples that could not be read.
    """

    def __init__(
        self,
        model: OwnModel,
        recognizer: Recognizer,
        layers: PictureLayers,
        make: Callable[[Collection], Moment],
        *,
        examples: Any = None,
        lose: float = 0.01,
        brings_background: bool = True,
        progress: bool | None = None,
    ) -> None:
        if isinstance(lose, bool) or not isinstance(lose, (int, float)) or not 0 <= lose < 1:
            raise ModelError(
                f"lose is {lose!r}: it is the share of old pictures that new species may take; "
                "give 0 or more and less than 1, such as 0.01"
            )
        model.check_width(layers.dim - layers.joint_dim, recognizer.collection.encoder)
        self.recognizer = recognizer
        self.labels = model.labels
        self.failures: list[tuple[Any, Exception]] = []
        self._model, self._layers = model, layers
        self._fixed: float | None = None
        self._examples = gather_examples(examples, model, layers, self.failures, progress=progress)
        self._beside = Beside(model, layers, make, self._examples, float(lose))
        self._beside.check(recognizer.collection)
        if not len(self._examples) and not brings_background:
            _log.warning(
                "the encoder %r brings no background of pictures in general, and there are no "
                "examples: photos of new species have nothing to be compared with; pass examples= "
                "or background=",
                recognizer.collection.encoder,
            )

    def add_species(
        self,
        name: str,
        photos: Any = (),
        *,
        names: Iterable[str] = (),
        description: str | None = None,
        progress: bool | None = None,
    ) -> Addition:
        """Learn a species the model does not know, all of it or nothing.

        Parameters
        ----------
        name : str
            No label of the model.
        photos : picture or pictures
            As of `Recognizer.add_species`.
        names : iterable of str
            Other names.
        description : str, optional
        progress : bool, optional
            False: no bar.

        Returns
        -------
        Addition
            What was used, and what it costs.

        Raises
        ------
        LibraryError, ImageError, TextTooLong
            As of `Recognizer.add_species`; also if it is called as one of the model's classes.
        """
        others = names if isinstance(names, str) else tuple(names)
        check_names((name, *((others,) if isinstance(others, str) else others)), self.labels)
        given = _listed(photos)
        self._beside.show(given)  # before anything is added: the model may fail
        receipt = self.recognizer.add_species(
            name, given, names=others, description=description, progress=progress
        )
        return self._added(receipt)

    def add_photos(self, name: str, photos: Any, *, progress: bool | None = None) -> Addition:
        """Learn more photos of a new species.

        Parameters
        ----------
        name : str
        photos : picture or pictures
        progress : bool, optional
            False: no bar.

        Returns
        -------
        Addition

        Raises
        ------
        SpeciesNotFound, LibraryError, ImageError
            As of `Recognizer.add_photos`.
        """
        given = _listed(photos)
        self._beside.show(given)
        receipt = self.recognizer.add_photos(name, given, progress=progress)
        return self._added(receipt)

    def remove(
        self,
        name: str,
        photos: Choice | Iterable[Choice] | None = None,
    ) -> None:
        """Forget a new species, or some of its photos, as if they had never been given.

        Parameters
        ----------
        name : str
        photos : path, int, or iterable of them, optional
            Paths, files' names, digests, or numbers from 1, as of `Recognizer.remove`.

        Raises
        ------
        SpeciesNotFound, LibraryError
            As of `Recognizer.remove`.
        """
        self.recognizer.remove(name, photos)

    def species(self) -> SpeciesList:
        """List the new species; as of `Recognizer.species`."""
        return self.recognizer.species()

    def undo(self) -> HistoryEntry:
        """Take back the last change of the new species, as `Recognizer.undo`.

        Returns
        -------
        HistoryEntry

        Raises
        ------
        LibraryError
            If there is nothing to take back.
        """
        return self.recognizer.undo()

    def classify(
        self, images: Any, *, coverage: float | None = None, progress: bool | None = None
    ) -> Any:
        """Say what a picture shows, or each of many: an old class or a new species.

        Parameters
        ----------
        images : picture or pictures
            As `fgmm.classify` takes them. Each is shown to the model once.
        coverage : None
            Refused: a model has no left-out photos of its classes to judge prediction sets by.
        progress : bool, optional
            False: no bar, for many.

        Returns
        -------
        SpeciesPrediction or Predictions
            One for one picture; for many, one each, and in ``failures`` those that could not be
            read. Labels are the model's in its order, then the new species. Old classes have
            evidence ``"model"`` alone; of new ones ``"old classes"`` is what speaks for those,
            and ``"level"`` what is asked of them beyond. ``unknown`` is None: a model cannot say
            that it is none of its classes.

        Raises
        ------
        ImageError
            If the one picture cannot be read.
        ModelError
            If the model's answer is none, or a coverage is given.
        """
        if coverage is not None:
            raise ModelError(
                f"coverage is {coverage!r}: nothing tells how often the model's own classes are "
                "right, so there are no prediction sets; leave coverage out"
            )
        listed, standing = list_sources(images), self._standing()
        sources = [images] if listed is None else listed
        found = look_at(
            sources,
            self._model,
            self._layers,
            vectors=standing is not None,
            strict=listed is None,
            progress=False if listed is None else progress,
        )
        names = found.names if listed is not None else [origin_of(images) or None]
        answers = ExtendedAnswers(
            self.labels,
            found.said,
            names,
            self._provenance(),
            standing,
            None if standing is None else found.kept,
            self.level,
        )
        return answers[0] if listed is None else Predictions(answers, found.failures)

    def __contains__(self, name: object) -> bool:
        return name in self.labels or name in self.recognizer

    def __len__(self) -> int:
        return len(self.labels) + len(self.recognizer)

    def __repr__(self) -> str:
        known = counted(len(self.labels), "class")
        return f"<ExtendedClassifier of {known} and {len(self.recognizer)} new species>"

    def _added(self, receipt: Receipt) -> Addition:
        return Addition(receipt, self.tradeoff(), len(self.labels))

    def _provenance(self) -> dict[str, str]:
        here = self.recognizer.collection
        return {
            "encoder_name": here.encoder,
            "encoder_space": here.space,
            "model": self._model.kind,
            "photos": str(here.n_photos),
            "fgmm": __version__,
            "torch": str(torch.__version__),
        }


def _listed(photos: Any) -> Any:
    """Read an iterator once: photos are looked at by the recogniser and by the model."""
    listed = list_sources(photos)
    return photos if listed is None else listed
