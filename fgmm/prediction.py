"""What a caller gets: the numbers of one picture, what they mean, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmm.class_knowledge.answers import GraphAnswers, count_of
from fgmm.wording import Wording, draw_table, explain_prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from fgmm.class_knowledge import KnownPicture
    from fgmm.encoders.base import Scoring

__all__ = ["Prediction", "Wording"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prediction(GraphAnswers):
    """What the evidence says about one picture, for each of k candidates.

    Parameters
    ----------
    labels : tuple of str
        The candidates, as they were given and in that order; all tensors follow it.
    probabilities : Tensor of shape (k,), in [0, 1]
        ``scoring="softmax"``: over the candidates given, adding up to one; how the picture
        is shared out among them, not whether one of them is in it. A single candidate is
        weighed against a generic text instead, see ``generic``. ``scoring="sigmoid"``: each
        candidate by itself; they do not add up to one.
    logits : Tensor of shape (k,), in nats
        What the softmax or the sigmoid sees.
    cosines : Tensor of shape (k,), in [-1, 1]
        Of the picture and the text vector of each candidate.
    evidence : mapping of str to Tensor of shape (k,), in nats
        Where the logits come from; adds up to them. ``"text"`` is what classify reads in the
        candidates' names; ``"knowledge"`` what a graph says of them beyond that, where there
        is one: 0 on average over the candidates the graph knows, and 0 for the others.
    scoring : {"softmax", "sigmoid"}
        How the encoder's logits are read.
    provenance : mapping of str to str
        ``encoder_name``, as the caller named it; ``encoder_space``, the fingerprint of what
        it computes; ``class_set``, the same for the same candidates and texts in any order;
        and the versions of ``fgmm`` and ``torch``.
    name : str, optional
        Of the picture.
    calibration : str, default="none"
        How the probabilities were made to mean frequencies.
    generic : tuple of str and float, optional
        For a single candidate under softmax: the text it was weighed against, and its logit.
    nearest_text : callable, optional
        Gives the `Wording` of class i that is nearest to the picture, or None where that is
        not known. Only `explain` asks.
    known : KnownPicture, optional
        What a graph says of the candidates and this picture, for `reasons`, `rollup` and
        `backoff`; there is one where ``knowledge`` was given.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm import classify
    >>> red = Image.new("RGB", (32, 32), "red")
    >>> prediction = classify(red, ["a red thing", "a blue thing"], encoder="fake")
    >>> prediction.label
    'a red thing'
    >>> bool(prediction.probability > 0.9)
    True
    """

    labels: tuple[str, ...]
    probabilities: Tensor
    logits: Tensor
    cosines: Tensor
    evidence: Mapping[str, Tensor]
    scoring: Scoring
    provenance: Mapping[str, str]
    name: str | None = None
    calibration: str = "none"
    generic: tuple[str, float] | None = None
    nearest_text: Callable[[int], Wording | None] | None = None
    known: KnownPicture | None = None

    def __post_init__(self) -> None:
        k = len(self.labels)
        numbers = {"probabilities": self.probabilities, "logits": self.logits}
        numbers |= {"cosines": self.cosines, **self.evidence}
        for what, values in numbers.items():
            if values.shape != (k,):
                raise ValueError(f"{what} has shape {tuple(values.shape)} for {k} labels: ({k},)")
        if not k:
            raise ValueError("a prediction has at least one label")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def label(self) -> str:
        """The most likely candidate; the first one given where several are equal."""
        return self.labels[int(self.logits.argmax())]

    @property
    def probability(self) -> float:
        """The probability of `label`, in [0, 1]."""
        return float(self.probabilities[int(self.logits.argmax())])

    def ranking(self, k: int | None = None) -> list[int]:
        """Give the positions of the k most likely candidates, most likely first.

        Parameters
        ----------
        k : int, optional
            All of them where None or more than there are.

        Returns
        -------
        list of int
            Equal candidates in the order they were given.

        Raises
        ------
        ValueError
            If k is less than one.
        """
        k = len(self) if k is None else min(count_of(k), len(self))
        # Without sorting all of them: there may be a million.
        least = self.logits.topk(k).values[-1]
        best = (self.logits >= least).nonzero().flatten()
        order = self.logits[best].sort(descending=True, stable=True).indices
        return [int(index) for index in best[order][:k]]

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Give the k most likely candidates and their probabilities, most likely first.

        Parameters
        ----------
        k : int, default=5
            More than there are gives all there are.

        Returns
        -------
        list of (label, probability)

        Raises
        ------
        ValueError
            If k is less than one.
        """
        return [(self.labels[i], float(self.probabilities[i])) for i in self.ranking(k)]

    def explain(self, k: int = 3) -> str:
        """Say in words how the logits of the k most likely candidates come about.

        Parameters
        ----------
        k : int, default=3

        Returns
        -------
        str
            One line a candidate: its logit as the sum of its evidence in nats, how far it is
            behind the first, and the nearest of its texts if there are several. With a graph,
            below the first what speaks for it, and what tells it from the second.
        """
        return explain_prediction(self, k)

    def to_dict(self, k: int | None = None) -> dict[str, Any]:
        """Give plain Python values, ready for JSON.

        Parameters
        ----------
        k : int, optional
            How many candidates to write out under ``"top"``; all where None.

        Returns
        -------
        dict
            name, label, probability, scoring, calibration, ``top`` (label, probability,
            logit, cosine and evidence of each, most likely first) and provenance; with a
            graph, ``reasons`` for the label (text, nats).
        """
        top = [
            {
                "label": self.labels[i],
                "probability": float(self.probabilities[i]),
                "logit": float(self.logits[i]),
                "cosine": float(self.cosines[i]),
                "evidence": {key: float(values[i]) for key, values in self.evidence.items()},
            }
            for i in self.ranking(k)
        ]
        row: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "probability": self.probability,
            "scoring": self.scoring,
            "calibration": self.calibration,
            "candidates": len(self),
            "top": top,
            "provenance": dict(self.provenance),
        }
        if self.known is not None:
            row["reasons"] = [{"text": one.text, "nats": one.nats} for one in self.reasons()]
        if self.generic is not None:
            row["generic"] = {"text": self.generic[0], "logit": self.generic[1]}
        return row

    def __repr__(self) -> str:
        name = f"{self.name!r}: " if self.name else ""
        rivals = f"of {len(self)}" if self.generic is None else f"against {self.generic[0]!r}"
        return f"<Prediction {name}{self.label!r} {self.probability:.3f}, {rivals}>"

    def __str__(self) -> str:
        return draw_table(self)

    @property
    def meaning(self) -> str:
        """What the probabilities mean, in a few words."""
        calibrated = "not calibrated" if self.calibration == "none" else self.calibration
        if self.scoring == "sigmoid":
            return f"sigmoid, each of {len(self)} by itself, {calibrated}"
        if self.generic is not None:
            return f"softmax of 1 candidate against {self.generic[0]!r}, {calibrated}"
        return f"softmax over {len(self)} candidates, {calibrated}"
