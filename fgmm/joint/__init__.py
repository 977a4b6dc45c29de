"""Class vectors and pictures brought together: what is learned on base classes, for any class.

`JointEmbedding` is the one to use: it chooses its parameters by itself. The classical zero-shot
methods share the protocol in `class_regression.py`.
"""

from __future__ import annotations

from fgmm.joint.class_regression import ClassRegression, calibrated, choose
from fgmm.joint.contrastive import ContrastiveEmbedding
from fgmm.joint.dap import DirectAttributePrediction
from fgmm.joint.devise import DeViSE
from fgmm.joint.embedding import JointEmbedding
from fgmm.joint.eszsl import ESZSL
from fgmm.joint.gcn_regression import GraphRegression
from fgmm.joint.sae import SemanticAutoencoder

__all__ = [
    "ESZSL",
    "ClassRegression",
    "ContrastiveEmbedding",
    "DeViSE",
    "DirectAttributePrediction",
    "GraphRegression",
    "JointEmbedding",
    "SemanticAutoencoder",
    "calibrated",
    "choose",
]
