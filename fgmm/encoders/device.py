"""Where an encoder computes, and in what kind of number."""

from __future__ import annotations

import torch

from fgmm.errors import DeviceError

__all__ = ["choose_device", "choose_dtype"]

_DTYPES = {
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
}


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """Turn a device's name into a device that is there.

    Parameters
    ----------
    device : str or torch.device, default="auto"
        "auto" takes the first there is of cuda, mps and cpu. Anything else is taken at its
        word, and refused if this machine does not have it.

    Returns
    -------
    torch.device

    Raises
    ------
    DeviceError
        If there is no such device here.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise DeviceError(
            f"{device!r} is no device: use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        ) from error
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise DeviceError(
                f"device {str(chosen)!r} was asked for and torch {torch.__version__} sees {count} "
                "cuda devices here; use 'auto' to take what there is"
            )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(
            "device 'mps' was asked for and is not available here; use 'auto' to take what there is"
        )
    if chosen.type == "meta":
        raise DeviceError("device 'meta' computes nothing; use 'auto' to take what there is")
    return chosen


def choose_dtype(dtype: str | torch.dtype | None = None) -> torch.dtype:
    """Turn the name of a kind of number into torch's.

    Parameters
    ----------
    dtype : {"float32", "float16", "bfloat16"} or torch.dtype, optional
        float32 where None.

    Returns
    -------
    torch.dtype

    Raises
    ------
    DeviceError
        If encoders do not compute in it.

    Examples
    --------
    >>> choose_dtype("bfloat16")
    torch.bfloat16
    """
    if dtype is None:
        return torch.float32
    chosen = _DTYPES.get(dtype.removeprefix("torch.")) if isinstance(dtype, str) else dtype
    if chosen is None or chosen not in _DTYPES.values():
        raise DeviceError(f"an encoder computes in {', '.join(_DTYPES)}, not in {dtype!r}")
    return chosen
