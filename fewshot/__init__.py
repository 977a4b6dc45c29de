"""Episodes, heads and their evaluation: tensors in, logits out.

Start with `evaluate`, which runs one head or many through thousands of episodes; a head is
a file in ``fewshot/heads``. The package knows torch and numpy, never a picture or a text.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fewshot.background import Background
    from fewshot.checks import check_head
    from fewshot.comparison import Comparison
    from fewshot.episodes import Episodes, EpisodeSampler
    from fewshot.evaluation import Evaluation
    from fewshot.head import FittedHead, Head
    from fewshot.heads.anil import ANILHead
    from fewshot.heads.ape import APEHead
    from fewshot.heads.bd_cspn import BDCSPNHead
    from fewshot.heads.clap import CLAPHead
    from fewshot.heads.clip_adapter import CLIPAdapterHead
    from fewshot.heads.cross_modal import CrossModalHead
    from fewshot.heads.feat import FEATHead
    from fewshot.heads.fused import FusedHead
    from fewshot.heads.fused_learned import LearnedFusedHead
    from fewshot.heads.gda import GDAHead
    from fewshot.heads.laplacian_shot import LaplacianShotHead
    from fewshot.heads.logistic import LogisticHead
    from fewshot.heads.lp_plus_plus import LPPlusPlusHead
    from fewshot.heads.matching import MatchingHead
    from fewshot.heads.meta_baseline import MetaBaselineHead
    from fewshot.heads.nearest_neighbour import NearestNeighbourHead
    from fewshot.heads.projected import ProjectedHead
    from fewshot.heads.prototype import PrototypeHead
    from fewshot.heads.pt_map import PTMAPHead
    from fewshot.heads.relation import RelationHead
    from fewshot.heads.ridge import RidgeHead
    from fewshot.heads.simple_shot import SimpleShotHead
    from fewshot.heads.svm import SVMHead
    from fewshot.heads.task_res import TaskResHead
    from fewshot.heads.tim import TIMHead
    from fewshot.heads.tip_adapter import TipAdapterHead
    from fewshot.heads.tip_adapter_f import TipAdapterFHead
    from fewshot.heads.trans_clip import TransCLIPHead
    from fewshot.heads.zero_shot import ZeroShotHead
    from fewshot.inner_product_head import InnerProductHead
    from fewshot.inner_products import InnerProducts
    from fewshot.labelling import label_support
    from fewshot.metrics import (
        GeneralisedAccuracy,
        accuracy,
        confusion_matrix,
        generalised_zero_shot,
        hierarchical_cost,
        macro_accuracy,
        macro_f1,
    )
    from fewshot.registry import head_names, load_head
    from fewshot.running import evaluate
    from fewshot.saved_heads import save_head
    from fewshot.score_metrics import calibration_error, mean_average_precision, top_k_accuracy
    from fewshot.support import Support, Words
    from fewshot.training.loop import meta_train
    from fewshot.training.plan import TrainingPlan
    from fewshot.training.result import Training
    from fewshot.tuning import TunedHead

_HOME = {
    "ANILHead": "fewshot.heads.anil",
    "APEHead": "fewshot.heads.ape",
    "BDCSPNHead": "fewshot.heads.bd_cspn",
    "Background": "fewshot.background",
    "CLAPHead": "fewshot.heads.clap",
    "CLIPAdapterHead": "fewshot.heads.clip_adapter",
    "Comparison": "fewshot.comparison",
    "CrossModalHead": "fewshot.heads.cross_modal",
    "EpisodeSampler": "fewshot.episodes",
    "Episodes": "fewshot.episodes",
    "Evaluation": "fewshot.evaluation",
    "FEATHead": "fewshot.heads.feat",
    "FittedHead": "fewshot.head",
    "FusedHead": "fewshot.heads.fused",
    "GDAHead": "fewshot.heads.gda",
    "GeneralisedAccuracy": "fewshot.metrics",
    "Head": "fewshot.head",
    "InnerProductHead": "fewshot.inner_product_head",
    "InnerProducts": "fewshot.inner_products",
    "LPPlusPlusHead": "fewshot.heads.lp_plus_plus",
    "LaplacianShotHead": "fewshot.heads.laplacian_shot",
    "LearnedFusedHead": "fewshot.heads.fused_learned",
    "LogisticHead": "fewshot.heads.logistic",
    "MatchingHead": "fewshot.heads.matching",
    "MetaBaselineHead": "fewshot.heads.meta_baseline",
    "NearestNeighbourHead": "fewshot.heads.nearest_neighbour",
    "PTMAPHead": "fewshot.heads.pt_map",
    "ProjectedHead": "fewshot.heads.projected",
    "PrototypeHead": "fewshot.heads.prototype",
    "RelationHead": "fewshot.heads.relation",
    "RidgeHead": "fewshot.heads.ridge",
    "SVMHead": "fewshot.heads.svm",
    "SimpleShotHead": "fewshot.heads.simple_shot",
    "Support": "fewshot.support",
    "TIMHead": "fewshot.heads.tim",
    "TaskResHead": "fewshot.heads.task_res",
    "TipAdapterFHead": "fewshot.heads.tip_adapter_f",
    "TipAdapterHead": "fewshot.heads.tip_adapter",
    "Training": "fewshot.training.result",
    "TrainingPlan": "fewshot.training.plan",
    "TransCLIPHead": "fewshot.heads.trans_clip",
    "TunedHead": "fewshot.tuning",
    "Words": "fewshot.support",
    "ZeroShotHead": "fewshot.heads.zero_shot",
    "accuracy": "fewshot.metrics",
    "calibration_error": "fewshot.score_metrics",
    "check_head": "fewshot.checks",
    "confusion_matrix": "fewshot.metrics",
    "evaluate": "fewshot.running",
    "generalised_zero_shot": "fewshot.metrics",
    "head_names": "fewshot.registry",
    "hierarchical_cost": "fewshot.metrics",
    "label_support": "fewshot.labelling",
    "load_head": "fewshot.registry",
    "macro_accuracy": "fewshot.metrics",
    "macro_f1": "fewshot.metrics",
    "mean_average_precision": "fewshot.score_metrics",
    "meta_train": "fewshot.training.loop",
    "save_head": "fewshot.saved_heads",
    "top_k_accuracy": "fewshot.score_metrics",
}

__all__ = [
    "ANILHead",
    "APEHead",
    "BDCSPNHead",
    "Background",
    "CLAPHead",
    "CLIPAdapterHead",
    "Comparison",
    "CrossModalHead",
    "EpisodeSampler",
    "Episodes",
    "Evaluation",
    "FEATHead",
    "FittedHead",
    "FusedHead",
    "GDAHead",
    "GeneralisedAccuracy",
    "Head",
    "InnerProductHead",
    "InnerProducts",
    "LPPlusPlusHead",
    "LaplacianShotHead",
    "LearnedFusedHead",
    "LogisticHead",
    "MatchingHead",
    "MetaBaselineHead",
    "NearestNeighbourHead",
    "PTMAPHead",
    "ProjectedHead",
    "PrototypeHead",
    "RelationHead",
    "RidgeHead",
    "SVMHead",
    "SimpleShotHead",
    "Support",
    "TIMHead",
    "TaskResHead",
    "TipAdapterFHead",
    "TipAdapterHead",
    "Training",
    "TrainingPlan",
    "TransCLIPHead",
    "TunedHead",
    "Words",
    "ZeroShotHead",
    "accuracy",
    "calibration_error",
    "check_head",
    "confusion_matrix",
    "evaluate",
    "generalised_zero_shot",
    "head_names",
    "hierarchical_cost",
    "label_support",
    "load_head",
    "macro_accuracy",
    "macro_f1",
    "mean_average_precision",
    "meta_train",
    "save_head",
    "top_k_accuracy",
]

__distribution__ = "fgmm"  # fgmm reads this line to tell its own package from a namesake


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fewshot' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
