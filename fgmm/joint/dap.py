"""DAP: attributes are told from pictures, classes from attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from fgmm.errors import DatasetError
from fgmm.joint.regression_inputs import check_labelled, check_number, check_rows, prepare_queries

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DirectAttributePrediction", "FittedAttributePrediction"]

_STEPS = 1000  # of LBFGS; 20 to 100 are usual
_TOLERANCE = 1e-9  # of the gradient, for the mean over pictures
_AT_ONCE = 1 << 24  # numbers in memory while scoring


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedAttributePrediction:
    """What `DirectAttributePrediction.fit` gives.

    Parameters
    ----------
    weights : Tensor of shape (d, m), float64
        One classifier an attribute.
    intercepts : Tensor of shape (m,), float64
        Of the classifiers.
    prior : Tensor of shape (m,), float64
        Mean strength of each attribute over the base classes. Where it is 0 or 1, nothing can
        be learned of the attribute, and it does not count.
    """

    weights: Tensor
    intercepts: Tensor
    prior: Tensor

    def probabilities(self, features: Tensor) -> Tensor:
        """Tell the attributes of pictures.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures.

        Returns
        -------
        Tensor of shape (q, m)
            Probability that a picture shows an attribute, in [0, 1].

        Raises
        ------
        DatasetError
            If the width is not that of the fit, or a number is not finite.
        """
        check_rows(features, "features", self.weights.shape[0])
        return (features.double() @ self.weights + self.intercepts).sigmoid()

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Score pictures by how likely their attributes are for a class.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures.
        classes : Tensor of shape (k2, m)
            Strengths of the attributes of any classes, 0 to 1.

        Returns
        -------
        Tensor of shape (q, k2)
            ``log p(class | picture) / p(class)``, in nats; attributes are taken as independent,
            so it is too sure of itself. Minus infinity never occurs.

        Raises
        ------
        DatasetError
            If a width is not that of the fit, or a number is not finite or no strength.
        """
        _check_strengths(classes)
        x, classes, weights = prepare_queries(features, classes, self.weights)
        known = (self.prior > 0) & (self.prior < 1)
        a, prior = classes[:, known], self.prior[known]
        logits = x @ weights[:, known] + self.intercepts[known].to(x)
        shown = logsigmoid(logits) - prior.log().to(x)
        absent = logsigmoid(-logits) - (-prior).log1p().to(x)
        yes, no = a.log(), (-a).log1p()
        rows = max(1, _AT_ONCE // max(1, a.numel()))
        return torch.cat(
            [
                torch.logaddexp(yes + s.unsqueeze(1), no + n.unsqueeze(1)).sum(-1)
                for s, n in zip(torch.split(shown, rows), torch.split(absent, rows), strict=True)
            ]
        )


@dataclass(frozen=True, slots=True)
class DirectAttributePrediction:
    """Direct attribute prediction: a logistic regression for every attribute.

    With p_m the probability that the picture shows attribute m, and q_m the mean of the
    attribute over the base classes, a class with attributes a_m (0 or 1) scores::

        sum_m log p(a_m | x) / p(a_m),      p(1 | x) = p_m,  p(1) = q_m

    Strengths between 0 and 1 are not cut at a threshold: a strength is the probability that a
    picture of the class shows the attribute. In training it is the target of the picture; in
    scoring each attribute counts with its mean ratio, ``a p / q + (1 - a) (1 - p) / (1 - q)``.
    With strengths of 0 and 1 both are what the paper does.

    Parameters
    ----------
    penalty : float, default=1.0
        On half the squared length of a classifier's weights, against the sum of the pictures'
        losses; positive. 1 is scikit-learn's ``C=1``.

    Raises
    ------
    ValueError
        If the penalty is not positive and finite.

    Notes
    -----
    Deviations. (1) Logistic regression gives probabilities directly, where the paper fits support
    vector machines and Platt's sigmoids. (2) Strengths are kept, as told above; the ratio is the
    paper's sum over attribute vectors with ``p(a | class)`` a product of coins. (3) An attribute
    that all base classes have, or none, is left out: its prior would be divided by.

    All attributes are fitted at once. The pictures are turned to the eigenvectors of their
    scatter and scaled by the curvature there, which leaves LBFGS little to do.

    References
    ----------
    Lampert, Nickisch, Harmeling: Learning to detect unseen object classes by between-class
    attribute transfer. CVPR 2009, equations 1 and 2. The same: Attribute-based classification
    for zero-shot visual object categorization. TPAMI 2014.

    Examples
    --------
    >>> striped_and_big = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    >>> fitted = DirectAttributePrediction().fit(
    ...     2 * striped_and_big - 1, torch.arange(3), striped_and_big
    ... )
    >>> neither = torch.tensor([[-1.0, -1.0]])
    >>> new = torch.cat([torch.zeros(1, 2), striped_and_big])
    >>> fitted.scores(neither, new).argmax(-1)
    tensor([0])
    """

    penalty: float = 1.0

    def __post_init__(self) -> None:
        check_number("penalty", self.penalty)

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedAttributePrediction:
        """Fit the attributes' classifiers; see `ClassRegression.fit`.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Of pictures of base classes.
        labels : Tensor of shape (n,), int64
            Rows of ``classes``.
        classes : Tensor of shape (k, m)
            Strengths of the attributes of the base classes, 0 to 1.

        Returns
        -------
        FittedAttributePrediction

        Raises
        ------
        DatasetError
            If the three do not fit together, a number is no strength, or no attribute differs
            from 0 and from 1 on average.
        """
        check_rows(classes, "classes")
        _check_strengths(classes)
        check_labelled(features, labels, len(classes))
        strengths = classes.double()
        prior = strengths.mean(0)
        known = (prior > 0) & (prior < 1)
        if not known.any():
            raise DatasetError(
                f"all {len(prior)} attributes are 0 for every base class, or 1 for every: give "
                "attributes that differ between classes"
            )
        x = features.double()
        weights, intercepts = x.new_zeros(x.shape[1], len(prior)), x.new_zeros(len(prior))
        weights[:, known], intercepts[known] = _solve_logistic(
            x, strengths[:, known][labels], self.penalty
        )
        return FittedAttributePrediction(weights, intercepts, prior)


def _check_strengths(classes: Tensor) -> None:
    strange = classes[(classes < 0) | (classes > 1)]
    if len(strange):
        raise DatasetError(
            f"classes have the number {strange[0].item()}: attributes' strengths are 0 to 1; "
            "divide by their highest value, or use a method that takes embeddings"
        )


def _solve_logistic(x: Tensor, target: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights (d, m) and intercepts (m,); the intercepts are free of the penalty."""
    n, mean = len(x), x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean))
    # about one over the root of the loss's second derivative, which is at most a quarter
    scale = (values.clamp(min=0) / 4 + penalty).rsqrt()
    turned = (x - mean) @ (vectors * scale)
    inputs = torch.cat([turned, turned.new_full((n, 1), 2 / n**0.5)], 1)
    penalties = torch.cat([penalty * scale.square(), scale.new_zeros(1)]).unsqueeze(1)
    point = x.new_zeros(inputs.shape[1], target.shape[1]).requires_grad_()
    solver = torch.optim.LBFGS(
        [point],
        max_iter=_STEPS,
        tolerance_grad=_TOLERANCE * n,
        tolerance_change=0,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        solver.zero_grad()
        loss = binary_cross_entropy_with_logits(inputs @ point, target, reduction="sum")
        loss = loss + (penalties * point.square()).sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        solver.step(objective)  # type: ignore[no-untyped-call]
    found = point.detach()
    weights = (vectors * scale) @ found[:-1]
    return weights, 2 / n**0.5 * found[-1] - mean @ weights
