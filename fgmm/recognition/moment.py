"""All that answers are made of, for one collection; a change makes another."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from fgmm._version import __version__
from fgmm.errors import LibraryError
from fgmm.prompts import GENERIC_TEXT, text_vectors
from fgmm.recognition.calibration import Calibration, LeftOut, calibrate, may_judge
from fgmm.recognition.species_prediction import Album

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fgmm.class_knowledge import ClassKnowledge
    from fgmm.embeddings import Embeddings
    from fgmm.encoders.base import Scoring
    from fgmm.library import Collection
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.scorer import Scorer
    from knowledge import KnowledgeGraph

__all__ = ["NONE_OF_THESE", "Evidence", "Moment"]

NONE_OF_THESE = "none of these"
"""What a single species with photos is weighed against."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of n pictures.

    Parameters
    ----------
    nats : mapping of str to Tensor of shape (n, k)
        ``"text"``, ``"photos"``, perhaps ``"knowledge"``; they add up to the logits.
    cosines : Tensor of shape (n, k)
        With the species' words; where the encoder reads none, with the mean of its photos, and 0
        where it has none.
    features : Tensor of shape (n, d)
        Unit rows, to be compared with photos.
    joint : Tensor of shape (n, d_joint) or None
        Unit rows, to be compared with words.
    scores : Tensor of shape (n, columns) or None
        What the graph's columns are worth to each picture, see `fgmm.class_knowledge`.
    none : Tensor of shape (n,)
        Logit of "none of these".
    """

    nats: Mapping[str, Tensor]
    cosines: Tensor
    features: Tensor
    joint: Tensor | None
    scores: Tensor | None
    none: Tensor


@dataclass(frozen=True, eq=False)
class Moment:
    """A collection, its scores, and what a graph says of it.

    Parameters
    ----------
    collection : Collection
    layers : PictureLayers
    scorer : Scorer
    encoder_name : str
    graph : KnowledgeGraph, optional
    knowledge : ClassKnowledge, optional
        What the graph says of the species.
    """

    collection: Collection
    layers: PictureLayers
    scorer: Scorer
    encoder_name: str
    graph: KnowledgeGraph | None = None
    knowledge: ClassKnowledge | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the species, in the collection's order."""
        return self.scorer.labels

    @property
    def scoring(self) -> Scoring:
        """How logits are read; without texts they go through a softmax."""
        reading = self.layers.reading
        return "softmax" if reading is None else reading.scoring

    def weigh(self, kept: Embeddings) -> Evidence:
        """Weigh pictures, given as a library keeps them."""
        features, joint = self.layers.split(kept)
        told = None if joint is None else joint.vectors
        cosines = self.scorer.cosines(told)
        nats = self.scorer.evidence(features.vectors, told, cosines=cosines)
        none = self.scorer.none_of_these(told, len(kept))
        scores = None
        if joint is None:
            del nats["text"]
            cosines = features.vectors @ self._directions.T
            if self.knowledge is not None:  # it tells lineages, and nothing of what is seen
                scores = torch.zeros(len(kept), 0)
        else:
            cosines = torch.zeros(len(kept), 0) if cosines is None else cosines
            if self.knowledge is not None:
                # words and what a graph says of a species are trusted alike
                scores = self.scorer.scale.words * self.knowledge.evidence.scores(joint)
                nats["knowledge"] = self.knowledge.evidence.nats(scores)
        return Evidence(nats, cosines.clamp_(-1, 1), features.vectors, told, scores, none)

    def plausible(self, kept: Embeddings, coverage: float) -> Tensor:
        """Say which species are in the prediction set of each picture, (n, k) bool.

        Words and photos tell it, and no graph: photos were judged without.
        """
        features, joint = self.layers.split(kept)
        told = None if joint is None else joint.vectors
        nats = self.scorer.evidence(features.vectors, told, as_judged=True)
        return self.calibration.sets(nats["text"] + nats["photos"], coverage)

    def against(self, joint: Tensor | None, n: int, index: int) -> tuple[str, Tensor]:
        """Give what a species is weighed against where it is the only candidate.

        One without photos against "a photo.", as by `fgmm.classify`; another against what its
        pictures would have to be likelier than: pictures in general.

        Returns
        -------
        text : str
        logits : Tensor of shape (n,)
        """
        reading, reader = self.layers.reading, self.layers.reader
        if bool(self.scorer.has_photos[index]) or joint is None or not reader or not reading:
            return NONE_OF_THESE, self.scorer.none_of_these(joint, n)
        generic = text_vectors(reader, [GENERIC_TEXT])[0]
        return GENERIC_TEXT, joint @ generic * reading.scale + reading.bias

    @cached_property
    def left_out(self) -> LeftOut:
        """Every photo's logits as if it had not been given."""
        if not self.scorer.digests:
            none = torch.empty(0, dtype=torch.int64)
            return LeftOut(torch.empty(0, len(self.labels)), none, ())
        return self.scorer.left_out()

    @cached_property
    def calibration(self) -> Calibration:
        """What the left-out photos say of probabilities."""
        if not may_judge(len(self.scorer.digests), len(self.labels)):
            raise LibraryError(
                f"{len(self.scorer.digests)} photos of {len(self.labels)} species are too many to "
                "judge each for prediction sets: leave coverage out, or use a smaller library"
            )
        return calibrate(self.left_out)

    @cached_property
    def album(self) -> Album:
        """All photos, to look for those that pictures are like."""
        photos = self.scorer.photos
        origins = tuple(origin for one in self.collection for origin in one.photos.origins)
        return Album(self.labels, photos.vectors, photos.owners, self.scorer.digests, origins)

    @cached_property
    def provenance(self) -> dict[str, str]:
        """Where answers come from: encoder, class set, versions."""
        said = sorted(
            json.dumps(
                [
                    *(one.name, one.names, one.description, one.parent),
                    *(sorted(one.attributes.items()), sorted(one.photos.digests)),
                ]
            )
            for one in self.collection
        )
        phrased = json.dumps([self.collection.phrasing.concept, self.collection.phrasing.templates])
        return {
            "encoder_name": self.encoder_name,
            "encoder_space": self.layers.space,
            "class_set": hashlib.sha256("\n".join([*said, phrased]).encode()).hexdigest()[:16],
            "photos": str(self.collection.n_photos),
            "fgmm": __version__,
            "torch": str(torch.__version__),
        }

    @cached_property
    def _directions(self) -> Tensor:
        """Where the photos of each species point on average (k, d), unit rows."""
        sums = torch.from_numpy(self.scorer.photos.statistics.sums)
        return torch.nn.functional.normalize(sums, dim=1).float()
