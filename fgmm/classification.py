"""Which of these texts describes this picture: `classify`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from fgmm.class_knowledge import ClassKnowledge
from fgmm.class_knowledge.given import choose_layers, read_knowledge
from fgmm.embedding import embed_images
from fgmm.encoders.registry import DEFAULT_ENCODER, load_encoder, name_encoder
from fgmm.errors import EncoderBroken
from fgmm.images import MAX_PIXELS, read_image
from fgmm.images.several import is_many
from fgmm.predictions import Predictions
from fgmm.prompts import class_matrix
from fgmm.scoring import Reading, Scored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from PIL.Image import Image
    from torch import Tensor

    from fgmm.candidates import CandidateTexts
    from fgmm.embedding.results import Failure
    from fgmm.embedding.stores import CacheChoice
    from fgmm.embeddings import Embeddings
    from fgmm.encoders.base import Encoder, ImageEncoder
    from fgmm.joint import JointEmbedding
    from fgmm.prediction import Prediction
    from fgmm.templates import Templates
    from knowledge import KnowledgeGraph

__all__ = ["classify"]


@overload  # bytes and files are iterable too; the first that fits is meant
def classify(  # type: ignore[overload-overlap]
    image: Image | bytes | BinaryIO,
    candidate_texts: CandidateTexts,
    *,
    encoder: str | ImageEncoder = ...,
    templates: Templates | None = ...,
    concept: str | None = ...,
    knowledge: KnowledgeGraph | None = ...,
    joint: JointEmbedding | str | os.PathLike[str] | None = ...,
    batch_size: int = ...,
    workers: int | None = ...,
    progress: bool | None = ...,
    cache: CacheChoice = ...,
    max_pixels: int = ...,
) -> Prediction: ...
@overload
def classify(
    image: str | os.PathLike[str] | np.ndarray | Tensor,
    candidate_texts: CandidateTexts,
    *,
    encoder: str | ImageEncoder = ...,
    templates: Templates | None = ...,
    concept: str | None = ...,
    knowledge: KnowledgeGraph | None = ...,
    joint: JointEmbedding | str | os.PathLike[str] | None = ...,
    batch_size: int = ...,
    workers: int | None = ...,
    progress: bool | None = ...,
    cache: CacheChoice = ...,
    max_pixels: int = ...,
) -> Any: ...
@overload
def classify(
    image: Iterable[object],
    candidate_texts: CandidateTexts,
    *,
    encoder: str | ImageEncoder = ...,
    templates: Templates | None = ...,
    concept: str | None = ...,
    knowledge: KnowledgeGraph | None = ...,
    joint: JointEmbedding | str | os.PathLike[str] | None = ...,
    batch_size: int = ...,
    workers: int | None = ...,
    progress: bool | None = ...,
    cache: CacheChoice = ...,
    max_pixels: int = ...,
) -> Predictions: ...
def classify(
    image: object,
    candidate_texts: CandidateTexts,
    *,
    encoder: str | ImageEncoder = DEFAULT_ENCODER,
    templates: Templates | None = None,
    concept: str | None = None,
    knowledge: KnowledgeGraph | None = None,
    joint: JointEmbedding | str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    progress: bool | None = None,
    cache: CacheChoice = None,
    max_pixels: int = MAX_PIXELS,
) -> Prediction | Predictions:
    """Say which of the candidate texts describes a picture, or each of many.

    Parameters
    ----------
    image : picture, or many
        One: a path, bytes, an open file, a PIL image, a numpy array or tensor of shape
        (h, w), (h, w, 3) or (3, h, w). Many: a list, tuple or generator of those, a folder,
        a glob such as ``"birds/*.jpg"``, or an array with a dimension more.
    candidate_texts : iterable of str, ``{label: name}`` or ``{label: [names]}``
        What the picture may show. Labels are any strings that differ in more than case and
        spaces; several names of one thing are averaged.
    encoder : str or encoder, default="tiny"
        A name as `fgmm.load_encoder` takes, or what it gave.
    templates : str, callable, or list of them, optional
        Sentences the names are put into, with ``{}`` for the name. None is ``"{}"`` and
        ``"a photo of a {}."``; ``"{}"`` takes the texts as they are.
    concept : str, optional
        What kind of thing the candidates are. "bird" makes "a photo of a tit, a bird.",
        which helps with names that mean several things.
    knowledge : KnowledgeGraph, optional
        What is known of the candidates, such as ``knowledge.load_pack("flowers")``. They are
        found in it by label or name. What it says they look like becomes evidence of its own,
        ``"knowledge"``, beside ``"text"``; `Prediction.reasons`, ``rollup`` and ``backoff``
        read it too.
    joint : JointEmbedding or folder, optional
        What was learned of the graph's attributes on pictures of base classes, made by
        `fgmm.joint.JointEmbedding.train`. It takes the place of the attributes' words, and of
        classes never photographed it knows far more.
    batch_size : int, default=32
        Pictures to encode at a time, for many.
    workers : int, optional
        Threads that read pictures, for many. By default one a core.
    progress : bool, optional
        False: no bar. By default there is one after two seconds, for many, on a terminal.
    cache : EmbeddingCache, path or bool, optional
        Where pictures' vectors are kept between runs; True is the user's own. By default
        nowhere.
    max_pixels : int, default=100,000,000
        The most pixels a picture may have.

    Returns
    -------
    Prediction or Predictions
        One for one picture; for many, one each in their order, and in ``failures`` those
        that could not be read.

    Raises
    ------
    CandidateError
        If the candidates are none, empty, no strings or given twice, or cannot be filled
        into the templates; if the graph knows none of them, or a name means several of its
        concepts; or if joint is given without knowledge.
    SpaceMismatch
        If the joint embedding was trained on another encoder's vectors.
    ImageError
        If the one picture cannot be read.
    EncoderNotFound, WeightsNotFound, EncoderBroken
        If the encoder cannot be had, or reads no texts.

    Notes
    -----
    A class's vector is the mean of the unit vectors of its texts, scaled to length one. Its
    logit is ``logit_scale * cosine + logit_bias``. For encoders trained with a softmax the
    probabilities are over the candidates given: one of them is always likely, whatever the
    picture shows. A single candidate is weighed against the text "a photo." so that it
    does not get 1.0 for nothing. For encoders trained with a sigmoid each candidate's
    probability is ``sigmoid(logit)`` by itself.

    With a graph, a class's logit is that plus its evidence of knowledge (Menon and Vondrick,
    ICLR 2023, take the mean over descriptors in place of the name; here it is added to the
    name). Without ``joint`` it is the mean over its attributes of ``logit_scale`` times how much
    nearer the picture is to "a flower with yellow petals" than to "a flower", weighted by
    strength; with it, `JointEmbedding.logits`. Its mean over the candidates that the graph knows
    is taken off, so a candidate it does not know is neither helped nor harmed, and a single one
    is not changed. How much it helps, with controls: docs/reasons-figures.md.

    The vectors of texts are kept in memory: the same candidates again cost no encoding.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm import classify
    >>> red = Image.new("RGB", (32, 32), "red")
    >>> classify(red, ["red", "green", "blue"], encoder="fake").label  # leave it out for "tiny"
    'red'
    >>> classify(red, {"warm": ["red", "orange"], "cold": ["blue", "cyan"]}, encoder="fake").label
    'warm'
    >>> classify(red, "red", encoder="fake")
    Traceback (most recent call last):
    fgmm.errors.CandidateError: candidates are one text, 'red': its letters would be taken ...
    """
    model = _text_encoder(encoder)
    classes = class_matrix(model, candidate_texts, templates, concept)
    graph, learned = read_knowledge(knowledge, joint)
    both = choose_layers(model, learned)
    known: ClassKnowledge | None = None
    if graph is not None:
        known = ClassKnowledge.of(graph, classes.candidates, model, joint=learned, concept=concept)
    reading = Reading(model.logit_scale, model.logit_bias, model.scoring)
    failures: list[tuple[object, Exception]] = []
    names: Sequence[str | None]
    if many := is_many(image):
        found = embed_images(
            image,
            encoder=both or model,
            batch_size=batch_size,
            workers=workers,
            progress=progress,
            cache=cache,
            max_pixels=max_pixels,
        )
        names, failures = found.names, [(_input(image, one), one.error) for one in found.failures]
        pictures: Embeddings = found
    else:
        names = [_name(image)]
        if cache is None or cache is False:
            pictures = (both or model).encode_images([read_image(image, max_pixels=max_pixels)])
        else:
            pictures = embed_images(
                [image],
                encoder=both or model,
                workers=0,
                progress=False,
                on_error="raise",
                cache=cache,
                max_pixels=max_pixels,
            )
    features = None
    if both is not None:
        pictures, features = both.split(pictures)
    called = name_encoder(encoder)
    scored = Scored(pictures, names, classes, reading, called, known, features)
    return Predictions(scored, failures) if many else scored[0]


def _text_encoder(encoder: str | ImageEncoder) -> Encoder:
    model = load_encoder(encoder)
    if not hasattr(model, "encode_texts"):
        raise EncoderBroken(
            f"encoder {encoder!r} reads pictures only, so it cannot compare them with texts: "
            "use one that reads both, such as 'tiny' or 'openclip:ViT-B-16/openai'"
        )
    return model


def _input(images: object, failure: Failure) -> object:
    """Give what failed as it was given, where that can still be had."""
    return images[failure.position] if isinstance(images, (list, tuple)) else failure.name


def _name(image: object) -> str | None:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else None
