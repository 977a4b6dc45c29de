"""Files to read: written as a test needs them."""

from __future__ import annotations

import pytest

from knowledge import read_graph


@pytest.fixture
def write(tmp_path):
    """A factory of files: ``write("birds.csv", "concept,red", "robin,1")`` gives the path."""

    def make(name: str, *lines: str | bytes):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [line if isinstance(line, bytes) else line.encode() for line in lines]
        path.write_bytes(b"\n".join(parts) + b"\n")
        return path

    return make


@pytest.fixture
def read(write):
    """Write a file and read it as a graph."""
    return lambda name, *lines: read_graph(write(name, *lines))
