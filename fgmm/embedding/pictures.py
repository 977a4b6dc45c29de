"""Many pictures: decoded by workers while the model computes, in order, some perhaps failing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sized
from typing import TYPE_CHECKING, Any, Literal, cast

from PIL import Image

from fgmm.embedding.decoding import Reader, Room, read_ahead
from fgmm.embedding.encoding import RowTable, Target
from fgmm.embedding.files import ResumableFile
from fgmm.embedding.stores import CacheChoice, open_cache
from fgmm.embedding.threads import BatchThreads, count_encoding_threads
from fgmm.encoders.registry import DEFAULT_ENCODER, load_encoder
from fgmm.errors import ImageError
from fgmm.images import MAX_PIXELS, ImageSource, find_images
from fgmm.images.arrays import is_array
from fgmm.images.formats import PillowWarningsOff
from fgmm.images.several import is_many
from fgmm.progress import ProgressBar

if TYPE_CHECKING:
    from fgmm.embedding.results import ImageEmbeddings
    from fgmm.embedding.stores import Store
    from fgmm.encoders.base import ImageEncoder, Layer

__all__ = ["embed_images"]

_ROOM = 128_000_000  # decoded pixels held at once: half a gigabyte
_MOST_WORKERS = 16


def embed_images(
    images: ImageSource | Iterable[ImageSource],
    *,
    encoder: str | ImageEncoder = DEFAULT_ENCODER,
    layer: Layer = "joint",
    batch_size: int = 32,
    workers: int | None = None,
    progress: bool | None = None,
    cache: CacheChoice = None,
    into: str | os.PathLike[str] | None = None,
    on_error: Literal["list", "raise"] = "list",
    max_pixels: int = MAX_PIXELS,
) -> ImageEmbeddings:
    """Turn pictures into unit vectors, any number of them at bounded memory.

    Parameters
    ----------
    images : folder, glob, path, or iterable of pictures
        What is in a folder or fits a glob is found by `fgmm.images.find_images`. An iterable,
        which may be without end in sight, gives what `fgmm.images.read_image` takes: paths,
        bytes, files, PIL images, arrays, tensors.
    encoder : str or encoder, default="tiny"
        A name for `fgmm.load_encoder`, or an encoder.
    layer : {"joint", "features"}, default="joint"
        "features" is what comes before the projection into the space shared with texts.
    batch_size : int, default=32
        How many are encoded at once. Like ``workers`` and ``cache`` it changes no vector.
    workers : int, optional
        Threads that read, decode and prepare pictures while the model computes. By default one a
        core; 0 does it all in the caller's thread.
    progress : bool, optional
        False: no bar. By default there is one after two seconds, on a terminal.
    cache : EmbeddingCache, path or bool, optional
        Where vectors are kept between runs; True is the user's own. A picture found there is
        not even decoded. By default nowhere.
    into : path, optional
        A safetensors file to write, for `fgmm.embedding.load_embeddings`. If a run is cut short,
        even killed, the next one with the same file encodes only what is missing; what is
        done lies in ``<into>.partial`` until then.
    on_error : {"list", "raise"}, default="list"
        A picture that cannot be read is listed in ``failures``, or the first one raises.
    max_pixels : int, default=100,000,000
        The most pixels a picture may have.

    Returns
    -------
    ImageEmbeddings of n rows
        On the processor, in the order of the input, without the pictures that failed.

    Raises
    ------
    ImageError
        If there are no pictures where ``images`` points, or with ``on_error="raise"``.
    StoreError
        If ``into`` is something else, or of another space or precision, or cannot be written.
    EncoderBroken
        If the encoder breaks its protocol.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm import embed_images
    >>> pictures = [Image.new("RGB", (20, 20), "red"), b"no picture"]
    >>> embedded = embed_images(pictures, encoder="fake")  # leave it out for "tiny"
    >>> embedded.names, embedded.vectors.shape
    (('#0',), torch.Size([1, 48]))
    >>> print(embedded.failures[0].error)
    cannot read '<bytes> #1': its content (b'no pictu'...) is no picture that is read here: ...
    """
    if on_error not in ("list", "raise"):
        raise ValueError(f"on_error is 'list' or 'raise', not {on_error!r}")
    if batch_size < 1:
        raise ValueError(f"batch_size is at least 1, not {batch_size}")
    if workers is not None and workers < 0:
        raise ValueError(f"workers is 0 or more, not {workers}")
    if workers is None:
        workers = min(_MOST_WORKERS, _count_cores())
    sources = _list_sources(images)
    model = load_encoder(encoder)
    target = Target.of(model, layer)
    total = len(sources) if isinstance(sources, Sized) else None
    room = Room(_ROOM)
    with contextlib.ExitStack() as stack:
        stores: list[Store] = []
        file = None
        if into is not None:
            file = ResumableFile(into, target.space, layer, target.shelf)
            stack.callback(file.close)
            stores.append(file)
        kept = stack.enter_context(open_cache(cache))
        if kept is not None:
            stores.append(kept)
        stack.enter_context(PillowWarningsOff())
        reader = Reader(target.shelf, stores, target.prepare, max_pixels, room)
        count = count_encoding_threads(model, workers, total)
        threads = stack.enter_context(contextlib.closing(BatchThreads(target.encode, count)))
        batch_size = _even_batches(batch_size, total, count)
        window = (1 + count) * batch_size + workers
        looked = read_ahead(reader, sources, workers=workers, window=window)
        stack.enter_context(contextlib.closing(looked))
        bar = stack.enter_context(ProgressBar("Embedding pictures", total, progress))
        table = RowTable(target, stores, room, threads)
        for one in looked:
            if one.error is not None and on_error == "raise":
                raise one.error
            table.add(one)
            if len(table.waiting) == batch_size or table.pixels > _ROOM // 2:
                table.encode_waiting()
            bar.advance(f", {len(table.failures)} failed" if table.failures else "")
        result = table.result()
        if file is not None:
            file.finish(result, table.keys)
    return result


def _list_sources(images: Any) -> Iterable[Any]:
    """List what is given as several, see `is_many`, or make a list of the one picture."""
    if isinstance(images, (str, os.PathLike)):
        return list(find_images(cast("str", images)))
    if is_many(images):
        return images
    if is_array(images):
        # (n, h, w) and (h, w, 3) look alike, and whoever embeds mostly has several
        raise ImageError(
            f"an array of shape {tuple(images.shape)} may be one picture or several: "
            "pass [array] for one, list(array) for several"
        )
    if isinstance(images, (bytes, bytearray, memoryview, Image.Image)) or hasattr(images, "read"):
        return [images]
    raise ImageError(
        f"{images!r} is no picture, and no list of pictures: pass a folder, a glob, a path, "
        "or an iterable of pictures"
    )


def _even_batches(batch_size: int, total: int | None, threads: int) -> int:
    """Make batches a little smaller, so that every thread gets as many as the others."""
    if total is None or threads == 1:
        return batch_size
    rounds = -(-total // (batch_size * threads))
    return -(-total // (rounds * threads))


def _count_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # fewer than there are, in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
