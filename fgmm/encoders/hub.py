"""Files of a Hugging Face repository: from the cache first, else downloaded, else one error."""

from __future__ import annotations

import fnmatch
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import EncoderBroken, EncoderNotFound, WeightsNotFound

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Wanted", "fetch_repository"]

_LOG = logging.getLogger(__name__)
_SECONDS = 5.0
_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True)
class Wanted:
    """Which files of a repository make an encoder.

    Parameters
    ----------
    needed : tuple of tuple of str
        Of each group the first file that is there is taken; one of each has to be.
    extras : tuple of str
        Patterns of further files, taken where there are any.
    """

    needed: tuple[tuple[str, ...], ...]
    extras: tuple[str, ...] = ()

    def choose(self, files: Collection[str]) -> list[str] | None:
        """Choose among a repository's files; None if a whole group is missing."""
        chosen = []
        for group in self.needed:
            found = next((file for file in group if file in files), None)
            if found is None:
                return None
            chosen.append(found)
            if found.endswith(".index.json"):  # split weights: model-00001-of-00002.safetensors
                stem, _, kind = found.removesuffix(".index.json").rpartition(".")
                chosen += fnmatch.filter(files, f"{stem}-*.{kind}")
        for pattern in self.extras:
            chosen += fnmatch.filter(files, pattern)
        return list(dict.fromkeys(chosen))

    def describe(self) -> str:
        """Name the files in words, of a long group only the first."""
        return " and ".join(
            " or ".join(group) if len(group) < 3 else f"{group[0]} (or another form of it)"
            for group in self.needed
        )


def fetch_repository(repository: str, wanted: Wanted, *, name: str, scheme: str) -> Path:
    """Get a repository's files as a local folder.

    What is in the cache is used without asking the network, not even whether there is
    something newer. Otherwise the hub is asked once, with a short timeout.

    Parameters
    ----------
    repository : str
        ``owner/name``, or ``owner/name@revision``.
    wanted : Wanted
    name, scheme : str
        The encoder's name, and what stands before its colon: for messages.

    Returns
    -------
    Path
        A folder with the files.

    Raises
    ------
    WeightsNotFound
        If the files are not in the cache and the hub is not to be reached.
    EncoderNotFound
        If the hub has no such repository.
    EncoderBroken
        If the repository lacks a file that is needed.
    """
    repo, _, revision = repository.partition("@")
    cached = _find_cached(repo, revision or None, wanted)
    if cached is not None:
        return cached
    if _is_offline():
        raise _not_found(repo, wanted, name, scheme, "HF_HUB_OFFLINE is set")
    return _download(repo, revision or None, wanted, name, scheme)


def _find_cached(repo: str, revision: str | None, wanted: Wanted) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in wanted.needed[0]:
        try:
            path = try_to_load_from_cache(repo, file, revision=revision)
        except HFValidationError as error:
            raise EncoderNotFound(
                f"{repo!r} is neither a folder here nor the name of a repository: 'owner/name'"
            ) from error
        if not isinstance(path, str):
            continue
        folder = Path(path).parent
        files = {str(f.relative_to(folder).as_posix()) for f in folder.rglob("*") if f.is_file()}
        if wanted.choose(files) is not None and not _lacks_shards(folder, files):
            return folder
    return None


def _lacks_shards(folder: Path, files: Collection[str]) -> bool:
    import json

    for index in fnmatch.filter(files, "*.index.json"):
        content = json.loads((folder / index).read_text(encoding="utf-8"))
        if set(content.get("weight_map", {}).values()) - set(files):
            return True
    return False


def _is_offline() -> bool:
    from huggingface_hub import constants

    asked = (os.environ.get(key, "").lower() for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return bool(constants.HF_HUB_OFFLINE) or any(answer in _TRUE for answer in asked)


def _download(repo: str, revision: str | None, wanted: Wanted, name: str, scheme: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi().model_info(repo, revision=revision, timeout=_SECONDS)
        files = wanted.choose({file.rfilename for file in info.siblings or ()})
        if files is None:
            raise EncoderBroken(
                f"encoder {name!r}: the repository {repo!r} does not hold what an encoder needs: "
                f"{wanted.describe()}"
            )
        _LOG.info("downloading %s from the hub's %s", ", ".join(files), repo)
        return Path(snapshot_download(repo, revision=revision, allow_patterns=files))
    except EncoderBroken:
        raise
    except GatedRepoError as error:
        raise _not_found(
            repo, wanted, name, scheme, "its owner asks you to accept terms on its page first"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise EncoderNotFound(
            f"encoder {name!r}: the hub has no repository {repo!r}"
            f"{f' at {revision!r}' if revision else ''}, or it is private and nobody is logged in"
        ) from error
    except Exception as error:  # whatever the network and its clients raise
        reason = " ".join(str(error).split())[:160]
        raise _not_found(
            repo, wanted, name, scheme, f"the hub is not to be reached ({reason})"
        ) from error


def _not_found(repo: str, wanted: Wanted, name: str, scheme: str, reason: str) -> WeightsNotFound:
    from huggingface_hub import constants

    return WeightsNotFound(
        f"encoder {name!r} needs {wanted.describe()} of the repository {repo!r}. They are not in "
        f"the cache ({constants.HF_HUB_CACHE}), and {reason}. Load it once with a network, or pass "
        f"a folder that holds its files: '{scheme}:/path/to/folder'"
    )
