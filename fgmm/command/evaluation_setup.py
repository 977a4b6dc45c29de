"""What ``fgmm evaluate`` decides before it computes: heads, classes, words, background."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from fgmm.command.terminal import note
from fgmm.plurals import counted

if TYPE_CHECKING:
    from pathlib import Path

    from fewshot import Background, Head
    from fgmm.datasets import EmbeddedDataset, LabelledImages
    from fgmm.datasets.labelled import AnyLabelled
    from fgmm.encoders.base import ImageEncoder, Layer

__all__ = [
    "check_files",
    "find_background",
    "find_device",
    "heads_by_shots",
    "use_words",
    "warn_of_same_words",
    "with_enough",
    "without_duplicates",
]


_GROUPS_SHOWN = 3  # of classes with the same words


def check_files(out: Path | None, plot: Path | None) -> None:
    """Refuse files that could not be written in the end, before anything is computed.

    Parameters
    ----------
    out, plot : Path or None

    Raises
    ------
    typer.BadParameter
    """
    from fgmm.command.shots_plot import PLOT_ENDINGS

    for option, path in (("--out", out), ("--plot", plot)):
        if path is not None and not path.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}", param_hint=option)
    if plot is not None and plot.suffix.lower() not in PLOT_ENDINGS:
        raise typer.BadParameter(
            f"{plot.name!r} ends in none of {', '.join(PLOT_ENDINGS)}", param_hint="--plot"
        )


def heads_by_shots(
    heads: dict[str, Head], shots: list[int], with_words: bool
) -> dict[int, dict[str, Head]]:
    """Give the heads that can answer at each number of shots.

    Parameters
    ----------
    heads : dict of str to Head
    shots : list of int
        Sorted.
    with_words : bool
        Whether heads are told what the classes are called.

    Returns
    -------
    dict of int to dict

    Raises
    ------
    typer.BadParameter
        If a head needs words and there are none, or none can do without photos.
    """
    for name, one in heads.items():
        if "words" in one.needs and not with_words:
            raise typer.BadParameter(
                f"{name} needs words, and there are none here: they live in --layer joint, of an "
                "encoder that reads texts, for classes whose names are known",
                param_hint="--head",
            )
    found = {
        n: {
            name: one
            for name, one in heads.items()
            if n or (with_words and "photos" not in one.needs)
        }
        for n in shots
    }
    if not found[shots[0]]:
        raise typer.BadParameter(
            "0 shots are for heads that read words, such as zero-shot, and for classes that have "
            "words",
            param_hint="--shots",
        )
    return found


def with_enough(
    dataset: AnyLabelled, shots: int, queries: int, ways: int, skip: bool
) -> AnyLabelled:
    """Keep classes that suffice for the most shots, so that every number sees the same ones.

    Parameters
    ----------
    dataset : LabelledImages or EmbeddedDataset
        Pictures, or what could be read of them.
    shots, queries, ways : int
        The most shots there will be.
    skip : bool
        Leave small classes out; otherwise they are an error.

    Returns
    -------
    LabelledImages or EmbeddedDataset
        As given.

    Raises
    ------
    DatasetError
        If a class is too small, or too few are left.
    """
    from fgmm.datasets import drop_small_classes
    from fgmm.errors import DatasetError

    kept, dropped = drop_small_classes(dataset, shots, queries)
    if dropped and not skip:
        label, (have, ask) = next(iter(dropped.items()))
        told = (
            f"{counted(have, 'picture')}, and {shots} + {queries}"
            if dataset.query_labels is None
            else f"{have} to show and {ask} to ask about, and {shots} and {queries}"
        )
        more = f" (and {counted(len(dropped) - 1, 'class')} more)" if len(dropped) > 1 else ""
        raise DatasetError(
            f"{dataset.name}: class {label!r} has {told} are needed (--shots and --queries){more}: "
            "ask for fewer, or pass --skip-small to leave such classes out"
        )
    if len(kept.classes) < ways:
        raise DatasetError(
            f"{dataset.name}: {counted(len(kept.classes), 'class')} with enough pictures, fewer "
            f"than --ways {ways}: ask for fewer ways, shots or queries"
        )
    if dropped:
        note("note", f"{len(dropped)} of {len(dataset.classes)} classes left out: too small")
    return kept


def without_duplicates(embedded: EmbeddedDataset) -> EmbeddedDataset:
    """Leave out queries that are in the support's pool too, which `fewshot.evaluate` refuses.

    Parameters
    ----------
    embedded : EmbeddedDataset

    Returns
    -------
    EmbeddedDataset
    """
    from fewshot.duplicates import find_duplicates

    asked, labels = embedded.query_features, embedded.query_labels
    if asked is None or labels is None:
        return embedded
    shared = {row for row, _ in find_duplicates(embedded.features, asked)}
    if not shared:
        return embedded
    told = "query that is a picture" if len(shared) == 1 else "queries that are pictures"
    note("warning", f"left out: {len(shared)} {told} of the support too")
    rows = [row for row in range(len(labels)) if row not in shared]
    answers = tuple(labels[row] for row in rows)
    return replace(embedded, query_features=asked[rows], query_labels=answers)


def use_words(
    asked: bool | None, layer: Layer | None, dataset: LabelledImages, model: ImageEncoder
) -> bool:
    """Decide whether heads are told what the classes are called.

    Parameters
    ----------
    asked : bool or None
        None: where that is possible.
    layer : {"joint", "features"} or None
    dataset : LabelledImages
    model : ImageEncoder

    Returns
    -------
    bool

    Raises
    ------
    typer.BadParameter
        If words were asked for and there are none.
    """
    from fgmm.datasets.folder import find_wordless

    why = None
    if layer == "features":
        why = "they live in --layer joint"
    elif not hasattr(model, "encode_texts"):
        why = "the encoder reads pictures only"
    elif not dataset.texts:
        wordless = find_wordless(dataset.classes)
        why = f"{dataset.name} has none" if wordless is None else _told_wordless(wordless)
        if asked is None and wordless is not None:
            note("note", why)
    if asked and why:
        raise typer.BadParameter(f"no words to be had: {why}", param_hint="--words")
    return why is None if asked is None else asked


def _told_wordless(label: str) -> str:
    fault = "are codes" if any(map(str.isalpha, label)) else "have no letters"
    return (
        f"class names such as {label!r} {fault}: they are not used as words (give --names FILE, or "
        "rename the folders)"
    )


def warn_of_same_words(dataset: LabelledImages, kind: str) -> None:
    """Name classes that have the same words: no head of words alone can tell them apart.

    Parameters
    ----------
    dataset : LabelledImages
    kind : str
        Which of its texts.
    """
    groups: dict[str, list[str]] = {}
    for label in dataset.classes:
        groups.setdefault(dataset.texts[kind][label], []).append(label)
    same = {text: labels for text, labels in groups.items() if len(labels) > 1}
    if not same:
        return
    told = [f"{', '.join(map(repr, labels))} ({text!r})" for text, labels in same.items()]
    if len(told) > _GROUPS_SHOWN:
        told[_GROUPS_SHOWN:] = [f"and {len(told) - _GROUPS_SHOWN} more"]
    note(
        "warning",
        f"{sum(map(len, same.values()))} classes have the words of another, which heads of words "
        f"alone cannot tell apart: {'; '.join(told)}",
    )


def find_background(model: ImageEncoder, layer: Layer, space: str) -> Background | None:
    """Give what an encoder says of its vectors in general, where it does, for this layer.

    Parameters
    ----------
    model : ImageEncoder
    layer : {"joint", "features"}
    space : str
        Of the vectors it is for.

    Returns
    -------
    fewshot.Background or None
    """
    from fgmm.errors import WeightsNotFound

    give = getattr(model, "background", None)
    if give is None:
        return None
    try:
        found: Background = give(layer)
    except WeightsNotFound as error:
        note("note", f"{error}; heads go without it")
        return None
    return found if found.space == space else None


def find_device(model: ImageEncoder) -> str:
    """Tell where heads run: on the encoder's CUDA device, else on the processor.

    Parameters
    ----------
    model : ImageEncoder

    Returns
    -------
    str
        "cpu" for mps too, which has no float64.
    """
    told = str(getattr(model, "device", getattr(model, "_device", "cpu")))
    return told if told.startswith("cuda") else "cpu"
