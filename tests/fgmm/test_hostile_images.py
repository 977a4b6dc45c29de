"""More than a thousand damaged or hostile files: an error that names the file, or the pixels
that plain, strict Pillow gives."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fgmm.errors import ImageError
from fgmm.images import read_image

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1_000_000  # pixels; small, so that a lie about the size is cheap for the reference too
SECONDS = 5.0  # for one file; it takes some milliseconds
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"]
TURNS = {  # EXIF orientation to what undoes it, of an array (rows, columns, ...)
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def plain_pillow(data: bytes) -> np.ndarray | None:
    """RGB pixels as plain Pillow reads them, by other means than fgmm's; None if it cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > LIMIT:
                return None
            image.load()
            turn = TURNS.get(image.getexif().get(274), lambda a: a)
            return turn(rgb(image))
        except Exception:
            return None


def rgb(image: Image.Image) -> np.ndarray:
    mode, clear = image.mode, image.info.get("transparency")
    if mode == "F" or (mode == "I" and image.format == "TIFF"):
        raise ValueError("no agreed white")
    if mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        bits = image.tag_v2.get(258, (16,))[0] if image.format == "TIFF" else 16
        level = np.minimum(deep, 65535) // (16 if bits == 12 else 256)
        if image.format == "TIFF" and image.tag_v2.get(262) == 0:
            level = 255 - level
        if clear is not None:
            level = np.where(deep == clear, 255, level)
        return np.repeat(level[:, :, None], 3, axis=2).astype(np.uint8)
    if mode == "La":
        image = image.convert("LA")
    if (
        mode in ("LA", "La", "PA", "RGBA", "RGBa")
        or clear is not None
        or (mode == "P" and image.palette.mode == "RGBA")
    ):
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return np.asarray(white)[:, :, :3]
    return np.asarray(image.convert("RGB"))


# what is damaged


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def originals() -> dict[str, bytes]:
    """Small honest files of many kinds, by name."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:24, 0:32]
    smooth = np.stack([rows * 10, columns * 8, rows * 4 + columns * 4], axis=2).astype(np.uint8)
    noise = rng.integers(0, 60, smooth.shape, dtype=np.uint8)
    image = Image.fromarray(smooth // 2 + noise)
    alpha = image.copy()
    alpha.putalpha(Image.fromarray((columns * 8).astype(np.uint8)))
    palette = image.quantize(20)
    deep = Image.fromarray((rows * 2700 + columns).astype(np.uint16))
    frames = [image.rotate(90 * k) for k in range(3)]
    turned = Image.Exif()
    turned[274] = 6
    turned[270] = "a description"
    files = {
        "plain.jpg": encode(image, "JPEG"),
        "progressive.jpg": encode(image, "JPEG", progressive=True, quality=60),
        "grey.jpg": encode(image.convert("L"), "JPEG"),
        "cmyk.jpg": encode(image.convert("CMYK"), "JPEG"),
        "turned.jpg": encode(image, "JPEG", exif=turned),
        "plain.png": encode(image, "PNG"),
        "alpha.png": encode(alpha, "PNG"),
        "palette.png": encode(palette, "PNG", transparency=3),
        "deep.png": encode(deep, "PNG"),
        "bits.png": encode(image.convert("1"), "PNG"),
        "turned.png": encode(image, "PNG", exif=turned),
        "moving.png": encode(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "plain.gif": encode(palette, "GIF", transparency=2),
        "moving.gif": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "plain.bmp": encode(image, "BMP"),
        "palette.bmp": encode(palette, "BMP"),
        "bits.bmp": encode(image.convert("1"), "BMP"),
        "plain.tif": encode(image, "TIFF"),
        "lzw.tif": encode(image, "TIFF", compression="tiff_lzw"),
        "deflate.tif": encode(alpha, "TIFF", compression="tiff_deflate"),
        "jpeg.tif": encode(image, "TIFF", compression="jpeg"),
        "deep.tif": encode(deep, "TIFF", exif=turned),
        "pages.tif": encode(palette, "TIFF", save_all=True, append_images=frames),
        "cmyk.tif": encode(image.convert("CMYK"), "TIFF"),
        "lossy.webp": encode(image, "WEBP", exif=turned),
        "lossless.webp": encode(alpha, "WEBP", lossless=True),
        "moving.webp": encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "plain.ppm": encode(image, "PPM"),
        "deep.pgm": encode(deep, "PPM"),
        "text.ppm": b"P3\n# text\n4 3\n99\n"
        + b" ".join(b"%d" % (k * 2) for k in range(36))
        + b"\n",
        "bits.pbm": encode(image.convert("1"), "PPM"),
    }
    if "AVIF" in Image.SAVE:
        files["plain.avif"] = encode(image, "AVIF", quality=50)
        files["turned.avif"] = encode(alpha, "AVIF", exif=turned)
    return files


def flip_bits(data: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(0, len(data), rng.choice([1, 2, 20])):
        data[at] ^= 1 << int(rng.integers(8))


def flip_head(data: bytearray, rng: np.random.Generator) -> None:
    data[int(rng.integers(0, min(len(data), 64)))] = int(rng.integers(256))


def cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(0, len(data))) :]


def cut_a_little(data: bytearray, rng: np.random.Generator) -> None:
    del data[-int(rng.integers(1, 12)) :]


def drop_a_piece(data: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(0, len(data)))
    del data[at : at + int(rng.integers(1, 40))]


def repeat_a_piece(data: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(0, len(data)))
    data[at:at] = data[at : at + int(rng.integers(1, 200))]


def blank_a_piece(data: bytearray, rng: np.random.Generator) -> None:
    at, length = int(rng.integers(0, len(data))), int(rng.integers(1, 60))
    data[at : at + length] = bytes([int(rng.choice([0, 255]))]) * len(data[at : at + length])


def exaggerate(data: bytearray, rng: np.random.Generator) -> None:
    """Huge, negative or zero numbers where sizes, offsets and counts stand."""
    at = int(rng.integers(0, min(len(data) - 4, 120)))
    value = int(rng.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
    layout = str(rng.choice(["<I", ">I", "<H", ">H"]))
    struct.pack_into(layout, data, at, value & (0xFFFF if layout[1] == "H" else 0xFFFFFFFF))


def add_rubbish(data: bytearray, rng: np.random.Generator) -> None:
    data += rng.bytes(int(rng.integers(1, 300)))


DAMAGES = [flip_bits, flip_head, cut, cut_a_little, drop_a_piece, repeat_a_piece, blank_a_piece]
DAMAGES += [exaggerate, add_rubbish]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def forged_pngs() -> Iterator[tuple[str, bytes]]:
    """Every depth and colour type, also those that do not exist, with true checksums."""
    for bits in (0, 1, 2, 3, 4, 8, 16, 32):
        for colour in range(8):
            for size in ((9, 7), (0, 7), (65_000, 65_000), (0x80000000, 1), (900, 900)):
                head = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
                body = zlib.compress(bytes(range(200)) * 40)
                yield (
                    f"{bits} bits, type {colour}, {size[0]} x {size[1]}.png",
                    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body)
                    + chunk(b"IEND", b""),
                )  # fmt: skip


HEADS_OF_PPM = [
    b"P6 99999999 99999999 255\n",
    b"P5 -4 4 255\n",
    b"P6 4 4 0\n",
    b"P6 4 4 70000\n",
    b"P3 9 9 9\n" + b"# " * 99,
    b"P1 900 900\n" + b"2" * 99,
    b"P4 8",
    b"Pf 2 2 0\n",
    b"Pf 2 2 nan\n" + bytes(16),
    b"PF 2 2 -1\n" + bytes(48),
    b"Py 3 3 255\n" + bytes(9),
]
HEADS_OF_BMP = [  # width, height, bits, packing
    *((-5, 5, 24, 0), (5, -5, 24, 0), (70_000, 70_000, 24, 0), (5, 5, 24, 3), (5, 5, 8, 1)),
    *((5, 5, 32, 3), (5, 5, 5, 0), (0, 0, 24, 0), (4, 4, 4, 2), (2**31 - 1, 1, 1, 0)),
]


def forged_others() -> Iterator[tuple[str, bytes]]:
    bomb = zlib.compress(bytes(10_000_000))
    head = struct.pack(">IIBBBBB", 900, 900, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    yield "more data than pixels.png", png + chunk(b"IDAT", bomb) + chunk(b"IEND", b"")
    yield "text bomb.png", png + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))
    yield "profile bomb.png", png + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(80_000_000)))
    yield "no data.png", png + chunk(b"IEND", b"")
    yield "only a signature.png", b"\x89PNG\r\n\x1a\n"
    for text in HEADS_OF_PPM:
        yield f"{text[:12]!r}.ppm".replace("\\", ""), text
    for width, height, bits, packing in HEADS_OF_BMP:
        size = struct.pack("<iiHHIIiiII", width, height, 1, bits, packing, 0, 0, 0, 0, 0)
        name = f"{width} {height} {bits} {packing}.bmp"
        yield (
            name,
            struct.pack("<2sIII", b"BM", 0, 0, 54) + struct.pack("<I", 40) + size + bytes(90),
        )
    for count in (0, 1, 65_535):  # a directory that points at itself, or holds nothing
        entry = struct.pack("<HHII", 256, 4, 1, 8)
        yield (
            f"loop {count}.tif",
            b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entry * 3 + b"\x08\0\0\0",
        )
    yield "big.tif", b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63)
    for kind in (
        b"PNG",
        b"%PDF-",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"RIFF\xff\xff\xff\xffWEBP",
        b"BM",
        b"II*\0",
    ):
        yield f"head of {kind!r}.jpg".replace("\\", ""), kind
        yield f"head of {kind!r} and zeros.jpg".replace("\\", ""), kind + bytes(500)


@pytest.fixture(scope="module")
def hostile() -> list[tuple[str, bytes]]:
    rng = np.random.default_rng(2024)
    Image.init()
    honest = originals()
    names = list(honest)
    files = [*forged_pngs(), *forged_others(), ("nothing.jpg", b"")]
    for name, data in honest.items():
        stem, suffix = name.split(".")
        for damage in DAMAGES:
            for turn in range(8):
                damaged = bytearray(data)
                damage(damaged, rng)
                files.append((f"{stem} {damage.__name__} {turn}.{suffix}", bytes(damaged)))
        other = names[int(rng.integers(len(names)))]
        files += [  # the head of one file, the body of another
            (f"{length} of {other} on {name}", honest[other][:length] + data[length:])
            for length in (4, 12, 40)
        ]
        files.append((f"{name} is really.{other.split('.')[1]}", data))
    return files


def test_a_thousand_hostile_files(hostile, tmp_path):
    assert len({name for name, _ in hostile}) == len(hostile) >= 2500
    refused = read = 0
    for name, data in hostile:
        path = tmp_path / name
        path.write_bytes(data)
        begun = time.monotonic()
        try:
            got = np.asarray(read_image(path, max_pixels=LIMIT))
        except ImageError as error:
            got = None
            assert name in str(error)
            assert str(error).startswith("cannot read")
            assert "\n" not in str(error)
        assert time.monotonic() - begun < SECONDS, name
        path.unlink()
        expected = plain_pillow(data)
        assert (got is None) == (expected is None), f"{name}: one reads it, the other does not"
        if expected is not None:
            assert got.shape == expected.shape, name
            assert np.array_equal(got, expected), name
            read += 1
        else:
            refused += 1
    # both kinds are many, or the test says little
    assert refused > 1000
    assert read > 800


def test_the_honest_files_are_read():
    Image.init()
    for name, data in originals().items():
        expected = plain_pillow(data)
        assert expected is not None, name
        assert np.array_equal(np.asarray(read_image(data, name=name)), expected), name


@pytest.mark.parametrize(
    "raised",
    [
        struct.error("x"), SyntaxError("x"), OSError("x"), zlib.error("x"), RecursionError("x"),
        KeyError("x"), MemoryError(), EOFError(), ZeroDivisionError("x"), AssertionError(),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "x"), OverflowError("x"), Warning("x"),
        NotImplementedError(), AttributeError("x"), StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
@pytest.mark.parametrize("method", ["load", "getexif", "_open"])
def test_whatever_a_plugin_raises_is_an_image_error(monkeypatch, raised, method):
    from PIL.PngImagePlugin import PngImageFile

    def fail(*_: object) -> None:
        raise raised

    data = encode(Image.new("RGB", (3, 3)), "PNG")
    monkeypatch.setattr(PngImageFile, method, fail)
    with pytest.raises(ImageError, match=r"cannot read '<bytes> a.png'") as caught:
        read_image(data, name="a.png")
    assert caught.value.__cause__ is not None


def test_an_interrupt_is_no_damaged_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL.PngImagePlugin import PngImageFile

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    data = encode(Image.new("RGB", (3, 3)), "PNG")
    monkeypatch.setattr(PngImageFile, "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_image(data)
