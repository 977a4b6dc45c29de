"""A dataset's pictures and words as vectors, as `fewshot.evaluate` takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fgmm.embedding import embed_images
from fgmm.errors import DatasetError, EncoderBroken
from fgmm.prompts import class_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fewshot import Words
    from fgmm.datasets.labelled import LabelledImages
    from fgmm.embedding.results import Failure, ImageEmbeddings
    from fgmm.embedding.stores import CacheChoice
    from fgmm.encoders.base import ImageEncoder, Layer
    from fgmm.templates import Templates

__all__ = ["EmbeddedDataset", "class_words", "embed_dataset"]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedDataset:
    """Vectors and labels of a dataset, without the pictures that could not be read.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        Unit rows, float32, on the processor.
    labels : tuple of n str
    query_features, query_labels : Tensor of shape (m, d) and tuple of m str, or None
        Where the dataset has queries of its own.
    space : str
        Fingerprint of encoder and layer.
    failures : tuple of Failure
        Pictures that could not be read.
    name : str
        The dataset's.
    classes : tuple of str
        The dataset's, also those of which no picture could be read.
    """

    features: Tensor
    labels: tuple[str, ...]
    query_features: Tensor | None
    query_labels: tuple[str, ...] | None
    space: str
    failures: tuple[Failure, ...]
    name: str
    classes: tuple[str, ...]

    def keep(self, classes: Sequence[str]) -> EmbeddedDataset:
        """Give the vectors of some classes only; failures stay.

        Parameters
        ----------
        classes : sequence of str

        Returns
        -------
        EmbeddedDataset
        """
        features, labels = _pick(self.features, self.labels, classes)
        kept = replace(self, features=features, labels=labels, classes=tuple(classes))
        if self.query_features is None or self.query_labels is None:
            return kept
        asked, answers = _pick(self.query_features, self.query_labels, classes)
        return replace(kept, query_features=asked, query_labels=answers)


def _pick(
    vectors: Tensor, labels: tuple[str, ...], classes: Sequence[str]
) -> tuple[Tensor, tuple[str, ...]]:
    wanted = set(classes)
    rows = [row for row, label in enumerate(labels) if label in wanted]
    return vectors[rows], tuple(labels[row] for row in rows)


def embed_dataset(
    dataset: LabelledImages,
    *,
    encoder: ImageEncoder,
    layer: Layer = "features",
    batch_size: int = 32,
    cache: CacheChoice = None,
) -> EmbeddedDataset:
    """Encode every picture of a dataset once.

    Parameters
    ----------
    dataset : LabelledImages
    encoder : ImageEncoder
    layer : {"joint", "features"}, default="features"
    batch_size : int, default=32
        Changes no vector.
    cache : EmbeddingCache, path or bool, optional
        As in `fgmm.embed_images`.

    Returns
    -------
    EmbeddedDataset

    Raises
    ------
    DatasetError
        If no picture of a pool can be read.

    Examples
    --------
    >>> from PIL import Image
    >>> import fgmm
    >>> from fgmm.datasets import LabelledImages, embed_dataset
    >>> pictures = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    >>> two = LabelledImages("two", pictures, ("warm", "cold"))
    >>> found = embed_dataset(two, encoder=fgmm.load_encoder("fake"), layer="joint")
    >>> found.features.shape, found.labels
    (torch.Size([2, 48]), ('warm', 'cold'))
    """

    def embed(images: Sequence[object]) -> ImageEmbeddings:
        found = embed_images(
            images, encoder=encoder, layer=layer, batch_size=batch_size, cache=cache
        )
        if not len(found):
            raise DatasetError(
                f"{dataset.name}: no picture could be read: {found.failures[0].error}"
            )
        return found

    shown = embed(dataset.images)
    labels = tuple(dataset.labels[at] for at in shown.positions)
    about = dataset.name, dataset.classes
    if dataset.query_images is None or dataset.query_labels is None:
        return EmbeddedDataset(
            shown.vectors, labels, None, None, shown.space, shown.failures, *about
        )
    asked = embed(dataset.query_images)
    return EmbeddedDataset(
        shown.vectors,
        labels,
        asked.vectors,
        tuple(dataset.query_labels[at] for at in asked.positions),
        shown.space,
        shown.failures + asked.failures,
        *about,
    )


def class_words(
    dataset: LabelledImages,
    *,
    encoder: ImageEncoder,
    kind: str | None = None,
    templates: Templates | None = None,
    concept: str | None = None,
) -> Words:
    """Encode what the classes are called.

    Parameters
    ----------
    dataset : LabelledImages
    encoder : ImageEncoder
        One that reads texts.
    kind : str, optional
        Which of ``dataset.texts``; by default the first.
    templates, concept : optional
        As in `fgmm.classify`; the concept is the dataset's by default, for names.

    Returns
    -------
    fewshot.Words
        A row a class, named by ``dataset.classes``, in the joint layer.

    Raises
    ------
    DatasetError
        If the dataset has no such words.
    EncoderBroken
        If the encoder reads pictures only.
    """
    from fewshot import Words

    if not dataset.texts:
        raise DatasetError(f"{dataset.name}: its classes have no words")
    kind = next(iter(dataset.texts)) if kind is None else kind
    if kind not in dataset.texts:
        raise DatasetError(
            f"{dataset.name}: its classes have no words of kind {kind!r}, only "
            f"{', '.join(map(repr, dataset.texts))}"
        )
    if not hasattr(encoder, "encode_texts"):
        raise EncoderBroken(f"encoder {encoder!r} reads pictures only: it has no encode_texts")
    concept = dataset.concept if concept is None and kind == "name" else concept
    # by number: labels may differ in case alone, which candidates may not
    texts = {str(at): dataset.texts[kind][label] for at, label in enumerate(dataset.classes)}
    matrix = class_matrix(encoder, texts, templates, concept).matrix  # type: ignore[arg-type]
    return Words(
        matrix.vectors.float(),
        encoder.logit_scale,  # type: ignore[attr-defined]
        encoder.logit_bias,  # type: ignore[attr-defined]
        encoder.scoring,  # type: ignore[attr-defined]
        dataset.classes,
    )
