"""What a knowledge graph says of the candidates of `fgmm.classify`.

Read `known.py` first: it holds the parts together. `concepts.py` finds the candidates in the
graph, `columns.py` turns what the graph says into numbers, `evidence.py` weighs pictures by
them, `reasons.py` says which facts spoke for an answer, and `levels.py` climbs the taxonomy.
"""

from __future__ import annotations

from fgmm.class_knowledge.known import ClassKnowledge, KnownPicture
from fgmm.class_knowledge.levels import Level
from fgmm.class_knowledge.reasons import Reason

__all__ = ["ClassKnowledge", "KnownPicture", "Level", "Reason"]
