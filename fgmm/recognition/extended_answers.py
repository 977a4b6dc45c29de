"""Predictions among a model's own classes and new species, made when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, overload

import torch

from fgmm.embeddings import Embeddings
from fgmm.recognition.species_prediction import SpeciesPrediction

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.recognition.standing import Standing

__all__ = ["ExtendedAnswers"]

_ROWS_A_BLOCK = 256


class ExtendedAnswers(Sequence[SpeciesPrediction]):
    """Predictions of n pictures; kept are their vectors and what the model said.

    Parameters
    ----------
    labels : tuple of k str
        Of the model.
    said : Tensor of shape (n, k), float64
        Its log-probabilities.
    names : sequence of n str or None
    provenance : mapping of str to str
    standing : Standing, optional
        None where nothing was added: the answers are the model's.
    kept : Tensor of shape (n, d), optional
        Vectors of the pictures, as a library keeps them; comes with ``standing``.
    level : float, default=0
        In nats.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        said: Tensor,
        names: Sequence[str | None],
        provenance: Mapping[str, str],
        standing: Standing | None = None,
        kept: Tensor | None = None,
        level: float = 0.0,
    ) -> None:
        self._labels, self._said, self._names = labels, said, names
        self._standing, self._kept, self._level = standing, kept, level
        every = labels + (standing.species if standing else ())
        told = "\n".join([*every, standing.moment.provenance["class_set"] if standing else ""])
        marks = {"class_set": hashlib.sha256(told.encode()).hexdigest()[:16]}
        self._provenance = {**provenance, **marks}
        self._every = every
        self._last: tuple[int, list[SpeciesPrediction]] = (-1, [])

    def __len__(self) -> int:
        return len(self._said)

    @overload
    def __getitem__(self, index: int) -> SpeciesPrediction: ...
    @overload
    def __getitem__(self, index: slice) -> list[SpeciesPrediction]: ...
    def __getitem__(self, index: int | slice) -> SpeciesPrediction | list[SpeciesPrediction]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"there are {len(self)} predictions, none at {index}")
        block, place = divmod(at, _ROWS_A_BLOCK)
        last = self._last
        if last[0] != block:
            last = (block, self._answer(slice(block * _ROWS_A_BLOCK, (block + 1) * _ROWS_A_BLOCK)))
            self._last = last
        return last[1][place]

    def _answer(self, some: slice) -> list[SpeciesPrediction]:
        said, standing = self._said[some], self._standing
        k, features = len(self._labels), None
        evidence, cosines = {"model": said}, torch.zeros(len(said), k)
        if standing is not None and self._kept is not None:
            kept = Embeddings(self._kept[some], standing.moment.layers.space)
            parts, told = standing.new_parts(kept, said.amax(1))
            features = standing.moment.layers.split(kept)[0].vectors
            c = len(standing.collection)
            parts["level"] = torch.full_like(parts["model"], -self._level)
            # exactly 0 for old classes, so that their order is the model's to the last digit
            old = {name: said if name == "model" else torch.zeros_like(said) for name in parts}
            evidence = {name: torch.cat([old[name], part], 1) for name, part in parts.items()}
            cosines[:, standing.places] = told[:, c:]
            cosines = torch.cat([cosines, told[:, :c]], 1)
        logits = torch.stack(list(evidence.values())).sum(0)
        probabilities = logits.softmax(1)
        return [
            SpeciesPrediction(
                labels=self._every,
                probabilities=probabilities[row].clone(),
                logits=logits[row].clone(),
                cosines=cosines[row].clone(),
                evidence={source: values[row].clone() for source, values in evidence.items()},
                scoring="softmax",
                provenance=self._provenance,
                name=name,
                album=None if standing is None else standing.album,
                features=None if features is None else features[[row]],
            )
            for row, name in enumerate(self._names[some])
        ]
