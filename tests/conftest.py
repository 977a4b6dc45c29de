"""What every test has: no network, caches in a temporary folder, and the means it needs."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from pathlib import Path

import hypothesis
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FGMM_DATA") or ROOT.parent / "shared" / "data")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything of ours is imported: libraries read these once."""
    caches = tempfile.TemporaryDirectory(prefix="fgmm-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(caches.cleanup)
    for name in ("XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME"):
        os.environ[name] = caches.name
    os.environ.pop("FGMM_VERBOSE", None)
    # Wide enough for tables to come out whole, without colours.
    os.environ |= {"COLUMNS": "120", "NO_COLOR": "1"}
    _refuse_network(config)
    # A slow machine is no failure; in continuous integration the same cases every time.
    hypothesis.settings.register_profile(
        "fgmm", deadline=None, derandomize=bool(os.environ.get("CI"))
    )
    hypothesis.settings.load_profile("fgmm")


def _refuse_network(config: pytest.Config) -> None:
    """Refuse connections to other machines, as a machine without network would."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def local(host: object) -> bool:
        if host in (None, "", "localhost", b"localhost"):
            return True
        try:
            return ipaddress.ip_address(str(host)).is_loopback
        except ValueError:
            return False

    def connect_locally(self, address):
        if isinstance(address, tuple) and not local(address[0]):
            raise ConnectionRefusedError(f"tests have no network: {address[0]}")
        return connect(self, address)

    def resolve_locally(host, *args, **kwargs):
        if not local(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests have no network: {host}")
        return resolve(host, *args, **kwargs)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect_locally)
    patch.setattr(socket, "getaddrinfo", resolve_locally)
    config.add_cleanup(patch.undo)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine has no means for, and say what is missing."""
    missing = {}
    if not DATA.is_dir():
        missing["data"] = f"no photographs at {DATA}: set FGMM_DATA to their folder"
    if any(item.get_closest_marker("cuda") for item in items):
        import torch

        if not torch.cuda.is_available():
            missing["cuda"] = "no CUDA device"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of photographs; a test that asks for it carries the marker ``data``."""
    if not DATA.is_dir():
        pytest.skip(f"no photographs at {DATA}: set FGMM_DATA to their folder")
    return DATA


@pytest.fixture
def plain():
    """A factory of pictures of one colour: ``plain("red")``, ``plain("#102030", 32, 48)``."""

    def make(colour: str | tuple[int, int, int], width: int = 64, height: int = 64):
        return Image.new("RGB", (width, height), colour)

    return make
