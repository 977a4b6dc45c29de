"""Words and photos in one score, with nothing to tune."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from fewshot.errors import SupportError
from fewshot.evidence_weights import believed_weight, doubt, judge_weights
from fewshot.head import Head
from fewshot.left_out import leave_one_out
from fewshot.photo_evidence import PhotoModel, evidence
from fewshot.queries import check_queries, mask_absent
from fewshot.unit_rows import normalise_rows

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.support import Support, Words

__all__ = ["FittedFusedHead", "FusedHead"]


class FusedHead(Head):
    """Words and photos, each weighed by how well it does on the photos given.

    ::

        logit_c(x) = w_T * (logit_scale * cos(x, t_c) + logit_bias)     words
                   + doubt(w_P * evidence_c(x))                         photos; 0 without any

    ``evidence_c`` is the log-likelihood ratio of class c's photos against the `Background`
    (`fewshot.photo_evidence`), so it never sees a text, and a class with photos gains nothing
    from merely having them. ``doubt`` leaves what speaks for a class as it is and turns ``-e``
    nats against it into ``-1.5 log(1 + e / 1.5)``: a class may look otherwise than the few
    photos show, so where a picture resembles no photo, the words decide. It changes no order
    among classes by their photos.

    The weights are posterior means over a small grid. Every photo judges the words (words
    have never seen it), photos with itself left out where its class has another, and both
    together: judged together only, two sources that agree would each pass for superfluous.
    Where a class has no photo, photos are judged together with words only.
    At one photo a class nothing can be left out, and ``w_P`` stays at its prior: a photo tells
    1.2 nats (median; 1.37 in the mean), whatever the width of the features. ``w_P`` is at most 1.

    Notes
    -----
    Features are of the kind the `Background` was measured on: for encoders' vectors, unit rows.

    No words: the photo evidence alone. No photos: the zero-shot logits exactly. Without a
    `Background` the spread is taken to be the same in all directions and guessed from the
    support; ``FittedFusedHead.model.source`` says so. Photos of one class alone say nothing
    then, as there is nothing to compare them with: the words decide.

    The formula is this project's own. Its constants were chosen on base classes of the
    embedded encoder (pictures it was not trained on), one choice with a look at novel ones;
    what was tried, and which, stands in ``docs/fused.md``.

    References
    ----------
    Ioffe: Probabilistic linear discriminant analysis. ECCV 2006 (the photo evidence).

    Examples
    --------
    >>> import torch
    >>> from fewshot import FusedHead, Support, Words
    >>> x = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2], [0.9, 0.1], [0.1, 1.0]]), dim=1)
    >>> support = Support(
    ...     x,
    ...     torch.tensor([0, 0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> fitted = FusedHead().fit(support)
    >>> fitted.logits(x).argmax(-1)
    tensor([0, 0, 1])
    >>> sorted(fitted.evidence(x))
    ['photos', 'text']
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def working_set(self, s: int, q: int, d: int) -> int:
        """Count the covariance of every episode too.

        Parameters
        ----------
        s, q, d : int
            Photos, queries and width.

        Returns
        -------
        int
        """
        return (s + q) * d + 3 * d * d

    def fit(self, support: Support) -> FittedFusedHead:
        """Weigh words and photos.

        Parameters
        ----------
        support : Support
            One episode or a batch of them; photos, words, or both.

        Returns
        -------
        FittedFusedHead

        Raises
        ------
        SupportError
            If there are neither words nor photos.
        """
        if support.words is None and not bool((support.labels >= 0).any(-1).all()):
            raise SupportError(
                "an episode has neither words nor photos: give photos, or Support(words=Words(...))"
            )
        x = support.features
        x = x if x.dtype in (torch.float32, torch.float64) else x.float()
        real = support.labels >= 0
        x = torch.where(real.unsqueeze(-1), x, 0.0)  # padding may hold anything
        member = support.one_hot.to(x)
        counts = member.sum(-2)
        if support.background is None:
            model = PhotoModel.of_support(x, support.labels, member)
        else:
            model = PhotoModel.of_background(support.background, x).centred(x, member)
        points = model.coordinates(x)
        sums = member.mT @ points
        words, photos = self._weights(support, model, x, points, sums, counts, real)
        # only now: a photo must not be judged by a covariance that it has shaped
        finer = model.refined(points, member)
        if finer.lens is not None:
            sums = sums @ finer.lens.mT
        return FittedFusedHead(self, support, finer, sums, counts, words, photos)

    def _weights(
        self,
        support: Support,
        model: PhotoModel,
        x: Tensor,
        points: Tensor,
        sums: Tensor,
        counts: Tensor,
        real: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Posterior means of the two weights, each of shape (...)."""
        own = support.labels.clamp(min=0)
        believed = believed_weight(model.claim(x.shape[-1]))
        believed = believed[..., 0, 0] if believed.ndim else believed.expand(real.shape[:-1])
        left_out = leave_one_out(model, points, support.labels, sums, counts)
        judged = real & (counts.gather(-1, own) > 1)
        words, mask = support.words, support.class_mask
        text = None if words is None else mask_absent(_word_logits(words, x, x.dtype), mask)
        complete = ((counts > 0) | ~mask).all(-1, keepdim=True)
        left_out = mask_absent(left_out, mask)
        return judge_weights(text, left_out, own, real, judged, believed, complete)


@dataclass(frozen=True, slots=True, eq=False)
class FittedFusedHead:
    """What `FusedHead` learned.

    Parameters
    ----------
    head : FusedHead
        Who learned it.
    support : Support
        From what.
    model : PhotoModel
        Where pictures lie; ``model.source`` says what it was made from.
    sums, counts : Tensor of shape (..., k, d) and (..., k)
        Statistics of each class's photos.
    word_weight, photo_weight : Tensor of shape (...)
        ``w_T`` and ``w_P``.
    """

    head: FusedHead
    support: Support
    model: PhotoModel
    sums: Tensor
    counts: Tensor
    word_weight: Tensor
    photo_weight: Tensor

    def evidence(self, queries: Tensor) -> dict[str, Tensor]:
        """Tell words and photos apart; the logits are their sum.

        Parameters
        ----------
        queries : Tensor of shape (..., q, d)
            Raw features.

        Returns
        -------
        dict
            ``"text"`` and ``"photos"``, each (..., q, k), in nats and already weighed.
        """
        z = queries.to(self.sums.dtype)
        photos = evidence(self.model, self.model.coordinates(z), self.sums, self.counts)
        photos = doubt(self.photo_weight[..., None, None] * photos)
        if self.support.words is None:
            return {"text": torch.zeros_like(photos), "photos": photos}
        text = _word_logits(self.support.words, queries, z.dtype)
        return {"text": self.word_weight[..., None, None] * text, "photos": photos}

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        """Score every class for every query.

        Parameters
        ----------
        queries : Tensor of shape (..., q, d)
            Raw features.
        query_mask : Tensor of shape (..., q), bool, optional
            False marks padding.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits in nats; absent classes ``-inf``.
        """
        check_queries(queries, self.support, self.head, query_mask)
        told = self.evidence(queries)
        return mask_absent(told["text"] + told["photos"], self.support.class_mask)


def _word_logits(words: Words, features: Tensor, dtype: torch.dtype) -> Tensor:
    """Zero-shot logits, as `ZeroShotHead` computes them: words may be of another type."""
    told = replace(words, embeddings=words.embeddings.to(dtype))
    return told.logits(normalise_rows(features).to(dtype))
