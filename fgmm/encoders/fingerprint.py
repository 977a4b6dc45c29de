"""The name of a vector space: a hash of everything its vectors depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["LazyFingerprint", "choose_keys", "hash_description", "hash_weights"]

_BYTES = 12


def hash_weights(state: Mapping[str, Tensor]) -> str:
    """Hash tensors by name, shape and value.

    Parameters
    ----------
    state : mapping of str to Tensor
        As ``state_dict()`` gives it. Floating-point tensors are hashed as float32, on
        whatever device they lie; whole numbers (counters, positions) are left out, because
        no vector depends on them and libraries add and drop them.

    Returns
    -------
    str
        24 hexadecimal digits, the same on every machine.

    Examples
    --------
    >>> one = hash_weights({"a": torch.zeros(2, 3)})
    >>> one == hash_weights({"a": torch.zeros(2, 3, dtype=torch.float16)})
    True
    >>> one == hash_weights({"a": torch.zeros(3, 2)})
    False
    """
    digest = hashlib.blake2b(digest_size=_BYTES)
    for name in sorted(state):
        tensor = state[name]
        if not tensor.is_floating_point():
            continue
        plain = tensor.detach().to("cpu", torch.float32).contiguous()
        digest.update(f"{name} {tuple(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def hash_description(description: object) -> str:
    """Hash a description made of mappings, sequences, strings and numbers.

    Entries that are None count as absent, tuples as lists and 1.0 as 1, so that two spellings
    of one configuration agree. False and "" are values: a default may be another.

    Parameters
    ----------
    description : object
        What `json` can write.

    Returns
    -------
    str
        24 hexadecimal digits.

    Examples
    --------
    >>> hash_description({"a": (1, 2), "b": None}) == hash_description({"a": [1, 2]})
    True
    """
    text = json.dumps(_plain(description), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        plain = {str(key): _plain(inner) for key, inner in value.items()}
        return {key: inner for key, inner in plain.items() if inner is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def choose_keys(settings: Mapping[str, object], keys: Sequence[str]) -> dict[str, object]:
    """Take from settings, which a library fills in, those that vectors depend on.

    A later version of the library may fill in more. What it adds does by default what was
    done without it, so a space must not change its name for it.

    Parameters
    ----------
    settings : mapping
    keys : sequence of str
        One that is missing from the settings is left out.

    Returns
    -------
    dict

    Examples
    --------
    >>> choose_keys({"size": 224, "new": True}, ["size", "mean"])
    {'size': 224}
    """
    return {key: settings[key] for key in keys if key in settings}


class LazyFingerprint:
    """The fingerprint of a model and of how it is used, computed on first need and once.

    Parameters
    ----------
    model : torch.nn.Module
        In float32: ask before casting to anything else.
    description : mapping
        Architecture, preprocessing, tokenizer: whatever else its vectors depend on.

    Examples
    --------
    >>> model = torch.nn.Linear(2, 2)
    >>> LazyFingerprint(model, {"size": 1}).value == LazyFingerprint(model, {"size": 2}).value
    False
    """

    def __init__(self, model: nn.Module, description: Mapping[str, object]) -> None:
        self._model: nn.Module | None = model
        self._description = dict(description)
        self._value = ""

    @property
    def value(self) -> str:
        """24 hexadecimal digits."""
        model = self._model  # another thread may take it away once it has the value
        if model is not None:
            self._value = hash_description(
                {"weights": hash_weights(model.state_dict()), **self._description}
            )
            self._model = None
        return self._value
