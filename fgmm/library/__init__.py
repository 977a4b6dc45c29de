"""A library of species: what is known, how it changes, and where it is kept.

Values and the pure functions that change them are in `species`, `collection` and `changes`; a
place that keeps a collection and its history is a `MemoryLibrary` or a `LibraryFile`. Nothing here
knows of scores or encoders.
"""

from __future__ import annotations

from fgmm.library.changes import add_photos, add_species, merge, remove, rename
from fgmm.library.collection import Collection
from fgmm.library.descriptions import add_names, describe
from fgmm.library.file import LibraryFile
from fgmm.library.folder import export_folder, import_folder, import_thumbnails
from fgmm.library.given_photos import new_photos
from fgmm.library.history import HistoryEntry
from fgmm.library.memory import MemoryLibrary
from fgmm.library.photos import Photos, utc_now
from fgmm.library.phrasing import Phrasing
from fgmm.library.species import Species
from fgmm.library.verification import Finding, verify

__all__ = [
    "Collection",
    "Finding",
    "HistoryEntry",
    "LibraryFile",
    "MemoryLibrary",
    "Photos",
    "Phrasing",
    "Species",
    "add_names",
    "add_photos",
    "add_species",
    "describe",
    "export_folder",
    "import_folder",
    "import_thumbnails",
    "merge",
    "new_photos",
    "remove",
    "rename",
    "utc_now",
    "verify",
]
