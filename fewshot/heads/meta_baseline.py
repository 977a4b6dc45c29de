"""Meta-Baseline: the cosine to class means, sharpened by a learned scale."""

from __future__ import annotations

from types import MappingProxyType

from fewshot.heads.prototype import PrototypeHead

__all__ = ["MetaBaselineHead"]


class MetaBaselineHead(PrototypeHead):
    """Cosine to the class mean times a learned scale (Chen et al. 2021, equation 3).

    ``logit_c(q) = scale * cos(q, p_c)`` with ``p_c`` the mean of class c's features: the
    `PrototypeHead` of cosines, under the name it has where its scale is learned.

    Parameters
    ----------
    scale : float, default=10.0
        The paper's tau, positive, which it learns starting from 10.

    Notes
    -----
    Deviation: the paper trains the encoder too. Here ``scale`` alone is learned, which changes
    probabilities and no answer; for more, `ProjectedHead` learns a map of the features under it.

    References
    ----------
    Chen, Liu, Xu, Darrell, Wang: Meta-Baseline: exploring simple meta-learning for few-shot
    learning. ICCV 2021.

    Examples
    --------
    >>> import torch
    >>> from fewshot import MetaBaselineHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> MetaBaselineHead().fit(two).logits(torch.tensor([[3.0, 4.0]]))
    tensor([[6., 8.]])
    """

    learnable = MappingProxyType({"scale": "positive"})

    def __init__(self, scale: float = 10.0) -> None:
        super().__init__("cosine", scale)
