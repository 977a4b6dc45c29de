"""Everything a training needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fewshot.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor
    from torch.optim import Optimizer

__all__ = ["Checkpoint", "optimiser_tensors", "restore_optimiser"]

_FORMAT = "fewshot-training-1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training between two steps.

    There are no states of random generators in it: every random number is a function of the
    plan's seed and of the step, which is.

    Parameters
    ----------
    told : mapping
        Counters, records, schedule and plan, as JSON has them.
    tensors : mapping of str to mapping of str to Tensor
        Parts ("learner", "best", "optimiser"), and the tensors of each.
    """

    told: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, Tensor]]

    def write(self, path: Path) -> None:
        """Write it, replacing what is there only when all is written.

        Parameters
        ----------
        path : Path
            Of the file.
        """
        from safetensors.torch import save_file

        flat = {
            f"{part}/{name}": value.detach().cpu().contiguous()
            for part, own in self.tensors.items()
            for name, value in own.items()
        }
        draft = path.with_name(path.name + ".part")
        save_file(flat, draft, {"state": json.dumps({"format": _FORMAT, **self.told})})
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read it back.

        Parameters
        ----------
        path : Path
            What `write` wrote.

        Returns
        -------
        Checkpoint

        Raises
        ------
        TrainingError
            If it is something else.
        """
        from safetensors import SafetensorError, safe_open

        tensors: dict[str, dict[str, Tensor]] = {}
        try:
            with safe_open(path, "pt") as stored:
                told = json.loads((stored.metadata() or {}).get("state", "null"))
                for key in stored.keys():  # noqa: SIM118 - it is no dictionary
                    part, _, name = key.partition("/")
                    tensors.setdefault(part, {})[name] = stored.get_tensor(key)
        except (SafetensorError, ValueError) as error:
            raise TrainingError(
                f"{path} cannot be read ({error}): delete it to begin anew"
            ) from None
        if not isinstance(told, dict) or told.get("format") != _FORMAT:
            raise TrainingError(f"{path} is no checkpoint of fewshot: give another folder")
        return cls(told, tensors)


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Give what an optimiser remembers, by number of the parameter and name.

    Parameters
    ----------
    optimiser : Optimizer
        Of torch.

    Returns
    -------
    dict of str to Tensor
    """
    state = optimiser.state_dict()["state"]
    return {
        f"{number}/{name}": value
        for number, own in state.items()
        for name, value in own.items()
        if value is not None
    }


def restore_optimiser(
    optimiser: Optimizer, tensors: Mapping[str, Tensor], rates: list[float]
) -> None:
    """Make an optimiser remember.

    Parameters
    ----------
    optimiser : Optimizer
        Made anew for the same parameters.
    tensors : mapping of str to Tensor
        What `optimiser_tensors` gave.
    rates : list of float
        Learning rate of each group.
    """
    whole = optimiser.state_dict()
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        whole["state"].setdefault(int(number), {})[name] = value
    for group, rate in zip(whole["param_groups"], rates, strict=True):
        group["lr"] = rate
    optimiser.load_state_dict(whole)
