"""Heads as scikit-learn estimators. Importing this module imports scikit-learn."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from fewshot.head import Head
from fewshot.registry import load_head
from fewshot.support import Support

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FewShotClassifier"]


class FewShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Any inductive head that does without words, with scikit-learn's interface.

    ``fewshot.head_names(inductive=True, words=False)`` lists those heads: prototype, simple-shot,
    nearest-neighbour, matching, ridge, logistic, svm, gda and fused are the library's own.

    Use it for cross-validation, pipelines and grid searches over features that are there
    already. For episodes, `fewshot.evaluate` is faster by orders of magnitude.

    Parameters
    ----------
    head : str or Head, default="prototype"
        A name for `fewshot.load_head`, or a head; a head is copied, never changed.
    params : dict, optional
        Parameters for a head given by name. A grid search over them takes a list of dicts:
        ``{"params": [{"penalty": 0.1}, {"penalty": 1.0}]}``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_features_in_ : int
        Width of the features.
    fitted_ : FittedHead
        The head that has seen the data.

    Examples
    --------
    >>> import numpy as np
    >>> from fewshot.sklearn import FewShotClassifier
    >>> model = FewShotClassifier("nearest-neighbour")
    >>> model.fit(np.eye(2), ["tit", "wren"]).predict([[3.0, 1.0]])
    array(['tit'], dtype='<U4')
    """

    def __init__(
        self, head: str | Head = "prototype", params: Mapping[str, Any] | None = None
    ) -> None:
        self.head = head
        self.params = params

    def set_params(self, **given: Any) -> FewShotClassifier:
        """Set ``head`` or ``params``.

        Parameters
        ----------
        **given
            By name; a head's own parameters go into ``params``.

        Returns
        -------
        FewShotClassifier
            Itself.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        inner = next((name for name in given if name.startswith(("head__", "params__"))), None)
        if inner is not None:
            own = inner.partition("__")[2]
            raise ValueError(
                f"FewShotClassifier has no parameter {inner!r}, its head is no estimator: search "
                f"over params=[{{{own!r}: ...}}, ...]"
            )
        super().set_params(**given)
        return self

    def fit(self, X: ArrayLike, y: ArrayLike) -> FewShotClassifier:  # noqa: N803
        """Learn the classes.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Features, one row a photo; finite.
        y : array-like of shape (n,)
            Labels of any kind; unequal numbers are fine, one a class is enough.

        Returns
        -------
        FewShotClassifier
            Itself.

        Raises
        ------
        ValueError
            If data are not what they should be, or the head cannot do with photos alone.
        """
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))  # noqa: N806
        check_classification_targets(y)
        head = self._head()
        self.classes_, labels = np.unique(y, return_inverse=True)
        features = torch.tensor(X)
        self._dtype = features.dtype
        support = Support(
            features,
            torch.tensor(labels, dtype=torch.int64),
            torch.ones(len(self.classes_), dtype=torch.bool),
        )
        with torch.inference_mode():
            self.fitted_ = head.fit(support)
        return self

    def _head(self) -> Head:
        if self.params is not None and not isinstance(self.params, Mapping):
            raise ValueError(f"params is {self.params!r}: give a dict of the head's parameters")
        if isinstance(self.head, type):
            name = self.head.__name__
            raise ValueError(f"head is the class {name}: give an instance, {name}()")
        if isinstance(self.head, str):
            head = load_head(self.head, **(self.params or {}))
        else:
            head = copy.deepcopy(self.head)
            if self.params:
                raise ValueError(
                    f"params is {self.params!r} and head is {type(head).__name__}, made already: "
                    "give the head's name with params, or the parameters to the head"
                )
        if not isinstance(head, Head):
            raise ValueError(
                f"head is {self.head!r}: give a name (fewshot.head_names()) or a fewshot.Head"
            )
        name = type(head).__name__
        if head.transductive:
            raise ValueError(
                f"{name} learns from the queries together, which scikit-learn's predict does not "
                "allow: take an inductive head (PrototypeHead)"
            )
        if "words" in head.needs:
            raise ValueError(
                f"{name} needs words and scikit-learn has a place for features alone: take a head "
                "of photos (PrototypeHead), or use the head itself"
            )
        return head.eval()

    def _logits(self, X: ArrayLike) -> NDArray[np.floating[Any]]:  # noqa: N803
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)  # noqa: N806
        with torch.inference_mode():
            logits = self.fitted_.logits(torch.tensor(X, dtype=self._dtype))
        found: NDArray[np.floating[Any]] = logits.numpy()
        return found

    def decision_function(self, X: ArrayLike) -> NDArray[np.floating[Any]]:  # noqa: N803
        """Score every class.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Features.

        Returns
        -------
        ndarray of shape (n, n_classes), or (n,) for two classes
            Logits; for two classes that of the second minus that of the first, as
            everywhere in scikit-learn.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating[Any]]:  # noqa: N803
        """Softmax of the logits.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Features.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Probabilities, as sharp as the head's scale makes them: not calibrated.
        """
        logits = self._logits(X)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.floating[Any]] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Name the class of each row.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Features.

        Returns
        -------
        ndarray of shape (n,)
            Labels, as given to `fit`.
        """
        best = self._logits(X).argmax(axis=1)
        named: NDArray[Any] = self.classes_[best]
        return named
