"""Whether torch and torchvision are builds that fit each other."""

from __future__ import annotations

__all__ = ["DIFFERENT_BUILDS", "check_builds", "is_build_error"]

DIFFERENT_BUILDS = (
    "torch and torchvision are different builds; install both from one index: "
    "python -m pip install --force-reinstall torch torchvision --index-url "
    "https://download.pytorch.org/whl/cpu (or whl/cu..., as pytorch.org says for your GPU)"
)
"""What is wrong, and the cure."""

# What torchvision says when its operators do not fit; the second time it is asked it says the
# other, as it is half imported then.
_SIGNS = ("torchvision::nms", "partially initialized module 'torchvision'")


def is_build_error(error: BaseException | None) -> bool:
    """Tell whether an error, or one that led to it, comes of two different builds.

    Parameters
    ----------
    error : BaseException or None

    Returns
    -------
    bool

    Examples
    --------
    >>> is_build_error(RuntimeError("operator torchvision::nms does not exist"))
    True
    >>> is_build_error(RuntimeError("out of memory"))
    False
    """
    while error is not None:
        if any(sign in str(error) for sign in _SIGNS):
            return True
        error = error.__cause__ or error.__context__
    return False


def check_builds() -> str | None:
    """Import both and compare them.

    Returns
    -------
    str or None
        What is wrong; None if nothing is.
    """
    import torch

    try:
        import torchvision
    except Exception as error:  # whatever a library of the wrong build raises
        if is_build_error(error):
            return DIFFERENT_BUILDS
        return f"torchvision cannot be imported: {type(error).__name__}: {error}"
    builds = [module.__version__.partition("+")[2] for module in (torch, torchvision)]
    if all(builds) and builds[0] != builds[1]:
        return f"{DIFFERENT_BUILDS} (torch is +{builds[0]}, torchvision +{builds[1]})"
    return None
