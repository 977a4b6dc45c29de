"""From vectors of pictures and classes to predictions, a block at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import torch

from fgmm._version import __version__
from fgmm.class_knowledge import KnownPicture
from fgmm.embeddings import Embeddings, check_space, cosine_matrix
from fgmm.prediction import Prediction, Wording
from fgmm.prompts import GENERIC_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.class_knowledge import ClassKnowledge
    from fgmm.encoders.base import Scoring
    from fgmm.prompts import TextClasses

__all__ = ["Reading", "Scored"]

_LOGITS_A_BLOCK = 2**22
_ROWS_A_BLOCK = 1_024


@dataclass(frozen=True, slots=True)
class Reading:
    """How an encoder's cosines are read: ``logit = scale * cosine + bias``."""

    scale: float
    bias: float
    scoring: Scoring


class Scored(Sequence[Prediction]):
    """Predictions made when they are asked for.

    Only the vectors are kept, n x d numbers in place of n x k: a folder of pictures and
    100,000 classes would not fit otherwise. The block last asked for stays.

    Parameters
    ----------
    pictures : Embeddings of n rows
    names : sequence of n str or None
    classes : TextClasses
    reading : Reading
    encoder_name : str
        What the caller named the encoder, for the provenance.
    knowledge : ClassKnowledge, optional
        What a graph says of the classes; its evidence is added to that of the texts.
    features : Embeddings of n rows, optional
        Of the pictures, where the knowledge reads another layer than the texts do.

    Raises
    ------
    SpaceMismatch
        If pictures and classes come from different encoders.
    """

    def __init__(
        self,
        pictures: Embeddings,
        names: Sequence[str | None],
        classes: TextClasses,
        reading: Reading,
        encoder_name: str,
        knowledge: ClassKnowledge | None = None,
        features: Embeddings | None = None,
    ) -> None:
        check_space(pictures.space, classes.matrix.space)
        self._vectors = pictures.vectors.cpu()
        self._knowledge = knowledge
        told = pictures if features is None else features
        self._told, self._told_space = told.vectors.cpu(), told.space
        self._names = names
        self._classes = classes
        self._reading = reading
        self._rows = max(1, min(_ROWS_A_BLOCK, _LOGITS_A_BLOCK // len(classes)))
        self._last: tuple[int, list[Prediction]] = (-1, [])
        self._provenance = {
            "encoder_name": encoder_name,
            "encoder_space": pictures.space,
            "class_set": classes.fingerprint,
            "fgmm": __version__,
            "torch": str(torch.__version__),
        }

    def __len__(self) -> int:
        return len(self._vectors)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> list[Prediction]: ...
    def __getitem__(self, index: int | slice) -> Prediction | list[Prediction]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"there are {len(self)} predictions, none at {index}")
        block = at // self._rows
        last = self._last
        if last[0] != block:
            last = self._last = (block, self._predict(block * self._rows))
        return last[1][at % self._rows]

    def _predict(self, start: int) -> list[Prediction]:
        vectors = self._vectors[start : start + self._rows]
        classes, reading = self._classes, self._reading
        cosines = classes.matrix.cosines(vectors)
        texts = cosines * reading.scale + reading.bias
        evidence, known = {"text": texts}, self._known(start)
        if known is not None:
            evidence["knowledge"] = known[0].evidence.nats(known[1])
        logits = sum(evidence.values(), torch.zeros(())) if known is not None else texts
        generic: list[float] = []
        if reading.scoring == "sigmoid":
            probabilities = logits.sigmoid()
        elif classes.generic is None:
            probabilities = logits.softmax(dim=1)
        else:
            against = cosine_matrix(vectors, classes.generic[None]) * reading.scale + reading.bias
            generic = [float(logit) for logit in against]
            probabilities = (logits - against).sigmoid()  # the softmax of two
        # Rows are copied, so that keeping one prediction does not keep its whole block.
        return [
            Prediction(
                labels=classes.labels,
                probabilities=probabilities[row].clone(),
                logits=(own := logits[row].clone()),
                cosines=cosines[row].clone(),
                evidence={"text": own}
                if known is None
                else {source: nats[row].clone() for source, nats in evidence.items()},
                scoring=reading.scoring,
                provenance=self._provenance,
                name=self._names[start + row],
                generic=(GENERIC_TEXT, generic[row]) if generic else None,
                nearest_text=NearestText(vectors[row].clone(), classes),
                known=None if known is None else KnownPicture(known[0], known[1][row].clone()),
            )
            for row in range(len(vectors))
        ]

    def _known(self, start: int) -> tuple[ClassKnowledge, Tensor] | None:
        """What the graph says, and how far the pictures of a block go along each of its columns."""
        if self._knowledge is None:
            return None
        rows = Embeddings(self._told[start : start + self._rows], self._told_space)
        return self._knowledge, self._knowledge.evidence.scores(rows)


@dataclass(frozen=True, slots=True, eq=False)
class NearestText:
    """Finds the text of a class that is nearest to one picture."""

    picture: Tensor
    classes: TextClasses

    def __call__(self, index: int) -> Wording | None:
        """Give the nearest text of class ``index``, or None where their vectors were not kept."""
        if self.classes.wordings is None:
            return None
        cosines = self.classes.wordings[index] @ self.picture
        best = int(cosines.argmax())
        return Wording(self.classes.texts(index)[best], float(cosines[best]), len(cosines))
