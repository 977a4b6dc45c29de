"""Birds drawn by code, with exact truth: see `fgmm.fieldguide.guide`."""

from fgmm.fieldguide.guide import FieldGuide, Plate
from fgmm.fieldguide.species import ATTRIBUTES, Species

__all__ = ["ATTRIBUTES", "FieldGuide", "Plate", "Species"]
