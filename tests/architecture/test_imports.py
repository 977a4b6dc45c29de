"""What importing does: nothing heavy, in any order, without a warning."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "open_clip", "transformers", "timm", "sklearn", "scipy", "PIL")
HEAVY_LOADED = f"print([m for m in {HEAVY} if m in sys.modules])"


def python(code: str) -> str:
    """Output of a fresh interpreter for which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_three_packages_loads_nothing_heavy_and_warns_of_nothing(packages):
    assert python(f"import sys, {', '.join(packages)}\n{HEAVY_LOADED}") == "[]\n"


def test_listing_the_public_names_loads_nothing_heavy():
    code = "import sys, fgmm\nassert set(fgmm.__all__) <= set(dir(fgmm))\n" + HEAVY_LOADED
    assert python(code) == "[]\n"


def test_every_module_can_be_the_first_to_be_imported(packages, sources):
    # One process in which ours are forgotten before each: finds a cycle that only some orders
    # show. Others' warnings while they load are theirs.
    python(
        "import importlib, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        f"for name in {[source.module for source in sources]}:\n"
        "    for other in list(sys.modules):\n"
        f"        if other.split('.')[0] in {packages}:\n"
        "            del sys.modules[other]\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError as error:\n"
        "        sys.exit(f'import {name}, first of all: {error}')\n"
    )


def test_importing_everything_warns_of_nothing_of_ours(packages, sources):
    python(
        "import importlib, warnings\n"
        "warnings.simplefilter('ignore')\n"
        f"warnings.filterwarnings('error', module=r'({'|'.join(packages)})(\\.|$)')\n"
        f"for name in {[source.module for source in sources]}:\n"
        "    importlib.import_module(name)\n"
    )


@pytest.mark.parametrize("package", ["fgmm", "fewshot", "knowledge"])
def test_a_name_that_does_not_exist_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        _ = importlib.import_module(package).nonsense
