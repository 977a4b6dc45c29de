"""Prompts: from the names of a class to its vector in the joint space.

A name goes into every template, every text is encoded, and the unit vectors of a class are
averaged and scaled to length one again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fgmm.candidates import Candidates, CandidateTexts, candidates_key, read_candidates
from fgmm.embeddings import ClassMatrix, unit_rows
from fgmm.encoders.shelf import text_shelf
from fgmm.errors import CandidateError
from fgmm.templates import (
    DEFAULT_TEMPLATES,
    Template,
    Templates,
    check_concept,
    check_templates,
    fill_templates,
    texts_of,
)
from fgmm.text_cache import Recent, TextCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from fgmm.encoders.base import Encoder
    from fgmm.text_cache import TextStore

__all__ = [
    "DEFAULT_TEMPLATES",
    "GENERIC_TEXT",
    "Templates",
    "TextClasses",
    "class_matrix",
    "fill_templates",
    "forget_texts",
    "text_vectors",
]

GENERIC_TEXT = "a photo."
"""What a single candidate competes with where the encoder's scores go through a softmax."""

_TEXTS_A_CALL = 8_192
_WORDINGS_KEPT = 4_096  # texts of one set of classes whose own vectors stay for `explain`

_texts = TextCache(256 * 2**20)
_classes: Recent[TextClasses] = Recent(512 * 2**20)


@dataclass(frozen=True, slots=True, eq=False)
class TextClasses:
    """Classes that are known by words.

    Parameters
    ----------
    candidates : Candidates
        Labels and the names of each.
    matrix : ClassMatrix of k rows
        One unit vector a class, in the order of the labels.
    templates : tuple of str or callable
    concept : str or None
    fingerprint : str
        Names this set of labels and texts; the same in whatever order they were given.
    generic : Tensor of shape (d,) or None
        The unit vector of `GENERIC_TEXT`; only where there is one class.
    wordings : tuple of Tensors of shape (m_i, d) or None
        Unit vectors of the texts of each class, where the texts are few enough to keep.
    """

    candidates: Candidates
    matrix: ClassMatrix
    templates: tuple[Template, ...]
    concept: str | None
    fingerprint: str
    generic: Tensor | None
    wordings: tuple[Tensor, ...] | None

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels as they were given."""
        return self.candidates.labels

    def texts(self, index: int) -> tuple[str, ...]:
        """Give the texts that were encoded for one class."""
        return texts_of(self.candidates.names[index], self.templates, self.concept)


def class_matrix(
    encoder: Encoder,
    candidates: CandidateTexts,
    templates: Templates | None = None,
    concept: str | None = None,
    *,
    store: TextStore | None = None,
) -> TextClasses:
    """Make one vector a class from its words; the same words again cost no encoding.

    Parameters
    ----------
    encoder : Encoder
    candidates : iterable of str, ``{label: name}`` or ``{label: [names]}``
    templates : str, callable, or iterable of them, optional
        Where the name goes into a string is written ``{}``; a callable is given the name.
        None is ``"{}"`` (the name alone) and ``"a photo of a {}."``.
    concept : str, optional
        What kind of thing the candidates are: "bird" makes "a photo of a tit, a bird."
    store : TextStore, optional
        Where vectors of texts are kept from one process to the next.

    Returns
    -------
    TextClasses
        In half precision from 10,000 classes on.

    Raises
    ------
    CandidateError
        If candidates, templates or concept cannot be used; the message says how to repair it.
    TextTooLong
        If a text is longer than the encoder reads.

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> classes = class_matrix(load_encoder("fake"), ["apple", "lime"], concept="fruit")
    >>> classes.texts(0)
    ('apple, a fruit', 'a photo of an apple, a fruit.')
    >>> classes.matrix.vectors.shape
    torch.Size([2, 48])
    """
    given = candidates_key(candidates)
    filled = check_templates(templates)
    key = (text_shelf(encoder), given, filled, concept)
    try:
        # what is known as a whole would never reach the store
        known = _classes.get(key) if store is None else None
    except TypeError:  # something unhashable among the candidates: the check will name it
        known = None
    if known is None:
        concept = check_concept(concept)
        known = _encode_classes(encoder, read_candidates(given), filled, concept, store)
        # What a callable writes may change; its texts are still looked up one by one.
        if store is None and all(isinstance(template, str) for template in filled):
            _classes.put(key, known, size=_size(known))
    return known


def text_vectors(
    encoder: Encoder, texts: Sequence[str], *, store: TextStore | None = None
) -> Tensor:
    """Encode texts as they are; those encoded before come from memory.

    Parameters
    ----------
    encoder : Encoder
    texts : sequence of n str
    store : TextStore, optional
        Where vectors of texts are kept from one process to the next.

    Returns
    -------
    Tensor of shape (n, d), float32
        Unit rows.

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> text_vectors(load_encoder("fake"), ["a red thing"]).shape
    torch.Size([1, 48])
    """
    return _texts.encode(encoder, texts, store)


def forget_texts() -> None:
    """Drop every text embedding that is kept in memory.

    Examples
    --------
    >>> forget_texts()
    """
    _texts.clear()
    _classes.clear()


def _encode_classes(
    encoder: Encoder,
    candidates: Candidates,
    templates: tuple[Template, ...],
    concept: str | None,
    store: TextStore | None,
) -> TextClasses:
    one = len(candidates.labels) == 1
    n_texts = sum(len(names) for names in candidates.names) * len(templates)
    n_classes = len(candidates.labels)
    kept: list[Tensor] = []
    precision = ClassMatrix.dtype_for(n_classes)
    generic: Tensor | None = None
    wordings: list[Tensor] = []
    described: list[str] = []
    for block in _blocks(candidates, len(templates)):
        texts = [texts_of(names, templates, concept) for names in candidates.names[block]]
        unique = list(dict.fromkeys(text for each in texts for text in each))
        vectors = _texts.encode(encoder, [*unique, GENERIC_TEXT] if one else unique, store)
        generic = vectors[-1] if one else None
        row = {text: at for at, text in enumerate(unique)}
        own = [torch.tensor([row[text] for text in each]) for each in texts]
        labels = candidates.labels[block]
        kept.append(_mean_directions(vectors, own, labels).to(precision))
        if n_texts <= _WORDINGS_KEPT:
            wordings += [vectors[rows] for rows in own]
        described += [
            json.dumps([label, sorted(each)]) for label, each in zip(labels, texts, strict=True)
        ]
    matrix = ClassMatrix(kept, encoder.space)
    digest = hashlib.sha256("\n".join(sorted(described)).encode()).hexdigest()[:16]
    return TextClasses(
        candidates, matrix, templates, concept, digest, generic, tuple(wordings) or None
    )


def _blocks(candidates: Candidates, n_templates: int) -> Iterator[slice]:
    """Cut the classes into runs of about `_TEXTS_A_CALL` texts."""
    start, n_texts = 0, 0
    for at, names in enumerate(candidates.names):
        n_texts += len(names) * n_templates
        if n_texts >= _TEXTS_A_CALL:
            yield slice(start, at + 1)
            start, n_texts = at + 1, 0
    if n_texts:
        yield slice(start, None)


def _mean_directions(vectors: Tensor, own: list[Tensor], labels: tuple[str, ...]) -> Tensor:
    counts = torch.tensor([len(rows) for rows in own])
    owner = torch.repeat_interleave(torch.arange(len(own)), counts)
    sums = vectors.new_zeros(len(own), vectors.shape[1])
    sums.index_add_(0, owner, vectors[torch.cat(own)])  # a sum and a mean point the same way
    opposite = (sums.norm(dim=1) < 1e-6).nonzero().flatten().tolist()
    if opposite:
        raise CandidateError(
            f"the texts of candidate {labels[opposite[0]]!r} cancel out: their embeddings point in "
            "opposite directions; give it fewer texts"
        )
    return unit_rows(sums)


def _size(classes: TextClasses) -> int:
    kept = sum(vectors.nbytes for vectors in classes.wordings or ())
    return classes.matrix.nbytes + kept + 300 * len(classes)
