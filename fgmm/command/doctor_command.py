"""``fgmm doctor``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from fgmm._version import __version__
from fgmm.command.terminal import console
from fgmm.command.torch_builds import check_builds
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["examine"]

_PACKAGES = (
    "torch",
    "torchvision",
    "open_clip_torch",
    "transformers",
    "timm",
    "pillow",
    "pillow-heif",
    "numpy",
    "scikit-learn",
    "networkx",
)
_OFFLINE = ", and HF_HUB_OFFLINE is set"
_OPTIONAL = {"pillow-heif": "not installed; pip install 'fgmm[heic]' reads HEIC pictures"}


def examine(
    encoder: Annotated[
        str | None,
        typer.Argument(
            metavar="ENCODER",
            help="The name of an encoder: say also whether it is here, or what would be fetched.",
        ),
    ] = None,
) -> None:
    """Check the installation: versions, what it runs on, and where its files are.

    Nothing is fetched and nothing is sent: paste the answer when you ask for help.

    **Examples**

    fgmm doctor

    fgmm doctor openclip:ViT-B-16/openai
    """
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for topic, rows in (
        ("versions", _versions()),
        ("runs on", _devices()),
        ("files", _files()),
        ("weights", _weights()),
    ):
        _add_section(table, topic, rows)
    if encoder is not None:
        _add_section(table, "encoder", _encoder(encoder))
    console().print(table)


def _add_section(table: Table, topic: str, rows: list[str]) -> None:
    if table.row_count:
        table.add_row()
    for at, row in enumerate(rows):
        table.add_row(topic if at == 0 else "", Text(row))


def _versions() -> list[str]:
    rows = [f"fgmm {__version__}, Python {platform.python_version()} on {platform.platform()}"]
    found = {package: _version(package) for package in _PACKAGES}
    rows.append(", ".join(f"{package} {version}" for package, version in found.items() if version))
    for package, version in found.items():
        if not version:
            rows.append(f"{package}: {_OPTIONAL.get(package, 'MISSING: pip install fgmm again')}")
    if found["torch"] and found["torchvision"] and (wrong := check_builds()):
        rows.append(wrong)
    return rows


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _devices() -> list[str]:
    import torch

    threads, cores = torch.get_num_threads(), os.cpu_count() or 1
    rows = [f"processor: {counted(threads, 'thread')} on {counted(cores, 'core')}"]
    for number in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(number).total_memory
        rows.append(
            f"cuda:{number}, {torch.cuda.get_device_name(number)}, {memory / 2**30:.0f} GiB"
        )
    if torch.backends.mps.is_available():
        rows.append("mps, the graphics of this Mac")
    if len(rows) == 1:
        rows.append("no graphics processor that torch can use")
    return rows


def _files() -> list[str]:
    from fgmm.cache import default_cache_path
    from fgmm.command.local_weights import folder_bytes, hub_folder, in_words

    cache, hub = default_cache_path(), hub_folder()
    cached = in_words(cache.stat().st_size) if cache.is_file() else "none yet"
    fetched = in_words(folder_bytes(hub)) if hub.is_dir() else "none yet"
    rows = [f"embeddings of pictures: {cache} ({cached})", f"fetched models: {hub} ({fetched})"]
    if os.environ.get("HF_HUB_OFFLINE"):
        rows.append("HF_HUB_OFFLINE is set: nothing will be fetched")
    return rows


def _weights() -> list[str]:
    from fgmm.command.local_weights import tiny_bytes, tiny_folder

    if not tiny_bytes():
        return [f"tiny did not come with this installation: no weights in {tiny_folder()}"]
    return [f"tiny, {tiny_bytes()} in {tiny_folder()}", *_notice()]


def _encoder(name: str) -> list[str]:
    from fgmm.encoders.registry import load_encoder
    from fgmm.errors import WeightsNotFound

    # Loading it while the hub is out of bounds tells what is missing, of whatever library.
    allowed = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        encoder = load_encoder(name, device="cpu")
    except WeightsNotFound as error:
        said = str(error).replace(_OFFLINE, "")
        if said == str(error):  # no matter of the hub
            return [f"{name} is not on this machine", said]
        return [f"{name} is not on this machine; it would be fetched at the first use", said]
    finally:
        if allowed is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = allowed
    reads = (
        f"pictures and texts, {encoder.scoring}" if hasattr(encoder, "encode_texts") else "pictures"
    )
    return [
        f"{name} is on this machine, and it loads: nothing would be fetched",
        f"reads {reads}; {encoder.dim} numbers a vector",
        f"space {encoder.space}: vectors of the same space can be compared",
    ]


def _notice() -> list[str]:
    """Give what the notice that goes with the weights says first, and where the rest is."""
    for place in _notice_places():
        if place.is_file():
            paragraphs = place.read_text(encoding="utf-8").split("\n\n")
            said = next((text for text in paragraphs if "." in text), "")  # not its title
            return [" ".join(said.split()), f"all of it: {place}"]
    return [
        "their LICENSE-WEIGHTS is missing here: see it before you use them for more than trials"
    ]


def _notice_places() -> Iterator[Path]:
    from fgmm.command.local_weights import tiny_folder

    yield tiny_folder() / "LICENSE-WEIGHTS"
    yield Path(__file__).parents[2] / "LICENSE-WEIGHTS"  # a checkout
    try:
        files = importlib.metadata.files("fgmm") or []
    except importlib.metadata.PackageNotFoundError:
        return
    yield from (Path(str(file.locate())) for file in files if file.name == "LICENSE-WEIGHTS")
