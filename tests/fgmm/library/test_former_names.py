"""What became of a name that no species has any more."""

from __future__ import annotations

import pytest

from fgmm.library import HistoryEntry
from fgmm.library.former_names import tell_former_name

WREN = {"name": "wren"}
REMOVED = "it was removed on 2026-05-02, by change 2"
CASES = {
    "never there": ([("add_species", {"name": "dodo"})], None),
    "removed": ([("add_species", WREN), ("remove", WREN)], REMOVED),
    "a photo removed": ([("add_species", WREN), ("remove", {**WREN, "photos": 1})], None),
    "removed, then a photo of a new one": (
        [("add_species", WREN), ("remove", WREN), ("remove", {**WREN, "photos": 1})],
        REMOVED,
    ),
    "removed and added again": (
        [("add_species", WREN), ("remove", WREN), ("add_species", WREN)],
        None,
    ),
    "renamed twice": (
        [("rename", {**WREN, "new": "Jenny"}), ("rename", {"name": "jenny", "new": "robin"})],
        "it was renamed 'robin' on 2026-05-02",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_it_is_told(case):
    done, told = CASES[case]
    history = [
        HistoryEntry(n, f"2026-05-{n:02}T06:00:00Z", what, detail)
        for n, (what, detail) in enumerate(done, 1)
    ]
    assert tell_former_name(history, "Wren") == told
