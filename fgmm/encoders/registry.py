"""Encoders by name: a table of strings, so that listing the names imports none of them."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import logging
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

from fgmm.errors import EncoderBroken, EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from fgmm.encoders.base import Encoder, ImageEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "OnLong",
    "encoder_names",
    "forget_encoders",
    "load_encoder",
    "name_encoder",
]

OnLong = Literal["error", "truncate"]
Factory = Callable[..., "ImageEncoder"]


class _Unnamed(str):
    """The same name as a caller may write, told apart from it: nobody wrote this one."""

    __slots__ = ()


DEFAULT_ENCODER: str = _Unnamed("tiny")
"""What functions take where no encoder is named; the first time it is used a warning says so."""

_LOG = logging.getLogger(__name__)
_GROUP = "fgmm.encoders"
_BUILT_IN = {
    "fake": "fgmm.encoders.fake:FakeEncoder",
    "hf": "fgmm.encoders.hf:load_hf",
    "onnx": "fgmm.encoders.onnx_encoder:load_onnx",
    "openclip": "fgmm.encoders.openclip:OpenClipEncoder",
    "timm": "fgmm.encoders.timm_images:TimmImageEncoder",
    "tiny": "fgmm.encoders.tiny:TinyEncoder",
}
_KEPT = 4
_loading = threading.RLock()
_said: dict[str, int] = {}  # notices, and how loudly they have been given


def encoder_names() -> list[str]:
    """Name the kinds of encoder there are, importing none of them.

    Returns
    -------
    list of str
        What may stand before the colon of an encoder's name, sorted: those that come with
        fgmm, and those of other packages (entry points of the group ``fgmm.encoders``).

    Examples
    --------
    >>> from fgmm import encoder_names
    >>> "openclip" in encoder_names()
    True
    """
    return sorted({*_BUILT_IN, *(point.name for point in _entry_points())})


def load_encoder(
    name: str | ImageEncoder,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype | None = None,
    on_long: OnLong = "error",
) -> Encoder:
    """Load an encoder by its name; the last few are kept, so asking again costs nothing.

    Parameters
    ----------
    name : str or encoder
        ``tiny``, ``fake``, ``openclip:ViT-B-16/openai``, ``openclip:hf-hub:owner/name``,
        ``openclip:/path/to/folder``, ``hf:owner/name``, ``hf:/path``, ``timm:name``,
        ``timm:/path``, ``onnx:/path`` (what `fgmm.export_encoder` wrote), or the name of another
        package's encoder. An encoder object is given back as it is; the other arguments then
        change nothing.
    device : str or torch.device, default="auto"
        Where it computes. "auto" takes cuda, else mps, else the processor. Results come
        back on the processor whatever it is.
    dtype : str or torch.dtype, optional
        What it computes in: float32 where None. Results are float32 whatever it is.
    on_long : {"error", "truncate"}, default="error"
        What becomes of a text longer than the encoder reads: `fgmm.errors.TextTooLong`, or
        its beginning is encoded and a warning says so.

    Returns
    -------
    Encoder
        Image-only models (timm, DINOv2) have no ``encode_texts``: they are an
        `fgmm.encoders.base.ImageEncoder`.

    Raises
    ------
    EncoderNotFound
        If there is no such encoder; the message gives the nearest name.
    WeightsNotFound
        If its files are neither on this machine nor to be had.
    EncoderBroken
        If its files do not make a whole encoder.

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> encoder = load_encoder("fake")  # "openclip:ViT-B-16/openai" for real work
    >>> encoder.encode_texts(["a red circle", "a blue square"]).vectors.shape
    torch.Size([2, 48])
    >>> load_encoder("fkae")
    Traceback (most recent call last):
    fgmm.errors.EncoderNotFound: no encoder 'fkae'. Did you mean 'fake'? ...
    """
    if not isinstance(name, str):
        if not _can_encode(name):
            raise EncoderNotFound(
                f"{name!r} is neither the name of an encoder nor an encoder: "
                "an encoder has space, dim and encode_images"
            )
        return cast("Encoder", name)
    if on_long not in ("error", "truncate"):
        raise ValueError(f"on_long is 'error' or 'truncate', not {on_long!r}")
    with _loading, _logging_as_it_was():
        encoder = _load(name, device, dtype, on_long)
        _give_notice(encoder, name)
    return cast("Encoder", encoder)


def forget_encoders() -> None:
    """Drop the encoders that `load_encoder` keeps, and free their memory.

    Also what to call when the files of a local folder have changed.

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> from fgmm.encoders.registry import forget_encoders
    >>> before = load_encoder("fake")
    >>> load_encoder("fake") is before
    True
    >>> forget_encoders()
    >>> load_encoder("fake") is before
    False
    """
    with _loading:
        _load.cache_clear()


def name_encoder(encoder: str | ImageEncoder) -> str:
    """Say what an encoder is called: the name it was given by, its own, or that of its class.

    Parameters
    ----------
    encoder : str or encoder

    Returns
    -------
    str

    Examples
    --------
    >>> name_encoder("fake"), name_encoder(load_encoder("fake"))
    ('fake', 'FakeEncoder')
    """
    if isinstance(encoder, str):
        return str(encoder)
    name = getattr(encoder, "name", None)  # the protocol asks for none
    return name if isinstance(name, str) and name else type(encoder).__name__


@lru_cache(maxsize=_KEPT)
def _load(
    name: str, device: str | torch.device, dtype: str | torch.dtype | None, on_long: OnLong
) -> ImageEncoder:
    scheme, _, rest = name.strip().partition(":")
    factory = _find_factory(scheme, name)
    encoder = factory(rest, device=device, dtype=dtype, on_long=on_long)
    if not _can_encode(encoder):
        raise EncoderBroken(
            f"encoder {name!r}: {factory!r} gave {type(encoder).__name__}, which is no encoder: "
            "an encoder has space, dim and encode_images"
        )
    return encoder


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """Keep libraries from setting up the process's logging, as open_clip's `logging.info` does.

    It is up to the program. Where it has set up nothing, our lines would look raw from then on.
    """
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    usual = logging.lastResort or logging.NullHandler()  # what speaks where there is no handler
    root.addHandler(usual)
    try:
        yield
    finally:
        root.removeHandler(usual)


def _give_notice(encoder: ImageEncoder, name: str) -> None:
    """Say once what an encoder wants to be known about it, and aloud if nobody chose it."""
    notice = getattr(encoder, "notice", None)
    level = logging.WARNING if isinstance(name, _Unnamed) else logging.INFO
    if not isinstance(notice, str) or _said.get(notice, logging.NOTSET) >= level:
        return
    _said[notice] = level
    if level == logging.WARNING:
        notice += f". No encoder was named: pass encoder={str(name)!r} to have it without this line"
    _LOG.log(level, notice)


def _can_encode(thing: object) -> bool:
    # not isinstance(thing, ImageEncoder): that would compute the fingerprint behind `space`
    return not isinstance(thing, type) and callable(getattr(thing, "encode_images", None))


def _find_factory(scheme: str, name: str) -> Factory:
    if scheme in _BUILT_IN:
        module, _, attribute = _BUILT_IN[scheme].partition(":")
        return cast("Factory", getattr(importlib.import_module(module), attribute))
    points = {point.value: point for point in _entry_points() if point.name == scheme}
    if len(points) > 1:
        raise EncoderBroken(
            f"encoder {scheme!r} is offered by more than one package: "
            f"{', '.join(sorted(points))}; uninstall all but one"
        )
    for value, point in points.items():
        try:
            factory: Any = point.load()
        except Exception as error:  # another package's code may raise anything
            raise EncoderBroken(
                f"encoder {scheme!r} is registered as {value!r}, which does not load: {error}"
            ) from error
        return cast("Factory", factory)
    raise EncoderNotFound(f"no encoder {scheme!r}. {_suggest(scheme, name)}")


def _suggest(scheme: str, name: str) -> str:
    known = encoder_names()
    near = difflib.get_close_matches(scheme.lower(), known, n=1)
    if near:
        return f"Did you mean {near[0]!r}? Known: {', '.join(known)}"
    return (
        f"Known: {', '.join(known)}. A model or a folder is named with its library before a "
        f"colon, such as 'openclip:{name}'"
    )


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    return list(importlib.metadata.entry_points(group=_GROUP))
