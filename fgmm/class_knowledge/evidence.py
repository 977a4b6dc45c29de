"""Evidence of a graph: how far a picture has what the graph says of a class, in nats.

Everything is a sum over columns, so what an answer rests on can be read off it:

    evidence_c(x) = sum_a W_ca z_a(x)  -  its mean over the candidates the graph knows

From words alone, ``z_a(x) = logit_scale * (cos(x, t_a) - cos(x, t_0))``, where t_a is the text
"a flower with yellow petals" and t_0 the text "a flower", and W_ca is the strength of a in c over
the sum of c's strengths: the mean, over what c is said to have, of how much more the picture looks
like a thing that has it than like any such thing. With a `JointEmbedding` both come from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import sparse

from fgmm.class_knowledge.columns import read_columns
from fgmm.embeddings import Embeddings
from fgmm.prompts import text_vectors
from knowledge import AttributeMatrix
from knowledge.phrases import compose
from knowledge.question_wording import say_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from fgmm.encoders.base import Encoder
    from fgmm.joint import JointEmbedding
    from knowledge import KnowledgeGraph

__all__ = ["Evidence", "evidence_of_joint", "evidence_of_words"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What k classes have, and how pictures are weighed by it.

    Parameters
    ----------
    says : tuple of str
        What each column says: "yellow petals".
    about : tuple of str
        The part it is said of; empty for the whole.
    strengths : scipy.sparse.csr_array, shape (k, columns)
        As the graph states them, 0 to 1; nothing is stored where it says nothing.
    weights : scipy.sparse.csr_array, shape (k, columns)
        W.
    scores : callable
        Gives z of pictures, (q, columns) in nats.
    space : str
        Of the vectors that ``scores`` reads.
    ancestors : int, default=0
        How many of the last columns are ancestors: evidence, but nothing that can be seen.
    """

    says: tuple[str, ...]
    about: tuple[str, ...]
    strengths: Any
    weights: Any
    scores: Callable[[Embeddings], Tensor]
    space: str
    ancestors: int = 0

    @cached_property
    def known(self) -> np.ndarray:
        """Which classes the graph says something of, (k,) bool."""
        return np.asarray(np.diff(self.weights.indptr) > 0)

    @property
    def learned(self) -> bool:
        """Whether it is what was learned from pictures, and not the words of the graph."""
        return isinstance(self.scores, _Learned)

    def nats(self, scores: Tensor) -> Tensor:
        """Weigh pictures: (q, columns) to (q, k), in nats; 0 for classes that are not known.

        Over the classes that are known the mean is 0: what all of them have tells nothing.
        """
        known = torch.from_numpy(self.known)
        nats = torch.from_numpy(np.asarray(self.weights @ scores.double().numpy().T).T)
        if known.any():
            nats = nats - nats[:, known].mean(dim=1, keepdim=True)
        return torch.where(known, nats, 0.0).float()

    def parts(self, scores: Tensor, index: int) -> Tensor:
        """Give what each column adds to class ``index`` for one picture, (columns,) in nats.

        Parameters
        ----------
        scores : Tensor of shape (columns,)
        index : int

        Returns
        -------
        Tensor of shape (columns,)
            They add up to `nats` of that class.
        """
        if not self.known[index]:
            return torch.zeros(len(self.says))
        own = self.weights[[index]].toarray().ravel() - self._mean_weights
        return (torch.from_numpy(own) * scores.double()).float()

    @cached_property
    def _mean_weights(self) -> np.ndarray:
        return np.asarray(self.weights[self.known].mean(axis=0)).ravel()


@dataclass(frozen=True, eq=False)
class _Along:
    """Inner products with some directions; no closure, so that a prediction can be pickled."""

    directions: Tensor

    def __call__(self, pictures: Embeddings) -> Tensor:
        return pictures.vectors.cpu() @ self.directions.T


@dataclass(frozen=True, eq=False)
class _Learned:
    """What was learned, wherever it is kept."""

    joint: JointEmbedding

    def __call__(self, pictures: Embeddings) -> Tensor:
        device = self.joint.fitted.centre.device
        there = Embeddings(pictures.vectors.to(device), pictures.space)
        return self.joint.picture_scores(there).cpu()


def evidence_of_words(
    encoder: Encoder, graph: KnowledgeGraph, ids: Sequence[str | None], word: str
) -> Evidence:
    """Read what a graph says as texts.

    Parameters
    ----------
    encoder : Encoder
    graph : KnowledgeGraph
    ids : sequence of k str or None
        None is a class the graph does not know.
    word : str
        What they are, as in "a flower with yellow petals".

    Returns
    -------
    Evidence
        Reads vectors of the joint layer.
    """
    columns = read_columns(graph, ids, word)
    base = compose(word, [])
    vectors = text_vectors(encoder, [*columns.texts, base])
    scores = _Along(float(encoder.logit_scale) * (vectors[:-1] - vectors[-1]))
    sums = np.asarray(columns.strengths.sum(axis=1)).ravel()
    shares = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
    weights = sparse.csr_array(sparse.diags_array(shares) @ columns.strengths)
    weights.eliminate_zeros()
    return Evidence(columns.says, columns.about, columns.strengths, weights, scores, encoder.space)


def evidence_of_joint(
    joint: JointEmbedding, graph: KnowledgeGraph, ids: Sequence[str | None]
) -> Evidence:
    """Read what a graph says with what was learned of it on base classes.

    Parameters
    ----------
    joint : JointEmbedding
    graph : KnowledgeGraph
    ids : sequence of k str or None
        None is a class the graph does not know.

    Returns
    -------
    Evidence
        Reads vectors of the space the embedding was trained in.
    """
    present = [id for id in ids if id is not None]
    places = np.flatnonzero([id is not None for id in ids])
    inputs = joint.inputs
    says = [say_in_words(graph, trait) for trait in inputs.traits]
    says += [graph[id].name if id in graph else id for id in inputs.ancestors]

    def spread(rows: Any) -> Any:
        """Rows of the classes that are in the graph, put where they belong."""
        found = sparse.coo_array(rows)
        shape = (len(ids), len(says))
        return sparse.csr_array((found.data, (places[found.row], found.col)), shape=shape)

    weights = spread(joint.class_weights(graph, present).double().cpu().numpy())
    stated = _stated(graph, present, inputs.traits)
    above = joint.inputs.rows(graph, present)[:, len(inputs.traits) :].numpy()
    strengths = spread(sparse.hstack([stated, sparse.csr_array(above)]))
    about = [trait.part for trait in inputs.traits] + [""] * len(inputs.ancestors)
    scores, above_them = _Learned(joint), len(inputs.ancestors)
    return Evidence(tuple(says), tuple(about), strengths, weights, scores, joint.space, above_them)


def _stated(graph: KnowledgeGraph, ids: Sequence[str], traits: Sequence[Any]) -> Any:
    """Strengths of some traits; a 0 that is stated stays stored."""
    matrix = AttributeMatrix.of(graph, ids, inherited=True)
    place = {trait: column for column, trait in enumerate(traits)}
    target = np.array([place.get(trait, -1) for trait in matrix.traits], dtype=np.int64)
    told = matrix.strengths.tocoo()
    kept = target[told.col] >= 0
    return sparse.coo_array(
        (told.data[kept], (told.row[kept], target[told.col][kept])), shape=(len(ids), len(traits))
    )
