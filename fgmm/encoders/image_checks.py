"""The sentences about pictures, each a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from fgmm.encoders.check_tools import SOME_TEXTS, agree, fail, message, some_pictures
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from fgmm.embeddings import Embeddings

__all__ = ["IMAGE_CHECKS"]


def its_parts_are_there(encoder: Any, tolerance: float) -> None:
    """``space`` is a name, ``dim`` a positive number, and encoding gives embeddings."""
    space, dim = getattr(encoder, "space", None), getattr(encoder, "dim", None)
    if not isinstance(space, str) or not space:
        fail(encoder, its_parts_are_there, f"space is {space!r}, not a name")
    if not isinstance(dim, int) or dim < 1:
        fail(encoder, its_parts_are_there, f"dim is {dim!r}, not a positive whole number")
    given = encoder.encode_images(some_pictures()[:1])
    for part in ("vectors", "space"):
        if not hasattr(given, part):
            fail(
                encoder,
                its_parts_are_there,
                f"encode_images gave {type(given).__name__}, which has no {part!r}",
            )


def vectors_have_length_one(encoder: Any, tolerance: float) -> None:
    """Every row is finite, float32, of ``dim`` components and of length one."""
    rows = [("pictures", encoder.encode_images(some_pictures()))]
    if hasattr(encoder, "encode_texts"):
        rows.append(("texts", encoder.encode_texts(list(SOME_TEXTS))))
    for what, given in rows:
        vectors = given.vectors
        if vectors.ndim != 2 or vectors.shape[1] != encoder.dim:
            fail(
                encoder,
                vectors_have_length_one,
                f"{what} came as {tuple(vectors.shape)}, and dim is {encoder.dim}",
            )
        if vectors.dtype != torch.float32:
            fail(encoder, vectors_have_length_one, f"{what} came as {vectors.dtype}")
        lengths = vectors.norm(dim=1)
        off = float((lengths - 1).abs().max())
        if not off <= 1e-3:
            fail(encoder, vectors_have_length_one, f"a row's length is off one by {off:.3g}")


def no_pictures_no_rows(encoder: Any, tolerance: float) -> None:
    """No pictures give no rows, of the right width, in both layers."""
    for layer in ("joint", "features"):
        wide = encoder.encode_images(some_pictures()[:1], layer=layer).vectors.shape[1]
        given = encoder.encode_images([], layer=layer)
        if tuple(given.vectors.shape) != (0, wide):
            fail(
                encoder,
                no_pictures_no_rows,
                f"layer {layer!r} gave {tuple(given.vectors.shape)}, not {(0, wide)}",
            )


def a_picture_has_its_row(encoder: Any, tolerance: float) -> None:
    """As many pictures, so many rows, in their order."""
    pictures = some_pictures()
    there = encoder.encode_images(pictures).vectors
    back = encoder.encode_images(pictures[::-1]).vectors
    if len(there) != len(pictures):
        fail(encoder, a_picture_has_its_row, f"{len(pictures)} pictures gave {len(there)} rows")
    agree(encoder, a_picture_has_its_row, there, back.flip(0), tolerance, "in reverse order")


def rows_do_not_depend_on_their_batch(encoder: Any, tolerance: float) -> None:
    """Row i depends on picture i alone, in both layers: alone, in company, at any place."""
    pictures = some_pictures()
    for layer in ("joint", "features"):
        together = encoder.encode_images(pictures, layer=layer).vectors
        alone = torch.cat([encoder.encode_images([p], layer=layer).vectors for p in pictures])
        agree(
            encoder,
            rows_do_not_depend_on_their_batch,
            together,
            alone,
            tolerance,
            f"alone and in a batch of {len(pictures)}, layer {layer!r} (is it in eval mode?)",
        )


def pictures_are_told_apart(encoder: Any, tolerance: float) -> None:
    """Different pictures have different vectors: the encoder looks."""
    vectors = encoder.encode_images(some_pictures()).vectors
    nearest = float((vectors[:, None] - vectors[None]).norm(dim=2).fill_diagonal_(9).min())
    if not nearest > 0:
        fail(encoder, pictures_are_told_apart, "two different pictures have the same vector")


def picture_size_does_not_matter(encoder: Any, tolerance: float) -> None:
    """Pictures of any size and shape are encoded, mixed in one call."""
    sizes = [(1, 1), (3, 200), (200, 3), (31, 33), (640, 480)]
    pictures = [Image.new("RGB", size, (200, 60, 20)) for size in sizes]
    try:
        rows = len(encoder.encode_images(pictures).vectors)
    except Exception as error:
        reason = f"pictures of sizes {sizes} raised {type(error).__name__}: {error}"
        raise EncoderBroken(message(encoder, picture_size_does_not_matter, reason)) from error
    if rows != len(sizes):
        fail(encoder, picture_size_does_not_matter, f"{len(sizes)} pictures gave {rows} rows")


def layers_have_their_own_space(encoder: Any, tolerance: float) -> None:
    """Layers whose vectors differ have spaces of different names; a layer must be known."""
    joint = encoder.encode_images(some_pictures())
    features = encoder.encode_images(some_pictures(), layer="features")
    same = joint.vectors.shape == features.vectors.shape and bool(
        (joint.vectors - features.vectors).norm(dim=1).max() <= tolerance
    )
    if joint.space == features.space and not same:
        fail(
            encoder,
            layers_have_their_own_space,
            f"'joint' and 'features' differ and are both called {joint.space!r}",
        )
    try:
        encoder.encode_images(some_pictures()[:1], layer="fgmm-no-such-layer")
    except Exception:  # of whatever kind, as long as it is refused
        return
    fail(encoder, layers_have_their_own_space, "layer='fgmm-no-such-layer' is not refused")


def space_is_stable(encoder: Any, tolerance: float) -> None:
    """Vectors carry the encoder's space, which stays what it is."""
    before = encoder.space
    given: list[Embeddings] = [encoder.encode_images(some_pictures()[:n]) for n in (0, 1, 2)]
    if hasattr(encoder, "encode_texts"):
        given.append(encoder.encode_texts(["a red circle"]))
    spaces = {before, encoder.space, *(one.space for one in given)}
    if len(spaces) > 1:
        fail(encoder, space_is_stable, f"the space is now {' now '.join(sorted(spaces))}")


def asking_changes_nothing(encoder: Any, tolerance: float) -> None:
    """Asked twice it answers the same, and leaves pictures, lists and random numbers alone."""
    pictures = some_pictures()
    bytes_before = [picture.tobytes() for picture in pictures]
    random_before = torch.get_rng_state()
    first = encoder.encode_images(pictures).vectors.clone()
    if hasattr(encoder, "encode_texts"):
        encoder.encode_texts(list(SOME_TEXTS))
    second = encoder.encode_images(pictures).vectors
    agree(encoder, asking_changes_nothing, first, second, tolerance, "the first and second time")
    if [picture.tobytes() for picture in pictures] != bytes_before:
        fail(encoder, asking_changes_nothing, "a picture was changed")
    if not bool(torch.equal(torch.get_rng_state(), random_before)):
        fail(encoder, asking_changes_nothing, "it drew torch's random numbers")


IMAGE_CHECKS = (
    its_parts_are_there,
    vectors_have_length_one,
    no_pictures_no_rows,
    a_picture_has_its_row,
    rows_do_not_depend_on_their_batch,
    pictures_are_told_apart,
    picture_size_does_not_matter,
    layers_have_their_own_space,
    space_is_stable,
    asking_changes_nothing,
)
