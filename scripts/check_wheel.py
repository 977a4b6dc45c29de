"""Build the wheel, install it into a clean environment, and use it once.

The clean environment holds the wheel and what the wheel *declares*, nothing else. What it
declares is already on this disk, in the environment this script runs in, so those files are
hard-linked instead of being downloaded and unpacked once more (some six gigabytes with a CUDA
torch). A package that fgmm imports and does not declare is therefore missing there, as it
would be on a user's machine.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
LARGEST = 35 * 2**20
PACKAGES = ("fgmm", "knowledge", "fewshot")

USE = """
import importlib.metadata, sys
from pathlib import Path
import fgmm, knowledge, fewshot

for module in (fgmm, knowledge, fewshot):
    assert Path(sys.prefix) in Path(module.__file__).parents, module.__file__
from fgmm.fieldguide import FieldGuide

plate = FieldGuide().draw("{bird}", seed=1)
plate.image.save("bird.png")
names = [plate.species.name, "a yellow lemon"]
for encoder in {encoders}:
    prediction = fgmm.classify(plate.image, names, encoder=encoder)
    assert prediction.label in names
    print(f"  {{encoder}}: {{prediction.label}} ({{prediction.probability:.2f}})")
"""


def build() -> Path:
    """Build the wheel from a clean dist/ and look at what is in it."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(DIST), str(ROOT))
    (wheel,) = DIST.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES), f"the wheel installs {sorted(tops)}"
    tables = (f"/packs/{name}/classes.tsv" for name in ("flowers", "grocery"))
    texts = (f"{package}/py.typed" for package in PACKAGES)
    for wanted in (*texts, *tables, "/LICENSE", "/LICENSE-WEIGHTS"):
        assert any(name.endswith(wanted) for name in names), f"no {wanted} in the wheel"
    size = wheel.stat().st_size
    assert size <= LARGEST, f"the wheel has {size / 2**20:.1f} MB, {LARGEST / 2**20:.0f} allowed"
    print(f"{wheel.name}: {size / 2**20:.1f} MB, {len(names)} files")
    return wheel


def declared(wheel: Path) -> list[importlib.metadata.Distribution]:
    """Every distribution the wheel needs, directly or through another."""
    metadata = importlib.metadata.PathDistribution(
        zipfile.Path(wheel, f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/")
    )
    found: dict[str, importlib.metadata.Distribution] = {}
    asked = set()
    waiting = [Requirement(text) for text in metadata.requires or ()]
    while waiting:
        need = waiting.pop()
        key = (canonicalize_name(need.name), frozenset(need.extras))
        if key in asked or not applies(need, frozenset()):
            continue
        asked.add(key)
        distribution = importlib.metadata.distribution(need.name)
        found[key[0]] = distribution
        for text in distribution.requires or ():
            further = Requirement(text)
            if applies(further, key[1]):
                # Its extras are settled here, so that the loop sees a plain requirement.
                further.marker = None
                waiting.append(further)
    return list(found.values())


def applies(need: Requirement, extras: frozenset[str]) -> bool:
    """Whether a requirement holds on this machine, for the extras asked for."""
    return need.marker is None or any(
        need.marker.evaluate({"extra": extra}) for extra in (*extras, "")
    )


def link(distributions: list[importlib.metadata.Distribution], site: Path) -> int:
    """Hard-link the files of distributions into another site-packages."""
    homes = [Path(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib")]
    number = 0
    for distribution in distributions:
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            here = next((home for home in homes if home in source.parents), None)
            if here is None or ".." in file.parts or not source.is_file():
                continue  # console scripts and manuals
            target = site / source.relative_to(here)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except FileExistsError:  # two distributions may share a file
                continue
            except OSError:  # another disk
                shutil.copy2(source, target)
            number += 1
    return number


def main() -> None:
    """Build, install, use; any failure ends the process with its reason."""
    start = time.perf_counter()
    wheel = build()
    needed = declared(wheel)
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "clean"
        venv.create(clean, with_pip=True, symlinks=os.name != "nt")
        binaries = clean / ("Scripts" if os.name == "nt" else "bin")
        python = str(binaries / "python")
        site = run(python, "-c", "import sysconfig as s; print(s.get_paths()['purelib'])").strip()
        number = link(needed, Path(site))
        print(f"clean environment: {len(needed)} declared distributions, {number} files")
        pip = (python, "-m", "pip", "--disable-pip-version-check")
        run(*pip, "install", "--no-deps", "--no-index", "--quiet", str(wheel))
        run(*pip, "check")

        shipped = any("tiny" in n and n.endswith(".safetensors") for n in zipnames(wheel))
        encoders = ["fake", "tiny"] if shipped else ["fake"]
        bird = run(
            python, "-c", "from fgmm.fieldguide import *; print(FieldGuide().species[0].name)"
        )
        used = USE.format(bird=bird.strip(), encoders=encoders)
        print(run(python, "-c", used, folder=folder), end="")
        command = str(binaries / "fgmm")
        assert "classify" in run(command, "--help", folder=folder)
        assert "torch" in run(command, "doctor", folder=folder)
        run(
            command,
            "classify",
            "bird.png",
            "--labels",
            "a red bird,a lemon",
            "--encoder",
            "fake",
            folder=folder,
        )
    print(f"the wheel works in a clean environment ({time.perf_counter() - start:.0f} s)")


def zipnames(wheel: Path) -> list[str]:
    """Names of the files in a wheel."""
    return zipfile.ZipFile(wheel).namelist()


def run(*command: str, folder: str | None = None) -> str:
    """Run a command away from the checkout; its output, or the reason why not."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command,
        cwd=folder or tempfile.gettempdir(),
        env={**clean, "HF_HUB_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
