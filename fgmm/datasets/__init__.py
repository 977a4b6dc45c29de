"""Labelled pictures to evaluate on: folders, the sets at ``FGMM_DATA``, torchvision's.

Read `labelled.py` first; `open_dataset` finds one by name.
"""

from __future__ import annotations

from fgmm.datasets.embedded import EmbeddedDataset, class_words, embed_dataset
from fgmm.datasets.folder import read_folder
from fgmm.datasets.labelled import LabelledImages, drop_small_classes
from fgmm.datasets.omniglot import OneShotRun, read_runs
from fgmm.datasets.registry import dataset_names, open_dataset

__all__ = [
    "EmbeddedDataset",
    "LabelledImages",
    "OneShotRun",
    "class_words",
    "dataset_names",
    "drop_small_classes",
    "embed_dataset",
    "open_dataset",
    "read_folder",
    "read_runs",
]
