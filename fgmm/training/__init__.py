"""Training encoders on one's own pictures: contrastive, supervised, distilled, by LoRA or whole.

Read `tuning.py` first.
"""

from __future__ import annotations

from fgmm.training.folder_pairs import pair_labelled, read_folder_pairs
from fgmm.training.graph_pairs import pair_with_graph
from fgmm.training.outline import Outline, outline_training
from fgmm.training.pairs import Pair, Pairs
from fgmm.training.plan import TuningPlan, read_plan
from fgmm.training.records import Record
from fgmm.training.result import TunedEncoder, load_adapter, merge_adapter
from fgmm.training.shard_pairs import read_shard_pairs
from fgmm.training.table_pairs import read_table_pairs
from fgmm.training.tuning import tune_encoder

__all__ = [
    "Outline",
    "Pair",
    "Pairs",
    "Record",
    "TunedEncoder",
    "TuningPlan",
    "load_adapter",
    "merge_adapter",
    "outline_training",
    "pair_labelled",
    "pair_with_graph",
    "read_folder_pairs",
    "read_plan",
    "read_shard_pairs",
    "read_table_pairs",
    "tune_encoder",
]
