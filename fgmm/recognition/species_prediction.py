"""A prediction among species of a library: with the photo a picture looks most like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmm.prediction import Prediction

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Album", "NearestPhoto", "SpeciesPrediction"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NearestPhoto:
    """A photo that a picture looks like.

    Parameters
    ----------
    species : str
    number : int
        Which of its photos, from 1, in the order they came.
    origin : str
        The path it came from; empty where it had none.
    digest : str
        SHA-256 of its content.
    cosine : float
        In [-1, 1], of the layer photos are compared by.

    Examples
    --------
    >>> print(NearestPhoto("wren", 3, "wren/c.jpg", "00" * 32, 0.913))
    photo 3 of wren, wren/c.jpg (cosine 0.913)
    """

    species: str
    number: int
    origin: str
    digest: str
    cosine: float

    def __str__(self) -> str:
        place = f", {self.origin}" if self.origin else ""
        return f"photo {self.number} of {self.species}{place} (cosine {self.cosine:.3f})"


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """All photos of a collection, species after species.

    Parameters
    ----------
    labels : tuple of k str
        The species.
    vectors : Tensor of shape (s, d)
        Unit rows.
    owners : Tensor of shape (s,)
        Row of each photo's species.
    digests, origins : tuple of s str
    """

    labels: tuple[str, ...]
    vectors: Tensor
    owners: Tensor
    digests: tuple[str, ...]
    origins: tuple[str, ...]

    def nearest(self, features: Tensor, species: str) -> NearestPhoto | None:
        """Give the photo of a species that is nearest to one of some pictures (n, d), if any."""
        mine = (self.owners == self.labels.index(species)).nonzero().flatten()
        if not len(mine):
            return None
        cosines = (features @ self.vectors[mine].T).amax(dim=0)
        best = int(cosines.argmax())
        at = int(mine[best])
        cosine = float(cosines[best].clamp(-1, 1))
        return NearestPhoto(species, best + 1, self.origins[at], self.digests[at], cosine)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpeciesPrediction(Prediction):
    """What a `fgmm.Recognizer` says of a picture: a `Prediction` that knows the species' photos.

    Parameters
    ----------
    labels, probabilities, logits, cosines, evidence, scoring, provenance, name, calibration
        As of `fgmm.Prediction`; evidence has ``"photos"`` beside ``"text"``.
    generic, nearest_text, known
        As of `fgmm.Prediction`. A single species with photos is weighed against "none of these".
    unrestricted : SpeciesPrediction, optional
        Where only some species were asked about: the same picture among all of them.
    album : Album, optional
        The photos of all species.
    features : Tensor of shape (n, d), optional
        Of the picture, or of each where several show one individual.
    unknown : float, optional
        Probability that it is none of the library's species, in [0, 1], if beforehand that is
        as likely as one of them, and each of them as likely as another. Where all species have
        photos, they tell how a stranger looks, each as if its species were not there; otherwise
        the species are compared with pictures in general.
    plausible : tuple of str, optional
        Where a coverage was asked for: the candidates among which the right one is that often,
        the most likely first; perhaps none. They are chosen among all species.
    coverage : float, optional
    """

    unrestricted: SpeciesPrediction | None = None
    album: Album | None = None
    features: Tensor | None = None
    unknown: float | None = None
    plausible: tuple[str, ...] | None = None
    coverage: float | None = None

    @property
    def abstains(self) -> str | None:
        """Why the first label should not be taken for the answer; None if nothing speaks against.

        Because none of the species is likelier than not, or because not exactly one is plausible
        at the coverage that was asked for.
        """
        if self.unknown is not None and self.unknown > 0.5:
            return f"it is rather none of the species than one of them ({self.unknown:.2f})"
        if self.plausible is None or self.coverage is None or len(self.plausible) == 1:
            return None
        asked = f"at a coverage of {self.coverage:.0%}"
        if not self.plausible:
            return f"no species is plausible {asked}"
        shown = ", ".join(self.plausible[:_SHOWN])
        more = len(self.plausible) - _SHOWN
        return f"{len(self.plausible)} species are plausible {asked}: {shown}" + (
            f" and {more} more" if more > 0 else ""
        )

    def nearest_photo(self, label: str | None = None) -> NearestPhoto | None:
        """Give the photo of a species that the picture looks most like.

        Parameters
        ----------
        label : str, optional
            A candidate; the most likely one if not given.

        Returns
        -------
        NearestPhoto or None
            None where the species is known by words only.

        Raises
        ------
        ValueError
            If there is no such candidate.
        """
        species = self.label if label is None else self.labels[self._place(label)]
        if self.album is None or self.features is None:
            return None
        return self.album.nearest(self.features, species)

    def explain(self, k: int = 3) -> str:
        """Say how the logits of the k most likely species come about, and what the picture is like.

        Parameters
        ----------
        k : int, default=3

        Returns
        -------
        str
            As of `fgmm.Prediction.explain`, then the photo that it looks most like, and what it
            would be if all species were asked about, where that is another; then how likely it is
            none of the species, and why not to be sure, if there is a reason.
        """
        lines = [Prediction.explain(self, k)]
        if (photo := self.nearest_photo()) is not None:
            lines.append(f"  looks most like {photo}")
        if self.unrestricted is not None and self.unrestricted.label != self.label:
            best = self.unrestricted
            lines.append(f"  of all species: {best.label}, probability {best.probability:.3f}")
        if self.unknown is not None:
            lines.append(f"  none of the species: probability {self.unknown:.3f}")
        if (why := self.abstains) is not None:
            lines.append(f"  not sure: {why}")
        return "\n".join(lines)

    def to_dict(self, k: int | None = None) -> dict[str, Any]:
        """Give plain Python values, ready for JSON.

        Parameters
        ----------
        k : int, optional
            How many species to write out; all where None.

        Returns
        -------
        dict
            As of `fgmm.Prediction.to_dict`, with ``unknown`` and ``abstains``, and
            ``nearest_photo``, ``unrestricted``, ``plausible``, ``coverage`` where there are such.
        """
        row = Prediction.to_dict(self, k) | {"unknown": self.unknown, "abstains": self.abstains}
        if self.plausible is not None:
            row |= {"plausible": list(self.plausible), "coverage": self.coverage}
        if (photo := self.nearest_photo()) is not None:
            row["nearest_photo"] = {
                "species": photo.species,
                "number": photo.number,
                "origin": photo.origin,
                "cosine": photo.cosine,
            }
        if self.unrestricted is not None:
            best = self.unrestricted
            row["unrestricted"] = {"label": best.label, "probability": best.probability}
        return row
