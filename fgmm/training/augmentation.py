"""Pictures as they might have been taken: cropped, mirrored, in other light, partly hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from PIL.Image import Image

    from fgmm.training.plan import TuningPlan

__all__ = ["Augmentation"]


class Augmentation:
    """torchvision's transforms, each picture with random numbers of its own.

    Parameters
    ----------
    plan : TuningPlan
        ``crop``, ``flip``, ``colour`` and ``erase``.
    side : int
        Of the network's pictures, in pixels.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm.training import TuningPlan
    >>> change = Augmentation(TuningPlan(), 32)
    >>> picture = Image.linear_gradient("L").convert("RGB")
    >>> change(picture, seed=3).size, change(picture, 3) == change(picture, 3)
    ((32, 32), True)
    """

    def __init__(self, plan: TuningPlan, side: int) -> None:
        from torchvision.transforms import InterpolationMode, v2

        steps: list[Any] = []
        if plan.crop < 1:
            bicubic = InterpolationMode.BICUBIC
            steps.append(v2.RandomResizedCrop(side, scale=(plan.crop, 1.0), interpolation=bicubic))
        if plan.flip:
            steps.append(v2.RandomHorizontalFlip(plan.flip))
        if plan.colour:
            steps.append(v2.ColorJitter(plan.colour, plan.colour, plan.colour))
        if plan.erase:
            # of a picture and not of what the network takes, which may be patches in a row
            steps += [v2.PILToTensor(), v2.RandomErasing(plan.erase, value=127), v2.ToPILImage()]
        self._change = v2.Compose(steps) if steps else None

    def __call__(self, image: Image, seed: int) -> Image:
        """Change a picture; the same seed changes it in the same way.

        Parameters
        ----------
        image : PIL.Image.Image
            RGB.
        seed : int

        Returns
        -------
        PIL.Image.Image
            RGB; not yet resized or normalised as the network wants it.
        """
        if self._change is None:
            return image
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # manual_seed looks for GPUs too: 3 ms
            changed: Image = self._change(image)
        return changed
