"""Words and photos on one scale, though some species have only one of them.

    score_c(x) = T_c(x)                                            a species known by words
    score_c(x) = w_T T_c(x) + (1 - w_T) T(x) + p_c(x) + g(x) + l        one with photos
    p_c(x)     = doubt(w_P evidence_c(x))

``T_c`` is the encoder's logit for the words and ``T`` its mean over all species; ``evidence_c`` and
``doubt`` are those of `fewshot.FusedHead`, and so are the weights, judged by leave-one-out among
the species that have photos. Three things make the two kinds comparable:

- Which of the species with photos it is, their words and photos tell as in `FusedHead`. Whether it
  is one of them at all is asked of ``u_c = doubt(w_G evidence_c) + w_T / 4 (T_c - T)``: words and
  photos tell partly the same (that it is a gull), so they count less there, photos 0.6 times what
  they are believed to tell before any is judged (``w_G``). ``g = log sum exp u_c - log sum exp (p_c
  + w_T (T_c - T))`` over the species with photos puts the one in place of the other.
- Evidence is meant as a likelihood ratio against other pictures, and the mean of such a ratio over
  other pictures is one. ``b_T = log mean exp(T_c(x) - T(x))`` over pictures in general and the
  species known by words sees to that, and ``b_G`` is the same of ``u_c``, over pictures in general
  and the photos of other species (`fgmm.recognition.levels.mean_ratio`).
- ``l = b_T - b_G + 2.5``: a species is e to the 2.5 times likelier for being shown. The larger that
  is, the more is found of what has photos, and lost of the rest. It, the 0.6 and the quarter were
  chosen on base classes that stood for new ones, with names that were half wrong: within half a
  point of the best harmonic mean there is where adding a species costs the others less than a
  point (docs/five-photos.md).

Where all species are of one kind this is zero-shot naming, or `FusedHead`, exactly.

"None of these" scores ``T(x) + b_T``, a ratio of one. Where all species have photos it scores
``w_T T(x)`` and the level that tells the photos from what they would be if their species were not
there (`fgmm.recognition.levels.stranger_level`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from fewshot.evidence_weights import doubt
from fgmm.recognition.levels import log_mean, mean_ratio, stranger_level

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["CommonScale", "Told"]

# Where the question is whether it is any of the species with photos: share of what photos are
# believed to tell, share of the weight of words, and nats in favour.
_GROUP, _WORDS, _LEAN = 0.6, 0.25, 2.5


@dataclass(frozen=True, eq=False)
class Told:
    """What is said of some pictures.

    Parameters
    ----------
    photos : Tensor of shape (n, k)
        Evidence of photos, in nats, not weighed yet; n may be 0.
    text : Tensor of shape (m, k)
        Logits by words, of the same pictures or of others like them.
    """

    photos: Tensor
    text: Tensor


@dataclass(frozen=True, eq=False)
class CommonScale:
    """How scores are made of what words and photos say.

    Parameters
    ----------
    shown : Tensor of shape (k,), bool
        Which species have photos.
    words, photos : float
        Their weights.
    believed : float
        Weight of photos before any is judged.
    worded : bool
        Whether the encoder reads texts.
    levels : tuple of two float
        ``b_T`` and ``b_G``, in nats; 0 where there is no species of that kind. Where all have
        photos the second is the level of "none of these".
    """

    shown: Tensor
    words: float
    photos: float
    believed: float
    worded: bool
    levels: tuple[float, float] = (0.0, 0.0)

    def levelled(
        self, draw: Callable[[], Told], judged: Told, own: Tensor, several: Tensor
    ) -> CommonScale:
        """Find the levels.

        Parameters
        ----------
        draw : callable
            Gives what is said of pictures in general, without photos' evidence where nothing tells
            what they are; not asked for where the photos tell the level by themselves.
        judged : Told
            Of photos, as if each had not been given.
        own : Tensor of shape (m,), int64
            Species of each.
        several : Tensor of shape (m,), bool
            Whether it has another photo of its species; the others do not judge.

        Returns
        -------
        CommonScale
        """
        asked = self.ask(judged)
        if self.all_shown:
            level = stranger_level(asked, own, several)
            if level is not None:
                return replace(self, levels=(0.0, level))
        general = draw()
        others = asked.scatter(1, own.unsqueeze(1), -torch.inf)[several][:, self.shown]
        ratios = self.ask(general)[:, self.shown] if len(general.photos) else others[:0]
        by_words = (general.text - general.text.mean(dim=1, keepdim=True))[:, ~self.shown]
        return replace(self, levels=(log_mean(by_words), mean_ratio(ratios, others)))

    @property
    def all_shown(self) -> bool:
        """Whether all species have photos."""
        return bool(self.shown.all())

    def ask(self, told: Told) -> Tensor:
        """Say how likely it is each of the species with photos, by the question there is (n, k)."""
        text = told.text - told.text.mean(dim=1, keepdim=True)
        if self.all_shown:
            return doubt(self.photos * told.photos) + self.words * text
        return doubt(_GROUP * self.believed * told.photos) + _WORDS * self.words * text

    def evidence(self, told: Told) -> dict[str, Tensor]:
        """Make scores of pictures.

        Parameters
        ----------
        told : Told

        Returns
        -------
        dict
            ``"text"`` and ``"photos"``, each (n, k) in nats; they add up to the logits.
        """
        shown, text = self.shown, told.text
        if not bool(shown.any()):
            return {"text": text, "photos": torch.zeros_like(text)}
        photos = doubt(self.photos * told.photos)
        if self.all_shown:
            return {"text": self.words * text if self.worded else text, "photos": photos}
        mean = text.mean(dim=1, keepdim=True)
        said = torch.where(shown, self.words * text + (1 - self.words) * mean, text)
        asked = self.ask(told)[:, shown]
        among = (photos + self.words * (text - mean))[:, shown]
        group = asked.logsumexp(1, keepdim=True) - among.logsumexp(1, keepdim=True)
        level = self.levels[0] - self.levels[1] + _LEAN
        return {"text": said, "photos": torch.where(shown, photos + group + level, 0.0)}

    def none_of_these(self, mean: Tensor) -> Tensor:
        """Score "none of these" of pictures whose mean logit by words is given, (n,)."""
        return self.words * mean + self.levels[1] if self.all_shown else mean + self.levels[0]
