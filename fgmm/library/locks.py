"""Which processes are at a file, for the message to one that waited in vain."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["lock_holders"]

# The first byte SQLite locks, behind anything a small file holds; its others follow.
# https://www.sqlite.org/lockingv3.html
_FIRST_BYTE = 0x40000000
_LOCKS = Path("/proc/locks")


def lock_holders(path: Path) -> list[str]:
    """Name the processes that hold SQLite's locks on a file, where the system tells (Linux).

    Looks at no more than a list: opening and closing the file would set its locks free.

    Returns
    -------
    list of str
        Such as ``"process 4711 (python)"``; empty where it cannot be known.
    """
    try:
        inode = path.stat().st_ino
        lines = _LOCKS.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return []
    found = []
    for line in lines:
        fields = line.split()  # 1: POSIX ADVISORY WRITE <process> <device>:<inode> <first> <last>
        if len(fields) < 8 or fields[1] == "->" or not fields[6].isdigit():
            continue
        process, place, first = fields[4], fields[5], int(fields[6])
        if place.rpartition(":")[2] == str(inode) and first >= _FIRST_BYTE:
            found.append(_named(process))
    return list(dict.fromkeys(found))


def _named(process: str) -> str:
    if process == str(os.getpid()):
        return f"this process ({process})"
    try:
        command = Path("/proc", process, "comm").read_text("utf-8").strip()
    except (OSError, ValueError):
        return f"process {process}"
    return f"process {process} ({command})"
