"""What a library says of pictures: ``fgmm classify --library``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fgmm.command.terminal import announced

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.predictions import Predictions
    from fgmm.templates import Templates
    from knowledge import KnowledgeGraph

__all__ = ["ask_library"]


def ask_library(
    pictures: list[Path],
    library: Path,
    candidates: list[str] | None,
    *,
    encoder: str | None,
    device: str,
    knowledge: KnowledgeGraph | None,
    level: str | None,
    floor: float | None,
    coverage: float | None,
    together: bool,
    templates: Templates | None,
    concept: str | None,
    batch_size: int,
) -> tuple[Predictions, str]:
    """Classify pictures among the species of a library.

    Parameters
    ----------
    pictures : list of Path
    library : Path
    candidates : list of str or None
        Some of its species.
    encoder : str or None
        The library's own if not given.
    device : str
    knowledge : KnowledgeGraph or None
    level : str or None
        A rank to be added up to.
    floor : float or None
        How probable an answer must be.
    coverage : float or None
        Of prediction sets.
    together : bool
        Whether all pictures show one individual.
    templates, concept
        As of `fgmm.Recognizer`.
    batch_size : int

    Returns
    -------
    predictions : Predictions
    encoder : str
        What it is called.

    Raises
    ------
    typer.BadParameter
        If a rank or a floor is asked for and nothing above the species is known.
    SpaceMismatch
        If the library was made with another encoder.
    """
    from fgmm.errors import SpaceMismatch
    from fgmm.library import LibraryFile

    with LibraryFile.open(library, readonly=True) as file:
        own = file.collection.encoder
    called = encoder or own
    with announced(f"loading the encoder {called} ..."):
        from fgmm.encoders.registry import load_encoder
        from fgmm.predictions import Predictions
        from fgmm.recognizer import Recognizer

        try:
            recognizer = Recognizer.load(
                library,
                load_encoder(called, device=device),
                knowledge,
                templates=templates,
                concept=concept,
            )
        except SpaceMismatch:
            if called == own:
                raise
            raise SpaceMismatch(  # by the names the user knows
                f"{library} was made with the encoder {own!r} and not with {called!r}: leave "
                "--encoder out"
            ) from None
    if together:
        found = Predictions([recognizer.classify_together(pictures, candidates=candidates)], [])
    else:
        found = recognizer.classify(pictures, candidates, coverage=coverage, batch_size=batch_size)
    if (level or floor) and len(found) and found[0].known is None:
        raise typer.BadParameter(
            "the graph knows none of these species: give one that does, or leave this out",
            param_hint="--level" if level else "--floor",
        )
    return found, called
