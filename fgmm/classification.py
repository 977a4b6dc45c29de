"""Which of these texts describes this picture: `classify`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from fgmm.embedding import embed_images
from fgmm.encoders.registry import DEFAULT_ENCODER, load_encoder
from fgmm.errors import CandidateError, EncoderBroken
from fgmm.images import MAX_PIXELS, read_image
from fgmm.images.arrays import is_array
from fgmm.prediction import Prediction, Predictions
from fgmm.prompts import class_matrix
from fgmm.scoring import Reading, Scored

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Tensor
    from typing_extensions import TypeIs

    from fgmm.candidates import CandidateTexts
    from fgmm.embedding.results import Failure
    from fgmm.embedding.stores import CacheChoice
    from fgmm.encoders.base import Encoder, ImageEncoder
    from fgmm.templates import Templates

__all__ = ["classify"]


@overload  # bytes and files are iterable too; the first that fits is meant
def classify(  # type: ignore[overload-overlap]
    image: Image | bytes | BinaryIO,
    candidate_texts: CandidateTexts,
    *,
    encoder: str | ImageEncoder = ...,
    templates: Templates | None = ...,
    concept: str | None = ...,
    knowledge: None = ...,
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
    knowledge: None = ...,
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
    knowledge: None = ...,
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
    knowledge: object | None = None,
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
    knowledge : None
        Kept for a `knowledge.KnowledgeGraph`, which is not read here yet.
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
        into the templates.
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
    if knowledge is not None:
        raise CandidateError(
            f"knowledge is a {type(knowledge).__name__}, and classify reads no graph yet: leave "
            "knowledge=None, and give what you know as texts, such as those of knowledge.describe"
        )
    model = _text_encoder(encoder)
    classes = class_matrix(model, candidate_texts, templates, concept)
    reading = Reading(model.logit_scale, model.logit_bias, model.scoring)
    called = _encoder_name(encoder)
    if _is_many(image):
        many = embed_images(
            image,
            encoder=model,
            batch_size=batch_size,
            workers=workers,
            progress=progress,
            cache=cache,
            max_pixels=max_pixels,
        )
        failures = [(_input(image, failure), failure.error) for failure in many.failures]
        return Predictions(Scored(many, many.names, classes, reading, called), failures)
    if cache is None or cache is False:
        one = model.encode_images([read_image(image, max_pixels=max_pixels)])
    else:
        one = embed_images(
            [image],
            encoder=model,
            workers=0,
            cache=cache,
            progress=False,
            on_error="raise",
            max_pixels=max_pixels,
        )
    return Scored(one, [_name(image)], classes, reading, called)[0]


def _text_encoder(encoder: str | ImageEncoder) -> Encoder:
    model = load_encoder(encoder)
    if not hasattr(model, "encode_texts"):
        raise EncoderBroken(
            f"encoder {encoder!r} reads pictures only, so it cannot compare them with texts: "
            "use one that reads both, such as 'tiny' or 'openclip:ViT-B-16/openai'"
        )
    return model


def _encoder_name(encoder: str | ImageEncoder) -> str:
    if isinstance(encoder, str):
        return str(encoder)
    name = getattr(encoder, "name", None)  # the protocol asks for none
    return name if isinstance(name, str) and name else type(encoder).__name__


def _is_many(image: object) -> TypeIs[Iterable[object]]:
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        # A file may have brackets in its name; it is a glob only if there is no such file.
        return path.is_dir() or (glob.has_magic(os.fspath(image)) and not path.exists())
    if is_array(image):
        return len(getattr(image, "shape", ())) > 3
    if isinstance(image, (bytes, bytearray, memoryview)) or hasattr(image, "read"):
        return False
    return isinstance(image, Iterable)


def _input(images: object, failure: Failure) -> object:
    """Give what failed as it was given, where that can still be had."""
    return images[failure.position] if isinstance(images, (list, tuple)) else failure.name


def _name(image: object) -> str | None:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else None
