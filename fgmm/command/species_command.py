"""``fgmm species``: what a library knows, and how it came to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fgmm.command.library_access import opened_library, read_library, say
from fgmm.command.library_argument import LibraryOption  # noqa: TC001 (typer reads it)
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fgmm.library import Collection, HistoryEntry, Species

__all__ = ["list_species", "show_history", "show_species", "tell_change"]

_WIDEST = 40


def list_species(
    library: LibraryOption,
    as_json: Annotated[
        bool, typer.Option("--json", help="All that is known, for other programs.")
    ] = False,
) -> None:
    """List what a library knows.

    Of each species its photos, the day of the first, other names, what it is a kind of, and what
    it looks like.

    **Example**

    fgmm species list --library birds.fgmm
    """
    here = read_library(library).collection
    say(json.dumps(_plain(here), ensure_ascii=False, indent=1) if as_json else _table(here))


def show_species(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A species, by any of its names.")],
    library: LibraryOption,
) -> None:
    """Show what a library knows of a species: names, words, photos.

    **Example**

    fgmm species show "great tit" --library birds.fgmm
    """
    with opened_library(library, name, readonly=True) as file:
        one = file.collection.find(name)
    told = {
        "also": ", ".join(one.names),
        "what it looks like": one.description or "",
        "a kind of": one.parent or "",
        "attributes": ", ".join(f"{key} {value:g}" for key, value in one.attributes.items()),
    }
    lines = [one.name, *(f"  {key}: {value}" for key, value in told.items() if value)]
    lines.append(f"  {counted(len(one.photos), 'photo')}")
    photos = zip(one.photos.origins, one.photos.digests, one.photos.added, strict=True)
    for at, (origin, digest, when) in enumerate(photos, 1):
        lines.append(f"  {at:>5}  {when}  {origin or digest[:12]}")
    say("\n".join(lines))


def show_history(library: LibraryOption) -> None:
    """List all changes of a library, the first first.

    **Example**

    fgmm species history --library birds.fgmm
    """
    lines = [_line(one) for one in read_library(library).history()]
    say("\n".join(lines) or "no change yet")


def _line(one: HistoryEntry) -> str:
    told = tell_change(one.what, one.detail)
    if one.forgotten and one.what != "forget":
        told = f"{told} ... (forgotten)"
    return f"{one.number:>5}  {one.when}  {told}{' (taken back)' if one.undone else ''}"


def tell_change(what: str, detail: Mapping[str, Any]) -> str:
    """Say in words what a change of a library did.

    Parameters
    ----------
    what : str
    detail : mapping
        Both as in `fgmm.library.HistoryEntry`.

    Returns
    -------
    str
    """
    name, photos = str(detail.get("name", "")), _photos(detail)
    if what in ("add_photos", "remove") and name and photos:
        return f"{'added' if what == 'add_photos' else 'removed'} {photos} of {name}"
    if what == "add_all" and detail:
        return _additions(detail)
    said = {
        "add_species": "added",
        "add_photos": "added photos of",
        "remove": "removed",
        "rename": "renamed",
        "merge": "merged",
        "undo": "took back change",
        "forget": "forgot what was removed",
        "add_names": "added names of",
        "describe": "described",
        "add_all": "added",
        "set_words": "set the words around names",
        "save": "saved from another library:",
        "import": "imported",
    }
    parts = [said.get(what, what), name or str(detail.get("change", ""))]
    parts += [f"({_listed(detail['names'])})"] if "names" in detail else []
    parts += [f"as {detail['new']}"] if "new" in detail else []
    parts += [f"with {detail['other']}"] if "other" in detail else []
    if what in ("save", "import") and "species" in detail:
        parts.append(f"{int(detail['species']):,} species")
    if concept := detail.get("concept"):
        parts.append(f"({concept})")
    parts += [f"({photos})"] if photos else []
    told = " ".join(part for part in parts if part)
    if "description" not in detail:
        return told
    begin = f"{told}; described" if what == "add_names" else told
    return f"{begin}: {detail['description'] or 'nothing is said of its looks'}"


def _photos(detail: Mapping[str, Any]) -> str:
    n = int(detail.get("photos") or 0)
    return counted(n, "photo") if n else ""


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, names))


def _additions(detail: Mapping[str, Any]) -> str:
    """Say what came: the first of many new species, photos, names of those that were there."""
    first, photos = list(detail.get("names", ())), _photos(detail)
    more = int(detail.get("species", 0)) - len(first)
    told = []
    if first:
        rest = f" and {more:,} more" if more > 0 else ""
        told.append(f"{_listed(first)}{rest}{f' ({photos})' if photos else ''}")
    elif photos:
        told.append(photos)
    if also := detail.get("also"):
        of = ", ".join(f"{name} ({_listed(names)})" for name, names in also.items())
        more = int(detail.get("also_of", 0)) - len(also)
        told.append(f"names of {of}{f' and {more:,} more' if more > 0 else ''}")
    return f"added {'; '.join(told)}" if told else "added"


def _table(here: Collection) -> str:
    from rich.cells import cell_len, set_cell_size

    if not len(here):
        return "no species yet"
    width = min(max(12, *(cell_len(one.name) for one in here)), _WIDEST)
    lines = [f"{set_cell_size('species', width)}  photos  first photo"]
    for one in here:
        name = one.name if cell_len(one.name) > width else set_cell_size(one.name, width)
        first = min(one.photos.added)[:10] if len(one.photos) else ""
        words = [", ".join(one.names), f"a kind of {one.parent}" if one.parent else ""]
        words += [f'"{one.description}"' if one.description else ""]
        told = "; ".join(word for word in words if word)
        lines.append(f"{name}  {len(one.photos):>6,}  {first:<11}  {told}".rstrip())
    return "\n".join(lines)


def _plain(here: Collection) -> dict[str, Any]:
    return {
        "encoder": here.encoder,
        "space": here.space,
        "concept": here.phrasing.concept,
        "templates": here.phrasing.templates,
        "species": [_plain_species(one) for one in here],
    }


def _plain_species(one: Species) -> dict[str, Any]:
    return {
        "name": one.name,
        "names": one.names,
        "description": one.description,
        "attributes": dict(one.attributes),
        "parent": one.parent,
        "photos": len(one.photos),
        "first_photo": min(one.photos.added, default=None),
        "last_photo": max(one.photos.added, default=None),
    }
