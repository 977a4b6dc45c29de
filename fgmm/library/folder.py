"""A collection as a folder that other programs can read: JSON for words, safetensors for vectors.

``library.json`` says of what space it is and lists the species in order, each with its photos;
``vectors.safetensors`` holds one tensor, ``vectors`` (n, d) float32, a row for each photo in that
order; ``thumbnails/`` a JPEG file for each photo that has one, named by its digest. Equal
collections give equal bytes. History stays in the library.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from fgmm.errors import ImageError, LibraryError, StoreError
from fgmm.images import read_image
from fgmm.library.collection import Collection
from fgmm.library.photos import Photos
from fgmm.library.phrasing import Phrasing, dump_phrasing, load_phrasing
from fgmm.library.species import Species
from fgmm.library.thumbnails import (
    LARGEST_THUMBNAIL,
    check_thumbnail,
    check_thumbnails,
    make_thumbnail,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["export_folder", "import_folder", "import_thumbnails"]

_FORMAT, _VERSION = "fgmm.library", 1
_WORDS, _VECTORS, _THUMBNAILS = "library.json", "vectors.safetensors", "thumbnails"
_LARGEST_WORDS = 1 << 30


def export_folder(
    collection: Collection,
    path: str | os.PathLike[str],
    thumbnails: Mapping[str, bytes] | None = None,
) -> None:
    """Write a collection into a new folder, whole or not at all.

    Parameters
    ----------
    collection : Collection
    path : path
        Must not be there, or be an empty folder.
    thumbnails : mapping of str to bytes, optional
        Of its photos, by digest, such as ``library.thumbnails.some(collection.digests)``.

    Raises
    ------
    StoreError
        If there is something already, or nothing can be written there.
    LibraryError
        If a thumbnail is none, or of a photo that is not in the collection.

    Examples
    --------
    >>> import tempfile
    >>> from fgmm.library import Collection, Photos, add_species
    >>> birds = Collection("fake/1", 2, "fake")
    >>> birds = add_species(birds, "wren", Photos([[0.6, 0.8]], ["ab" * 16]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_folder(birds, f"{folder}/birds")
    ...     import_folder(f"{folder}/birds") == birds
    True
    """
    place, small = Path(path), dict(thumbnails or {})
    check_thumbnails(collection, small)
    vectors = np.concatenate(
        [np.empty((0, collection.dim), np.float32), *(s.photos.vectors for s in collection)]
    )
    content = safetensors.numpy.save({"vectors": vectors}, {"format": _FORMAT})
    told = {
        "format": _FORMAT,
        "version": _VERSION,
        "space": collection.space,
        "dim": collection.dim,
        "encoder": collection.encoder,
        "phrasing": dump_phrasing(collection.phrasing),
        "sha256 of vectors.safetensors": hashlib.sha256(content).hexdigest(),
        "species": [_words(species) for species in collection],
    }
    draft = None
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise StoreError(
                f"there is something at {str(place)!r} already: name a new folder, or empty it"
            )
        draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
        draft.mkdir()
        _write(draft / _VECTORS, content)
        if small:
            (draft / _THUMBNAILS).mkdir()
        for digest, jpeg in small.items():
            _write(draft / _THUMBNAILS / f"{digest}.jpg", jpeg)
        _write(draft / _WORDS, (json.dumps(told, indent=1, allow_nan=False) + "\n").encode())
        if place.exists():
            place.rmdir()
        draft.replace(place)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"cannot write the folder {str(place)!r}: {error}") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def import_folder(path: str | os.PathLike[str]) -> Collection:
    """Read a collection that `export_folder` wrote; what does not fit is refused.

    Parameters
    ----------
    path : path

    Returns
    -------
    Collection

    Raises
    ------
    StoreError
        If it is no such folder, damaged, of a newer version, or holds what no library may.
    """
    place = Path(path)
    problem = f"cannot read a library from the folder {str(place)!r}: "
    if not (place / _WORDS).is_file() or not (place / _VECTORS).is_file():
        raise StoreError(f"{problem}there is no {_WORDS} and {_VECTORS} in it")
    try:
        told = _read_words(place / _WORDS)
        if told["format"] != _FORMAT:
            raise StoreError(f"{problem}it is of the format {told['format']!r}, not {_FORMAT!r}")
        if told["version"] != _VERSION:
            raise StoreError(
                f"{problem}it is of version {told['version']!r} and this fgmm reads {_VERSION}: "
                "use the fgmm that wrote it, or a newer one"
            )
        return _collection(told, place / _VECTORS)
    except StoreError:
        raise
    except (SafetensorError, OSError, ValueError, TypeError, LookupError) as error:
        raise StoreError(f"{problem}it is damaged or something else ({error})") from error
    except (AttributeError, RecursionError, OverflowError) as error:
        raise StoreError(f"{problem}it is something else ({error})") from error


def import_thumbnails(path: str | os.PathLike[str], collection: Collection) -> dict[str, bytes]:
    """Read the thumbnails of a folder that `export_folder` wrote; other files are left alone.

    Their pixels are written into new JPEG files: whatever else is in a file stays behind.

    Parameters
    ----------
    path : path
    collection : Collection
        What `import_folder` read from it.

    Returns
    -------
    dict of str to bytes
        By the photo's digest.

    Raises
    ------
    StoreError
        If one is no thumbnail, or cannot be read.
    """
    found = {}
    for digest in collection.digests:
        file = Path(path) / _THUMBNAILS / f"{digest}.jpg"
        try:
            if file.is_file():
                with file.open("rb") as opened:
                    jpeg = opened.read(LARGEST_THUMBNAIL + 1)  # more is refused below
                check_thumbnail(jpeg)
                # written anew, so that nothing comes in but what is seen
                found[digest] = make_thumbnail(read_image(jpeg, name=file.name))
        except (OSError, LibraryError, ImageError) as error:
            raise StoreError(f"cannot read the thumbnail {str(file)!r}: {error}") from error
    return found


def _words(species: Species) -> dict[str, Any]:
    photos = species.photos
    return {
        "id": species.id,
        "name": species.name,
        "names": species.names,
        "description": species.description,
        "attributes": dict(species.attributes),
        "parent": species.parent,
        "photos": [
            {"digest": digest, "origin": origin, "added": added}
            for digest, origin, added in zip(
                photos.digests, photos.origins, photos.added, strict=True
            )
        ],
    }


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_words(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number")

    size = path.stat().st_size
    if size > _LARGEST_WORDS:
        raise ValueError(f"{path.name} has {size} bytes, at most {_LARGEST_WORDS} are read")
    told: dict[str, Any] = json.loads(path.read_bytes(), parse_constant=refuse)
    if not isinstance(told, dict):
        raise TypeError(f"{path.name} is a {type(told).__name__}")
    return told


def _collection(told: Mapping[str, Any], path: Path) -> Collection:
    empty = Collection(told["space"], told["dim"], told["encoder"])
    counts = [len(one["photos"]) for one in told["species"]]
    ends = list(itertools.accumulate(counts))
    shape = [ends[-1] if ends else 0, empty.dim]
    with safe_open(path, framework="np") as file:
        if list(file.keys()) != ["vectors"]:
            raise ValueError(f"{path.name} holds other tensors than 'vectors'")
        part = file.get_slice("vectors")
        if part.get_shape() != shape or part.get_dtype() != "F32":  # before anything is read
            raise ValueError(
                f"its vectors are {part.get_dtype()} of shape {part.get_shape()}, and its photos "
                f"are {shape[0]} of {shape[1]} numbers in F32"
            )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != told["sha256 of vectors.safetensors"]:
        raise ValueError(f"{path.name} is not the one that {_WORDS} was written with")
    vectors = safetensors.numpy.load(content)["vectors"]
    columns = [
        [photo[key] for one in told["species"] for photo in one["photos"]]
        for key in ("digest", "origin", "added")
    ]
    photos = Photos(vectors, *columns)
    species = {}
    for one, count, end in zip(told["species"], counts, ends, strict=True):
        if one["id"] in species:
            raise ValueError(f"two species have the id {one['id']!r}")
        species[one["id"]] = Species(
            one["id"],
            one["name"],
            tuple(one["names"]),
            one["description"],
            one["attributes"],
            one["parent"],
            photos=photos.part(end - count, end),
        )
    phrasing = load_phrasing(told["phrasing"]) if "phrasing" in told else Phrasing()
    return dataclasses.replace(empty, species=species, phrasing=phrasing)
