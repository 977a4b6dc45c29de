"""What every command shares: two consoles, exit codes, and what is told in a line on stderr."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import warnings
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from fgmm.command.torch_builds import DIFFERENT_BUILDS, is_build_error
from fgmm.command.translation import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

__all__ = [
    "BAD",
    "BROKEN_PIPE",
    "FAULT",
    "INTERRUPTED",
    "PARTLY",
    "announced",
    "console",
    "errors_in_words",
    "list_failures",
    "note",
]

PARTLY, BAD, FAULT, INTERRUPTED, BROKEN_PIPE = 1, 2, 70, 130, 141

_FAILURES_SHOWN = 20
_PATIENCE = 1.0  # seconds without a word where nobody watches
# typer brings its own click from some version on, so the class is found through what it exports.
_ClickException: type[Exception] = next(
    parent for parent in typer.BadParameter.__mro__ if parent.__name__ == "ClickException"
)


class _Console(Console):
    def on_broken_pipe(self) -> None:  # rich would end the process with 1, our "partly"
        raise BrokenPipeError


def console(to: TextIO | None = None) -> Console:
    """Make a console on stdout as it is now, or on another stream; it marks up nothing itself."""
    return _Console(file=to or sys.stdout, highlight=False, markup=False, emoji=False)


def note(kind: str, message: str) -> None:
    """Write a line such as "error: no such file" to stderr."""
    style = {"error": "bold red", "warning": "yellow"}.get(kind, "bold")
    told = Text.assemble((f"{kind}: ", style), translate(message))
    with contextlib.suppress(BrokenPipeError):
        console(sys.stderr).print(told, soft_wrap=True)


@contextlib.contextmanager
def announced(doing: str) -> Iterator[None]:
    """Say on stderr what takes a while: at once on a terminal, else after a second of it."""
    if sys.stderr.isatty():
        note("note", doing)
        yield
        return
    timer = threading.Timer(_PATIENCE, note, ("note", doing))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that it speaks before what follows, or not at all


def list_failures(failures: Sequence[tuple[object, BaseException]]) -> None:
    """Say on stderr which pictures failed, and why."""
    from fgmm.images.nearest import suggest_path

    for given, error in failures[:_FAILURES_SHOWN]:
        said = str(error)
        if isinstance(given, (str, os.PathLike)) and isinstance(error.__cause__, FileNotFoundError):
            said += suggest_path(given)
        note("failed", said if str(given) in said else f"{given}: {said}")
    if len(failures) > _FAILURES_SHOWN:
        note("failed", f"and {len(failures) - _FAILURES_SHOWN:,} more")


@contextlib.contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn what goes wrong inside into a line on stderr and an exit code.

    Raises
    ------
    typer.Exit
        With the exit code.
    """
    from fewshot.errors import FewshotError
    from fgmm.errors import FgmmError
    from knowledge.errors import KnowledgeError

    try:
        with _library_speaks():
            yield
            sys.stdout.flush()
    except (typer.Exit, typer.Abort, _ClickException):
        raise
    except KeyboardInterrupt as stopped:
        note("interrupted", str(stopped) or "stopped before the end")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read us has enough; what is still buffered must not fail once more at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None
    except (FgmmError, FewshotError, KnowledgeError) as error:
        note("error", DIFFERENT_BUILDS if is_build_error(error) else str(error))
        raise typer.Exit(BAD) from None
    except OSError as error:
        note("error", _os_error_in_words(error))
        raise typer.Exit(BAD) from None
    except Exception as error:
        if os.environ.get("FGMM_TRACEBACK"):
            raise
        if is_build_error(error):
            note("error", DIFFERENT_BUILDS)
            raise typer.Exit(BAD) from None
        note("error", f"{type(error).__name__}: {error}")
        note("note", "this is a fault in fgmm; FGMM_TRACEBACK=1 shows where it happened")
        raise typer.Exit(FAULT) from None


def _os_error_in_words(error: OSError) -> str:
    if not error.filename:
        return error.strerror or str(error)
    from fgmm.images.nearest import suggest_path

    name = os.fsdecode(error.filename)
    if not isinstance(error, FileNotFoundError):
        return f"{error.strerror or error}: {name}"
    return f"there is no such file or folder: {name}{suggest_path(name)}"


class _LineHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.levelname.lower(), record.getMessage())


@contextlib.contextmanager
def _library_speaks() -> Iterator[None]:
    """Show the library's warnings as lines, without file names and source code."""
    log = logging.getLogger("fgmm")
    handler = _LineHandler(logging.INFO if os.environ.get("FGMM_VERBOSE") else logging.WARNING)
    passed_on = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: note("warning", str(message))
            yield
    finally:
        log.removeHandler(handler)
        log.propagate = passed_on
