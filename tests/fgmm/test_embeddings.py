"""Vectors that know their space: what is refused, and one product for every precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm import ClassMatrix, Embeddings, classify
from fgmm.embeddings import unit_rows
from fgmm.encoders.fake import FakeEncoder
from fgmm.errors import SpaceMismatch
from fgmm.half_rows import HalfRows
from fgmm.prompts import class_matrix

HALVES = [torch.float16, torch.bfloat16]


def rows(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return unit_rows(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)))


def by_hand(here: torch.Tensor, there: torch.Tensor) -> list[list[float]]:
    """Each cosine as a sum, in double precision, of the numbers as they are kept."""
    return [
        [math.fsum(float(a) * float(b) for a, b in zip(x, y, strict=True)) for y in there]
        for x in here
    ]


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
@pytest.mark.parametrize("n", [1, 7])
def test_cosines_are_sums_of_products_whatever_the_precision_of_the_classes(dtype, n):
    pictures, classes = rows(5, 40, 1), rows(n, 40, 2).to(dtype)
    got = Embeddings(pictures, "here").cosine(ClassMatrix(classes, "here"))
    assert got.dtype == torch.float32
    # rounding the pictures to half precision too would be wrong by 1e-4
    np.testing.assert_allclose(got, by_hand(pictures, classes), atol=2e-7)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", HALVES)
def test_blocks_of_classes_join_without_a_seam(monkeypatch, dtype, packed):
    if not packed:  # as on a processor for which torch has no such product
        monkeypatch.setattr("fgmm.half_rows._pack", lambda block: block)
    pictures, classes = rows(3, 8, 1), rows(50, 8, 2).to(dtype)
    whole = pictures @ classes.float().T
    monkeypatch.setattr("fgmm.embeddings._BYTES_A_BLOCK", 7 * 8 * 2)
    several = list(classes.split([3, 1, 0, 20, 26]))
    for vectors in (classes, several):
        matrix = ClassMatrix(vectors, "here")
        assert (len(matrix), matrix.nbytes) == (50, 800)
        assert torch.equal(matrix.vectors, classes)
        torch.testing.assert_close(matrix.cosines(pictures), whole, atol=2e-7, rtol=0)
        assert matrix.cosines(pictures[:0]).shape == (0, 50)
    assert not several  # they are not held twice
    with pytest.raises(ValueError, match=r"1 of 50 rows .* first is row 49"):
        ClassMatrix(torch.cat([classes[:49], 2 * classes[49:]]), "here")


def test_half_precision_is_kept_to_the_last_bit():
    every = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.float16)
    some = every[every.abs() <= 1].reshape(-1, 1)  # from 1 down to the smallest number there is
    kept = HalfRows(iter([some]))
    assert torch.equal(kept.unpacked(), some)
    assert torch.equal(kept.products(torch.ones(1, 1)), some.float().T)


@given(st.integers(0, 1_000), st.sampled_from([torch.float32, *HALVES]))
def test_cosines_stay_between_minus_one_and_one(seed, dtype):
    same = rows(4, 24, seed)
    classes = ClassMatrix(same.to(dtype), "here")
    got = classes.cosines(same)
    assert float(got.max()) <= 1
    assert float(classes.cosines(-same).min()) >= -1
    assert torch.allclose(got.diagonal(), torch.ones(4), atol=1e-2)


def test_classify_gives_the_cosines_that_embeddings_give(monkeypatch):
    monkeypatch.setattr("fgmm.embeddings._HALF_FROM", 2)
    from PIL import Image

    encoder, labels = FakeEncoder(), ["red", "blue", "a green circle"]
    picture = Image.new("RGB", (24, 24), (180, 60, 20))
    matrix = class_matrix(encoder, labels).matrix
    assert matrix.vectors.dtype == torch.float16
    direct = encoder.encode_images([picture]).cosine(matrix)[0]
    assert torch.equal(classify(picture, labels, encoder=encoder).cosines, direct)


@pytest.mark.parametrize("kind", [Embeddings, ClassMatrix])
def test_rows_that_are_no_unit_vectors_are_refused(kind):
    for bad in (
        [3.0, 4.0],
        [0.0, 0.0],
        [1.0, 0.1],
        [math.nan, 1.0],
        [math.inf, 0.0],
        [-math.inf, 1.0],
    ):
        with pytest.raises(ValueError, match="1 of 2 rows are not of length one; first is row 1"):
            kind(torch.tensor([[0.6, 0.8], bad]), "here")
    assert len(kind(torch.tensor([[0.6, 0.8]]), "here")) == 1
    assert len(kind(torch.empty(0, 2), "here")) == 0


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_may_round_and_no_more(dtype):
    many = rows(20_000, 64)
    assert len(ClassMatrix(many.to(dtype), "here")) == 20_000
    assert len(ClassMatrix(many[:0].to(dtype), "here")) == 0
    for bad in (1.02 * many, torch.full((1, 64), math.nan), torch.full((1, 64), math.inf)):
        with pytest.raises(ValueError, match="not of length one"):
            ClassMatrix(bad.to(dtype), "here")


def test_what_is_no_matrix_of_numbers_is_refused():
    mixed = [torch.eye(2), torch.eye(2).half()]
    for bad in ([], mixed, [torch.eye(2), torch.eye(3)]):
        with pytest.raises(ValueError, match="a class matrix is"):
            ClassMatrix(bad, "here")
    for bad in (torch.eye(2).double(), torch.eye(2).long(), torch.ones(2), torch.eye(2)[None]):
        for kind in (Embeddings, ClassMatrix):
            with pytest.raises(ValueError, match=r"float32.*not \("):
                kind(bad, "here")
    with pytest.raises(ValueError, match=r"float32, not \(2, 2\) torch.float16"):
        Embeddings(torch.eye(2).half(), "here")


def test_classes_are_halved_from_ten_thousand_on():
    assert ClassMatrix.dtype_for(9_999) == torch.float32
    assert ClassMatrix.dtype_for(10_000) == torch.float16


def test_two_spaces_are_never_compared():
    here = Embeddings(torch.eye(2), "here")
    for there in (Embeddings(torch.eye(2), "there"), ClassMatrix(torch.eye(2), "there")):
        with pytest.raises(SpaceMismatch, match="cannot compare 'here' with 'there'"):
            here.cosine(there)


@pytest.mark.parametrize("bad", [[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]])
def test_a_row_without_direction_cannot_be_scaled(bad):
    with pytest.raises(ValueError, match="1 of 2 rows have no direction"):
        unit_rows(torch.tensor([[3.0, 4.0], bad]))
