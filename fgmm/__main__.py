"""``python -m fgmm``, and the console script ``fgmm``."""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; it ends the process with its exit code.

    0 all went well; 1 some pictures failed, the rest was done; 2 nothing could be done, and
    the last line on stderr says why; 130 interrupted.
    """
    from fgmm.command.application import app

    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no error
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="fgmm")


if __name__ == "__main__":
    main()
