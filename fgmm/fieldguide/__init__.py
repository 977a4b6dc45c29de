"""Birds drawn by code, with exact truth: see `fgmm.fieldguide.guide`."""

from fgmm.fieldguide.drawing import PARTS
from fgmm.fieldguide.guide import FieldGuide, Plate
from fgmm.fieldguide.species import ATTRIBUTES, Species
from fgmm.fieldguide.truth import graph

__all__ = ["ATTRIBUTES", "PARTS", "FieldGuide", "Plate", "Species", "graph"]
