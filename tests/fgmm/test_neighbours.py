"""Is a foreign `knowledge` or `fewshot` noticed, and nothing said of our own?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imported(*, first: Path | None = None, code: str = "import fgmm") -> str:
    """What a fresh interpreter says on stderr, with a folder in front of its path."""
    path = [str(first)] if first else []
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[*path, str(ROOT)]}; {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr


def test_our_own_are_not_remarked_on():
    assert imported() == ""
    assert imported(code="import knowledge, fewshot, fgmm") == ""


@pytest.mark.parametrize("name", ["knowledge", "fewshot"])
@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py"])
def test_a_namesake_in_front_is_named_with_its_place(tmp_path, name, form):
    foreign = tmp_path / form.format(name)
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("raise SystemExit('imported')\n")
    said = imported(first=tmp_path)
    assert "RuntimeWarning" in said
    assert f"`import {name}` finds {foreign}" in said
    assert f"uninstall the other `{name}`" in said


def test_a_namesake_already_imported_is_noticed(tmp_path):
    (tmp_path / "knowledge.py").write_text("")
    said = imported(first=tmp_path, code="import knowledge, fgmm")
    assert f"`import knowledge` finds {tmp_path / 'knowledge.py'}" in said


def test_a_namesake_installed_over_ours_is_noticed(tmp_path):
    for package in ("fgmm", "fewshot"):
        (tmp_path / package).symlink_to(ROOT / package, target_is_directory=True)
    (tmp_path / "knowledge").mkdir()
    for file in (ROOT / "knowledge").iterdir():
        if file.is_file():
            (tmp_path / "knowledge" / file.name).write_bytes(file.read_bytes())
    assert imported(first=tmp_path) == ""
    (tmp_path / "knowledge" / "__init__.py").write_text('"""Somebody else\'s."""\n')
    assert "`import knowledge` finds" in imported(first=tmp_path)


def test_a_missing_package_is_noticed(tmp_path):
    (tmp_path / "fgmm").symlink_to(ROOT / "fgmm", target_is_directory=True)
    (tmp_path / "fewshot").symlink_to(ROOT / "fewshot", target_is_directory=True)
    code = f"sys.path[:] = [p for p in sys.path if p not in ('', {str(ROOT)!r})]; import fgmm"
    assert "`import knowledge` finds nothing" in imported(first=tmp_path, code=code)


def test_the_warning_points_at_the_line_that_imports(tmp_path):
    (tmp_path / "knowledge.py").write_text("")
    (tmp_path / "mine.py").write_text("\nimport fgmm\n")
    assert "mine.py:2: RuntimeWarning" in imported(first=tmp_path, code="import mine")
