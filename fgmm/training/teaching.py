"""A teacher: what a larger encoder makes of the same pictures and texts, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fgmm.embedding import embed_images
from fgmm.encoders.registry import name_encoder
from fgmm.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from fgmm.embedding.stores import CacheChoice
    from fgmm.encoders.base import ImageEncoder
    from fgmm.training.pairs import Pairs

__all__ = ["Lesson", "Teaching"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a teacher says of a batch.

    Parameters
    ----------
    pictures : Tensor of shape (n, e)
        Unit rows.
    texts : Tensor of shape (n, e), or None
        Unit rows, where its probabilities are to be learned.
    scale : float
        Its logit scale.
    """

    pictures: Tensor
    texts: Tensor | None
    scale: float


class Teaching:
    """A teacher's vectors of all pairs.

    Parameters
    ----------
    teacher : ImageEncoder
    pairs : Pairs
        All of them can be read.
    distil : {"cosine", "kl"}
    cache : EmbeddingCache, path or bool, optional
        As in `fgmm.embed_images`: vectors are kept by the content of pictures.
    device : torch.device
        Where lessons are wanted.
    progress : bool, optional
        False: no bar.

    Raises
    ------
    TrainingError
        If probabilities are to be learned of a teacher that reads no texts.

    Notes
    -----
    The teacher sees pictures as they are, the student sees them cropped and coloured: it learns
    what the teacher would say of the whole.
    """

    def __init__(
        self,
        teacher: ImageEncoder,
        pairs: Pairs,
        distil: str,
        *,
        cache: CacheChoice = None,
        device: torch.device,
        progress: bool | None = None,
    ) -> None:
        if distil == "kl" and not hasattr(teacher, "encode_texts"):
            raise TrainingError(
                f"distil is 'kl', and the teacher {name_encoder(teacher)!r} reads no texts: use "
                "distil='cosine'"
            )
        self.space, self.device = teacher.space, device
        found = embed_images(
            (pair.source for pair in pairs.items),
            encoder=teacher,
            cache=cache,
            progress=progress,
            on_error="raise",
        )
        self._pictures = found.vectors
        self.scale = float(getattr(teacher, "logit_scale", 1.0))
        self._texts: Tensor | None = None
        self._row: dict[str, int] = {}
        if distil == "kl":
            texts = pairs.texts
            self._texts = teacher.encode_texts(texts).vectors  # type: ignore[attr-defined]
            self._row = {text: at for at, text in enumerate(texts)}

    def lesson(self, rows: Sequence[int], texts: Sequence[str]) -> Lesson:
        """Say what the teacher makes of a batch.

        Parameters
        ----------
        rows : sequence of n int
            Of the pairs.
        texts : sequence of n str
            Their texts.

        Returns
        -------
        Lesson
        """
        said = None
        if self._texts is not None:
            said = self._texts[[self._row[text] for text in texts]].to(self.device)
        return Lesson(self._pictures[list(rows)].to(self.device), said, self.scale)
