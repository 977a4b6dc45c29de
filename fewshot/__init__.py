"""Episodes, heads and their evaluation: tensors in, logits out.

Start with `evaluate`, which runs one head or many through thousands of episodes; a head is
a file in ``fewshot/heads``. The package knows torch and numpy, never a picture or a text.
"""

from __future__ import annotations

import importlib

_HOME = {
    "APEHead": "fewshot.heads.ape",
    "BDCSPNHead": "fewshot.heads.bd_cspn",
    "Background": "fewshot.background",
    "CLAPHead": "fewshot.heads.clap",
    "CLIPAdapterHead": "fewshot.heads.clip_adapter",
    "CrossModalHead": "fewshot.heads.cross_modal",
    "EpisodeSampler": "fewshot.episodes",
    "Episodes": "fewshot.episodes",
    "Evaluation": "fewshot.evaluation",
    "FittedHead": "fewshot.head",
    "FusedHead": "fewshot.heads.fused",
    "GDAHead": "fewshot.heads.gda",
    "GeneralisedAccuracy": "fewshot.metrics",
    "Head": "fewshot.head",
    "InnerProductHead": "fewshot.head",
    "InnerProducts": "fewshot.inner_products",
    "LPPlusPlusHead": "fewshot.heads.lp_plus_plus",
    "LaplacianShotHead": "fewshot.heads.laplacian_shot",
    "LogisticHead": "fewshot.heads.logistic",
    "MatchingHead": "fewshot.heads.matching",
    "NearestNeighbourHead": "fewshot.heads.nearest_neighbour",
    "PTMAPHead": "fewshot.heads.pt_map",
    "PrototypeHead": "fewshot.heads.prototype",
    "RidgeHead": "fewshot.heads.ridge",
    "SVMHead": "fewshot.heads.svm",
    "SimpleShotHead": "fewshot.heads.simple_shot",
    "Support": "fewshot.support",
    "TIMHead": "fewshot.heads.tim",
    "TaskResHead": "fewshot.heads.task_res",
    "TipAdapterFHead": "fewshot.heads.tip_adapter_f",
    "TipAdapterHead": "fewshot.heads.tip_adapter",
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
    "label_support": "fewshot.support",
    "load_head": "fewshot.registry",
    "macro_accuracy": "fewshot.metrics",
    "macro_f1": "fewshot.metrics",
    "mean_average_precision": "fewshot.score_metrics",
    "top_k_accuracy": "fewshot.score_metrics",
}

__all__ = sorted(_HOME)

__distribution__ = "fgmm"  # fgmm reads this line to tell its own package from a namesake


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fewshot' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
