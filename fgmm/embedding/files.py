"""Embeddings in a file: finished ones as safetensors, those in the making beside it.

A finished file holds three tensors: ``vectors`` (n, d) float32, ``keys`` (n, 16) bytes, which
say what content each row is of, and ``inputs``, names, positions and failures as JSON in
UTF-8. They are no metadata because safetensors refuses more than 100 MB of that, and a
million names are more. The metadata are ``format``, ``version``, ``space``, ``layer`` and
``shelf``: the space and how it was computed, see `fgmm.encoders.shelf`.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fgmm.cache import EmbeddingCache
from fgmm.embedding.keys import KEY_BYTES
from fgmm.embedding.results import Failure, ImageEmbeddings
from fgmm.errors import ImageError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fgmm.cache.rows import Vector

__all__ = ["ResumableFile", "load_embeddings"]

_FORMAT, _VERSION = "fgmm.image-embeddings", "2"


def load_embeddings(path: str | os.PathLike[str]) -> ImageEmbeddings:
    """Read what ``embed_images(..., into=path)`` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    ImageEmbeddings

    Raises
    ------
    StoreError
        If there is no such file, or it is not one of these.

    Examples
    --------
    >>> from fgmm.embedding import load_embeddings
    >>> load_embeddings("no-such.safetensors")
    Traceback (most recent call last):
    fgmm.errors.StoreError: cannot read embeddings from 'no-such.safetensors': there is no such ...
    """
    return _load(Path(path))[0]


def _load(path: Path) -> tuple[ImageEmbeddings, Tensor, str]:
    """Read a finished file: embeddings, keys of their rows, (n, 16) bytes, and their shelf."""
    problem = f"cannot read embeddings from {str(path)!r}: "
    if not path.is_file():
        raise StoreError(problem + "there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if about.get("format") != _FORMAT:
                raise StoreError(problem + "it is a safetensors file, but not of fgmm's embeddings")
            if about.get("version") != _VERSION:
                raise StoreError(
                    f"{problem}it is of version {about.get('version')}, this fgmm reads version "
                    f"{_VERSION}; embed the pictures again"
                )
            shelf = about["shelf"]
            keys = file.get_tensor("keys")
            inputs = json.loads(bytes(file.get_tensor("inputs").numpy()))
            embeddings = ImageEmbeddings(
                file.get_tensor("vectors"),
                about["space"],
                tuple(map(str, inputs["names"])),
                tuple(map(int, inputs["positions"])),
                tuple(Failure(int(p), str(n), ImageError(e)) for p, n, e in inputs["failures"]),
            )
    except StoreError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{problem}it is damaged or something else ({error})") from error
    return embeddings, keys, shelf


class ResumableFile:
    """A file of embeddings in the making, which a run that was cut short leaves half done.

    What is done lies in ``<path>.partial``, a cache without limit, and in the file itself if
    an earlier run has finished it.

    Raises
    ------
    StoreError
        If the file is something else, of another space, or of the same space computed
        otherwise (in half precision); or nothing can be written there.
    """

    def __init__(self, path: str | os.PathLike[str], space: str, layer: str, shelf: str) -> None:
        self.path = Path(path)
        self.space = space
        self.layer = layer
        self.shelf = shelf
        if not self.path.parent.is_dir():
            raise StoreError(f"cannot write {str(path)!r}: there is no folder {self.path.parent}")
        self._finished: dict[bytes, Vector] = {}
        if self.path.exists():
            done, keys, found = _load(self.path)
            if found != shelf:
                raise StoreError(
                    f"{str(path)!r} holds vectors of {found!r}, and these are of {shelf!r}: "
                    "remove it, or choose another name"
                )
            rows = done.vectors.numpy()
            self._finished = {bytes(key): row for key, row in zip(keys.numpy(), rows, strict=True)}
        self._partial = EmbeddingCache(
            self.path.with_name(self.path.name + ".partial"), None, strict=True
        )
        self._partial.stats()  # opens it: better to fail now than after hours

    def get_many(self, space: str, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """Look up what is done."""
        found = {key: self._finished[key] for key in keys if key in self._finished}
        missing = [key for key in keys if key not in found]
        return found | (self._partial.get_many(space, missing) if missing else {})

    def put_many(self, space: str, keys: Sequence[bytes], vectors: Any) -> None:
        """Keep what was done just now."""
        self._partial.put_many(space, keys, vectors)

    def close(self) -> None:
        """Leave it as it is, to be taken up again."""
        self._partial.close()

    def finish(self, embeddings: ImageEmbeddings, keys: Sequence[bytes]) -> None:
        """Write the whole file, at once or not at all, and remove the partial one."""
        inputs = {
            "names": embeddings.names,
            "positions": embeddings.positions,
            "failures": [(f.position, f.name, str(f.error)) for f in embeddings.failures],
        }
        # ASCII, for names of files that are no valid text
        text = np.frombuffer(json.dumps(inputs).encode("ascii"), dtype=np.uint8)
        key_rows = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, KEY_BYTES)
        tensors = {
            "vectors": embeddings.vectors.contiguous(),
            "keys": torch.from_numpy(key_rows.copy()),
            "inputs": torch.from_numpy(text.copy()),
        }
        about = {
            "format": _FORMAT,
            "version": _VERSION,
            "space": self.space,
            "layer": self.layer,
            "shelf": self.shelf,
        }
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            draft.touch()
            mode = draft.stat().st_mode  # what files get here; safetensors makes them private
            save_file(tensors, draft, about)
            draft.chmod(mode)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.replace(self.path)
        except (OSError, SafetensorError) as error:
            raise StoreError(
                f"cannot write {str(self.path)!r}: {error}; what is done is kept beside it"
            ) from error
        finally:
            draft.unlink(missing_ok=True)
        self._partial.close()
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):  # another process may still hold it
                self._partial.path.with_name(self._partial.path.name + end).unlink()
