"""The files under version control: small modules that speak of the project alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

LONGEST = 300  # lines, of what is not a test: a test file follows its module
# Written in pieces, so that this file does not speak of them either.
PLACES = re.compile(
    rb"(?<![\w.~-])/(?:" + b"|".join([b"work", b"tmp", b"root", b"home/\\w+"]) + rb")/"
)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    files = [root / name for name in done.stdout.decode("utf-8").split("\0") if name]
    return [file for file in files if file.is_file()]


def test_no_file_names_a_place_on_somebodys_machine(tracked):
    found = [
        f"{path.name}:{number}: {line.decode('utf-8', 'replace').strip()}"
        for path in tracked
        if b"\0" not in (content := path.read_bytes())
        for number, line in enumerate(content.splitlines(), 1)
        if PLACES.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_place"),
    [
        (b"see /" + b"tmp/x", True),
        (b"cd '/" + b"work/here'", True),
        (b"/" + b"home/ann/birds", True),
        (b"benchmarks/" + b"work/x", False),
        (b"/path/to/folder", False),
    ],
)
def test_places_are_told_from_other_paths(line, is_place):
    assert bool(PLACES.search(line)) == is_place


def test_no_module_is_too_long_to_be_one_room(tracked):
    modules = [path for path in tracked if path.suffix == ".py" and "tests" not in path.parts]
    lengths = {path.name: len(path.read_bytes().splitlines()) for path in modules}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_generated_file_is_tracked(tracked):
    suffixes = {".pyc", ".whl", ".egg-info", ".pkl", ".pt", ".pth"}
    assert [p.name for p in tracked if p.suffix in suffixes] == []
