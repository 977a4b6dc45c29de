"""Pictures: anything a user has in hand, read right or refused by name.

Read `reading.py` first. Of a picture only its pixels leave this package: no EXIF, so no
position, ever.
"""

from __future__ import annotations

from fgmm.images.folders import SUFFIXES, find_images
from fgmm.images.reading import read_image
from fgmm.images.sources import MAX_PIXELS, ImageSource

__all__ = ["MAX_PIXELS", "SUFFIXES", "ImageSource", "find_images", "read_image"]
