"""A collection as a folder: the same comes back, and what is hostile is refused."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from fgmm.errors import LibraryError, StoreError
from fgmm.library import (
    Collection,
    LibraryFile,
    Photos,
    add_species,
    export_folder,
    import_folder,
    import_thumbnails,
    remove,
)


@pytest.fixture
def collection(birds):
    with LibraryFile.open(birds) as library:
        return add_species(
            library.collection,
            "Zaunkönig 鷦鷯",
            Photos([[0.6, 0.8]], ["ab" * 16], ["a\udcff.jpg"]),
            names=["Troglodytes"],
            description="small",
            attributes={"brown": 0.1},
            parent="bird",
        )


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_exported_comes_back(collection, tmp_path):
    export_folder(collection, tmp_path / "out")
    assert import_folder(tmp_path / "out") == collection
    assert sorted(contents(tmp_path / "out")) == ["library.json", "vectors.safetensors"]


def test_other_programs_can_read_it(collection, tmp_path):
    export_folder(collection, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "library.json").read_text("utf-8"))
    vectors = safetensors.numpy.load_file(tmp_path / "out" / "vectors.safetensors")["vectors"]
    assert [one["name"] for one in told["species"]] == [one.name for one in collection]
    assert np.array_equal(vectors, np.concatenate([one.photos.vectors for one in collection]))


def test_equal_collections_give_equal_bytes_and_what_was_removed_leaves_no_trace(
    collection, photos, tmp_path
):
    export_folder(collection, tmp_path / "one")
    again = add_species(collection, "secret", photos(77))
    export_folder(remove(again, "secret"), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_collection_without_photos_or_species_comes_back(tmp_path):
    empty = Collection("fake/1", 2, "fake")
    words = add_species(empty, "dodo")
    for name, collection in (("empty", empty), ("words", words)):
        export_folder(collection, tmp_path / name)
        assert import_folder(tmp_path / name) == collection


def test_an_empty_folder_is_filled_and_anything_else_left_alone(collection, tmp_path):
    (tmp_path / "empty").mkdir()
    export_folder(collection, tmp_path / "empty")
    (tmp_path / "file").write_text("wren")
    for taken in ("empty", "file"):
        with pytest.raises(StoreError, match="there is something at"):
            export_folder(collection, tmp_path / taken)
    with pytest.raises(StoreError, match="cannot write the folder"):
        export_folder(collection, tmp_path / "no" / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["birds.fgmm", "empty", "file"]


def test_an_export_that_fails_leaves_nothing(collection, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(StoreError, match="No space left on device"):
        export_folder(collection, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["birds.fgmm"]


def put(folder, vectors: dict[str, np.ndarray]) -> str:
    """Write other vectors, and give the hash that makes them look right."""
    content = safetensors.numpy.save(vectors)
    (folder / "vectors.safetensors").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


ROWS = np.array([[0.6, 0.8]] * 4, np.float32)
NAN = ROWS * [[np.nan], [1], [1], [1]]
HASH = "sha256 of vectors.safetensors"
VECTORS = {
    "another file": (lambda f, _: put(f, {"vectors": ROWS}), "is not the one that library.json"),
    "a row too few": (
        lambda f, t: t.update({HASH: put(f, {"vectors": ROWS[1:]})}),
        r"F32 of shape \[3, 2\], and its photos are 4 of 2",
    ),
    "rows too long": (
        lambda f, t: t.update({HASH: put(f, {"vectors": np.ones((4, 3), np.float32)})}),
        r"shape \[4, 3\]",
    ),
    "other numbers": (
        lambda f, t: t.update({HASH: put(f, {"vectors": ROWS.astype(np.float64)})}),
        "F64",
    ),
    "another tensor": (
        lambda f, t: t.update({HASH: put(f, {"vectors": ROWS, "more": ROWS})}),
        "other tensors",
    ),
    "no number": (
        lambda f, t: t.update({HASH: put(f, {"vectors": NAN.astype(np.float32)})}),
        "row 0, of length nan",
    ),
    "long rows": (
        lambda f, t: t.update({HASH: put(f, {"vectors": 2 * ROWS})}),
        "not of length one",
    ),
    "no safetensors": (
        lambda f, _: (f / "vectors.safetensors").write_bytes(b"\xff" * 64),
        "is damaged or something else",
    ),
    "nothing": (lambda f, _: (f / "vectors.safetensors").unlink(), "there is no library.json and"),
}
WORDS = {
    "another format": (lambda t: t.update(format="birds"), "of the format 'birds'"),
    "a newer version": (lambda t: t.update(version=2), "of version 2 and this fgmm reads 1"),
    "no space": (lambda t: t.pop("space"), "'space'"),
    "no dimension": (lambda t: t.update(dim="2"), "a collection of '2' dimensions"),
    "a huge dimension": (lambda t: t.update(dim=10**12), "4 of 1000000000000 numbers"),
    "a list of names": (lambda t: t.update(species=["wren"]), "something else"),
    "an id that is a path": (
        lambda t: t["species"][0].update(id="../../x"),
        "a species' id is '../../x'",
    ),
    "an id twice": (
        lambda t: t["species"][0].update(id=t["species"][1]["id"]),
        "two species have the id",
    ),
    "a name twice": (lambda t: t["species"][0].update(name="dodo"), "'dodo' is taken"),
    "a name that is none": (lambda t: t["species"][0].update(name=["x"]), "names are strings"),
    "a digest that is a path": (
        lambda t: t["species"][0]["photos"][0].update(digest="../x"),
        "the digest of photo 0",
    ),
    "a photo twice": (
        lambda t: (
            t["species"][0]["photos"].reverse()
            or t["species"][0]["photos"][0].update(t["species"][1]["photos"][0])
        ),
        "is of 'wren' and of 'great tit'",
    ),
    "a number that is none": (
        lambda t: t["species"][0].update(attributes={"x": float("nan")}),
        "NaN is no number",
    ),
    "a number that is too large": (
        lambda t: t["species"][0].update(attributes={"x": 10**400}),
        "something else",
    ),
    "other words": (lambda t: t["species"][0].update(names=7), "something else"),
}


@pytest.mark.parametrize("kind", VECTORS)
def test_vectors_that_do_not_fit_are_refused(collection, tmp_path, kind):
    change, message = VECTORS[kind]
    folder = tmp_path / "out"
    export_folder(collection, folder)
    told = json.loads((folder / "library.json").read_text("utf-8"))
    change(folder, told)
    (folder / "library.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(StoreError, match=message):
        import_folder(folder)


@pytest.mark.parametrize("kind", WORDS)
def test_words_that_do_not_fit_are_refused(collection, tmp_path, kind):
    change, message = WORDS[kind]
    folder = tmp_path / "out"
    export_folder(collection, folder)
    told = json.loads((folder / "library.json").read_text("utf-8"))
    change(told)
    (folder / "library.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(StoreError, match=message):
        import_folder(folder)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": "fgmm.library"}']
)
def test_words_that_are_something_else_are_refused(collection, tmp_path, content):
    export_folder(collection, tmp_path / "out")
    (tmp_path / "out" / "library.json").write_bytes(content)
    with pytest.raises(StoreError, match="cannot read a library from the folder"):
        import_folder(tmp_path / "out")


def test_what_is_no_folder_is_told(tmp_path):
    for name in ("nothing", ""):
        with pytest.raises(StoreError, match=r"there is no library\.json"):
            import_folder(tmp_path / name)


# --- thumbnails


def jpeg(colour: str = "red", **more: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(file, "JPEG", **more)
    return file.getvalue()


def mean_colour(content: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.size == (32, 24)
        return tuple(np.asarray(opened).mean((0, 1)).round(-1).astype(int))


def test_thumbnails_come_back_by_digest_and_other_files_are_left_alone(collection, tmp_path):
    thumbnails = {"ab" * 16: jpeg(), f"{2:032x}": jpeg("blue")}
    export_folder(collection, tmp_path / "out", thumbnails)
    (tmp_path / "out" / "thumbnails" / f"{99:032x}.jpg").write_bytes(jpeg())  # no such photo
    (tmp_path / "out" / "thumbnails" / "Thumbs.db").write_bytes(b"?")
    assert import_folder(tmp_path / "out") == collection
    found = import_thumbnails(tmp_path / "out", collection)
    assert set(found) == set(thumbnails)
    assert mean_colour(found["ab" * 16]) == (250, 0, 0)
    assert mean_colour(found[f"{2:032x}"]) == (0, 0, 250)


def test_thumbnails_that_say_more_than_they_show_are_not_written_and_not_read(collection, tmp_path):
    exif = jpeg(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    with pytest.raises(LibraryError, match="metadata"):
        export_folder(collection, tmp_path / "out", {"ab" * 16: exif})
    with pytest.raises(LibraryError, match="no species has the photo"):
        export_folder(collection, tmp_path / "out", {"cd" * 16: jpeg()})
    assert not (tmp_path / "out").exists()
    export_folder(collection, tmp_path / "out", {"ab" * 16: jpeg()})
    place = tmp_path / "out" / "thumbnails" / f"{'ab' * 16}.jpg"
    cut = jpeg()[:-40] + b"\xff\xd9"
    for content in (exif, b"GIF89a", jpeg() + bytes(70_000), jpeg() + b"x", cut[:150] + cut[-2:]):
        place.write_bytes(content)
        with pytest.raises(StoreError, match="cannot read the thumbnail"):
            import_thumbnails(tmp_path / "out", collection)


def test_what_hides_among_the_pixels_of_a_thumbnail_is_not_read(collection, tmp_path):
    """Decoders skip what comes after the last pixel and before the end."""
    export_folder(collection, tmp_path / "out", {"ab" * 16: jpeg()})
    place = tmp_path / "out" / "thumbnails" / f"{'ab' * 16}.jpg"
    place.write_bytes(jpeg()[:-2] + b"SECRET 48.1 N" + b"\xff\xd9")
    found = import_thumbnails(tmp_path / "out", collection)["ab" * 16]
    assert b"SECRET" not in found
    assert mean_colour(found) == (250, 0, 0)
